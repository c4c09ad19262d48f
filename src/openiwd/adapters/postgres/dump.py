"""Backups by PostgreSQL's own programs: a database as one file, and a file as a database. Decides nothing.

The programs are the machine's where they are new enough for the server, else those that the embedded server brings.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from openiwd.adapters.postgres.connection import open_connection
from openiwd.domain.errors import OpenIwdError, UnavailableError

_VERSION: Final = re.compile(r"\b(\d+)\.")
PREFERRED: Final = Path("/usr/lib/postgresql")


class BackupError(OpenIwdError):
    """A program of PostgreSQL has failed; nothing was put in place."""

    code = "backupFailed"


class DumpPrograms:
    """`pg_dump` and `pg_restore` for one server. `more` are folders to look in besides."""

    def __init__(self, environment: Mapping[str, str], *more: Path) -> None:
        self._environment = dict(environment)
        self._folders = more

    async def dump(self, dsn: str, path: Path) -> None:
        """The whole database at one instant, compressed; the file appears when it is complete."""
        unfinished = path.with_name(f".{path.name}.new")
        unfinished.unlink(missing_ok=True)
        await self._run(dsn, "pg_dump", ["--format=custom", "--no-owner", f"--file={unfinished}"])
        unfinished.replace(path)

    async def restore(self, path: Path, dsn: str, *, privileges: bool = True) -> None:
        """Into an empty database; all of it, or an error. Without `privileges` it is its owner's alone."""
        options = ["--exit-on-error", "--single-transaction", "--no-owner"]
        if not privileges:
            options.append("--no-privileges")
        await self._run(dsn, "pg_restore", [*options, str(path)])

    async def _run(self, dsn: str, program: str, arguments: list[str]) -> None:
        found = await self._program(program, await _server_major(dsn))
        parts = urlsplit(dsn)
        # The password goes by the environment: arguments can be read by everybody on the machine.
        bare = urlunsplit(parts._replace(netloc=_without_password(parts.netloc)))
        environment = {**self._environment, "PGAPPNAME": "openiwd backup"}
        if parts.password:
            environment["PGPASSWORD"] = unquote(parts.password)
        process = await asyncio.create_subprocess_exec(
            str(found),
            f"--dbname={bare}",
            *arguments,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            _, said = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        if process.returncode != 0:
            text = " / ".join(said.decode(errors="replace").strip().splitlines()[-3:])
            raise BackupError(f"{program} failed: {text}")

    async def _program(self, name: str, server_major: int) -> Path:
        """The first one that is no older than the server."""
        for candidate in self._candidates(name):
            if await _program_major(candidate) >= server_major:
                return candidate
        raise BackupError(
            f"no {name} of version {server_major} or newer is at hand",
            hint=f"install the package postgresql-client-{server_major}",
        )

    def _candidates(self, name: str) -> list[Path]:
        on_path = shutil.which(name)
        found = [Path(on_path)] if on_path else []
        found += sorted(PREFERRED.glob(f"*/bin/{name}"), reverse=True)
        found += [folder / name for folder in self._folders]
        return [each for each in found if each.is_file()]


def _without_password(netloc: str) -> str:
    user, at, host = netloc.rpartition("@")
    return f"{user.partition(':')[0]}{at}{host}"


async def _program_major(program: Path) -> int:
    process = await asyncio.create_subprocess_exec(
        str(program), "--version", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    said, _ = await process.communicate()
    found = _VERSION.search(said.decode(errors="replace"))
    return int(found[1]) if found else 0


async def _server_major(dsn: str) -> int:
    try:
        connection = await open_connection(dsn)
    except (OSError, asyncpg.PostgresError) as error:
        raise UnavailableError(f"the database cannot be reached: {error}") from error
    try:
        return connection.get_server_version().major
    finally:
        await connection.close(timeout=5)
