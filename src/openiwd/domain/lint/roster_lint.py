"""Categories whose items nobody can take: no agent has what they require, or none who has it is there this week."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from openiwd.domain.agent import Agent
from openiwd.domain.backlog_item import plain_demand
from openiwd.domain.calendar import WALL, Clock
from openiwd.domain.category import Category
from openiwd.domain.eligibility import misfit, profile_of
from openiwd.domain.instant import DAY, from_micros, to_micros
from openiwd.domain.lint.finding import Finding, FindingKind, Severity
from openiwd.domain.offer import GrantKind
from openiwd.domain.queue import Queue
from openiwd.domain.rule_set import CompiledRuleSet

WEEK: Final = 7 * DAY
_RELAXED: Final = 10 * 365 * DAY
"""Waited so long that every step of relaxation has been taken."""


def lint_roster(rules: CompiledRuleSet, agents: Sequence[Agent], now_us: int) -> list[Finding]:
    """Findings about the categories in use; what the items themselves request is not known here."""
    active = [a for a in agents if a.active and a.capacity.total > 0]
    able_ones = [profile_of(a, now_us) for a in active]
    coming = [p for a, p in zip(active, able_ones, strict=True) if comes(a, rules, now_us)]
    fields = dict(_fields(rules))
    found: list[Finding] = []
    for category in rules.tree:
        if category.archived:
            continue
        queue = rules.queues[category.queue_id]
        demand = plain_demand(category.requirement, queue.id, "", 0, None, queue, _RELAXED)
        if any(misfit(p, demand, queue, GrantKind.PICK) is None for p in coming):
            continue
        able = sum(1 for p in able_ones if misfit(p, demand, queue, GrantKind.PICK) is None)
        if not able:
            found.append(_nobody(category, queue, fields[category.id]))
        else:
            found.append(_nobody_this_week(category, able, fields[category.id]))
    return found


def _fields(rules: CompiledRuleSet) -> Iterator[tuple[str, str]]:
    stack = [(c, f"categories[{i}]") for i, c in enumerate(rules.document.categories)]
    while stack:
        config, field = stack.pop()
        yield config.id, field
        stack += [(c, f"{field}.children[{i}]") for i, c in enumerate(config.children)]


def comes(agent: Agent, rules: CompiledRuleSet, now_us: int) -> bool:
    """Whether the agent works at any instant of the next seven days: exact, however short the time may be.

    Working time begins with an opening, or again with the end of an absence: one of these instants shows it.
    """
    clock: Clock = rules.clocks.get(agent.working_hours, WALL) if agent.working_hours else WALL
    end = now_us + WEEK
    tried = [to_micros(a.end) for a in agent.absences if now_us < to_micros(a.end) < end]
    if any(clock.is_open(at) and not agent.absent(from_micros(at)) for at in (now_us, *tried)):
        return True
    at = clock.next_change(now_us)
    while at is not None and at < end:
        if clock.is_open(at) and not agent.absent(from_micros(at)):
            return True
        at = clock.next_change(at)
    return False


def _nobody(category: Category, queue: Queue, field: str) -> Finding:
    return Finding(
        kind=FindingKind.NOBODY_ELIGIBLE, severity=Severity.ERROR, field=field, object_kind="category",
        object_id=category.id,
        message=f"no active agent can take items of '{category.path}' in the queue '{queue.id}', "
        "also after all steps of relaxation",
        hint="give an agent of the queue's groups the skills, or relax the requirement",
        values={"object": category.path},
    )  # fmt: skip


def _nobody_this_week(category: Category, able: int, field: str) -> Finding:
    return Finding(
        kind=FindingKind.NOBODY_THIS_WEEK, severity=Severity.WARNING, field=field, object_kind="category",
        object_id=category.id,
        message=f"of the {able} agents who can take items of '{category.path}' none works in the next seven days",
        hint="see to a substitute, or relax the requirement for the time",
        values={"object": category.path, "able": able},
    )  # fmt: skip
