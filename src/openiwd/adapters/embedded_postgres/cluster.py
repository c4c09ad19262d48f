"""Creates a database cluster: in a folder of its own first, put in place by one rename.

An interrupted creation leaves nothing that a later start could take for a cluster.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp

from openiwd.adapters.embedded_postgres.account import Account
from openiwd.adapters.embedded_postgres.errors import EmbeddedPostgresError
from openiwd.adapters.embedded_postgres.orphan import PARTIAL_PREFIX, POLL_SECONDS

DATABASE_USER = "openiwd"
PASSWORD_FILE = "postgres.password"  # noqa: S105 - a file name
IN_PLACE = Path("/proc/self/cwd")


def read_or_create_password(data_dir: Path) -> str:
    """The database password: drawn once, readable by ourselves alone."""
    path = data_dir / PASSWORD_FILE
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        password = secrets.token_urlsafe(32)
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(password + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        return password


def data_argument(cluster_dir: Path, account: Account, *, in_place: Path = IN_PLACE) -> str:
    """How the server is told its data folder: by path, or as its working folder where it may not walk there.

    A system user cannot walk through root's private folders. Instead of opening those, the server starts
    inside its data folder, which Linux lets it name without walking there.
    """
    blocked = account.first_blocked(cluster_dir.parent)
    if blocked is None:
        return str(cluster_dir)
    if in_place.exists():
        return str(in_place)
    raise EmbeddedPostgresError(
        f"The system user of PostgreSQL may not enter the folder {blocked}.",
        hint=f"Choose a folder outside it with --data, or allow entering it: chmod o+x {blocked}",
    )


async def create_cluster(
    cluster_dir: Path, *, programs: Path, account: Account, password: str, durable: bool
) -> None:
    """Creates the cluster at `cluster_dir`."""
    data_dir = cluster_dir.parent
    partial = Path(mkdtemp(prefix=PARTIAL_PREFIX, dir=data_dir))
    account.give(partial)
    command = [
        str(programs / "initdb"),
        f"--pgdata={data_argument(partial, account)}",
        f"--username={DATABASE_USER}",
        "--auth=scram-sha-256",
        "--pwfile=/dev/stdin",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        # Iterations make guessing slow; 256 random bits cannot be guessed, and each connection pays for them.
        "--set=scram_iterations=256",
        *_sync_options(durable=durable),
    ]
    try:
        await _run(command, given=password, account=account, folder=partial)
        os.rename(partial, cluster_dir)  # noqa: PTH104 - one system call
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _sync_folder(data_dir)


def _sync_options(*, durable: bool) -> list[str]:
    """One call for the whole file system, where there is such a call; file by file takes longer than all the rest."""
    if not durable:
        return ["--no-sync"]
    return ["--sync-method=syncfs"] if sys.platform == "linux" else []


async def _run(command: list[str], *, given: str, account: Account, folder: Path) -> None:
    # Nameless files: a kill in the middle leaves neither a password nor a log behind.
    with TemporaryFile() as answers, TemporaryFile() as output:
        answers.write(given.encode())
        answers.flush()
        account.give(answers.fileno())
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - returns at once; fixed program and arguments
            command, cwd=folder, stdin=answers, stdout=output, stderr=output, **account.spawn_options()
        )
        try:
            while process.poll() is None:  # noqa: ASYNC110 - a process sets no event
                await asyncio.sleep(POLL_SECONDS)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        if process.returncode != 0:
            output.seek(0)
            said = output.read().decode(errors="replace").strip()[-2000:]
            raise EmbeddedPostgresError(f"The PostgreSQL data folder cannot be created: {said}")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
