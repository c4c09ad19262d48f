"""The picture on a real database: in bulk it is as loaded item by item, also while items move; and it stays warm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from openiwd.adapters.holidays.source import LibraryHolidaySource
from openiwd.adapters.postgres.pools import TenantPools
from openiwd.adapters.postgres.tenant_reading import PostgresReading
from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.domain.agent import AgentProfile, AgentState, Capacity
from openiwd.domain.backlog_batch import BacklogBatch
from openiwd.domain.errors import ConflictError, FencedError
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.lifecycle import Action
from openiwd.domain.work_item import ItemUpdate, Status, WorkItem
from openiwd.ports.tenant_store import Cursor, Reading
from openiwd.usecases import agent as agent_use
from openiwd.usecases import offer
from openiwd.usecases.command import Command, Done
from openiwd.usecases.decider import Decider
from openiwd.usecases.desk import Desk
from openiwd.usecases.desk_load import DeskLoad
from openiwd.usecases.intake import Intake
from openiwd.usecases.picture import Picture, going_live
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.rule_set import publish
from openiwd.usecases.work_item import apply
from tests.factories.stored_item import store_items
from tests.factories.tenant import NEW_ID, MovedClock, caller, make_runtime, pools_for, submission
from tests.servers.until import until
from tests.unit.random_world import AGENTS, START, random_item

ADMIN = caller()
NOW = from_micros(START)
RULES = """
name: Picture
timeZone: Europe/Berlin
calendars:
  - {id: office, name: Office, timeZone: Europe/Berlin, weekly: {monday: ["08:00-18:00"], friday: ["08:00-18:00"]}}
mediaTypes: [{id: email, name: Email, weight: 3}]
schemas:
  - {id: rising, name: Rising, points: [{age: 0h, priority: 100}, {age: 8h, priority: 500}], slopeAfter: 10}
  - {id: valued, name: Valued, clock: office, valueWeight: 0.7,
     points: [{age: -1h, priority: 200}, {age: 10h, priority: 70}]}
queues:
  - {id: claims, name: Claims, preferLastAgent: {within: 2h, wait: 15m}, groups: [{group: back, delay: 5m}]}
  - {id: complaints, name: Complaints, weight: 2, relaxation: [{after: 10m, dropSkill: english}]}
  - {id: questions, name: Questions}
categories:
  - {id: a, name: A, schema: rising, queue: claims, targetHandleTime: 5m,
     when: {attribute: data.kind, operator: eq, value: claim}}
  - {id: b, name: B, schema: valued, queue: questions, when: {attribute: data.kind, operator: eq, value: question}}
