"""What waits in a queue although nobody who is logged in may take it: by lasting traits, not states or loads. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from openiwd.domain.agent import Agent
from openiwd.domain.alarm import AlarmKind, AlarmObject, Cause
from openiwd.domain.backlog_item import Demand, plain_demand, with_persons
from openiwd.domain.eligibility import Profile, Reason, misfit, profile_of
from openiwd.domain.instant import DAY, to_micros
from openiwd.domain.offer import GrantKind
from openiwd.domain.queue import Queue
from openiwd.domain.requirement import Requirement

_RELAXED: Final = 10 * 365 * DAY
"""Waited so long that every step of relaxation has been taken."""


class Waiting(NamedTuple):
    """What of a waiting item decides who may take it."""

    id: UUID
    queue_id: str
    queued_at: datetime
    media_type: str
    requirement: Requirement
    reserved_for: str | None
    reserved_until: datetime | None


def profiles_at_work(agents: Iterable[Agent], now: datetime) -> list[Profile]:
    """The traits of the agents who are logged in and not absent."""
    at = to_micros(now)
    return [profile_of(a, at) for a in agents if a.active and a.logged_in and not a.absent(now)]


class Crowd:
    """Profiles by what they can: who has no skill that is asked for need not be asked about the rest."""

    def __init__(self, profiles: Iterable[Profile] = ()) -> None:
        self._all: list[Profile] = []
        self._skilled: dict[str, list[Profile]] = {}
        self.add(profiles)

    def add(self, profiles: Iterable[Profile]) -> None:
        for profile in profiles:
            self._all.append(profile)
            for skill in profile.skills:
                self._skilled.setdefault(skill, []).append(profile)

    def candidates(self, demand: Demand) -> Sequence[Profile]:
        """All whom the demand may fit, and others."""
        if demand.reserved_for is not None:
            return self._all
        skilled = [self._skilled.get(skill, []) for skill, level in demand.signature.skills if level > 0]
        return min(skilled, key=len, default=self._all)


def unserved(queue: Queue, waiting: Sequence[Waiting], crowd: Crowd, now: datetime) -> Cause | None:
    """The cause of an alarm of the queue: items that nobody of a crowd fits, the one that has waited longest first.

    A group that the queue reaches after a delay only, and preferences, exclude nobody for long: they do not count.
    """
    at = to_micros(now)
    answers: dict[Demand, bool] = {}
    left = []
    for item in waiting:
        demand = _demand(item, queue, at)
        if demand not in answers:
            answers[demand] = any(
                misfit(p, demand, queue, GrantKind.PICK) in (None, Reason.GROUP_DELAY)
                for p in crowd.candidates(demand)
            )
        if not answers[demand]:
            left.append(item)
    if not left:
        return None
    first = min(left, key=lambda item: item.queued_at)
    skills = sorted({f"{skill} {level}" for item in left for skill, level in item.requirement.skills})
    return Cause(
        kind=AlarmKind.NO_ELIGIBLE_AGENT,
        object=AlarmObject.QUEUE,
        object_id=queue.id,
        since=first.queued_at,
        detail={"name": queue.name, "items": len(left), "first": str(first.id), "skills": skills},
    )


def somebody_may(
    requirement: Requirement, media_type: str, queue: Queue, profiles: Sequence[Profile]
) -> bool:
    """Whether any of these agents may take such an item at last: after every relaxation, and whatever they do now."""
    demand = plain_demand(requirement, queue.id, media_type, 0, None, queue, _RELAXED)
    return any(misfit(p, demand, queue, GrantKind.PICK) in (None, Reason.GROUP_DELAY) for p in profiles)


def _demand(item: Waiting, queue: Queue, now: int) -> Demand:
    waited = now - to_micros(item.queued_at)
    plain = plain_demand(item.requirement, queue.id, item.media_type, 0, None, queue, waited)
    until = None if item.reserved_until is None else to_micros(item.reserved_until)
    return with_persons(plain, item.reserved_for, until, None, None, now)
