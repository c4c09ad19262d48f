"""Plans a replay from cases of activities with lifecycle transitions (XES; rules: docs/how-to/replay.md).

Decides which transition belongs to which item, and what it does there; reads nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

from msgspec import Struct

from openiwd.domain.replay.plan import NOBODY, By, Kind, Plan, PlannedItem, Sla, Step, category_name, iso


class Transition(StrEnum):
    """The lifecycle transitions that count; all others are passed over."""

    SCHEDULE = "schedule"
    START = "start"
    COMPLETE = "complete"


class CaseEvent(Struct, frozen=True):
    activity: str
    transition: Transition
    at: int
    """Milliseconds since 1970 UTC."""
    order: int
    """Place in the log."""
    resource: str | None = None


class Case(Struct, frozen=True):
    """A case of the log: what is known of it, and its events in the log's order."""

    id: str
    events: list[CaseEvent]
    business_value: int | None = None
    source_created: int | None = None
    """Milliseconds since 1970 UTC."""


class _Item(Struct, eq=False):
    """An item while its case is read: its transitions, START with the agent and COMPLETE with None."""

    index: int
    transitions: list[tuple[CaseEvent, str | None]]


def plan_cases(cases: Iterable[Case], sla: Sla | None = None) -> Plan:
    """The plan of a whole log. Cases may come in any order; at one instant the log's order decides."""
    items: list[PlannedItem] = []
    steps: list[Step] = []
    seen: set[str] = set()
    for case in cases:
        name = case.id
        for again in range(2, len(seen) + 3):
            if name not in seen:
                break
            name = f"{case.id}#{again}"
        seen.add(name)
        _plan_case(case, name, items, steps)
    return Plan(items, steps, sla=sla)


def _plan_case(case: Case, name: str, items: list[PlannedItem], steps: list[Step]) -> None:
    by_activity: dict[str, list[CaseEvent]] = {}
    for event in sorted(case.events, key=lambda event: (event.at, event.order)):
        by_activity.setdefault(event.activity, []).append(event)
    for activity, events in by_activity.items():
        own: list[_Item] = []
        sessions: list[_Item] = []
        for event in events:
            match event.transition:
                case Transition.SCHEDULE:
                    own.append(_Item(len(items), []))
                    capture_id = f"{name}/{activity}/{len(own)}"
                    items.append(
                        PlannedItem(capture_id, category_name(activity), _fields(case, capture_id, event))
                    )
                    steps.append(Step(event.at, event.order, Kind.CREATE, own[-1].index))
                case Transition.START if own:
                    item = own[-1]
                    if item in sessions:
                        sessions.remove(item)
                    sessions.append(item)
                    item.transitions.append((event, event.resource or NOBODY))
                case Transition.COMPLETE if own:
                    item = sessions.pop() if sessions else own[-1]
                    item.transitions.append((event, None))
                case _:
                    pass  # a START or COMPLETE before the first SCHEDULE has no item to act on
        for item in own:
            steps.extend(_steps(item))


def _steps(item: _Item) -> Iterator[Step]:
    agent: str | None = None
    last = len(item.transitions) - 1
    for place, (event, started_by) in enumerate(item.transitions):
        if started_by is not None:
            agent = started_by
            yield Step(event.at, event.order, Kind.ASSIGN, item.index, agent, By.AGENT)
        elif place == last:
            by = By.SOURCE if agent is None else By.AGENT
            yield Step(event.at, event.order, Kind.COMPLETE, item.index, agent, by)
        elif agent is not None:
            yield Step(event.at, event.order, Kind.RETURN, item.index, agent, By.AGENT)
            agent = None


def _fields(case: Case, capture_id: str, event: CaseEvent) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "captureId": capture_id,
        "category": category_name(event.activity),
        "subject": event.activity,
        "createdDateTime": iso(event.at),
        "data": {"case": case.id},
    }
    if case.business_value is not None:
        fields["businessValue"] = case.business_value
    if case.source_created is not None:
        fields["ext"] = {"sourceCreatedDateTime": iso(case.source_created)}
    return fields
