"""The backlog's order against brute force: every priority computed anew from its schema, and sorted."""

from __future__ import annotations

from heapq import nsmallest
from random import Random

import msgspec

from benchmarks.backlog.world import START, Source, compiled, empty_world, fill
from benchmarks.part import Part, answer
from benchmarks.result import Ratio, Row
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.instant import DAY, HOUR
from openiwd.domain.schema import priority_at

LATER = (0, 1, HOUR, 7 * HOUR, DAY, 5 * DAY)
"""Over evenings and a weekend."""


class Options(msgspec.Struct, frozen=True):
    items: int
    first: int = 1_000


def measure(options: Options) -> Part:
    rules = compiled()
    world = empty_world(rules)
    waiting = {item.number: item for item in Source(rules).items(1, options.items + 1)}
    fill(world.backlog, waiting.values(), START)
    rnd = Random(3)
    compared = wrong = 0
    for later in LATER:
        now = START + later

        def place(item: BacklogItem, now: int = now) -> tuple[object, ...]:
            priority = priority_at(rules.schemas[item.standing.schema_id], item.standing, now)
            return -priority, -item.business_value, item.anchor_at, item.id

        expected = [item.number for item in nsmallest(options.first, waiting.values(), place)]
        found = [item.number for item, _ in world.backlog.order(now, None, options.first)]
        wrong += sum(a != b for a, b in zip(expected, found, strict=True))
        for number in rnd.sample(sorted(waiting), min(1_000, len(waiting))):
            item = waiting[number]
            exact = priority_at(rules.schemas[item.standing.schema_id], item.standing, now)
            wrong += world.backlog.priority(number, now) != exact
            compared += 1
        compared += len(expected)
        for number in expected[::2]:
            world.backlog.remove(number)
            del waiting[number]
    return Part(
        [Row(f"c: places and priorities compared with brute force, {options.items:,} items", compared, "")],
        [Ratio("c: not as brute force says (at most)", wrong, 0, wrong == 0)],
    )


if __name__ == "__main__":
    answer(measure, Options)
