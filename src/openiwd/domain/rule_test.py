"""Tests of a rule set: example items and what the rules are to make of each. Pure: judges as intake does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from openiwd.domain import judging
from openiwd.domain.attribute import BAD, read_instant
from openiwd.domain.errors import OpenIwdError, RuleSetError
from openiwd.domain.instant import DAY, from_micros, parse_duration
from openiwd.domain.problem import Problems
from openiwd.domain.requirement import SkillConfig
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.rule_test_config import ExpectationConfig, ExpectedPriority, RuleTestConfig
from openiwd.domain.schema import MAX_AGE, constant_of, shown
from openiwd.domain.source_values import source_view, value_at
from openiwd.domain.transition import Context
from openiwd.domain.work_item import ItemId, ItemSubmission, Status, WorkItem

MAX_TESTS: Final = 1_000
MAX_AGE_TEXT: Final = 40
FARTHEST: Final = 200 * 366 * DAY
"""Instants of tests are within so much of 1970."""
_STATUSES: Final = (Status.QUEUED, Status.CAPTURED, Status.HELD, Status.REJECTED, Status.ERRORHELD)
_NOBODY: Final = ItemId(UUID(int=0))


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was expected: `what` is the field of the expectation."""

    what: str
    expected: Any
    actual: Any
    passed: bool


class RuleTestResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of one test. `error` says why the item could not be judged at all."""

    id: str
    name: str | None
    passed: bool
    checks: list[Check]
    rules: list[str] = []
    """The rules that acted, in order."""
    error: str | None = None
    actual: ExpectationConfig | None = None
    """All that the rules make of the item, in the form of an expectation."""


def check_tests(document: RuleSetDocument) -> None:
    """Raises RuleSetError with all tests that cannot be run: ids, items that cannot be read, instants, durations."""
    problems = Problems()
    if len(document.tests) > MAX_TESTS:
        problems.add("tests", f"more than {MAX_TESTS} tests", "keep those that say something of their own")
    problems.check_ids(((f"tests[{i}].id", t.id) for i, t in enumerate(document.tests)), "test")
    for i, test in enumerate(document.tests):
        path = f"tests[{i}]"
        with problems.collecting():
            submission_of(test, f"{path}.item")
        for field, text in _instants(test):
            if not _is_instant(text):
                problems.add(
                    f"{path}.{field}", f"'{text[:40]}' is no instant", "write 2026-11-02T09:30:00+01:00"
                )
        for j, priority in enumerate(test.expect.priority):
            with problems.collecting():
                _age(priority, f"{path}.expect.priority[{j}].age")
        status = test.expect.status
        if status is not UNSET and status not in [s.value for s in _STATUSES]:
            problems.add(
                f"{path}.expect.status", f"no item becomes '{status[:40]}'", f"use one of {_list(_STATUSES)}"
            )
    problems.raise_any()


def _list(statuses: Iterable[Status]) -> str:
    return ", ".join(s.value for s in statuses)


def _instants(test: RuleTestConfig) -> Iterator[tuple[str, str]]:
    if test.at is not None:
        yield "at", test.at
    if isinstance(test.expect.due, str):
        yield "expect.due", test.expect.due


def _is_instant(text: str) -> bool:
    at = read_instant(text)
    return at is not BAD and abs(at) < FARTHEST


def _age(priority: ExpectedPriority, field: str) -> int:
    if isinstance(priority.age, str) and len(priority.age) > MAX_AGE_TEXT:
        raise RuleSetError("the age is too long", field=field, hint="write for example 4h")
    try:
        age = parse_duration(priority.age, field)
    except OpenIwdError as error:
        raise RuleSetError(error.message, field=field, hint=error.hint) from error
    if abs(age) > MAX_AGE:
        raise RuleSetError("the age is too long", field=field, hint=f"use at most {MAX_AGE // DAY}d")
    return age


def submission_of(test: RuleTestConfig, path: str = "item") -> ItemSubmission:
    """The example item as a source would hand it in; its captureId is the test's id unless it says another one."""
    try:
        return msgspec.convert({"captureId": test.id, **test.item}, ItemSubmission)
    except msgspec.ValidationError as error:
        message, _, at = str(error).partition(" - at `$")
        field = f"{path}{at.rstrip('`')}"
        raise RuleSetError(message, field=field, hint="write it as POST /items takes it") from error


def run_test(test: RuleTestConfig, ctx: Context) -> RuleTestResult:
    """Judges the example item by the context's rules at the test's instant (else the context's)."""
    try:
        if test.at is not None:
            ctx = replace(ctx, now=from_micros(read_instant(test.at, ctx.rules.zone)))
        change = judging.create(submission_of(test), ctx, _NOBODY)
    except OpenIwdError as error:
        return RuleTestResult(id=test.id, name=test.name, passed=False, checks=[], error=error.message)
    item, wanted = change.item, test.expect
    actual = expectation_of(item, ctx, [p.age for p in wanted.priority])
    checks = list(_checks(wanted, actual, item, ctx))
    return RuleTestResult(
        id=test.id,
        name=test.name,
        passed=all(c.passed for c in checks),
        checks=checks,
        rules=list(change.event.body.get("rules") or ()),
        error=item.error,
        actual=actual,
    )


