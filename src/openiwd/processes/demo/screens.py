"""What the decider and the agents' screens do in the planned history, as pure changes."""

from __future__ import annotations

from collections.abc import Callable

from openiwd.domain.aging import whole_priority
from openiwd.domain.assignment import accept, end_offer, grant
from openiwd.domain.offer import GrantKind, OfferOutcome
from openiwd.domain.transition import Change, Context
from openiwd.domain.work_item import WorkItem


def granted(kind: GrantKind, agent: str) -> Callable[[WorkItem, Context], Change]:
    def change(item: WorkItem, ctx: Context) -> Change:
        queue = ctx.rules.queues[item.queue_id or ""]
        return grant(
            item, ctx, kind, agent, offer_id=ctx.new_id(), assignment_id=ctx.new_id(),
            timeout_us=queue.offer_timeout, priority=whole_priority(item, ctx.rules_of(item), ctx.now),
        )  # fmt: skip

    return change


def accepted(agent: str) -> Callable[[WorkItem, Context], Change | None]:
    def change(item: WorkItem, ctx: Context) -> Change | None:
        return None if item.offer_id is None else accept(item, ctx, item.offer_id, agent)

    return change


def declined(agent: str, reason: str) -> Callable[[WorkItem, Context], Change | None]:
    def change(item: WorkItem, ctx: Context) -> Change | None:
        if item.offer_id is None:
            return None
        return end_offer(item, ctx, item.offer_id, OfferOutcome.DECLINED, agent_id=agent, reason=reason)

    return change


def timed_out(item: WorkItem, ctx: Context) -> Change | None:
    return None if item.offer_id is None else end_offer(item, ctx, item.offer_id, OfferOutcome.TIMED_OUT)
