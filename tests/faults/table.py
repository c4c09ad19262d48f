"""What a fault run comes to, as a table: each fault with how often it struck and how long nothing was acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

KINDS: Mapping[str, tuple[str, ...]] = {
    "lost": ("is lost", "there is none", "a row without events", "there is no event of it"),
    "doubled": (
        "exists ",
        "given away while",
        "was acknowledged for",
        "was created ",
        "offered twice",
        "and as",
    ),
    "illegal": ("no transition", "starts from", "follows "),
}
OTHER = "other"
WATCH_SECONDS = 0.02


class FaultLine(Struct, kw_only=True):
    """One kind of fault."""

    fault: str
    times: int = 0
    acknowledged: int = 0
    """Operations from the moment it struck until the next fault."""
    recoveries: list[float] = []
    """Each time: the longest while, in seconds, without any acknowledged operation."""


def kinds_of(violations: Iterable[str]) -> Counter[str]:
    """How many of each kind the checker found; each counts once."""
    found: Counter[str] = Counter()
    for text in violations:
        kind = next((k for k, marks in KINDS.items() if any(m in text for m in marks)), OTHER)
        found[kind] += 1
    return found


class Silence:
    """Watches a count that should go on rising, and keeps the longest while in which it did not."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self.first = count()
        self.longest = 0.0
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        last, since = self.first, time.monotonic()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            now, seen = time.monotonic(), self._count()
            if seen != last:
                last, since = seen, now
            self.longest = max(self.longest, now - since)

    async def end(self, line: FaultLine) -> None:
        """Adds what was seen to the fault's line."""
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        line.times += 1
        line.acknowledged += self._count() - self.first
        line.recoveries.append(self.longest)


def rendered(lines: Sequence[FaultLine], violations: Sequence[str]) -> str:
    """The table as text. What the checker finds belongs to the run: no single fault can be held to it."""
    head = ("fault", "times", "acknowledged", "lost", "doubled", "illegal", "recovery s, median", "longest")
    found = kinds_of(violations)
    rows = [head]
    for line in sorted(lines, key=lambda each: each.fault):
        middle = sorted(line.recoveries)[len(line.recoveries) // 2] if line.recoveries else 0.0
        longest = max(line.recoveries, default=0.0)
        rows.append(
            (
                line.fault,
                str(line.times),
                str(line.acknowledged),
                "",
                "",
                "",
                f"{middle:.2f}",
                f"{longest:.2f}",
            )
        )
    totals = (str(found["lost"]), str(found["doubled"]), str(found["illegal"]))
    times, done = sum(each.times for each in lines), sum(each.acknowledged for each in lines)
    rows.append(("all", str(times), str(done), *totals, "", ""))
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    text = "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows
    )
    return f"{text}\nother violations: {found[OTHER]}"
