"""Actions of rules: what they do to the verdict in the making. Checked and bound when compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final

from msgspec import UNSET, Struct

from openiwd.domain.attribute import BAD, Attribute, Family, Root, kind_of, read
from openiwd.domain.criteria import AttributeRef, Surroundings, resolve
from openiwd.domain.errors import RuleError, RuleSetError
from openiwd.domain.requirement import (
    Requirement,
    check_skill_name,
    compile_duration,
    compile_requirement,
    merged,
    parse_skill,
    with_skill,
)
from openiwd.domain.rule import (
    ActionConfig,
    AddSkillConfig,
    DueConfig,
    DueFrom,
    HoldConfig,
    LookupConfig,
    SetAttributeConfig,
)

Lookups = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Lookup tables as they are now: table id → key → column → value."""

BUSINESS_VALUE = "businessValue"
DUE = "dueDateTime"
_MAX_INTEGER = 2_147_483_647


class HoldOrder(Struct, frozen=True):
    """A rule holds the item; `until` is an instant in microseconds, None = until resumed."""

    reason: str
    until: int | None = None


class Verdict(Struct):
    """What the rules have decided so far. Starts from the source's own values; actions change it in order."""

    business_value: int
    adjustment: int
    due_at: int | None
    created_us: int
    now_us: int
    lookups: Lookups
    due_by_rule: bool = False
    due_from_now: bool = False
    fell_back: bool = False
    hold: HoldOrder | None = None
    reject_reason: str | None = None
    set_attributes: dict[str, Any] = {}
    shaping: list[Callable[[Requirement], Requirement]] = []
    """Changes of the requirement; applied to the category's once that is known."""
    acted: list[str] = []

    def shaped(self, requirement: Requirement) -> Requirement:
        """The category's requirement with what rules have set and added, in their order."""
        for change in self.shaping:
            requirement = change(requirement)
        return requirement


Run = Callable[[Verdict, tuple[Any, ...]], None]


class Action(Struct, frozen=True, kw_only=True):
    """A bound action. `run` gets the verdict and the raw values of `reads`; `writes` may then differ."""

    run: Run
    reads: tuple[Attribute, ...] = ()
    writes: tuple[Attribute, ...] = ()
    rejects: bool = False


def joined(runs: list[Run]) -> Run:
    """The runs of several actions as one."""
    if len(runs) == 1:
        return runs[0]

    def run_all(verdict: Verdict, values: tuple[Any, ...]) -> None:
        for run in runs:
            run(verdict, values)

    return run_all


def compile_actions(
    configs: list[ActionConfig], where: str, path: str, around: Surroundings
) -> tuple[Action, ...]:
    """The bound actions; what is wrong goes to `problems`."""
    bound: list[Action] = []
    for i, config in enumerate(configs):
        with around.problems.collecting():
            bound.append(compile_action(config, where, f"{path}[{i}]", around))
    return tuple(bound)


def compile_action(config: ActionConfig, where: str, path: str, around: Surroundings) -> Action:
    """The bound action; raises `RuleSetError` with the path of what is wrong."""
    keys = zip(config.__struct_encode_fields__, config.__struct_fields__, strict=True)
    given = [(key, getattr(config, field)) for key, field in keys]
    named = [(name, value) for name, value in given if value is not UNSET]
    if len(named) != 1:
        raise RuleSetError(
            "an action does exactly one thing",
            field=path,
            hint="one of " + ", ".join(name for name, _ in given),
        )
    name, value = named[0]
    at = f"{path}.{name}"
    match value:
        case int() | AttributeRef():
            return _number(name, value, where, at, around)
        case DueConfig():
            return _set_due(value, at, around)
        case AddSkillConfig():
            return _add_skill(value, where, at, around)
        case SetAttributeConfig():
            return _set_attribute(value, where, at, around)
        case LookupConfig():
            return _lookup(value, where, at, around)
        case HoldConfig():
            return _hold(value, at)
        case str():
            return _reject(value)
        case _:
            replacing = compile_requirement(value, [], at, at)
            return Action(
                run=lambda verdict, _: verdict.shaping.append(lambda base: _replaced(base, replacing))
            )


def _replaced(base: Requirement, by: Requirement) -> Requirement:
    """A requirement set by a rule: only the relaxation steps of the category stay."""
    return merged(Requirement(relaxation=base.relaxation), by)


