"""Auto-accept outlives the decider that has granted; who decides no longer, grants nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from openiwd.domain.agent import AgentState
from openiwd.domain.errors import FencedError, UnavailableError
from openiwd.domain.lifecycle import Action
from openiwd.domain.work_item import Status, WorkItem
from openiwd.usecases import agent as agent_use
from openiwd.usecases.command import Command, Done, Result
from openiwd.usecases.decider import Decider
from openiwd.usecases.picture import Picture
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.work_item import apply_one
from tests.factories.tenant import NEW_ID, RULES, MovedClock, caller, make_runtime, pools_for
from tests.integration.test_decider import Bench

QUEUE = "{id: claims, name: Claims, offerTimeout: 30s, declineExclusion: 15m"
AT_ONCE = RULES.replace(QUEUE, f"{QUEUE}, autoAccept: true, wrapUp: 60s")


@pytest.fixture
async def bench(tenant_database: str) -> AsyncIterator[Bench]:
    """A tenant whose claims are accepted at once; nothing decides yet, and the log is followed."""
    pools = pools_for(tenant_database)
    services = TenantServices(await make_runtime(pools, source=AT_ONCE), NEW_ID())
    await services.feed.start()
    feeding = asyncio.get_running_loop().create_task(services.feed.run())
    yield Bench(services)
    feeding.cancel()
    with suppress(asyncio.CancelledError):
        await feeding
    await pools.close()


async def deaf(decider: Decider, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grants what there is to grant, and dies before it has heard of it."""
    with monkeypatch.context() as patch:
        patch.setattr(decider, "_accept_at_once", lambda _: None)
        await decider._step()


async def status_of(bench: Bench, item: WorkItem) -> tuple[Status, str | None]:
    now = await bench.read(item)
    return now.status, now.assigned_to or now.offered_to


@pytest.mark.parametrize("warm", [True, False])
async def test_the_next_decider_accepts_what_the_last_one_has_left(
    bench: Bench, warm: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.agent("ann", motor=6)
    item = await bench.item("c1")
    picture = await Picture.load(bench.services)
    await deaf(await Decider.take_over(bench.services, picture), monkeypatch)
    assert await status_of(bench, item) == (Status.QUEUED, "ann")
    await (await Decider.take_over(bench.services, picture if warm else None)).push()
    assert await status_of(bench, item) == (Status.ASSIGNED, "ann")


async def test_an_offer_whose_acceptance_failed_is_accepted_by_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.agent("ann", motor=6)
    item = await bench.item("c1")
    decider = await Decider.take_over(bench.services)

    async def fail(*_: object) -> None:
        raise UnavailableError("the database is away")

    monkeypatch.setattr("openiwd.usecases.acceptance.apply", fail)
    with pytest.raises(UnavailableError):
        await decider.push()
    monkeypatch.undo()
    assert await status_of(bench, item) == (Status.QUEUED, "ann")
    await (await Decider.take_over(bench.services)).push()
    assert await status_of(bench, item) == (Status.ASSIGNED, "ann")


async def test_deciding_goes_on_while_offers_are_being_accepted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.agent("ann", motor=6)
    first = await bench.item("c1")
    decider = await Decider.take_over(bench.services)
    go_on = asyncio.Event()

    async def wait(*_: object) -> list[Result]:
        await go_on.wait()
        return []

    monkeypatch.setattr("openiwd.usecases.acceptance.apply", wait)
    await decider._step()
    assert await status_of(bench, first) == (Status.QUEUED, "ann")
    await bench.agent("ben", motor=6)
    second = await bench.item("c2")
    await decider.order()
    await decider._step()
    assert await status_of(bench, second) == (Status.QUEUED, "ben")
    go_on.set()
    await decider._acceptance.done()


async def test_who_decides_no_longer_grants_nothing_and_leaves_the_picture_alone(bench: Bench) -> None:
    ann = caller(agent="ann")
    await bench.agent("ann", motor=6)
    await agent_use.set_state(bench.services, "ann", AgentState.NOT_READY, caller=ann, reason="x")
    await bench.item("c1", data={"kind": "loan"})
    picture = await Picture.load(bench.services)
    old = await Decider.take_over(bench.services, picture)
    deciding = asyncio.create_task(old.run())
    await old.order()
    async with picture.lock:
        pulling = asyncio.create_task(old.pull("ann", ann))
        await asyncio.sleep(0)
        deciding.cancel()
        await asyncio.gather(deciding, return_exceptions=True)
    with pytest.raises(FencedError):
        await pulling
    new = await Decider.take_over(bench.services, picture)
    assert isinstance(await new.pull("ann", ann), Done)


async def test_what_becomes_of_what_agents_have_is_not_read_and_a_wrap_up_for_its_agent_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.agent("ann", motor=6)
    await bench.agent("ben", motor=6)
    for name in ("c1", "c2"):
        await bench.item(name)
    decider = await Decider.take_over(bench.services)
    desk = decider._desk
    await decider.push()
    with monkeypatch.context() as patch:
        patch.setattr(desk, "refresh_items", None)
        await decider.order()
    asked: list[object] = []
    refresh = desk.refresh_wrap_ups

    async def noted(reading: object, now: object, agents: object = None) -> None:
        asked.append(agents)
        await refresh(reading, now, agents)  # type: ignore[arg-type]

    monkeypatch.setattr(desk, "refresh_items", None)  # who is done is told by the event
    desk.refresh_wrap_ups = noted  # type: ignore[method-assign]
    (number,) = desk.items_of("ann")
    async with bench.services.runtime.store.reading() as reading:
        item = (await reading.items_by_number([number]))[number]
    command = Command(
        action=Action.COMPLETE,
        caller=caller(agent="ann"),
        item_id=item.id,
        agent_id="ann",
        result_code="paid",
    )
    await apply_one(bench.services.runtime, command)
    await decider.order()
    assert asked == [{"ann"}]
    assert (desk.world.load("ann").weight, desk.world.load("ben").weight) == (1, 1)
    assert isinstance(bench.clock, MovedClock)
    bench.clock.move(seconds=61)
    desk.end_wrap_ups(bench.clock.now())
    assert (desk.world.load("ann").weight, desk.world.load("ben").weight) == (0, 1)
