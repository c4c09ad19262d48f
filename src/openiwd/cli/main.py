"""The command line: reads options, starts processes, prints. Decides nothing."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from openiwd.cli import (
    backup,
    bi,
    capture,
    distribute,
    doctor,
    email,
    mart,
    migrate,
    reference,
    replay,
    rules,
    search,
    secrets,
    serve,
    simulate,
    tenant,
    up,
)
from openiwd.cli.rules_client import AnswerError
from openiwd.domain.errors import OpenIwdError

app = typer.Typer(
    name="openiwd",
    help="Open, self-hosted intelligent workload distribution.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command(name="up")(up.up)
app.command(name="serve")(serve.serve)
app.command(name="distribute")(distribute.distribute)
app.command(name="doctor")(doctor.doctor)
app.add_typer(capture.app, name="capture")
app.add_typer(mart.app, name="datamart")
app.command(name="superset")(bi.superset)
app.command(name="migrate")(migrate.migrate)
app.add_typer(email.app, name="email")
app.command(name="replay")(replay.replay)
app.command(name="simulate")(simulate.simulate)
app.command(name="reference")(reference.reference)
app.add_typer(rules.app)
app.add_typer(search.app, name="search")
app.add_typer(secrets.app, name="secrets")
app.add_typer(tenant.app, name="tenant")
app.command(name="backup")(backup.backup)
app.command(name="restore")(backup.restore)


def run() -> None:
    """Entry point: errors on purpose end with their sentence and hint, not with a traceback."""
    try:
        app()
    except OpenIwdError as error:
        console = Console(stderr=True)
        console.print(f"[bold red]openiwd:[/] {error.message}", highlight=False)
        if error.hint:
            console.print(f"  {error.hint}", highlight=False)
        sys.exit(rules.REFUSED if isinstance(error, AnswerError) else 1)
