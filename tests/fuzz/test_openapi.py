"""The whole OpenAPI with what nobody meant (`make fuzz`), and a slice of it in every run of the tests."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.trial import SKIPPED, Trial

SLICE, FEW, MANY = 12, 4, 60


@pytest.mark.timeout(600)
def test_a_slice_of_the_operations(trial: Trial) -> None:
    chosen = Random(4024).sample(sorted(trial.operations.keys() - SKIPPED.keys()), SLICE)
    assert trial.failures(chosen, FEW, 1) == []


@pytest.mark.fuzz
def test_every_operation(trial: Trial) -> None:
    failures = trial.failures(sorted(trial.operations), MANY, 1)
    assert failures == [], f"{len(failures)} operations"
