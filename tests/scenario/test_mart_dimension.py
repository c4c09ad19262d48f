"""Dimensions of the mart, ages and agents at every grain, days that close: text tables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from openiwd.domain.event import EventType
from openiwd.domain.mart_dimension import AGES, PRIORITIES, VALUES
from openiwd.domain.work_item import Status
from openiwd.ports.mart import FedAgent, RuleSetNames
from openiwd.usecases.mart_run import Chain
from tests.factories.mart import MartUnderTest, table
from tests.factories.mart_log import LogWriter, instant


@pytest.fixture
async def mart(mart_database: str) -> AsyncIterator[MartUnderTest]:
    made = MartUnderTest(mart_database)
    yield made
    await made.mart.close()


async def test_members_are_what_items_brought(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:00 1 new claims/motor segment=gold channel=web process=loan tenant=north cp=portal source=08:40
        09:10 1 pull anna
        09:20 1 complete result=paid
        09:30 2 new claims/motor media=email
        09:40 3 new claims/motor channel=phone
        09:50 3 complete result=refused
    """)
    await mart.load(log.events)
    await mart.mart.publish_views()
    for view, members in {
        "result_code": "paid refused",
        "channel": "phone web",
        "source_process": "loan -",
        "source_tenant": "north",
        "segment": "gold",
        "capture_point": "portal rest",
        "media_type": "email workitem",
        "product": "",
        "tenant": "t UTC",
    }.items():
        assert (await mart.rows(f"SELECT * FROM iwd_dim_{view} ORDER BY 1")).split() == members.split(), view
    columns = (
        "item_number, result_code, channel, source_process, source_tenant, source_created_at, department"
    )
    assert await mart.rows(f"SELECT {columns} FROM iwd_task_fact ORDER BY 1") == table("""
        1 paid web loan north 08:40 claims
        2 - - - - - claims
        3 refused phone - - - claims
    """)
    by_code = "SELECT result_code, count(*) FROM iwd_task_fact JOIN iwd_dim_result_code USING (result_code) GROUP BY 1"
    assert await mart.rows(f"{by_code} ORDER BY 1") == "paid 1\nrefused 1"


async def test_members_that_the_code_knows(mart: MartUnderTest) -> None:
    await mart.load([])
    await mart.mart.publish_views()
    statuses = await mart.fetch("SELECT status, is_final, is_held FROM iwd_dim_status")
    assert {tuple(r.values()) for r in statuses} == {(s.value, s.is_final, s.is_held) for s in Status}
    kinds = await mart.fetch("SELECT event_type FROM iwd_dim_event_type")
    assert {r["event_type"] for r in kinds} == {k.value for k in EventType}
    for view, ranges in (("priority", PRIORITIES), ("value", VALUES), ("age", AGES)):
        rows = await mart.fetch(f"SELECT * FROM iwd_dim_{view}_range ORDER BY place")
        assert [tuple(r.values()) for r in rows] == [tuple(r) for r in ranges]
        function = await mart.fetch("SELECT FROM pg_proc WHERE proname = $1", f"{view}_range")
        if function:
            wrong = f"""SELECT v FROM generate_series(-20, 10050) v JOIN iwd_dim_{view}_range r
                ON v >= coalesce(from_value, v) AND v < coalesce(to_value, v + 1)
                WHERE {view}_range(v) <> r.{view}_range"""
            assert await mart.rows(wrong) == ""
    assert await mart.rows(
        "SELECT count(*), min(time_of_day), max(time_of_day) FROM iwd_dim_time_of_day"
    ) == ("96 00:00 23:45")
    assert await mart.rows("SELECT time_zone FROM iwd_dim_time_zone WHERE is_reporting_zone") == "UTC"
    katmandu = "SELECT utc_offset_seconds / 60 FROM iwd_dim_time_zone WHERE time_zone = 'Asia/Kathmandu'"
    assert await mart.rows(katmandu) == "345"


async def test_targets_departments_and_skills(mart: MartUnderTest) -> None:
    """A target goes down the tree; a version that changes something else does not begin it anew."""

    def version(number: int, target: object, name: str) -> RuleSetNames:
        glass = {"id": "glass", "name": name}
        tree = {"id": "claims", "name": "Claims", "children": [glass], "targetHandleTime": target}
        at = datetime(2026, 3, number, tzinfo=UTC)
        return RuleSetNames(number, at, {"categories": [tree]})

    mart.feed.names = [version(1, "6m", "Glass"), version(2, "6m", "Panes"), version(3, 90, "Panes")]
    mart.feed.people = [
        FedAgent("anna", "Anna", None, True, (("motor", 7), ("glass", 2))),
        FedAgent("ben", "Ben", None, True, (("motor", 1),)),
    ]
    await mart.load([], chain=Chain.HISTORICAL)
    await mart.mart.publish_views()
    targets = """SELECT category_id, target_handle_seconds, valid_from::date::text, valid_to::date::text
        FROM iwd_dim_metric WHERE metric = 'handle_time' ORDER BY 1, valid_from"""
    assert await mart.rows(targets) == table("""
        claims 360 2026-03-01 2026-03-03
        claims 90 2026-03-03 -
        glass 360 2026-03-01 2026-03-03
        glass 90 2026-03-03 -
    """)
    assert (
        await mart.rows("SELECT category_id, name FROM iwd_dim_department WHERE valid_to IS NULL")
        == "claims Claims"
    )
    process = (
        "SELECT category_id, name, department, valid_to::date::text FROM iwd_dim_process ORDER BY valid_from"
    )
    assert (await mart.rows(process)).splitlines()[0] == "glass Glass Claims 2026-03-02"
    assert await mart.rows("SELECT skill FROM iwd_dim_skill ORDER BY 1") == "glass\nmotor"
    assert await mart.rows("SELECT * FROM iwd_resource_skill ORDER BY 1, 2") == table("""
        anna glass 2
        anna motor 7
        ben motor 1
    """)
    stats = {(kind, name): value for kind, name, value in await mart.mart.stats()}
    assert (stats["distinct", "category"], stats["distinct", "agent"], stats["distinct", "skill"]) == (
        2,
        2,
        2,
    )
    mart.feed.people.append(FedAgent("carl", "Carl", None, True))
    await mart.load([], chain=Chain.HISTORICAL)
    stats = {(kind, name): value for kind, name, value in await mart.mart.stats()}
    assert (stats["new", "agent"], stats["distinct", "agent"], stats["new", "skill"]) == (1, 3, 0)


