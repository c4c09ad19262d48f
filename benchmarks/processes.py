"""Processes under measurement: starting them, asking them one thing, their CPU time and their memory."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

import msgspec
import psutil

T = TypeVar("T")
ROOT = Path(__file__).resolve().parent.parent


@asynccontextmanager
async def server(module: str, options: object, answer: type[T]) -> AsyncIterator[tuple[int, T]]:
    """Runs a module that prints one line of JSON once it is ready: its process id and that line. Ends with SIGTERM."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        msgspec.json.encode(options).decode(),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        if not line:
            raise RuntimeError(f"{module} ended before it was ready: exit code {await process.wait()}")
        yield process.pid, msgspec.json.decode(line, type=answer)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def ask(command: list[str], given: object, answer: type[T]) -> T:
    """Runs a command with JSON on its standard input, and reads JSON from its standard output."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate(msgspec.json.encode(given))
    if process.returncode:
        raise RuntimeError(f"{command[:4]} failed: exit code {process.returncode}")
    return msgspec.json.decode(out, type=answer)


@contextmanager
def data_folder() -> Iterator[Path]:
    """A folder for a server's data; open to the account that PostgreSQL runs as where we are root."""
    folder = Path(mkdtemp(prefix="openiwd-bench-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and all below it, ended children left out."""
    total = 0.0
    for process in tree(pid):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def proportional_megabytes(pids: list[int]) -> float:
    """Memory (PSS): what processes share is counted once, not once per process."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total / 1024


def most_resident_megabytes() -> float:
    """The most memory that this process has had since its program began.

    `ru_maxrss` would also tell what the process had that it was forked off from.
    """
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM:")) / 1024
