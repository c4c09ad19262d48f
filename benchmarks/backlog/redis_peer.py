"""A Redis of its own on a Unix socket, and pipelined ZADD and ZPOPMIN through it: commands are encoded beforehand."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

PIPELINE = 1_000
START_SECONDS = 20.0


class Redis:
    """One connection. Scores are static: Redis knows nothing of time."""

    def __init__(self, path: Path, version: str) -> None:
        self.version = version
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))

    def add(self, scores: Iterable[tuple[int, float]]) -> float:
        """ZADD of each, a command per member; the seconds that sending and answering took."""
        return self._timed(_command("ZADD", "waiting", repr(score), str(number)) for number, score in scores)

    def pop(self, count: int) -> float:
        """ZPOPMIN, `count` times."""
        command = _command("ZPOPMIN", "waiting")
        return self._timed((command for _ in range(count)), start=b"*")

    def memory(self) -> int:
        self._socket.sendall(_command("INFO", "memory"))
        answer = b""
        while b"used_memory:" not in answer or not answer.endswith(b"\r\n"):
            answer += self._socket.recv(1 << 16)
        return int(answer.split(b"used_memory:")[1].split(b"\r\n")[0])

    def _timed(self, commands: Iterator[bytes], start: bytes = b":") -> float:
        total = 0.0
        while chunk := list(islice(commands, PIPELINE)):
            sent = b"".join(chunk)
            started = time.perf_counter()
            self._socket.sendall(sent)
            left = len(chunk)
            last = b""
            while left > 0 or not last.endswith(b"\r\n"):
                last = self._socket.recv(1 << 20)
                if not last:
                    raise ConnectionError("redis-server has closed the connection")
                left -= last.count(start)
            total += time.perf_counter() - started
        return total

    def close(self) -> None:
        self._socket.close()


def _command(*words: str) -> bytes:
    parts = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    return f"*{len(words)}\r\n{parts}".encode()


@contextmanager
def redis() -> Iterator[Redis | None]:
    """None where there is no redis-server."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        yield None
        return
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    with tempfile.TemporaryDirectory(prefix="openiwd-bench-redis-") as folder:
        path = Path(folder) / "redis.sock"
        options = [
            "--port",
            "0",
            "--unixsocket",
            str(path),
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            folder,
        ]
        server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not path.exists():
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("redis-server has not started")
                time.sleep(0.02)
            client = Redis(path, version.split("v=")[-1].split()[0])
            yield client
            client.close()
        finally:
            server.terminate()
            server.wait()
