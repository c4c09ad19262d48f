"""Alarms on a real database: once per cause, cleared with it, whoever looks at the same time or was stopped halfway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from openiwd.adapters.postgres.pools import TenantPools
from openiwd.api.stream import live
from openiwd.domain.agent import Agent, AgentProfile, AgentState, MediaState
from openiwd.domain.alarm import AlarmKind, AlarmSetting, Subscription
from openiwd.domain.errors import ConflictError, FencedError, ForbiddenError, NotFoundError
from openiwd.domain.event import EventType
from openiwd.domain.privilege import Caller, Role, role_privileges
from openiwd.domain.work_item import Status, WorkItem
from openiwd.ports.tenant_store import Cursor
from openiwd.usecases import alarm as alarm_use
from openiwd.usecases import alarm_watch
from openiwd.usecases.alarm import AlarmFilter
from openiwd.usecases.alarm_watch import watch
from openiwd.usecases.platform import TenantServices
from tests.factories.api import World, problem
from tests.factories.stored_item import START, store_items, stored_item
from tests.factories.tenant import NOBODY, MovedClock, caller, make_runtime, pools_for

SUPERVISOR = caller(Role.SUPERVISOR, name="ines")
NOW = START


def grouped(categories: Sequence[str] = (), queues: Sequence[str] = ()) -> Caller:
    privileges = role_privileges(Role.SUPERVISOR, grouped=True)
    return Caller(
        tenant_id="t",
        actor="user:g",
        name="g",
        privileges=privileges,
        categories=list(categories),
        queues=list(queues),
    )


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(NOW)


@pytest.fixture
async def pools(tenant_database: str) -> AsyncIterator[TenantPools]:
    made = pools_for(tenant_database)
    yield made
    await made.close()


@pytest.fixture
async def services(pools: TenantPools, clock: MovedClock) -> TenantServices:
    return TenantServices(await make_runtime(pools, clock), NOBODY)


async def stored(services: TenantServices, capture_id: str, **fields: object) -> WorkItem:
    item = stored_item(capture_id, **{"queue_id": "calls", "category_path": "Claims/Motor", **fields})
    return (await store_items(services.runtime.store, [item]))[0]


async def open_kinds(services: TenantServices, by: Caller = SUPERVISOR) -> list[str]:
    page = await alarm_use.alarms(services, by, AlarmFilter())
    return sorted(a.kind.value for a in page.alarms)


async def events(services: TenantServices) -> list[tuple[str, str]]:
    async with services.runtime.store.reading() as reading:
        logged = await reading.events(Cursor(1, 0), 1_000)
    return [(e.type, e.body["kind"]) for e in logged if e.type.startswith("alarm")]


async def change(services: TenantServices, item: WorkItem, **fields: object) -> None:
    async with services.runtime.store.writing() as tx:
        held = (await tx.items_by_id([item.id]))[item.id]
        for name, value in {"revision": held.revision + 1, **fields}.items():
            setattr(held, name, value)
        assert await tx.update_items([(held.revision - 1, held)])


async def test_due_soon_becomes_overdue_and_ends_with_the_item(
    services: TenantServices, clock: MovedClock
) -> None:
    item = await stored(services, "c1", due_at=NOW + timedelta(minutes=40))
    await stored(services, "c2", status=Status.COMPLETED, due_at=NOW, completed_at=NOW)
    assert await watch(services) == 0
    clock.move(minutes=15)
    assert await watch(services) == 1
    assert await watch(services) == 0
    assert await open_kinds(services) == ["dueSoon"]
    clock.move(minutes=30)
    await watch(services)
    assert await open_kinds(services) == ["overdue"]
    await change(services, item, status=Status.COMPLETED, completed_at=clock.at)
    await watch(services)
    assert await open_kinds(services) == []
    assert await events(services) == [
        (EventType.ALARM_RAISED, "dueSoon"),
        (EventType.ALARM_RAISED, "overdue"),
        (EventType.ALARM_CLEARED, "dueSoon"),
        (EventType.ALARM_CLEARED, "overdue"),
    ]


async def test_a_new_cause_is_a_new_alarm(services: TenantServices) -> None:
    item = await stored(services, "c1", due_at=NOW - timedelta(minutes=1))
    await watch(services)
    await change(services, item, due_at=NOW + timedelta(days=1))
    await watch(services)
    await change(services, item, due_at=NOW - timedelta(minutes=5))
    await watch(services)
    cleared = await alarm_use.alarms(services, SUPERVISOR, AlarmFilter(cleared=True))
    now_open = await alarm_use.alarms(services, SUPERVISOR, AlarmFilter())
    assert (len(cleared.alarms), len(now_open.alarms)) == (1, 1)
    assert now_open.alarms[0].since == NOW - timedelta(minutes=5)


async def test_errors_and_declines_by_the_queues_own_number(services: TenantServices) -> None:
    await stored(
        services, "e", status=Status.ERRORHELD, error="no category", category_path=None, queue_id=None
    )
    await stored(services, "few", declines=2)
    declined = await stored(services, "many", declines=3)
    await watch(services)
    assert await open_kinds(services) == ["declined", "errorheld"]
    await change(services, declined, status=Status.ASSIGNED, assigned_to="a", assignment_id=uuid4())
    await watch(services)
    assert await open_kinds(services) == ["errorheld"]


async def test_agents_not_ready_and_queues_without_agents(
    services: TenantServices, clock: MovedClock
) -> None:
    store = services.runtime.store
    async with store.writing() as tx:
        agent: Agent = await tx.save_agent(AgentProfile(id="a", name="A", groups=["g"]), revision=None)
        agent.states = {"*": MediaState(AgentState.NOT_READY, reason="lunch", since=NOW)}
        await tx.save_agent_state(agent)
    await stored(services, "c1", queue_id="claims", queued_at=NOW)
    clock.move(minutes=20)
    await watch(services)
    assert await open_kinds(services) == []  # who is not ready may still take it later
    async with store.writing() as tx:
        agent.states = {"*": MediaState(AgentState.LOGGED_OUT, since=clock.at)}
        await tx.save_agent_state(agent)
    await watch(services)
    assert await open_kinds(services) == ["noEligibleAgent"]
    async with store.writing() as tx:
        agent.states = {"*": MediaState(AgentState.NOT_READY, reason="lunch", since=NOW)}
        await tx.save_agent_state(agent)
    clock.move(minutes=45)
    await watch(services)
    assert await open_kinds(services) == ["notReady"]


async def test_two_processes_and_a_restart_raise_each_cause_once(
    pools: TenantPools, services: TenantServices, clock: MovedClock
) -> None:
    await store_items(
        services.runtime.store,
        [stored_item(f"c{n}", due_at=NOW - timedelta(minutes=n), queue_id="calls") for n in range(60)],
    )
    others = [TenantServices(services.runtime, NOBODY) for _ in range(3)]
    done = await asyncio.gather(*(watch(s) for s in (services, *others)))
    assert sum(done) == 60
    restarted = TenantServices(services.runtime, NOBODY)
    assert await watch(restarted) == 0
    logged = await events(services)
    assert logged == [(EventType.ALARM_RAISED, "overdue")] * 60
    page = await alarm_use.alarms(services, SUPERVISOR, AlarmFilter(limit=500))
    assert len({a.object_id for a in page.alarms}) == len(page.alarms) == 60


async def test_who_no_longer_decides_writes_nothing(services: TenantServices) -> None:
    await stored(services, "c1", due_at=NOW)

    async def fence() -> None:
        raise FencedError("another process decides now", epoch=1)

    with pytest.raises(FencedError):
        await watch(services, fence)
    assert await open_kinds(services) == []


async def test_many_causes_are_told_up_to_a_limit(
    services: TenantServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarm_watch, "MOST_OPEN", 5)
    await store_items(
        services.runtime.store,
        [stored_item(f"c{n}", due_at=NOW - timedelta(minutes=n), queue_id="calls") for n in range(9)],
    )
    assert await watch(services) == 5
    assert await watch(services) == 0


async def test_acknowledging_and_owning(services: TenantServices) -> None:
    await stored(services, "c1", due_at=NOW)
    await watch(services)
    (alarm,) = (await alarm_use.alarms(services, SUPERVISOR, AlarmFilter())).alarms
    assert (alarm.status, alarm.category_path) == ("queued", "Claims/Motor")
    assert await alarm_use.open_count(services, SUPERVISOR) == 1
    seen = await alarm_use.acknowledge(services, SUPERVISOR, alarm.id)
    again = await alarm_use.acknowledge(services, caller(Role.SUPERVISOR, name="bea"), alarm.id)
    assert seen.acknowledged_by == again.acknowledged_by == "user:ines"
    assert await alarm_use.open_count(services, SUPERVISOR) == 0
    owned = await alarm_use.own(services, SUPERVISOR, alarm.id)
    assert owned.owner == "user:ines"
    with pytest.raises(ConflictError):
        await alarm_use.own(services, caller(Role.SUPERVISOR, name="bea"), alarm.id, owned=False)
    assert (await alarm_use.own(services, SUPERVISOR, alarm.id, owned=False)).owner is None
    with pytest.raises(ForbiddenError):
        await alarm_use.acknowledge(services, caller(Role.VIEWER), alarm.id)
    assert (await events(services))[1:] == [(EventType.ALARM_CHANGED, "overdue")] * 3


async def test_a_page_is_acknowledged_at_once(services: TenantServices) -> None:
    for n in range(3):
        await stored(services, f"c{n}", due_at=NOW - timedelta(minutes=n))
    await stored(services, "e", status=Status.ERRORHELD, error="x")
    await watch(services)
    overdue = AlarmFilter(kinds=[AlarmKind.OVERDUE], limit=2)
    assert await alarm_use.acknowledge_all(services, SUPERVISOR, overdue) == 2
    assert await alarm_use.acknowledge_all(services, SUPERVISOR, overdue) == 1
    assert await alarm_use.acknowledge_all(services, SUPERVISOR, overdue) == 0
    assert await alarm_use.open_count(services, SUPERVISOR) == 1
    with pytest.raises(ForbiddenError):
        await alarm_use.acknowledge_all(services, caller(Role.VIEWER), overdue)


async def test_access_groups_limit_what_alarms_are_seen(services: TenantServices) -> None:
    await stored(services, "in", due_at=NOW)
    await stored(services, "out", due_at=NOW, category_path="Lending", queue_id="loans")
    await watch(services)
    one = grouped(categories=["Claims"])
    page = await alarm_use.alarms(services, one, AlarmFilter())
    assert [a.category_path for a in page.alarms] == ["Claims/Motor"]
    assert await alarm_use.open_count(services, one) == 1
    assert await alarm_use.open_count(services, grouped(queues=["loans"])) == 1
    hidden = (await alarm_use.alarms(services, grouped(queues=["loans"]), AlarmFilter())).alarms[0]
    with pytest.raises(NotFoundError):
        await alarm_use.get(services, one, hidden.id)


async def test_a_subscription_limits_the_bell_and_not_the_list(services: TenantServices) -> None:
    await stored(services, "in", due_at=NOW)
    await stored(services, "e", status=Status.ERRORHELD, error="x")
    await watch(services)
    await alarm_use.subscribe(services, SUPERVISOR, Subscription(kinds=[AlarmKind.ERRORHELD]))
    assert await alarm_use.open_count(services, SUPERVISOR) == 1
    assert await open_kinds(services) == ["errorheld"]
    page = await alarm_use.alarms(services, SUPERVISOR, AlarmFilter(subscribed=False))
    assert page.counts == {"errorheld": 1, "overdue": 1}
    await alarm_use.subscribe(services, SUPERVISOR, Subscription(categories=["Lending"]))
    assert await alarm_use.open_count(services, SUPERVISOR) == 0
    async with services.runtime.store.reading() as reading:
        bodies = await reading.alarm_subscriptions()
    assert alarm_use.subscribers(page.alarms[0], bodies) == []


async def test_old_cleared_alarms_are_forgotten(services: TenantServices, clock: MovedClock) -> None:
    item = await stored(services, "c1", due_at=NOW)
    await watch(services)
    await change(services, item, due_at=None)
    await watch(services)
    clock.move(days=29)
    assert await alarm_watch.forget_cleared(services) == 0
    clock.move(days=2)
    assert await alarm_watch.forget_cleared(services) == 1


async def test_the_api_lists_pages_and_acts(api: World) -> None:
    services = await api.services()
    now: datetime = services.runtime.now()
    await store_items(
        services.runtime.store,
        [stored_item(f"c{n}", due_at=now - timedelta(minutes=n + 1), queue_id="calls") for n in range(3)],
    )
    await watch(services)
    first = (await api.get("/alarms", params={"limit": 2})).json()
    assert first["counts"] == {"overdue": 3}
    rest = (await api.get("/alarms", params={"limit": 2, "cursor": first["nextCursor"]})).json()
    assert len({a["id"] for a in first["alarms"] + rest["alarms"]}) == 3
    assert rest["nextCursor"] is None
    problem(await api.get("/alarms", params={"cursor": "nonsense"}), 400)
    alarm_id = UUID(first["alarms"][0]["id"])
    for act in ("acknowledge", "own", "give-back"):
        answer = await api.post(f"/alarms/{alarm_id}/{act}")
        assert answer.status_code == 200, answer.text
    assert (await api.get(f"/alarms/{alarm_id}")).json()["acknowledgedBy"]
    problem(await api.post(f"/alarms/{uuid4()}/own"), 404)


async def test_queues_and_alarms_are_told_to_who_asks_for_nothing_else(api: World) -> None:
    services = await api.follow()
    messages = live(services, caller(Role.VIEWER), services.feed.head, ["queues", "alarms"], 20.0)
    await anext(messages)
    await api.item("c1", dueDateTime=(services.runtime.now() + timedelta(minutes=5)).isoformat())
    async with asyncio.timeout(20):
        assert b"event: queues" in await anext(messages)
        await watch(services)
        assert b"event: alarms" in await anext(messages)
    await messages.aclose()  # type: ignore[attr-defined]


async def test_settings_are_kept_with_their_revision(api: World) -> None:
    assert (await api.get("/alarms/settings")).json()["dueSoonMinutes"] == AlarmSetting().due_soon_minutes
    changed = {"dueSoonMinutes": 90, "off": ["notReady"]}
    answer = await api.call("PUT", "/alarms/settings", json=changed)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    stale = await api.call("PUT", "/alarms/settings", json={}, headers={"If-Match": '"7"'})
    problem(stale, 412)
    assert (await api.get("/alarms/settings")).json()["off"] == ["notReady"]
    problem(await api.call("PUT", "/alarms/settings", json={"dueSoonMinutes": 0}), 400)
    wanted = {"kinds": ["overdue"], "categories": ["Claims"], "queues": []}
    assert (await api.call("PUT", "/alarms/subscription", json=wanted)).json() == wanted
    assert (await api.get("/alarms/subscription")).json() == wanted
