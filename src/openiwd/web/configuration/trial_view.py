"""Drafts on trial as shown: what a shadow found, and both sides of a canary. View models only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from openiwd.domain.canary import GuardKind, Guards, Sides, Tally, Tripped
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.shadow import Divergence, DivergenceKind, Told
from openiwd.usecases.canary import CanaryView
from openiwd.usecases.shadow import ShadowView
from openiwd.web.item.row_view import long_path
from openiwd.web.shell.catalogue import Catalogue, number
from openiwd.web.shell.time_text import Moment, TimeText

MOST_LINES: Final = 12
"""Categories and queues shown before the rest is summed up."""


class Amount(NamedTuple):
    """A number, its share of the whole, and where it leads."""

    key: str
    label: str
    text: str
    share: str
    percent: int
    href: str
    current: bool = False


class Side(NamedTuple):
    """What differs of an item: before (live), after (draft)."""

    label: str
    live: str
    draft: str


class DivergenceLine(NamedTuple):
    item: str
    subject: str
    href: str
    at: Moment | None
    sides: list[Side]
    live_rules: str
    draft_rules: str


class GuardLine(NamedTuple):
    """A guard with the shares of both sides, and how far it may go."""

    label: str
    canary: str
    live: str
    bound: str
    percent: int
    passed: bool
    key: str


class SideLine(NamedTuple):
    label: str
    canary: str
    live: str
    canary_share: str
    live_share: str
    canary_percent: int
    live_percent: int
    strong: bool = False


def share_text(part: int, whole: int) -> str:
    """A share in percent with one decimal; nothing of nothing is a dash."""
    return percent_text(part / whole) if whole else "–"


def percent_text(share: float) -> str:
    """`12 %`, `3.5 %`, `< 0.1 %`."""
    percent = 100 * share
    if 0 < percent < 0.1:
        return "< 0.1\u202f%"
    return f"{percent:.1f}".removesuffix(".0") + "\u202f%"


def _percent(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0


class TrialView:
    """How one reader sees trials."""

    def __init__(self, t: Catalogue, times: TimeText, live: CompiledRuleSet | None) -> None:
        self.t = t
        self.times = times
        self._queues = {} if live is None else {q.id: q.name for q in live.queues.values()}

    def queue(self, queue_id: str | None) -> str:
        return "–" if queue_id is None else self._queues.get(queue_id, queue_id)

    def path(self, path: str | None) -> str:
        return long_path(path, self.t) if path else self.t("shadow.nowhere")

    # Shadow

    def kinds(self, shadow: ShadowView, address: str, chosen: str) -> list[Amount]:
        """What differs, each a filter of the list."""
        return [
            Amount(
                kind.value,
                self.t.named("divergence", kind.value),
                number(shadow.kinds.get(kind.value, 0)),
                share_text(shadow.kinds.get(kind.value, 0), shadow.looked),
                _percent(shadow.kinds.get(kind.value, 0), shadow.looked),
                address if chosen == kind.value else f"{address}?{urlencode({'kind': kind.value})}",
                chosen == kind.value,
            )
            for kind in DivergenceKind
        ]

    def categories(self, shadow: ShadowView, address: str, chosen: str | None) -> list[Amount]:
        """Categories by the live rules, those with the most divergences first."""
        return [
            Amount(
                c.category,
                self.path(c.category),
                f"{number(c.diverged)} / {number(c.looked)}",
                share_text(c.diverged, c.looked),
                _percent(c.diverged, c.looked),
                address if chosen == c.category else f"{address}?{urlencode({'category': c.category})}",
                chosen == c.category,
            )
            for c in shadow.categories
        ]

    def divergence(self, found: Divergence, subject: str | None) -> DivergenceLine:
        return DivergenceLine(
            item=str(found.item_id),
            subject=subject or f"#{found.item_number}",
            href=f"/?{urlencode({'item': str(found.item_id)})}",
            at=self.times.moment(found.at),
            sides=[self._side(kind, found.live, found.draft) for kind in found.kinds],
            live_rules=", ".join(found.live.rules) or "–",
            draft_rules=", ".join(found.draft.rules) or "–",
        )

    def _side(self, kind: DivergenceKind, live: Told, draft: Told) -> Side:
        label = self.t.named("divergence", kind.value)
        match kind:
            case DivergenceKind.OUTCOME:
                return Side(label, self._outcome(live), self._outcome(draft))
            case DivergenceKind.CATEGORY:
                return Side(label, self.path(live.category_path), self.path(draft.category_path))
            case DivergenceKind.QUEUE:
                return Side(label, self.queue(live.queue), self.queue(draft.queue))
            case DivergenceKind.BUSINESS_VALUE:
                return Side(label, number(live.business_value), number(draft.business_value))
            case DivergenceKind.DUE_DATE:
                return Side(label, self._due(live.due), self._due(draft.due))
            case DivergenceKind.PRIORITY_BAND:
                return Side(label, self._priority(live), self._priority(draft))
            case DivergenceKind.REQUIREMENT:
                return Side(label, self._requirement(live), self._requirement(draft))

    def _outcome(self, told: Told) -> str:
        name = self.t.named("trial_outcome", "held" if told.hold else told.outcome)
        return f"{name}: {told.reason}" if told.reason else name

    def _due(self, due: datetime | None) -> str:
        return "–" if due is None else self.times.clock(due)

    def _priority(self, told: Told) -> str:
        if told.priority is None:
            return "–"
        if told.priority_when_due is None:
            return f"{told.priority:g}"
        return self.t("shadow.priority", now=f"{told.priority:g}", due=f"{told.priority_when_due:g}")

    def _requirement(self, told: Told) -> str:
        asked = told.requirement
        parts = [f"{skill} {level}" for skill, level in asked.get("skills", ())]
        parts += [*asked.get("agents", ()), *asked.get("groups", ())]
        return ", ".join(parts) or self.t("shadow.no_requirement")

    # Canary

    def guards(self, canary: CanaryView) -> list[GuardLine]:
        """Each guard with what both sides have come to."""
        passed = {t.guard: t for t in canary.tripped}
        return [self._guard(kind, canary.guards, canary.sides, passed.get(kind)) for kind in GuardKind]

    def _guard(self, kind: GuardKind, guards: Guards, sides: Sides, passed: Tripped | None) -> GuardLine:
        bound = {
            GuardKind.ERROR_RATE: guards.error_rate,
            GuardKind.ERRORHELD_SHARE: guards.errorheld_share,
            GuardKind.NO_AGENT_SHARE: guards.no_agent_share,
        }[kind]
        share = sides.canary.share(kind)
        return GuardLine(
            label=self.t.named("canary_guard", kind.value),
            canary=percent_text(share) if sides.canary.items else "–",
            live=percent_text(sides.live.share(kind)) if sides.live.items else "–",
            bound=self.t("canary.bound", most=percent_text(bound.most), above=percent_text(bound.above_live)),
            percent=min(100, round(100 * share / bound.most)) if bound.most else (100 if share else 0),
            passed=passed is not None,
            key=kind.value,
        )

    def sums(self, sides: Sides) -> list[SideLine]:
        """What became of the items of both sides."""
        one, other = sides.canary, sides.live
        lines = [self._line("items", one.items, other.items, one, other)._replace(strong=True)]
        lines += [
            self._line(name, getattr(one, name), getattr(other, name), one, other)
            for name in ("rejected", "errorheld", "errors", "no_agent")
        ]
        return lines

    def _line(self, name: str, left: int, right: int, one: Tally, other: Tally) -> SideLine:
        return self._counted(self.t(f"canary.{name}"), left, right, one.items, other.items)

    def _counted(self, label: str, left: int, right: int, of_left: int, of_right: int) -> SideLine:
        return SideLine(
            label,
            number(left),
            number(right),
            share_text(left, of_left),
            share_text(right, of_right),
            _percent(left, of_left),
            _percent(right, of_right),
        )

    def queues(self, sides: Sides) -> list[SideLine]:
        return self._spread(sides.canary.queues, sides.live.queues, sides, self.queue)

    def categories_of(self, sides: Sides) -> list[SideLine]:
        return self._spread(sides.canary.categories, sides.live.categories, sides, self.path)

    def _spread(
        self, one: Mapping[str, int], other: Mapping[str, int], sides: Sides, name: Any
    ) -> list[SideLine]:
        """Those that differ the most first."""
        of_one, of_other = sides.canary.items or 1, sides.live.items or 1

        def distance(key: str) -> tuple[float, str]:
            return -abs(one.get(key, 0) / of_one - other.get(key, 0) / of_other), key

        keys = sorted({*one, *other}, key=distance)[:MOST_LINES]
        return [
            self._counted(name(k), one.get(k, 0), other.get(k, 0), sides.canary.items, sides.live.items)
            for k in keys
        ]