def _number(name: str, value: int | AttributeRef, where: str, at: str, around: Surroundings) -> Action:
    attribute = _reference(value, f"{at}.attribute", around)
    if attribute is not None and attribute.family not in (Family.INTEGER, Family.ANY):
        raise RuleSetError(
            f"{attribute.name} is not an integer", field=f"{at}.attribute", hint="name an integer"
        )

    changing = _CHANGES[name]
    written = () if name == "adjustPriority" else (resolve(BUSINESS_VALUE, at, around.vocabulary),)
    if attribute is None:
        return Action(run=changing(value), writes=written)

    def run(verdict: Verdict, values: tuple[Any, ...]) -> None:
        amount = values[0]
        if amount is None:
            return
        if type(amount) is not int or abs(amount) > _MAX_INTEGER:
            raise _refused(where, at, attribute, amount, "an integer of 32 bits")
        changing(amount)(verdict, ())

    return Action(run=run, reads=(attribute,), writes=written)


def _setting_value(amount: Any) -> Run:
    def run(verdict: Verdict, _: tuple[Any, ...]) -> None:
        verdict.business_value = amount

    return run


def _raising_value(amount: Any) -> Run:
    def run(verdict: Verdict, _: tuple[Any, ...]) -> None:
        total = verdict.business_value + amount
        verdict.business_value = total if -_MAX_INTEGER <= total <= _MAX_INTEGER else _bounded(total)

    return run


def _adjusting(amount: Any) -> Run:
    def run(verdict: Verdict, _: tuple[Any, ...]) -> None:
        total = verdict.adjustment + amount
        verdict.adjustment = total if -_MAX_INTEGER <= total <= _MAX_INTEGER else _bounded(total)

    return run


_CHANGES: Final[dict[str, Callable[[Any], Run]]] = {
    "setBusinessValue": _setting_value,
    "raiseBusinessValue": _raising_value,
    "adjustPriority": _adjusting,
}


def _bounded(number: int) -> int:
    return max(-_MAX_INTEGER, min(_MAX_INTEGER, number))


def _set_due(config: DueConfig, at: str, around: Surroundings) -> Action:
    clock = around.clocks.get(config.clock)
    if clock is None:
        raise RuleSetError(
            f"there is no calendar '{config.clock}'",
            field=f"{at}.clock",
            hint="give the id of a calendar, or wall",
        )
    after = compile_duration(config.after, f"{at}.after")

    def run(verdict: Verdict, _: tuple[Any, ...]) -> None:
        start = verdict.now_us if config.start is DueFrom.NOW else verdict.created_us
        verdict.due_at = clock.add(start, after)
        verdict.due_by_rule = True
        verdict.due_from_now = config.start is DueFrom.NOW

    return Action(run=run, writes=(resolve(DUE, at, around.vocabulary),))


def _add_skill(config: AddSkillConfig, where: str, at: str, around: Surroundings) -> Action:
    skill = _reference(config.skill, f"{at}.skill.attribute", around)
    level = _reference(config.level, f"{at}.level.attribute", around)
    if isinstance(config.skill, str):
        check_skill_name(config.skill, f"{at}.skill")
    if isinstance(config.skill, str) and isinstance(config.level, int):
        return _add_constant_skill(config.skill, config.level)

    def run(verdict: Verdict, values: tuple[Any, ...]) -> None:
        rest = list(values)
        name: Any = config.skill if skill is None else rest.pop(0)
        least: Any = config.level if level is None else rest.pop(0)
        if name is None or least is None:
            return
        if not isinstance(name, str):
            raise _refused(where, f"{at}.skill", skill, name, "text")
        if type(least) is not int or not 1 <= least <= 10:
            raise _refused(where, f"{at}.level", level, least, "a level from 1 to 10")
        wanted, _ = parse_skill(name, skill.name) if skill is not None else (name, least)
        verdict.shaping.append(lambda base: with_skill(base, wanted, least))

    return Action(run=run, reads=tuple(a for a in (skill, level) if a is not None))


def _add_constant_skill(skill: str, level: int) -> Action:
    def change(base: Requirement) -> Requirement:
        return with_skill(base, skill, level)

    return Action(run=lambda verdict, _: verdict.shaping.append(change))


