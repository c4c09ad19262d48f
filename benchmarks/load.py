"""The load generator: keep-alive connections over one epoll loop, light enough to leave the machine to the server.

Run as a process of its own (`python -m benchmarks.load`); a `Plan` on standard input, a `Load` on standard output.
"""

from __future__ import annotations

import array
import select
import socket
import sys
import time
from collections.abc import Iterator
from itertools import islice

import msgspec

from benchmarks.intake.items import bodies


class Plan(msgspec.Struct, frozen=True):
    """What to send: `per_request` items in each request to `path`."""

    port: int
    api_key: str
    path: str
    run: str
    connections: int
    seconds: float
    warm_up: float
    per_request: int = 1
    expected: int = 201


class Load(msgspec.Struct, frozen=True):
    """What came of it, warm-up left out."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_seconds: float
    other_statuses: dict[str, int]
    first_other: str


class Connection:
    __slots__ = ("buffer", "sent_at", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0
        self.buffer = b""

    def take(self) -> bytes | None:
        """The answer once all of it has come; None while some of it is missing."""
        part = self.socket.recv(1 << 18)
        if not part:
            raise ConnectionError("the server has closed a connection")
        answer, self.buffer = self.buffer + part, b""
        if is_complete(answer):
            return answer
        self.buffer = answer
        return None


def requests_of(plan: Plan) -> Iterator[bytes]:
    head = (
        f"POST {plan.path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {plan.api_key}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()
    items = bodies(plan.run)
    while True:
        if plan.per_request == 1:
            body = next(items)
        else:
            body = b"[" + b",".join(islice(items, plan.per_request)) + b"]"
        yield head + str(len(body)).encode() + b"\r\n\r\n" + body


def is_complete(answer: bytes) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    at = answer.lower().find(b"content-length: ", 0, end + 2)
    length = int(answer[at + 16 : answer.index(b"\r\n", at)])
    return len(answer) >= end + 4 + length


def drive(plan: Plan) -> Load:
    """Each connection sends its next request as soon as the last one is answered."""
    requests = requests_of(plan)
    connections = {c.socket.fileno(): c for c in (Connection(plan.port) for _ in range(plan.connections))}
    poll = select.epoll()
    for number, connection in connections.items():
        poll.register(number, select.EPOLLIN)
        connection.sent_at = time.perf_counter()
        connection.socket.sendall(next(requests))
    expected = b"HTTP/1.1 " + str(plan.expected).encode()
    times = array.array("d")
    others: dict[str, int] = {}
    first_other = ""
    started = time.perf_counter() + plan.warm_up
    cpu = -1.0
    end = started + plan.seconds
    while (now := time.perf_counter()) < end:
        if cpu < 0 and now >= started:
            cpu = time.process_time()
        for number, _ in poll.poll(1.0):
            connection = connections[number]
            answer = connection.take()
            if answer is None:
                continue
            now = time.perf_counter()
            if not answer.startswith(expected):
                status = answer[9:12].decode()
                others[status] = others.get(status, 0) + 1
                first_other = first_other or answer.decode("utf-8", "replace")
            elif started <= now < end:
                times.append(now - connection.sent_at)
            connection.sent_at = now
            connection.socket.sendall(next(requests))
    cpu = time.process_time() - cpu
    for connection in connections.values():
        connection.socket.close()
    ordered = sorted(times) or [0.0]
    return Load(
        requests=len(times),
        seconds=plan.seconds,
        p50_ms=1_000 * ordered[len(ordered) // 2],
        p99_ms=1_000 * ordered[len(ordered) * 99 // 100],
        cpu_seconds=cpu,
        other_statuses=others,
        first_other=first_other,
    )


if __name__ == "__main__":
    found = drive(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan))
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
