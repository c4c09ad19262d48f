"""Other libraries on the same server: how fast they drain a queue whose handlers do nothing. None knows skills.

Each is installed below `build/` in its pinned version; what cannot be installed is left out, with the reason.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from benchmarks.intake.peers import BUILD, GRAPHILE, PGQUEUER
from benchmarks.processes import ask
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.processes.database import ensure_database

HERE = Path(__file__).resolve().parent
PROCRASTINATE = "3.10.0"
FEWEST = 2_000
"""Fewer say nothing about a drain; Procrastinate, which fetches one by one, gets no more."""


class Options(msgspec.Struct, frozen=True):
    dsn: str
    items: int


class Measured(msgspec.Struct, frozen=True):
    rate: float


class Peer(msgspec.Struct, frozen=True):
    """A library that is ready: how to run one measurement."""

    name: str
    command: list[str]
    database: str
    most: int = 1_000_000
    """Items for one measurement at most."""

    async def rate(self, postgres: EmbeddedPostgres, items: int) -> float:
        """Items fetched, handled by doing nothing, and finished, per second."""
        return (
            await ask(self.command, Options(postgres.dsn(self.database), min(items, self.most)), Measured)
        ).rate


async def _run(command: list[str], folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    if process.returncode:
        lines = out.decode("utf-8", "replace").strip().splitlines() or [f"exit code {process.returncode}"]
        raise OSError(lines[-1])


async def _python(name: str, script: str, version: str, *packages: str, most: int = 1_000_000) -> Peer:
    folder = BUILD / f"{name.lower()}-drain"
    python = folder / "bin" / "python"
    if not (folder / version).exists():
        await _run([sys.executable, "-m", "venv", str(folder)], BUILD)
        await _run([str(python), "-m", "pip", "install", "--quiet", *packages], BUILD)
        (folder / version).touch()
    command = [str(python), str(HERE / script)]
    return Peer(f"{name} {version} drain", command, f"bench-{name.lower()}-drain", most)


async def _graphile() -> Peer:
    folder = BUILD / "graphile"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / GRAPHILE).exists():
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        await _run(
            ["npm", "install", "--no-audit", "--no-fund", "--silent", f"graphile-worker@{GRAPHILE}"], folder
        )
        (folder / GRAPHILE).touch()
    # Modules are looked up beside the script, so it must lie beside them.
    script = folder / "graphile_drain.mjs"
    script.write_text((HERE / "graphile_drain.mjs").read_text())
    return Peer(f"graphile-worker {GRAPHILE} drain", ["node", str(script)], "bench-graphile-drain")


async def installed(postgres: EmbeddedPostgres) -> list[Peer]:
    """The peers that could be installed; prints why another one is missing."""
    BUILD.mkdir(parents=True, exist_ok=True)
    ready: list[Peer] = []
    for name, install in (
        ("graphile-worker", _graphile()),
        ("PgQueuer", _python("PgQueuer", "pgqueuer_drain.py", PGQUEUER, f"pgqueuer[asyncpg]=={PGQUEUER}", "uvloop")),
        (
            "Procrastinate",
            _python(
                "Procrastinate", "procrastinate_drain.py", PROCRASTINATE,
                f"procrastinate=={PROCRASTINATE}", "psycopg[binary,pool]", "uvloop",
                most=FEWEST,
            ),
        ),
    ):  # fmt: skip
        try:
            peer = await install
        except OSError as error:
            print(f"  without {name}: {error}")
            continue
        await ensure_database(postgres.dsn(), peer.database)
        ready.append(peer)
    return ready
