"""Row d2, one turn in a process of its own: a decider offers waiting items to agents who are ready again at once.

`ours`: choice, claim and event end to end, until the offers are seen in the log. `limit`: the claims of such a run,
made beforehand, go to the claim statement alone. Nothing is replaced but what agents would do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Literal, cast
from uuid import UUID

import msgspec
import uvloop

from benchmarks.backlog.stored import Stored, tenant_of
from benchmarks.part import answer
from openiwd.domain.work_item import ItemId, ItemNumber, Status, WorkItem
from openiwd.ports.tenant_store import Claim, Grant, Tenant, TenantStore
from openiwd.processes.logs import configure_logs
from openiwd.processes.wiring import Wiring
from openiwd.usecases.decider import Decider
from openiwd.usecases.desk import Desk
from openiwd.usecases.platform import TenantServices

WARM_UP: Final = 0.1
"""This share of the offers comes before the clock starts."""
LIMIT_CONNECTIONS: Final = 2
_NO_ID: Final = ItemId(UUID(int=0))
PATIENCE_SECONDS: Final = 60
"""A turn ends then, with as many offers as have come."""


class Options(msgspec.Struct, frozen=True):
    stored: Stored
    offers: int
    mode: Literal["ours", "limit"]


class Measured(msgspec.Struct, frozen=True):
    rate: float
    cores: float
    """Used by this process."""
    load_seconds: float


def done_with(desk: Desk, number: int, revision: int, now: datetime) -> None:
    """The picture without this item in its agent's hands: who had it is ready for the next one.

    The log's event of the offer is old news then.
    """
    completed = WorkItem(
        number=ItemNumber(number),
        id=_NO_ID,
        revision=revision + 1,
        status=Status.COMPLETED,
        capture_point="bench",
        capture_id=str(number),
        received_at=now,
        created_at=now,
    )
    desk.put_item(completed, now)


class _Turn:
    def __init__(self, services: TenantServices, decider: Decider, offers: int) -> None:
        self.services = services
        self.decider = decider
        self.desk: Desk = decider._desk  # noqa: SLF001 - the picture is told what agents do
        self.offers = offers
        self.seen = 0
        self.counted = 0
        self.started = 0.0
        self.cpu = 0.0

    async def follow(self) -> None:
        """Counts offers as the log tells them, and lets their agents be ready again."""
        first = int(self.offers * WARM_UP)
        async for events in self.services.feed.subscribe():
            for event in events:
                if event.type == "offered" and event.item_number is not None:
                    self.seen += 1
                    self.counted += bool(self.started)
                    done_with(self.desk, event.item_number, event.revision or 0, event.at)
            if not self.started and self.seen >= first:
                self.started, self.cpu = time.perf_counter(), time.process_time()
            if self.counted >= self.offers:
                return


async def _ours(services: TenantServices, decider: Decider, offers: int) -> tuple[float, float]:
    turn = _Turn(services, decider, offers)
    following = asyncio.ensure_future(turn.follow())
    await asyncio.sleep(0)
    deciding = asyncio.ensure_future(decider.run())
    done, _ = await asyncio.wait(
        {following, deciding}, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED
    )
    seconds, cpu = time.perf_counter() - turn.started, time.process_time() - turn.cpu
    if deciding in done:
        deciding.result()
    deciding.cancel()
    with suppress(asyncio.CancelledError):
        await deciding
    following.cancel()
    if not turn.counted:
        raise RuntimeError(f"only {turn.seen} of {offers} offers came, none after the warm-up")
    return turn.counted / seconds, cpu / seconds


class _Recording:
    """A store that writes down claims instead of making them."""

    def __init__(self, store: TenantStore, wanted: int) -> None:
        self._store = store
        self._wanted = wanted
        self.enough = asyncio.Event()
        self.tenant: Tenant = store.tenant
        self.batches: list[tuple[int, Grant, list[Claim]]] = []
        self.count = 0
        self.desk: Desk | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def claim(self, epoch: int, grant: Grant, claims: Sequence[Claim]) -> set[ItemNumber]:
        self.batches.append((epoch, grant, list(claims)))
        self.count += len(claims)
        if self.count >= self._wanted:
            self.enough.set()
        asyncio.get_running_loop().call_soon(self._free, grant, list(claims))
        return {ItemNumber(claim.number) for claim in claims}

    def _free(self, grant: Grant, claims: list[Claim]) -> None:
        assert self.desk is not None
        for claim in claims:
            done_with(self.desk, claim.number, claim.revision + 1, grant.at)


async def _limit(services: TenantServices, offers: int) -> tuple[float, float]:
    runtime, store = services.runtime, services.runtime.store
    recording = _Recording(store, offers)
    runtime.store = cast("TenantStore", recording)
    decider = await Decider.take_over(services)
    recording.desk = decider._desk  # noqa: SLF001 - as above
    deciding, enough = asyncio.ensure_future(decider.run()), asyncio.ensure_future(recording.enough.wait())
    await asyncio.wait({deciding, enough}, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    if deciding.done():
        deciding.result()
    deciding.cancel()
    enough.cancel()
    with suppress(asyncio.CancelledError):
        await deciding
    waiting = iter(recording.batches)
    started, cpu = time.perf_counter(), time.process_time()
    granted = 0

    async def claim() -> None:
        nonlocal granted
        for epoch, grant, claims in waiting:
            numbers = await store.claim(epoch, grant, claims)
            granted += len(numbers)

    await asyncio.gather(*(claim() for _ in range(LIMIT_CONNECTIONS)))
    seconds = time.perf_counter() - started
    if granted != recording.count:
        raise RuntimeError(f"{granted} of {recording.count} claims were granted")
    return granted / seconds, (time.process_time() - cpu) / seconds


async def _measured(options: Options) -> Measured:
    configure_logs("warning")
    wiring = Wiring(options.stored.control_dsn, budget=10)
    services = await wiring.platform.services(tenant_of(options.stored.tenant).id)
    await services.feed.start()
    feeding = asyncio.ensure_future(services.feed.run())
    started = time.perf_counter()
    if options.mode == "ours":
        decider = await Decider.take_over(services)
        load_seconds = time.perf_counter() - started
        rate, cores = await _ours(services, decider, options.offers)
    else:
        load_seconds = 0.0
        rate, cores = await _limit(services, options.offers)
    feeding.cancel()
    with suppress(asyncio.CancelledError):
        await feeding
    await wiring.close()
    return Measured(rate, cores, load_seconds)


def measure(options: Options) -> Measured:
    return uvloop.run(_measured(options))


if __name__ == "__main__":
    answer(measure, Options)
