"""A bounded fault run as part of all tests; the long one is `make faults-long`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.breakable import FAULTS
from tests.faults.fault_run import run

SEED = 20_260
LOAD_SECONDS = 25.0


@pytest.mark.timeout(400)
async def test_nothing_acknowledged_is_lost_or_doubled_whatever_is_killed(tmp_path: Path) -> None:
    report = await run(tmp_path, SEED, LOAD_SECONDS)
    print(report.line())  # noqa: T201 - shown when it fails: the seed repeats the plan
    assert report.violations == []
    assert report.acknowledged > 100, "there was a load to speak of"
    assert report.grants > 20
    assert FAULTS.keys() <= report.faults.keys(), "each kind has happened"
