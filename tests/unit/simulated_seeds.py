"""Simulates thousands of small tenants, each another seed: `python -m tests.unit.simulated_seeds --seeds 2000`.

Ends with code 1 at any violation, and names the seeds: each repeats what it showed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from msgspec import Struct

from tests.unit.test_simulation import simulate

FIRST = 10_000
"""Beyond those that every run of the tests simulates."""
CHUNK = 25


class Seen(Struct):
    """What came of some seeds."""

    counts: Counter[str]
    violations: list[str]
    cpu: float


def of_seeds(first: int, count: int) -> Seen:
    began = time.process_time()
    seen = Seen(Counter(), [], 0.0)
    for seed in range(first, first + count):
        summary = simulate(seed)
        seen.counts.update(summary.counts)
        seen.counts["grants checked"] += summary.checks.get("grants", 0)
        seen.violations += [f"seed {seed}: {each}" for each in summary.violations]
    seen.cpu = time.process_time() - began
    return seen


def chunks(first: int, count: int) -> Iterator[tuple[int, int]]:
    for start in range(first, first + count, CHUNK):
        yield start, min(CHUNK, first + count - start)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make seeds")
    parser.add_argument("--seeds", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=FIRST)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    began, total = time.monotonic(), Seen(Counter(), [], 0.0)
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        runs = [pool.submit(of_seeds, *each) for each in chunks(options.first, options.seeds)]
        for each in (run.result() for run in runs):
            total.counts.update(each.counts)
            total.violations += each.violations
            total.cpu += each.cpu
    told = ", ".join(
        f"{total.counts[name]} {name}" for name in ("created", "grants checked", "deciders lost")
    )
    print(  # noqa: T201 - the result
        f"{options.seeds} seeds from {options.first}: {told}; {len(total.violations)} violations; "
        f"{total.cpu:.0f} s CPU, {time.monotonic() - began:.0f} s"
    )
    for violation in total.violations:
        print(f"  {violation}")  # noqa: T201
    return 1 if total.violations else 0


if __name__ == "__main__":
    sys.exit(main())
