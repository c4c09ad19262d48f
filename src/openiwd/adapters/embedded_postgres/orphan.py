"""Server processes left behind by a killed parent: found by their working folder, stopped, swept up.

A process is touched only when it is a PostgreSQL whose working folder is our data folder; a process id
from a stale file that now belongs to somebody else is left alone.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path
from time import monotonic

import psutil

from openiwd.adapters.embedded_postgres.errors import EmbeddedPostgresError

PID_FILE = "postmaster.pid"
SOCKET_PREFIX = "openiwd-"
PARTIAL_PREFIX = "postgres.partial-"
FAST_SECONDS = 20.0
IMMEDIATE_SECONDS = 5.0
KILL_SECONDS = 5.0
POLL_SECONDS = 0.02


def servers_of(cluster_dir: Path) -> list[psutil.Process]:
    """Every PostgreSQL process at work in this data folder (a server process never leaves it)."""
    return _processes_in(cluster_dir, {"postgres"})


def _processes_in(folder: Path, names: set[str]) -> list[psutil.Process]:
    path = os.path.realpath(folder)
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() in names and process.cwd() == path:
                found.append(process)
        except psutil.Error:
            continue
    return found


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def ended(processes: list[psutil.Process], seconds: float) -> bool:
    """True as soon as all are gone, False when the time is over."""
    deadline = monotonic() + seconds
    while any(is_alive(each) for each in processes):
        if monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


async def stop_orphan(cluster_dir: Path) -> None:
    """Stops what a killed parent left in this data folder. The caller holds the folder's lock.

    A server that still runs is stopped, not adopted: its sessions belong to the dead parent and could
    hold locks, and its settings may be those of an older version.
    """
    pid_file = cluster_dir / PID_FILE
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return
    left = servers_of(cluster_dir)
    postmaster = [each for each in left if lines and each.pid == abs(int(lines[0]))]
    steps = (
        (signal.SIGINT, postmaster, FAST_SECONDS if postmaster else 0.0),
        (signal.SIGQUIT, left, IMMEDIATE_SECONDS),
        (signal.SIGKILL, left, KILL_SECONDS),
    )
    for number, processes, seconds in steps:
        for process in processes:
            send(process, number)
        if await ended(left, seconds):
            break
    else:
        numbers = ", ".join(str(each.pid) for each in left)
        raise EmbeddedPostgresError(
            f"PostgreSQL processes of an earlier run do not end: {numbers}.",
            hint="Stop them by hand and start again.",
        )
    # Only now, with no process of this folder alive, is the file stale for sure. PostgreSQL itself would
    # refuse to start when the number in it has been given to another process of the same user.
    pid_file.unlink(missing_ok=True)
    if len(lines) > 4:
        remove_socket_dir(Path(lines[4]))


async def sweep_unfinished(data_dir: Path) -> None:
    """Removes creations that a kill has interrupted, and their processes if they go on without a parent."""
    for folder in list(data_dir.glob(PARTIAL_PREFIX + "*")):  # noqa: ASYNC240 - one small folder
        left = _processes_in(folder, {"initdb", "sh", "postgres"})
        for process in left:
            send(process, signal.SIGKILL)
        await ended(left, KILL_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def remove_socket_dir(folder: Path) -> None:
    """Removes a socket folder of ours with what a killed server left in it."""
    if not folder.name.startswith(SOCKET_PREFIX) or not folder.is_dir():
        return
    for entry in folder.glob(".s.PGSQL.*"):
        entry.unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        return
