"""What reports say of a log, measure by measure, and what the mart records of events and agents: text tables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec
import pytest

from openiwd.domain.mart_subject import GRAINS, SHORT_GRAINS, SUBJECTS
from openiwd.domain.report_measure import MEASURES
from openiwd.ports.mart import FedAgent, FeedPage
from openiwd.usecases.mart_run import Chain
from tests.factories.mart import MartUnderTest, table
from tests.factories.mart_log import LogWriter, instant

NAMES = """SELECT agent_id, name, valid_from::date::text, valid_to::date::text FROM iwd_dim_agent
    ORDER BY 1, valid_from"""


@pytest.fixture
async def mart(mart_database: str) -> AsyncIterator[MartUnderTest]:
    made = MartUnderTest(mart_database)
    yield made
    await made.mart.close()


async def asked(mart: MartUnderTest, query: str, start: str, end: str, *measures: str, by: str) -> str:
    """The measures of each line of a report query, as a text table; durations in minutes."""
    filters = dict.fromkeys(("by_2", "category", "below", "queue", "capture_point", "media_type", "agent"))
    rows = await mart.mart.rows(
        query, {**filters, "from_at": instant(start), "to_at": instant(end), "by": by}
    )
    lines = []
    for row in sorted(rows, key=lambda r: str(r["key"])):
        values = [MEASURES[m].value(row) for m in measures]
        told = [
            v / 60_000_000 if MEASURES[m].unit == "duration" and v else v
            for m, v in zip(measures, values, strict=True)
        ]
        lines.append(" ".join([row["key"], *("-" if v is None else f"{v:g}" for v in told)]))
    return "\n".join(lines)


async def test_due_in_the_period_and_finished_by_then(mart: MartUnderTest) -> None:
    """Counted by the due date, whenever the item finished; one that is open, or was late, is not in time."""
    log = LogWriter().write("""
        08:00 1 new claims/motor due=10:00
        08:00 2 new claims/motor due=10:00
        08:00 3 new claims/motor due=10:00
        08:00 4 new claims/motor due=1d10:00
        08:00 5 new service/desk due=10:30
        08:00 6 new service/desk
        09:00 1 complete
        10:00 2 cancel
        10:01 3 complete
        11:00 5 pull anna
    """)
    await mart.load(log.events)
    told = ("due", "due_in_time", "due_service_level")
    assert await asked(mart, "due_by", "10:00", "11:00", *told, by="queue") == table("""
        desk 1 0 0
        motor 3 2 0.666667
    """)
    assert await asked(mart, "due_by", "1d00:00", "2d00:00", *told, by="queue") == "motor 1 0 0"
    # Completed in the period: another question with another answer.
    completed = ("completed", "completed_due", "completed_in_time", "finished_overdue", "service_level")
    assert await asked(mart, "items_by", "08:00", "12:00", *completed, by="queue") == table("""
        desk 0 0 0 0 -
        motor 2 2 1 1 0.5
    """)


async def test_shortest_longest_and_mean_of_what_agents_did(mart: MartUnderTest) -> None:
    log = LogWriter().write("""
        09:00 1 new claims/motor
        09:00 2 new claims/motor
        09:10 1 pull anna
        09:15 1 return
        09:20 1 pull anna
        09:50 1 complete wrap=60
        09:20 2 pull ben
        09:40 2 transfer desk
        09:55 2 pull ben
        10:05 2 complete
    """)
    await mart.load(log.events)
    measures = ("assigned", "work_completed", "returned", "transferred", "work_time", "wrap_up_time")
    assert await asked(mart, "agents_by", "09:00", "10:00", *measures, "mean_work", by="agent") == table("""
        anna 2 1 1 0 35 1 17.5
        ben 2 0 0 1 25 0 20
    """)
    extremes = ("shortest_work", "longest_work")
    assert await asked(mart, "extremes_by", "09:00", "10:00", *extremes, by="agent") == table("""
        anna 5 30
        ben 20 20
    """)
    waits = ("first_waits", "mean_first_wait", "later_waits", "mean_later_wait")
    assert await asked(mart, "agents_by", "09:00", "11:00", *waits, by="queue") == table("""
        desk 0 - 1 15
        motor 2 15 1 5
    """)


async def test_every_grain_adds_up_to_the_same(mart: MartUnderTest) -> None:
    """What is summed is whole at each grain, and each period begins where it should; a year ends in between."""
    mart.zone = "Europe/Berlin"
    log = LogWriter(day=instant("290d00:00")).write("""
        09:05 1 new claims/motor value=200 segment=gold
        09:20 1 offer anna priority=300
        09:21 1 accept
        09:50 1 complete wrap=30
        09:00 anna state =ready
        12:00 anna state =loggedOut
        14d23:30 2 new claims/glass cp=portal
        15d00:10 2 pull ben priority=900
        15d01:00 2 transfer desk
        40d10:00 2 pull ben
        40d10:20 2 complete
    """)
    await mart.load(log.events)
    await mart.mart.publish_views()
    for subject in SUBJECTS:
        if subject.source in ("level", "age", "priority"):
            continue
        sums = ", ".join(f"sum({name})" for name in subject.sums)
        told = {
            grain: await mart.rows(f"SELECT {sums} FROM iwd_agg_{subject.name}_{grain}") for grain in GRAINS
        }
        assert set(told.values()) == {told["15min"]}, subject.name
        assert set(told["15min"].split()) != {"."}, subject.name
        for grain in GRAINS:
            first = "interval_start" if grain in SHORT_GRAINS else "day" if grain == "day" else "period_start"
            step = {"15min": "15 minutes", "30min": "30 minutes", "quarter": "3 months"}.get(
                grain, f"1 {grain}"
            )
            local = (
                f"{first} AT TIME ZONE 'Europe/Berlin'" if grain in SHORT_GRAINS else f"{first}::timestamp"
            )
            origin = "timestamp '2001-01-01'"
            begins = (
                f"date_bin('{step}', {local}, {origin})"
                if grain in ("15min", "30min")
                else f"date_trunc('{grain}', {local})"
            )
            wrong = f"SELECT {first} FROM iwd_agg_{subject.name}_{grain} WHERE {local} <> {begins}"
            assert await mart.rows(wrong) == "", (subject.name, grain)
    years = "SELECT period_start::text, sum(new), sum(finished) FROM iwd_agg_task_classif_year GROUP BY 1 ORDER BY 1"
    assert await mart.rows(years) == "2026-01-01 1 1\n2027-01-01 1 1"


async def test_every_event_is_recorded_with_its_change(mart: MartUnderTest) -> None:
    """The full audit, with the actor; what is of persons or of no use to reports is not in it."""
    log = LogWriter().write("""
        09:00 1 new claims/motor value=5
        09:05 1 offer anna priority=300
        09:06 1 accept
        09:10 1 complete
        09:30 anna state =ready
    """)
    await mart.load(log.events)
    await mart.mart.publish_views()
    columns = "at, event_type, actor, revision, status_from, status_to"
    assert await mart.rows(f"SELECT {columns} FROM iwd_task_event_fact ORDER BY generation, pos") == table("""
        09:00 created system:test 1 - new
        09:00 classified system:test 2 new queued
        09:05 offered system:test 3 queued queued
        09:06 assigned system:test 4 queued assigned
        09:10 completed system:test 5 assigned completed
    """)
    rows = await mart.fetch("SELECT changes FROM iwd_task_event_fact ORDER BY pos")
    changes = [set(msgspec.json.decode(row["changes"])) for row in rows]
    assert {"capture_point", "business_value", "received_at"} <= changes[0]
    assert not {"requirement", "attached_data"} & changes[0]
    assert {"category_id", "queue_id"} <= changes[1]
    assert changes[2] == {"granted_priority"}


def named(mart: MartUnderTest, log: LogWriter, agent: str, at: str, name: str, revision: int = 2) -> None:
    """A change of an agent after which it is called so; the first one makes it."""
    log.append("agentChanged", instant(at), subject=agent, body={"revision": revision})
    mart.feed.called[agent, instant(at)] = name


async def test_names_of_agents_have_a_history(mart: MartUnderTest) -> None:
    """From the instants of the changes, however often they are read; reports show the name of now."""
    log = LogWriter()
    named(mart, log, "anna", "09:00", "Anna Alt", 1)
    log.write("09:10 1 new claims/motor\n09:20 1 pull anna\n09:30 1 complete")
    named(mart, log, "anna", "1d09:00", "Anna Alt")
    named(mart, log, "anna", "2d09:00", "Anna Neu")
    named(mart, log, "ben", "3d09:00", "Ben", 1)
    named(mart, log, "anna", "4d09:00", "Anna Alt")
    mart.feed.people = [
        FedAgent("anna", "Anna Alt", None, True),
        FedAgent("ben", "Ben", None, True),
        FedAgent("carl", "Carl", None, True),
    ]
    # Ben is listed before the log tells of him; only of Carl it never does.
    for end in range(1, len(log.events) + 1):
        await mart.load(log.events[:end])
    await mart.mart.publish_views()
    history = table("""
        anna Anna Alt 2026-03-02 2026-03-04
        anna Anna Neu 2026-03-04 2026-03-06
        anna Anna Alt 2026-03-06 -
        ben Ben 2026-03-05 -
        carl Carl 1970-01-01 -
    """)
    assert await mart.rows(NAMES) == history
    await mart.fetch("DELETE FROM dimension WHERE kind = 'agent'")
    await mart.fetch("UPDATE mart_state SET names_generation = 0, names_pos = 0")
    await mart.load(log.events, Chain.FULL)
    assert await mart.rows(NAMES) == history
    mart.feed.called.clear()  # a rebuild asks for no name twice
    await mart.load(log.events, Chain.FULL)
    assert await mart.rows(NAMES) == history
    mart.feed.people[0] = FedAgent("anna", "Anna Neuer", None, True)
    await mart.load(log.events)
    assert (
        await mart.rows("SELECT agent_name, completed FROM iwd_agg_task_agent_day WHERE completed > 0")
        == "Anna Neuer 1"
    )
    then = """SELECT n.name, a.completed FROM iwd_agg_task_agent_15min a JOIN iwd_dim_agent n
        ON n.agent_id = a.agent_id AND n.valid_from <= a.interval_start
        AND (n.valid_to IS NULL OR n.valid_to > a.interval_start) WHERE a.completed > 0"""
    assert await mart.rows(then) == "Anna Alt 1"


async def test_a_restored_log_takes_names_and_members_back(mart: MartUnderTest) -> None:
    log = LogWriter()
    named(mart, log, "anna", "09:00", "Anna Alt", 1)
    log.write("09:10 1 new claims/motor channel=web\n09:20 2 new claims/motor channel=phone segment=gold")
    log.write("09:25 3 new claims/motor channel=web")
    named(mart, log, "anna", "1d09:00", "Anna Neu")
    await mart.load(log.events)
    await mart.mart.publish_views()
    members = "SELECT kind, id, n FROM dimension_member WHERE kind IN ('channel', 'segment') ORDER BY 1, 2"
    assert await mart.rows(members) == "channel phone 1\nchannel web 2\nsegment gold 1"
    log.begin_generation(3)
    log.write("2d09:00 4 new claims/motor channel=chat")
    await mart.load(log.events)
    assert await mart.rows(members) == "channel chat 1\nchannel web 1"
    assert await mart.rows(NAMES) == "anna Anna Alt 2026-03-02 -"
    assert await mart.rows("SELECT channel FROM iwd_dim_channel ORDER BY 1") == "chat\nweb"
    before = await mart.content()
    await mart.load(log.events, Chain.FULL)
    assert await mart.content() == before


async def test_each_job_is_audited_with_what_it_read(mart: MartUnderTest) -> None:
    log = LogWriter().write("09:00 1 new claims/motor\n09:10 1 pull anna\n09:20 1 complete")
    mart.batch = 3
    await mart.load(log.events, Chain.FULL, now=datetime.fromisoformat("2026-03-03T00:00:00+00:00"))
    await mart.mart.publish_views()
    jobs = """SELECT replace(job, ' ', '-'), status, rows, first_event, last_event, watermark,
        finished_at >= started_at FROM iwd_etl_audit ORDER BY run"""
    assert await mart.rows(jobs) == table("""
        chain done 4 1.1 1.4 1.4 True
        initialise done . - - 0.0 True
        load-configuration done . - - 0.0 True
        load-events done 3 1.1 1.3 1.3 True
        aggregate done . - - 1.3 True
        load-events done 1 1.4 1.4 1.4 True
        aggregate done 60 - - 1.4 True
        close-days done 1 - - 1.4 True
        publish-statistics done . - - 1.4 True
        maintain done . - - 1.4 True
    """)
    assert (
        await mart.rows("SELECT count(DISTINCT parent), count(*) FROM iwd_etl_audit WHERE parent = 1")
        == "1 9"
    )


async def test_closed_days_are_added_up_once_and_all_of_them_once_a_day(mart: MartUnderTest) -> None:
    """What comes late to a closed day is in the next balance; what went wrong there the historical chain finds."""
    log = LogWriter().write("09:00 1 new claims/motor\n10:00 2 new claims/motor\n1d09:00 3 new claims/glass")
    sums = "SELECT category_id, queue_id, net FROM balance_sum ORDER BY 2"
    summed = "SELECT summed_to::text FROM mart_state"
    await mart.load(log.events, Chain.HISTORICAL, now=instant("1d12:00"))
    assert await mart.rows(sums) == "claims motor 2"
    assert await mart.rows(summed) == "2026-03-03"
    log.write("1d10:00 1 complete")
    await mart.load(log.events, now=instant("1d13:00"))
    assert await mart.rows(summed) == "2026-03-03"
    log.write("11:00 2 move claims/glass")
    await mart.load(log.events, now=instant("1d14:00"))
    assert await mart.rows(summed) == "-"
    await mart.load(log.events, Chain.HISTORICAL, now=instant("1d15:00"))
    assert await mart.rows(sums) == "claims glass 1\nclaims motor 1"
    wrong = "UPDATE agg_task_day SET new = new + 1 WHERE day = '2026-03-02' AND queue_id = 'motor'"
    await mart.fetch(wrong)
    await mart.load(log.events, now=instant("1d16:00"))
    with pytest.raises(AssertionError, match=r"entered = finished \+ open: claims / motor"):
        await mart.load(log.events, Chain.HISTORICAL, now=instant("1d17:00"))
    await mart.load(log.events, Chain.FULL, now=instant("1d18:00"))


class CutFeed:
    """A feed that ends in the midst of the log with an error."""

    def __init__(self, feed: Any, error: Exception) -> None:
        self._feed, self._error = feed, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._feed, name)

    async def events(self, after: str | None, limit: int, *, personal: bool = False) -> FeedPage:
        if after is not None:
            raise self._error
        page: FeedPage = await self._feed.events(after, limit, personal=personal)
        return page


async def test_a_run_that_fails_is_told_and_the_next_goes_on(mart: MartUnderTest) -> None:
    log = LogWriter().write("09:00 1 new claims/motor\n09:10 1 pull anna\n09:20 1 complete")
    mart.batch = 2
    whole = mart.feed
    whole.log = list(log.events)
    mart.feed = CutFeed(whole, OSError("the line is dead"))  # type: ignore[assignment]
    with pytest.raises(OSError, match="the line is dead"):
        await mart.load(log.events)
    failed = "SELECT job, status, error FROM etl_audit WHERE status <> 'done' ORDER BY run"
    assert await mart.rows(failed) == "chain failed the line is dead"
    assert await mart.rows("SELECT generation, pos FROM mart_state") == "1 2"
    # One that was killed is found by the next: what it began and did not end is lost.
    await mart.fetch(
        "UPDATE etl_audit SET status = 'running', finished_at = NULL, error = NULL WHERE status = 'failed'"
    )
    mart.feed = whole
    await mart.load(log.events)
    assert await mart.rows(failed) == "chain lost -"
    assert await mart.rows("SELECT generation, pos FROM mart_state") == "1 4"
