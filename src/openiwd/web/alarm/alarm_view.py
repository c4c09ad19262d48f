"""Alarms as shown: what each is about in a sentence, where it leads, what may be done. View models only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode

from litestar.datastructures import MultiDict

from openiwd.domain.alarm import Alarm, AlarmKind, AlarmObject
from openiwd.domain.privilege import Caller
from openiwd.usecases.alarm import COUNTED, AlarmFilter, login_of, read_cursor
from openiwd.web.item.row_view import Shown, long_path
from openiwd.web.shell.catalogue import Catalogue, number
from openiwd.web.shell.time_text import Moment

ICONS: Final = {
    AlarmKind.OVERDUE: "alert",
    AlarmKind.DUE_SOON: "clock",
    AlarmKind.DECLINED: "undo",
    AlarmKind.NO_ELIGIBLE_AGENT: "users",
    AlarmKind.ERRORHELD: "st-errorheld",
    AlarmKind.NOT_READY: "pause",
    AlarmKind.CANARY_ROLLED_BACK: "split",
    AlarmKind.WEBHOOK_PARKED: "send",
    AlarmKind.ROUTER_AWAY: "send",
    AlarmKind.CAPTURE_POINT_DOWN: "inbox",
}
CSS: Final = dict.fromkeys(
    (
        AlarmKind.OVERDUE,
        AlarmKind.ERRORHELD,
        AlarmKind.NO_ELIGIBLE_AGENT,
        AlarmKind.CANARY_ROLLED_BACK,
        AlarmKind.WEBHOOK_PARKED,
        AlarmKind.ROUTER_AWAY,
        AlarmKind.CAPTURE_POINT_DOWN,
    ),
    "bad",
)
STATES: Final = ("waiting", "open", "cleared")
"""Waiting: open and not acknowledged."""


class Choice(NamedTuple):
    key: str
    text: str
    href: str
    current: bool
    amount: str = ""
    icon: str = ""


class AlarmRow(NamedTuple):
    id: str
    kind: str
    icon: str
    css: str
    name: str
    href: str
    place: str
    text: str
    since: Moment | None
    ended: Moment | None
    owner: str
    seen: str
    seen_exact: str
    may_acknowledge: bool
    may_own: bool
    may_give_back: bool


class Listing(NamedTuple):
    """What the address asks for."""

    state: str = "waiting"
    kind: str = ""
    mine: bool = False
    everything: bool = False
    """Also what the reader has not subscribed to."""
    cursor: str = ""

    def address(self, path: str = "/alarms") -> str:
        found = [("state", self.state)] if self.state != STATES[0] else []
        found += [("kind", self.kind)] if self.kind else []
        found += [(name, "1") for name, on in (("mine", self.mine), ("all", self.everything)) if on]
        found += [("cursor", self.cursor)] if self.cursor else []
        return f"{path}?{urlencode(found)}" if found else path

    def chosen(self, limit: int) -> AlarmFilter:
        return AlarmFilter(
            kinds=[AlarmKind(self.kind)] if self.kind else [],
            cleared=self.state == "cleared",
            acknowledged=False if self.state == "waiting" else None,
            mine=self.mine,
            subscribed=not self.everything,
            limit=limit,
            before=read_cursor(self.cursor) if self.cursor else None,
        )


def read_listing(parameters: MultiDict[str]) -> Listing:
    """From the address; what makes no sense is left out."""
    state, kind = str(parameters.get("state") or ""), str(parameters.get("kind") or "")
    return Listing(
        state if state in STATES else STATES[0],
        kind if kind in set(AlarmKind) else "",
        parameters.get("mine") == "1",
        parameters.get("all") == "1",
        str(parameters.get("cursor") or "")[:200],
    )


def state_choices(listing: Listing, t: Catalogue) -> list[Choice]:
    first = listing._replace(cursor="")
    return [
        Choice(s, t.named("alarm_state", s), first._replace(state=s).address(), listing.state == s)
        for s in STATES
    ]


def kind_choices(listing: Listing, counts: Mapping[str, int], t: Catalogue) -> list[Choice]:
    """All, then each kind, also those of which there are none: what is live must not move what one points at."""
    first = listing._replace(cursor="")
    total = sum(counts.values())
    shown = f"{number(COUNTED)}+" if total >= COUNTED else number(total)
    found = [Choice("all", t("alarm.all_kinds"), first._replace(kind="").address(), not listing.kind, shown)]
    for kind in AlarmKind:
        n, current = counts.get(kind.value, 0), listing.kind == kind.value
        href = first._replace(kind="" if current else kind.value).address()
        text = t.named("alarm_kind", kind.value)
        found.append(Choice(kind.value, text, href, current, number(n), ICONS[kind]))
    return found


def alarm_row(alarm: Alarm, caller: Caller, shown: Shown) -> AlarmRow:
    t, times = shown.t, shown.times
    may = caller.may("alarms.update") and alarm.cleared_at is None
    me = login_of(caller)
    seen = times.ago(alarm.acknowledged_at)
    seen_text = ""
    if seen is not None and alarm.acknowledged_by is not None:
        seen_text = t("alarm.seen_by", who=person(alarm.acknowledged_by), when=seen.text)
    return AlarmRow(
        id=str(alarm.id),
        kind=t.named("alarm_kind", alarm.kind.value),
        icon=ICONS[alarm.kind],
        css=CSS.get(alarm.kind, "warn"),
        name=_name(alarm, shown),
        href=_href(alarm),
        place=_place(alarm, shown),
        text=_sentence(alarm, shown),
        since=times.ago(alarm.since),
        ended=times.ago(alarm.cleared_at),
        owner=person(alarm.owner) if alarm.owner else "",
        seen=seen_text,
        seen_exact=seen.exact if seen is not None else "",
        may_acknowledge=may and alarm.acknowledged_at is None,
        may_own=may and alarm.owner != me,
        may_give_back=may and alarm.owner == me,
    )


def person(login: str) -> str:
    """A login, or the name within `user:…` and `key:…`."""
    return login.partition(":")[2] or login


def _name(alarm: Alarm, shown: Shown) -> str:
    match alarm.object:
        case AlarmObject.ITEM:
            if alarm.object_name:
                return alarm.object_name
            return shown.t("alarm.item_gone" if alarm.status is None else "alarm.no_subject")
        case AlarmObject.AGENT:
            return shown.agent(alarm.object_id)
        case AlarmObject.QUEUE:
            return shown.queue(alarm.object_id)
        case AlarmObject.DRAFT | AlarmObject.WEBHOOK | AlarmObject.ROUTER | AlarmObject.CAPTURE_POINT:
            return alarm.object_name or alarm.object_id


def _href(alarm: Alarm) -> str:
    """The item, the agent's items, or the queue; nothing for an item that is gone."""
    match alarm.object:
        case AlarmObject.ITEM:
            return "" if alarm.status is None else f"/?{urlencode({'item': alarm.object_id})}"
        case AlarmObject.AGENT:
            return f"/agents#{urlencode({'agent': alarm.object_id})}"
        case AlarmObject.QUEUE:
            return f"/?{urlencode({'status': 'queued', 'queue': alarm.object_id})}"
        case AlarmObject.DRAFT:
            return f"/configuration/drafts/{alarm.object_id}/canary"
        case AlarmObject.WEBHOOK:
            return f"/configuration/webhooks/{quote(alarm.object_id, safe='')}/deliveries?state=parked"
        case AlarmObject.ROUTER:
            return "/configuration/queues"
        case AlarmObject.CAPTURE_POINT:
            return f"/configuration/capture-points/{quote(alarm.object_id, safe='')}"


