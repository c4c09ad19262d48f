"""`python -m benchmarks.intake.stages`: what one item of a batch costs this process, stage by stage, without a database.

CPU time in microseconds per item, the median of several passes: not a ratio, but it says where to look next.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice, repeat
from statistics import median
from typing import Any

from benchmarks.intake.items import bodies, rule_set
from openiwd.adapters.holidays.source import LibraryHolidaySource
from openiwd.adapters.postgres.rows import json_rows
from openiwd.api.intake import BatchAnswer, read_item, split, told
from openiwd.api.raw import json_answer
from openiwd.domain import judging
from openiwd.domain.hold_reason import with_defaults
from openiwd.domain.instant import to_micros
from openiwd.domain.item_input import check_submission
from openiwd.domain.judgement import judge
from openiwd.domain.rule_set_compiler import compile_rule_set
from openiwd.domain.rule_set import CompiledRuleSet, parse_document
from openiwd.domain.transition import Context
from openiwd.domain.work_item import ItemNumber
from openiwd.processes.identity import new_id
from openiwd.usecases.rule_set import freeze_calendars, read_source, zone_of
from openiwd.usecases.work_item import Done, hash_of, submission_text

BATCH = 100
PASSES = 40


def _rules() -> CompiledRuleSet:
    document = parse_document(read_source(rule_set()))
    calendars = freeze_calendars(document, LibraryHolidaySource(), datetime.now(UTC).year)
    return compile_rule_set(document, 1, calendars, zone_of(document))


class _Clock:
    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = {}

    def run(self, stage: str, work: Callable[[], Any]) -> Any:
        started = time.process_time()
        result = work()
        self.spent.setdefault(stage, []).append((time.process_time() - started) / BATCH)
        return result


def measure() -> dict[str, float]:
    """Microseconds of CPU per item by stage."""
    rules = _rules()
    texts = bodies("stages")
    clock = _Clock()
    for _ in range(PASSES):
        body = b"[" + b",".join(islice(texts, BATCH)) + b"]"
        now = datetime.now(UTC)
        ctx = Context(now=now, actor="key:bench", rules=rules, hold_reasons=with_defaults([]), new_id=new_id)
        raws = clock.run("split", lambda b=body: split("application/json", b))
        new = clock.run("decode", lambda r=raws: [read_item(raw, n) for n, raw in enumerate(r)])
        encoded = clock.run("submission text", lambda s=new: [submission_text(each) for each in s])
        digests = clock.run("hash", lambda t=encoded: [hash_of(each) for each in t])
        clock.run("(check)", lambda s=new, n=now, t=encoded: [check_submission(*each) for each in zip(s, repeat(n), t)])
        changes = clock.run(
            "create (with check, judge, event)",
            lambda s=new, c=ctx, t=encoded: [judging.create(each, c, new_id(), encoded=e) for each, e in zip(s, t)],
        )
        facts = clock.run("(facts)", lambda c=changes: [judging.facts_of(each.item) for each in c])
        clock.run(
            "(judge)", lambda f=facts, n=to_micros(now): [judge(rules, each, n, {}) for each in f]
        )
        clock.run("item rows", lambda c=changes: json_rows([each.item for each in c]))
        for n, change in enumerate(changes):
            change.item.number = change.event.item_number = ItemNumber(n)
        clock.run("event rows", lambda c=changes: json_rows([each.event for each in c]))
        done = [Done(item=change.item, created=True) for change in changes]
        answers = clock.run(
            "answer", lambda d=done, n=now: [told(k, each, rules, n) for k, each in enumerate(d)]
        )
        clock.run("answer text", lambda a=answers: json_answer(200, BatchAnswer(len(a), 0, 0, 0, a)))
        assert len(digests) == BATCH
    return {stage: 1e6 * median(times) for stage, times in clock.spent.items()}


if __name__ == "__main__":
    found = measure()
    for stage, micros in found.items():
        print(f"{stage:40}{micros:8.1f} µs")
    print(f"{'together':40}{sum(v for k, v in found.items() if not k.startswith('(')):8.1f} µs")
