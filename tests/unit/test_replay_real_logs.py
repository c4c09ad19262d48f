"""The real logs, planned: the figures that a replay of them must come to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openiwd.adapters.event_log_file.log import load_plan
from openiwd.domain.replay.plan import NOBODY, Figures, Kind

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.replay


@pytest.fixture
def data() -> Path:
    folder = (ROOT / os.environ.get("OPENIWD_DATA", "../shared/data")).resolve()
    if not folder.is_dir() and os.environ.get("CI") != "true":
        pytest.skip(f"no event logs in {folder}: set OPENIWD_DATA")
    return folder


def test_loan_applications(data: Path) -> None:
    plan = load_plan(data / "bpic2012.xes.gz")
    assert plan.figures == Figures(
        created=26_318,
        assigned=71_376,
        returned=46_172,
        completed_by_agents=25_199,
        completed_by_source=1_039,
        queued_at_end=77,
        assigned_at_end=3,
        completed_at_end=26_238,
        most_assigned_at_once=12,
    )
    assert sum(op.kind is Kind.ASSIGN and op.agent == NOBODY for op in plan) == 8_000
    ends = (Kind.RETURN, Kind.COMPLETE)
    assert sum(op.kind in ends and op.agent == NOBODY for op in plan) == 7_999


def test_incidents(data: Path) -> None:
    mapping = ROOT / "docs" / "how-to" / "incident-log-mapping.yaml"
    plan = load_plan(data / "incident_event_log_sample.csv", mapping)
    assert plan.figures.created == plan.figures.completed_at_end == len(plan.within_sla) == 890
    assert plan.figures.completed_by_agents + plan.figures.completed_by_source == 890 + plan.figures.reopened
    assert sum(plan.within_sla.values()) == 495
