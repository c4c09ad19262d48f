"""The hot queries use their indexes: a plan that reads the whole table would pass every other test and fail in use."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from fractions import Fraction
from typing import Any
from uuid import uuid4

import pytest

from openiwd.adapters.postgres.alarm_reading import ALARM_SQL
from openiwd.adapters.postgres.connection import Connection, open_connection
from openiwd.adapters.postgres.dashboard_reading import DASHBOARD_SQL
from openiwd.adapters.postgres.item_reading import ITEM_SQL
from openiwd.adapters.postgres.item_writing import ARRIVAL
from openiwd.adapters.postgres.live_reading import OFFER_SQL
from openiwd.adapters.postgres.log_reading import EVENT_SQL
from openiwd.adapters.postgres.rows import json_rows
from openiwd.adapters.postgres.search_arguments import Arguments
from openiwd.adapters.postgres.tenant_reading import PostgresReading
from openiwd.adapters.postgres.tenant_writing import PostgresWriting
from openiwd.domain.work_item import ItemNumber, Status, WorkItem
from openiwd.ports.tenant_store import Candidates, Leading, SearchQuery
from tests.factories.stored_item import HASH, START, created, open_offers, stored_item
from tests.servers.until import until

ITEMS = 20_000


def many_items() -> list[WorkItem]:
    """A tenant after some time: most items are final, few are in any one agent's hands."""
    chance = random.Random(1)
    items = []
    for n in range(ITEMS):
        at = START + timedelta(seconds=n)
        fields: dict[str, Any] = {
            "received_at": at,
            "created_at": at,
            "queue_id": f"q{n % 20}",
            "subject": f"Subject {n}",
            "category_path": f"A{n % 50}",
            "ext": {"customerId": f"C{n % 2_000}"},
        }
        roll = chance.random()
        if roll < 0.85:
            fields |= {
                "status": Status.COMPLETED,
                "completed_at": at,
                "expiration_at": at + timedelta(days=400),
            }
        elif roll < 0.95:
            fields |= {"due_at": at}
        elif roll < 0.97:
            fields |= {"status": Status.ASSIGNED, "assigned_to": f"agent{n % 100}", "assignment_id": uuid4()}
        elif roll < 0.98:
            fields |= {"status": Status.CAPTURED, "activation_at": at + timedelta(days=1)}
        elif roll < 0.99:
            fields |= {
                "status": Status.HELD,
                "hold_until": at + timedelta(days=1),
                "category_id": "a",
                "keep_for": f"agent{n % 100}",
            }
        else:
            fields |= {
                "offer_id": uuid4(),
                "offered_to": f"agent{n % 100}",
                "offer_expires_at": at,
                "reserved_for": "x",
                "reserved_until": at,
            }
        items.append(stored_item(f"c{n}", **fields))
    return items


@pytest.fixture
async def connection(tenant_database: str) -> AsyncIterator[Connection]:
    connection = await open_connection(tenant_database)
    writing = PostgresWriting(connection)
    items = many_items()
    for start in range(0, ITEMS, 2_000):
        batch = items[start : start + 2_000]
        async with connection.transaction():
            numbers = await writing.insert_items(batch, [HASH] * len(batch))
            for item in batch:
                item.number = ItemNumber(numbers[item.id])
            await writing.append_events([created(item) for item in batch])
            await open_offers(connection, batch)
    await connection.execute(
        "INSERT INTO offer (id, item_number, item_id, agent_id, queue_id, kind, epoch, offered_at, outcome, decision)"
        " SELECT gen_random_uuid(), n % 5000, gen_random_uuid(), 'agent' || n % 100, 'q', 'push', 1, now(),"
        " 'declined', ''"
        " FROM generate_series(1, 20000) AS n"
    )
    await connection.execute("ANALYZE")
    yield connection
    await connection.close()


def tables_read_whole(plan: dict[str, Any]) -> set[str]:
    found = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return found.union(*(tables_read_whole(part) for part in plan.get("Plans", [])))


def indexes_used(plan: dict[str, Any]) -> set[str]:
    found = {plan["Index Name"]} if "Index Name" in plan else set()
    return found.union(*(indexes_used(part) for part in plan.get("Plans", [])))


async def explained(connection: Connection, sql: str, *arguments: Any, generic: bool) -> dict[str, Any]:
    """The plan as a prepared statement gets it: for these values, or for any."""
    async with connection.transaction():
        await connection.execute(
            f"SET LOCAL plan_cache_mode = force_{'generic' if generic else 'custom'}_plan"
        )
        record = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {sql.rstrip(';')}", *arguments)
    plan: dict[str, Any] = json.loads(record)[0]["Plan"]
    return plan


