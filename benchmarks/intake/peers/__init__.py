"""Other libraries on the same server: batches of 100 handed over by a library call, 4 at a time.

Each is installed below `build/` in its pinned version; what cannot be installed is left out, with the reason.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import msgspec

from benchmarks.intake.items import bodies
from benchmarks.processes import ROOT, ask
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.processes.database import ensure_database

BUILD = ROOT / "build" / "benchmarks"
HERE = Path(__file__).resolve().parent
PGQUEUER = "1.6.0"
GRAPHILE = "0.17.3"


class Options(msgspec.Struct, frozen=True):
    dsn: str
    items: int
    payload: str


class Measured(msgspec.Struct, frozen=True):
    rate: float


class Peer(msgspec.Struct, frozen=True):
    """A library that is ready: how to run one measurement."""

    name: str
    command: list[str]
    database: str

    async def rate(self, postgres: EmbeddedPostgres, items: int) -> float:
        """Payloads of 1 KB enqueued per second."""
        options = Options(postgres.dsn(self.database), items, next(bodies("peers0")).decode())
        return (await ask(self.command, options, Measured)).rate


async def _run(command: Sequence[str], folder: Path) -> str | None:
    """None when it went well, else the last line of what it said."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except OSError as error:
        return str(error)
    out, _ = await process.communicate()
    if process.returncode == 0:
        return None
    lines = out.decode("utf-8", "replace").strip().splitlines() or [f"exit code {process.returncode}"]
    return lines[-1]


async def _pgqueuer() -> Peer | str:
    folder = BUILD / "pgqueuer"
    python = folder / "bin" / "python"
    if not (folder / PGQUEUER).exists():
        for command in (
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "--quiet", f"pgqueuer[asyncpg]=={PGQUEUER}", "uvloop"],
        ):
            if error := await _run(command, BUILD):
                return error
        (folder / PGQUEUER).touch()
    return Peer(
        f"PgQueuer {PGQUEUER} enqueue", [str(python), str(HERE / "pgqueuer_enqueue.py")], "bench-pgqueuer"
    )


async def _graphile() -> Peer | str:
    folder = BUILD / "graphile"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / GRAPHILE).exists():
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        install = ["npm", "install", "--no-audit", "--no-fund", "--silent", f"graphile-worker@{GRAPHILE}"]
        if error := await _run(install, folder):
            return error
        (folder / GRAPHILE).touch()
    # Modules are looked up beside the script, so it must lie beside them.
    script = folder / "graphile_add_jobs.mjs"
    script.write_text((HERE / "graphile_add_jobs.mjs").read_text())
    return Peer(f"graphile-worker {GRAPHILE} addJobs", ["node", str(script)], "bench-graphile")


async def installed(postgres: EmbeddedPostgres) -> list[Peer]:
    """The peers that could be installed; prints why another one is missing."""
    BUILD.mkdir(parents=True, exist_ok=True)
    ready = []
    for name, install in (("PgQueuer", _pgqueuer), ("graphile-worker", _graphile)):
        peer = await install()
        if isinstance(peer, str):
            print(f"  without {name}: {peer}")
            continue
        await ensure_database(postgres.dsn(), peer.database)
        ready.append(peer)
    return ready


async def version_of(postgres: EmbeddedPostgres) -> str:
    connection = await asyncpg.connect(postgres.dsn())
    version: str = await connection.fetchval("SHOW server_version")
    await connection.close()
    return version
