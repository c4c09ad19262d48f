"""The command line: reads options, starts processes, prints. Decides nothing."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from openiwd.cli import distribute, email, reference, replay, serve, simulate, up
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
app.command(name="email")(email.email)
app.command(name="replay")(replay.replay)
app.command(name="simulate")(simulate.simulate)
app.command(name="reference")(reference.reference)


def run() -> None:
    """Entry point: errors on purpose end with their sentence and hint, not with a traceback."""
    try:
        app()
    except OpenIwdError as error:
        console = Console(stderr=True)
        console.print(f"[bold red]openiwd:[/] {error.message}", highlight=False)
        if error.hint:
            console.print(f"  {error.hint}", highlight=False)
        sys.exit(1)