def _place(alarm: Alarm, shown: Shown) -> str:
    if alarm.object is not AlarmObject.ITEM or alarm.status is None:
        return ""
    queue = shown.queue(alarm.queue_id) if alarm.queue_id is not None else ""
    return " · ".join(part for part in (long_path(alarm.category_path, shown.t), queue) if part)


def _sentence(alarm: Alarm, shown: Shown) -> str:
    t, detail = shown.t, alarm.detail
    match alarm.kind:
        case AlarmKind.OVERDUE | AlarmKind.DUE_SOON:
            at = shown.times.clock(datetime.fromisoformat(detail["due"]))
            return t(f"alarm_text.{alarm.kind.value}", at=at)
        case AlarmKind.DECLINED:
            return t("alarm_text.declined", n=int(detail["declines"]))
        case AlarmKind.NO_ELIGIBLE_AGENT:
            skills = ", ".join(detail.get("skills") or ())
            key = "alarm_text.noEligibleAgent" if skills else "alarm_text.noAgent"
            return t(key, n=int(detail["items"]), skills=skills)
        case AlarmKind.ERRORHELD:
            return t("alarm_text.errorheld", error=detail.get("error") or "–")
        case AlarmKind.CANARY_ROLLED_BACK:
            guards = ", ".join(t.named("canary_guard", g) for g in detail.get("guards") or ())
            return t("alarm_text.canaryRolledBack", guards=guards, n=int(detail["items"]))
        case AlarmKind.NOT_READY:
            reason = detail.get("reason")
            return (
                t("alarm_text.notReady", reason=t.named("notready", reason))
                if reason
                else t("alarm_text.notReadyOnly")
            )
        case AlarmKind.WEBHOOK_PARKED:
            return t("alarm_text.webhookParked", n=int(detail["deliveries"]))
        case AlarmKind.ROUTER_AWAY:
            return t("alarm_text.routerAway", error=detail.get("error") or "–")
        case AlarmKind.CAPTURE_POINT_DOWN:
            error = detail.get("error")
            return t("alarm_text.capturePointDown", error=error) if error else t("alarm_text.captureUnread")
