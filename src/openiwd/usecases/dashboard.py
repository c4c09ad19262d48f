"""Dashboards of the backlog: open items by category and queue as of now, and their line through the day.

Reads only. What is counted lies within the caller's access groups; sums are remembered per tenant, before any scope.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from openiwd.domain.agent import Agent, AgentState
from openiwd.domain.dashboard import (
    HOUR,
    BacklogRow,
    Tally,
    covered,
    day_start,
    level_of,
    lies_below,
    quarter_of,
    tallies,
    tally,
)
from openiwd.domain.errors import ForbiddenError, UnavailableError
from openiwd.domain.privilege import Caller, Scope
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.ports.dashboard import Sample

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

SAMPLES_KEPT_DAYS: Final = 8


class CategoryLine(Struct, kw_only=True, rename="camel"):
    """A department, or a process within the department asked for. None: not classified yet."""

    category_path: str | None
    is_own: bool
    """Whether these are the department's own items, in none of its processes."""
    counts: Tally


class QueueLine(Struct, kw_only=True, rename="camel"):
    """A queue as of now. None: items that are in no queue yet."""

    queue_id: str | None
    name: str | None
    counts: Tally
    agents_ready: int | None
    """Agents ready now in the groups that the queue serves; None where the caller may not see agents."""


class SampleLine(Struct, kw_only=True, rename="camel"):
    """How the backlog stood at a quarter of an hour."""

    at: datetime
    waiting: int
    assigned: int
    held: int
    overdue: int
    due_hour: int
    due_today: int


class BacklogBoard(Struct, kw_only=True, rename="camel"):
    """Open items as of `at`: the sum, and the same by category and by queue."""

    at: datetime
    day_end: datetime
    counts: Tally
    categories: list[CategoryLine]
    queues: list[QueueLine]
    samples: list[SampleLine]


