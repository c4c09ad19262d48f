"""Our side: the functions that intake itself calls, on items as it would have read them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from benchmarks.rules.items import contents, rule_set
from openiwd.domain.action import Verdict
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.judgement import Facts, judge
from openiwd.domain.judging import create, facts_of
from openiwd.domain.rule_compiler import NOWHERE
from openiwd.domain.rule_set import CompiledRuleSet, parse_document
from openiwd.domain.rule_set_compiler import compile_rule_set
from openiwd.domain.source_values import source_view
from openiwd.domain.transition import Context
from openiwd.domain.work_item import ItemSubmission, WorkItem

NOW = to_micros(datetime(2026, 3, 4, 10, 0, tzinfo=UTC))
_decode = msgspec.json.Decoder(ItemSubmission).decode
_ID = UUID(int=0)


class Case(Struct, frozen=True):
    """One size: the compiled rule set, and the items in each form on their way through intake."""

    document: dict[str, Any]
    rules: CompiledRuleSet
    bodies: list[bytes]
    items: list[WorkItem]
    facts: list[Facts]


class Decision(Struct, frozen=True):
    """What was decided of one item: numbers of the rules that acted, and the number of the category."""

    rules: list[int]
    category: int


def prepared(rules: int, categories: int) -> Case:
    document = rule_set(rules, categories)
    compiled = compile_rule_set(parse_document(document), 1, {})
    context = Context(now=from_micros(NOW), actor="benchmark", rules=compiled, new_id=lambda: _ID)
    bodies = contents(rules, categories)
    created = [create(_decode(body), context, _ID).item for body in bodies]
    items = [replace(source_view(item), due_at=None, due_origin=None) for item in created]
    return Case(document, compiled, bodies, items, [facts_of(item) for item in items])


def decisions(case: Case) -> list[Decision]:
    """What the generated function decides of each item, to compare others with; no item may be a rule error."""
    found = []
    for facts in case.facts:
        verdict = _verdict(facts)
        category = case.rules.decide(facts, NOW, verdict, NOWHERE, _fallback(case))
        found.append(Decision([int(rule[1:]) for rule in verdict.acted], category))
    return found


def _fallback(case: Case) -> int:
    return NOWHERE if case.rules.default is None else case.rules.default.index


def _verdict(facts: Facts) -> Verdict:
    return Verdict(facts.business_value, facts.priority_adjustment, facts.due_at, facts.created_at, NOW, {})


async def _rate(one_pass: Callable[[], int], seconds: float) -> float:
    """Items per second of CPU time: other processes of the machine do not count."""
    one_pass()
    done, started = 0, time.process_time()
    while time.process_time() - started < seconds:
        done += one_pass()
    return done / (time.process_time() - started)


async def decode_rate(case: Case, seconds: float) -> float:
    """The limit: msgspec reading the body into `ItemSubmission`, as intake does."""

    def one_pass() -> int:
        for body in case.bodies:
            _decode(body)
        return len(case.bodies)

    return await _rate(one_pass, seconds)


async def classify_rate(case: Case, seconds: float) -> float:
    """A verdict, and the generated function on it: all rules with their actions, then the category tree."""
    decide, fallback = case.rules.decide, _fallback(case)

    def one_pass() -> int:
        for facts in case.facts:
            verdict = Verdict(
                facts.business_value, facts.priority_adjustment, facts.due_at, facts.created_at, NOW, {}
            )
            decide(facts, NOW, verdict, NOWHERE, fallback)
        return len(case.facts)

    return await _rate(one_pass, seconds)


async def judge_rate(case: Case, seconds: float) -> float:
    """The whole `judge`: classification, then requirement, schema, queue and due date."""
    rules = case.rules

    def one_pass() -> int:
        for facts in case.facts:
            judge(rules, facts, NOW, {})
        return len(case.facts)

    return await _rate(one_pass, seconds)


async def facts_rate(case: Case, seconds: float) -> float:
    """Laying out what rules may read of an item."""

    def one_pass() -> int:
        for item in case.items:
            facts_of(item)
        return len(case.items)

    return await _rate(one_pass, seconds)
