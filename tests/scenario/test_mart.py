"""The data mart by text tables: events in, fact and aggregate rows out; every run must balance."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from openiwd.usecases.mart_run import Chain
from tests.factories.mart import MartUnderTest, table
from tests.factories.mart_log import LogWriter, instant

FLOW = """SELECT interval_start, category_id, queue_id, sum(new), sum(reopened), sum(moved_in), sum(moved_out),
    sum(completed), sum(canceled), sum(rejected) FROM agg_task_15min GROUP BY 1, 2, 3
    HAVING sum(new + reopened + moved_in + moved_out + completed + canceled + rejected) > 0 ORDER BY 1, 2, 3"""
LEVELS = """SELECT interval_start, category_id, queue_id, pending, held, errorheld, overdue, (age_us / 60000000)::int
    FROM agg_task_level_15min ORDER BY 1, 2, 3"""
STATES = """SELECT item_number, from_at, to_at, began, ended, state, category_id, queue_id FROM task_state_fact
    ORDER BY 1, from_at, revision"""
WORK = """SELECT item_number, agent_id, queue_id, started_at, ended_at, outcome, work_us / 60000000,
    wrap_up_us / 1000000 FROM task_work_fact ORDER BY 1, 4"""
WAITS = """SELECT item_number, agent_id, queue_id, from_at, to_at, wait_us / 60000000, ordinal FROM task_wait_fact
    ORDER BY 1, 4"""
PRIORITIES = """SELECT interval_start, queue_id, priority_range, waiting FROM agg_queue_priority_15min
    ORDER BY 1, 2, 3"""
AGENTS = """SELECT interval_start, agent_id, sum(offered), sum(accepted), sum(declined),
    sum(timed_out), sum(assigned), sum(completed), sum(returned), sum(transferred), sum(taken_back),
    (sum(work_us) / 60000000)::int
    FROM agg_agent_15min GROUP BY 1, 2 ORDER BY 1, 2"""


@pytest.fixture
async def mart(mart_database: str) -> AsyncIterator[MartUnderTest]:
    made = MartUnderTest(mart_database)
    yield made
    await made.mart.close()


async def test_an_item_comes_and_goes(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:02 1 new claims/motor due=10:00
        09:05 2 new claims/motor due=09:10
        09:10 1 offer anna
        09:11 1 accept
        09:41 1 complete wrap=60
        09:50 2 cancel
    """)
    await mart.load(log.events)
    assert await mart.rows(FLOW) == table("""
        09:00 claims motor 2 . . . . . .
        09:30 claims motor . . . . 1 . .
        09:45 claims motor . . . . . 1 .
    """)
    assert await mart.rows(LEVELS) == table("""
        09:00 claims motor 2 . . 1 23
        09:15 claims motor 2 . . 1 53
        09:30 claims motor 1 . . 1 40
    """)
    assert await mart.rows(WORK) == table("1 anna motor 09:11 09:41 completed 30 60")
    assert await mart.rows(WAITS) == table("1 anna motor 09:02 09:11 9 1")
    assert await mart.rows(AGENTS) == table("""
        09:00 anna 1 1 . . 1 . . . . 4
        09:15 anna . . . . . . . . . 15
        09:30 anna . . . . . 1 . . . 11
    """)
    assert await mart.rows("""SELECT completed_due, completed_in_time, finish_us / 60000000, handle_us / 60000000
        FROM agg_task_15min
        WHERE completed > 0""") == table("1 1 39 31")
    assert (
        await mart.rows("""SELECT sum(queued_n), sum(queued_us), sum(assigned_n), sum(accept_us) / 60000000,
        sum(worked_n),
        sum(worked_us) / 60000000 FROM agg_task_15min""")
        == "2 . 1 9 1 30"
    )


async def test_milestones_of_the_source_and_business_value(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:02 1 new claims/motor value=250 source=08:32 segment=gold cp=portal
        09:03 2 new claims/motor value=50 cp=portal
    """)
    await mart.load(log.events)
    rows = await mart.rows("""SELECT capture_point, value_range, segment, new, business_value, source_n,
        source_us / 60000000
        FROM agg_task_15min ORDER BY 2""")
    assert rows == table("""
        portal 1-99 . 1 50 . .
        portal 100-999 gold 1 250 1 30
    """)


async def test_reopened_and_restarted_items_enter_again(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:00 1 new claims/motor
        09:01 1 pull anna
        09:11 1 complete
        09:20 1 reopen
        09:21 1 pull ben
        09:26 1 complete
        10:00 1 restart service/desk
        10:05 1 cancel
    """)
    await mart.load(log.events)
    assert await mart.rows(FLOW) == table("""
        09:00 claims motor 1 . . . 1 . .
        09:15 claims motor . 1 . . 1 . .
        10:00 service desk . 1 . . . 1 .
    """)
    assert await mart.rows(
        """SELECT reopened, first_finished_at, last_finished_at, work_us / 60000000, assignments FROM task_fact"""
    ) == ("2 09:11 10:05 15 2")
    # Each second of work counts once, at the finish that follows it.
    assert await mart.rows(
        "SELECT interval_start, (handle_us / 60000000)::int FROM agg_task_15min ORDER BY 1"
    ) == table("""
        09:00 10
        09:15 5
        10:00 .
    """)


