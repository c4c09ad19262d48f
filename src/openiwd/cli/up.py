"""`openiwd up`: everything in one process tree."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop
from rich.console import Console
from rich.table import Table

from openiwd.cli.option import ApiPort, Host, MetricsPort, ReadyAsJson
from openiwd.cli.output import output
from openiwd.processes.bootstrap import FirstUser
from openiwd.processes.logs import configure_logs
from openiwd.processes.settings import read_settings
from openiwd.processes.up import TENANT_ID, Options, Ready
from openiwd.processes.up import up as run_up


def up(
    demo: Annotated[
        bool, typer.Option("--demo", help="Load a believable tenant with agents, history and live traffic.")
    ] = False,
    traffic: Annotated[bool, typer.Option(help="With --demo: simulated work and agents.")] = True,
    data: Annotated[
        Path | None, typer.Option(help="Folder for all data; default: a folder of your own.")
    ] = None,
    host: Host = None,
    port: ApiPort = None,
    metrics_port: MetricsPort = None,
    as_json: ReadyAsJson = False,
) -> None:
    """Start OpenIWD with an embedded PostgreSQL. Ctrl-C stops it; started again it carries on with the same data."""
    settings = read_settings()
    configure_logs(settings.log_level)
    options = Options(
        demo=demo,
        traffic=traffic,
        data_dir=data or settings.data_dir,
        host=host or settings.host,
        port=settings.port if port is None else port,
        metrics_port=settings.metrics_port if metrics_port is None else metrics_port,
        budget=settings.connection_budget,
        log_level=settings.log_level,
    )
    console = Console(stderr=True)

    async def when_ready(ready: Ready) -> None:
        if as_json:
            users = [
                {"login": u.login, "password": u.password, "role": u.role} for u in ready.credentials.users
            ]
            line = {"url": ready.url, "apiKey": ready.credentials.api_key, "users": users}
            sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
            sys.stdout.flush()
        else:
            _print_ready(ready)

    def progress(step: str) -> None:
        if not as_json:
            console.print(f"[dim]{step} …[/]", highlight=False)

    uvloop.run(run_up(options, when_ready, progress))


def _print_ready(ready: Ready) -> None:
    console = output()
    console.print(f"\n[bold]OpenIWD is ready:[/] {ready.url}", highlight=False)
    console.print(
        f"API: {ready.url}/iwd/v3/docs   key: {ready.credentials.api_key}", highlight=False, soft_wrap=True
    )
    if ready.metrics_url:
        console.print(f"Metrics: {ready.metrics_url}", highlight=False)
    if ready.credentials.users:
        console.print(_logins(ready.credentials.users))
    else:
        console.print(
            "Logins: those of before, with their passwords. A new one for the administrator:\n"
            f"openiwd tenant reset-administrator {TENANT_ID} --data {shlex.quote(str(ready.data_dir))}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    console.print(f"Data: {ready.data_dir}   Ctrl-C stops.\n", highlight=False, soft_wrap=True)


def _logins(users: Sequence[FirstUser]) -> Table:
    table = Table(title="Logins of the first start", title_justify="left", show_edge=False)
    for column in ("login", "password", "role", "name"):
        table.add_column(column)
    for user in users:
        table.add_row(user.login, user.password, user.role, user.name)
    return table
