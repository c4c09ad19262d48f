"""Categories whose items nobody can take: no agent has what they require, or none who has it is there this week."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from openiwd.domain.agent import Agent
from openiwd.domain.calendar import WALL, Clock
from openiwd.domain.category import Category
from openiwd.domain.instant import DAY, HOUR, from_micros
from openiwd.domain.lint.finding import Finding, FindingKind, Severity
from openiwd.domain.queue import Queue
from openiwd.domain.requirement import Requirement, relaxed
from openiwd.domain.rule_set import CompiledRuleSet

WEEK: Final = 7 * DAY
_RELAXED: Final = 10 * 365 * DAY
"""Waited so long that every step of relaxation has been taken."""


def lint_roster(rules: CompiledRuleSet, agents: Sequence[Agent], now_us: int) -> list[Finding]:
    """Findings about the categories in use; what the items themselves request is not known here."""
    active = [a for a in agents if a.active]
    fields = dict(_fields(rules))
    found: list[Finding] = []
    for category in rules.tree:
        if category.archived:
            continue
        queue = rules.queues[category.queue_id]
        wanted = relaxed(category.requirement, _RELAXED, queue.relaxation)
        able = [a for a in active if _can(a, wanted, queue, from_micros(now_us))]
        if not able:
            found.append(_nobody(category, queue, fields[category.id]))
        elif not any(_comes(a, rules, now_us) for a in able):
            found.append(_nobody_this_week(category, len(able), fields[category.id]))
    return found


def _fields(rules: CompiledRuleSet) -> Iterator[tuple[str, str]]:
    stack = [(c, f"categories[{i}]") for i, c in enumerate(rules.document.categories)]
    while stack:
        config, field = stack.pop()
        yield config.id, field
        stack += [(c, f"{field}.children[{i}]") for i, c in enumerate(config.children)]


def _can(agent: Agent, wanted: Requirement, queue: Queue, now: datetime) -> bool:
    """Whether group, skills and the request allow it, whatever the agent's state, hours and load."""
    groups = {*(g.group for g in queue.groups), *wanted.widened}
    if queue.groups and not groups & set(agent.groups):
        return False
    if wanted.agents_only and agent.id not in wanted.agents:
        return False
    if wanted.groups_only and not set(wanted.groups) & set(agent.groups):
        return False
    return agent.id not in wanted.excluded and all(agent.level(s, now) >= level for s, level in wanted.skills)


def _comes(agent: Agent, rules: CompiledRuleSet, now_us: int) -> bool:
    """Whether the agent works at some hour of the next seven days."""
    clock: Clock = rules.clocks.get(agent.working_hours, WALL) if agent.working_hours else WALL
    hours = range(now_us, now_us + WEEK, HOUR)
    return any(clock.is_open(at) and not agent.absent(from_micros(at)) for at in hours)


def _nobody(category: Category, queue: Queue, field: str) -> Finding:
    return Finding(
        kind=FindingKind.NOBODY_ELIGIBLE, severity=Severity.ERROR, field=field, object_kind="category",
        object_id=category.id,
        message=f"no active agent can take items of '{category.path}' in the queue '{queue.id}', "
        "also after all steps of relaxation",
        hint="give an agent of the queue's groups the skills, or relax the requirement",
    )  # fmt: skip


def _nobody_this_week(category: Category, able: int, field: str) -> Finding:
    return Finding(
        kind=FindingKind.NOBODY_THIS_WEEK, severity=Severity.WARNING, field=field, object_kind="category",
        object_id=category.id,
        message=f"of the {able} agents who can take items of '{category.path}' none works in the next seven days",
        hint="see to a substitute, or relax the requirement for the time",
    )  # fmt: skip