def _set_attribute(config: SetAttributeConfig, where: str, at: str, around: Surroundings) -> Action:
    target = _target(config.name, f"{at}.name", around)
    source: Attribute | None = None
    if isinstance(config.value, dict) and set(config.value) == {"attribute"}:
        source = resolve(str(config.value["attribute"]), f"{at}.value.attribute", around.vocabulary)
    elif config.value is not None and not _fits(config.value, target, around):
        raise RuleSetError(
            f"{target.name} cannot take this value",
            field=f"{at}.value",
            hint=f"it is {target.family.value}" + (", one of its allowed values" if target.allowed else ""),
        )

    def run(verdict: Verdict, values: tuple[Any, ...]) -> None:
        value = values[0] if values else deepcopy(config.value)
        if source is not None:
            if value is None:
                return
            if not _fits(value, target, around):
                raise _refused(
                    where, f"{at}.value", source, value, f"{target.family.value} for {target.name}"
                )
        verdict.set_attributes[target.name] = value

    return Action(run=run, reads=() if source is None else (source,), writes=(target,))


def _lookup(config: LookupConfig, where: str, at: str, around: Surroundings) -> Action:
    key = _reference(config.key, f"{at}.key.attribute", around)
    if not config.into:
        raise RuleSetError(
            "the lookup sets nothing", field=f"{at}.into", hint="write into: {column: data.name}"
        )
    into = {column: _target(name, f"{at}.into.{column}", around) for column, name in config.into.items()}

    def run(verdict: Verdict, values: tuple[Any, ...]) -> None:
        wanted = values[0] if values else config.key
        if wanted is None:
            return
        if type(wanted) is not int and not isinstance(wanted, str):
            raise _refused(where, f"{at}.key", key, wanted, "text or an integer")
        table = verdict.lookups.get(config.table)
        if table is None:
            raise RuleError(
                f"{where}: there is no lookup table '{config.table}' ({at}.table)",
                field=config.table,
                hint="create the table, then resume the item",
            )
        row = table.get(str(wanted), {})
        for column, target in into.items():
            value = row.get(column)
            if value is None:
                continue
            if not _fits(value, target, around):
                raise RuleError(
                    f"{where}: lookup table '{config.table}' gives {kind_of(value)} for {target.name}, "
                    f"which is {target.family.value} ({at}.into.{column})",
                    field=target.name,
                    hint="correct the table, then resume the item",
                )
            verdict.set_attributes[target.name] = value

    return Action(run=run, reads=() if key is None else (key,), writes=tuple(into.values()))


def _hold(config: HoldConfig, at: str) -> Action:
    wait = None if config.until is None else compile_duration(config.until, f"{at}.until")

    def run(verdict: Verdict, _: tuple[Any, ...]) -> None:
        verdict.hold = HoldOrder(config.reason, None if wait is None else verdict.now_us + wait)

    return Action(run=run)


def _reject(reason: str) -> Action:
    def run(verdict: Verdict, _: tuple[Any, ...]) -> None:
        verdict.reject_reason = reason

    return Action(run=run, rejects=True)


def _reference(value: Any, field: str, around: Surroundings) -> Attribute | None:
    return resolve(value.attribute, field, around.vocabulary) if isinstance(value, AttributeRef) else None


def _target(name: str, field: str, around: Surroundings) -> Attribute:
    attribute = resolve(name, field, around.vocabulary)
    if attribute.root not in (Root.DATA, Root.EXT):
        raise RuleSetError(f"rules cannot set {name}", field=field, hint="set an attribute of data or ext")
    return attribute


def _fits(value: Any, target: Attribute, around: Surroundings) -> bool:
    if read(value, target.family, around.zone) is BAD:
        return False
    if not target.allowed:
        return True
    return all(v in target.allowed for v in (value if isinstance(value, list) else [value]))


def _refused(where: str, at: str, attribute: Attribute | None, value: Any, wanted: str) -> RuleError:
    name = attribute.name if attribute is not None else "the value"
    return RuleError(
        f"{where}: {at} needs {wanted}, but {name} is {kind_of(value)}",
        field=None if attribute is None else attribute.name,
        hint="correct the item's value, or test it in the rule's criteria",
    )