def _checks(
    wanted: ExpectationConfig, actual: ExpectationConfig, item: WorkItem, ctx: Context
) -> Iterator[Check]:
    for what in ("status", "queue", "schema", "businessValue"):
        name = "business_value" if what == "businessValue" else what
        expected, found = getattr(wanted, name), getattr(actual, name)
        if expected is not UNSET:
            yield Check(what=what, expected=expected, actual=found, passed=expected == found)
    if wanted.category is not UNSET:
        known = (item.category_id, item.category_path)
        yield Check(
            what="category",
            expected=wanted.category,
            actual=item.category_path if wanted.category not in known else wanted.category,
            passed=wanted.category in known,
        )
    if wanted.due is not UNSET:
        same = _micros(wanted.due, ctx) == _micros(actual.due, ctx)
        yield Check(what="due", expected=wanted.due, actual=actual.due, passed=same)
    for expected, found in zip(wanted.priority, actual.priority, strict=False):
        same = round(expected.priority, 2) == found.priority
        yield Check(
            what=f"priority at {expected.age}", expected=expected.priority, actual=found.priority, passed=same
        )
    for expected in wanted.priority[len(actual.priority) :]:
        yield Check(what=f"priority at {expected.age}", expected=expected.priority, actual=None, passed=False)
    if wanted.skills is not UNSET:
        yield _skills(wanted.skills, [] if actual.skills is UNSET else actual.skills)
    for path, value in wanted.attributes.items():
        root, _, rest = path.partition(".")
        found = value_at(item.ext if root == "ext" else item.data, rest) if rest else None
        yield Check(what=path, expected=value, actual=found, passed=value == found)


def _skills(expected: list[SkillConfig], actual: list[SkillConfig]) -> Check:
    def plain(skills: list[SkillConfig]) -> list[str]:
        return sorted(f"{s.skill}>={s.level}" for s in skills)

    one, other = plain(expected), plain(actual)
    return Check(what="skills", expected=one, actual=other, passed=one == other)


def _micros(text: str | UnsetType | None, ctx: Context) -> Any:
    return read_instant(text, ctx.rules.zone) if isinstance(text, str) else None


def expectation_of(item: WorkItem, ctx: Context, ages: Iterable[str | int] = ()) -> ExpectationConfig:
    """What the rules have made of an item, in the form of an expectation; priorities at the ages given."""
    schema = ctx.rules.schemas.get(item.schema_id) if item.schema_id is not None else None
    priorities = []
    if schema is not None:
        level = constant_of(schema, item.business_value, item.priority_adjustment)
        for age in ages:
            found = schema.curve(parse_duration(age)) + level
            fixed = item.priority_fixed
            priorities.append(ExpectedPriority(age=age, priority=shown(found) if fixed is None else fixed))
    return ExpectationConfig(
        status=item.status.value,
        category=item.category_id,
        queue=item.queue_id,
        schema=item.schema_id,
        business_value=item.business_value,
        due=None if item.due_at is None else item.due_at.isoformat(),
        priority=priorities,
        skills=[SkillConfig(skill, level) for skill, level in item.requirement.skills],
    )


_TAKEN: Final = {
    "media_type": "mediaType", "channel": "channel", "named_category": "category", "business_value": "businessValue",
    "priority_fixed": "priorityFixed", "priority_adjustment": "priorityAdjustment", "subject": "subject",
    "description": "description", "source_url": "sourceUrl", "activation_at": "activationDateTime",
    "due_at": "dueDateTime", "created_at": "createdDateTime", "capture_point": "capturePoint", "tags": "tags",
}  # fmt: skip
_NEEDED: Final = frozenset({"mediaType", "category", "businessValue", "priorityFixed", "priorityAdjustment",
                            "activationDateTime", "dueDateTime", "createdDateTime", "capturePoint"})  # fmt: skip


def example_of(
    item: WorkItem, read: Iterable[str], test_id: str, name: str | None, expect: ExpectationConfig
) -> RuleTestConfig:
    """A test made of a real item, as its source left it: only what rules read is taken along.

    So little of a person as can be ends up in a rule set, from which nothing is erased. `read` names the attributes
    that rules read; `expect` is what is to come of it.
    """
    used = set(read)
    source = source_view(item)
    values: dict[str, Any] = {}
    for field, attribute in _TAKEN.items():
        value = getattr(source, field)
        if field == "due_at" and source.due_origin is not None and source.due_origin.value != "source":
            continue
        if value and (attribute in _NEEDED or attribute in used):
            values[attribute] = value.isoformat() if field.endswith("_at") else value
    for root in ("ext", "data", "contact"):
        inner = _read_of(getattr(source, root) or {}, root, used)
        if inner:
            values[root] = inner
    return RuleTestConfig(
        id=test_id,
        name=name,
        at=item.received_at.isoformat(),
        item=msgspec.to_builtins(values),
        expect=expect,
    )


def _read_of(values: dict[str, Any], root: str, used: set[str]) -> dict[str, Any]:
    """Of a part of an item the top attributes of which rules read anything."""
    names = {u.split(".")[1] for u in used if u.startswith(f"{root}.")}
    return {name: value for name, value in values.items() if name in names}
