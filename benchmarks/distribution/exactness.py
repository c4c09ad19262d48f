"""Row d: choices against brute force: of all items that the agent may have, the first by priorities computed anew."""

from __future__ import annotations

import msgspec

from benchmarks.distribution.choose import Bench, Options
from benchmarks.part import Part, answer
from benchmarks.result import Ratio, Row
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.distribution import for_agent
from openiwd.domain.instant import HOUR
from openiwd.domain.schema import priority_at

INSTANTS = 4


class ExactnessOptions(msgspec.Struct, frozen=True):
    items: int
    agents: int


def measure(options: ExactnessOptions) -> Part:
    bench = Bench(Options(options.items, 0.0, 1, 1, agents=options.agents, signatures=300))
    world, schemas = bench.world, bench.rules.schemas
    waiting = {item.number: item for item in bench.source.items(1, options.items + 1)}
    compared = wrong = 0
    for n in range(INSTANTS):
        now = bench.now + n * HOUR + n

        def place(item: BacklogItem, now: int = now) -> tuple[object, ...]:
            priority = priority_at(schemas[item.standing.schema_id], item.standing, now)
            return -priority, -item.business_value, item.anchor_at, item.id

        ordered = sorted(waiting.values(), key=place)
        for one in bench.agents:
            expected = next((i.number for i in ordered if world.exclusion(one, i, now) is None), None)
            choice = for_agent(world, one, now)
            compared += 1
            wrong += (None if choice is None else choice.item.number) != expected
            if choice is not None:
                world.backlog.remove(choice.item.number)
                ordered.remove(waiting.pop(choice.item.number))
    return Part(
        [Row("d: choices compared with brute force", compared, "")],
        [Ratio("d: not as brute force says (at most)", wrong, 0, wrong == 0)],
    )


if __name__ == "__main__":
    answer(measure, ExactnessOptions)