async def test_hot_queries_use_their_indexes(connection: Connection) -> None:
    some = [uuid4() for _ in range(50)]
    hot: dict[str, tuple[str, tuple[Any, ...], set[str]]] = {
        "items_by_id": (ITEM_SQL["items_by_id"], (some,), {"item_id_key"}),
        "items_by_number": (ITEM_SQL["items_by_number"], (list(range(50)),), {"item_pkey"}),
        "items_by_capture": (
            ITEM_SQL["items_by_capture"],
            (["rest"] * 50, [f"c{n}" for n in range(50)]),
            {"item_capture_id_capture_point_key"},
        ),
        "items_by_capture_id": (
            ITEM_SQL["items_by_capture_id"],
            ("c5",),
            {"item_capture_id_capture_point_key"},
        ),
        "backlog_rows": (
            ITEM_SQL["backlog_rows"],
            (1_000, 500, ["q1", "q2"], 7),
            {"item_queued", "item_contact"},
        ),
        "held_numbers": (ITEM_SQL["held_numbers"], (), {"item_assigned", "item_pkey"}),
        "held_by_agents": (
            ITEM_SQL["held_by_agents"],
            (),
            {"item_assigned", "item_pkey"},
        ),
        "due_timers": (
            ITEM_SQL["due_timers"],
            (START, 100),
            {"item_captured", "item_hold_until", "offer_expiry", "item_reservation_end", "item_pkey"},
        ),
        "next_timer": (
            ITEM_SQL["next_timer"],
            (),
            {"item_captured", "item_hold_until", "offer_expiry", "item_reservation_end"},
        ),
        "items_of_agent": (
            ITEM_SQL["items_of_agent"],
            ("agent5",),
            {"item_assigned", "offer_open_agent", "item_reserved", "item_kept", "item_pkey"},
        ),
        "expired_items": (ITEM_SQL["expired_items"], (START, 100), {"item_expiry"}),
        "lock_items": (ITEM_SQL["lock_items"], ([1, 2, 3],), {"item_pkey"}),
        "delete_items": (ITEM_SQL["delete_items"], ([1, 2, 3], [1, 1, 1]), {"item_pkey"}),
        "events": (EVENT_SQL["events"], (1, 15_000, 100), {"event_pkey"}),
        "events_with_personal": (EVENT_SQL["events_with_personal"], (1, 15_000, 100), {"event_pkey"}),
        "history": (EVENT_SQL["history"], (some[0],), {"event_item_revision"}),
        "head": (EVENT_SQL["head"], (), {"event_pkey"}),
        "oldest": (EVENT_SQL["oldest"], (), {"event_pkey"}),
    }
    for generic in (False, True):
        for name, (sql, arguments, indexes) in hot.items():
            plan = await explained(connection, sql, *arguments, generic=generic)
            assert not tables_read_whole(plan) & {"item", "offer", "event", "event_personal"}, (name, generic)
            assert indexes_used(plan) >= indexes, (name, generic)


async def all_visible(connection: Connection) -> bool:
    """Vacuumed; pages that somebody else (autovacuum, analysing) still sees in another state take one more time."""
    await connection.execute("VACUUM (ANALYZE) item")
    counts = await connection.fetchrow("SELECT relpages, relallvisible FROM pg_class WHERE relname = 'item'")
    assert counts is not None
    return bool(counts["relallvisible"] >= counts["relpages"])


async def test_dashboards_and_alarms_read_indexes(connection: Connection) -> None:
    """Counts of open items, of what came in and of what was finished come from one index each, without the table."""
    await until(lambda: all_visible(connection))
    spans = [START + timedelta(minutes=15 * n) for n in range(9)]
    queues = [f"q{n}" for n in range(20)]
    late = START + timedelta(days=1)
    read: dict[str, tuple[str, tuple[Any, ...], set[str]]] = {
        "backlog": (DASHBOARD_SQL["backlog"], (START, late, late), {"item_open_category"}),
        "arrivals": (DASHBOARD_SQL["arrivals"], (spans, spans[0], spans[-1]), {"item_received"}),
        "finished": (DASHBOARD_SQL["finished"], (spans, spans[0], spans[-1]), {"item_completed"}),
        "handled": (DASHBOARD_SQL["handled"], (spans[-2],), {"item_completed"}),
        "due_causes": (ALARM_SQL["due_causes"], ("overdue", None, START, 500), {"item_due"}),
        "longest_waiting": (ALARM_SQL["longest_waiting"], (queues[:3], START, 5), {"item_queue"}),
        "declined_causes": (ALARM_SQL["declined_causes"], (queues, [3] * 20, 3, 500), {"item_declined"}),
        "errorheld_causes": (ALARM_SQL["errorheld_causes"], (500,), {"item_errorheld"}),
    }
    for name, (sql, arguments, indexes) in read.items():
        plan = await explained(connection, sql, *arguments, generic=False)
        assert "item" not in tables_read_whole(plan), name
        assert indexes_used(plan) >= indexes, name


