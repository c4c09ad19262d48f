"""Starts commands of OpenIWD as processes of their own without seconds of imports for each: an interpreter that has
loaded everything forks them. One such interpreter for each pytest process; with it all that it has forked ends.

For tests that kill and start processes. How the command is typed is tested elsewhere, and what must not depend on the
seed of hashes is compared with a process that was started by its command.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from tempfile import TemporaryFile
from typing import IO, TextIO

import msgspec
import pytest

from tests.servers.shared import ROOT

PROGRAM = "tests.servers.prepared_interpreter"
START_SECONDS = 120.0
UNTOLD = -signal.SIGKILL


class Forked:
    """A process that was forked, to be used as a `subprocess.Popen` is."""

    def __init__(self, pid: int, stdout: TextIO, ended: int) -> None:
        self.pid = pid
        self.stdout: TextIO | None = stdout
        self.returncode: int | None = None
        self._ended = ended
        self._reading = threading.Lock()
        self._ending = select.poll()
        self._ending.register(ended, select.POLLIN)

    def poll(self) -> int | None:
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def _look(self, seconds: float | None) -> int | None:
        if self.returncode is None and self._ending.poll(None if seconds is None else seconds * 1_000):
            with self._reading:  # somebody else may have waited, too
                if self.returncode is None:
                    told = os.read(self._ended, 16)
                    os.close(self._ended)
                    # Whoever would have told has died, and all that it had forked with it.
                    self.returncode = int(told) if told else UNTOLD
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class Interpreter:
    """The interpreter of this pytest process, started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, arguments: Sequence[str], environment: Mapping[str, str], errors: IO[str]) -> Forked:
        """`openiwd` with these arguments. What it prints can be read from `stdout`, as text."""
        request = msgspec.json.encode((arguments, dict(environment)))
        output, output_end = os.pipe()
        ended, ended_end = os.pipe()
        try:
            with self._lock:
                control = self._control or self._start()
                socket.send_fds(control, [request], [output_end, errors.fileno(), ended_end])
                answer = control.recv(32)
        finally:
            os.close(output_end)
            os.close(ended_end)
        assert answer, "the interpreter has died"
        return Forked(int(answer), os.fdopen(output), ended)

    def run(self, arguments: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
        """The same until it ends, with all that it has said."""
        with TemporaryFile("w+") as errors:
            process = self.fork(arguments, os.environ, errors)
            assert process.stdout is not None
            killing = threading.Timer(seconds, process.kill)
            killing.start()
            with process.stdout as output:
                printed = output.read()
            code = process.wait(seconds)
            killing.cancel()
            errors.seek(0)
            return subprocess.CompletedProcess(arguments, code, printed, errors.read())

    def _start(self) -> socket.socket:
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with there:
            self._process = subprocess.Popen(
                [sys.executable, "-m", PROGRAM, str(there.fileno())],
                cwd=ROOT,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # threads are not there after a fork
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[there.fileno()],
            )
        here.settimeout(START_SECONDS)
        assert here.recv(32), "the interpreter has not started"
        self._control = here
        return here

    def stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.wait(START_SECONDS)


interpreter = Interpreter()


def pytest_unconfigure(config: pytest.Config) -> None:
    interpreter.stop()
