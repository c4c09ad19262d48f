"""Offers answered by agents."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from openiwd.domain.errors import ConflictError, ForbiddenError, NotFoundError
from openiwd.domain.lifecycle import Action
from openiwd.domain.offer import OfferOutcome
from openiwd.domain.privilege import Caller
from openiwd.ports.tenant_store import Offer
from openiwd.usecases.command import Command, Done

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices


async def _mine(services: TenantServices, offer_id: UUID, caller: Caller) -> Offer:
    if caller.agent_id is None:
        raise ForbiddenError(
            "only agents have offers", code="noAgent", hint="log in as a user with an agent profile"
        )
    async with services.runtime.store.reading() as reading:
        offer = await reading.offer(offer_id)
    if offer is None or offer.agent_id != caller.agent_id:
        raise NotFoundError(f"there is no offer {offer_id} for you", field="id")
    if offer.outcome is not None:
        raise ConflictError(
            f"the offer has ended: {offer.outcome}",
            code="offerEnded",
            hint="the item is back in its queue or with somebody else",
        )
    services.presence.seen(caller.agent_id)
    return offer


async def accept(services: TenantServices, offer_id: UUID, caller: Caller) -> Done:
    """The agent takes the item; too late when the offer has ended meanwhile (409 offerEnded)."""
    offer = await _mine(services, offer_id, caller)
    return await services.actions.perform(
        Command(
            action=Action.ACCEPT,
            caller=caller,
            item_id=offer.item_id,
            offer_id=offer_id,
            agent_id=caller.agent_id,
            internal=True,
        ),
    )


async def decline(services: TenantServices, offer_id: UUID, reason: str | None, caller: Caller) -> Done:
    """Back in place with its age; this agent is excluded for the queue's decline exclusion."""
    offer = await _mine(services, offer_id, caller)
    return await services.actions.perform(
        Command(
            action=Action.DECLINE,
            caller=caller,
            item_id=offer.item_id,
            offer_id=offer_id,
            agent_id=caller.agent_id,
            outcome=OfferOutcome.DECLINED,
            reason=reason,
            internal=True,
        ),
    )
