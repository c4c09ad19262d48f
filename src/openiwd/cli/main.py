"""The command line: names the commands, loads and runs the one that is asked for, prints errors. Decides nothing."""

from __future__ import annotations

import sys
from pkgutil import resolve_name
from typing import Any, Final

import typer
from rich.console import Console
from typer.core import TyperCommand, TyperGroup

from openiwd.cli.refusal import REFUSED, AnswerError
from openiwd.domain.errors import OpenIwdError
from openiwd.processes.garbage import collect_seldom

COMMANDS: Final = {
    "up": (
        "up:up",
        "Start OpenIWD with an embedded PostgreSQL. Ctrl-C stops it; started again it carries on with the same data.",
    ),
    "serve": (
        "serve:serve",
        "Serve the tenants of the control database that OPENIWD_DATABASE_URL names; any number of these side by side.",
    ),
    "distribute": (
        "distribute:distribute",
        "Grant items to agents: one process decides for a tenant, others of these stand by and follow when it is gone.",
    ),
    "doctor": (
        "doctor:doctor",
        "Say what is wrong. Ends with 0: nothing (or only hints), 1: warnings, 2: critical findings, or no answer.",
    ),
    "superset": (
        "bi:superset",
        "Write the reports as Superset dashboards over the views of the data mart.",
    ),
    "migrate": (
        "migrate:migrate",
        "Bring the control database and those of all tenants to this version's schema.",
    ),
    "replay": (
        "replay:replay",
        (
            "Replay an event log. Nothing is pushed: the log decides who gets what. "
            "Run again, it goes on where it stopped."
        ),
    ),
    "simulate": (
        "simulate:simulate",
        "Simulate distribution in virtual time, without a database. Ends with code 1 if an invariant was violated.",
    ),
    "reference": (
        "reference:reference",
        "Write the reference pages (states, roles, events, the doctor's findings) into a folder.",
    ),
    "backup": (
        "backup:backup",
        "Write a backup of the whole installation, or of single tenants. Servers go on meanwhile.",
    ),
    "restore": (
        "backup:restore",
        "Put back tenants, or with none named the whole installation into a control database without tenants.",
    ),
    "capture": ("capture:app", "Capture points: files, and other sources that are read."),
    "datamart": ("mart:app", "The data mart of one tenant, loaded from IWD's reporting events."),
    "email": ("email:app", "The email service; and its parser alone."),
    "rules": ("rules:app", "Look at, test, try and publish rule sets of a server."),
    "search": ("search:app", "The search index (Elasticsearch or OpenSearch) of each tenant."),
    "secrets": ("secrets:app", "Secrets that lie sealed in the databases."),
    "tenant": ("tenant:app", "Tenants: each has databases of its own."),
}
"""Where each command is defined below `openiwd.cli`, and the first lines of its help."""


class Later(TyperCommand):
    """A command that is loaded when it is run: nobody waits for what only another one needs."""

    def __init__(self, name: str) -> None:
        self._place, told = COMMANDS[name]
        super().__init__(name, help=told)

    def load(self) -> Any:
        """The command itself, or the group of commands."""
        found = resolve_name(f"openiwd.cli.{self._place}")
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        alone = typer.Typer(add_completion=False)
        alone.command(name=self.name)(found)
        return typer.main.get_command(alone)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return self.load().make_context(info_name, args, parent, **extra)


class Commands(TyperGroup):
    """All of them, by name."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name in COMMANDS:
            self.add_command(Later(name))


app = typer.Typer(
    name="openiwd",
    cls=Commands,
    help="Open, self-hosted intelligent workload distribution.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def openiwd() -> None:
    """Open, self-hosted intelligent workload distribution."""


def run() -> None:
    """Entry point: errors on purpose end with their sentence and hint, not with a traceback."""
    collect_seldom()
    try:
        app()
    except OpenIwdError as error:
        console = Console(stderr=True)
        console.print(f"[bold red]openiwd:[/] {error.message}", highlight=False)
        if error.hint:
            console.print(f"  {error.hint}", highlight=False)
        sys.exit(REFUSED if isinstance(error, AnswerError) else 1)
