"""Canary: a draft that judges a share of the new items in earnest. Decides whose rules judge, and when it ends. Pure.

Calendars, schemas, queues and media types stay the live ones: the trial is of attributes, rules, tables and categories.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from openiwd.domain.dashboard import lies_below
from openiwd.domain.judgement import is_unclassified
from openiwd.domain.rule_set import CompiledRuleSet, RuleSetDocument
from openiwd.domain.rule_set_diff import ObjectDifference, diff
from openiwd.domain.share import is_within
from openiwd.domain.work_item import ItemId, Status

LIVE_PARTS: Final = ("calendars", "schemas", "queues", "mediaTypes")
"""The lists of a document that a canary takes from the live rule set."""
_LIVE_FIELDS: Final = ("name", "time_zone", "calendars", "schemas", "queues", "media_types")
_ROUNDING: Final = 1e-9
MOST_CATEGORIES: Final = 200
"""So many categories are told apart by a tally; what is more counts in the sums alone."""


class Canary(Struct, frozen=True, kw_only=True):
    """A running canary as judging needs it. `rules.version` names it on the items that it has judged."""

    rules: CompiledRuleSet
    limit: int
    """Where its share ends (`domain/share.py`)."""
    category: str | None = None
    """Only items that the live rules put here or below."""

    @property
    def version(self) -> int:
        return self.rules.version

    def takes(self, item_id: ItemId) -> bool:
        """Whether a new item is in its share, wherever the live rules put it."""
        return is_within(item_id, self.limit)

    def covers(self, category_path: str | None) -> bool:
        """Whether it is for what the live rules put into this category."""
        return self.category is None or lies_below(category_path, self.category)


def canary_document(draft: RuleSetDocument, live: RuleSetDocument) -> RuleSetDocument:
    """The draft as a canary tries it: with the live calendars, schemas, queues and media types."""
    return msgspec.structs.replace(draft, **{name: getattr(live, name) for name in _LIVE_FIELDS})


def not_tried(draft: RuleSetDocument, live: RuleSetDocument) -> list[ObjectDifference]:
    """What the draft changes beside that: it comes into force when the draft is published."""
    return [d for d in diff(live, draft) if d.kind in LIVE_PARTS]


class Bound(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How far a share (0 to 1) may go: at most so much, and at most so much more than on the live side."""

    most: Annotated[float, Meta(ge=0, le=1)] = 1.0
    above_live: Annotated[float, Meta(ge=0, le=1)] = 1.0


class Guards(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """When a canary ends by itself. Nothing is concluded from fewer items than `leastItems`, of either side."""

    least_items: Annotated[int, Meta(ge=1, le=1_000_000)] = 50
    error_rate: Bound = Bound(most=0.02, above_live=0.01)
    """Items whose rules failed on them."""
    errorheld_share: Bound = Bound(most=0.2, above_live=0.05)
    """Items held for an error: rules that failed, and items that reached no category."""
    no_agent_share: Bound = Bound(most=0.2, above_live=0.05)
    """Items that no active agent may take, now or after relaxation."""


class GuardKind(StrEnum):
    ERROR_RATE = "errorRate"
    ERRORHELD_SHARE = "errorheldShare"
    NO_AGENT_SHARE = "noAgentShare"


class Tally(Struct, kw_only=True, rename="camel"):
    """What became of the new items of one side, at their first judging."""

    items: int = 0
    errors: int = 0
    errorheld: int = 0
    rejected: int = 0
    no_agent: int = 0
    queues: dict[str, int] = {}
    categories: dict[str, int] = {}

    def add(self, judged: dict[str, Any], *, has_agent: bool) -> None:
        """Counts a new item by what its first event set."""
        self.items += 1
        status, error = judged.get("status"), judged.get("error")
        if status == Status.ERRORHELD:
            self.errorheld += 1
            self.errors += not is_unclassified(error or "")
            return
        if status == Status.REJECTED:
            self.rejected += 1
            return
        self.no_agent += not has_agent
        for counts, name in (
            (self.queues, judged.get("queue_id")),
            (self.categories, judged.get("category_path")),
        ):
            if name is not None and (name in counts or len(counts) < MOST_CATEGORIES):
                counts[name] = counts.get(name, 0) + 1

    def share(self, guard: GuardKind) -> float:
        """Of all items counted; 0 when there are none."""
        counts = {
            GuardKind.ERROR_RATE: self.errors,
            GuardKind.ERRORHELD_SHARE: self.errorheld,
            GuardKind.NO_AGENT_SHARE: self.no_agent,
        }
        return counts[guard] / self.items if self.items else 0.0


class Sides(Struct, kw_only=True, rename="camel"):
    """Both sides since the canary began."""

    canary: Tally = msgspec.field(default_factory=Tally)
    live: Tally = msgspec.field(default_factory=Tally)


class Tripped(Struct, frozen=True, kw_only=True, rename="camel"):
    """A guard that was passed: the shares of both sides, and the bound."""

    guard: GuardKind
    share: float
    live_share: float
    most: float
    above_live: float
    items: int


def tripped(sides: Sides, guards: Guards) -> list[Tripped]:
    """The guards that the canary has passed, absolute or against the live side."""
    return list(_tripped(sides, guards))


def _tripped(sides: Sides, guards: Guards) -> Iterable[Tripped]:
    if sides.canary.items < guards.least_items:
        return
    compared = sides.live.items >= guards.least_items
    for guard, bound in (
        (GuardKind.ERROR_RATE, guards.error_rate),
        (GuardKind.ERRORHELD_SHARE, guards.errorheld_share),
        (GuardKind.NO_AGENT_SHARE, guards.no_agent_share),
    ):
        share, live = sides.canary.share(guard), sides.live.share(guard)
        if share > bound.most or (compared and share - live > bound.above_live + _ROUNDING):
            yield Tripped(
                guard=guard,
                share=share,
                live_share=live,
                most=bound.most,
                above_live=bound.above_live,
                items=sides.canary.items,
            )
