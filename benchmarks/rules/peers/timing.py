"""Beside the scripts of the peers, without the rest of the benchmarks: decides all items, then measures the rate."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from itertools import count
from typing import Any


def category_numbers(categories: list[dict[str, Any]]) -> dict[str, int]:
    """The number of each category: its place in the tree, parents before children."""
    counter = count()

    def ids(nodes: list[dict[str, Any]]) -> dict[str, int]:
        found: dict[str, int] = {}
        for node in nodes:
            found[node["id"]] = next(counter)
            found |= ids(node.get("children", []))
        return found

    return ids(categories)


def answer(decide: Callable[[Any], tuple[list[bool], int]], items: list[Any], seconds: float) -> None:
    """Writes what was decided of each item, and how many were per second of CPU time."""
    decisions = []
    for item in items:
        flags, number = decide(item)
        decisions.append({"rules": [n for n, flag in enumerate(flags) if flag], "category": int(number)})
    done, started = 0, time.process_time()
    while time.process_time() - started < seconds:
        for item in items:
            decide(item)
        done += len(items)
    rate = done / (time.process_time() - started)
    sys.stdout.write(json.dumps({"decisions": decisions, "rate": rate}) + "\n")