async def test_days_close_when_all_their_intervals_are_there(mart: MartUnderTest) -> None:
    """The day on which Berlin's clocks go forward has 92 of them; what comes late still corrects a closed day."""
    mart.zone = "Europe/Berlin"
    log = LogWriter(day=instant("26d23:00")).write("10:00 1 new claims/motor")  # 29 March, 00:00 in Berlin
    noon = instant("28d10:00")
    state = "SELECT closed_to::text FROM iwd_data_state"
    jobs = "SELECT rows FROM etl_audit WHERE job = 'close days' ORDER BY run"
    await mart.load(log.events, now=noon)
    await mart.mart.publish_views()
    assert await mart.rows(state) == "-"
    await mart.load(log.events, chain=Chain.HISTORICAL, now=noon)
    assert await mart.rows(state) == "2026-03-30"
    days = "SELECT day::text, quarter_hours, weekday, week, is_closed::int FROM iwd_dim_date ORDER BY 1"
    assert await mart.rows(days) == table("""
        2026-03-29 92 7 13 1
        2026-03-30 96 1 14 .
    """)
    bounds = await mart.fetch("SELECT starts_at, ends_at FROM iwd_dim_date ORDER BY day LIMIT 1")
    assert bounds[0]["ends_at"] - bounds[0]["starts_at"] == timedelta(hours=23)
    await mart.load(log.events, chain=Chain.HISTORICAL, now=noon + timedelta(days=2))
    assert await mart.rows(state) == "2026-04-01"
    assert await mart.rows(jobs) == "1\n2"
    log.write("11:00 1 complete")
    await mart.load(log.events, now=noon + timedelta(days=2))
    assert await mart.rows("SELECT day::text, sum(completed) FROM agg_task_day GROUP BY 1") == "2026-03-29 1"
    before = await mart.content()
    await mart.load(log.events, chain=Chain.FULL, now=noon + timedelta(days=2))
    assert await mart.content() == before
    assert await mart.rows(state) == "2026-04-01"


async def test_ages_at_every_grain_are_those_of_the_last_interval(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:10 1 new claims/motor
        09:50 2 new claims/motor
        10:40 3 new service/desk
    """)
    await mart.load(log.events, now=instant("11:30"))
    await mart.mart.publish_views()
    ages = (
        'SELECT {}, queue_id, age_range, items FROM iwd_agg_task_age_{} ORDER BY 1, 2, age_range COLLATE "C"'
    )
    assert await mart.rows(ages.format("interval_start", "hour")) == table("""
        09:00 motor up to 1 h 2
        10:00 desk up to 1 h 1
        10:00 motor 1 to 4 h 2
        11:00 desk up to 1 h 1
        11:00 motor 1 to 4 h 2
    """)
    for grain, first in (("day", "day::text"), ("month", "period_start::text")):
        found = (await mart.rows(ages.format(first, grain))).splitlines()
        assert [line.split(" ", 1)[1] for line in found] == ["desk up to 1 h 1", "motor 1 to 4 h 2"]


async def test_states_of_agents_at_every_grain(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:00 anna state =ready
        09:20 anna state =notReady(lunch) email=ready
        10:00 anna state =afterWork
        10:15 anna state =loggedOut
    """)
    await mart.load(log.events, now=instant("11:00"))
    await mart.mart.publish_views()
    states = """SELECT media_type, state, reason, (duration_us / 60000000)::int FROM iwd_agg_agent_state_{}
        ORDER BY 1, 2"""
    presence = """SELECT (logged_in_us / 60000000)::int, (ready_us / 60000000)::int, (not_ready_us / 60000000)::int,
        (after_work_us / 60000000)::int, (busy_us / 60000000)::int, (available_us / 60000000)::int
        FROM iwd_agg_agent_presence_{} ORDER BY 1"""
    for grain in ("day", "week", "year"):
        assert await mart.rows(states.format(grain)) == table("""
            * afterWork . 15
            * notReady lunch 40
            * ready . 20
            email ready . 40
        """)
        assert await mart.rows(presence.format(grain)) == "75 60 40 15 15 35"
    hours = "SELECT interval_start, sum(duration_us) / 60000000 FROM iwd_agg_agent_state_hour WHERE media_type = '*'"
    assert await mart.rows(f"{hours} GROUP BY 1 ORDER BY 1") == "09:00 60\n10:00 15"
