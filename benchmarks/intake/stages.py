"""`python -m benchmarks.intake.stages`: what one item of a batch costs the server's process, stage by stage.

CPU time in microseconds per item, the median of several passes, without HTTP, driver and database: not a ratio, but
it says where to look next.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from statistics import median

from benchmarks.intake.items import bodies, rule_set
from openiwd.adapters.holidays.source import LibraryHolidaySource
from openiwd.adapters.postgres.item_writing import ARRIVAL
from openiwd.adapters.postgres.rows import json_text
from openiwd.api.intake import BatchAnswer, read_item, split, told
from openiwd.api.raw import json_answer
from openiwd.domain import judging
from openiwd.domain.event import EventType, item_event
from openiwd.domain.hold_reason import with_defaults
from openiwd.domain.instant import to_micros
from openiwd.domain.judgement import judge
from openiwd.domain.rule_set import CompiledRuleSet, parse_document
from openiwd.domain.rule_set_compiler import compile_rule_set
from openiwd.domain.transition import Context
from openiwd.domain.work_item import ItemSubmission
from openiwd.processes.identity import new_id
from openiwd.usecases.command import Done
from openiwd.usecases.rule_set import freeze_calendars, read_source, zone_of
from openiwd.usecases.submission import hash_of, submission_text

BATCH = 100
PASSES = 40


def _rules() -> CompiledRuleSet:
    document = parse_document(read_source(rule_set()))
    calendars = freeze_calendars(document, LibraryHolidaySource(), datetime.now(UTC).year)
    return compile_rule_set(document, 1, calendars, zone_of(document))


class _Stages:
    """CPU time per item that each stage of each batch took."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.process_time()
        yield
        self.spent.setdefault(name, []).append((time.process_time() - started) / BATCH)


def _batch(body: bytes, rules: CompiledRuleSet, stages: _Stages) -> None:
    now = datetime.now(UTC)
    ctx = Context(now=now, actor="key:bench", rules=rules, hold_reasons=with_defaults({}), new_id=new_id)
    with stages.stage("split and decode"):
        read = [read_item(raw, n) for n, raw in enumerate(split("application/json", body))]
    new = [each for each in read if isinstance(each, ItemSubmission)]
    with stages.stage("text and hash"):
        texts = [submission_text(each) for each in new]
        for text in texts:
            hash_of(text)
    with stages.stage("create"):
        changes = [
            judging.create(each, ctx, new_id(), encoded=text) for each, text in zip(new, texts, strict=True)
        ]
    with stages.stage("  of it: judge"):
        for change in changes:
            judge(rules, judging.facts_of(change.item), to_micros(now), {})
    with stages.stage("  of it: event"):
        for change in changes:
            item_event(EventType.CREATED, None, change.item, at=now, actor=ctx.actor)
    with stages.stage("item rows"):
        for change in changes:
            ARRIVAL.values(change.item)
    with stages.stage("event rows"):
        for change in changes:
            json_text(change.event.body)
            json_text(change.event.personal)
    with stages.stage("answer"):
        answers = [told(n, Done(item=c.item, created=True), rules, now) for n, c in enumerate(changes)]
        json_answer(200, BatchAnswer(len(answers), 0, 0, 0, answers))


def measure() -> dict[str, float]:
    """Microseconds of CPU per item by stage."""
    rules, texts, stages = _rules(), bodies("stages"), _Stages()
    for _ in range(PASSES):
        _batch(b"[" + b",".join(islice(texts, BATCH)) + b"]", rules, stages)
    return {name: 1e6 * median(times) for name, times in stages.spent.items()}


if __name__ == "__main__":
    found = measure()
    for name, micros in found.items():
        print(f"{name:24}{micros:8.1f} µs")
    print(f"{'together':24}{sum(v for k, v in found.items() if not k.startswith(' ')):8.1f} µs")
