"""`openiwd replay`: a real event log as work items and agents, with a progress bar and a closing summary."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from openiwd.cli.duration_text import duration_text
from openiwd.cli.output import output
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.replay.summary import Share, Summary
from openiwd.processes.logs import configure_logs
from openiwd.processes.replay import Options, Place, Result, StoppedError
from openiwd.processes.replay import replay as run_replay


def replay(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.xes.gz|.csv", help="The event log.", exists=True, dir_okay=False)
    ],
    mapping: Annotated[
        Path | None,
        typer.Option(help="What columns or attributes mean; a table needs one.", exists=True, dir_okay=False),
    ] = None,
    speed: Annotated[float, typer.Option(min=0, help="Times real time; 0 = as fast as it goes.")] = 0,
    data: Annotated[
        Path | None, typer.Option(help="Folder for the replay's own server; default: one for each log.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Replay on this server instead, in the tenant of the API key.")
    ] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="OPENIWD_API_KEY", help="With --url: the key, with all privileges.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON, nothing else.")] = False,
) -> None:
    """Replay an event log. Nothing is pushed: the log decides who gets what. Run again, it goes on where it stopped."""
    if url is not None and api_key is None:
        raise InvalidInputError("--url needs --api-key", field="--api-key", hint="or set OPENIWD_API_KEY")
    if url is not None and data is not None:
        raise InvalidInputError(
            "--data is for a server of the replay's own, --url for another one", field="--data"
        )
    configure_logs("warning")
    options = Options(log=file, mapping=mapping, speed=speed, data_dir=data, url=url, api_key=api_key)
    console = Console(stderr=True, quiet=as_json)
    try:
        with _bar(console) as bar:
            result = uvloop.run(run_replay(options, _Shown(console, bar)))
    except StoppedError as stopped:
        console.print(f"{stopped.message}; {stopped.hint}", highlight=False)
        sys.exit(130)
    if as_json:
        sys.stdout.write(msgspec.json.encode(result.summary).decode() + "\n")
    else:
        _print(result)
    if result.differs:
        _print_differences(result)
        sys.exit(1)


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


class _Shown:
    """Shows how the replay goes."""

    def __init__(self, console: Console, bar: Progress) -> None:
        self._console = console
        self._bar = bar
        self._line: TaskID | None = None

    def step(self, text: str) -> None:
        self._console.print(f"[dim]{text} …[/]", highlight=False)

    def began(self, place: Place, url: str) -> None:
        if place.done:
            self._console.print(
                f"going on after operation {place.done:,} of {place.total:,}", highlight=False
            )
        self._console.print(f"replaying on {url}", highlight=False)
        self._line = self._bar.add_task(_day(place), total=place.total, completed=place.done)

    def moved(self, place: Place) -> None:
        if self._line is not None:
            self._bar.update(self._line, completed=place.done, description=_day(place))


def _day(place: Place) -> str:
    return f"{place.at:%Y-%m-%d %H:%M}"


def _print(result: Result) -> None:
    console = output()
    summary = result.summary
    figures = Table(title="Replayed", title_justify="left", show_header=False, show_edge=False)
    figures.add_column()
    figures.add_column(justify="right")
    for name, value in _figures(summary):
        figures.add_row(name, f"{value:,}")
    console.print(figures)
    console.print(_categories(summary))
    said = summary.log_sla
    if said is not None:
        console.print(
            f"Within SLA: {_percent(summary.sla)} here, {said.share:.1%} by the log itself "
            f"({said.within:,} of {said.judged:,}); both agree on {said.agree:,} items.",
            highlight=False,
        )
    if result.data_dir is not None:
        console.print(f"Data: {result.data_dir}", highlight=False, soft_wrap=True)


def _figures(summary: Summary) -> list[tuple[str, int]]:
    always = [
        ("created", summary.created),
        ("assigned", summary.assigned),
        ("returned", summary.returned),
        ("completed by agents", summary.completed_by_agents),
        ("completed by the source", summary.completed_by_source),
    ]
    sometimes = [("held", summary.held), ("resumed", summary.resumed), ("reopened", summary.reopened)]
    ends = [("queued at the end", summary.queued_at_end), ("assigned at the end", summary.assigned_at_end)]
    rare = [("held at the end", summary.held_at_end), ("other at the end", summary.other_at_end)]
    return always + [f for f in sometimes if f[1]] + ends + [f for f in rare if f[1]]


def _categories(summary: Summary) -> Table:
    table = Table(title="Time in queue and share within SLA", title_justify="left", show_edge=False)
    table.add_column("category", no_wrap=True)
    for column in ("items", "stays", "mean", "median", "p90", "within SLA"):
        table.add_column(column, justify="right")
    for category in summary.categories:
        waits = category.waits
        times = [duration_text(t) for t in (waits.mean, waits.median, waits.p90)]
        table.add_row(
            category.category, f"{category.items:,}", f"{waits.count:,}", *times, _percent(category.sla)
        )
    table.add_section()
    table.add_row("all", f"{summary.created:,}", "", "", "", "", _percent(summary.sla))
    return table


def _percent(share: Share) -> str:
    return "-" if share.share is None else f"{share.share:.1%}"


def _print_differences(result: Result) -> None:
    console = Console(stderr=True)
    console.print("[bold red]The server's data differ from the log:[/]", highlight=False)
    for name, (planned, found) in result.differs.items():
        console.print(f"  {name}: {found:,} instead of {planned:,}", highlight=False)