async def test_re_categorised_and_transferred_items_move(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:01 1 new claims/motor
        09:20 1 move claims/glass
        09:40 1 pull anna
        09:50 1 transfer desk
        10:01 1 pull ben
        10:06 1 complete
    """)
    await mart.load(log.events)
    assert await mart.rows(FLOW) == table("""
        09:00 claims motor 1 . . . . . .
        09:15 claims glass . . 1 . . . .
        09:15 claims motor . . . 1 . . .
        09:45 claims desk . . 1 . . . .
        09:45 claims glass . . . 1 . . .
        10:00 claims desk . . . . 1 . .
    """)
    assert await mart.rows(WORK) == table("""
        1 anna glass 09:40 09:50 transferred 10 .
        1 ben desk 10:01 10:06 completed 5 .
    """)
    assert await mart.rows(WAITS) == table("""
        1 anna glass 09:20 09:40 20 1
        1 ben desk 09:50 10:01 11 2
    """)


async def test_held_items_and_errors_are_open_but_told_apart(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:00 1 new claims/motor
        09:05 1 pull anna
        09:10 1 hold
        09:01 2 arrive
        09:01 2 error
        09:40 1 resume
        09:50 1 complete
        10:00 2 cancel
    """)
    await mart.load(log.events)
    assert await mart.rows(LEVELS) == table("""
        09:00 . . 1 . 1 . 14
        09:00 claims motor 1 1 . . 15
        09:15 . . 1 . 1 . 29
        09:15 claims motor 1 1 . . 30
        09:30 . . 1 . 1 . 44
        09:30 claims motor 1 . . . 45
        09:45 . . 1 . 1 . 59
    """)
    assert (
        await mart.rows("SELECT holds, status FROM task_fact ORDER BY item_number")
        == "1 completed\n. canceled"
    )
    assert await mart.rows(STATES) == table("""
        1 09:00 09:10 new changed open claims motor
        1 09:10 09:40 changed changed held claims motor
        1 09:40 09:50 changed completed open claims motor
        2 09:01 10:00 new canceled errorheld . .
    """)


async def test_late_events_change_only_the_intervals_that_they_touch(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:00 1 new claims/motor
        10:00 2 new claims/motor
        11:00 3 new claims/motor
    """)
    await mart.load(log.events)
    before = (await mart.rows(LEVELS)).splitlines()
    log.write("""
        09:35 1 complete
    """)
    await mart.load(log.events)
    after = (await mart.rows(LEVELS)).splitlines()
    assert (
        after[:2]
        == before[:2]
        == table("""
        09:00 claims motor 1 . . . 15
        09:15 claims motor 1 . . . 30
    """).splitlines()
    )
    assert (
        after[2:]
        == table("""
        10:00 claims motor 1 . . . 15
        10:15 claims motor 1 . . . 30
        10:30 claims motor 1 . . . 45
        10:45 claims motor 1 . . . 60
    """).splitlines()
    )
    assert await _rebuilt(mart, log)


async def _rebuilt(mart: MartUnderTest, log: LogWriter) -> bool:
    """Whether a rebuild makes the same, bit for bit."""
    before = await mart.content()
    await mart.load(log.events, chain=Chain.FULL)
    assert await mart.content() == before
    return True


async def test_a_log_that_was_restored_is_corrected(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:00 1 new claims/motor
        09:05 1 pull anna
        09:20 1 complete
        09:30 2 new claims/motor
        09:31 anna state =ready
    """)
    await mart.load(log.events)
    assert "09:30 claims motor 1" in await mart.rows(FLOW)
    # A backup from 09:10 comes back: three events are gone, and the log goes on in another generation.
    log.begin_generation(3)
    log.write("""
        09:50 1 return
        09:55 3 new service/desk
        10:00 1 cancel
    """)
    await mart.load(log.events)
    assert await mart.rows(FLOW) == table("""
        09:00 claims motor 1 . . . . . .
        09:45 service desk 1 . . . . . .
        10:00 claims motor . . . . . 1 .
    """)
    assert await mart.rows(WORK) == table("1 anna motor 09:05 09:50 returned 45 .")
    assert await mart.rows("SELECT count(*) FROM agent_state_fact") == "."
    assert await _rebuilt(mart, log)


