"""Compiles a rule-set document into what items are judged by, and checks everything that its parts refer to.

All faults are collected and raised together. Pure: calendars come frozen, the tenant's zone is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any

from openiwd.domain.action import compile_actions
from openiwd.domain.attribute import (
    BAD,
    MEDIA_TYPES,
    NUMERIC,
    Family,
    MediaTypeConfig,
    Vocabulary,
    read_decimal,
)
from openiwd.domain.calendar import WALL, WALL_CLOCK_ID, Calendar, Clock, FrozenCalendar, check_calendar
from openiwd.domain.category import Category
from openiwd.domain.category_compiler import CategoryCompiler
from openiwd.domain.criteria import Surroundings, compile_criteria, resolve
from openiwd.domain.decision_table import compile_decision_table
from openiwd.domain.problem import Problems
from openiwd.domain.program import CompiledRule, Program
from openiwd.domain.queue import Queue, compile_queue
from openiwd.domain.rule_compiler import compile_program
from openiwd.domain.rule_set import CompiledRuleSet, RuleSetDocument
from openiwd.domain.schema import Anchor, Schema, compile_schema

_REQUESTS = frozenset({"ext.requestedSkill", "ext.requestedAgent", "ext.requestedAgentGroup"})
_ANCHORS = {
    Anchor.CREATED: "createdDateTime",
    Anchor.SOURCE_CREATED: "ext.sourceCreatedDateTime",
    Anchor.ACTIVATION: "activationDateTime",
    Anchor.DUE: "dueDateTime",
}


def compile_rule_set(
    document: RuleSetDocument,
    version: int,
    frozen_calendars: Mapping[str, FrozenCalendar],
    zone: tzinfo = UTC,
) -> CompiledRuleSet:
    """The rule set ready for use; `zone` is the tenant's (dates without an offset are local to it).

    Raises one `RuleSetError` with the first fault; `details["errors"]` lists all, each with field and hint.
    """
    problems = Problems()
    vocabulary = _vocabulary(document, problems)
    clocks = _clocks(document, frozen_calendars, problems)
    schemas = _schemas(document, clocks, problems)
    queues = _queues(document, clocks, vocabulary, problems)
    media_types = _media_types(document, problems)
    around = Surroundings(vocabulary, clocks, zone, problems)
    rules = tuple(
        CompiledRule(
            rule.id,
            compile_criteria(rule.when, f"rule '{rule.id}'", f"rules[{i}].when", around),
            compile_actions(rule.then, f"rule '{rule.id}'", f"rules[{i}].then", around),
        )
        for i, rule in enumerate(document.rules)
    )
    tables = tuple(
        compile_decision_table(table, f"decisionTables[{i}]", around)
        for i, table in enumerate(document.decision_tables)
    )
    tree = CategoryCompiler(around, {s.id for s in document.schemas}, {q.id for q in document.queues}, queues)
    roots = tree.compile(document.categories)
    rule_ids = [(f"rules[{i}].id", r.id) for i, r in enumerate(document.rules)]
    table_ids = [(f"decisionTables[{i}].id", t.id) for i, t in enumerate(document.decision_tables)]
    problems.check_ids([*rule_ids, *table_ids, *tree.rule_ids], "rule or table")
    default = _default(document, tree.categories, problems)
    problems.raise_any()
    program = Program(rules, tables, roots)
    return CompiledRuleSet(
        version=version,
        document=document,
        categories={c.id: c for c in tree.categories},
        tree=tuple(tree.categories),
        by_path={c.path: c for c in reversed(tree.categories) if not c.archived},
        default=default,
        schemas=schemas,
        clocks=clocks,
        queues=queues,
        media_types=media_types,
        vocabulary=vocabulary,
        attributes_used=_used(program, schemas, queues),
        zone=zone,
        program=program,
        decide=compile_program(program),
    )


def _vocabulary(document: RuleSetDocument, problems: Problems) -> Vocabulary:
    problems.check_ids(
        ((f"attributes[{i}].name", a.name) for i, a in enumerate(document.attributes)), "attribute"
    )
    for i, attribute in enumerate(document.attributes):
        if not all(attribute.name.split(".")):
            problems.add(
                f"attributes[{i}].name",
                f"'{attribute.name}' is not a path",
                "write names joined by single dots",
            )
    vocabulary = Vocabulary(document.attributes)
    for i, attribute in enumerate(document.attributes):
        known = vocabulary.resolve(f"data.{attribute.name}")
        for j, value in enumerate(attribute.allowed):
            if known is not None and not _allowable(value, known.family):
                problems.add(
                    f"attributes[{i}].allowed[{j}]",
                    f"'{str(value)[:80]}' is not {known.family.value}",
                    f"{attribute.name} is declared as {attribute.type.value}",
                )
    return vocabulary


def _allowable(value: Any, family: Family) -> bool:
    if family is Family.BOOLEAN:
        return isinstance(value, bool)
    if family in NUMERIC:
        return not isinstance(value, str | bool) and read_decimal(value) is not BAD
    return isinstance(value, str)


def _clocks(
    document: RuleSetDocument, frozen: Mapping[str, FrozenCalendar], problems: Problems
) -> dict[str, Clock]:
    clocks: dict[str, Clock] = {WALL_CLOCK_ID: WALL}
    problems.check_ids(((f"calendars[{i}].id", c.id) for i, c in enumerate(document.calendars)), "calendar")
    for i, config in enumerate(document.calendars):
        path = f"calendars[{i}]"
        if config.id == WALL_CLOCK_ID:
            problems.add(f"{path}.id", "'wall' is the clock that never stands still", "choose another id")
            continue
        with problems.collecting():
            check_calendar(config, path)
            if config.id in frozen:
                clocks[config.id] = Calendar(frozen[config.id])
                continue
            problems.add(
                path, f"the calendar '{config.id}' has not been frozen", "freeze it before publishing"
            )
        clocks.setdefault(config.id, WALL)  # only so that what refers to it is checked on its own
    return clocks


def _schemas(document: RuleSetDocument, clocks: Mapping[str, Clock], problems: Problems) -> dict[str, Schema]:
    schemas: dict[str, Schema] = {}
    problems.check_ids(((f"schemas[{i}].id", s.id) for i, s in enumerate(document.schemas)), "schema")
    for i, config in enumerate(document.schemas):
        clock = clocks.get(config.clock)
        if clock is None:
            problems.unknown(f"schemas[{i}].clock", "calendar", config.clock, clocks)
        with problems.collecting():
            schemas[config.id] = compile_schema(config, clock or WALL, f"schemas[{i}]")
    return schemas


def _queues(
    document: RuleSetDocument, clocks: Mapping[str, Clock], vocabulary: Vocabulary, problems: Problems
) -> dict[str, Queue]:
    queues: dict[str, Queue] = {}
    problems.check_ids(((f"queues[{i}].id", q.id) for i, q in enumerate(document.queues)), "queue")
    for i, config in enumerate(document.queues):
        path = f"queues[{i}]"
        if config.hours is not None and (config.hours not in clocks or config.hours == WALL_CLOCK_ID):
            problems.unknown(f"{path}.hours", "calendar", config.hours, clocks)
        if config.segment_by is not None:
            with problems.collecting():
                resolve(config.segment_by, f"{path}.segmentBy", vocabulary)
        with problems.collecting():
            queues[config.id] = compile_queue(config, path)
    return queues


def _media_types(document: RuleSetDocument, problems: Problems) -> dict[str, MediaTypeConfig]:
    problems.check_ids(
        ((f"mediaTypes[{i}].id", m.id) for i, m in enumerate(document.media_types)), "media type"
    )
    return {m.id: m for m in (*MEDIA_TYPES, *document.media_types)}


def _default(document: RuleSetDocument, categories: list[Category], problems: Problems) -> Category | None:
    if document.default_category is None:
        return None
    found = next((c for c in categories if c.id == document.default_category), None)
    if found is None:
        problems.unknown("defaultCategory", "category", document.default_category, [c.id for c in categories])
    elif found.archived:
        problems.add("defaultCategory", f"the category '{found.id}' is archived", "choose one that is in use")
    return found


def _used(program: Program, schemas: Mapping[str, Schema], queues: Mapping[str, Queue]) -> frozenset[str]:
    conditions, rules = program.all_conditions(), program.all_rules()
    names = {c.attribute.name for c in conditions} | {r.attribute.name for c in conditions for r in c.refs}
    for action in (a for rule in rules for a in rule.actions):
        names |= {a.name for a in (*action.reads, *action.writes)}
    names |= {_ANCHORS[schema.anchor] for schema in schemas.values()}
    names |= {queue.segment_by for queue in queues.values() if queue.segment_by is not None}
    return frozenset(names | _REQUESTS | {"categoryPath"}) - {"now"}