"""


def odd_or_plain(rnd: Random, number: int, contacts: Sequence[UUID]) -> WorkItem:
    """Mostly items that are like others, and each kind of odd one."""
    item = random_item(rnd, number, START).item
    fields: dict[str, Any] = {
        "schema_id": rnd.choice(["rising", "rising", "valued", "gone", None]),
        "category_id": rnd.choice(["a", "b", "gone", None]),
        "contact_id": rnd.choice([None, *contacts]),
    }
    if rnd.random() < 0.6:  # nothing odd
        fields |= {
            "pauses": [],
            "excluded": [],
            "reopened_at": None,
            "reserved_for": None,
            "reserved_until": None,
        }
    if rnd.random() < 0.2:
        fields |= {"anchor_at": None, "queued_at": None}
    roll = rnd.random()
    if roll < 0.08:
        fields |= {"offer_id": NEW_ID(), "offered_to": rnd.choice(AGENTS), "offered_at": NOW}
    elif roll < 0.16:
        fields |= {
            "status": Status.ASSIGNED,
            "assigned_to": rnd.choice(AGENTS),
            "assigned_at": NOW - timedelta(minutes=rnd.randint(0, 300)),
        }
    elif roll < 0.3:
        fields |= {
            "status": rnd.choice([Status.HELD, Status.COMPLETED, Status.CAPTURED]),
            "last_agent": "agent1",
        }
        fields |= {"assigned_at": NOW - timedelta(minutes=rnd.randint(0, 300))}
    return structs.replace(item, **fields)


async def item_by_item(services: TenantServices, now: datetime) -> Desk:
    """What the desk is to be: every open item put by itself, as whole as it is."""
    runtime = services.runtime
    desk = Desk(await runtime.rules())
    async with runtime.store.reading() as reading:
        for agent in (await reading.agents()).values():
            desk.put_agent(agent)
        queued = await reading.backlog_rows(0, 10_000, prefers_last=[], seed=1)
        numbers = {*await reading.held_numbers(), *queued.rows.numbers.tolist()}
        await desk.put_items(reading, (await reading.items_by_number(numbers)).values(), now)
    return desk


def assert_same(picture: Desk, wanted: Desk, now: datetime) -> None:
    assert set(picture.world.backlog.items()) == set(wanted.world.backlog.items())
    assert picture.holdings == wanted.holdings
    assert picture.world.outstanding == wanted.world.outstanding
    assert picture.world.agents == wanted.world.agents
    at = to_micros(now)
    order = [(item.number, priority) for item, priority in picture.world.backlog.order(at)]
    assert order == [(item.number, priority) for item, priority in wanted.world.backlog.order(at)]
    waiting = [item.number for item in wanted.world.backlog.items()]
    assert [picture.revision(n) for n in waiting] == [wanted.revision(n) for n in waiting]


class RestlessStore(PostgresTenantStore):
    """Something changes between any two looks of a load."""

    def __init__(self, store: PostgresTenantStore) -> None:
        super().__init__(store.tenant, store._pools)
        self.looks: list[int] = []
        self.before: Any = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        if self.before is not None:
            before, self.before = self.before, None
            await before()
            self.before = before
        async with super().reading() as reading:
            yield reading


@pytest.fixture
async def pools(tenant_database: str) -> AsyncIterator[TenantPools]:
    pools = pools_for(tenant_database)
    yield pools
    await pools.close()


async def made(pools: TenantPools) -> TenantServices:
    return TenantServices(await make_runtime(pools, MovedClock(NOW), RULES), NEW_ID())


async def save_agents(services: TenantServices) -> None:
    for agent_id in AGENTS:
        profile = AgentProfile(id=agent_id, name=agent_id, groups=["back"], capacity=Capacity(2))
        await agent_use.save_profile(services, profile, ADMIN)


@pytest.mark.parametrize("seed", range(4))
async def test_loaded_in_bulk_it_is_as_loaded_item_by_item(
    pools: TenantPools, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openiwd.usecases.desk_load.BATCH", 90)
    monkeypatch.setattr("openiwd.usecases.desk_load.ROWS", 2)
    services = await made(pools)
    await save_agents(services)
    rnd = Random(seed)
    contacts = [NEW_ID() for _ in range(40)]
    await store_items(services.runtime.store, [odd_or_plain(rnd, n, contacts) for n in range(400)])
    picture = await Picture.load(services)
    wanted = await item_by_item(services, NOW)
    assert len(wanted.world.backlog) > 200
    assert any(item.last_agent for item in wanted.world.backlog.items())
    assert_same(picture.desk, wanted, NOW)


async def test_most_items_of_a_load_are_never_read_whole(
    pools: TenantPools, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = await made(pools)
    plain = [structs.replace(odd_or_plain(Random(1), 1, []), contact_id=None) for _ in range(300)]
    items = [
        structs.replace(
            item, id=NEW_ID(), capture_id=str(n), status=Status.QUEUED, pauses=[], excluded=[], reopened_at=None,
            reserved_for=None, reserved_until=None, assigned_to=None, offer_id=None, business_value=n,
        )
        for n, item in enumerate(plain)
    ]  # fmt: skip
    await store_items(services.runtime.store, items)
    put: list[WorkItem] = []
    monkeypatch.setattr(Desk, "put_item", lambda _, item, *__: put.append(item))
    picture = await Picture.load(services)
    assert len(picture.desk.world.backlog) == 300
    assert put == []


@pytest.mark.parametrize("seed", range(4))
async def test_items_that_move_during_the_load_are_neither_lost_nor_brought_back(
    pools: TenantPools, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openiwd.usecases.desk_load.BATCH", 12)
    monkeypatch.setattr("openiwd.usecases.desk_load.WHOLE", 3)
    services = await made(pools)
    await save_agents(services)
    runtime, rnd = services.runtime, Random(seed)
    kinds = [{"data": {"kind": rnd.choice(["claim", "claim", "question"])}} for _ in range(60)]
    done = await Intake(runtime).submit_all(
        [submission(f"c{n}", **kind) for n, kind in enumerate(kinds)], ADMIN
    )
    ids = [d.item.id for d in done if isinstance(d, Done)]
    quiet = runtime.store
    assert isinstance(quiet, PostgresTenantStore)
    restless = RestlessStore(quiet)

    async def meddle() -> None:
        """A few items leave, come back, change, or go to somebody. Refused commands change nothing, as always."""
        runtime.store = quiet
        commands = [
            rnd.choice(
                [
                    Command(action=Action.HOLD, caller=ADMIN, item_id=one, reason="other"),
                    Command(action=Action.RESUME, caller=ADMIN, item_id=one),
                    Command(action=Action.COMPLETE, caller=ADMIN, item_id=one, result_code="x"),
                    Command(action=Action.ASSIGN, caller=ADMIN, item_id=one, agent_id=rnd.choice(AGENTS)),
                    Command(action=Action.RETURN, caller=ADMIN, item_id=one),
                    Command(
                        action=Action.UPDATE, caller=ADMIN, item_id=one,
                        update=ItemUpdate(ext={"requestedSkill": rnd.choice(["motor>=3", "german"])}),
                    ),
                ]
            )
            for one in rnd.sample(ids, 4)
        ]  # fmt: skip
        await apply(runtime, commands)
        runtime.store = restless

    await meddle()
    restless.before = meddle
    runtime.store = restless
    await services.feed.start()
    picture = await Picture.load(services)
    restless.before = None
    assert picture.cursor < await head(services), "something happened meanwhile"
    await picture.catch_up()
    assert_same(picture.desk, await item_by_item(services, NOW), NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"action": Action.UPDATE, "update": ItemUpdate(ext={"requestedSkill": "german>=9"})},
        {"action": Action.COMPLETE, "result_code": "x"},
        {"action": Action.ASSIGN, "agent_id": AGENTS[0]},
    ],
)
async def test_an_item_that_moves_on_in_mid_load_is_no_example_for_those_that_were_like_it(
    pools: TenantPools, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    services = await made(pools)
    await save_agents(services)
    made_items = [submission(f"c{n}", data={"kind": "question"}) for n in range(6)]
    items = [
        d.item for d in await Intake(services.runtime).submit_all(made_items, ADMIN) if isinstance(d, Done)
    ]
    read = PostgresReading.backlog_rows

    async def then_changed(self: PostgresReading, *args: Any, **kwargs: Any) -> BacklogBatch:
        batch = await read(self, *args, **kwargs)
        first_two = [Command(caller=ADMIN, item_id=i.id, **change) for i in items[:2]]
        assert all(isinstance(d, Done) for d in await apply(services.runtime, first_two))
        return batch

    monkeypatch.setattr(PostgresReading, "backlog_rows", then_changed)
    await services.feed.start()
    picture = await Picture.load(services)
    monkeypatch.undo()
    assert len(picture.desk.world.backlog) >= 4
    assert_same(picture.desk, await item_by_item(services, NOW), NOW)


async def head(services: TenantServices) -> Cursor:
    async with services.runtime.store.reading() as reading:
        return await reading.head()


async def test_what_is_read_late_never_replaces_what_is_newer(pools: TenantPools) -> None:
    services = await made(pools)
    desk = Desk(await services.runtime.rules())
    item = structs.replace(random_item(Random(1), 7, START).item, revision=3, offer_id=None)
    desk.put_item(item, NOW)
    assert desk.revision(7) == 3
    desk.put_item(structs.replace(item, revision=5, status=Status.COMPLETED), NOW)
    desk.put_item(structs.replace(item, revision=4), NOW)
    assert 7 not in desk.world.backlog, "an item that has moved on is not brought back"
    assert desk.revision(7) == 5
    desk.put_item(structs.replace(item, revision=6), NOW)
    assert desk.world.backlog.revision_of(7) == 6
    desk.put_item(structs.replace(item, revision=7, status=Status.ASSIGNED, assigned_to="x"), NOW)
    desk.put_item(structs.replace(item, revision=6), NOW)
    assert (7 in desk.world.backlog, desk.holdings[7].revision) == (False, 7)


async def test_an_interrupted_load_leaves_nothing_behind(pools: TenantPools) -> None:
    services = await made(pools)
    await store_items(services.runtime.store, [odd_or_plain(Random(n), n, []) for n in range(200)])
    loading = asyncio.create_task(Picture.load(services))
    await until(lambda: pools.usage().in_use)
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    await until(lambda: not pools.usage().in_use)


async def test_a_warm_picture_takes_over_without_a_load(pools: TenantPools) -> None:
    first = await made(pools)
    await save_agents(first)
    second = TenantServices(first.runtime, NEW_ID())
    for services in (first, second):
        await services.feed.start()
    old = await Decider.take_over(first)
    warm = await Picture.load(second)
    created = await Intake(first.runtime).submit_all(
        [submission(f"c{n}", data={"kind": "question"}) for n in range(5)], ADMIN
    )
    lena = caller(agent="agent1")
    await agent_use.set_state(first, "agent1", AgentState.READY, caller=lena)
    await old._catch_up()
    await old._push()

    new = await Decider.take_over(second, warm)
    assert new.epoch == old.epoch + 1
    assert (first.loads, second.loads) == (1, 1)
    assert_same(warm.desk, await item_by_item(first, NOW), NOW)
    items = [d.item for d in created if isinstance(d, Done)]
    async with first.runtime.store.reading() as reading:
        offered = [i for i in (await reading.items_by_id([i.id for i in items])).values() if i.offer_id]
    (given,) = offered
    assert given.offer_id is not None
    await offer.accept(first, given.offer_id, lena)
    await new._catch_up()
    await new._push()
    assert [h.offered for h in warm.desk.holdings.values()].count(True) == 1, "the next offer, by the new one"

    await Intake(first.runtime).submit_all([submission("late", data={"kind": "question"})], ADMIN)
    await agent_use.set_state(first, "agent2", AgentState.READY, caller=caller(agent="agent2"))
    await old._catch_up()
    with pytest.raises(FencedError):
        await old._push()
    again = await Decider.take_over(first, old._picture)
    assert (again.epoch, first.loads) == (new.epoch + 1, 1)
    assert_same(old._picture.desk, await item_by_item(first, NOW), NOW)


async def test_deciding_goes_on_until_new_rules_are_live(
    pools: TenantPools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they need is loaded before; and nothing is decided by the old ones after the answer."""
    services = await made(pools)
    await save_agents(services)
    await services.feed.start()
    services.picture = picture = await Picture.load(services)
    decider = await Decider.take_over(services, picture)
    await Intake(services.runtime).submit_all(
        [submission(f"c{n}", data={"kind": "question"}) for n in range(5)], ADMIN
    )
    loading, go_on, load = asyncio.Event(), asyncio.Event(), DeskLoad.run

    async def wait(self: DeskLoad) -> None:
        loading.set()
        await go_on.wait()
        await load(self)

    monkeypatch.setattr(DeskLoad, "run", wait)
    changed = RULES.replace("{age: 8h, priority: 500}", "{age: 8h, priority: 700}")
    publishing = asyncio.create_task(publish(services, LibraryHolidaySource(), changed, ADMIN))
    await loading.wait()
    lena = caller(agent="agent1")
    await agent_use.set_state(services, "agent1", AgentState.READY, caller=lena)
    await decider._catch_up()
    await decider._push()
    assert [h.agent_id for h in picture.desk.holdings.values()] == ["agent1"], "by the old rules"
    monkeypatch.setattr(DeskLoad, "run", load)
    go_on.set()
    assert await publishing == 2
    loads = services.loads
    await decider._catch_up()
    assert picture.desk.rules.version == 2
    assert services.loads == loads, "nothing was left to be loaded"
    assert_same(picture.desk, await item_by_item(services, NOW), NOW)
    await agent_use.set_state(services, "agent2", AgentState.READY, caller=caller(agent="agent2"))
    await decider._catch_up()
    await decider._push()
    assert {h.agent_id for h in picture.desk.holdings.values()} == {"agent1", "agent2"}


async def test_rules_that_do_not_go_live_leave_nothing_behind(pools: TenantPools) -> None:
    services = await made(pools)
    await services.feed.start()
    services.picture = picture = await Picture.load(services)
    other = TenantServices(services.runtime, NEW_ID())
    compiled = await services.runtime.rules()

    async def be_late() -> None:
        async with going_live(services, structs.replace(compiled, version=2)):
            await publish(other, LibraryHolidaySource(), RULES.replace("Rising", "Other"), ADMIN)
            raise ConflictError("somebody else was quicker")

    with pytest.raises(ConflictError):
        await be_late()
    await picture.catch_up()
    assert picture._ahead is None
    assert [s.name for s in picture.desk.rules.document.schemas] == ["Other", "Valued"]
