"""Watches a simulation: keeps its own count of who has what, and finds fault with what the decision code does.

Knows the rules from the rulebook alone; asks the decision code nothing and corrects nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from msgspec import Struct

from openiwd.domain.distribution import Choice
from openiwd.domain.offer import GrantKind
from openiwd.domain.simulation.dice import Dice
from openiwd.domain.simulation.rulebook import Hands, Rulebook
from openiwd.domain.simulation.stored import Store, StoredItem
from openiwd.domain.simulation.tenant import Tenant
from openiwd.domain.world import World

SHOWN: Final = 20
WORLD_OF_FEW: Final = 3_000
"""Up to so many items every decision is compared with the whole backlog; beyond it a sample."""
LOOKS_PER_DECISION: Final = 25
"""How many waiting items are looked at for each decision, on average, in a large world."""


class Violation(Struct, rename="camel", omit_defaults=True):
    """What was wrong, with the instant in microseconds."""

    rule: str
    at: int
    detail: str
    item: int | None = None
    agent: str | None = None


class Watch:
    """The observer. It is told every change, and asked before and after each pass."""

    def __init__(self, tenant: Tenant, store: Store, dice: Dice) -> None:
        self._store = store
        self._dice = dice
        self._ids = tuple(store.agents)
        self._few = tenant.size.items <= WORLD_OF_FEW
        self.rules = Rulebook(tenant)
        self.hands = {agent_id: Hands() for agent_id in store.agents}
        self.holders: dict[int, str] = {}
        self.outstanding: dict[tuple[str, str | None], int] = {}
        self.created = self.finished = self.aside = 0
        self.counts: Counter[str] = Counter()
        self.checks: Counter[str] = Counter()
        self.violations: list[Violation] = []

    def complain(
        self, rule: str, now: int, detail: str, item: int | None = None, agent: str | None = None
    ) -> None:
        self.counts[rule] += 1
        if len(self.violations) < SHOWN:
            self.violations.append(Violation(rule, now, detail, item, agent))

    # What it is told

    def granted(self, item: StoredItem, agent_id: str, now: int, *, offered: bool) -> None:
        """An item came into an agent's hands; what must hold for every grant is checked at once."""
        own, hands = item.waiting, self.hands[agent_id]
        holder = self.holders.get(own.number)
        if holder is not None:
            self.complain("one agent", now, f"also in the hands of {holder}", own.number, agent_id)
        self.holders[own.number] = agent_id
        hands.weight += own.weight
        hands.media[own.media_type] = hands.media.get(own.media_type, 0) + 1
        hands.offers += offered
        key = (own.queue_id, own.segment)
        self.outstanding[key] = self.outstanding.get(key, 0) + 1
        capacity = self._store.agents[agent_id].agent.capacity
        most = capacity.media.get(own.media_type)
        if hands.weight > capacity.total or (most is not None and hands.media[own.media_type] > most):
            self.complain("capacity", now, f"holds {hands.weight} of {capacity.total}", own.number, agent_id)

    def accepted(self, agent_id: str) -> None:
        self.hands[agent_id].offers -= 1

    def released(self, item: StoredItem, agent_id: str, now: int, *, offered: bool, keeps: bool) -> None:
        """An item left an agent's hands; with `keeps`, its capacity stays taken for the wrap-up."""
        own = item.waiting
        if self.holders.pop(own.number, None) != agent_id:
            self.complain("one agent", now, "left hands that did not hold it", own.number, agent_id)
        self.hands[agent_id].offers -= offered
        if not keeps:
            self.wrapped(agent_id, own.weight, own.media_type)
        key = (own.queue_id, own.segment)
        self.outstanding[key] -= 1

    def wrapped(self, agent_id: str, weight: int, media: str) -> None:
        hands = self.hands[agent_id]
        hands.weight -= weight
        hands.media[media] -= 1

    # What it checks

    def judge(self, choice: Choice, now: int) -> None:
        """A choice, before it becomes a grant: lawful, and sometimes whether it was the best to be had."""
        number, agent_id = choice.item.number, choice.agent_id
        self.checks["grants"] += 1
        item = self._store.waiting.get(number)
        if item is None or item.waiting.revision != choice.item.revision:
            self.complain("waiting", now, "the item does not wait as chosen", number, agent_id)
            return
        refusal = self._refusal(agent_id, item, now, choice.kind)
        if refusal is not None:
            self.complain("eligible", now, refusal, number, agent_id)
        if self._sampled():
            self._judge_order(choice, item, now)

    def _judge_order(self, choice: Choice, item: StoredItem, now: int) -> None:
        self.checks["compared with the whole backlog"] += 1
        priority = self.rules.priority(item, now)
        if priority != choice.priority:
            self.complain(
                "priority", now, f"{choice.priority} instead of {priority}", item.number, choice.agent_id
            )
        best = self.best_for(choice.agent_id, now, choice.kind, before=item)
        if best is not None:
            self.complain(
                "best item", now, f"item {best.number} comes first", choice.item.number, choice.agent_id
            )

    def after_pass(self, world: World, now: int) -> None:
        """Nothing is lost, and nobody is idle beside an item that they may be given."""
        waiting, held = len(world.backlog), len(self.holders)
        if self.created != waiting + held + self.aside + self.finished:
            parts = f"{waiting} wait, {held} in hand, {self.aside} held, {self.finished} finished"
            self.complain("conservation", now, f"{self.created} created: {parts}")
        if self._sampled():
            self.checks["idle agents after a pass"] += 1
            self._look_for_idle("idle agent", now)
            if {key: n for key, n in self.outstanding.items() if n} != world.outstanding:
                self.complain("outstanding", now, "the world counts otherwise")

    def before_waking(self, until: int) -> None:
        """Just before the next event nothing may be possible: else the timer was set too late."""
        if self._sampled():
            self.checks["idle agents before waking"] += 1
            self._look_for_idle("timer", until - 1)

    def _look_for_idle(self, rule: str, now: int) -> None:
        whole = self._few and len(self._ids) * len(self._store.waiting) <= 2 * LOOKS_PER_DECISION
        for agent_id in self._ids if whole else (self._dice.choice(self._ids),):
            item = self.best_for(agent_id, now, GrantKind.PUSH)
            if item is not None:
                self.complain(rule, now, "could be given the waiting item", item.number, agent_id)

    def _sampled(self) -> bool:
        waiting = len(self._store.waiting)
        return (
            self._few or waiting <= LOOKS_PER_DECISION or self._dice.random() * waiting < LOOKS_PER_DECISION
        )

    def _refusal(self, agent_id: str, item: StoredItem, now: int, kind: GrantKind) -> str | None:
        agent = self._store.agents[agent_id].agent
        return self.rules.refusal(agent, self.hands[agent_id], item.waiting, now, kind, self.outstanding)

    def best_for(
        self, agent_id: str, now: int, kind: GrantKind, before: StoredItem | None = None
    ) -> StoredItem | None:
        """By looking at every waiting item; only those that come before another one, where one is given."""
        agent, hands, rules = self._store.agents[agent_id].agent, self.hands[agent_id], self.rules
        if rules.takes_nothing(agent, hands, now, kind):
            return None
        found: list[StoredItem] = []
        kinds = rules.kinds_of(agent)
        bound = None if before is None else rules.place(before, now)
        for item in self._store.waiting.values():
            own = item.waiting
            could = kinds.get(item.kind)
            if could is None:
                could = kinds[item.kind] = rules.could_ever(agent, own)
            if not could and own.reserved_for is None:
                continue
            if bound is not None and (
                rules.is_surely_behind(item, bound, now) or rules.place(item, now) >= bound
            ):
                continue
            if rules.refusal(agent, hands, own, now, kind, self.outstanding) is None:
                found.append(item)
        return min(found, key=lambda item: rules.place(item, now), default=None)
