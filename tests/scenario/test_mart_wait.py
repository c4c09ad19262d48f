"""Waits by range of priority, and focus apart from work and wrap-up: text tables, piece by piece and rebuilt alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from fractions import Fraction

import asyncpg
import pytest

from openiwd.adapters.postgres.migrations.history import MIGRATIONS_DIR
from openiwd.domain.priority_range import range_of
from openiwd.ports.mart import RuleSetNames
from openiwd.usecases.mart_run import Chain
from tests.factories.mart import MartUnderTest, table
from tests.factories.mart_log import LogWriter

WAITS = """SELECT interval_start, queue_id, priority_range, first_waits, (first_wait_us / 60000000)::int, later_waits,
    (later_wait_us / 60000000)::int FROM agg_queue_15min ORDER BY 1, 2, priority_range COLLATE "C" """
DAYS = """SELECT day::text, queue_id, priority_range, first_waits, later_waits FROM agg_queue_day
    ORDER BY 1, 2, priority_range COLLATE "C" """
WORK = """SELECT item_number, agent_id, work_us / 60000000, wrap_up_us / 1000000, focus_us / 1000000 FROM task_work_fact
    ORDER BY 1, started_at"""

MIGRATION = MIGRATIONS_DIR / "mart" / "0003_waits_and_focus.sql"
BEFORE_IT = """
    DROP TABLE agg_queue_15min, agg_queue_day, resource_skill, etl_stats_dimensions;
    DROP FUNCTION priority_range;
    ALTER TABLE task_event_fact DROP COLUMN focus_seconds;
    ALTER TABLE task_fact DROP COLUMN granted_priority, DROP COLUMN focus_us;
    ALTER TABLE task_work_fact DROP COLUMN focus_us;
    ALTER TABLE task_wait_fact DROP COLUMN priority_range;
    ALTER TABLE agg_agent_15min DROP COLUMN focus_n, DROP COLUMN focus_us;
    ALTER TABLE agg_agent_day DROP COLUMN focus_n, DROP COLUMN focus_us;
    ALTER TABLE mart_state DROP COLUMN closed_to;
"""


@pytest.fixture
async def mart(mart_database: str) -> AsyncIterator[MartUnderTest]:
    made = MartUnderTest(mart_database)
    yield made
    await made.mart.close()


async def piece_by_piece(mart: MartUnderTest, log: LogWriter, step: int = 1) -> None:
    for end in range(step, len(log.events) + step, step):
        await mart.load(log.events[:end])


async def rebuilt(mart: MartUnderTest, log: LogWriter) -> bool:
    """Whether a rebuild makes the same, bit for bit."""
    before = await mart.content()
    await mart.load(log.events, chain=Chain.FULL)
    assert await mart.content() == before
    return True


async def test_a_wait_stands_under_the_priority_that_the_item_was_given_with(mart: MartUnderTest) -> None:
    """An offer tells it, and a pull; who is assigned past the order has none, whatever an earlier offer said."""
    log = LogWriter().write("""
        09:00 1 new claims/motor
        09:00 2 new claims/motor
        09:05 1 offer anna priority=430
        09:07 1 decline
        09:10 1 offer ben priority=1000
        09:12 1 accept
        09:14 2 pull anna priority=-1
        09:20 2 transfer desk
        09:40 2 pull ben
        09:41 1 return
        10:00 1 offer carl priority=199
        10:05 1 accept
    """)
    await piece_by_piece(mart, log)
    assert await mart.rows(WAITS) == table("""
        09:00 motor 1000 and more 1 12 . .
        09:00 motor below 0 1 14 . .
        09:30 desk . . . 1 20
        10:00 motor 0 to 200 . . 1 24
    """)
    assert await mart.rows(DAYS) == table("""
        2026-03-02 desk . . 1
        2026-03-02 motor 0 to 200 . 1
        2026-03-02 motor 1000 and more 1 .
        2026-03-02 motor below 0 1 .
    """)
    assert await mart.rows(
        "SELECT item_number, priority_range FROM task_wait_fact ORDER BY 1, from_at"
    ) == table("""
        1 1000 and more
        1 0 to 200
        2 below 0
        2 .
    """)
    assert await rebuilt(mart, log)


async def test_the_queues_aggregate_has_flows_and_waits(mart: MartUnderTest) -> None:
    """What came and went knows no priority; summed over all ranges both are whole."""
    log = LogWriter().write("""
        09:00 1 new claims/motor
        09:10 1 pull anna priority=250
        09:20 1 transfer desk
        09:30 1 pull ben priority=900
        09:40 1 complete
        09:50 2 new claims/motor
    """)
    await mart.load(log.events)
    await mart.mart.publish_views()
    columns = "queue_id, priority_range, first_waits, later_waits, new, moved_in, finished"
    for grain, first in (("hour", "interval_start"), ("day", "day"), ("year", "period_start")):
        found = await mart.rows(
            f'SELECT {columns} FROM iwd_agg_task_queue_{grain} ORDER BY 1, priority_range COLLATE "C"'
        )
        assert found == table("""
            desk . . . . 1 1
            desk 800 to 1000 . 1 . . .
            motor . . . 2 . .
            motor 200 to 400 1 . . . .
        """)
        assert await mart.rows(f"SELECT count(DISTINCT {first}) FROM iwd_agg_task_queue_{grain}") == "1"
    sums = "SELECT sum(first_waits), sum(later_waits), sum(first_wait_us), sum(later_wait_us) FROM "
    assert await mart.rows(f"{sums} agg_queue_15min") == await mart.rows(f"{sums} agg_agent_15min")


async def test_a_restored_log_takes_its_waits_back(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:00 1 new claims/motor
        09:10 1 offer anna priority=300
        09:12 1 accept
    """)
    await mart.load(log.events)
    assert await mart.rows(WAITS) == "09:00 motor 200 to 400 1 12 . ."
    log.begin_generation(3)
    log.write("09:20 1 decline")
    await mart.load(log.events)
    assert await mart.rows(WAITS) == ""
    assert await mart.rows(DAYS) == ""
    log.write("09:30 1 pull ben priority=600")
    await mart.load(log.events)
    assert await mart.rows(WAITS) == "09:30 motor 600 to 800 1 30 . ."
    assert await rebuilt(mart, log)


