"""Dashboards on random items: every number is the sum of its lines and the count of the search behind it."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from openiwd.adapters.postgres.pools import TenantPools
from openiwd.domain.dashboard import Period, Tally, day_start
from openiwd.domain.errors import ForbiddenError
from openiwd.domain.privilege import Caller, Role, Scope, role_privileges
from openiwd.domain.work_item import FINAL, Status, WorkItem
from openiwd.ports.tenant_store import SearchQuery
from openiwd.usecases import dashboard, dashboard_agent, dashboard_flow, search
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.tenant_runtime import TenantRuntime
from openiwd.web.dashboard.activity_view import flow_view, points_view
from openiwd.web.dashboard.dashboard_view import Board
from openiwd.web.shell.rendering import catalogue
from openiwd.web.shell.time_text import TimeText
from tests.factories.api import World
from tests.factories.stored_item import store_items, stored_item
from tests.factories.tenant import NOBODY, MovedClock, caller, make_runtime, pools_for

NOW = datetime(2026, 3, 29, 12, 7, tzinfo=UTC)  # a Sunday of 23 hours in Berlin
ZONE = "Europe/Berlin"
PATHS = [None, "Claims", "Claims/Motor", "Claims/Property", "Lending/Mortgage", "Claims trade/Other", "Gone"]
QUEUES = [None, "claims", "loans", "calls", "gone"]
SUPERVISOR = caller(Role.SUPERVISOR)
GROUPED = Caller(
    tenant_id="t",
    actor="user:g",
    name="g",
    role=Role.VIEWER,
    privileges=role_privileges(Role.VIEWER, grouped=True),
    categories=["Claims/Motor"],
    queues=["loans"],
)


def random_item(n: int, chance: random.Random) -> WorkItem:
    status = chance.choice(list(Status))
    received = NOW - timedelta(minutes=chance.randrange(0, 9 * 24 * 60))
    fields: dict[str, Any] = {
        "status": status,
        "category_path": chance.choice(PATHS),
        "queue_id": chance.choice(QUEUES),
        "capture_point": chance.choice(["rest", "mail"]),
        "received_at": received,
        "created_at": received - timedelta(minutes=chance.randrange(500)),
        "queued_at": received if chance.random() < 0.9 else None,
        "due_at": NOW + timedelta(minutes=chance.randrange(-3_000, 3_000)) if chance.random() < 0.8 else None,
        "last_agent": chance.choice(["anna", "bert", None]),
        "assigned_at": received,
    }
    if status is Status.ASSIGNED:
        fields |= {"assigned_to": chance.choice(["anna", "bert"]), "assignment_id": uuid4()}
    if status in FINAL:
        at = received + (NOW - received) * chance.random()
        fields |= {"completed_at": at, "expiration_at": NOW + timedelta(days=100)}
    return stored_item(f"c{n}", **fields)


@pytest.fixture
async def runtime(tenant_database: str) -> AsyncIterator[TenantRuntime]:
    pools: TenantPools = pools_for(tenant_database)
    made = await make_runtime(pools, MovedClock(NOW), time_zone=ZONE)
    chance = random.Random(7)
    items = [random_item(n, chance) for n in range(1_500)]
    for start in range(0, len(items), 100):
        await store_items(made.store, items[start : start + 100])
    yield made
    await pools.close()


@pytest.fixture
def services(runtime: TenantRuntime) -> TenantServices:
    return TenantServices(runtime, NOBODY)


def condition(attribute: str, operator: str, value: Any = None) -> dict[str, Any]:
    found = {"attribute": attribute, "operator": operator}
    return found if value is None else {**found, "value": value}


async def count(
    services: TenantServices, by: Caller, *conditions: dict[str, Any], category: str | None = None
) -> int:
    query = SearchQuery(filter={"all": list(conditions)}, category=category, limit=1)
    return (await search.search(services, by, query)).page.count


WAITING = condition("status", "in", ["new", "captured", "queued"])
HELD = condition("status", "in", ["held", "errorheld"])
OPEN = condition("status", "notIn", ["completed", "canceled", "rejected"])


def numbers(of: Tally) -> list[int]:
    return [of.waiting, of.assigned, of.held, of.overdue, of.due_hour, of.due_today]


async def searched(
    services: TenantServices, by: Caller, *more: dict[str, Any], category: str | None = None
) -> list[int]:
    """The numbers of a tally, each by a search."""
    hour, midnight = NOW + timedelta(hours=1), datetime(2026, 3, 29, 22, tzinfo=UTC)
    due = condition("dueDateTime", "ge", NOW.isoformat())
    asked = [
        [WAITING],
        [condition("status", "eq", "assigned")],
        [HELD],
        [OPEN, condition("dueDateTime", "before", NOW.isoformat())],
        [OPEN, due, condition("dueDateTime", "lt", hour.isoformat())],
        [OPEN, due, condition("dueDateTime", "lt", midnight.isoformat())],
    ]
    return [await count(services, by, *conditions, *more, category=category) for conditions in asked]


@pytest.mark.parametrize("by", [SUPERVISOR, GROUPED], ids=["all", "group"])
async def test_tiles_are_the_sum_of_their_lines_and_what_a_search_finds(
    services: TenantServices, by: Caller
) -> None:
    board = await dashboard.backlog(services, by)
    whole = numbers(board.counts)
    assert min(whole) > 0
    assert whole == [sum(c) for c in zip(*(numbers(line.counts) for line in board.categories), strict=True)]
    assert whole == [sum(c) for c in zip(*(numbers(line.counts) for line in board.queues), strict=True)]
    assert whole == await searched(services, by)
    assert board.day_end == datetime(2026, 3, 29, 22, tzinfo=UTC)


async def test_tiles_agree_with_the_tree(services: TenantServices) -> None:
    tree = await search.category_counts(services, SUPERVISOR)
    board = await dashboard.backlog(services, SUPERVISOR)
    assert sum(c.count for c in tree) == board.counts.open
    assert sum(c.overdue for c in tree) == board.counts.overdue


async def test_every_line_is_what_a_search_finds(services: TenantServices) -> None:
    board = await dashboard.backlog(services, SUPERVISOR)
    assert [line.category_path for line in board.categories] == [
        "Claims",
        "Lending",
        "Claims trade",
        "Gone",
        None,
    ]
    for line in board.categories:
        unclassified = [condition("categoryPath", "isNotSet")] if line.category_path is None else []
        found = await searched(services, SUPERVISOR, *unclassified, category=line.category_path)
        assert numbers(line.counts) == found, line.category_path
    for of_queue in board.queues:
        chosen = (
            condition("queue", "isNotSet")
            if of_queue.queue_id is None
            else condition("queue", "eq", of_queue.queue_id)
        )
        assert numbers(of_queue.counts) == await searched(services, SUPERVISOR, chosen), of_queue.queue_id


def asked(href: str) -> SearchQuery:
    """What the Universal Queue searches for at an address: open items, unless it says otherwise."""
    given = parse_qs(urlsplit(href).query)
    tree = json.loads(given["filter"][0]) if "filter" in given else {"all": []}
    conditions = list(tree["all"])
    if "status" in given:
        conditions.append(condition("status", "in", given["status"]))
    elif not any(c["attribute"] == "status" for c in conditions):
        final = ["completed", "canceled", "rejected"]
        conditions.append(condition("status", "in" if "finished" in given else "notIn", final))
    if "unclassified" in given:
        conditions.append(condition("categoryPath", "isNotSet"))
    if "overdue" in given:
        conditions.append(condition("dueDateTime", "before", NOW.isoformat()))
    for name, attribute in (("queue", "queue"), ("agent", "assignedToUser")):
        if name in given:
            conditions.append(condition(attribute, "eq", given[name][0]))
    category = given.get("category", [None])[0]
    return SearchQuery(filter={"all": conditions}, category=category, limit=1)


def shown(text: str) -> int:
    return int(text.replace("\u202f", ""))


@pytest.mark.parametrize("department", [None, "Claims"])
@pytest.mark.parametrize("by", [SUPERVISOR, GROUPED], ids=["all", "group"])
async def test_every_number_opens_the_items_behind_it(
    services: TenantServices, by: Caller, department: str | None
) -> None:
    backlog = await dashboard.backlog(services, by, department)
    flow = await dashboard_flow.flow(services, by, Period.WEEK, department)
    times = TimeText(catalogue("en"), ZONE, NOW)
    board = Board(backlog, department, times)
    level = board.tiles(flow, None)[-1]
    links = [(tile.value, tile.href) for tile in board.tiles(flow, None)[:-1]]
    links.append((str(flow.total.measured), level.href))
    for row in board.categories():
        links += [(c.text, c.href) for c in (row.waiting, row.assigned, row.held, row.overdue)]
    for line in board.queues():
        links += [(c.text, c.href) for c in (line.waiting, line.assigned, line.overdue)]
    view = flow_view(flow, department, times)
    links += [(view.arrived.text, view.arrived.href), (view.finished.text, view.finished.href)]
    links += [(p.arrived.text, p.arrived.href) for p in points_view(flow, department, times)]
    followed = [(text, href) for text, href in links if href]
    assert len(followed) > 20
    for text, href in followed:
        found = (await search.search(services, by, asked(href))).page.count
        assert found == shown(text), href


async def test_a_department_shows_its_processes_and_what_is_in_none(services: TenantServices) -> None:
    board = await dashboard.backlog(services, SUPERVISOR, "Claims")
    assert [(line.category_path, line.is_own) for line in board.categories] == [
        ("Claims", True),
        ("Claims/Motor", False),
        ("Claims/Property", False),
    ]
    assert numbers(board.counts) == await searched(services, SUPERVISOR, category="Claims")
    own = await searched(services, SUPERVISOR, condition("categoryPath", "eq", "Claims"))
    assert numbers(board.categories[0].counts) == own


@pytest.mark.parametrize("period", Period)
@pytest.mark.parametrize("by", [SUPERVISOR, GROUPED], ids=["all", "group"])
async def test_flow_is_what_a_search_finds(services: TenantServices, by: Caller, period: Period) -> None:
    board = await dashboard_flow.flow(services, by, period)

    def within(attribute: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
        return [
            condition(attribute, "ge", start.isoformat()),
            condition(attribute, "lt", end.isoformat()),
        ]

    arrived = within("receivedDateTime", board.start, board.end)
    done = within("completedDateTime", board.start, board.end)
    completed = condition("status", "eq", "completed")
    measured = [*done, completed, condition("dueDateTime", "isSet")]
    assert board.total.arrived == await count(services, by, *arrived)
    assert board.total.finished == await count(services, by, *done)
    assert board.total.measured == await count(services, by, *measured)
    late = await count(services, by, *measured, condition("overdue", "eq", True))
    assert board.total.measured - board.total.in_time == late
    assert board.total.arrived == sum(p.arrived for p in board.capture_points)
    ends = [flow.start for flow in board.spans[1:]] + [board.end]
    for flow, end in list(zip(board.spans, ends, strict=True))[-4:]:
        assert flow.arrived == await count(services, by, *within("receivedDateTime", flow.start, end))


async def test_agents_done_today_and_what_they_hold(services: TenantServices, runtime: TenantRuntime) -> None:
    since = day_start(NOW, dashboard.zone_of(services))
    board = await dashboard_agent.agents(services, SUPERVISOR)
    assert board.day_start == since == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert board.agents == []
    async with runtime.store.reading() as reading:
        held = Counter[str]()
        for hand in await reading.in_hand():
            held[hand.agent] += hand.items
        done = Counter[str]()
        for row in await reading.handled(since):
            done[row.agent] += row.items
    for name in ("anna", "bert"):
        assert held[name] == await count(services, SUPERVISOR, condition("assignedToUser", "eq", name))
        assert done[name] == await count(
            services,
            SUPERVISOR,
            condition("lastAgent", "eq", name),
            condition("status", "eq", "completed"),
            condition("completedDateTime", "ge", since.isoformat()),
        )


async def test_a_quarter_is_kept_once_and_reads_as_the_tiles(services: TenantServices) -> None:
    board = await dashboard.backlog(services, SUPERVISOR)
    assert await dashboard.keep_sample(services)
    assert not await dashboard.keep_sample(services)
    other = TenantServices(services.runtime, NOBODY)
    async with services.runtime.store.writing() as tx:  # another process that came too late
        await tx.save_samples(NOW.replace(minute=0), {(None, None): board.counts})
    for by in (SUPERVISOR, GROUPED):
        fresh = await dashboard.backlog(other, by)
        (sample,) = fresh.samples
        of_sample = [getattr(sample, name) for name in ("waiting", "assigned", "held", "overdue")]
        assert (sample.at, of_sample) == (NOW.replace(minute=0), numbers(fresh.counts)[:4])
        other.counts.forget()


async def test_dashboards_are_not_for_agents_who_see_their_own(services: TenantServices) -> None:
    own = Caller(
        tenant_id="t",
        actor="a",
        name="a",
        privileges={"dashboard.view": Scope.ALL, "workitems.search": Scope.OWN},
    )
    with pytest.raises(ForbiddenError):
        await dashboard.backlog(services, own)
    with pytest.raises(ForbiddenError):
        await dashboard.backlog(services, caller(Role.AGENT, agent="a"))


async def test_the_api_tells_the_same(api: World) -> None:
    await api.add_agent("anna", groups=["motor"])
    await api.ready("anna")
    for n in range(3):
        await api.item(f"c{n}")
    backlog = (await api.get("/dashboards/backlog")).json()
    assert backlog["counts"]["waiting"] == 3
    assert backlog["categories"][0] | {"counts": None} == {
        "categoryPath": "Claims",
        "isOwn": False,
        "counts": None,
    }
    assert backlog["queues"][0]["agentsReady"] == 1
    flow = (await api.get("/dashboards/flow", params={"period": "hour"})).json()
    assert flow["total"]["arrived"] == sum(s["arrived"] for s in flow["spans"]) == 3
    agents = (await api.get("/dashboards/agents")).json()
    assert agents["groups"][0]["ready"] == 1
    assert agents["agents"][0]["state"] == "ready"
    empty = await api.get("/dashboards/backlog", params={"department": "Nowhere"})
    assert empty.json()["counts"]["waiting"] == 0
