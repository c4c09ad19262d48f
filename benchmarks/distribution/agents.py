"""The load generator of row d3: agents with their streams open, who finish what they have at a given rate.

An agent is free from the instant at which it is to finish (what is late counts as waiting) until the next offer is on
its stream. A process of its own over one epoll loop: a `Plan` on standard input, a `Load` per step on standard output.
"""

from __future__ import annotations

import re
import select
import socket
import sys
import time
from collections import deque
from typing import Final

import msgspec

from benchmarks.distribution.server import raise_file_limit
from benchmarks.exponent import quantile

FINISHING: Final = 64
"""Connections over which items are finished."""
PER_AGENT: Final = 2.0
SETTLE_SECONDS: Final = 10.0
_MESSAGE: Final = re.compile(rb"data: (\{[^\n]*\})\n\n")


class Plan(msgspec.Struct, frozen=True):
    """`keys` and `items` by agent: the secret, and the item in hand. `steps` are numbers of connected agents.

    `rate` is how many become free per second, of few agents `PER_AGENT` each.
    """

    port: int
    keys: list[str]
    items: list[str]
    steps: list[int]
    rate: float
    seconds: float
    warm_up: float


class Load(msgspec.Struct, frozen=True):
    """One step, warm-up left out. `idle_slots`: nobody had anything to finish, so the server was behind.

    `refused` are answers 503, after which the agent tries again in turn.
    """

    connected: int
    rate: float
    offers: int
    p50_ms: float
    p99_ms: float
    slowest_ms: float
    idle_slots: int
    refused: int
    cpu_seconds: float
    connect_seconds: float


class _Offer(msgspec.Struct):
    """What is read of a message on topic offers."""

    item: str
    event: str
    outcome: str | None = None


