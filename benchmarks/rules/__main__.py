"""`python -m benchmarks.rules [--quick] [--only classify|growth]`: row b, the cost of classifying an item."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
from msgspec.structs import replace

from benchmarks.result import Ratio, Result, Row, write
from benchmarks.rounds import alternate, compare
from benchmarks.rules import growth, peers
from benchmarks.rules.ours import classify_rate, decisions, decode_rate, facts_rate, judge_rate, prepared

RULES = 50
CATEGORIES = 13
OURS = "b: items/s, classification"
LIMIT = "b: items/s, msgspec into ItemSubmission (limit)"
FACTS = "b: items/s, laying out the facts"
JUDGE = "b: items/s, the whole judge()"
DECODES = 3.0
TARGETS = {peers.ZEN: 5.0, peers.CEL: 15.0, peers.DATALOGIC: 1.0}


async def _classify(*, rounds: int, seconds: float) -> tuple[list[Row], list[Ratio]]:
    case = prepared(RULES, CATEGORIES)
    acted = sum(len(d.rules) for d in decisions(case)) / len(case.bodies)
    print(f"  {len(case.bodies)} contents of about {len(case.bodies[0])} bytes; {acted:.1f} rules act on one")
    measures: dict[str, Callable[[], Awaitable[float]]] = {
        OURS: partial(classify_rate, case, seconds),
        LIMIT: partial(decode_rate, case, seconds),
        FACTS: partial(facts_rate, case, seconds),
        JUDGE: partial(judge_rate, case, seconds),
    }
    for name in peers.installed():
        measures[f"b: items/s, {name}"] = peers.measure_of(name, case, seconds)
    found = await alternate(measures, rounds)
    decodes, spread = compare("b: classification in decodes (at most)", found[LIMIT], found[OURS], 0)
    ratios = [replace(decodes, target=DECODES, ok=decodes.ok and decodes.value <= DECODES)]
    rows = [*(series.row("items/s") for series in found.values()), spread]
    for name, target in TARGETS.items():
        theirs = found.get(f"b: items/s, {name}")
        if theirs is not None:
            ratio, spread = compare(f"b: classification / {name}", found[OURS], theirs, target)
            ratios.append(ratio)
            rows.append(spread)
    share = compare("b: share of classification in judge()", found[JUDGE], found[OURS], 0)[0]
    rows.append(Row(share.name, 100 * share.value, "%"))
    return rows, ratios


def _parts(*, quick: bool) -> dict[str, Callable[[], Awaitable[tuple[list[Row], list[Ratio]]]]]:
    rounds, seconds = (2, 0.2) if quick else (5, 1.0)
    return {
        "classify": lambda: _classify(rounds=rounds, seconds=seconds),
        "growth": lambda: growth.measure(
            rules=RULES, categories=CATEGORIES, rounds=1 if quick else 5, seconds=seconds
        ),
    }


async def main(*, quick: bool, only: str | None) -> None:
    print(f"{RULES} rules of 3 conditions, {CATEGORIES} categories; rates are per second of CPU time.")
    print(f"Python {platform.python_version()}, msgspec {msgspec.__version__}, "
          f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before the start.")  # fmt: skip
    rows: list[Row] = []
    ratios: list[Ratio] = []
    for name, part in _parts(quick=quick).items():
        if only in (None, name):
            print(f"{name}:")
            more_rows, more_ratios = await part()
            rows += more_rows
            ratios += more_ratios
    print()
    write(Result("rules", rows, ratios), keep=not quick and only is None)


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m benchmarks.rules", description=__doc__)
    options.add_argument(
        "--quick", action="store_true", help="under a minute; too short for ratios that count"
    )
    options.add_argument("--only", choices=["classify", "growth"], help="one part; the results file stays")
    chosen = options.parse_args()
    asyncio.run(main(quick=chosen.quick, only=chosen.only))
