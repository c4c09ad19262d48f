"""The plan of a replay: operations in the log's order of time, and the figures that must come true.

The order depends on the log alone: the same file gives the same plan, so a replay can go on at any number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from typing import Any, Final, NamedTuple, assert_never

import msgspec
from msgspec import Struct

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import from_micros

NOBODY = "(none)"
"""The pseudo-agent for work that the log shows without naming who did it."""

DEFAULT_SLA: Final = "24h"


class Kind(StrEnum):
    CREATE = "create"
    ASSIGN = "assign"
    RETURN = "return"
    COMPLETE = "complete"
    HOLD = "hold"
    RESUME = "resume"
    REOPEN = "reopen"


class By(StrEnum):
    AGENT = "agent"
    SOURCE = "source"


class Operation(Struct, frozen=True):
    """One thing to do at one instant of the log.

    `sequence` counts from 1 without a gap; it is what a checkpoint keeps. `at` is UTC in whole milliseconds.
    `agent` is who gets the item (assign) or who holds it (return, complete). An assign of an item that is
    assigned already is a transfer. `item` is the body of the create call, `reason` the hold reason.
    """

    sequence: int
    at: datetime
    kind: Kind
    capture_id: str
    agent: str | None = None
    by: By = By.SOURCE
    item: dict[str, Any] | None = None
    reason: str | None = None


class Step(NamedTuple):
    """An operation before numbering: cheap to keep by the hundred thousand; sorts by time, then log order."""

    at: int
    """Milliseconds since 1970 UTC."""
    order: int
    """Place in the log; unique in a plan."""
    kind: Kind
    item: int
    """Index into the plan's items."""
    agent: str | None = None
    by: By = By.SOURCE
    reason: str | None = None


class PlannedItem(Struct, frozen=True):
    capture_id: str
    category: str
    fields: dict[str, Any]
    """The body of the create call."""


class Figures(Struct, kw_only=True):
    """What the replay must report at its end: counts of transitions, and of items by where they end."""

    created: int = 0
    assigned: int = 0
    returned: int = 0
    completed_by_agents: int = 0
    completed_by_source: int = 0
    held: int = 0
    resumed: int = 0
    reopened: int = 0
    queued_at_end: int = 0
    assigned_at_end: int = 0
    held_at_end: int = 0
    completed_at_end: int = 0
    most_assigned_at_once: int = 0
    """The largest number of items that one agent holds at one time: the capacity that agents need."""


class Sla(Struct, frozen=True, forbid_unknown_fields=True):
    """How long items may take from their creation (wall time), where the source names no due date."""

    otherwise: str = DEFAULT_SLA
    after: Mapping[str, str] = {}
    """Category → duration, for those that differ."""

    def of(self, category: str) -> str:
        return self.after.get(category, self.otherwise)


class Plan:
    """The whole plan. Iterating starts at the first operation; `operations(after=n)` goes on behind n."""

    def __init__(
        self,
        items: list[PlannedItem],
        steps: list[Step],
        within_sla: dict[str, bool] | None = None,
        sla: Sla | None = None,
    ) -> None:
        if not items:
            raise InvalidInputError(
                "The log holds no work items", hint="check the activity prefix or the mapping file"
            )
        steps.sort()
        self._items = items
        self._steps = steps
        self.sla = sla or Sla()
        self.within_sla = within_sla or {}
        """captureId → whether the item kept its SLA, as the log itself says; empty when it does not say."""
        self.agents = tuple(sorted({step.agent for step in steps if step.agent is not None}))
        self.categories = tuple(sorted({item.category for item in items}))
        self.hold_reasons = tuple(sorted({step.reason for step in steps if step.reason is not None}))
        self.figures = _figures(len(items), steps)

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[Operation]:
        return self.operations()

    @cached_property
    def fingerprint(self) -> str:
        """The same for equal plans only: equal items, operations and due dates, whatever the file is called."""
        digest = blake2b(digest_size=16)
        for part in (self._items, self._steps, self.sla):
            digest.update(msgspec.json.encode(part, order="deterministic"))
        return digest.hexdigest()

    @property
    def starts_at(self) -> datetime:
        return _instant(self._steps[0].at)

    @property
    def ends_at(self) -> datetime:
        return _instant(self._steps[-1].at)

    def operations(self, after: int = 0) -> Iterator[Operation]:
        """The operations with a sequence above `after`, in order."""
        for sequence in range(after + 1, len(self._steps) + 1):
            step = self._steps[sequence - 1]
            item = self._items[step.item]
            yield Operation(
                sequence=sequence,
                at=_instant(step.at),
                kind=step.kind,
                capture_id=item.capture_id,
                agent=step.agent,
                by=step.by,
                item=item.fields if step.kind is Kind.CREATE else None,
                reason=step.reason,
            )


def _instant(milliseconds: int) -> datetime:
    return from_micros(milliseconds * 1000)


def iso(milliseconds: int) -> str:
    """An instant as the API writes it, to the millisecond."""
    return _instant(milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def category_name(text: str) -> str:
    """A category's name for a word of the log; "/" separates the names of a path and cannot be in one."""
    return text.replace("/", "-")


def _figures(items: int, steps: list[Step]) -> Figures:
    """Carries the plan out on paper."""
    figures = Figures()
    holder: list[str | None] = [None] * items
    place: list[Kind] = [Kind.CREATE] * items
    load: Counter[str] = Counter()
    for step in steps:
        before = holder[step.item]
        if before is not None:
            load[before] -= 1
        holder[step.item] = step.agent if step.kind is Kind.ASSIGN else None
        place[step.item] = step.kind
        match step.kind:
            case Kind.CREATE:
                figures.created += 1
            case Kind.ASSIGN:
                figures.assigned += 1
                agent = step.agent or NOBODY
                load[agent] += 1
                figures.most_assigned_at_once = max(figures.most_assigned_at_once, load[agent])
            case Kind.RETURN:
                figures.returned += 1
            case Kind.COMPLETE:
                figures.completed_by_agents += step.by is By.AGENT
                figures.completed_by_source += step.by is By.SOURCE
            case Kind.HOLD:
                figures.held += 1
            case Kind.RESUME:
                figures.resumed += 1
            case Kind.REOPEN:
                figures.reopened += 1
            case _:
                assert_never(step.kind)
    ends = Counter(place)
    figures.assigned_at_end = ends[Kind.ASSIGN]
    figures.held_at_end = ends[Kind.HOLD]
    figures.completed_at_end = ends[Kind.COMPLETE]
    figures.queued_at_end = items - figures.assigned_at_end - figures.held_at_end - figures.completed_at_end
    return figures
