"""What lasts longer than one decider: agents who are gone, takeovers, late holds, and processes side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

import pytest

from openiwd.adapters.postgres.pools import TenantPools
from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.domain.agent import Absence, AgentProfile, AgentState, Capacity
from openiwd.domain.errors import FencedError, NotFoundError
from openiwd.domain.lifecycle import Action
from openiwd.domain.work_item import Status, WorkItem
from openiwd.usecases import agent as agent_use
from openiwd.usecases import item_note, offer, timer
from openiwd.usecases.command import Command, Done
from openiwd.usecases.decider import Decider
from openiwd.usecases.intake import Intake
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.presence import Presence, Stranded
from openiwd.usecases.rule_set import compile_published
from openiwd.usecases.tenant_runtime import TenantRuntime
from openiwd.usecases.work_item import apply_one
from tests.factories.tenant import NEW_ID, MovedClock, caller, make_runtime, pools_for, submission

ADMIN = caller()
LOAN = {"kind": "loan"}


class Office:
    """One tenant in one process; deciders run only when a test says so."""

    def __init__(self, services: TenantServices, clock: MovedClock) -> None:
        self.services = services
        self.clock = clock

    @asynccontextmanager
    async def deciding(self) -> AsyncIterator[Decider]:
        decider = await Decider.take_over(self.services)
        running = asyncio.get_running_loop().create_task(decider.run())
        try:
            yield decider
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError, FencedError):
                await running

    async def agent(self, agent_id: str, *, capacity: int = 5, ready: bool = True) -> None:
        profile = AgentProfile(id=agent_id, name=agent_id, capacity=Capacity(capacity))
        await agent_use.save_profile(self.services, profile, ADMIN)
        if ready:
            await agent_use.set_state(
                self.services, agent_id, AgentState.READY, caller=caller(agent=agent_id)
            )

    async def item(self, capture_id: str, **fields: object) -> WorkItem:
        (done,) = await Intake(self.services.runtime).submit_all(
            [submission(capture_id, **{"data": LOAN, **fields})],
            ADMIN,
        )
        assert isinstance(done, Done), done
        return done.item

    async def do(self, action: Action, item: WorkItem, **fields: object) -> WorkItem:
        command = Command(action=action, caller=ADMIN, item_id=item.id, **fields)  # type: ignore[arg-type]
        return (await apply_one(self.services.runtime, command)).item

    async def read(self, item: WorkItem) -> WorkItem:
        async with self.services.runtime.store.reading() as reading:
            return (await reading.items_by_id([item.id]))[item.id]

    async def until(self, item: WorkItem, status: Status) -> WorkItem:
        async with asyncio.timeout(10):
            while (now := await self.read(item)).status is not status:
                await self.services.runtime.wakeup.wait(self.services.runtime.wakeup.count, 0.1)
            return now


@pytest.fixture
async def office(tenant_database: str) -> AsyncIterator[Office]:
    pools = pools_for(tenant_database)
    clock = MovedClock()
    services = TenantServices(await make_runtime(pools, clock), NEW_ID())
    await services.feed.start()
    feeding = asyncio.get_running_loop().create_task(services.feed.run())
    yield Office(services, clock)
    feeding.cancel()
    with suppress(asyncio.CancelledError):
        await feeding
    await pools.close()


async def test_items_of_an_agent_whose_connection_is_lost_return_after_a_working_day(office: Office) -> None:
    await office.agent("amara")
    item = await office.do(Action.ASSIGN, await office.item("c1"), agent_id="amara")
    assert await agent_use.lose(office.services, "amara")
    office.clock.move(hours=23)
    async with office.deciding() as decider:
        await decider.order()
        assert (await office.read(item)).status is Status.ASSIGNED
    office.clock.move(hours=2)
    async with office.deciding():
        back = await office.until(item, Status.QUEUED)
    assert back.last_agent == "amara"


async def test_an_absence_returns_what_was_there_before_and_leaves_what_comes_in_it(office: Office) -> None:
    await office.agent("amara")
    before = await office.do(Action.ASSIGN, await office.item("c1"), agent_id="amara")
    start = office.clock.at + timedelta(hours=1)
    absence = Absence(start, start + timedelta(days=3))
    profile = AgentProfile(id="amara", name="amara", capacity=Capacity(5), absences=[absence])
    await agent_use.save_profile(office.services, profile, ADMIN)
    office.clock.move(hours=2)
    given = await office.do(Action.ASSIGN, await office.item("c2"), agent_id="amara")
    async with office.deciding():
        await office.until(before, Status.QUEUED)
    assert (await office.read(given)).status is Status.ASSIGNED


async def test_a_deactivated_agent_about_to_stop_does_not_stop_distribution(office: Office) -> None:
    await office.agent("amara")
    amara = caller(agent="amara")
    item = await office.do(Action.ASSIGN, await office.item("c1"), agent_id="amara")
    await agent_use.set_state(
        office.services, "amara", AgentState.NOT_READY, caller=amara, reason="lunch", after_current=True
    )
    await office.do(Action.RETURN, item)
    profile = AgentProfile(id="amara", name="amara", active=False, capacity=Capacity(5))
    await agent_use.save_profile(office.services, profile, ADMIN)
    await office.agent("lena")
    async with office.deciding():
        async with asyncio.timeout(10):
            while (await office.read(item)).offered_to != "lena":
                await office.services.runtime.wakeup.wait(office.services.runtime.wakeup.count, 0.1)
        second = await office.item("c2")
        decider_error = await _pull_as(office, "lena")
    assert decider_error is None
    assert (await office.read(second)).status is Status.ASSIGNED


async def _pull_as(office: Office, agent_id: str) -> BaseException | None:
    decider = await Decider.take_over(office.services)
    try:
        await decider._after_step()
        await decider.pull(agent_id, caller(agent=agent_id))
    except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
        return error
    return None


async def test_pull_sees_what_another_process_has_just_acknowledged(
    office: Office, tenant_database: str
) -> None:
    await office.agent("amara")
    elsewhere = pools_for(tenant_database)
    try:
        decider = await Decider.take_over(office.services)
        (done,) = await Intake(await _second_runtime(office, elsewhere)).submit_all(
            [submission("far", data=LOAN)],
            ADMIN,
        )
        assert isinstance(done, Done)
        assert [n for n, _ in await decider.order()] == [done.item.number]
        pulled = await decider.pull("amara", caller(agent="amara"))
    finally:
        await elsewhere.close()
    assert pulled is not None
    assert pulled.item.id == done.item.id


async def _second_runtime(office: Office, pools: TenantPools) -> TenantRuntime:
    store = PostgresTenantStore(office.services.tenant, pools)
    return TenantRuntime(store, office.clock, NEW_ID, compile_published)


async def test_who_is_idle_longest_is_known_after_a_takeover(office: Office) -> None:
    for name in ("amara", "lena"):
        await office.agent(name)
    done = await office.do(Action.ASSIGN, await office.item("c1"), agent_id="amara")
    office.clock.move(minutes=10)
    await office.do(Action.COMPLETE, done)
    office.clock.move(minutes=1)
    item = await office.item("c2")
    async with office.deciding():
        async with asyncio.timeout(10):
            while (offered := await office.read(item)).offered_to is None:
                await office.services.runtime.wakeup.wait(office.services.runtime.wakeup.count, 0.1)
    assert offered.offered_to == "lena"


async def test_the_last_linked_item_wakes_what_waits_for_it(office: Office) -> None:
    parent, *children = [await office.item(n) for n in ("parent", "one", "two")]
    for child in children:
        await item_note.add_link(office.services.runtime, ADMIN, child, "parent", parent.id)
    await office.do(Action.HOLD, parent, reason="other", wakes_on="linkedItems", keep_for=None)
    await office.do(Action.COMPLETE, children[0])
    assert await timer.run_due(office.services) == 0
    await office.do(Action.CANCEL, children[1])
    assert await timer.run_due(office.services) == 1
    woken = await office.read(parent)
    assert (woken.status, woken.hold_wakes_on) == (Status.QUEUED, None)
    async with office.services.runtime.store.reading() as reading:
        last = (await reading.history(parent.id))[-1]
    assert (last.type, last.body["because"]) == ("resumed", "linkedItems")


async def test_a_customer_s_reply_wakes_what_waits_for_it(office: Office) -> None:
    first, stranger = await office.item("first"), await office.item("stranger")
    await item_note.add_link(office.services.runtime, ADMIN, stranger, "relatesTo", first.id)
    await office.do(Action.HOLD, first, reason="other", wakes_on="customerReply")
    assert await timer.run_due(office.services) == 0
    reply = await office.item("reply")
    await item_note.add_link(office.services.runtime, ADMIN, reply, "continues", first.id)
    assert await timer.run_due(office.services) == 1
    assert (await office.read(first)).status is Status.QUEUED


async def test_a_missed_offer_of_an_agent_deleted_meanwhile_keeps_no_other_from_being_told(
    office: Office,
) -> None:
    for name in ("amara", "lena"):
        await office.agent(name, capacity=1)
    items = [await office.item(n, data={"kind": "loan"}) for n in ("c1", "c2")]
    async with office.deciding(), asyncio.timeout(10):
        while not all([(await office.read(i)).offered_to for i in items]):
            await office.services.runtime.wakeup.wait(office.services.runtime.wakeup.count, 0.1)
    first = (await office.read(items[0])).offered_to
    assert first is not None
    other = {"amara": "lena", "lena": "amara"}[first]
    await agent_use.delete(office.services, first, ADMIN)
    office.clock.move(seconds=31)
    assert await timer.run_due(office.services) == 2
    assert (await agent_use.get(office.services, other)).state("*").reason == "missedOffer"


async def test_answers_under_idempotency_keys_are_forgotten_after_a_day(office: Office) -> None:
    store = office.services.runtime.store
    async with store.writing() as tx:
        await tx.save_idempotent("k", b"hash", 201, {"body": 1})
    office.clock.at = office.clock.at.replace(year=2000)
    assert await timer.forget_answers(office.services) == 0
    office.clock.at = office.clock.at.replace(year=2100)
    assert await timer.forget_answers(office.services) == 1
    async with store.reading() as reading:
        assert await reading.idempotent("k") is None


async def test_an_agent_who_has_moved_to_another_process_is_not_lost_here(office: Office) -> None:
    await office.agent("amara")
    there = TenantServices(office.services.runtime, uuid4())
    there.presence.seen("amara")
    assert there.presence.arrived() == ["amara"]
    await agent_use.take_in(there, ["amara"])
    assert not await agent_use.lose(office.services, "amara")
    assert (await agent_use.get(office.services, "amara")).state("*").state is AgentState.READY
    await agent_use.set_state(office.services, "amara", AgentState.NOT_READY, caller=ADMIN, reason="meeting")
    assert (await agent_use.get(office.services, "amara")).seen_by == str(there.process_id)
    assert await agent_use.lose(there, "amara")
    with pytest.raises(NotFoundError):
        await agent_use.get(office.services, "nobody")
    assert not await agent_use.lose(office.services, "nobody")


async def test_two_processes_that_change_one_agent_at_once_undo_nothing(office: Office) -> None:
    await office.agent("amara")
    there = TenantServices(office.services.runtime, uuid4())
    amara = caller(agent="amara")
    media = [f"m{n}" for n in range(8)]
    await asyncio.gather(
        *(
            agent_use.set_state(
                (office.services, there)[n % 2], "amara", AgentState.NOT_READY, caller=amara, media_type=name
            )
            for n, name in enumerate(media)
        )
    )
    assert set((await agent_use.get(office.services, "amara")).states) == {"*", *media}


def test_time_in_which_nobody_listened_is_not_held_against_agents() -> None:
    now = 100.0
    presence = Presence(lambda: now)
    presence.seen("amara")
    now += 2
    assert presence.lost() == []
    now += 600  # frozen
    assert presence.lost() == []
    for _ in range(30):
        now += 2
        lost = presence.lost()
    assert lost == ["amara"]


def test_agents_of_a_dead_process_get_time_to_come_to_another() -> None:
    now = 1000.0
    stranded = Stranded(lambda: now)
    assert stranded.over({"amara": "dead"}, {"dead"}) == []
    now += 9
    assert stranded.over({"amara": "dead", "lena": "older"}, {"dead"}) == []
    now += 1
    assert stranded.over({"amara": "dead", "lena": "older"}, {"dead"}) == [("amara", "dead")]
    now += 50
    assert stranded.over({"lena": "older"}, {"dead"}) == [("lena", "older")]


async def test_an_offer_is_accepted_across_a_takeover(office: Office) -> None:
    await office.agent("amara")
    item = await office.item("c1")
    async with office.deciding(), asyncio.timeout(10):
        while (offered := await office.read(item)).offer_id is None:
            await office.services.runtime.wakeup.wait(office.services.runtime.wakeup.count, 0.1)
    await Decider.take_over(office.services)
    assert offered.offer_id is not None
    done = await offer.accept(office.services, offered.offer_id, caller(agent="amara"))
    assert done.item.assigned_to == "amara"
