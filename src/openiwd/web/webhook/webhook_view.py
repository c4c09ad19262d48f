"""Webhooks and deliveries as shown: how a receiver is, what became of an attempt. View models only."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from openiwd.domain.webhook import EVENTS, OF_ALARMS, Webhook
from openiwd.ports.webhook import Delivery, DeliveryState
from openiwd.usecases.webhook import Record, SecretView, state_of
from openiwd.web.shell.catalogue import Catalogue, number
from openiwd.web.shell.said import said
from openiwd.web.shell.time_text import Moment, TimeText

PATH: Final = "/configuration/webhooks"
STATE_LOOKS: Final = {
    "working": ("ok", "check"),
    "failing": ("bad", "alert"),
    "parked": ("warn", "pause"),
    "disabled": ("", "pause"),
}
DELIVERY_LOOKS: Final = {
    DeliveryState.WAITING: ("accent", "clock"),
    DeliveryState.DELIVERED: ("ok", "check"),
    DeliveryState.PARKED: ("bad", "pause"),
}
FAILING: Final = "failing"
SHOWN: Final = (
    "",
    DeliveryState.WAITING.value,
    FAILING,
    DeliveryState.PARKED.value,
    DeliveryState.DELIVERED.value,
)
"""What the list of deliveries can be narrowed to; failing = waiting after attempts in vain."""


class WebhookLine(NamedTuple):
    id: str
    name: str
    host: str
    wants: str
    state: str
    css: str
    icon: str
    text: str
    detail: str
    waiting: str
    failing: str
    parked: str
    last_success: Moment | None
    href: str
    enabled: bool

    def list_href(self, shown: str = "") -> str:
        return deliveries_href(self.id, shown)


class SecretLine(NamedTuple):
    hint: str
    made: Moment | None
    until: Moment | None


class DeliveryLine(NamedTuple):
    id: str
    event: str
    at: Moment | None
    subject: str
    subject_href: str
    revision: int | None
    state: str
    css: str
    icon: str
    text: str
    attempts: int
    last: Moment | None
    answer: str
    next: Moment | None
    detail_href: str
    replay_href: str


class Choice(NamedTuple):
    key: str
    text: str
    href: str
    current: bool
    amount: str


def href_of(webhook_id: str) -> str:
    return f"{PATH}/{quote(webhook_id, safe='')}"


def deliveries_href(webhook_id: str, shown: str = "", before: str = "") -> str:
    query = {k: v for k, v in (("state", shown), ("before", before)) if v}
    base = f"{href_of(webhook_id)}/deliveries"
    return f"{base}?{urlencode(query)}" if query else base


def wants_text(webhook: Webhook, t: Catalogue) -> str:
    """What a webhook is told of, in a few words."""
    events = [t.named("webhook_event", e.value) for e in webhook.events]
    if not events:
        told = t("webhook.all_events")
    else:
        told = ", ".join(events[:3])
        if len(events) > 3:
            told = t("webhook.and_more", text=told, n=len(events) - 3)
    narrower = (
        [t.named("status", s.value) for s in webhook.statuses]
        + webhook.capture_points
        + [c.replace("/", " › ") for c in webhook.categories]
    )
    return f"{told} · {', '.join(narrower[:3])}{' …' if len(narrower) > 3 else ''}" if narrower else told


def webhook_line(record: Record, t: Catalogue, times: TimeText) -> WebhookLine:
    webhook, state, count = record.webhook, record.state, record.count
    name = state_of(record)
    css, icon = STATE_LOOKS[name]
    detail = ""
    if name == "failing" and state is not None:
        detail = t(
            "webhook.failing_detail",
            error=said(state.last_error or "–", t),
            since=times.since(state.failing_since or times.now),
        )
        if state.paused_until is not None and state.paused_until > times.now:
            detail = f"{detail} {t('webhook.next_try', at=times.clock(state.paused_until))}"
    return WebhookLine(
        id=webhook.id,
        name=webhook.name,
        host=urlsplit(webhook.url).netloc or webhook.url,
        wants=wants_text(webhook, t),
        state=name,
        css=css,
        icon=icon,
        text=t.named("webhook_state", name),
        detail=detail,
        waiting=number(count.waiting),
        failing=number(count.failing),
        parked=number(count.parked),
        last_success=times.ago(state.last_success_at) if state else None,
        href=href_of(webhook.id),
        enabled=webhook.enabled,
    )


def secret_line(secret: SecretView, times: TimeText) -> SecretLine:
    return SecretLine(f"{secret.hint}…", times.moment(secret.made_at), times.moment(secret.valid_until))


def delivery_line(delivery: Delivery, t: Catalogue, times: TimeText) -> DeliveryLine:
    css, icon = DELIVERY_LOOKS[delivery.state]
    of_alarm = delivery.event_type in OF_ALARMS
    base = f"{href_of(delivery.webhook_id)}/deliveries/{delivery.id}"
    waits = delivery.state is DeliveryState.WAITING
    state = FAILING if waits and delivery.attempts else delivery.state.value
    if state == FAILING:
        css, icon = "warn", "undo"
    return DeliveryLine(
        id=str(delivery.id),
        event=t.named("webhook_event", delivery.event_type),
        at=times.moment(delivery.event_at),
        subject=delivery.subject[-12:],
        subject_href="/alarms" if of_alarm else f"/?{urlencode({'item': delivery.subject})}",
        revision=delivery.revision,
        state=state,
        css=css,
        icon=icon,
        text=t.named("delivery_state", state),
        attempts=delivery.attempts,
        last=times.ago(delivery.last_at),
        answer=answer_text(delivery, t),
        next=times.ago(delivery.next_at) if waits and delivery.attempts else None,
        detail_href=base,
        replay_href="" if waits else f"{base}/replay",
    )


def answer_text(delivery: Delivery, t: Catalogue) -> str:
    """What the last attempt came to."""
    if delivery.last_error is not None:
        return said(delivery.last_error, t)
    if delivery.last_status is None:
        return ""
    return t("webhook.answered", status=str(delivery.last_status), ms=delivery.last_milliseconds or 0)


def state_choices(record: Record, shown: str, t: Catalogue) -> list[Choice]:
    """Which deliveries are listed, with how many there are where that is counted."""
    counts = {
        DeliveryState.WAITING.value: record.count.waiting,
        FAILING: record.count.failing,
        DeliveryState.PARKED.value: record.count.parked,
    }
    return [
        Choice(
            key=each or "all",
            text=t.named("delivery_state", each or "all"),
            href=deliveries_href(record.webhook.id, each),
            current=each == shown,
            amount=number(counts[each]) if each in counts else "",
        )
        for each in SHOWN
    ]


def event_options(t: Catalogue) -> list[tuple[str, str]]:
    return [(e.value, t.named("webhook_event", e.value)) for e in EVENTS]
