"""What queues, schemas and calendars give away: items that wait for ever, breach before anybody comes, lie unused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple

from openiwd.domain.calendar import Clock
from openiwd.domain.category import Category
from openiwd.domain.instant import DAY, format_duration, from_micros
from openiwd.domain.lint.finding import Finding, FindingKind, Severity
from openiwd.domain.queue import Queue
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.schema import Schema

LOOKED_AHEAD: Final = 400 * DAY
"""A year and a bit: every yearly holiday comes once."""


def lint_waiting(rules: CompiledRuleSet, now_us: int) -> list[Finding]:
    """Findings about priorities, hours and what nothing refers to."""
    used = [c for c in rules.tree if not c.archived]
    return [*_starvation(rules, used), *_closing(rules, used, now_us), *_unused(rules)]


def _starvation(rules: CompiledRuleSet, used: list[Category]) -> Iterator[Finding]:
    """Schemas whose items never come before those of another one that the same agents serve.

    The highest that a curve can ever reach is compared with the lowest of the other; value and adjustment may lift an
    item all the same, so this is a warning.
    """
    for schema_id, queues in _queues_of(used).items():
        schema = rules.schemas[schema_id]
        highest = _highest(schema)
        if highest is None:
            continue
        for other_id, other_queues in _queues_of(used).items():
            other = rules.schemas[other_id]
            lowest = _lowest(other)
            if other_id == schema_id or lowest is None or highest >= lowest:
                continue
            if _share_agents(rules, queues, other_queues):
                yield Finding(
                    kind=FindingKind.STARVATION, severity=Severity.WARNING,
                    field=_field(rules.document.schemas, "schemas", schema_id), object_kind="schema",
                    object_id=schema_id,
                    message=f"its priority never passes {_shown(highest)}, and '{other_id}' never falls below "
                    f"{_shown(lowest)}: its items wait as long as any of those does",
                    hint="let the curve rise on, or lower the other one's start",
                    values={
                        "object": schema_id, "other": other_id, "highest": _shown(highest), "lowest": _shown(lowest),
                    },
                )  # fmt: skip


def _queues_of(used: list[Category]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for c in used:
        found.setdefault(c.schema_id, set()).add(c.queue_id)
    return found


def _ends(schema: Schema) -> list[Fraction]:
    """The curve where it can be highest or lowest, as far as its bends go; both sides of each."""
    ages = [0, *schema.bends]
    sides = [a for age in ages for a in (age - 1, age)]
    return [schema.curve(age) for age in sides if age >= min(0, *ages)]


def _highest(schema: Schema) -> Fraction | None:
    """The highest priority that the curve reaches; None when it rises without end."""
    return None if schema.rates[-1] > 0 else max(_ends(schema))


def _lowest(schema: Schema) -> Fraction | None:
    """The lowest; None when it falls without end, or before the due date (negative ages) rises from nowhere."""
    if schema.rates[-1] < 0 or schema.rates[0] > 0 > min((0, *schema.bends)):
        return None
    return min(_ends(schema))


def _share_agents(rules: CompiledRuleSet, one: set[str], other: set[str]) -> bool:
    return any(_meet(rules.queues[a], rules.queues[b]) for a in one for b in other)


def _meet(one: Queue, other: Queue) -> bool:
    groups = {g.group for g in one.groups}, {g.group for g in other.groups}
    return not groups[0] or not groups[1] or bool(groups[0] & groups[1])


def _shown(value: Fraction) -> str:
    return f"{float(value):g}"


class _Closing(NamedTuple):
    """A time without an open moment, in microseconds."""

    start: int
    end: int


def _closing(rules: CompiledRuleSet, used: list[Category], now_us: int) -> Iterator[Finding]:
    """SLAs that end while the queue is closed: what comes in the evening is late before the morning.

    Exact: what comes the moment the queue closes is due first, and the due date is counted on the schema's own clock.
    """
    closings: dict[str, list[_Closing]] = {}
    told: set[tuple[str, str]] = set()
    for c in used:
        schema, queue = rules.schemas[c.schema_id], rules.queues[c.queue_id]
        if queue.hours is None or schema.sla is None or (schema.id, queue.id) in told:
            continue
        told.add((schema.id, queue.id))
        if queue.hours not in closings:
            closings[queue.hours] = _closings(rules.clocks[queue.hours], now_us)
        worst = _worst(schema, schema.sla, closings[queue.hours])
        if worst is not None:
            yield _late_at_opening(rules, schema, schema.sla, queue, worst)


def _worst(schema: Schema, sla: int, closings: list[_Closing]) -> _Closing | None:
    """The longest closing within which something becomes overdue."""
    found = [c for c in closings if schema.clock.add(c.start, sla) < c.end]
    return max(found, key=lambda c: c.end - c.start, default=None)


def _late_at_opening(
    rules: CompiledRuleSet, schema: Schema, sla: int, queue: Queue, worst: _Closing
) -> Finding:
    closes, opens = (from_micros(at).astimezone(rules.zone).strftime("%Y-%m-%d %H:%M") for at in worst)
    return Finding(
        kind=FindingKind.SLA_WITHIN_CLOSING, severity=Severity.WARNING,
        field=_field(rules.document.schemas, "schemas", schema.id), object_kind="schema", object_id=schema.id,
        message=f"its SLA of {format_duration(sla)} runs on while the queue '{queue.id}' is closed: what comes at "
        f"{closes} is overdue before it opens at {opens}",
        hint=f"let the schema's clock be the calendar '{queue.hours}', or make the SLA longer",
        values={"object": schema.id, "queue": queue.id, "sla": format_duration(sla), "closes": closes, "opens": opens},
    )  # fmt: skip


def _closings(clock: Clock, now_us: int) -> list[_Closing]:
    """All times without an open moment that begin in the next year."""
    found: list[_Closing] = []
    at, end = clock.next_change(now_us), now_us + LOOKED_AHEAD
    while at is not None and at < end:
        following = clock.next_change(at)
        if following is not None and not clock.is_open(at):
            found.append(_Closing(at, following))
        at = following
    return found


def _unused(rules: CompiledRuleSet) -> Iterator[Finding]:
    document = rules.document
    schemas = {c.schema_id for c in rules.tree}
    queues = {c.queue_id for c in rules.tree}
    lists = (
        (
            FindingKind.UNUSED_SCHEMA,
            "schemas",
            "schema",
            [s.id for s in document.schemas if s.id not in schemas],
        ),
        (FindingKind.UNUSED_QUEUE, "queues", "queue", [q.id for q in document.queues if q.id not in queues]),
    )
    for kind, part, noun, names in lists:
        for name in names:
            yield Finding(
                kind=kind, severity=Severity.HINT, field=_field(getattr(document, part), part, name), object_kind=noun,
                object_id=name, message=f"no category leads to the {noun} '{name}'", hint="use it, or remove it",
            )  # fmt: skip
    for i, attribute in enumerate(document.attributes):
        read = {f"data.{attribute.name}"}
        is_used = any(u in read or u.startswith(f"data.{attribute.name}.") for u in rules.attributes_used)
        if not (is_used or attribute.searchable or attribute.report_dimension):
            yield Finding(
                kind=FindingKind.UNUSED_ATTRIBUTE, severity=Severity.HINT, field=f"attributes[{i}]",
                object_kind="attribute", object_id=attribute.name,
                message=f"no rule reads data.{attribute.name}, and it is neither searchable nor a report dimension",
                hint="use it, or remove it",
            )  # fmt: skip


def _field(objects: Sequence[Any], part: str, object_id: str) -> str:
    return next((f"{part}[{i}]" for i, o in enumerate(objects) if o.id == object_id), part)
