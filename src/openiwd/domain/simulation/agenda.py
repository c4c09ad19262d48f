"""What is going to happen in virtual time, and when. Keeps the order of one instant as it was put in."""

from __future__ import annotations

from enum import IntEnum
from heapq import heappop, heappush
from typing import NamedTuple


class Act(IntEnum):
    """What happens. Comments name the subject: an item's number, or an agent."""

    ARRIVE = 0  # the next item
    ANSWER = 1  # item: its agent accepts or declines the offer
    TIME_OUT = 2  # item
    FINISH = 3  # item: its agent is done with it
    RESUME = 4  # item
    CANCEL = 5  # item
    UPDATE = 6  # item
    LOG_IN = 7  # agent
    LOG_OUT = 8  # agent
    PAUSE = 9  # agent
    READY = 10  # agent
    WRAP_UP_END = 11  # agent
    PULL = 12  # agent
    LEAVE = 13  # agent: an absence starts
    LOSE_AGENT = 14  # any agent's connection
    FIND_AGENT = 15  # agent: the connection is back
    ABANDON = 16  # agent: away for too long
    LOSE_DECIDER = 17
    REPEAT = 18  # what was told lately is told again


class Event(NamedTuple):
    """`serial` is the grant or shift that is meant."""

    at: int
    order: int
    act: Act
    number: int
    agent_id: str
    serial: int


class Agenda:
    """Events by instant."""

    def __init__(self) -> None:
        self._heap: list[Event] = []
        self._order = 0

    def add(self, at: int, act: Act, number: int = 0, agent_id: str = "", serial: int = 0) -> None:
        self._order += 1
        heappush(self._heap, Event(at, self._order, act, number, agent_id, serial))

    def next_at(self) -> int | None:
        return self._heap[0].at if self._heap else None

    def pop(self) -> Event:
        return heappop(self._heap)
