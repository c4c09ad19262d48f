"""`openiwd migrate`: the databases to this version's schema, before its processes start."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from openiwd.cli.output import output
from openiwd.processes.installation import installation
from openiwd.processes.logs import configure_logs
from openiwd.processes.migrate import Outcome, check_all, create_control_database, migrate_all
from openiwd.processes.settings import Settings, read_settings


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; end with code 1 if something is pending.")
    ] = False,
    create: Annotated[
        bool, typer.Option("--create", help="Create the control database if it is not there.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Data folder of `openiwd up`, running or not; default: OPENIWD_DATABASE_URL, else the usual folder."
        ),
    ] = None,
) -> None:
    """Bring the control database and those of all tenants to this version's schema."""
    settings = read_settings()
    configure_logs(settings.log_level)
    outcomes = uvloop.run(_outcomes(settings, data, check=check, create=create))
    console = output()
    for outcome in outcomes:
        console.print(f"{outcome.database}: {_text(outcome, check=check)}", highlight=False)
    if any(outcome.error is not None or (check and outcome.revisions) for outcome in outcomes):
        sys.exit(1)


async def _outcomes(settings: Settings, data: Path | None, *, check: bool, create: bool) -> list[Outcome]:
    async with installation(settings, data) as named:
        if create:
            await create_control_database(named)
        return await (check_all(named) if check else migrate_all(named))


def _text(outcome: Outcome, *, check: bool) -> str:
    if outcome.error is not None:
        return f"failed: {outcome.error}"
    if not outcome.revisions:
        return "up to date"
    return f"{'pending' if check else 'applied'}: {', '.join(outcome.revisions)}"
