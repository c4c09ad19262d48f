"""Queues with auto-accept: open offers are accepted in their agents' names, while the next items are chosen.

Answers offers only; the offers are the decider's. Whoever decides next finds what is left in the picture.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple
from uuid import UUID

from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller
from openiwd.domain.work_item import ItemId
from openiwd.usecases.command import Command
from openiwd.usecases.desk import Desk
from openiwd.usecases.tenant_runtime import TenantRuntime
from openiwd.usecases.work_item import apply

AT_ONCE: Final = 250


class OpenOffer(NamedTuple):
    """An offer to be accepted."""

    number: int
    item_id: UUID
    offer_id: UUID
    agent_id: str


class Acceptance:
    """Accepts beside its caller, in the order given; each offer is tried once."""

    def __init__(self, runtime: TenantRuntime, caller: Caller) -> None:
        self._runtime = runtime
        self._caller = caller
        self._waiting: list[OpenOffer] = []
        self._tried: set[int] = set()
        self._accepting: asyncio.Task[None] | None = None

    def begin(self, offers: Iterable[OpenOffer]) -> None:
        """Raises what has gone wrong with those before."""
        self._waiting += offers
        self._tried.update(offer.number for offer in self._waiting)
        if self._accepting is not None and self._accepting.done():
            accepting, self._accepting = self._accepting, None
            accepting.result()
        if self._waiting and self._accepting is None:
            self._accepting = asyncio.get_running_loop().create_task(self._accept_all())

    async def _accept_all(self) -> None:
        while self._waiting:
            offers, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            await apply(
                self._runtime,
                [
                    Command(
                        action=Action.ACCEPT,
                        caller=self._caller,
                        item_id=ItemId(offer.item_id),
                        offer_id=offer.offer_id,
                        agent_id=offer.agent_id,
                        internal=True,
                    )
                    for offer in offers
                ],
            )

    async def begin_left(self, desk: Desk) -> None:
        """Those that nobody has tried here: of a decider before, or granted without an answer."""
        self._tried &= desk.at_once
        left = desk.at_once - self._tried
        if left:
            left = {number for number in left if not desk.is_aside(number)}
        self.begin(await self._read(left) if left else ())

    async def _read(self, numbers: Collection[int]) -> list[OpenOffer]:
        async with self._runtime.store.reading() as reading:
            items = await reading.items_by_number(numbers)
        return [
            OpenOffer(item.number, item.id, item.offer_id, item.offered_to)
            for item in items.values()
            if item.offer_id is not None and item.offered_to is not None
        ]

    async def done(self) -> None:
        """Until nothing is to be accepted any more."""
        if self._accepting is not None:
            await asyncio.wait([self._accepting])
            self.begin(())

    async def stop(self) -> None:
        """What is left is the next decider's."""
        accepting, self._accepting = self._accepting, None
        if accepting is not None:
            accepting.cancel()
            await asyncio.gather(accepting, return_exceptions=True)