async def test_days_of_waits_follow_the_reporting_zone(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        18:00 1 new claims/motor
        18:10 1 pull anna priority=100
        18:00 2 new claims/motor
        18:50 2 pull ben priority=100
    """)
    await mart.load(log.events)
    assert await mart.rows(DAYS) == "2026-03-02 motor 0 to 200 2 ."
    mart.zone = "Asia/Kathmandu"  # + 5:45
    await mart.load(log.events)
    assert await mart.rows(DAYS) == table("""
        2026-03-02 motor 0 to 200 1 .
        2026-03-03 motor 0 to 200 1 .
    """)
    assert await rebuilt(mart, log)


async def test_the_mart_knows_the_ranges_of_the_domain(mart: MartUnderTest) -> None:
    bounds = [b + step for b in (-1_000, 0, 200, 400, 600, 800, 1_000, 5_000) for step in (-1, 0, 1)]
    rows = await mart.fetch("SELECT p, priority_range(p) AS name FROM unnest($1::int[]) p", bounds)
    assert [(r["p"], r["name"]) for r in rows] == [(p, range_of(Fraction(p))) for p in bounds]


async def test_focus_stands_beside_work_and_wrap_up(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:00 1 new claims/motor
        09:00 2 new claims/motor
        09:05 1 pull anna
        09:35 1 return focus=600
        09:40 1 pull anna
        10:00 1 complete wrap=60 focus=300
        10:05 2 pull ben
        10:10 2 complete wrap=30
    """)
    await piece_by_piece(mart, log, 3)
    assert await mart.rows(WORK) == table("""
        1 anna 30 . 600
        1 anna 20 60 300
        2 ben 5 30 -
    """)
    sums = """SELECT agent_id, (sum(ended_work_us) / 60000000)::int, (sum(wrap_up_us) / 1000000)::int, sum(focus_n),
        (sum(focus_us) / 1000000)::int FROM agg_agent_{} GROUP BY 1 ORDER BY 1"""
    for grain in ("15min", "day"):
        assert await mart.rows(sums.format(grain)) == table("""
            anna 50 60 2 900
            ben 5 30 . .
        """)
    # Handle time is work and wrap-up: focus is part of the work and changes nothing.
    assert await mart.rows(
        "SELECT item_number, work_us / 60000000, focus_us / 1000000 FROM task_fact ORDER BY 1"
    ) == ("1 50 900\n2 5 .")
    assert await mart.rows("SELECT (sum(handle_us) / 1000000)::int FROM agg_task_15min") == "3390"
    assert await rebuilt(mart, log)


async def test_a_mart_of_before_has_its_waits_without_a_rebuild(mart: MartUnderTest) -> None:
    """The log of before told no priority: what the migration makes is what a rebuild makes."""
    log = LogWriter().write("""
        09:00 1 new claims/motor
        09:00 2 new claims/glass
        09:10 1 offer anna
        09:12 1 accept
        09:20 1 return
        09:50 1 pull ben
        10:10 1 complete wrap=30
        10:20 2 offer anna
    """)
    queues = [{"id": "motor", "name": "Motor"}]
    mart.feed.names = [RuleSetNames(1, datetime(2026, 3, 1, tzinfo=UTC), {"queues": queues})]
    await mart.load(log.events)
    loaded = await mart.content()
    connection = await asyncpg.connect(mart.dsn)
    try:
        await connection.execute(BEFORE_IT)
        await connection.execute(MIGRATION.read_text(encoding="utf-8"))
    finally:
        await connection.close()
    assert await mart.content() == loaded
    assert await mart.rows(WAITS) == table("""
        09:00 motor . 1 12 . .
        09:45 motor . . . 1 30
    """)
    log.write("10:40 2 accept\n11:00 2 complete focus=60")
    await mart.load(log.events)
    assert await mart.rows("SELECT id, name FROM dimension") == "motor Motor"
    assert await mart.rows(WORK) == table("""
        1 anna 8 . -
        1 ben 20 30 -
        2 anna 20 . 60
    """)
    assert await rebuilt(mart, log)
