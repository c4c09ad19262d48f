"""A weekend's arrivals on a business calendar bend at one instant on Monday: how long a decision then takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Final

import msgspec
from msgspec.structs import replace

from benchmarks.backlog.world import Source, agent, compiled, empty_world, fill, fill_alike
from benchmarks.exponent import quantile
from benchmarks.part import Part, answer
from benchmarks.result import Ratio, Row
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.distribution import for_agent
from openiwd.domain.instant import MINUTE, SECOND, to_micros
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.schema import standing

MILLISECONDS: Final = 150.0
FRIDAY: Final = to_micros(datetime(2026, 3, 6, 17, 0, tzinfo=UTC))
"""18:00 in Berlin: the calendar stands still from here on."""
OPENING: Final = to_micros(datetime(2026, 3, 9, 7, 0, tzinfo=UTC))
BEND: Final = OPENING + MINUTE
WEEKEND: Final = 300_000


class Options(msgspec.Struct, frozen=True):
    items: int
    weekend: int = WEEKEND
    agents: int = 200


def _arrivals(source: Source, rules: CompiledRuleSet, first: int, count: int) -> Iterator[BacklogItem]:
    schema = rules.schemas["opening"]
    span = OPENING - FRIDAY - MINUTE
    for n in range(count):
        at = FRIDAY + n * span // count
        own = standing(schema, at, 0, 0, 0)
        yield replace(source.item(first + n), standing=own, anchor_at=at, queued_at=at, excluded=())


def measure(options: Options) -> Part:
    """Decisions every 20 ms across the opening and the bend; the item chosen is taken out each time."""
    rules = compiled()
    source = Source(rules, now=FRIDAY)
    world = empty_world(rules)
    start = OPENING - 3 * SECOND
    fill_alike(world.backlog, source, 1, options.items + 1, start)
    fill(world.backlog, _arrivals(source, rules, options.items + 1, options.weekend), start)
    rnd = Random(1)
    agents = [agent(n) for n in range(options.agents)]
    for one in agents:
        world.put_agent(one)
        for_agent(world, one, start)
    times: list[float] = []
    for around in (OPENING, BEND):
        for now in range(around - 2 * SECOND, around + 2 * SECOND, 20_000):
            started = time.perf_counter()
            choice = for_agent(world, rnd.choice(agents), now)
            times.append(1_000 * (time.perf_counter() - started))
            if choice is not None:
                world.backlog.remove(choice.item.number)
    worst = max(times)
    name = f"c: {options.weekend:,} of {options.items + options.weekend:,} bend at once"
    return Part(
        [
            Row(f"{name}: slowest decision", worst, "ms"),
            Row(f"{name}: decision p50", quantile(times, 0.5), "ms"),
        ],
        [Ratio(f"{name}: slowest decision in ms (at most)", worst, MILLISECONDS, worst <= MILLISECONDS)],
    )


if __name__ == "__main__":
    answer(measure, Options)