async def test_writes_find_their_rows_by_index(connection: Connection) -> None:
    items = await PostgresWriting(connection).items_by_number(range(1, 101))
    rows = json_rows(list(items.values()))
    for generic in (False, True):
        plan = await explained(connection, ITEM_SQL["update_items"], rows, [1] * 100, generic=generic)
        assert indexes_used(plan) >= {"item_pkey"}, generic
        plan = await explained(connection, ARRIVAL.insert, rows, [HASH] * 100, generic=generic)
        assert "item_capture_id_capture_point_key" in indexes_used(plan) or "item_capture_id" in indexes_used(
            plan
        ), generic
        assert not tables_read_whole(plan), generic


class Told(PostgresReading):
    """Keeps the statements of searches, which are made anew for each."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.statements: list[tuple[str, list[Any]]] = []

    async def _fetch(self, statement: str, arguments: Arguments) -> list[Any]:
        self.statements.append((statement, arguments.values))
        return await super()._fetch(statement, arguments)


async def test_searches_use_their_indexes(connection: Connection) -> None:
    await until(lambda: all_visible(connection))
    of_customer = {
        "all": [
            {"attribute": "status", "operator": "in", "value": [s.value for s in Status if not s.is_final]},
            {"attribute": "ext.customerId", "operator": "eq", "value": "C77"},
        ]
    }
    held = {"all": [{"attribute": "status", "operator": "eq", "value": "held"}]}
    best = Candidates(numbers=list(range(1, 400)), above=Fraction(5))
    leading = Leading(statuses=["held"], items=50)
    for query, indexes in (
        (SearchQuery(filter=of_customer, now=START), {"item_customer"}),
        (SearchQuery(candidates=best, with_count=False, now=START), {"item_open_rest", "item_pkey"}),
        (SearchQuery(filter=held, leading=leading, now=START), {"item_open_rest", "item_pkey"}),
    ):
        told = Told(connection)
        await told.search(query)
        await told.matching(query, 10_001, 500)
        for generic in (False, True):
            plan = await explained(connection, told.statements[0][0], *told.statements[0][1], generic=generic)
            assert "item" not in tables_read_whole(plan), (query, generic)
            assert indexes_used(plan) >= indexes, (query, generic)
        if query.filter is of_customer:
            for statement, values in told.statements:
                assert indexes_used(await explained(connection, statement, *values, generic=True)) >= indexes


async def test_offers_of_an_item_are_found_by_index(connection: Connection) -> None:
    for generic in (False, True):
        plan = await explained(connection, OFFER_SQL["offers_of_item"], 7, 50, generic=generic)
        assert indexes_used(plan) == {"offer_item"}


@pytest.mark.parametrize("kind", ["push", "pull"])
async def test_a_claim_finds_its_rows_by_index_and_an_offer_adds_no_entry_to_the_indexes_of_items(
    connection: Connection, kind: str
) -> None:
    """Far apart, so that each page has room; asked of the counters of the transaction itself."""
    numbers: list[int] = await connection.fetchval(
        "SELECT array_agg(number ORDER BY number) FROM ("
        " SELECT DISTINCT ON ((ctid::text::point)[0]) number FROM item"
        " WHERE status = 'queued' AND offer_id IS NULL) AS one"
    )
    ids = [uuid4() for _ in numbers]
    async with connection.transaction():
        granted = await connection.fetchval(
            OFFER_SQL["claim"], 0, kind, START, "a", numbers, [1] * len(ids), [f"agent{n}" for n in numbers], ids, ids,
            [30] * len(ids), [b"x"] * len(ids), "\n".join(["{}"] * len(ids)),
        )  # fmt: skip
        counts = await connection.fetch(
            "SELECT relname, seq_scan, n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables"
            " WHERE relname IN ('item', 'offer', 'event')"
        )
    assert sorted(granted) == numbers
    assert len(numbers) > 500
    read = {record["relname"]: record for record in counts}
    assert [record["seq_scan"] for record in read.values()] == [0, 0, 0]
    assert read["item"]["n_tup_upd"] == len(numbers)
    assert read["item"]["n_tup_hot_upd"] == (len(numbers) if kind == "push" else 0)
