"""Two invented weeks of work, planned in memory: who does what with which item when. Writes nothing.

The plan is a list of commands in order of time; the use cases make of them what they make of any command.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple

from openiwd.domain.agent import AgentProfile
from openiwd.domain.lifecycle import Action
from openiwd.domain.offer import GrantKind
from openiwd.domain.privilege import Caller, system
from openiwd.domain.work_item import ItemSubmission, ItemUpdate
from openiwd.processes.demo import people, stories
from openiwd.processes.demo.people import Customer
from openiwd.processes.demo.screens import accepted, declined, granted, timed_out
from openiwd.processes.demo.stories import HOME, Kind, Trait
from openiwd.usecases.command import Command

DAYS: Final = 14
FLOOR: Final = {"motor": 30, "property": 52, "lending": 66, "complaints": 18, "service": 84}
"""Waiting items per team that nobody hurries to take: what the visitor finds in the queue."""
WEEKDAYS: Final = (1.25, 1.1, 1.0, 1.0, 0.95, 0.35, 0.22)
HOURS: Final = (
    0.1, 0.06, 0.05, 0.05, 0.06, 0.12, 0.3, 0.7, 1.1, 1.4, 1.5, 1.4, 1.1,
    1.2, 1.3, 1.25, 1.1, 0.9, 0.7, 0.6, 0.5, 0.35, 0.25, 0.15,
)  # fmt: skip
LOOK_AGAIN: Final = timedelta(minutes=12)
DISTRIBUTION: Final = system("distribution")
TIMER: Final = system("timer")
PULLED: Final = frozenset({"business_loan"})
DOCUMENTS_HELD: Final = timedelta(days=2)
_FINISHED_OR_HELD: Final = (
    ("complete", 84), ("hold", 7), ("transfer", 3), ("return", 4), ("otherQueue", 1), ("assign", 1),
)  # fmt: skip


class Life:
    """One item in the plan."""

    __slots__ = ("arrived", "dispositions", "ends_at", "hurry", "kind", "number", "source", "submission")

    def __init__(
        self, kind: Kind, submission: ItemSubmission, number: int, arrived: datetime, source: Caller
    ) -> None:
        self.kind = kind
        self.submission = submission
        self.number = number
        self.arrived = arrived
        self.source = source
        self.hurry = 1.0
        self.dispositions = kind.dispositions
        self.ends_at: datetime | None = None
        """When its source cancels it, unless it is in work by then."""

    @property
    def key(self) -> tuple[str, str]:
        return (self.submission.capture_point, self.submission.capture_id)


class Shift(NamedTuple):
    """An agent at work: the local hours, the weekdays."""

    profile: AgentProfile
    caller: Caller
    start: float
    end: float
    days: frozenset[int]

    def next_at_work(self, at: datetime) -> datetime:
        """The first instant from `at` on at which the agent works."""
        local = at.astimezone(HOME)
        for _ in range(8):
            hour = local.hour + local.minute / 60
            if local.weekday() in self.days and hour < self.end:
                if hour >= self.start:
                    return local.astimezone(at.tzinfo)
                begin = timedelta(hours=self.start)
                return (local.replace(hour=0, minute=0, second=0) + begin).astimezone(at.tzinfo)
            local = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0)
        return at + timedelta(days=8)

    def can(self, kind: Kind) -> bool:
        skill = kind.skill
        return skill is None or any(s.skill == skill[0] and s.level >= skill[1] for s in self.profile.skills)


class History:
    """Plans the two weeks before `now`; `commands` is the result, in order of time."""

    def __init__(self, tenant_id: str, now: datetime, items: int, seed: int = 4024) -> None:
        self._tenant_id = tenant_id
        self._now = now
        self._start = now - timedelta(days=DAYS)
        self._rng = random.Random(seed)  # noqa: S311 - invented data
        self._steps: list[tuple[datetime, int, Command]] = []
        self._events: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._count = 0
        self._waiting: dict[str, dict[int, Life]] = {group: {} for group in people.GROUPS}
        self._supervisor = people.supervisor_caller(tenant_id)
        self._customers = people.customers(self._rng)
        self._kinds = stories.kinds()
        self._shares = [kind.share for kind in self._kinds]
        self._shifts = [self._shift(profile) for profile in people.agent_profiles()]
        self._keepers = {shift.profile.id: self._rng.choice((1, 1, 2, 2, 3)) for shift in self._shifts}
        self._sources = {point: people.source_caller(tenant_id, point) for point in people.CAPTURE_POINTS}
        for number, at in enumerate(self._arrivals(items)):
            self._at(at, self._arrival(number))
        for shift in self._shifts:
            for _ in range(2):
                self._at(self._start + timedelta(minutes=self._rng.uniform(0, 30)), self._look(shift))
        while self._events:
            at, _, act = heappop(self._events)
            act(at)
        self._steps.sort(key=lambda step: step[:2])

    @property
    def start(self) -> datetime:
        return self._start

    @property
    def commands(self) -> list[Command]:
        return [command for _, _, command in self._steps]

    # Time -------------------------------------------------------------------------------------------------------------

    def _at(self, at: datetime, act: Callable[[datetime], None]) -> None:
        """To be thought of at an instant of the past; what lies ahead is left to itself."""
        if at < self._now:
            self._count += 1
            heappush(self._events, (at, self._count, act))

    def _do(self, at: datetime, life: Life, action: Action, caller: Caller, **arguments: Any) -> None:
        """A command of the plan, if its time has come by now."""
        if at < self._now:
            self._count += 1
            command = Command(action=action, caller=caller, capture=life.key, at=at, **arguments)
            self._steps.append((at, self._count, command))

    def _arrivals(self, count: int) -> list[datetime]:
        """Instants that follow weekday, hour, and a business that grows a little."""
        rng, found = self._rng, list[datetime]()
        seconds = DAYS * 86_400.0
        while len(found) < count:
            share = rng.random()
            at = self._start + timedelta(seconds=share * seconds)
            local = at.astimezone(HOME)
            weight = WEEKDAYS[local.weekday()] * HOURS[local.hour] * (0.8 + 0.4 * share)
            if rng.random() * 2.3 < weight:
                found.append(at)
        return sorted(found)

    def _shift(self, profile: AgentProfile) -> Shift:
        start = self._rng.choice((7.0, 7.5, 8.0, 8.0, 8.5, 9.0, 10.0, 11.5))
        days = frozenset(range(5)) if self._rng.random() < 0.7 else frozenset({1, 2, 3, 4, 5, 6})
        caller = people.agent_caller(self._tenant_id, profile.id, profile.name)
        return Shift(profile, caller, start, start + 8.5, days)

    # Arriving ---------------------------------------------------------------------------------------------------------

    def _arrival(self, number: int) -> Callable[[datetime], None]:
        def arrive(at: datetime) -> None:
            life, trait = self._new(number, at)
            self._count += 1
            create = Command(action=Action.CREATE, caller=life.source, submission=life.submission, at=at)
            self._steps.append((at, self._count, create))
            self._enter(life, trait, at)

        return arrive

    def _new(self, number: int, at: datetime) -> tuple[Life, Trait]:
        rng = self._rng
        kind = rng.choices(self._kinds, self._shares)[0]
        trait = special(rng, kind)
        who: Customer = rng.choice(self._customers)
        submission = stories.submission(rng, kind, who, number + 4_000, at, trait)
        life = Life(kind, submission, number, at, self._sources[submission.capture_point])
        life.hurry = 0.25 if rng.random() < 0.07 else rng.uniform(0.8, 1.3)
        if rng.random() < 0.03:
            life.ends_at = at + timedelta(hours=rng.uniform(0.5, 30))
        return life, trait

    def _enter(self, life: Life, trait: Trait, at: datetime) -> None:
        rng = self._rng
        if trait.spam:
            return
        if trait.later is not None:
            self._at(at + trait.later, self._activated(life))
        elif trait.documents_missing:
            arrive = at + timedelta(hours=rng.uniform(3, 70))
            if arrive < at + DOCUMENTS_HELD:
                self._at(arrive, self._documents_arrived(life))
            else:
                self._at(at + DOCUMENTS_HELD, self._waited_long_enough(life))
        elif trait.broken_amount or trait.unclassified:
            self._at(at + timedelta(hours=rng.uniform(20, 300)), self._corrected(life, trait))
        else:
            self._wait(life)
            if life.ends_at is not None:
                self._at(life.ends_at, self._withdrawn(life))

    def _wait(self, life: Life) -> None:
        self._waiting[life.kind.group][life.number] = life

    def _activated(self, life: Life) -> Callable[[datetime], None]:
        def act(at: datetime) -> None:
            self._do(at, life, Action.ACTIVATE, TIMER, internal=True)
            self._wait(life)

        return act

    def _documents_arrived(self, life: Life) -> Callable[[datetime], None]:
        def act(at: datetime) -> None:
            update = ItemUpdate(data={"documents": "complete"})
            self._do(at, life, Action.UPDATE, life.source, update=update)
            self._do(at + timedelta(seconds=1), life, Action.RESUME, life.source, because="documents")
            self._at(at + timedelta(seconds=2), lambda _: self._wait(life))

        return act

    def _waited_long_enough(self, life: Life) -> Callable[[datetime], None]:
        def act(at: datetime) -> None:
            self._do(at, life, Action.RESUME, TIMER, because="holdUntil", internal=True)
            self._wait(life)

        return act

    def _corrected(self, life: Life, trait: Trait) -> Callable[[datetime], None]:
        def act(at: datetime) -> None:
            if self._rng.random() < 0.3:
                self._do(at, life, Action.CANCEL, self._supervisor, reason="cannot be read")
                return
            patch = ItemUpdate(data={"amount": 1_250} if trait.broken_amount else life.kind.data)
            self._do(at, life, Action.UPDATE, self._supervisor, update=patch, comment="corrected by hand")
            self._wait(life)

        return act

    def _withdrawn(self, life: Life) -> Callable[[datetime], None]:
        def act(at: datetime) -> None:
            if self._waiting[life.kind.group].pop(life.number, None) is not None:
                self._do(at, life, Action.CANCEL, life.source, reason="withdrawn by the customer")

        return act

    # Working ----------------------------------------------------------------------------------------------------------

    def _look(self, shift: Shift) -> Callable[[datetime], None]:
        def look(at: datetime) -> None:
            begin = shift.next_at_work(at)
            if begin > at:
                self._at(begin + timedelta(minutes=self._rng.uniform(0, 20)), look)
                return
            life = self._best(shift, at)
            free = at + LOOK_AGAIN if life is None else self._take(shift, life, at)
            self._at(free, look)

        return look

    def _best(self, shift: Shift, at: datetime) -> Life | None:
        """What an agent would take next, unless the team's pile is small."""
        best, most = None, 0.0
        for group in shift.profile.groups:
            pile = self._waiting[group]
            if len(pile) <= FLOOR[group]:
                continue
            for life in pile.values():
                urgency = (at - life.arrived).total_seconds() / life.kind.due_hours * life.hurry + 1.0
                if urgency > most and shift.can(life.kind):
                    best, most = life, urgency
        return best

    def _take(self, shift: Shift, life: Life, at: datetime) -> datetime:
        """Offered or pulled; the instant at which the agent is free again."""
        rng, agent = self._rng, shift.profile.id
        del self._waiting[life.kind.group][life.number]
        if life.kind.queue in PULLED:
            self._do(
                at, life, Action.PULL, shift.caller, custom=granted(GrantKind.PULL, agent), internal=True
            )
        else:
            self._do(
                at, life, Action.OFFER, DISTRIBUTION, custom=granted(GrantKind.PUSH, agent), internal=True
            )
            answer = at + timedelta(seconds=rng.uniform(2, 16))
            chance = rng.random()
            if chance < 0.03:
                reason = rng.choice(("notMyArea", "knowTheCustomer", "technicalProblem"))
                self._do(
                    answer, life, Action.DECLINE, shift.caller, custom=declined(agent, reason), internal=True
                )
                self._at(answer, lambda _: self._wait(life))
                return answer + LOOK_AGAIN
            if chance < 0.04:
                late = at + timedelta(seconds=70)
                self._do(late, life, Action.TIME_OUT, TIMER, custom=timed_out, internal=True)
                self._at(late, lambda _: self._wait(life))
                return late + LOOK_AGAIN
            self._do(answer, life, Action.ACCEPT, shift.caller, custom=accepted(agent), internal=True)
            at = answer
        done = at + timedelta(minutes=life.kind.minutes * rng.lognormvariate(0.0, 0.5))
        if not self._keeps(agent, done):
            self._at(done, self._finish(shift, life))
        return done + timedelta(minutes=rng.uniform(0.2, 3))

    def _keeps(self, agent: str, done: datetime) -> bool:
        """In the last day some items stay on the desk, so that it is not empty when the visitor comes."""
        if self._keepers[agent] == 0 or done < self._now - timedelta(hours=30) or self._rng.random() > 0.2:
            return False
        self._keepers[agent] -= 1
        return True

    def _finish(self, shift: Shift, life: Life) -> Callable[[datetime], None]:
        def finish(at: datetime) -> None:
            ways, weights = zip(*_FINISHED_OR_HELD, strict=True)
            match self._rng.choices(ways, weights)[0]:
                case "hold":
                    self._hold(shift, life, at)
                case "transfer":
                    self._transfer(shift, life, at)
                case "return":
                    reason = self._rng.choice(("needs another skill", "end of shift", "system down"))
                    self._do(at, life, Action.RETURN, shift.caller, reason=reason)
                    self._wait(life)
                case "otherQueue":
                    self._do(at, life, Action.TRANSFER, shift.caller, queue_id=life.kind.queue)
                    self._wait(life)
                case "assign":
                    other = self._colleague(shift, life)
                    self._do(at, life, Action.ASSIGN, self._supervisor, agent_id=other.profile.id)
                    self._at(at + timedelta(minutes=life.kind.minutes), self._completed(other, life))
                case _:
                    self._completed(shift, life)(at)

        return finish

    def _completed(self, shift: Shift, life: Life) -> Callable[[datetime], None]:
        def complete(at: datetime) -> None:
            rng = self._rng
            self._do(
                at, life, Action.COMPLETE, shift.caller, agent_id=shift.profile.id,
                result_code=rng.choice(life.dispositions),
                focus_seconds=int(life.kind.minutes * (30 + life.number % 25)),
            )  # fmt: skip
            if rng.random() < 0.025:
                self._at(at + timedelta(hours=rng.uniform(3, 70)), self._reopened(life))

        return complete

    def _reopened(self, life: Life) -> Callable[[datetime], None]:
        def act(at: datetime) -> None:
            self._do(at, life, Action.REOPEN, life.source, reason="the customer wrote again")
            life.arrived = at
            self._wait(life)

        return act

    def _hold(self, shift: Shift, life: Life, at: datetime) -> None:
        """Held by its agent; later, back on the same desk."""
        rng = self._rng
        reason = rng.choice(("waitingForCustomer", "waitingForCustomer", "waitingForThirdParty", "review"))
        until = at + timedelta(hours=rng.uniform(6, 160))
        self._do(at, life, Action.HOLD, shift.caller, reason=reason, hold_until=until)

        def back(at: datetime) -> None:
            self._do(at, life, Action.RESUME, TIMER, because="holdUntil", internal=True)
            self._at(shift.next_at_work(at + timedelta(minutes=1)), self._again(shift, life))

        self._at(until, back)

    def _transfer(self, shift: Shift, life: Life, at: datetime) -> None:
        other = self._colleague(shift, life)
        comment = self._rng.choice(
            ("You know this customer", "Second opinion, please", "German letter needed")
        )
        self._do(at, life, Action.TRANSFER, shift.caller, agent_id=other.profile.id, comment=comment)
        self._at(other.next_at_work(at + timedelta(minutes=4)), self._again(other, life))

    def _again(self, shift: Shift, life: Life) -> Callable[[datetime], None]:
        """An item reserved for an agent reaches the desk and is completed."""

        def act(at: datetime) -> None:
            agent = shift.profile.id
            self._do(
                at, life, Action.OFFER, DISTRIBUTION, custom=granted(GrantKind.PUSH, agent), internal=True
            )
            at += timedelta(seconds=self._rng.uniform(2, 16))
            self._do(at, life, Action.ACCEPT, shift.caller, custom=accepted(agent), internal=True)
            self._at(at + timedelta(minutes=life.kind.minutes), self._completed(shift, life))

        return act

    def _colleague(self, shift: Shift, life: Life) -> Shift:
        fitting = [
            s
            for s in self._shifts
            if s is not shift and life.kind.group in s.profile.groups and s.can(life.kind)
        ]
        return self._rng.choice(fitting) if fitting else shift


def special(rng: random.Random, kind: Kind) -> Trait:
    """Something special about one item in ten."""
    chance = rng.random()
    if chance < 0.02:
        return Trait(spam=True)
    if chance < 0.028 and kind.amount[1]:
        return Trait(broken_amount=True)
    if chance < 0.033:
        return Trait(unclassified=True)
    if chance < 0.07 and kind.id != "callback":
        return Trait(later=timedelta(hours=rng.uniform(8, 110)))
    if chance < 0.27 and (kind.group == "lending" or kind.id in ("theft", "fire")):
        return Trait(documents_missing=True)
    return stories.NOTHING_SPECIAL
