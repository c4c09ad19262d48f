"""Random logs in random batches: the mart agrees with a plain loop, and a rebuild with both, bit for bit."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from openiwd.adapters.postgres.migrate import migrate
from openiwd.adapters.postgres.migrations.history import History
from openiwd.domain.mart_dictionary import all_views
from openiwd.ports.mart import FedEvent
from openiwd.usecases.mart_run import Chain
from tests.factories.mart import MartUnderTest
from tests.factories.mart_log import DAY, FINAL, LogWriter
from tests.factories.mart_reference import QUARTER, Reference, quarter
from tests.servers.postgres import PostgresServer

AGENTS = ("anna", "ben", "carl")
FLOWS = (
    *("new", "reopened", "moved", "completed", "canceled", "rejected", "completed_due", "completed_in_time"),
    *("finish_us", "handle_us"),
)
BERLIN = ZoneInfo("Europe/Berlin")
PLACES = ("claims/motor", "claims/glass", "service/desk", "/")


@pytest.fixture
async def mart(mart_database: str) -> AsyncIterator[MartUnderTest]:
    made = MartUnderTest(mart_database, zone="Europe/Berlin")
    yield made
    await made.mart.close()


def random_log(seed: int, length: int) -> list[FedEvent]:
    """Items and agents that do whatever the lifecycle allows; clocks that stand, jump and sometimes run behind."""
    rng = random.Random(seed)
    log = LogWriter()
    at = DAY
    while len(log.events) < length:
        at += timedelta(seconds=rng.choice((0, 0, 30, 300, 900, 4_000)), microseconds=rng.randrange(3))
        when = at - timedelta(seconds=rng.choice((0, 0, 0, 0, 1_000)))
        _act(log, rng, when)
    return log.events


def _act(log: LogWriter, rng: random.Random, at: datetime) -> None:
    items = log._items
    open_items = [n for n, s in items.items() if s["status"] not in FINAL]
    if len(open_items) < 4 or rng.random() < 0.1:
        number = len(items) + 1
        due = f"{rng.randrange(3)}d{rng.randrange(24):02d}:30"
        words = [
            rng.choice(PLACES),
            f"due={due}",
            *([f"value={rng.randrange(2_000)}"] if rng.random() < 0.5 else []),
        ]
        log._new(at, number, {}, words)
        return
    if rng.random() < 0.1:
        states = {"*": {"state": rng.choice(("ready", "notReady", "loggedOut")), "reason": None}}
        log.append("agentStateChanged", at, subject=rng.choice(AGENTS), body={"states": states})
        return
    number = rng.choice(list(items))
    state = items[number]
    seen = f"focus={rng.randrange(90)}"
    told = rng.choice(([], [f"priority={rng.choice((-1, 0, 199, 200, 1_000))}"]))
    match state["status"]:
        case "completed" | "canceled" | "rejected":
            act, words = rng.choice((("reopen", []), ("restart", [rng.choice(PLACES)])))
        case "held":
            act, words = "resume", []
        case "assigned":
            act, words = rng.choice(
                (("complete", ["wrap=30", seen]), ("return", []), ("transfer", ["desk"]), ("hold", []), ("cancel", []),
                 ("pull", [rng.choice(AGENTS)]), ("move", [rng.choice(PLACES)]))
            )  # fmt: skip
        case _ if state.get("offered_to"):
            act, words = rng.choice((("accept", []), ("decline", []), ("timeout", [])))
        case _:
            act, words = rng.choice(
                (("offer", [rng.choice(AGENTS), *told]), ("pull", [rng.choice(AGENTS), *told]), ("hold", []),
                 ("cancel", []), ("move", [rng.choice(PLACES)]), ("due", ["1d12:00"]), ("reject", []))
            )  # fmt: skip
    getattr(log, f"_{act}")(at, number, state, words)


async def check(mart: MartUnderTest, events: list[FedEvent]) -> None:
    """Every number against the loop."""
    reference = Reference(events)
    found = {
        (r["interval_start"], r["category_id"], r["queue_id"]): dict(r.items())
        for r in await mart.fetch("""SELECT interval_start, category_id, queue_id, sum(new)::int AS new,
            sum(reopened)::int AS reopened,
            sum(moved_in - moved_out)::int AS moved, sum(completed)::int AS completed, sum(canceled)::int AS canceled,
            sum(rejected)::int AS rejected, sum(completed_due)::int AS completed_due,
            sum(completed_in_time)::int AS completed_in_time,
            sum(finish_us)::bigint AS finish_us, sum(handle_us)::bigint AS handle_us
            FROM agg_task_15min GROUP BY 1, 2, 3""")
    }
    for key in found.keys() | reference.flow.keys():
        expected = dict(reference.flow.get(key, {}))
        expected["moved"] = expected.pop("moved_in", 0) - expected.pop("moved_out", 0)
        row = found.get(key, {})
        for name in FLOWS:
            assert row.get(name, 0) == expected.get(name, 0), (key, name)
    await _check_work(mart, reference)
    await _check_waits(mart, reference)
    await _check_levels(mart, reference, events)


async def _check_work(mart: MartUnderTest, reference: Reference) -> None:
    work = {
        (r["interval_start"], r["agent_id"]): dict(r.items())
        for r in await mart.fetch("""SELECT interval_start, agent_id, sum(assigned)::int AS assigned,
            sum(completed)::int AS completed,
            sum(returned)::int AS returned, sum(transferred)::int AS transferred, sum(taken_back)::int AS withdrawn,
            sum(work_us)::bigint AS work_us FROM agg_agent_15min GROUP BY 1, 2""")
    }
    for key in work.keys() | reference.work.keys():
        for name in ("assigned", "completed", "returned", "transferred", "withdrawn", "work_us"):
            assert work.get(key, {}).get(name, 0) == reference.work[key][name], (key, name)


async def _check_waits(mart: MartUnderTest, reference: Reference) -> None:
    names = ("first_waits", "first_wait_us", "later_waits", "later_wait_us")
    for table, key, zone in (("agg_queue_15min", "interval_start", None), ("agg_queue_day", "day", BERLIN)):
        expected: defaultdict[tuple[Any, str, str], Counter[str]] = defaultdict(Counter)
        for (at, queue, priorities), sums in reference.waits.items():
            place = at if zone is None else at.astimezone(zone).date()
            expected[place, queue, priorities].update(sums)
        found = {
            (r[key], r["queue_id"], r["priority_range"]): {name: int(r[name]) for name in names}
            for r in await mart.fetch(f"SELECT * FROM {table}")
        }
        assert found == {place: {name: sums[name] for name in names} for place, sums in expected.items()}


async def _check_levels(mart: MartUnderTest, reference: Reference, events: list[FedEvent]) -> None:
    levels: dict[datetime, dict[tuple[str, str], dict[str, int]]] = {}
    for row in await mart.fetch("SELECT * FROM agg_task_level_15min"):
        values = {
            n: int(v) for n, v in row.items() if n not in ("interval_start", "category_id", "queue_id") and v
        }
        levels.setdefault(row["interval_start"], {})[row["category_id"], row["queue_id"]] = values
    at = quarter(min(e.at for e in events))
    end = quarter(max(e.at for e in events))
    while at < end:
        expected = {
            place: {n: v for n, v in level.items() if v}
            for place, level in reference.levels(at + QUARTER).items()
        }
        assert levels.pop(at, {}) == expected, at
        at += QUARTER
    assert levels == {}


@pytest.mark.parametrize("seed", range(3))
async def test_agrees_with_a_plain_loop_whatever_the_batches(mart: MartUnderTest, seed: int) -> None:
    events = random_log(seed, 200)
    rng = random.Random(seed)
    end = 0
    while end < len(events):
        end = min(len(events), end + rng.randrange(1, 70))
        mart.batch = rng.choice((25, 20_000))
        await mart.load(events[:end])
    await check(mart, events)
    before = await mart.content()
    mart.batch = 20_000
    await mart.load(events, Chain.FULL)
    assert await mart.content() == before


async def test_all_of_it_runs_on_the_oldest_supported_server(postgres_15: PostgresServer) -> None:
    """Migrations, loading, views, retention and a rebuild."""
    dsn = postgres_15.dsn(await postgres_15.create_database(name="mart"))
    (applied,) = await migrate([(History.MART, dsn)])
    assert isinstance(applied, tuple), applied
    mart = MartUnderTest(dsn, zone="Europe/Berlin", batch=40)
    try:
        events = random_log(7, 150)
        await mart.load(events[:70])
        await mart.load(events)
        await check(mart, events)
        await mart.mart.publish_views("secret of the reader")
        for view in all_views():
            await mart.fetch(f"SELECT * FROM {view.name}")
        now = max(e.at for e in events) + timedelta(days=500)
        await mart.load(events, Chain.HISTORICAL, now=now)
        assert await mart.rows("SELECT count(*) FROM agg_task_15min") == "."
        kept = await mart.content()
        await mart.load(events, Chain.FULL, now=now)
        assert await mart.content() == kept
    finally:
        await mart.mart.close()
