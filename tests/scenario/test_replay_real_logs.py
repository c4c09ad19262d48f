"""The real logs, replayed as it is typed: what the server's own event log says at the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.scenario.loan_log import times_of
from tests.scenario.replayed_mart import mart_of_replay
from tests.scenario.replaying import replayed

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.replay, pytest.mark.timeout(1_200)]


@pytest.fixture
def logs() -> Path:
    folder = (ROOT / os.environ.get("OPENIWD_DATA", "../shared/data")).resolve()
    if not folder.is_dir() and os.environ.get("CI") != "true":
        pytest.skip(f"no event logs in {folder}: set OPENIWD_DATA")
    return folder


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder that everybody may enter: PostgreSQL runs under an account of its own when root starts it."""
    made = Path(mkdtemp(prefix="openiwd-replay-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


async def test_loan_applications(logs: Path, data: Path) -> None:
    summary = replayed(logs / "bpic2012.xes.gz", data, seconds=1_100)
    assert summary["created"] == 26_318
    assert summary["assigned"] == 71_376
    assert summary["returned"] == 46_172
    assert (summary["completedByAgents"], summary["completedBySource"]) == (25_199, 1_039)
    assert (summary["queuedAtEnd"], summary["assignedAtEnd"]) == (77, 3)
    assert (summary["heldAtEnd"], summary["otherAtEnd"], summary["completedAtEnd"]) == (0, 0, 26_238)
    assert len(summary["categories"]) == 7
    assert sum(category["items"] for category in summary["categories"]) == 26_318
    await _mart_agrees(logs / "bpic2012.xes.gz", data)


async def _mart_agrees(log: Path, data: Path) -> None:
    """Waits and service times per activity and resource, to the microsecond, and the counts of the summary."""
    mart = await mart_of_replay(data)
    assert mart.result.verdict.balanced, mart.result.verdict.detail
    assert mart.counts == {
        "items": 26_318,
        "completed": 26_238,
        "queued": 77,
        "assigned": 3,
        "assignments": 71_376,
    }
    times = times_of(log)
    assert times.items == 26_318
    assert mart.first_waits == times.first_waits
    assert mart.later_waits == times.later_waits
    assert mart.service == times.service


def test_incidents(logs: Path, data: Path) -> None:
    mapping = ROOT / "docs" / "how-to" / "incident-log-mapping.yaml"
    summary = replayed(logs / "incident_event_log_sample.csv", data, "--mapping", str(mapping), seconds=1_100)
    assert summary["created"] == summary["completedAtEnd"] == 890
    assert summary["completedByAgents"] + summary["completedBySource"] == 890 + summary["reopened"]
    assert (summary["logSla"]["judged"], summary["logSla"]["within"]) == (890, 495)
    assert summary["sla"]["judged"] == 890
    assert summary["logSla"]["agree"] == 862
