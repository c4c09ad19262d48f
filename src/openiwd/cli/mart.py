"""`openiwd datamart`: the data mart of one tenant, a chain once or chains on and on."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
import uvloop

from openiwd.cli.output import output
from openiwd.processes.logs import configure_logs
from openiwd.processes.mart import MartOptions
from openiwd.processes.mart import mart as run_mart
from openiwd.processes.monitoring import tell_surroundings
from openiwd.processes.settings import MartSettings, read_mart_settings, read_told
from openiwd.usecases.mart_run import Chain, RunResult

app = typer.Typer(
    help="The data mart of one tenant, loaded from IWD's reporting events.",
    no_args_is_help=True,
    add_completion=False,
)


def _mart(settings: MartSettings, options: MartOptions) -> RunResult | None:
    configure_logs(settings.log_level)
    told = read_told()
    tell_surroundings(told.certificates, customary_names=told.customary_metrics)
    return uvloop.run(run_mart(settings, options))


@app.command()
def run(
    chain: Annotated[
        Chain | None, typer.Option(help="Default: OPENIWD_MART_CHAIN, else intraday.", show_default=False)
    ] = None,
) -> None:
    """Run one chain and end (historical: with retention; full: rebuilt). Code 1 where the mart does not balance."""
    settings = read_mart_settings()
    result = _mart(settings, MartOptions(chain=chain or settings.chain))
    assert result is not None  # noqa: S101 - a chain that is named always ends with what it did
    console = output()
    console.print(
        f"{result.events:,} events in {result.batches:,} batches, levels of {result.intervals:,} quarter hours; "
        + ("everything balances" if result.verdict.balanced else f"[bold red]{result.verdict.detail}[/]"),
        highlight=False,
    )
    if not result.verdict.balanced:
        sys.exit(1)


@app.command()
def serve(
    interval: Annotated[
        float | None,
        typer.Option(
            min=1,
            help="Seconds between runs; default: OPENIWD_MART_INTERVAL_SECONDS, else 15.",
            show_default=False,
        ),
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Metrics; default 10052, 0 = none.")
    ] = None,
) -> None:
    """Run chains on time until it is told to end: intraday again and again, historical once a day."""
    settings = read_mart_settings()
    port = settings.metrics_port if metrics_port is None else metrics_port
    seconds = settings.interval_seconds if interval is None else interval
    _mart(settings, MartOptions(interval=seconds, metrics_port=port))
