"""What retention leaves: months of events that go, days of agents and items that stay, whatever the zone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import pytest

from openiwd.adapters.postgres.migrations.history import MIGRATIONS_DIR
from openiwd.usecases.mart_run import Chain
from tests.factories.mart import MartUnderTest, table
from tests.factories.mart_log import LogWriter, instant

PARTS = "SELECT name FROM event_month ORDER BY 1"
EVENTS = "SELECT item_number, count(*) FROM task_event_fact GROUP BY 1 ORDER BY 1"
JULY = datetime.fromisoformat("2026-07-15T00:00:00+00:00")
MIGRATION = MIGRATIONS_DIR / "mart" / "0004_months_and_members.sql"
BEFORE_IT = """
    ALTER TABLE task_event_fact RENAME TO parts;
    CREATE TABLE task_event_fact (LIKE parts INCLUDING DEFAULTS, PRIMARY KEY (generation, pos));
    INSERT INTO task_event_fact SELECT * FROM parts;
    DROP TABLE parts CASCADE;
    CREATE INDEX task_event_item ON task_event_fact (item_number, revision) WHERE item_number IS NOT NULL;
    CREATE INDEX task_event_agent ON task_event_fact (subject_id, generation, pos)
        WHERE event_type = 'agentStateChanged';
    CREATE INDEX task_event_sample ON task_event_fact (at) WHERE event_type = 'backlogSampled';
    CREATE VIEW iwd_task_event_fact AS SELECT generation, pos FROM task_event_fact;
    DROP TABLE event_month, dimension_member, agg_agent_state_day, agg_agent_presence_day, balance_sum CASCADE;
    DROP FUNCTION make_event_month, keep_events, told_members;
    DROP AGGREGATE told (anyelement), total (bigint);
    DROP FUNCTION later;
    ALTER TABLE mart_state DROP COLUMN kept_from CASCADE, DROP COLUMN summed_to, DROP COLUMN names_generation,
        DROP COLUMN names_pos;
    DROP INDEX etl_audit_parent, etl_audit_running;