async def test_a_log_without_a_common_point_begins_again(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:00 1 new claims/motor
        09:30 2 new claims/motor
    """)
    await mart.load(log.events)
    other = LogWriter().write("08:00 7 new service/desk")
    await mart.load(other.events)
    assert await mart.rows(FLOW) == table("08:00 service desk 1 . . . . . .")


async def test_items_that_stay_for_days_are_in_every_level(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:00 1 new claims/motor due=1d09:00
        8d09:00 1 cancel
    """)
    await mart.load(log.events)
    assert (
        await mart.rows("SELECT count(*), min(pending), max(pending) FROM agg_task_level_15min")
        == f"{8 * 96} 1 1"
    )
    assert (
        await mart.rows("""SELECT sum(overdue), sum(age_1h), sum(age_4h), sum(age_1d), sum(age_3d), sum(age_7d),
        sum(age_more)
        FROM agg_task_level_15min""")
        == f"{7 * 96} 3 12 80 192 384 97"
    )


async def test_days_of_a_zone_with_daylight_saving(mart: MartUnderTest) -> None:
    """On 29 March 2026 Berlin's day has 92 quarters of an hour, on 25 October 100."""
    mart.zone = "Europe/Berlin"
    spring = LogWriter(day=instant("26d23:00"))  # 29 March, 00:00 in Berlin
    quarters = "\n".join(f"{15 * n // 60:02d}:{15 * n % 60:02d} {n + 1} new claims/motor" for n in range(92))
    spring.write(quarters)
    spring.write("23:00 93 new claims/motor")
    await mart.load(spring.events)
    assert await mart.rows("SELECT day::text, sum(new) FROM agg_task_day GROUP BY 1 ORDER BY 1") == table("""
        2026-03-29 92
        2026-03-30 1
    """)
    autumn = LogWriter(day=instant("236d22:00"))  # 25 October, 00:00 in Berlin
    autumn.write("\n".join(f"{n // 4}:{15 * (n % 4):02d} {n + 1} new claims/motor" for n in range(100)))
    autumn.write("25:00 101 new claims/motor")
    await mart.load(autumn.events, chain=Chain.FULL)
    assert await mart.rows("SELECT day::text, sum(new) FROM agg_task_day GROUP BY 1 ORDER BY 1") == table("""
        2026-10-25 100
        2026-10-26 1
    """)


async def test_another_zone_makes_other_days_of_the_same_quarters(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        18:10 1 new claims/motor
        18:50 2 new claims/motor
        23:40 3 new claims/motor
    """)
    await mart.load(log.events)
    assert await mart.rows("SELECT day::text, sum(new) FROM agg_task_day GROUP BY 1") == "2026-03-02 3"
    mart.zone = "Asia/Kathmandu"  # + 5:45
    await mart.load(log.events)
    assert await mart.rows("SELECT day::text, sum(new) FROM agg_task_day GROUP BY 1 ORDER BY 1") == table("""
        2026-03-02 1
        2026-03-03 2
    """)
    assert await _rebuilt(mart, log)


async def test_states_of_agents(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:00 anna state =ready
        09:10 anna state =ready
        09:20 anna state =notReady(lunch) email=ready
        09:40 anna state =ready
        10:00 anna state =loggedOut
    """)
    await mart.load(log.events[:3])
    await mart.load(log.events)
    assert await mart.rows(
        "SELECT agent_id, media_type, started_at, ended_at, state, reason FROM agent_state_fact ORDER BY 2, 3"
    ) == table("""
        anna * 09:00 09:20 ready .
        anna * 09:20 09:40 notReady lunch
        anna * 09:40 10:00 ready .
        anna email 09:20 09:40 ready .
    """)
    assert await _rebuilt(mart, log)


async def test_several_events_at_one_instant_in_different_batches(mart: MartUnderTest) -> None:
    """What lasted no time belongs to what followed, wherever the batch was cut."""
    log = LogWriter().write("""
        09:00 1 new claims/motor
        09:20 1 move claims/glass
        09:20 1 move service/desk
        09:20 1 move service/phone
        09:30 2 arrive
        09:30 2 reject
    """)
    for end in range(1, len(log.events) + 1):
        await mart.load(log.events[:end])
    assert await mart.rows(FLOW) == table("""
        09:00 claims motor 1 . . . . . .
        09:15 claims motor . . . 1 . . .
        09:15 service phone . . 1 . . . .
        09:30 . . 1 . . . . . 1
    """)
    assert await _rebuilt(mart, log)


