"""Causes of alarms among agents and queues, and who wants to be told of which."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from openiwd.domain.agent import Absence, Agent, AgentSkill, AgentState, MediaState
from openiwd.domain.alarm import AlarmKind, Cause, Subscription, differences, idle_causes
from openiwd.domain.queue import Queue, QueueGroup
from openiwd.domain.requirement import Requirement
from openiwd.domain.unserved import Crowd, Waiting, profiles_at_work, unserved

NOW = datetime(2026, 11, 25, 14, 0, tzinfo=UTC)
MINUTE = 60_000_000


def agent(agent_id: str, state: AgentState = AgentState.READY, minutes: float = 5, **fields: object) -> Agent:
    states = {"*": MediaState(state=state, since=NOW - timedelta(minutes=minutes))}
    return Agent(id=agent_id, name=agent_id, states=states, **fields)  # type: ignore[arg-type]


def queue(*groups: QueueGroup) -> Queue:
    return Queue(
        id="q",
        name="Queue",
        groups=groups,
        offer_timeout=0,
        reserve_for=0,
        return_after=0,
        decline_exclusion=0,
    )


def waiting(skill: str | None = None, minutes: float = 30) -> Waiting:
    requirement = Requirement(skills=((skill, 5),)) if skill else Requirement()
    at = NOW - timedelta(minutes=minutes)
    return Waiting(uuid4(), "q", at, "workitem", requirement, None, None)


def test_only_who_is_not_ready_for_long_is_told() -> None:
    agents = [
        agent("long", AgentState.NOT_READY, 61),
        agent("short", AgentState.NOT_READY, 59),
        agent("ready", AgentState.READY, 90),
        agent("gone", AgentState.LOGGED_OUT, 90),
        agent("old", AgentState.NOT_READY, 90, active=False),
    ]
    assert [c.object_id for c in idle_causes(agents, NOW - timedelta(minutes=60))] == ["long"]


def test_a_queue_is_unserved_by_whom_nobody_logged_in_fits() -> None:
    agents = [
        agent("a", skills=(AgentSkill("motor", 7),)),
        agent("b", AgentState.LOGGED_OUT, skills=(AgentSkill("loans", 9),)),
        agent("c", skills=(AgentSkill("fire", 9),), absences=(Absence(NOW, NOW + timedelta(hours=1)),)),
    ]
    crowd = Crowd(profiles_at_work(agents, NOW))
    assert unserved(queue(), [waiting("motor"), waiting()], crowd, NOW) is None
    found = unserved(queue(), [waiting("motor"), waiting("loans", 20), waiting("fire", 50)], crowd, NOW)
    assert found is not None
    assert found.detail["items"] == 2
    assert found.detail["skills"] == ["fire 5", "loans 5"]
    assert found.since == NOW - timedelta(minutes=50)


def test_who_is_not_ready_fits_all_the_same_and_an_overflow_group_does_in_time() -> None:
    busy = Crowd(profiles_at_work([agent("a", AgentState.NOT_READY, groups=("g",))], NOW))
    assert unserved(queue(QueueGroup("g")), [waiting()], busy, NOW) is None
    assert unserved(queue(QueueGroup("x"), QueueGroup("g", 60 * MINUTE)), [waiting()], busy, NOW) is None
    assert unserved(queue(QueueGroup("x")), [waiting()], busy, NOW) is not None


def test_whom_an_item_is_reserved_for_needs_no_skill() -> None:
    crowd = Crowd(profiles_at_work([agent("a"), agent("b", skills=(AgentSkill("motor", 7),))], NOW))
    item = waiting("loans")._replace(reserved_for="a")
    assert unserved(queue(), [item], crowd, NOW) is None
    assert unserved(queue(), [item._replace(reserved_for="gone")], crowd, NOW) is not None


def test_once_per_cause() -> None:
    def cause(object_id: str) -> Cause:
        return idle_causes([agent(object_id, AgentState.NOT_READY, 90)], NOW)[0]

    wanted = {("notReady", name): cause(name) for name in ("new", "known")}
    known, over = uuid4(), uuid4()
    raised, cleared = differences(wanted, {("notReady", "known"): known, ("notReady", "over"): over})
    assert [c.object_id for c in raised] == ["new"]
    assert cleared == [over]


@pytest.mark.parametrize(
    ("subscription", "wants"),
    [
        (Subscription(), True),
        (Subscription(kinds=[AlarmKind.ERRORHELD]), False),
        (Subscription(categories=["Motor"]), True),
        (Subscription(categories=["Motor/Glass/Van"]), False),
        (Subscription(queues=["q"]), True),
        (Subscription(queues=["other"]), False),
        (Subscription(queues=["other"], categories=["Motor"]), True),
    ],
)
def test_a_subscription_names_kinds_and_places(subscription: Subscription, *, wants: bool) -> None:
    assert subscription.wants(AlarmKind.OVERDUE, "Motor/Glass", "q") is wants