"""


@pytest.fixture
async def mart(mart_database: str) -> AsyncIterator[MartUnderTest]:
    made = MartUnderTest(mart_database)
    # The months around today, which the migration makes.
    for part in await made.fetch("DELETE FROM event_month RETURNING name"):
        await made.fetch(f"DROP TABLE {part['name']}")
    yield made
    await made.mart.close()


def two_months() -> LogWriter:
    """March: two items that finish, one that stays open. April: one that finishes."""
    return LogWriter().write("""
        09:00 1 new claims/motor
        10:00 1 complete
        10:30 anna state =ready
        11:00 2 new claims/motor
        11:30 2 cancel
        12:00 3 new claims/motor
        40d09:00 4 new claims/glass
        40d10:00 4 complete
    """)


async def test_a_month_goes_when_all_of_it_is_past(mart: MartUnderTest) -> None:
    """90 days after its end; what belongs to an item that is open, or finished since, stays until that is past too."""
    log = two_months()
    await mart.load(log.events, now=instant("41d00:00"))
    assert await mart.rows(PARTS) == "task_event_fact_2026_03\ntask_event_fact_2026_04"
    assert await mart.rows("SELECT count(*) FROM task_event_fact_2026_03") == "9"
    await mart.load(
        log.events, Chain.HISTORICAL, now=instant("119d00:00")
    )  # 29 June: March ended 90 days less one ago
    assert await mart.rows(EVENTS) == "1 3\n2 3\n3 2\n4 3\n- 1"
    await mart.load(log.events, Chain.HISTORICAL, now=JULY)
    assert await mart.rows(EVENTS) == "3 2\n4 3"
    assert await mart.rows(PARTS) == "task_event_fact_2026_03\ntask_event_fact_2026_04"
    # Items and sums are not concerned, and the open one is still folded on from its own events.
    assert await mart.rows("SELECT count(*) FROM task_fact") == "4"
    log.write("150d09:00 3 complete")
    await mart.load(log.events, Chain.HISTORICAL, now=instant("160d00:00"))
    assert await mart.rows(PARTS) == "task_event_fact_2026_03\ntask_event_fact_2026_07"
    assert await mart.rows(EVENTS) == "3 3"
    await mart.load(log.events, Chain.HISTORICAL, now=instant("300d00:00"))
    assert await mart.rows(PARTS) == ""
    assert await mart.rows("SELECT to_regclass('task_event_fact_2026_03')::text") == "-"
    # What comes late finds its month again.
    log.write("155d09:00 3 reopen\n12:00 5 new claims/motor")
    await mart.load(log.events, now=instant("300d00:00"))
    assert await mart.rows(PARTS) == "task_event_fact_2026_03\ntask_event_fact_2026_08"
    await mart.mart.publish_views()
    assert await mart.rows("SELECT item_number, event_type FROM iwd_task_event_fact ORDER BY pos") == table("""
        3 reopened
        5 created
        5 classified
    """)


async def test_a_rebuild_and_what_was_kept_are_the_same_after_retention(mart: MartUnderTest) -> None:
    log = two_months()
    for end in range(2, len(log.events) + 2, 2):
        await mart.load(log.events[:end], now=instant("41d00:00"))
    await mart.load(log.events, Chain.HISTORICAL, now=JULY)
    kept = await mart.content()
    await mart.load(log.events, Chain.FULL, now=JULY)
    assert await mart.content() == kept


async def test_a_month_that_somebody_reads_goes_the_next_time(mart: MartUnderTest) -> None:
    log = LogWriter().write("09:00 1 new claims/motor\n10:00 1 complete")
    await mart.load(log.events, now=instant("41d00:00"))
    connection = await asyncpg.connect(mart.dsn)
    try:
        async with connection.transaction():
            await connection.fetch("SELECT * FROM task_event_fact")
            await asyncio.wait_for(mart.load(log.events, Chain.HISTORICAL, now=JULY), 60)
            assert await mart.rows(PARTS) == "task_event_fact_2026_03"
    finally:
        await connection.close()
    await mart.load(log.events, Chain.HISTORICAL, now=JULY)
    assert await mart.rows(PARTS) == ""


async def test_days_of_agents_outlive_their_stretches(mart: MartUnderTest) -> None:
    """Stored when their stretches go; a stretch that crosses the edge is counted once on either side of it."""
    mart.zone = "Europe/Berlin"
    log = LogWriter().write("""
        09:00 anna state =ready
        09:00 1 new claims/motor
        09:10 1 pull anna
        09:30 anna state =notReady(lunch) email=ready
        10:10 1 complete
        10:15 anna state =afterWork
        22:45 anna state =ready
        1d00:30 anna state =loggedOut
        1d08:00 ben state =ready
        3d09:00 ben state =loggedOut
        3d10:00 2 new claims/motor
    """)
    await mart.load(log.events, now=instant("4d00:00"))
    await mart.mart.publish_views()
    queries = [
        f"SELECT * FROM iwd_agg_agent_{subject}_{grain} v ORDER BY v::text"
        for subject in ("state", "presence")
        for grain in ("day", "week", "year")
    ]
    told = [await mart.rows(query) for query in queries]
    assert "anna" in told[0]
    assert "ben" in told[0]
    stretches = "SELECT agent_id, count(*) FROM agent_state_fact GROUP BY 1 ORDER BY 1"
    assert await mart.rows(stretches) == "anna 5\nben 1"
    # The midnight of Berlin between the second and the third day, while ben is logged in.
    await mart.load(log.events, Chain.HISTORICAL, now=instant("2d12:00") + timedelta(days=400))
    assert await mart.rows(stretches) == "ben 1"
    assert await mart.rows("SELECT day::text FROM agg_agent_presence_day GROUP BY 1 ORDER BY 1") == table("""
        2026-03-02
        2026-03-03
    """)
    assert [await mart.rows(query) for query in queries] == told
    # A day later, and when all is past: each day is added once.
    for days in (401, 401, 420):
        await mart.load(log.events, Chain.HISTORICAL, now=instant("2d12:00") + timedelta(days=days))
        assert [await mart.rows(query) for query in queries] == told, days
    assert await mart.rows(stretches) == ""


async def test_another_zone_keeps_the_days_whose_quarters_are_gone(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        18:10 1 new claims/motor
        18:20 2 new claims/motor
        18:50 2 pull anna priority=100
        19:00 2 complete
        395d18:10 3 new claims/motor
        395d18:50 3 pull anna priority=100
    """)
    now = instant("410d12:00")
    await mart.load(log.events, Chain.HISTORICAL, now=now)
    assert await mart.rows("SELECT count(*) FROM agg_task_15min WHERE interval_start < '2027-01-01'") == "."
    days = """SELECT day::text, sum(new), sum(completed) FROM agg_task_day GROUP BY 1 HAVING sum(new + completed) > 0
        ORDER BY 1"""
    assert await mart.rows(days) == "2026-03-02 2 1\n2027-04-01 1 ."
    levels = (
        "SELECT count(*), min(interval_start) FROM agg_task_level_15min WHERE interval_start < '2026-03-12'"
    )
    kept = await mart.rows(levels)
    assert kept == "10 23:45"
    mart.zone = "Asia/Kathmandu"  # + 5:45
    # All that ever came is still what has finished and what is open: each load balances.
    await mart.load(log.events, Chain.HISTORICAL, now=now)
    assert await mart.rows(days) == "2026-03-02 2 1\n2027-04-01 1 ."
    assert await mart.rows(
        "SELECT day::text, sum(assigned) FROM agg_agent_day GROUP BY 1 ORDER BY 1"
    ) == table("""
        2026-03-02 1
        2027-04-02 1
    """)
    assert await mart.rows("SELECT day::text, sum(n) FROM agg_queue_day GROUP BY 1 ORDER BY 1") == table("""
        2026-03-02 1
        2027-04-02 1
    """)
    await mart.load(log.events, Chain.HISTORICAL, now=now + timedelta(days=2))
    assert await mart.rows(levels) == kept


