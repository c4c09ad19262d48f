"""Who may handle an item: skills, requested agents and groups, exclusions, relaxation.

Decides what a requirement says at a given waiting time; whether an agent meets it is distribution's matter.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct, structs

from openiwd.domain.errors import InvalidInputError, RuleError, RuleSetError
from openiwd.domain.instant import DAY, MINUTE, Micros, parse_duration

PREFER_FOR = Micros(10 * MINUTE)
"""How long a requested agent or group is preferred where nothing else is configured."""

MAX_DURATION = 3660 * DAY
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.() -]{0,63}$"
ID = re.compile(ID_PATTERN)
_REQUESTS = ("requestedSkill", "requestedAgent", "requestedAgentGroup")
_SKILL = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9_.() -]{0,63}?)\s*(?:>=\s*(\d{1,2}))?\s*")

Level = Annotated[int, Meta(ge=1, le=10)]


class SkillConfig(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A skill with its minimum level, as a rule set writes it."""

    skill: str
    level: Level = 1


class RelaxationStep(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """After a time in queue: drop a skill, or lower a skill's level, or widen to a group (exactly one)."""

    after: str | int
    drop_skill: str | None = None
    skill: str | None = None
    level: Level | None = None
    group: str | None = None


class RequirementConfig(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A requirement as a rule set writes it."""

    skills: list[SkillConfig] = []
    agents: list[str] = []
    agents_only: bool = False
    groups: list[str] = []
    groups_only: bool = False
    prefer_for: str | int | None = None
    excluded: list[str] = []


class Relaxation(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One relaxation step, ready to apply: `after` is microseconds of wall time in queue."""

    after: int
    drop_skill: str | None = None
    skill: str | None = None
    level: int = 1
    group: str | None = None


class Requirement(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What an item asks of its agent: all skills at their minimum levels, and the agents or groups requested.

    `skills` is ordered by name. Requested agents and groups are preferred for `prefer_for` microseconds of
    wall time in queue, or are the only ones where `agents_only` or `groups_only` says so. `widened` holds
    groups that relaxation has added to the queue's. Several requested agents or groups are alternatives.
    """

    skills: tuple[tuple[str, int], ...] = ()
    agents: tuple[str, ...] = ()
    agents_only: bool = False
    groups: tuple[str, ...] = ()
    groups_only: bool = False
    prefer_for: int = 0
    excluded: tuple[str, ...] = ()
    relaxation: tuple[Relaxation, ...] = ()
    widened: tuple[str, ...] = ()

    @property
    def preferring(self) -> bool:
        """Whether a preference (not an 'only') is stated, which ends after `prefer_for`."""
        return bool((self.agents and not self.agents_only) or (self.groups and not self.groups_only))


NO_REQUIREMENT = Requirement()


class Signature(NamedTuple):
    """What decides which agents can serve an item: equal signatures compete for the same agents."""

    queue: str
    media: str
    weight: int
    skills: tuple[tuple[str, int], ...]
    agents: tuple[str, ...]
    agents_only: bool
    groups: tuple[str, ...]
    groups_only: bool
    widened: tuple[str, ...]
    excluded: tuple[str, ...]


def signature(requirement: Requirement, queue: str, media: str, weight: int) -> Signature:
    """The grouping key of a requirement as it stands now (give it the relaxed one)."""
    r = requirement
    return Signature(
        queue,
        media,
        weight,
        r.skills,
        r.agents,
        r.agents_only,
        r.groups,
        r.groups_only,
        r.widened,
        r.excluded,
    )


def relaxed(
    requirement: Requirement, waited_us: int, queue_steps: tuple[Relaxation, ...] = ()
) -> Requirement:
    """The requirement after `waited_us` of wall time in queue.

    The item's own steps replace those of its queue. A preference that has run out is dropped, steps that
    are due are applied in order; a step or preference counts from its very microsecond on.
    """
    steps = requirement.relaxation or queue_steps
    preference_over = requirement.preferring and waited_us >= requirement.prefer_for
    due = [step for step in steps if waited_us >= step.after]
    if not preference_over and not due:
        return requirement
    skills = dict(requirement.skills)
    widened = list(requirement.widened)
    for step in due:
        _apply(step, skills, widened)
    changed = structs.replace(requirement, skills=tuple(sorted(skills.items())), widened=tuple(widened))
    if preference_over:
        changed = structs.replace(
            changed,
            agents=changed.agents if changed.agents_only else (),
            groups=changed.groups if changed.groups_only else (),
        )
    return changed


def _apply(step: Relaxation, skills: dict[str, int], widened: list[str]) -> None:
    if step.drop_skill is not None:
        skills.pop(step.drop_skill, None)
    elif step.skill is not None:
        if step.skill in skills:
            skills[step.skill] = min(skills[step.skill], step.level)
    elif step.group is not None and step.group not in widened:
        widened.append(step.group)


def step_at(requirement: Requirement, waited_us: int, queue_steps: tuple[Relaxation, ...] = ()) -> int:
    """How many changes (end of preference, steps) have come into effect after `waited_us` in queue."""
    return sum(1 for at in step_times(requirement, queue_steps) if waited_us >= at)


def next_step_at(
    requirement: Requirement, waited_us: int, queue_steps: tuple[Relaxation, ...] = ()
) -> Micros | None:
    """The waiting time, in microseconds, at which the requirement changes next; None when nothing is left."""
    later = [at for at in step_times(requirement, queue_steps) if at > waited_us]
    return Micros(min(later)) if later else None


def step_times(requirement: Requirement, queue_steps: tuple[Relaxation, ...]) -> list[int]:
    """The waiting times at which a step or the end of a preference comes into effect."""
    at = [step.after for step in requirement.relaxation or queue_steps]
    if requirement.preferring:
        at.append(requirement.prefer_for)
    return at


def merged(base: Requirement, over: Requirement) -> Requirement:
    """`base` with a more specific requirement laid over it, as a child category does with its parent's.

    Skills and exclusions add up, and the level of a skill named twice is the more specific one
    (it may be lower). Agents, groups and relaxation replace the base's where the specific one names any.
    """
    return Requirement(
        skills=tuple(sorted({**dict(base.skills), **dict(over.skills)}.items())),
        agents=over.agents or base.agents,
        agents_only=over.agents_only if over.agents else base.agents_only,
        groups=over.groups or base.groups,
        groups_only=over.groups_only if over.groups else base.groups_only,
        prefer_for=over.prefer_for or base.prefer_for,
        excluded=_union(base.excluded, over.excluded),
        relaxation=over.relaxation or base.relaxation,
    )


def with_skill(requirement: Requirement, skill: str, level: int) -> Requirement:
    """The requirement with one more skill; a skill already asked for keeps the higher of both levels."""
    skills = dict(requirement.skills)
    skills[skill] = max(skills.get(skill, 1), level)
    return structs.replace(requirement, skills=tuple(sorted(skills.items())))


def with_requests(requirement: Requirement, ext: dict[str, Any]) -> Requirement:
    """The requirement with what the item requests: `requestedSkill`, `requestedAgent`, `requestedAgentGroup`.

    Skills are added (the higher level counts); a requested agent or group comes first. Raises `RuleError`
    naming the attribute for a value that cannot be read.
    """
    if ext.keys().isdisjoint(_REQUESTS):
        return requirement
    for skill, level in parse_skills(ext.get("requestedSkill")):
        requirement = with_skill(requirement, skill, level)
    agents = _names(ext.get("requestedAgent"), "ext.requestedAgent")
    groups = _names(ext.get("requestedAgentGroup"), "ext.requestedAgentGroup")
    if not agents and not groups:
        return requirement
    return structs.replace(
        requirement,
        agents=_union(agents, requirement.agents),
        groups=_union(groups, requirement.groups),
        prefer_for=requirement.prefer_for or PREFER_FOR,
    )


def parse_skills(requested: Any) -> list[tuple[str, int]]:
    """Reads `ext.requestedSkill`: `name`, `name>=level`, or a list of them (also comma-separated)."""
    field = "ext.requestedSkill"
    if requested is None:
        return []
    texts = requested if isinstance(requested, list) else [requested]
    found: list[tuple[str, int]] = []
    for text in texts:
        if not isinstance(text, str):
            raise RuleError(
                f"{field} must be text or a list of texts", field=field, hint="write name or name>=level"
            )
        found.extend(parse_skill(part, field) for part in text.split(",") if part.strip())
    return found


def parse_skill(text: str, field: str) -> tuple[str, int]:
    """Reads `name` (level 1) or `name>=level`; levels run from 1 to 10. Raises `RuleError`."""
    match = _SKILL.fullmatch(text)
    level = int(match[2] or 1) if match else 0
    if match is None or not 1 <= level <= 10:
        raise RuleError(
            f"{field}: '{text[:80]}' is not a skill",
            field=field,
            hint="write name or name>=level with a level from 1 to 10",
        )
    return match[1], level


def _names(value: Any, field: str) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if not isinstance(value, str):
        raise RuleError(f"{field} must be text", field=field, hint="give one id")
    return (value,)


def _union(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def compile_requirement(
    config: RequirementConfig | None, steps: list[RelaxationStep], field: str, steps_field: str
) -> Requirement:
    """The requirement of a category or rule; raises `RuleSetError` with the path below `field`."""
    relaxation = compile_relaxation(steps, steps_field)
    if config is None:
        return Requirement(relaxation=relaxation) if relaxation else NO_REQUIREMENT
    skills: dict[str, int] = {}
    for i, one in enumerate(config.skills):
        check_skill_name(one.skill, f"{field}.skills[{i}].skill")
        if one.skill in skills:
            raise RuleSetError(
                f"skill '{one.skill}' is named twice",
                field=f"{field}.skills[{i}]",
                hint="keep one of the two",
            )
        skills[one.skill] = one.level
    prefer_for = compile_duration(config.prefer_for, f"{field}.preferFor")
    if not prefer_for and (config.agents or config.groups):
        prefer_for = PREFER_FOR
    for only, named, name in (
        (config.agents_only, config.agents, "agents"),
        (config.groups_only, config.groups, "groups"),
    ):
        if only and not named:
            raise RuleSetError(
                f"{name}Only is set, but no {name} are named",
                field=f"{field}.{name}Only",
                hint=f"name the {name}",
            )
    return Requirement(
        skills=tuple(sorted(skills.items())),
        agents=tuple(dict.fromkeys(config.agents)),
        agents_only=config.agents_only,
        groups=tuple(dict.fromkeys(config.groups)),
        groups_only=config.groups_only,
        prefer_for=prefer_for,
        excluded=tuple(dict.fromkeys(config.excluded)),
        relaxation=relaxation,
    )


def compile_relaxation(steps: list[RelaxationStep], field: str) -> tuple[Relaxation, ...]:
    """The relaxation steps in order; raises `RuleSetError` where a step is unclear or out of order."""
    ready: list[Relaxation] = []
    for i, step in enumerate(steps):
        at = f"{field}[{i}]"
        if sum(x is not None for x in (step.drop_skill, step.skill, step.group)) != 1:
            raise RuleSetError(
                "a relaxation step does exactly one thing",
                field=at,
                hint="give dropSkill, or skill with level, or group",
            )
        if (step.skill is None) != (step.level is None):
            raise RuleSetError(
                "skill and level belong together", field=at, hint="give both, or use dropSkill"
            )
        after = compile_duration(step.after, f"{at}.after")
        if ready and after < ready[-1].after:
            raise RuleSetError(
                "relaxation steps run in the order of their times",
                field=f"{at}.after",
                hint="sort the steps by after",
            )
        for name, skill in (("dropSkill", step.drop_skill), ("skill", step.skill)):
            if skill is not None:
                check_skill_name(skill, f"{at}.{name}")
        ready.append(Relaxation(after, step.drop_skill, step.skill, step.level or 1, step.group))
    return tuple(ready)


def compile_duration(text: str | int | None, field: str) -> Micros:
    """A duration of the document that is not negative; 0 where none is given."""
    if text is None:
        return Micros(0)
    try:
        value = parse_duration(text, field)
    except (InvalidInputError, ValueError) as error:
        raise RuleSetError(
            f"'{str(text)[:80]}' is not a duration", field=field, hint="write for example 90s, 30m or 2d"
        ) from error
    if not 0 <= value <= MAX_DURATION:
        raise RuleSetError(
            f"'{text}' is out of range",
            field=field,
            hint=f"give a duration from 0s to {MAX_DURATION // DAY}d",
        )
    return value


def check_skill_name(name: str, field: str) -> None:
    """Refuses names that `ext.requestedSkill` could not address."""
    if ID.fullmatch(name) is None or name.endswith(" "):
        raise RuleSetError(
            f"'{name[:80]}' is not a skill name",
            field=field,
            hint="use letters, digits, _ . ( ) - and inner spaces; give the level in a field of its own",
        )
