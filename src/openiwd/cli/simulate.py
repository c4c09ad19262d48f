"""`openiwd simulate`: an invented tenant in virtual time on the real decision code, with a bar and a closing report."""

from __future__ import annotations

import sys
import time
from random import Random
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from openiwd.cli.duration_text import duration_text
from openiwd.cli.output import output
from openiwd.domain.instant import HOUR
from openiwd.domain.simulation.dice import Bag, Dice
from openiwd.domain.simulation.run import Simulation
from openiwd.domain.simulation.summary import ServiceLevel, Summary, Waits
from openiwd.domain.simulation.tenant import Size

_SHOWN_EVERY = 0.2
"""Seconds between two movements of the bar."""


def simulate(
    agents: Annotated[int, typer.Option(min=1, max=100_000, help="How many agents.")] = 100,
    items: Annotated[int, typer.Option(min=0, max=10_000_000, help="How many items arrive.")] = 5_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same result, byte for byte.")] = 1,
    hours: Annotated[
        int, typer.Option(min=1, max=2_000, help="Virtual hours, from a Friday morning on.")
    ] = 84,
    skills: Annotated[
        int, typer.Option(min=1, max=1_000, help="Skills of the tenant; an agent has ten.")
    ] = 50,
    signatures: Annotated[int, typer.Option(min=1, max=100_000, help="Kinds of items.")] = 2_000,
    faults: Annotated[
        bool, typer.Option("--faults", help="Lose deciders and agents, repeat notifications.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON, nothing else.")] = False,
) -> None:
    """Simulate distribution in virtual time, without a database. Ends with code 1 if an invariant was violated."""
    size = Size(agents=agents, items=items, hours=hours, skills=skills, signatures=signatures, faults=faults)
    console = Console(stderr=True)
    started = time.perf_counter()
    simulation = Simulation(size, seed, _bag(seed), time.perf_counter)
    with _bar(console, as_json=as_json) as bar:
        summary = simulation.run(_Shown(bar, hours * HOUR))
    seconds = time.perf_counter() - started
    console.print(
        f"{simulation.decisions:,} decisions in {seconds:,.1f} s: {simulation.decisions / seconds:,.0f} per second "
        f"({simulation.decision_seconds:,.1f} s of it in the decision code)",
        highlight=False,
    )
    if as_json:
        sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
    else:
        _print(summary)
    if summary.violated:
        sys.exit(1)


def _bag(seed: int) -> Bag:
    def dice(part: str, /) -> Dice:
        return Random(f"{seed}/{part}")  # noqa: S311 - a simulation, no secret

    return dice


def _bar(console: Console, *, as_json: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=as_json or not console.is_terminal,
    )


class _Shown:
    """Moves the bar, now and then."""

    def __init__(self, bar: Progress, total: int) -> None:
        self._bar = bar
        self._line = bar.add_task("0 items", total=total)
        self._due = 0.0

    def __call__(self, gone: int, arrived: int) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + _SHOWN_EVERY
            self._bar.update(self._line, completed=gone, description=f"{arrived:,} items")


def _print(summary: Summary) -> None:
    console = output()
    figures = Table(title="Simulated", title_justify="left", show_header=False, show_edge=False)
    figures.add_column()
    figures.add_column(justify="right")
    for name, count in summary.counts.items():
        figures.add_row(name, f"{count:,}")
    used = summary.utilisation
    for name, share in (
        ("utilisation", used.overall),
        ("… p10", used.p10),
        ("… p50", used.p50),
        ("… p90", used.p90),
    ):
        figures.add_row(f"{name} of {used.agents:,} agents", _percent(share))
    console.print(figures)
    console.print(_queues(summary))
    checks = Table(title="Checked", title_justify="left", show_header=False, show_edge=False)
    checks.add_column()
    checks.add_column(justify="right")
    for name, count in summary.checks.items():
        checks.add_row(name, f"{count:,}")
    console.print(checks)
    if not summary.violated:
        console.print("[green]No invariant was violated.[/]")
        return
    console.print("[bold red]Violated invariants:[/]")
    for rule, count in summary.violated.items():
        console.print(f"  {rule}: {count:,}", highlight=False)
    for one in summary.violations:
        console.print(
            f"  at {one.at}: {one.rule}: {one.detail} (item {one.item}, agent {one.agent})", highlight=False
        )


def _queues(summary: Summary) -> Table:
    table = Table(title="Time in queue and share within SLA", title_justify="left", show_edge=False)
    table.add_column("queue", no_wrap=True)
    for column in ("arrived", "left", "stays", "mean", "p50", "p90", "p99", "max", "within SLA"):
        table.add_column(column, justify="right")
    for queue in summary.queues:
        table.add_row(queue.queue, *_row(queue.arrived, queue.left, queue.waits, queue.service_level))
    table.add_section()
    arrived, left = (
        sum(counts) for counts in zip(*((q.arrived, q.left) for q in summary.queues), strict=True)
    )
    table.add_row("all", *_row(arrived, left, summary.waits, summary.service_level))
    return table


def _row(arrived: int, left: int, waits: Waits, level: ServiceLevel) -> list[str]:
    times = [duration_text(t) for t in (waits.mean, waits.p50, waits.p90, waits.p99, waits.max)]
    return [f"{arrived:,}", f"{left:,}", f"{waits.count:,}", *times, _percent(level.share)]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
