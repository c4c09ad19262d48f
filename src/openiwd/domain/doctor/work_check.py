"""What waits and who could take it: items for nobody, agents for nothing, queues without agents, what is late. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from openiwd.domain.agent import Agent
from openiwd.domain.backlog import Wanted
from openiwd.domain.backlog_item import Demand, plain_demand
from openiwd.domain.doctor.finding import Example, Finding, Severity, finding
from openiwd.domain.eligibility import Profile, Reason, misfit, profile_of
from openiwd.domain.instant import DAY, from_micros
from openiwd.domain.lint.roster_lint import comes
from openiwd.domain.offer import GrantKind
from openiwd.domain.queue import Queue
from openiwd.domain.requirement import Requirement
from openiwd.domain.rule_set import CompiledRuleSet

ELIGIBILITY, LATE, AGENTS = "eligibility", "late", "agents"
MOST_TOLD: Final = 50
"""Of one kind: with more than that, one cause is behind them all."""
_RELAXED: Final = 10 * 365 * DAY


class Overdue(NamedTuple):
    """Items of one queue that wait past their due date, with those that were due first."""

    queue_id: str
    items: int
    first_due: datetime | None
    examples: Sequence[tuple[UUID, str]]


class ErrorCause(NamedTuple):
    """Items held by the same error."""

    error: str
    items: int
    examples: Sequence[tuple[UUID, str]]


class _People(NamedTuple):
    """The traits of those who are there: ever, within a week, and now. Equal traits count once."""

    ever: list[Profile]
    week: list[Profile]
    now: list[Profile]


def items_for_nobody(
    wanted: Sequence[Wanted], agents: Iterable[Agent], rules: CompiledRuleSet, now_us: int
) -> list[Finding]:
    """Waiting items that no agent fits, by queue and requirement; after all steps of relaxation and all delays.

    What is reserved for one agent is not asked about: the reservation ends.
    """
    people = _people(agents, rules, now_us)
    unserved: dict[tuple[str, str, str], tuple[Wanted, Severity]] = {}
    for one in sorted(wanted, key=lambda w: (-w.items, w.queue_id)):
        queue = rules.queues.get(one.queue_id)
        fault = _NO_QUEUE if queue is None else _fault(one, queue, people, rules, now_us)
        if fault is None:
            continue
        key = (fault[0], one.queue_id, "" if queue is None else needs_of(one.requirement, one.media_type))
        before = unserved.get(key)
        if before is None and len(unserved) == MOST_TOLD:
            break
        # Kinds that differ in preferences alone read alike: they are told together.
        items = one.items + (0 if before is None else before[0].items)
        unserved[key] = ((one if before is None else before[0])._replace(items=items), fault[1])
    return [_nobody(*key, one, severity, rules) for key, (one, severity) in unserved.items()]


_NO_QUEUE: Final = ("noQueue", Severity.CRITICAL)


def _fault(
    one: Wanted, queue: Queue, people: _People, rules: CompiledRuleSet, now_us: int
) -> tuple[str, Severity] | None:
    """The kind of finding; None where somebody who is logged in can take the items."""
    if not queue.is_native:
        return None
    demand = _demand(one, queue)
    if _anyone(people.now, demand, queue):
        return None
    if not _anyone(people.ever, demand, queue):
        return "nobodyEver", Severity.CRITICAL
    if not _anyone(people.week, demand, queue):
        return "nobodyThisWeek", Severity.WARNING
    is_open = queue.hours is None or rules.clocks[queue.hours].is_open(now_us)
    return "nobodyNow", Severity.WARNING if is_open else Severity.INFO


def _people(agents: Iterable[Agent], rules: CompiledRuleSet, now_us: int) -> _People:
    now = from_micros(now_us)
    active = [a for a in agents if a.active and a.capacity.total > 0]
    return _People(
        _distinct(active, now_us),
        _distinct((a for a in active if comes(a, rules, now_us)), now_us),
        _distinct((a for a in active if a.logged_in and not a.absent(now)), now_us),
    )


def _distinct(agents: Iterable[Agent], now_us: int) -> list[Profile]:
    found: dict[tuple[object, ...], Profile] = {}
    for agent in agents:
        profile = profile_of(agent, now_us)
        key = (profile.groups, frozenset(profile.skills.items()), profile.barred_media, profile.id)
        found.setdefault(key, profile)
    return list(found.values())


def _demand(one: Wanted, queue: Queue) -> Demand:
    return plain_demand(one.requirement, queue.id, one.media_type, 0, None, queue, _RELAXED)


def _anyone(people: Iterable[Profile], demand: Demand, queue: Queue) -> bool:
    return any(misfit(p, demand, queue, GrantKind.PICK) in (None, Reason.GROUP_DELAY) for p in people)


def needs_of(requirement: Requirement, media_type: str) -> str:
    """What is asked for, in short: `german 5, motor 7`; the media type where nothing else is."""
    parts = [f"{skill} {level}" for skill, level in requirement.skills]
    if requirement.agents_only:
        parts += list(requirement.agents)
    if requirement.groups_only:
        parts += list(requirement.groups)
    return ", ".join(parts) or media_type


def _nobody(
    code: str, queue_id: str, needs: str, one: Wanted, severity: Severity, rules: CompiledRuleSet
) -> Finding:
    queue = rules.queues.get(queue_id)
    return finding(
        ELIGIBILITY, code, severity, about=f"{queue_id}/{needs}" if needs else queue_id, link=waiting_link(queue_id),
        figures={"items": one.items}, examples=_examples([(one.example, "")]),
        queue=queue.name if queue is not None else queue_id, n=one.items, needs=needs,
    )  # fmt: skip


def waiting_link(queue_id: str, **more: str) -> str:
    """The waiting items of a queue in the Universal Queue."""
    parameters = {"status": "queued", "queue": queue_id, **more}
    return f"/?{'&'.join(f'{name}={in_address(value)}' for name, value in parameters.items())}"


def in_address(text: str) -> str:
    """The text as a part of an address: whatever is not plain in percent signs."""
    plain = "-._~"
    return "".join(
        c if c.isascii() and (c.isalnum() or c in plain) else "".join(f"%{b:02X}" for b in c.encode())
        for c in text
    )


def _examples(items: Iterable[tuple[UUID | None, str]]) -> list[Example]:
    return [Example(id=str(i), text=text, link=f"/?item={i}") for i, text in items if i is not None]


# What is late --------------------------------------------------------------------------------------------------------


def overdue_waiting(overdue: Sequence[Overdue], rules: CompiledRuleSet, now: datetime) -> list[Finding]:
    """Queues whose items wait past their due date, the most first."""
    found = []
    for one in sorted(overdue, key=lambda o: -o.items)[:MOST_TOLD]:
        queue = rules.queues.get(one.queue_id)
        figures: dict[str, int | float | str] = {"items": one.items}
        if one.first_due is not None:
            figures["firstDue"] = one.first_due.isoformat()
            figures["lateMinutes"] = int((now - one.first_due).total_seconds() // 60)
        found.append(
            finding(
                LATE, "overdueWaiting", Severity.WARNING, about=one.queue_id,
                link=waiting_link(one.queue_id, overdue="1"), figures=figures, examples=_examples(one.examples),
                queue=queue.name if queue is not None else one.queue_id, n=one.items,
            )
        )  # fmt: skip
    return found


def errorheld(causes: Sequence[ErrorCause]) -> list[Finding]:
    """Items held by an error, by what the error says."""
    return [
        finding(
            LATE, "errorheld", Severity.WARNING, about=one.error[:200], link="/?status=errorheld",
            figures={"items": one.items}, examples=_examples(one.examples), n=one.items, error=one.error[:300],
        )
        for one in sorted(causes, key=lambda c: -c.items)[:MOST_TOLD]
    ]  # fmt: skip


# Agents, queues, skills, groups --------------------------------------------------------------------------------------


def agents_for_nothing(agents: Iterable[Agent], rules: CompiledRuleSet, now_us: int) -> list[Finding]:
    """Active agents whom no category in use fits, and queues whose groups have no active agent."""
    active = [a for a in agents if a.active]
    served = {c.queue_id for c in rules.tree if not c.archived}
    wanted = {
        (c.queue_id, c.requirement): Wanted(c.queue_id, "", c.requirement, 0, None)
        for c in rules.tree
        if not c.archived
    }.values()
    queues = [rules.queues[w.queue_id] for w in wanted]
    demands = [(_demand(w, queue), queue) for w, queue in zip(wanted, queues, strict=True)]
    named = {agent_id for w in wanted for agent_id in w.requirement.agents}
    found = []
    known: dict[tuple[object, ...], bool] = {}
    for agent in active:
        profile = profile_of(agent, now_us)
        key = (profile.groups, frozenset(profile.skills.items()), agent.capacity.total > 0)
        if key not in known:
            known[key] = agent.capacity.total > 0 and any(
                _anyone([profile], demand, queue) for demand, queue in demands
            )
        # Traits alike say nothing of who is asked for by name.
        if not known[key] and agent.id not in named:
            found.append(
                finding(
                    AGENTS, "agentTakesNothing", Severity.WARNING, about=agent.id,
                    link=f"/configuration/agents/{in_address(agent.id)}", agent=agent.name,
                    figures={
                        "groups": len(agent.groups), "skills": len(agent.skills), "capacity": agent.capacity.total,
                    },
                )
            )  # fmt: skip
    return [*found[:MOST_TOLD], *_queues_without_agents(active, rules, served)]


def _queues_without_agents(
    active: Sequence[Agent], rules: CompiledRuleSet, served: Collection[str]
) -> list[Finding]:
    groups = {group for agent in active for group in agent.groups}
    return [
        finding(
            AGENTS, "queueWithoutAgents", Severity.WARNING, about=queue.id, link=f"/configuration/queues/{queue.id}",
            figures={"groups": ", ".join(g.group for g in queue.groups)}, queue=queue.name,
        )
        for queue in rules.queues.values()
        if queue.id in served and queue.groups and not groups & {g.group for g in queue.groups}
    ]  # fmt: skip


def unused_words(
    agents: Iterable[Agent],
    skills: Mapping[str, str],
    groups: Mapping[str, str],
    asked: Mapping[str, int],
    *,
    all_known: bool,
    served: Collection[str],
) -> list[Finding]:
    """Skills and groups that nothing asks for, and skills asked for that nobody has.

    `asked`: places of the rule set that ask for each skill; `all_known` false: some ask by an item's attribute, so
    that what is unused cannot be told. `served`: groups that queues or relaxation reach.
    """
    had = {s.skill for a in agents if a.active for s in a.skills}
    found = [
        finding(
            AGENTS, "skillOfNobody", Severity.WARNING, about=skill, link="/configuration/skills",
            figures={"places": n}, skill=skills.get(skill, skill), rules=n,
        )
        for skill, n in sorted(asked.items())
        if skill not in had
    ]  # fmt: skip
    if all_known:
        found += [
            finding(AGENTS, "skillUnused", Severity.INFO, about=s, link="/configuration/skills", skill=name)
            for s, name in sorted(skills.items())
            if s not in asked
        ]
    found += [
        finding(AGENTS, "groupUnused", Severity.INFO, about=g, link="/configuration/groups", group=name)
        for g, name in sorted(groups.items())
        if g not in served
    ]
    return found[: 2 * MOST_TOLD]