async def test_offers_that_come_to_nothing(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:00 1 new claims/motor
        09:01 1 offer anna
        09:02 1 decline
        09:03 1 offer ben
        09:04 1 timeout
        09:05 1 offer carl
        09:06 1 accept
        09:16 1 return
    """)
    await mart.load(log.events)
    assert await mart.rows(AGENTS) == table("""
        09:00 anna 1 . 1 . . . . . . .
        09:00 ben 1 . . 1 . . . . . .
        09:00 carl 1 1 . . 1 . . . . 9
        09:15 carl . . . . . . 1 . . 1
    """)
    assert await mart.rows("SELECT offers, declines, assignments FROM task_fact") == "3 1 1"


async def test_samples_of_priority_stand_at_the_end_of_their_interval(mart: MartUnderTest) -> None:
    """One taken later than in its first minute stands for its own interval until the next one comes."""
    log = LogWriter().write("""
        09:00:07 - sample motor:200-400=3 motor:400-600=1 desk:0-200=2
        09:07:00 - sample motor:200-400=2
        09:15:20 - sample motor:400-600=4
        09:30:05 - sample
        09:45:01 - sample motor:0-200=9
    """)
    for end in range(1, len(log.events) + 1):
        await mart.load(log.events[:end])
    assert await mart.rows(PRIORITIES) == table("""
        08:45 desk 0 to 200 2
        08:45 motor 200 to 400 3
        08:45 motor 400 to 600 1
        09:00 motor 400 to 600 4
        09:30 motor 0 to 200 9
    """)
    assert await mart.rows("SELECT interval_start, at FROM queue_sample ORDER BY 1") == table("""
        08:45 09:00
        09:00 09:15
        09:15 09:30
        09:30 09:45
    """)
    assert await _rebuilt(mart, log)
    # A backup from 09:10 comes back: the provisional sample of 09:07 is all that is left of that interval.
    log.begin_generation(2)
    log.write("09:40 - sample desk:0-200=7")
    await mart.load(log.events)
    assert await mart.rows(PRIORITIES) == table("""
        08:45 desk 0 to 200 2
        08:45 motor 200 to 400 3
        08:45 motor 400 to 600 1
        09:00 motor 200 to 400 2
        09:30 desk 0 to 200 7
    """)
    assert await _rebuilt(mart, log)


async def test_longer_grains_show_the_last_interval_even_where_nothing_was_left_in_it(
    mart: MartUnderTest,
) -> None:
    log = LogWriter().write("""
        08:50 1 new claims/motor
        09:15:01 - sample motor:0-200=1
        09:35 1 complete
        09:45:01 - sample
        10:00:01 - sample
        10:20 2 new claims/motor
        10:45:01 - sample motor:200-400=1
        11:05 3 new claims/motor
    """)
    await mart.load(log.events)
    await mart.mart.publish_views()
    levels = "SELECT interval_start, pending FROM iwd_agg_task_level_{} ORDER BY 1"
    assert await mart.rows(levels.format("30min")) == table("""
        08:30 1
        09:00 1
        10:00 1
        10:30 1
    """)
    # At ten nothing was left; at eleven, one.
    assert await mart.rows(levels.format("hour")) == table("""
        08:00 1
        10:00 1
    """)
    samples = "SELECT interval_start, priority_range, waiting FROM iwd_agg_queue_priority_{} ORDER BY 1"
    assert await mart.rows(samples.format("hour")) == "10:00 200 to 400 1"
    assert await mart.rows("SELECT day::text, waiting FROM iwd_agg_queue_priority_day") == "2026-03-02 1"
    assert (
        await mart.rows("SELECT period_start::text, pending FROM iwd_agg_task_level_quarter")
        == "2026-01-01 1"
    )
    assert (
        await mart.rows("SELECT sampled_at, queue_id, waiting FROM iwd_queue_priority_last")
        == "10:45 motor 1"
    )
    log.write("23:50 2 complete\n23:52 3 complete\n1d00:10 4 new claims/glass\n1d00:20 4 hold")
    await mart.load(log.events)
    assert await mart.rows("SELECT day::text, pending FROM iwd_agg_task_level_day") == "2026-03-03 1"