def zone_of(services: TenantServices) -> tzinfo:
    """The tenant's zone, in which its days begin and end."""
    try:
        return ZoneInfo(services.tenant.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def reach(caller: Caller) -> Scope:
    """What a dashboard counts is what its reader would find in the Universal Queue."""
    caller.require("dashboard.view")
    scope = caller.require("workitems.search")
    if scope is Scope.OWN:
        raise ForbiddenError(
            "dashboards count the items of all agents",
            privilege="workitems.search",
            hint="ask an administrator for the privilege workitems.search beyond your own items",
        )
    return scope


# The backlog ---------------------------------------------------------------------------------------------------------


class _Counted(Struct):
    at: datetime
    day_end: datetime
    rows: list[BacklogRow]


async def _counted(services: TenantServices) -> _Counted:
    async def count() -> _Counted:
        now = services.runtime.now()
        day_end = day_start(now, zone_of(services), 1)
        async with services.runtime.store.reading() as reading:
            return _Counted(now, day_end, await reading.backlog(now, now + HOUR, day_end))

    return await services.counts.get("backlog", count)


async def backlog(services: TenantServices, caller: Caller, department: str | None = None) -> BacklogBoard:
    """Open items within the caller's scope, of all departments or of one (a category path)."""
    scope = reach(caller)
    counted = await _counted(services)
    rows = [
        row
        for row in counted.rows
        if lies_below(row.category_path, department)
        and covered(caller, scope, row.category_path, row.queue_id)
    ]
    rules = await live_rules(services)
    return BacklogBoard(
        at=counted.at,
        day_end=counted.day_end,
        counts=tally(rows),
        categories=_categories(rows, department, rules),
        queues=await _queues(services, caller, scope, rows, rules, department),
        samples=await _samples(services, caller, scope, department, counted.at),
    )


def _categories(
    rows: Sequence[BacklogRow], department: str | None, rules: CompiledRuleSet | None
) -> list[CategoryLine]:
    """In the rule set's order, then what it no longer has, then what is not classified."""
    found = tallies(rows, lambda row: level_of(row.category_path, department))
    order = {path: n for n, path in enumerate(_paths(rules))}

    def place(path: str | None) -> tuple[bool, int, str]:
        return path is None, order.get(path or "", len(order)), path or ""

    return [
        CategoryLine(category_path=path, is_own=path is not None and path == department, counts=found[path])
        for path in sorted(found, key=place)
    ]


def _paths(rules: CompiledRuleSet | None) -> list[str]:
    """Departments and their processes, in order."""
    found: list[str] = []
    for top in rules.document.categories if rules is not None else ():
        found += [top.name, *(f"{top.name}/{child.name}" for child in top.children)]
    return found


async def departments(services: TenantServices, caller: Caller) -> list[str]:
    """The departments that a dashboard can be narrowed to, in the rule set's order."""
    scope = reach(caller)
    rules = await live_rules(services)
    names = [top.name for top in rules.document.categories if not top.archived] if rules is not None else []
    if scope is Scope.ALL:
        return names
    reached = {c.split("/")[0] for c in caller.categories}
    reached |= {
        row.category_path.split("/")[0]
        for row in (await _counted(services)).rows
        if row.category_path is not None and covered(caller, scope, row.category_path, row.queue_id)
    }
    return [name for name in names if name in reached]


async def live_rules(services: TenantServices) -> CompiledRuleSet | None:
    try:
        return await services.runtime.rules()
    except UnavailableError:
        return None


async def _queues(
    services: TenantServices,
    caller: Caller,
    scope: Scope,
    rows: Sequence[BacklogRow],
    rules: CompiledRuleSet | None,
    department: str | None,
) -> list[QueueLine]:
    """Queues of the rule set (without a scope or department also those where nothing is), then others."""
    found = tallies(rows, lambda row: row.queue_id)
    known = rules.queues if rules is not None else {}
    if scope is Scope.ALL and department is None:
        for queue_id in known:
            found.setdefault(queue_id, Tally())
    ready = await _ready_agents(services) if caller.may("agents.view") else None
    order = {queue_id: n for n, queue_id in enumerate(known)}
    lines = []
    for chosen in sorted(found, key=lambda q: (q is None, order.get(q or "", len(order)), q or "")):
        queue = known.get(chosen or "")
        served = {g.group for g in queue.groups} if queue is not None else set()
        agents = (
            None
            if ready is None or queue is None
            else sum(1 for a in ready if not served or served.intersection(a.groups))
        )
        lines.append(
            QueueLine(
                queue_id=chosen,
                name=queue.name if queue is not None else None,
                counts=found[chosen],
                agents_ready=agents,
            )
        )
    return lines


async def active_agents(services: TenantServices) -> list[Agent]:
    async def read() -> list[Agent]:
        async with services.runtime.store.reading() as reading:
            return [a for a in (await reading.agents()).values() if a.active]

    return await services.counts.get("agents", read)


async def _ready_agents(services: TenantServices) -> list[Agent]:
    now = services.runtime.now()
    return [
        a
        for a in await active_agents(services)
        if not a.absent(now) and any(s.state is AgentState.READY for s in a.states.values())
    ]


async def _samples(
    services: TenantServices, caller: Caller, scope: Scope, department: str | None, now: datetime
) -> list[SampleLine]:
    since = day_start(now, zone_of(services))
    groups = None if scope is Scope.ALL else (tuple(caller.categories), tuple(caller.queues))

    async def read() -> list[Sample]:
        async with services.runtime.store.reading() as reading:
            return await reading.samples(since, department, groups)

    found = await services.counts.get(("samples", since, department, groups), read)
    return [SampleLine(**sample._asdict()) for sample in found if sample.at <= now]


async def keep_sample(services: TenantServices) -> bool:
    """Keeps the backlog of the present quarter of an hour, once; whether it did. For the process that decides."""
    runtime = services.runtime
    at = quarter_of(runtime.now())
    async with runtime.store.reading() as reading:
        if await reading.has_sample(at):
            return False
    counted = await _counted(services)
    async with runtime.store.writing() as tx:
        await tx.save_samples(at, tallies(counted.rows, lambda row: (row.category_path, row.queue_id)))
    return True


async def forget_samples(services: TenantServices) -> None:
    """Removes samples that are older than what dashboards show."""
    before = day_start(services.runtime.now(), zone_of(services), -SAMPLES_KEPT_DAYS)
    async with services.runtime.store.writing() as tx:
        await tx.forget_samples(before)