class _Sockets:
    """All connections of this process under one epoll."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.poll = select.epoll()

    def open(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self._port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.poll.register(made.fileno(), select.EPOLLIN)
        return made

    def close(self, gone: socket.socket) -> None:
        self.poll.unregister(gone.fileno())
        gone.close()


class Agents:
    """Who is connected, has what in hand, and waits since when."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._sockets = _Sockets(plan.port)
        self._streams: dict[int, tuple[int, socket.socket]] = {}
        self._buffers: dict[int, bytes] = {}
        self._begun: set[int] = set()
        self._finishing: dict[int, socket.socket] = {}
        self._idle: list[socket.socket] = []
        self._due: deque[int] = deque()
        self._asking: dict[int, int] = {}
        self._in_hand = list(plan.items)
        self._busy: deque[int] = deque()
        self._free_since: dict[int, float] = {}
        self.waits: list[float] = []
        self.idle_slots = 0
        self.refused = 0
        for _ in range(FINISHING):
            self._open()

    def _open(self) -> None:
        """One more connection over which items are finished."""
        made = self._sockets.open()
        self._finishing[made.fileno()] = made
        self._idle.append(made)

    def _reopen(self, gone: socket.socket) -> None:
        """The server has closed a connection that was idle for long; what it was asked meanwhile it has not seen."""
        number = gone.fileno()
        del self._finishing[number]
        asked = self._asking.pop(number, None)
        if gone in self._idle:
            self._idle.remove(gone)
        elif asked is not None:
            self._due.appendleft(asked)
        self._sockets.close(gone)
        self._open()
        self._send()

    def connect(self, upto: int) -> None:
        """Opens the streams of further agents, and waits until all have begun: what was told before is on none."""
        for n in range(len(self._streams), upto):
            stream = self._sockets.open()
            self._streams[stream.fileno()] = n, stream
            self._buffers[stream.fileno()] = b""
            stream.sendall(
                b"GET /iwd/v3/stream?topics=offers HTTP/1.1\r\nHost: localhost\r\nX-API-Key: %s\r\n\r\n"
                % self.plan.keys[n].encode()
            )
            self._busy.append(n)
            if n % 50 == 49:
                self.read(0.05)
        while len(self._begun) < upto:
            self.read(0.1)

    def read(self, patience: float) -> None:
        for number, _ in self._sockets.poll.poll(patience):
            if number in self._finishing:
                self._finished(self._finishing[number])
            else:
                self._streamed(number)

    def _streamed(self, number: int) -> None:
        n, stream = self._streams[number]
        part = stream.recv(1 << 16)
        if not part:
            raise ConnectionError("the server has ended a stream")
        self._begun.add(number)
        text = self._buffers[number] + part
        end = 0
        for message in _MESSAGE.finditer(text):
            end = message.end()
            self._told(n, msgspec.json.decode(message[1], type=_Offer))
        self._buffers[number] = text[end:][-4_096:]

    def _told(self, n: int, offer: _Offer) -> None:
        if offer.event == "offered":
            now = time.perf_counter()
            since = self._free_since.pop(n, None)
            if since is not None:
                self.waits.append(now - since)
            self._in_hand[n] = offer.item
        elif offer.outcome == "accepted" and offer.item == self._in_hand[n]:
            self._busy.append(n)

    def _finished(self, connection: socket.socket) -> None:
        answer = connection.recv(1 << 16)
        if not answer:
            self._reopen(connection)
            return
        if not answer.startswith(b"HTTP/1.1 "):
            return  # the rest of an answer that came in parts
        if answer.startswith(b"HTTP/1.1 503"):
            self.refused += 1
            self._busy.append(self._asking[connection.fileno()])
        elif not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"an item could not be finished: {answer[:600]!r}")
        self._idle.append(connection)
        self._send()

    def finish_next(self, due: float) -> None:
        """The agent who has waited longest with an item in hand finishes it."""
        if not self._busy:
            self.idle_slots += 1
            return
        n = self._busy.popleft()
        self._free_since.setdefault(n, due)
        self._due.append(n)
        self._send()

    def _send(self) -> None:
        while self._idle and self._due:
            n = self._due.popleft()
            path, key = f"/iwd/v3/items/{self._in_hand[n]}/complete", self.plan.keys[n]
            connection = self._idle.pop()
            self._asking[connection.fileno()] = n
            connection.sendall(
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nContent-Length: 0\r\n\r\n".encode()
            )

    def run(self, rate: float, seconds: float) -> float:
        """Has agents finish at this rate for so long; seconds of CPU."""
        cpu = time.process_time()
        started = time.perf_counter()
        sent = 0
        while (now := time.perf_counter()) < started + seconds:
            while started + sent / rate <= now:
                self.finish_next(started + sent / rate)
                sent += 1
            self.read(max(0.0, started + sent / rate - time.perf_counter()))
        return time.process_time() - cpu

    def still_waiting(self) -> list[float]:
        """How long those have waited so far whose offer has not come: a time that has no end yet counts too."""
        now = time.perf_counter()
        return [now - since for since in self._free_since.values()]

    def settle(self) -> None:
        """Reads the answers that are still to come."""
        end = time.perf_counter() + SETTLE_SECONDS
        while (self._due or len(self._idle) < FINISHING) and time.perf_counter() < end:
            self.read(0.1)


def drive(plan: Plan) -> list[Load]:
    raise_file_limit()
    agents = Agents(plan)
    found = []
    for connected in plan.steps:
        began = time.perf_counter()
        agents.connect(connected)
        connecting = time.perf_counter() - began
        rate = min(plan.rate, PER_AGENT * connected)
        agents.run(rate, plan.warm_up)
        agents.waits.clear()
        agents.idle_slots = agents.refused = 0
        cpu = agents.run(rate, plan.seconds)
        offers = len(agents.waits)
        waits = [1_000 * wait for wait in (*agents.waits, *agents.still_waiting())]
        found.append(
            Load(
                connected=connected,
                rate=rate,
                offers=offers,
                p50_ms=quantile(waits, 0.5),
                p99_ms=quantile(waits, 0.99),
                slowest_ms=max(waits, default=0.0),
                idle_slots=agents.idle_slots,
                refused=agents.refused,
                cpu_seconds=cpu,
                connect_seconds=connecting,
            )
        )
    agents.settle()
    return found


if __name__ == "__main__":
    steps = drive(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan))
    sys.stdout.write(msgspec.json.encode(steps).decode() + "\n")
