"""The demo on a real database: what it loads, that its history is true and in order, that its traffic moves items."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from openiwd.domain.agent import AgentState
from openiwd.domain.event import LoggedEvent, fold
from openiwd.domain.privilege import Role, system
from openiwd.domain.work_item import OPEN, Status
from openiwd.ports.tenant_store import Cursor, Tenant
from openiwd.processes.background import Background
from openiwd.processes.demo import load_demo, people
from openiwd.processes.demo.history import History
from openiwd.processes.demo.loading import demo_rule_set, load_history, load_objects, loading_services
from openiwd.processes.demo.traffic import Traffic
from openiwd.processes.wiring import Wiring
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.rule_set import publish
from tests.servers.until import until

PASSWORD = "correct horse 24"


@pytest.fixture
async def wiring(control_database: str, tenant_database: str) -> AsyncIterator[Wiring]:
    wiring = Wiring(control_database, budget=10)
    await wiring.control.save_tenant(
        Tenant(
            id="main",
            name="Nordhaven Insurance",
            database_name=urlsplit(tenant_database).path.lstrip("/"),
            time_zone="Europe/Berlin",
        )
    )
    yield wiring
    await wiring.close()


async def loaded(wiring: Wiring, items: int) -> TenantServices:
    tenant = await wiring.control.tenant("main")
    assert tenant is not None
    await load_demo(wiring, tenant, PASSWORD, items=items)
    return await wiring.platform.services("main")


async def whole_log(services: TenantServices) -> list[LoggedEvent]:
    found: list[LoggedEvent] = []
    async with services.runtime.store.reading() as reading:
        cursor = Cursor(0, 0)
        while batch := await reading.events(cursor, 1_000):
            found += batch
            cursor = Cursor(batch[-1].generation, batch[-1].pos)
    return found


async def test_the_demo_is_as_large_and_as_varied_as_promised(
    wiring: Wiring,
) -> None:
    services = await loaded(wiring, 2_000)
    rules = await services.runtime.rules()
    assert sum(1 for c in rules.tree if c.level == 1) == 3
    assert sum(1 for c in rules.tree if c.level == 2) >= 8
    assert (len(rules.schemas), len(rules.document.calendars)) == (5, 2)
    assert len(rules.queues) >= 9
    async with services.runtime.store.reading() as reading:
        agents = await reading.agents()
        counts = await reading.status_counts()
        queued = await reading.backlog_rows(0, 5_000, prefers_last=[], seed=1)
        waiting = list((await reading.items_by_number(queued.rows.numbers.tolist())).values())
        in_hand = await reading.held_by_agents()
    assert len(agents) == 25
    assert all(agent.skills and agent.groups for agent in agents.values())
    assert sum(counts.values()) == 2_000
    assert counts[Status.COMPLETED] > 1_000
    assert 300 <= sum(counts.get(status, 0) for status in OPEN) <= 600
    for status in (
        Status.CAPTURED,
        Status.ASSIGNED,
        Status.HELD,
        Status.ERRORHELD,
        Status.CANCELED,
        Status.REJECTED,
    ):
        assert counts.get(status, 0) >= 3, status
    now = services.runtime.now()
    overdue = sum(1 for item in waiting if item.due_at is not None and item.due_at < now)
    assert 0 < overdue < len(waiting) / 2
    assert {item.queue_id for item in waiting} >= set(rules.queues) - {"callback"}
    assert {item.assigned_to for item in in_hand} <= set(agents)
    log = await whole_log(services)
    kinds = Counter(event.type for event in log)
    for kind in (
        "offered",
        "assigned",
        "offerDeclined",
        "transferred",
        "returned",
        "reopened",
        "held",
        "resumed",
    ):
        assert kinds[kind] > 0, kind


async def test_its_history_is_true_and_in_order(wiring: Wiring) -> None:
    services = await loaded(wiring, 400)
    log = await whole_log(services)
    instants = [event.at for event in log]
    assert instants == sorted(instants)
    assert instants[0] > services.runtime.now() - timedelta(days=16)
    assert instants[-1] <= services.runtime.now()
    ids = list(dict.fromkeys(event.item_id for event in log if event.item_id is not None))
    assert len(ids) == 400
    async with services.runtime.store.reading() as reading:
        rows = await reading.items_by_id(ids)
        for item_id in ids[::4]:
            events = await reading.history(item_id)
            assert [event.revision for event in events] == list(range(1, rows[item_id].revision + 1))
            assert fold(events) == rows[item_id]


async def test_the_plan_has_no_step_that_fails(wiring: Wiring) -> None:
    services = await wiring.platform.services("main")
    history = History("main", services.runtime.now(), 600)
    past = loading_services(services, history.start - timedelta(hours=1), seed=1)
    await load_objects(past, system("setup"))
    await publish(past, wiring.holidays, demo_rule_set(), system("setup"))
    assert [str(error) for error in await load_history(past, history)] == []


def test_the_plan_is_the_same_for_the_same_instant() -> None:
    now = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
    one, two = (
        [(c.at, c.action, c.capture, c.caller.actor, c.submission) for c in History("t", now, 300).commands]
        for _ in range(2)
    )
    assert one == two


async def test_logins_of_every_role(wiring: Wiring) -> None:
    tenant = await wiring.control.tenant("main")
    assert tenant is not None
    users = await load_demo(wiring, tenant, PASSWORD, items=20)
    assert Counter(user.role for user in users) == {
        Role.ADMINISTRATOR: 1, Role.BUSINESS: 1, Role.SUPERVISOR: 2, Role.VIEWER: 1, Role.AGENT: 4,
    }  # fmt: skip
    assert len({user.password for user in users}) == 1
    services = await wiring.platform.services("main")
    async with services.runtime.store.reading() as reading:
        agents = await reading.agents()
    for user in users:
        assert (user.agent_id is None) == (user.role != Role.AGENT)
        assert user.agent_id is None or agents[user.agent_id].user_login == user.login


async def test_live_traffic_moves_items_and_leaves_people_alone(wiring: Wiring) -> None:
    services = await loaded(wiring, 300)
    before = len(await whole_log(services))
    background = Background(wiring.platform, "test", None, decides=True)
    await background.start()
    traffic = Traffic(services, pace=40.0, seed=1)
    try:
        traffic.start()

        async def lively() -> bool:
            kinds = Counter(e.type for e in (await whole_log(services))[before:])
            return kinds["created"] >= 3 and kinds["completed"] >= 3 and kinds["offered"] >= 3

        await until(lively, seconds=60)
        traffic.pause()

        async def parked() -> bool:
            async with services.runtime.store.reading() as reading:
                agents = (await reading.agents()).values()
            return not any(agent.state("*").state is AgentState.READY for agent in agents)

        await until(parked, seconds=30)
        traffic.resume()

        async def at_work_again() -> bool:
            return not await parked()

        await until(at_work_again, seconds=30)
    finally:
        await traffic.stop()
        await background.stop()
    log = (await whole_log(services))[before:]
    assert not {str(e.subject_id) for e in log if e.type == "agentStateChanged"} & people.OWN_SCREENS
