"""How old the numbers of `openiwd up --demo` get under its own traffic: a new item must be counted within a minute.

`python -m tests.faults.mart_freshness --seconds 180`; ends with 1 where anything took longer. No test is timed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.integration.test_up import Up

MOST_SECONDS = 60.0
FIRST_SECONDS = 180.0
"""For the history of the demo to be loaded."""
PAUSE_SECONDS = 0.5
REPORT = "/iwd/v3/reports/intraday-process"


def age(up: Up) -> float | None:
    """Seconds since the instant up to which the numbers are told to be complete."""
    answer = up.http.get(REPORT)
    if answer.status_code == 404:
        return None
    answer.raise_for_status()
    told = answer.json()["dataAsOf"]
    return None if told is None else (datetime.now(UTC) - datetime.fromisoformat(told)).total_seconds()


def is_loaded(up: Up) -> bool:
    """Whether the first run is over: while the history is being loaded, numbers are as old as what is loaded."""
    answer = up.http.get("/iwd/v3/reports/runs")
    if answer.status_code == 404:
        return False
    answer.raise_for_status()
    return any(run["job"] == "chain" and run["status"] == "done" for run in answer.json()["runs"])


def counted(up: Up, capture_id: str) -> bool:
    answer = up.http.get(f"{REPORT}/items", params={"measure": "new", "period": "week"})
    answer.raise_for_status()
    return any(item["captureId"] == capture_id for item in answer.json()["items"])


def measured(up: Up, seconds: float) -> tuple[list[float], list[float]]:
    """Ages of the numbers, and how long each of some new items took to be counted."""
    ages: list[float] = []
    waits: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        name, began = f"fresh-{len(waits)}", time.monotonic()
        answer = up.http.post("/iwd/v3/items", json={"captureId": name, "subject": "Is it counted?"})
        answer.raise_for_status()
        while not counted(up, name):
            assert time.monotonic() - began < 5 * MOST_SECONDS, f"{name} is not counted"
            ages.append(age(up) or 0.0)
            time.sleep(PAUSE_SECONDS)
        waits.append(time.monotonic() - began)
    return ages, waits


def main(seconds: float) -> int:
    folder = Path(tempfile.mkdtemp(prefix="openiwd-fresh-"))
    folder.chmod(0o755)
    began = time.monotonic()
    up = Up(folder, "--demo")
    try:
        ready = time.monotonic()
        while not is_loaded(up):
            assert time.monotonic() - ready < FIRST_SECONDS, "the mart has no numbers"
            time.sleep(PAUSE_SECONDS)
        first = time.monotonic() - ready
        ages, waits = measured(up, seconds)
        runs = up.http.get("/iwd/v3/reports/runs", params={"limit": 1_000}).json()["runs"]
    finally:
        up.stop()
        shutil.rmtree(folder, ignore_errors=True)
    chains = [run for run in runs if run["job"] == "chain"]
    failed = sum(run["status"] != "done" for run in chains[1:])
    told = (
        f"ready after {ready - began:.1f} s, first numbers {first:.1f} s later; {len(chains)} runs, {failed} failed",
        f"numbers at most {max(ages):.1f} s old, in the mean {sum(ages) / len(ages):.1f}",
        f"{len(waits)} new items counted after {max(waits):.1f} s at most, in the mean {sum(waits) / len(waits):.1f}",
    )
    print("\n".join(told))  # noqa: T201 - the result
    return int(max(*ages, *waits) > MOST_SECONDS or failed > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=180.0)
    sys.exit(main(parser.parse_args().seconds))
