"""Servers of which one serves a whole test run, whatever the number of pytest processes: begun under a lock, stopped
by the process that began the run, by their own pids.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.servers.postgres import RUN_DIR_VARIABLE, locked

START_SECONDS = 90.0
ROOT = Path(__file__).resolve().parents[2]


class Starting:
    """A server on its way up: its folder, its processes."""

    def __init__(self, folder: Path, pids: Path) -> None:
        self.folder = folder
        self._pids = pids

    def spawn(
        self,
        command: list[str | Path],
        log: str,
        environment: Mapping[str, str] | None = None,
        **options: Any,
    ) -> subprocess.Popen[bytes]:
        """Begins a process that is stopped with the run, even if this one is killed."""
        with (self.folder / log).open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **options,
            )
        with self._pids.open("a") as file:
            file.write(f"{process.pid}@{psutil.Process(process.pid).create_time()}\n")
        return process

    def wait(
        self,
        process: subprocess.Popen[bytes],
        is_ready: Callable[[], object],
        log: str,
        seconds: float = START_SECONDS,
    ) -> None:
        """Until it answers; what it wrote, if it does not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if is_ready():
                    process.returncode = 0  # nobody here waits for it: it is stopped by its pid, with the run
                    return
            except OSError:
                pass
            time.sleep(0.05)
        tail = (self.folder / log).read_text(errors="replace")[-3_000:]
        raise AssertionError(f"it did not start (exit code {process.poll()}):\n{tail}")


def shared(name: str, start: Callable[[Starting], dict[str, Any]]) -> dict[str, Any]:
    """What `start` says of the server of this run; begun by whoever asks first."""
    run_dir = Path(os.environ[RUN_DIR_VARIABLE])
    with locked(run_dir / f"{name}.lock"):
        ready = run_dir / f"{name}.json"
        if not ready.exists():
            folder = run_dir / name
            folder.mkdir()
            ready.write_text(json.dumps(start(Starting(folder, run_dir / f"{name}.pids"))))
    return dict(json.loads(ready.read_text()))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def needed(program: str, package: str) -> str:
    """The program's path; without it the test is skipped on a laptop, and fails in CI."""
    # Servers of Debian lie where only root looks.
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{program} is missing: apt-get install {package}")
        pytest.skip(f"{program} is not installed (Debian: {package})")
    return found
