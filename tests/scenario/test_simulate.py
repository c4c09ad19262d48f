"""`openiwd simulate` from the command line: the report, the JSON, and the code it ends with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from openiwd.domain.simulation.summary import Summary

ROOT = Path(__file__).resolve().parents[2]
SIZE = ("--agents", "6", "--items", "90", "--hours", "8", "--skills", "12", "--signatures", "12")


def simulate(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "openiwd", "simulate", *SIZE, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_report_names_figures_queues_and_checks() -> None:
    told = simulate("--seed", "3", "--faults")
    assert told.returncode == 0, told.stderr
    for text in (
        "Simulated",
        "within SLA",
        "queue00",
        "utilisation",
        "Checked",
        "No invariant was violated.",
    ):
        assert text in told.stdout
    assert "decisions in" in told.stderr


def test_the_json_is_the_same_for_the_same_seed_and_holds_no_speed() -> None:
    first, second, other = (simulate("--json", "--seed", seed) for seed in ("3", "3", "4"))
    assert first.stdout == second.stdout != other.stdout
    summary = msgspec.json.decode(first.stdout, type=Summary)
    assert summary.violated == {}
    assert summary.counts["created"] == 90
    assert "per second" in first.stderr
    assert "per second" not in first.stdout


def test_a_size_out_of_range_is_refused() -> None:
    assert simulate("--agents", "0").returncode == 2