async def test_runs_are_forgotten_but_not_what_they_loaded(mart: MartUnderTest) -> None:
    log = two_months()
    await mart.load(log.events[:4])
    await mart.load(log.events[:4])
    await mart.load(log.events, Chain.HISTORICAL)
    general = "SELECT name, value FROM etl_stats_general WHERE name <> 'counted_run' ORDER BY 1"
    told = await mart.rows(general)
    assert told == table(f"""
        avg_events {len(log.events) // 2}
        batches 2
        events {len(log.events)}
        max_events {len(log.events) - 4}
        pending 1
    """)
    await mart.fetch("UPDATE etl_audit SET started_at = started_at - interval '91 days'")
    await mart.load(log.events, Chain.HISTORICAL)
    assert (
        await mart.rows("SELECT count(*) FROM etl_audit WHERE started_at < now() - interval '90 days'") == "."
    )
    assert await mart.rows("SELECT count(*) FROM etl_audit WHERE parent IS NULL") == "1"
    await mart.load(log.events)
    assert await mart.rows(general) == told


async def test_a_mart_of_before_has_its_months_without_a_rebuild(mart: MartUnderTest) -> None:
    """What was there becomes the first part without being copied; members come from it; nothing else changes."""
    log = two_months()
    log.events[0] = LogWriter().write("09:00 1 arrive channel=web segment=gold result=paid").events[0]
    await mart.load(log.events[:9], now=instant("1d00:00"))
    await mart.mart.publish_views()
    loaded = await mart.content()
    connection = await asyncpg.connect(mart.dsn)
    try:
        await connection.execute(BEFORE_IT)
        await connection.execute(MIGRATION.read_text(encoding="utf-8"))
    finally:
        await connection.close()
    assert await mart.content() == loaded
    assert await mart.rows("SELECT name FROM event_month") == "task_event_fact_before"
    await mart.mart.publish_views()
    await mart.load(log.events, now=instant("41d00:00"))
    assert await mart.rows("SELECT count(*) FROM iwd_task_event_fact") == str(len(log.events) - 1)
    assert await mart.rows("SELECT channel FROM iwd_dim_channel") == "web"
    before = await mart.content()
    await mart.load(log.events, Chain.FULL, now=instant("41d00:00"))
    assert await mart.content() == before
    # Its rows go one by one: of items that are past, as before.
    await mart.load(log.events, Chain.HISTORICAL, now=JULY)
    assert await mart.rows(EVENTS) == "3 2"
