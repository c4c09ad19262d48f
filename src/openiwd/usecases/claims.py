"""Makes choices durable, in batches. One batch may be on its way to the database while the next is chosen.

What is on its way is set aside in the picture: its items wait no longer, its agents have them in hand, so nothing is
chosen twice. What comes back without a grant is given back and read again; the database alone says what was granted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.distribution import Choice
from openiwd.domain.grant import GrantWriter
from openiwd.domain.instant import to_micros
from openiwd.domain.offer import GrantKind
from openiwd.domain.recorder import RecordedPass, Recorder
from openiwd.domain.work_item import ItemNumber
from openiwd.ports.tenant_store import Claim, Grant
from openiwd.usecases.desk import Desk
from openiwd.usecases.offer_latency import OfferLatency
from openiwd.usecases.tenant_runtime import TenantRuntime

YIELDS: Final = 3
"""So often the loop goes on after a batch is sent: its bytes must be out before the next choosing holds the loop."""


class Claimed(NamedTuple):
    """One item for one agent, on its way or granted."""

    item: BacklogItem
    agent_id: str
    offer_id: UUID
    possible_since: int | None = None
    """Of an offer: see `offer_latency`."""


class Round(NamedTuple):
    """What the choices of one pass have in common."""

    kind: GrantKind
    now: datetime
    grant: Grant
    recorded: RecordedPass
    writer: GrantWriter


class _Flight(NamedTuple):
    task: asyncio.Task[set[ItemNumber]]
    claimed: list[Claimed]


class Claims:
    """The way from choices to grants, for one picture and one epoch. Calls must not overlap."""

    def __init__(self, runtime: TenantRuntime, epoch: int, desk: Desk, latency: OfferLatency) -> None:
        self._runtime = runtime
        self._epoch = epoch
        self.desk = desk
        self._latency = latency
        self._recorder = Recorder(desk.world)
        self._flight: _Flight | None = None
        self.fruitless = 0
        """Batches in a row of which nothing was granted."""
        self.lost = 0
        """Claims that came back without a grant, counted from the beginning."""

    def open(self, choices: Sequence[Choice], kind: GrantKind, actor: str, now: datetime) -> Round:
        """A pass begins: before any of its choices is sent."""
        recorded = self._recorder.begin(choices, to_micros(now), kind)
        return Round(kind, now, Grant(kind.value, now, actor), recorded, GrantWriter(kind, now))

    async def send(self, choices: Sequence[Choice], together: Round) -> list[Claimed]:
        """Sets the choices aside and sends their claims; what was on its way before has landed then and is returned."""
        # Made while the batch before is being committed.
        claims, claimed = self._make(choices, together)
        try:
            landed = await self.land()
        except BaseException:
            self._give_back(claimed)
            raise
        if claims:
            claiming = self._runtime.store.claim(self._epoch, together.grant, claims)
            self._flight = _Flight(asyncio.get_running_loop().create_task(claiming), claimed)
            for _ in range(YIELDS):
                await asyncio.sleep(0)
        return landed

    def _make(self, choices: Sequence[Choice], together: Round) -> tuple[list[Claim], list[Claimed]]:
        world, new_id, pushed = self.desk.world, self._runtime.new_id, together.kind is GrantKind.PUSH
        claims: list[Claim] = []
        claimed: list[Claimed] = []
        for choice in choices:
            item, agent_id, offer_id = choice.item, choice.agent_id, new_id()
            decision = together.recorded.pack(choice)
            priority = choice.priority.numerator // choice.priority.denominator
            if pushed:
                assignment_id, lasts = None, world.queues[item.queue_id].offer_timeout
                body = together.writer.offered(agent_id, offer_id, lasts, priority)
            else:
                assignment_id, lasts = new_id(), 0
                body = together.writer.assigned(item, agent_id, assignment_id, priority)
            claims.append(
                Claim(item.number, item.revision, agent_id, offer_id, assignment_id, lasts, decision, body)
            )
            since = self._latency.possible_since(world, agent_id, item) if pushed else None
            claimed.append(Claimed(item, agent_id, offer_id, since))
        now = to_micros(together.now)
        for choice in choices:
            self.desk.set_aside(choice.item, choice.agent_id, now, offered=pushed)
        return claims, claimed

    async def land(self) -> list[Claimed]:
        """Waits for what is on its way; what of it was granted."""
        flight, self._flight = self._flight, None
        if flight is None:
            return []
        try:
            granted = await flight.task
        except BaseException:
            self._give_back(flight.claimed, doubtful=True)
            raise
        if granted:
            self._runtime.committed()
        self.fruitless = 0 if granted else self.fruitless + 1
        done = [one for one in flight.claimed if one.item.number in granted]
        lost = [one for one in flight.claimed if one.item.number not in granted]
        self.lost += len(lost)
        now = to_micros(self._runtime.now())
        for one in done:
            self.desk.confirm(one.item.number)
            if one.possible_since is not None:
                self._latency.observe(one.possible_since, now)
        if lost:
            self._give_back(lost)
            async with self._runtime.store.reading() as reading:
                await self.desk.refresh_items(reading, [one.item.number for one in lost], self._runtime.now())
        return done

    def _give_back(self, claimed: Sequence[Claimed], *, doubtful: bool = False) -> None:
        now = self._runtime.now()
        for one in claimed:
            self.desk.take_back(one.item.number, now, doubtful=doubtful)

    async def abandon(self) -> None:
        """Ends what is on its way; whether it was granted, is found out when the picture follows the log."""
        flight, self._flight = self._flight, None
        if flight is None:
            return
        flight.task.cancel()
        await asyncio.wait([flight.task])
        if not flight.task.cancelled():
            flight.task.exception()  # looked at: its cause has been told already
        self._give_back(flight.claimed, doubtful=True)
