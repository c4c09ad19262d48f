"""Criteria: `all` / `any` / `not` over conditions, as written, and their check into a syntax tree."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from difflib import get_close_matches
from typing import Any, Final

import msgspec
import re2
from msgspec import UNSET, Struct, UnsetType

from openiwd.domain.attribute import BAD, NUMERIC, Attribute, Family, Vocabulary, natural_family, read
from openiwd.domain.calendar import Clock
from openiwd.domain.condition import (
    EQUALITY,
    MEMBERSHIP,
    ORDER,
    PRESENCE,
    TEMPORAL,
    TEXTUAL,
    AllOf,
    AnyOf,
    Condition,
    Criterion,
    Moment,
    NotOf,
    Operator,
    Ref,
)
from openiwd.domain.errors import RuleSetError
from openiwd.domain.instant import parse_now
from openiwd.domain.problem import Problems
from openiwd.domain.requirement import compile_duration

MAX_DEPTH: Final = 20
MAX_PATTERN: Final = 1_000


class AttributeRef(Struct, frozen=True, forbid_unknown_fields=True):
    """`{attribute: data.language}`: the value of another attribute of the item."""

    attribute: str


class CriteriaConfig(Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """One node: exactly one of `all`, `any`, `not`, or a condition (`attribute`, `operator`, `value`)."""

    all_of: list[CriteriaConfig] | None = msgspec.field(default=None, name="all")
    any_of: list[CriteriaConfig] | None = msgspec.field(default=None, name="any")
    not_of: CriteriaConfig | None = msgspec.field(default=None, name="not")
    attribute: str | None = None
    operator: str | None = None
    value: Any | UnsetType = UNSET
    ignore_case: bool = False


class Surroundings(Struct, frozen=True):
    """What criteria and actions of one rule set are checked against; `problems` collects what is wrong."""

    vocabulary: Vocabulary
    clocks: Mapping[str, Clock]
    zone: tzinfo
    problems: Problems


def compile_criteria(
    config: CriteriaConfig | None, where: str, path: str, around: Surroundings, depth: int = 1
) -> Criterion | None:
    """The checked tree; None for "always", and where something is wrong (then `problems` has it)."""
    if config is None:
        return None
    if depth > MAX_DEPTH:
        around.problems.add(path, f"criteria are nested deeper than {MAX_DEPTH} levels", "flatten them")
        return None
    groups = [g is not None for g in (config.all_of, config.any_of, config.not_of)]
    if sum(groups) + (config.attribute is not None) != 1:
        around.problems.add(
            path,
            "criteria are exactly one of all, any, not, or a condition",
            "nest them where you need several",
        )
        return None
    if config.attribute is not None:
        try:
            return compile_condition(config, where, path, around)
        except RuleSetError as error:
            around.problems.add(error.field or path, error.message, error.hint)
            return None
    if config.operator is not None or config.value is not UNSET:
        around.problems.add(path, "operator and value belong to a condition", "put them beside an attribute")
        return None
    if config.not_of is not None:
        part = compile_criteria(config.not_of, where, f"{path}.not", around, depth + 1)
        return None if part is None else NotOf(part)
    name, configs = ("all", config.all_of) if config.all_of is not None else ("any", config.any_of)
    if not configs:
        around.problems.add(f"{path}.{name}", f"{name} without conditions", "leave 'when' out for always")
        return None
    compiled = [
        compile_criteria(part, where, f"{path}.{name}[{i}]", around, depth + 1)
        for i, part in enumerate(configs)
    ]
    parts = tuple(part for part in compiled if part is not None)
    return AllOf(parts) if name == "all" else AnyOf(parts)


def compile_condition(config: CriteriaConfig, where: str, path: str, around: Surroundings) -> Condition:
    """The checked condition; raises `RuleSetError` with the path of what is wrong."""
    attribute = resolve(config.attribute or "", f"{path}.attribute", around.vocabulary)
    operator = _operator(config.operator, path)
    field = f"{path}.value"
    if operator in PRESENCE:
        if config.value is not UNSET:
            raise RuleSetError(f"{operator} takes no value", field=field, hint="leave value out")
        return _condition(where, path, attribute, operator, attribute.family, around)
    if config.value is UNSET or config.value is None:
        raise RuleSetError(
            f"{operator} needs a value", field=field, hint="to ask for a missing attribute use isNotSet"
        )
    ignore_case = config.ignore_case
    if operator is Operator.WITHIN_BUSINESS_TIME:
        clock = around.clocks.get(config.value) if isinstance(config.value, str) else None
        if clock is None:
            raise RuleSetError(
                f"there is no calendar {_shown(config.value)}", field=field, hint="give the id of a calendar"
            )
        _demand(attribute, Family.INSTANT, operator, path)
        return _condition(where, path, attribute, operator, Family.INSTANT, around, clock=clock)
    if operator is Operator.OLDER_THAN:
        _demand(attribute, Family.INSTANT, operator, path)
        age = _duration(config.value, field)
        return _condition(where, path, attribute, operator, Family.INSTANT, around, (age,))
    if operator is Operator.MATCHES:
        _demand(attribute, Family.TEXT, operator, path)
        pattern = _pattern(config.value, ignore_case, field)
        return _condition(
            where, path, attribute, operator, Family.TEXT, around, ignore_case=ignore_case, pattern=pattern
        )
    family, operands = _operands(attribute, operator, config.value, path, around)
    if ignore_case:
        if family not in (Family.TEXT, Family.LIST, Family.ANY):
            raise RuleSetError(
                f"ignoreCase says nothing about {family.value}",
                field=f"{path}.ignoreCase",
                hint="leave it out",
            )
        operands = tuple(_folded(o) for o in operands)
    return _condition(where, path, attribute, operator, family, around, operands, ignore_case=ignore_case)


def resolve(name: str, field: str, vocabulary: Vocabulary) -> Attribute:
    """The attribute of this name; raises `RuleSetError` with a hint for an unknown one."""
    attribute = vocabulary.resolve(name)
    if attribute is None:
        raise RuleSetError(f"there is no attribute '{name}'", field=field, hint=vocabulary.hint(name))
    return attribute


def _condition(
    where: str,
    path: str,
    attribute: Attribute,
    operator: Operator,
    family: Family,
    around: Surroundings,
    operands: tuple[Any, ...] = (),
    **more: Any,
) -> Condition:
    return Condition(
        where=where,
        path=path,
        attribute=attribute,
        operator=operator,
        family=family,
        operands=operands,
        zone=around.zone,
        **more,
    )


def _operator(text: str | None, path: str) -> Operator:
    try:
        return Operator(text or "")
    except ValueError:
        names = [o.value for o in Operator]
        close = get_close_matches(text or "", names, n=1)
        raise RuleSetError(
            f"there is no operator '{text}'" if text else "the condition has no operator",
            field=f"{path}.operator",
            hint=f"did you mean {close[0]}?" if close else "use one of " + ", ".join(names),
        ) from None


def _demand(attribute: Attribute, family: Family, operator: Operator, path: str) -> None:
    if attribute.family not in (family, Family.ANY):
        raise RuleSetError(
            f"{operator} needs {family.value}, but {attribute.name} is {attribute.family.value}",
            field=f"{path}.operator",
            hint="choose another operator or attribute",
        )


def _operands(
    attribute: Attribute, operator: Operator, value: Any, path: str, around: Surroundings
) -> tuple[Family, tuple[Any, ...]]:
    """The family in which the condition compares, and its operands in that form."""
    field = f"{path}.value"
    if operator in MEMBERSHIP:
        return _membership(attribute, operator, value, path, around)
    if operator is Operator.CONTAINS:
        return _contained(attribute, value, path, around)
    if operator is Operator.BETWEEN:
        if not isinstance(value, list) or len(value) != 2:
            raise RuleSetError("between needs two values", field=field, hint="write value: [1, 10]")
        raws, fields = value, [f"{field}[0]", f"{field}[1]"]
    else:
        raws, fields = [value], [field]
    refs = [_reference(raw, f, around.vocabulary) for raw, f in zip(raws, fields, strict=True)]
    family = attribute.family
    if operator in TEMPORAL:
        _demand(attribute, Family.INSTANT, operator, path)
        family = Family.INSTANT
    elif operator in TEXTUAL:
        _demand(attribute, Family.TEXT, operator, path)
        family = Family.TEXT
    for raw, ref, one in zip(raws, refs, fields, strict=True):
        family = _joined(family, _hinted(operator, raw, around) if ref is None else ref.family, one)
    if operator in EQUALITY and family is Family.LIST:
        raise RuleSetError("lists are not compared as a whole", field=f"{path}.operator", hint="use contains")
    ordered = operator in ORDER or operator is Operator.BETWEEN
    if ordered and family not in NUMERIC | {Family.INSTANT, Family.ANY}:
        raise RuleSetError(
            f"{operator} needs numbers or dates, not {family.value}",
            field=f"{path}.operator",
            hint="declare the attribute, or choose another operator",
        )
    operands: list[Any] = []
    for raw, ref, one in zip(raws, refs, fields, strict=True):
        if ref is None:
            operands.append(_constant(raw, family, attribute, one, around, listed=operator in EQUALITY))
        else:
            wanted = family if ref.family is Family.ANY or family is Family.DECIMAL else ref.family
            operands.append(Ref(ref, wanted))
    return family, tuple(operands)


def _hinted(operator: Operator, raw: Any, around: Surroundings) -> Family:
    """The family that a constant suggests for an attribute that nobody has declared."""
    family = natural_family(raw)
    ordered = operator in ORDER or operator in TEMPORAL or operator is Operator.BETWEEN
    if family is Family.TEXT and ordered and _moment(raw, around) is not BAD:
        return Family.INSTANT
    return family


def _joined(one: Family, other: Family, field: str) -> Family:
    """The family in which two values meet."""
    if one is Family.ANY or other is Family.ANY:
        return other if one is Family.ANY else one
    if one is other:
        return one
    if one in NUMERIC and other in NUMERIC:
        return Family.DECIMAL if Family.DECIMAL in (one, other) else Family.NUMBER
    if one in (Family.INSTANT, Family.DECIMAL) and other is Family.TEXT:
        return one  # a constant in text form; whether it can be read is checked with the constant
    raise RuleSetError(
        f"{one.value} cannot be compared with {other.value}", field=field, hint="compare values of one type"
    )


def _membership(
    attribute: Attribute, operator: Operator, value: Any, path: str, around: Surroundings
) -> tuple[Family, tuple[Any, ...]]:
    field = f"{path}.value"
    if attribute.family is Family.LIST:
        raise RuleSetError(
            f"{operator} needs a single value, but {attribute.name} is a list",
            field=f"{path}.operator",
            hint="use any of several contains",
        )
    ref = _reference(value, field, around.vocabulary)
    if ref is not None:
        if ref.family not in (Family.LIST, Family.ANY):
            raise RuleSetError(f"{ref.name} is not a list", field=field, hint=f"{operator} needs a list")
        return attribute.family, (Ref(ref, Family.LIST),)
    if not isinstance(value, list) or not value:
        raise RuleSetError(f"{operator} needs a list of values", field=field, hint="write value: [a, b]")
    family: Family = attribute.family
    for i, raw in enumerate(value):
        family = _joined(family, natural_family(raw), f"{field}[{i}]")
    return family, (
        frozenset(
            _constant(raw, family, attribute, f"{field}[{i}]", around, listed=True)
            for i, raw in enumerate(value)
        ),
    )


def _contained(
    attribute: Attribute, value: Any, path: str, around: Surroundings
) -> tuple[Family, tuple[Any, ...]]:
    field = f"{path}.value"
    if attribute.family not in (Family.TEXT, Family.LIST, Family.ANY):
        raise RuleSetError(
            f"contains needs text or a list, but {attribute.name} is {attribute.family.value}",
            field=f"{path}.operator",
            hint="choose another operator",
        )
    ref = _reference(value, field, around.vocabulary)
    if ref is not None:
        if attribute.family is Family.TEXT:
            _joined(Family.TEXT, ref.family, field)
        return attribute.family, (Ref(ref, Family.TEXT if attribute.family is Family.TEXT else ref.family),)
    if isinstance(value, list | dict):
        raise RuleSetError("contains takes one value", field=field, hint="use any of several contains")
    if attribute.family is Family.TEXT and not isinstance(value, str):
        raise RuleSetError("text can only contain text", field=field, hint="write the value in quotes")
    listed = attribute.family is Family.LIST
    return attribute.family, (
        _constant(value, natural_family(value), attribute, field, around, listed=listed),
    )


def _reference(raw: Any, field: str, vocabulary: Vocabulary) -> Attribute | None:
    if not isinstance(raw, dict):
        return None
    if set(raw) != {"attribute"} or not isinstance(raw["attribute"], str):
        raise RuleSetError("a value is plain or {attribute: name}", field=field, hint="correct the value")
    return resolve(raw["attribute"], f"{field}.attribute", vocabulary)


def _constant(
    raw: Any, family: Family, attribute: Attribute, field: str, around: Surroundings, *, listed: bool
) -> Any:
    """A constant in the form in which the family is compared; `listed`: it must be an allowed value."""
    if family is Family.INSTANT:
        value = _moment(raw, around)
    elif family is Family.INTEGER:
        value = read(raw, Family.NUMBER)
    else:
        value = read(raw, family, around.zone)
    if value is None or value is BAD or family is Family.ANY:
        raise RuleSetError(
            f"{_shown(raw)} is not {family.value}",
            field=field,
            hint="write a date such as 2026-05-01T08:00:00+02:00, now, or now+2h"
            if family is Family.INSTANT
            else f"{attribute.name} is compared as {family.value}",
        )
    if listed and attribute.allowed and raw not in attribute.allowed:
        raise RuleSetError(
            f"{_shown(raw)} is not an allowed value of {attribute.name}",
            field=field,
            hint="allowed are " + ", ".join(str(a) for a in attribute.allowed[:20]),
        )
    return value


def _moment(raw: Any, around: Surroundings) -> Any:
    """Microseconds of a date, a `Moment` of `now`, `now+2h` or `now-1d`, or BAD."""
    offset = parse_now(raw) if isinstance(raw, str) else None
    return read(raw, Family.INSTANT, around.zone) if offset is None else Moment(offset)


def _duration(raw: Any, field: str) -> int:
    if isinstance(raw, str | int) and not isinstance(raw, bool):
        return compile_duration(raw, field)
    raise RuleSetError(
        f"{_shown(raw)} is not a duration", field=field, hint="write for example 30m, 8h or 2d"
    )


def _pattern(raw: Any, ignore_case: bool, field: str) -> Any:
    """The search function of an RE2 pattern: linear in time, whatever the pattern."""
    if not isinstance(raw, str) or len(raw) > MAX_PATTERN:
        raise RuleSetError(
            f"matches needs a pattern of up to {MAX_PATTERN} characters",
            field=field,
            hint="write it in quotes",
        )
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    try:
        return re2.compile(raw, options).search
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise RuleSetError(
            f"the pattern cannot be read: {text}",
            field=field,
            hint="RE2 syntax: no look-around and no back references",
        ) from error


def _folded(operand: Any) -> Any:
    if isinstance(operand, str):
        return operand.casefold()
    if isinstance(operand, frozenset):
        return frozenset(o.casefold() if isinstance(o, str) else o for o in operand)
    return operand


def _shown(raw: Any) -> str:
    return f"'{str(raw)[:80]}'"
