"""What time alone does to items: activation, end of holds, offers and reservations, expiry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from openiwd.domain.agent import AgentState
from openiwd.domain.errors import InvalidInputError, NotFoundError
from openiwd.domain.lifecycle import Action
from openiwd.domain.offer import OfferOutcome
from openiwd.domain.privilege import system
from openiwd.domain.work_item import Status, WorkItem
from openiwd.usecases import agent as agent_use
from openiwd.usecases.command import Command, Done
from openiwd.usecases.work_item import apply

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

CHUNK: Final = 500
ANSWERS_KEPT: Final = timedelta(hours=24)
"""So long a request may be repeated under its idempotency key."""


async def run_due(services: TenantServices, fence: Callable[[], Awaitable[None]] | None = None) -> int:
    """Does everything whose time has come; how many items were touched. `fence` raises when another one decides."""
    runtime = services.runtime
    async with runtime.store.reading() as reading:
        items = await reading.due_timers(runtime.now(), CHUNK)
        woken = await reading.woken_holds(CHUNK)
    if fence is not None and (items or woken):
        await fence()
    if woken:
        await apply(runtime, [_wake(i) for i in woken])
    if not items:
        return len(woken)
    timed_out = [(i.offered_to, i) for i in items if _offer_over(i, runtime.now())]
    results = await apply(runtime, [_command(i, runtime.now()) for i in items])
    ended = {r.item.id for r in results if isinstance(r, Done) and r.changed}
    for agent_id, item in timed_out:
        if agent_id is not None and item.id in ended:
            await _missed(services, agent_id, item)
    return len(ended) + len(woken)


def _wake(item: WorkItem) -> Command:
    """What the item was held for has come."""
    return Command(
        action=Action.RESUME,
        caller=system("timer"),
        item_id=item.id,
        because=item.hold_wakes_on,
        internal=True,
        if_match=item.revision,
    )


def _offer_over(item: WorkItem, now: datetime) -> bool:
    return item.offer_id is not None and item.offer_expires_at is not None and item.offer_expires_at <= now


def _command(item: WorkItem, now: datetime) -> Command:
    by = system("timer")
    if item.status is Status.HELD:
        return Command(
            action=Action.RESUME,
            caller=by,
            item_id=item.id,
            because="holdUntil",
            internal=True,
            if_match=item.revision,
        )
    if item.status is Status.CAPTURED:
        return Command(
            action=Action.ACTIVATE, caller=by, item_id=item.id, internal=True, if_match=item.revision
        )
    if _offer_over(item, now):
        return Command(
            action=Action.TIME_OUT,
            caller=by,
            item_id=item.id,
            offer_id=item.offer_id,
            outcome=OfferOutcome.TIMED_OUT,
            internal=True,
            if_match=item.revision,
        )
    return Command(
        action=Action.END_RESERVATION, caller=by, item_id=item.id, internal=True, if_match=item.revision
    )


async def _missed(services: TenantServices, agent_id: str, item: WorkItem) -> None:
    """After a time-out the agent becomes not ready, where the queue says so."""
    rules = await services.runtime.rules()
    queue = rules.queues.get(item.queue_id) if item.queue_id else None
    if queue is None or not queue.not_ready_on_timeout:
        return
    # One who is gone or deactivated meanwhile must not keep the others from being told.
    with suppress(NotFoundError, InvalidInputError):
        agent = await agent_use.get(services, agent_id)
        if agent.state(item.media_type).state is AgentState.READY:
            await agent_use.set_state(
                services, agent_id, AgentState.NOT_READY, caller=system("timer"), reason="missedOffer"
            )


async def delete_expired(services: TenantServices) -> int:
    """Removes final items past their expirationDateTime; how many. Not for tenants with a virtual clock."""
    runtime = services.runtime
    if runtime.virtual is not None:
        return 0
    async with runtime.store.reading() as reading:
        items = await reading.expired_items(runtime.now(), CHUNK)
    commands = [
        Command(
            action=Action.DELETE,
            caller=system("retention"),
            item_id=i.id,
            reason="expired",
            internal=True,
            if_match=i.revision,
        )
        for i in items
    ]
    if commands:
        await apply(runtime, commands)
    return len(commands)


async def forget_answers(services: TenantServices) -> int:
    """Removes the answers kept for idempotency keys whose time is over; how many."""
    async with services.runtime.store.writing() as tx:
        return await tx.forget_idempotent(services.runtime.now() - ANSWERS_KEPT, CHUNK)
