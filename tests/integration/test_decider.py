"""The decider on a real database: offers, answers, pulls, time-outs, takeover and fencing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from openiwd.domain.agent import AgentProfile, AgentSkill, AgentState, Capacity
from openiwd.domain.errors import FencedError, OpenIwdError
from openiwd.domain.event import fold
from openiwd.domain.lifecycle import Action
from openiwd.domain.packed_decision import unpack
from openiwd.domain.work_item import ItemUpdate, Status, WorkItem
from openiwd.usecases import agent as agent_use
from openiwd.usecases import offer, timer
from openiwd.usecases.command import Command, Done
from openiwd.usecases.decider import Decider
from openiwd.usecases.intake import Intake
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.work_item import apply_one
from tests.factories.tenant import NEW_ID, MovedClock, caller, make_runtime, pools_for, submission

ADMIN = caller()
DEADLINE = 10.0


class Bench:
    """A tenant with its decider running, and short words for what tests do."""

    def __init__(self, services: TenantServices) -> None:
        self.services = services
        self.clock = services.runtime.clock
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> Decider:
        await self.services.feed.start()
        decider = await Decider.take_over(self.services)
        self.services.decider = decider
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self.services.feed.run()), loop.create_task(decider.run())]
        return decider

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError, FencedError):
                await task

    async def agent(self, agent_id: str, *, motor: int = 0, capacity: int = 1, ready: bool = True) -> None:
        skills = [AgentSkill("motor", motor)] if motor else []
        profile = AgentProfile(id=agent_id, name=agent_id.title(), skills=skills, capacity=Capacity(capacity))
        await agent_use.save_profile(self.services, profile, ADMIN)
        if ready:
            await agent_use.set_state(
                self.services, agent_id, AgentState.READY, caller=caller(agent=agent_id)
            )

    async def item(self, capture_id: str, **fields: object) -> WorkItem:
        (done,) = await Intake(self.services.runtime).submit_all([submission(capture_id, **fields)], ADMIN)
        assert isinstance(done, Done), done
        return done.item

    async def read(self, item: WorkItem) -> WorkItem:
        async with self.services.runtime.store.reading() as reading:
            return (await reading.items_by_id([item.id]))[item.id]

    async def until(self, item: WorkItem, holds: Callable[[WorkItem], bool]) -> WorkItem:
        async with asyncio.timeout(DEADLINE):
            while True:
                seen = self.services.runtime.wakeup.count
                now = await self.read(item)
                if holds(now):
                    return now
                await self.services.runtime.wakeup.wait(seen, 0.2)

    async def settled(self) -> None:
        """Everything committed so far has been followed and decided on."""
        assert self.services.decider is not None
        await self.services.decider.order()


@pytest.fixture
async def bench(tenant_database: str) -> AsyncIterator[Bench]:
    pools = pools_for(tenant_database)
    services = TenantServices(await make_runtime(pools), NEW_ID())
    bench = Bench(services)
    await bench.start()
    yield bench
    await bench.stop()
    await pools.close()


async def test_an_item_is_offered_accepted_and_completed(bench: Bench) -> None:
    await bench.agent("amara", motor=6)
    item = await bench.until(await bench.item("c1"), lambda i: i.offer_id is not None)
    assert item.offered_to == "amara"
    assert item.status is Status.QUEUED
    assert item.offer_id is not None
    amara = caller(agent="amara")
    accepted = (await offer.accept(bench.services, item.offer_id, amara)).item
    assert (accepted.status, accepted.assigned_to) == (Status.ASSIGNED, "amara")
    with pytest.raises(OpenIwdError, match="ended"):
        await offer.accept(bench.services, item.offer_id, amara)
    done = await apply_one(
        bench.services.runtime,
        Command(action=Action.COMPLETE, caller=amara, item_id=item.id, agent_id="amara", result_code="paid"),
    )
    assert done.item.status is Status.COMPLETED
    async with bench.services.runtime.store.reading() as reading:
        events = await reading.history(item.id)
        (stored,) = await reading.offers_of_item(item.number)
    assert [e.type for e in events] == ["created", "offered", "assigned", "completed"]
    assert fold(events) == await bench.read(item)
    assert stored.outcome == "accepted"
    assert unpack(stored.decision).agent_id == "amara"


async def test_how_long_a_free_agent_waited_for_an_offer_is_counted(bench: Bench) -> None:
    await bench.stop()  # nobody decides for a while
    await bench.agent("amara", motor=6)
    assert isinstance(bench.clock, MovedClock)
    bench.clock.move(seconds=20)
    item = await bench.item("c1")
    bench.clock.move(seconds=40)
    decider = await bench.start()
    item = await bench.until(item, lambda i: i.offer_id is not None)
    await bench.settled()
    counts = dict(decider.latency.buckets())
    assert decider.latency.total == 40, "from when both were there"
    assert (counts["15.0"], counts["60.0"], counts["+Inf"]) == (0, 1, 1)
    waiting = await bench.item("c2")
    bench.clock.move(seconds=3)
    assert item.offer_id is not None
    await offer.accept(bench.services, item.offer_id, caller(agent="amara"))
    done = Command(action=Action.COMPLETE, caller=caller(agent="amara"), item_id=item.id, agent_id="amara")
    await apply_one(bench.services.runtime, done)
    await bench.until(waiting, lambda i: i.offer_id is not None)
    await bench.settled()
    assert decider.latency.total == 40, "who works is not kept waiting"
    assert dict(decider.latency.buckets())["0.01"] == 1


async def test_the_free_agent_gets_the_item_of_highest_priority(bench: Bench) -> None:
    low = await bench.item("low", priority=10)
    high = await bench.item("high", priority=900)
    await bench.item("other", priority=5)
    await bench.agent("amara", motor=6)
    await bench.until(high, lambda i: i.offered_to == "amara")
    assert (await bench.read(low)).offer_id is None


async def test_nobody_without_the_skill_gets_it(bench: Bench) -> None:
    item = await bench.item("c1")
    await bench.agent("novice", motor=4)
    await bench.settled()
    assert bench.services.decider is not None
    told = await bench.services.decider.explain(item.id)
    assert told["x"] == {"skill": 1}
    assert (await bench.services.decider.why_not(item.id, "novice"))["reason"] == "skill"
    assert (await bench.read(item)).offer_id is None


async def test_a_declined_item_goes_to_somebody_else_with_its_age(bench: Bench) -> None:
    await bench.agent("amara", motor=6)
    item = await bench.until(await bench.item("c1"), lambda i: i.offer_id is not None)
    assert item.offer_id is not None
    await offer.decline(bench.services, item.offer_id, "not mine", caller(agent="amara"))
    await bench.agent("lena", motor=9)
    again = await bench.until(item, lambda i: i.offered_to == "lena")
    assert again.queued_at == item.queued_at
    assert [e.agent for e in again.excluded] == ["amara"]


async def test_a_missed_offer_returns_and_the_agent_is_not_ready(bench: Bench) -> None:
    await bench.agent("amara", motor=6)
    item = await bench.until(await bench.item("c1"), lambda i: i.offer_id is not None)
    assert isinstance(bench.clock, MovedClock)
    bench.clock.move(seconds=30)
    assert await timer.run_due(bench.services) == 1
    back = await bench.read(item)
    assert (back.offer_id, back.status) == (None, Status.QUEUED)
    amara = await agent_use.get(bench.services, "amara")
    assert (amara.state("workitem").state, amara.state("workitem").reason) == (
        AgentState.NOT_READY,
        "missedOffer",
    )
    with pytest.raises(OpenIwdError):
        await offer.accept(bench.services, item.offer_id, caller(agent="amara"))  # type: ignore[arg-type]


async def test_capacity_bounds_what_an_agent_gets(bench: Bench) -> None:
    await bench.agent("amara", motor=6, capacity=2)
    items = [await bench.item(f"c{n}", priority=100 - n) for n in range(3)]
    for item in items[:2]:
        offered = await bench.until(item, lambda i: i.offer_id is not None)
        assert offered.offer_id is not None
        await offer.accept(bench.services, offered.offer_id, caller(agent="amara"))
    await bench.settled()
    assert (await bench.read(items[2])).offer_id is None
    await apply_one(
        bench.services.runtime,
        Command(action=Action.RETURN, caller=caller(agent="amara"), item_id=items[1].id),
    )
    await bench.until(items[1], lambda i: i.offered_to == "amara")


async def test_pull_gives_the_next_best_at_once(bench: Bench) -> None:
    await bench.agent("amara", ready=False)
    await agent_use.set_state(
        bench.services, "amara", AgentState.NOT_READY, caller=caller(agent="amara"), reason="x"
    )
    await bench.item("l1", data={"kind": "loan"}, priority=10)
    best = await bench.item("l2", data={"kind": "loan"}, priority=20)
    assert bench.services.decider is not None
    done = await bench.services.decider.pull("amara", caller(agent="amara"))
    assert done is not None
    assert (done.item.id, done.item.status, done.item.assigned_to) == (best.id, Status.ASSIGNED, "amara")
    assert await bench.services.decider.pull("amara", caller(agent="amara")) is None


async def test_an_offer_that_no_longer_fits_is_withdrawn(bench: Bench) -> None:
    await bench.agent("amara", motor=6)
    item = await bench.until(await bench.item("c1"), lambda i: i.offer_id is not None)
    update = ItemUpdate(ext={"requestedSkill": "motor>=9"})
    await apply_one(
        bench.services.runtime, Command(action=Action.UPDATE, caller=ADMIN, item_id=item.id, update=update)
    )
    await bench.until(item, lambda i: i.offer_id is None)


async def test_holding_an_offered_item_ends_the_offer(bench: Bench) -> None:
    await bench.agent("amara", motor=6)
    item = await bench.until(await bench.item("c1"), lambda i: i.offer_id is not None)
    held = await apply_one(
        bench.services.runtime, Command(action=Action.HOLD, caller=ADMIN, item_id=item.id, reason="other")
    )
    assert held.item.status is Status.HELD
    async with bench.services.runtime.store.reading() as reading:
        (stored,) = await reading.offers_of_item(item.number)
    assert stored.outcome == "withdrawn"
    other = await bench.until(await bench.item("c2"), lambda i: i.offered_to == "amara")
    assert other.offer_id is not None


async def test_a_new_decider_takes_over_and_the_old_one_writes_nothing_more(bench: Bench) -> None:
    assert bench.services.decider is not None
    old = bench.services.decider
    item = await bench.item("l1", data={"kind": "loan"})
    await bench.agent("amara")
    await bench.until(item, lambda i: i.offered_to == "amara")
    new = await Decider.take_over(bench.services)
    assert new.epoch == old.epoch + 1
    await bench.item("l2", data={"kind": "loan"})
    await bench.agent("lena", ready=False)
    lena = caller(agent="lena")
    await agent_use.set_state(bench.services, "lena", AgentState.NOT_READY, caller=lena)
    with pytest.raises(FencedError):
        await old.pull("lena", lena)
    done = await new.pull("lena", lena)
    assert done is not None
    assert done.item.capture_id == "l2"


async def test_lost_agents_give_back_offers_and_keep_assigned_items(bench: Bench) -> None:
    await bench.agent("amara", motor=6, capacity=2)
    first = await bench.until(await bench.item("c1"), lambda i: i.offer_id is not None)
    assert first.offer_id is not None
    await offer.accept(bench.services, first.offer_id, caller(agent="amara"))
    second = await bench.until(await bench.item("c2"), lambda i: i.offer_id is not None)
    await agent_use.lose(bench.services, "amara")
    assert (await bench.read(second)).offer_id is None
    assert (await bench.read(first)).assigned_to == "amara"
    async with bench.services.runtime.store.reading() as reading:
        (stored,) = await reading.offers_of_item(second.number)
    assert stored.outcome == "lost"


async def test_not_ready_after_current_items(bench: Bench) -> None:
    await bench.agent("amara", motor=6)
    item = await bench.until(await bench.item("c1"), lambda i: i.offer_id is not None)
    assert item.offer_id is not None
    amara = caller(agent="amara")
    await offer.accept(bench.services, item.offer_id, amara)
    await agent_use.set_state(
        bench.services, "amara", AgentState.NOT_READY, caller=amara, reason="lunch", after_current=True
    )
    assert (await agent_use.get(bench.services, "amara")).state("workitem").state is AgentState.READY
    await apply_one(bench.services.runtime, Command(action=Action.RETURN, caller=amara, item_id=item.id))
    async with asyncio.timeout(DEADLINE):
        while (await agent_use.get(bench.services, "amara")).state(
            "workitem"
        ).state is not AgentState.NOT_READY:
            await bench.services.runtime.wakeup.wait(bench.services.runtime.wakeup.count, 0.2)
    assert (await bench.read(item)).offer_id is None


async def test_a_reservation_ends_and_opens_the_item_to_the_queue(bench: Bench) -> None:
    await bench.agent("amara", motor=6)
    item = await bench.item("c1", data={"kind": "loan"})
    reserved = await apply_one(
        bench.services.runtime,
        Command(action=Action.TRANSFER, caller=ADMIN, item_id=item.id, agent_id="lena"),
    )
    assert reserved.item.reserved_for == "lena"
    assert isinstance(bench.clock, MovedClock)
    bench.clock.move(days=1)
    await timer.run_due(bench.services)
    opened = await bench.until(item, lambda i: i.offered_to == "amara")
    assert opened.queued_at == item.queued_at
    assert opened.offered_at is not None
    assert opened.offered_at - item.received_at == timedelta(days=1)
