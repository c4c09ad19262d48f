"""A load generator that does not wait for answers: requests are due at a steady rate, whatever the server does.

Run as a process of its own (`python -m benchmarks.paced`); a `Pace` on standard input, a `Paced` on standard output.
A request that finds all connections busy goes out as soon as one is free; its time counts from when it was due.
"""

from __future__ import annotations

import select
import sys
import time
from collections import Counter, deque

import msgspec

from benchmarks.load import Connection, Plan, requests_of

MOST_WAITING = 20_000
"""More that are due are not asked for at all: callers outside give up as well."""
CREATED = "201"


class Pace(msgspec.Struct, frozen=True):
    plan: Plan
    rate: float


class Paced(msgspec.Struct, frozen=True):
    """What came of it, from the first request to the last answer."""

    due: int
    sent: int
    given_up: int
    statuses: dict[str, int]
    seconds: float
    p50_ms: float
    p99_ms: float
    """Of what was acknowledged."""


class Pacer:
    """Connections that are free, requests that are due, and those that are on their way."""

    def __init__(self, pace: Pace) -> None:
        self._requests = requests_of(pace.plan)
        made = [Connection(pace.plan.port) for _ in range(pace.plan.connections)]
        self._busy: dict[int, Connection] = {}
        self._free = deque(made)
        self._poll = select.epoll()
        for each in made:
            self._poll.register(each.socket.fileno(), select.EPOLLIN)
        self._waiting: deque[float] = deque()
        self._rate = pace.rate
        self.due = self.sent = self.given_up = 0
        self.statuses: Counter[str] = Counter()
        self.times: list[float] = []

    def run(self, seconds: float) -> float:
        began = time.perf_counter()
        end = began + seconds
        while (now := time.perf_counter()) < end or self._busy:
            if now < end:
                self._fall_due(began, now)
                self._send()
            # While all connections are busy only an answer can change something: looking more often would take the
            # processor from the server.
            self._take(0.001 if self._free else 0.05)
        self.given_up += len(self._waiting)
        return time.perf_counter() - began

    def _fall_due(self, began: float, now: float) -> None:
        while self.due < (now - began) * self._rate:
            at = began + self.due / self._rate
            self.due += 1
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(at)
            else:
                self.given_up += 1

    def _send(self) -> None:
        while self._waiting and self._free:
            connection = self._free.popleft()
            connection.sent_at = self._waiting.popleft()
            self._busy[connection.socket.fileno()] = connection
            connection.socket.sendall(next(self._requests))
            self.sent += 1

    def _take(self, wait: float) -> None:
        for number, _ in self._poll.poll(wait):
            connection = self._busy[number]
            answer = connection.take()
            if answer is None:
                continue
            status = answer[9:12].decode()
            self.statuses[status] += 1
            if status == CREATED:
                self.times.append(time.perf_counter() - connection.sent_at)
            del self._busy[number]
            self._free.append(connection)


def drive(pace: Pace) -> Paced:
    pacer = Pacer(pace)
    seconds = pacer.run(pace.plan.seconds)
    ordered = sorted(pacer.times) or [0.0]
    return Paced(
        due=pacer.due, sent=pacer.sent, given_up=pacer.given_up, statuses=dict(pacer.statuses), seconds=seconds,
        p50_ms=1_000 * ordered[len(ordered) // 2], p99_ms=1_000 * ordered[len(ordered) * 99 // 100],
    )  # fmt: skip


if __name__ == "__main__":
    found = drive(msgspec.json.decode(sys.stdin.buffer.read(), type=Pace))
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
