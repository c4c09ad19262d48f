"""`openiwd backup` and `openiwd restore`: one tenant, or the whole installation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from openiwd.cli.output import output
from openiwd.processes import backup as backup_process
from openiwd.processes.installation import installation
from openiwd.processes.logs import configure_logs
from openiwd.processes.settings import read_settings
from openiwd.processes.tenant import platform

TenantOption = Annotated[
    list[str] | None, typer.Option("--tenant", help="Only this tenant; may be repeated.")
]

Data = Annotated[
    Path | None,
    typer.Option(
        help="Data folder of `openiwd up`, running or not; default: OPENIWD_DATABASE_URL, else the usual folder."
    ),
]


def backup(
    folder: Annotated[
        Path | None, typer.Argument(help="A new folder; default: backup-<time> where you are.")
    ] = None,
    tenant: TenantOption = None,
    marts: Annotated[bool, typer.Option(help="Data marts too; they can be rebuilt from the log.")] = True,
    data: Data = None,
) -> None:
    """Write a backup of the whole installation, or of single tenants. Servers go on meanwhile."""
    place = folder or Path(f"backup-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    console = Console(stderr=True)

    async def act() -> backup_process.Manifest:
        async with installation(read_settings(), data) as settings, platform(settings) as wiring:
            return await backup_process.backup(
                wiring,
                place,
                tenant or [],
                marts=marts,
                progress=lambda step: console.print(f"[dim]{step} …[/]"),
            )

    configure_logs("warning")
    made = uvloop.run(act())
    stored = [f for t in made.tenants for f in (t.rows, t.dump, t.mart) if f is not None]
    total = sum(f.bytes for f in stored) + (made.control.bytes if made.control is not None else 0)
    output().print(f"{place}: {len(made.tenants)} tenants, {total / 1e6:,.1f} MB", highlight=False)


def restore(
    folder: Annotated[Path, typer.Argument(help="A backup.")],
    tenant: TenantOption = None,
    keep_old: Annotated[
        bool, typer.Option(help="Keep the database that is replaced, under a name with the time.")
    ] = True,
    check: Annotated[bool, typer.Option("--check", help="Only check that the backup is whole.")] = False,
    data: Data = None,
) -> None:
    """Put back tenants, or with none named the whole installation into a control database without tenants.

    A tenant is shut while its database is exchanged. It goes on in a new generation of its log; what may have gone out
    since the backup (deliveries of webhooks, emails) is not sent again by itself.
    """
    configure_logs("warning")
    console = Console(stderr=True)

    def progress(step: str) -> None:
        console.print(f"[dim]{step} …[/]")

    if check:
        found = backup_process.read_manifest(folder)
        output().print(f"whole: {len(found.tenants)} tenants as of {found.at:%Y-%m-%d %H:%M:%S} UTC")
        return

    async def act() -> list[str]:
        # A backup of the whole installation may make a data folder; read first, so that no folder is made for nothing.
        backup_process.read_manifest(folder)
        async with installation(read_settings(), data, make=data is not None and not tenant) as settings:
            if not tenant:
                await backup_process.restore_control(settings.database_url or "", folder, progress)
            async with platform(settings) as wiring:
                return await backup_process.restore(
                    wiring, folder, tenant or [], keep_old=keep_old, progress=progress
                )

    put = uvloop.run(act())
    output().print(f"{len(put)} tenants restored: {', '.join(put)}", highlight=False)
