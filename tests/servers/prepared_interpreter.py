"""A Python that has OpenIWD loaded and forks a process for each command that it is told. See prepared.py.

What is the same in every process of OpenIWD is done once: the imports, and the routes of API and UI.
"""

from __future__ import annotations

import ctypes
import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from openiwd.api import app as api
from openiwd.cli.main import COMMANDS, Later, run
from openiwd.web.app import create_web

READY = b"ready"
MOST_BYTES = 128 * 1024
"""Of one command with its environment."""
PR_SET_PDEATHSIG = 1


def serve_forks(control: socket.socket) -> bool:
    """Forks at each command until nobody is left who could send one. True in a child, which is to run its command."""
    ends: dict[int, tuple[int, int]] = {}
    waiting = select.poll()
    waiting.register(control, select.POLLIN)
    control.send(READY)
    while True:
        for ready, _ in waiting.poll():
            if ready in ends:
                waiting.unregister(ready)
                _tell_end(ready, *ends.pop(ready))
                continue
            request, files, _, _ = socket.recv_fds(control, MOST_BYTES, 3)
            if not request:
                return False
            output, errors, ended = files
            pid = os.fork()
            if pid == 0:
                control.detach()
                arguments, environment = msgspec.json.decode(request, type=tuple[list[str], dict[str, str]])
                _become(arguments, environment, output, errors)
                return True
            os.close(output)
            os.close(errors)
            watched = os.pidfd_open(pid)
            ends[watched] = (pid, ended)
            waiting.register(watched, select.POLLIN)
            control.send(str(pid).encode())


def _tell_end(watched: int, pid: int, ended: int) -> None:
    """Hands over how a child ended."""
    _, status = os.waitpid(pid, 0)
    with suppress(BrokenPipeError):  # nobody wants to know any more
        os.write(ended, str(os.waitstatus_to_exitcode(status)).encode())
    os.close(ended)
    os.close(watched)


def _become(arguments: Sequence[str], environment: Mapping[str, str], output: int, errors: int) -> None:
    """Makes this the process that was asked for: its files, its environment, its arguments. It ends with its parent."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    os.dup2(output, 1)
    os.dup2(errors, 2)
    for descriptor in [int(each.name) for each in Path("/proc/self/fd").iterdir()]:
        if descriptor > 2:
            with suppress(OSError):  # the one by which they were listed
                os.close(descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments


def main(control: socket.socket) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asked ends it by hanging up
    for name in COMMANDS:
        Later(name).load()
    api._framework()
    create_web()
    gc.collect()
    gc.freeze()
    if serve_forks(control):
        run()


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
