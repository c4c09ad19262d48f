"""The agent's desk as shown: state, offers with countdown and "why you", items with capacity, workbin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from uuid import UUID

from openiwd.domain.agent import Agent, AgentState, MediaState
from openiwd.domain.item_queue import weight_of
from openiwd.domain.packed_decision import known
from openiwd.domain.work_item import WorkItem
from openiwd.ports.tenant_store import Offer
from openiwd.usecases.agent import EVERY_MEDIA, MyItems
from openiwd.web.item.row_view import (
    PriorityView,
    Shown,
    SlaView,
    icon_of,
    long_path,
    media_name,
    priority_view,
    sla_view,
    subject_of,
)
from openiwd.web.item.why_view import why_you

REASONS: Final = ("break", "lunch", "coaching", "meeting", "backOffice")
STATE_ICONS: Final = {
    AgentState.READY: "check",
    AgentState.NOT_READY: "pause",
    AgentState.AFTER_WORK: "clock",
    AgentState.LOGGED_OUT: "lock",
}
MOST_SLOTS: Final = 12


class StateView(NamedTuple):
    kind: str
    icon: str
    text: str
    since: int | None
    """Seconds in this state, for the running clock."""
    pending: str
    reasons: tuple[str, ...] = REASONS


class OfferCard(NamedTuple):
    offer_id: str
    subject: str
    queue: str
    category_path: str
    priority: PriorityView | None
    sla: SlaView | None
    seconds_left: float
    seconds_total: float
    why: list[str]


class DeskItem(NamedTuple):
    id: str
    subject: str
    icon: str
    status: str
    sla: SlaView | None
    when: str


class CapacityLine(NamedTuple):
    name: str
    text: str
    slots: list[str]


class EmptyDesk(NamedTuple):
    title: str
    text: str


class DeskView(NamedTuple):
    offers: list[OfferCard]
    items: list[DeskItem]
    workbin: list[DeskItem]
    weight_text: str
    capacity: list[CapacityLine]
    empty: EmptyDesk


def state_text(state: MediaState, shown: Shown) -> str:
    t = shown.t
    text = t.named("state", state.state.value)
    if state.reason and state.state is not AgentState.READY:
        return t("state.with_reason", state=text, reason=t.named("notready", state.reason))
    return text


def state_view(agent: Agent, shown: Shown) -> StateView:
    """The state that counts for all media types."""
    state = agent.state(EVERY_MEDIA)
    since = None if state.since is None else max(0, int((shown.times.now - state.since).total_seconds()))
    pending = ""
    if state.pending is not None:
        pending = shown.t("state.pending", state=shown.t.named("state", state.pending.value))
    kind = state.state.value
    return StateView(kind, STATE_ICONS[state.state], state_text(state, shown), since, pending)


def desk_view(agent: Agent, mine: MyItems, offers: Mapping[UUID, Offer], shown: Shown) -> DeskView:
    t = shown.t
    ready = agent.state(EVERY_MEDIA).state is AgentState.READY
    key = "ready" if ready else "not_ready"
    used = sum(_weight(i, shown) for i in (*mine.assigned, *mine.offers))
    return DeskView(
        offers=[_offer_card(i, offers.get(i.offer_id), shown) for i in mine.offers if i.offer_id is not None],
        items=[_desk_item(i, shown) for i in mine.assigned],
        workbin=[_desk_item(i, shown) for i in (*mine.reserved, *mine.held)],
        weight_text=t("workspace.weight", used=used, total=agent.capacity.total),
        capacity=_capacity(agent, mine, shown),
        empty=EmptyDesk(t(f"workspace.empty_{key}"), t(f"workspace.empty_{key}_hint")),
    )


def _weight(item: WorkItem, shown: Shown) -> int:
    return weight_of(item, shown.rules) if shown.rules is not None else 1


def _offer_card(item: WorkItem, offer: Offer | None, shown: Shown) -> OfferCard:
    now = shown.times.now
    left = (item.offer_expires_at - now).total_seconds() if item.offer_expires_at is not None else 0.0
    total = left
    if item.offer_expires_at is not None and item.offered_at is not None:
        total = (item.offer_expires_at - item.offered_at).total_seconds()
    decision = known(offer.decision) if offer is not None else None
    return OfferCard(
        offer_id=str(item.offer_id),
        subject=subject_of(item, shown.t),
        queue=shown.queue(item.queue_id),
        category_path=long_path(item.category_path, shown.t),
        priority=priority_view(item, shown),
        sla=sla_view(item, shown.times),
        seconds_left=round(max(0.0, left), 1),
        seconds_total=round(max(total, 1.0), 1),
        why=list(why_you(item, decision, shown)),
    )


def _desk_item(item: WorkItem, shown: Shown) -> DeskItem:
    t, times = shown.t, shown.times
    if item.hold_until is not None:
        moment = times.moment(item.hold_until)
        when = t("workspace.held_until", at=moment.text) if moment is not None else ""
    elif item.assigned_at is not None and item.assigned_to is not None:
        when = t("workspace.since", at=times.clock(item.assigned_at))
    else:
        when = t("workspace.reserved")
    return DeskItem(
        str(item.id),
        subject_of(item, t),
        icon_of(item.media_type),
        item.status.value,
        sla_view(item, times),
        when,
    )


def _capacity(agent: Agent, mine: MyItems, shown: Shown) -> list[CapacityLine]:
    """Slots by media type where the profile names a number, as far as they can be drawn."""
    lines = []
    for media, total in sorted(agent.capacity.media.items()):
        used = sum(1 for i in mine.assigned if i.media_type == media)
        offered = sum(1 for i in mine.offers if i.media_type == media)
        slots = ["on"] * used + ["half"] * offered
        slots += [""] * max(0, total - len(slots))
        text = shown.t("workspace.media_use", used=used, total=total)
        lines.append(CapacityLine(media_name(media, shown.rules, shown.t), text, slots[:MOST_SLOTS]))
    return lines
