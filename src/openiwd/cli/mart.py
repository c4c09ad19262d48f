"""`openiwd mart`: the data mart of one tenant, once or on and on."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from openiwd.processes.logs import configure_logs
from openiwd.processes.mart import INTERVAL_SECONDS, MartOptions
from openiwd.processes.mart import mart as run_mart
from openiwd.processes.monitoring import tell_surroundings
from openiwd.processes.settings import read_mart_settings, read_told
from openiwd.usecases.mart_run import Chain


def mart(
    chain: Annotated[
        Chain | None, typer.Option(help="Run this chain once and end; without it they run on time.")
    ] = None,
    interval: Annotated[float, typer.Option(min=1, help="Seconds between runs.")] = INTERVAL_SECONDS,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Metrics; default 10052, 0 = none.")
    ] = None,
) -> None:
    """Load the data mart from IWD's reporting events (intraday, historical with retention, full = rebuilt)."""
    settings = read_mart_settings()
    configure_logs(settings.log_level)
    told = read_told()
    tell_surroundings(told.certificates, customary_names=told.customary_metrics)
    port = settings.metrics_port if metrics_port is None else metrics_port
    result = uvloop.run(run_mart(settings, MartOptions(chain=chain, interval=interval, metrics_port=port)))
    if result is None:
        return
    console = Console()
    console.print(
        f"{result.events:,} events in {result.batches:,} batches, levels of {result.intervals:,} quarter hours; "
        + ("everything balances" if result.verdict.balanced else f"[bold red]{result.verdict.detail}[/]"),
        highlight=False,
    )
    if not result.verdict.balanced:
        sys.exit(1)
