"""Plans a replay from rows that each show an item's state at an instant (a table of updates).

Decides what changed between two rows of an item and which operations that means; reads nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

from msgspec import Struct

from openiwd.domain.replay.plan import By, Kind, Plan, PlannedItem, Sla, Step

_STEPS_PER_ROW = 8


class Phase(StrEnum):
    OPEN = "open"
    HELD = "held"
    COMPLETED = "completed"


class Row(Struct, frozen=True):
    """One row, its columns already read by the mapping."""

    item: str
    at: int
    """Milliseconds since 1970 UTC."""
    order: int
    """Place in the log."""
    phase: Phase
    category: str
    agent: str | None = None
    hold_reason: str | None = None
    reopens: int = 0
    """How often the item had been reopened so far."""
    within_sla: bool | None = None
    """What the log itself says at this row; the item's last word counts."""
    fields: dict[str, Any] = {}
    """The body of the create call; the item's first row counts."""


class _State(Struct):
    phase: Phase = Phase.OPEN
    agent: str | None = None
    """Who holds the item now: None while queued, held or completed."""
    hold_reason: str | None = None
    reopens: int = 0


class _Move(Struct, frozen=True):
    kind: Kind
    agent: str | None = None
    by: By = By.SOURCE
    reason: str | None = None


def plan_rows(rows: Iterable[Row], sla: Sla | None = None) -> Plan:
    """The plan of a whole table. An item's rows count in order of their instant, then of the log."""
    by_item: dict[str, list[Row]] = {}
    for row in rows:
        by_item.setdefault(row.item, []).append(row)
    items: list[PlannedItem] = []
    steps: list[Step] = []
    within_sla: dict[str, bool] = {}
    for capture_id, own in by_item.items():
        own.sort(key=lambda row: (row.at, row.order))
        index = len(items)
        items.append(PlannedItem(capture_id, own[0].category, own[0].fields))
        state = _State(reopens=own[0].reopens)
        for row in own:
            moves = [_Move(Kind.CREATE)] if row is own[0] else []
            moves += _moves(state, row)
            for place, move in enumerate(moves):
                order = row.order * _STEPS_PER_ROW + place
                steps.append(Step(row.at, order, move.kind, index, move.agent, move.by, move.reason))
        if own[-1].within_sla is not None:
            within_sla[capture_id] = own[-1].within_sla
    return Plan(items, steps, within_sla, sla)


def _moves(state: _State, row: Row) -> Iterator[_Move]:
    """What leads from `state` to what the row shows; `state` follows."""
    reopened = row.reopens > state.reopens
    state.reopens = max(state.reopens, row.reopens)
    if state.phase is Phase.COMPLETED:
        if row.phase is Phase.COMPLETED and not reopened:
            return
        yield _Move(Kind.REOPEN)
        state.phase = Phase.OPEN
    if state.phase is Phase.HELD and row.phase is Phase.HELD:
        if row.hold_reason == state.hold_reason:
            return
        yield _Move(Kind.RESUME)
        state.phase = Phase.OPEN
    if state.phase is Phase.HELD and row.phase is Phase.OPEN:
        yield _Move(Kind.RESUME)
        state.phase = Phase.OPEN
    if state.phase is Phase.OPEN:
        yield from _handed_over(state, row.agent)
    if row.phase is Phase.HELD:
        yield _Move(Kind.HOLD, reason=row.hold_reason)
        state.agent = None
    if row.phase is Phase.COMPLETED:
        yield _Move(Kind.COMPLETE, state.agent, By.SOURCE if state.agent is None else By.AGENT)
        state.agent = None
    state.phase, state.hold_reason = row.phase, row.hold_reason


def _handed_over(state: _State, agent: str | None) -> Iterator[_Move]:
    if agent is not None and agent != state.agent:
        yield _Move(Kind.ASSIGN, agent, By.AGENT)
    elif agent is None and state.agent is not None:
        yield _Move(Kind.RETURN, state.agent, By.AGENT)
    state.agent = agent
