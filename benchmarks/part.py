"""A part of a benchmark that runs in a fresh process: options as JSON in, rows and ratios as JSON out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import msgspec

from benchmarks.result import Ratio, Row
from openiwd.processes.garbage import collect_seldom

T = TypeVar("T")


class Part(msgspec.Struct, frozen=True):
    rows: list[Row]
    ratios: list[Ratio] = []


def answer(measure: Callable[[T], object], options: type[T]) -> None:
    """The body of such a process. The collector is set as a serving process sets it."""
    collect_seldom()
    found = measure(msgspec.json.decode(sys.stdin.buffer.read(), type=options))
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")


def say(text: str) -> None:
    """Progress; standard output is for the answer."""
    print(text, file=sys.stderr, flush=True)
