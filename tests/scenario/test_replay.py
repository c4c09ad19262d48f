"""`openiwd replay` as it is typed, on a small log: the figures, going on after a stop or a crash, speeds, refusals."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from openiwd.adapters.embedded_postgres import EmbeddedPostgres
from openiwd.adapters.event_log_file.log import load_plan
from openiwd.domain.replay.plan import Plan
from openiwd.ports.tenant_store import Tenant
from openiwd.processes import bootstrap
from openiwd.processes.wiring import Wiring
from tests.factories.xes import believable_log, write_xes
from tests.scenario.replaying import (
    Left,
    Running,
    left_in,
    refused,
    replayed,
    replayed_again,
    sequence_of,
)
from tests.servers.postgres import data_folder, in_a_loop_of_its_own
from tests.servers.until import until

pytestmark = pytest.mark.timeout(300)
SLOWLY = ("--speed", "60000")
"""The log spans five days and a bit: some seconds, in many requests."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that everybody may enter: PostgreSQL runs under an account of its own when root starts it."""
    made = data_folder("openiwd-replay-")
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def log(folder: Path) -> Path:
    return write_xes(folder / "small.xes.gz", believable_log(400, seed=7))


@pytest.fixture(scope="module")
def plan(log: Path) -> Plan:
    return load_plan(log)


@pytest.fixture(scope="module")
def straight(folder: Path, log: Path) -> tuple[Path, dict[str, Any]]:
    """The log replayed in one go, as fast as it goes: data folder and summary."""
    data = folder / "straight"
    return data, replayed(log, data)


@pytest.fixture(scope="module")
def left(straight: tuple[Path, dict[str, Any]]) -> Left:
    """What that has left in its database."""
    return in_a_loop_of_its_own(left_in(straight[0]))


def test_the_summary_says_what_the_log_holds(straight: tuple[Path, dict[str, Any]], plan: Plan) -> None:
    summary, figures = straight[1], plan.figures
    assert figures.created > 500
    assert summary["created"] == figures.created == sum(c["items"] for c in summary["categories"])
    assert (summary["assigned"], summary["returned"]) == (figures.assigned, figures.returned)
    assert summary["completedByAgents"] == figures.completed_by_agents > 0
    assert summary["completedBySource"] == figures.completed_by_source > 0
    assert summary["queuedAtEnd"] == figures.queued_at_end > 0
    assert summary["assignedAtEnd"] == figures.assigned_at_end > 0
    assert [c["category"] for c in summary["categories"]] == list(plan.categories)
    for category in summary["categories"]:
        waits = category["waits"]
        assert 0 < waits["median"] <= waits["p90"]


def test_events_carry_the_logs_instants(left: Left, plan: Plan) -> None:
    told = [(e["capture_id"], e["at"]) for e in left.log if e["capture_id"] is not None]
    assert told == [(operation.capture_id, operation.at) for operation in plan]
    assert any(operation.at.microsecond % 1_000_000 for operation in plan)


async def test_speed_changes_nothing(
    folder: Path, log: Path, straight: tuple[Path, dict[str, Any]], left: Left
) -> None:
    data = folder / "slow"
    assert replayed_again(log, data, *SLOWLY) == straight[1]
    assert (await left_in(data)).log == left.log


async def test_killed_in_the_middle_it_goes_on_to_the_same_end(
    folder: Path, log: Path, plan: Plan, straight: tuple[Path, dict[str, Any]], left: Left
) -> None:
    data = folder / "killed"
    rng = random.Random(len(plan))
    with Running(log, data) as running:  # while it prepares, before anything is replayed
        await until((data / "postgres" / "postmaster.pid").exists, seconds=60)
        running.kill()
    before = 0
    for share in (0.2, 0.5, 0.8):
        wanted = int(len(plan) * (share + rng.uniform(-0.1, 0.1)))
        with Running(log, data, *SLOWLY) as running:
            await until(partial(_reached, data, wanted), seconds=60)
            assert running.process.poll() is None, "it ended before it could be killed"
            running.kill()
        assert before < wanted
        before = wanted
    assert replayed_again(log, data) == straight[1]
    assert await left_in(data) == left


async def _reached(data: Path, least: int) -> bool:
    return (await sequence_of(data) or 0) >= least


async def test_stopped_by_hand_it_goes_on(
    folder: Path, log: Path, straight: tuple[Path, dict[str, Any]], left: Left
) -> None:
    data = folder / "stopped"
    with Running(log, data, *SLOWLY) as running:
        await until(partial(_reached, data, 100), seconds=60)
        assert running.stop(signal.SIGINT) == 130
    assert replayed_again(log, data) == straight[1]
    assert (await left_in(data)).log == left.log


def test_done_already_it_only_sums_up(log: Path, straight: tuple[Path, dict[str, Any]]) -> None:
    assert replayed_again(log, straight[0]) == straight[1]


def test_another_log_on_the_same_data_is_refused(folder: Path, straight: tuple[Path, dict[str, Any]]) -> None:
    other = write_xes(folder / "other.xes.gz", believable_log(5, seed=8))
    said = refused(other, straight[0])
    assert "another log" in said
    assert "small.xes.gz" in said


def test_another_mapping_on_the_same_data_is_refused(
    folder: Path, log: Path, straight: tuple[Path, dict[str, Any]]
) -> None:
    mapping = folder / "other-mapping.yaml"
    mapping.write_text("format: xes\nsla: {otherwise: 3h}\n")
    assert "another mapping" in refused(log, straight[0], "--mapping", str(mapping))


async def test_the_data_of_another_server_are_refused(folder: Path, log: Path) -> None:
    data = folder / "other"
    postgres = EmbeddedPostgres(data)
    await postgres.start()
    try:
        tenant = Tenant(id="main", name="Main", database_name="iwd-main")
        wiring = Wiring(await bootstrap.prepare_databases(postgres.dsn(), tenant))
        await bootstrap.ensure_tenant(wiring, tenant)
        await wiring.close()
    finally:
        await postgres.stop()
    assert "another OpenIWD server" in " ".join(refused(log, data).split())
