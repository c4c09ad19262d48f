"""`openiwd doctor`: what is wrong, with evidence and the fix; by a running server or by the databases alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
import typer
import uvloop
from rich.console import Console
from rich.markup import escape

from openiwd.cli.output import output
from openiwd.domain.doctor.finding import Finding, Severity
from openiwd.domain.errors import OpenIwdError
from openiwd.processes import doctor as doctor_process
from openiwd.processes.settings import Settings, read_settings
from openiwd.usecases.doctor import Report

STYLES: Final = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
FINE, WARNED, ILL = 0, 1, 2


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON, nothing else.")] = False,
    url: Annotated[
        str | None,
        typer.Option(envvar="OPENIWD_URL", help="Of a running server; else the databases are asked."),
    ] = None,
    key: Annotated[
        str | None, typer.Option(envvar="OPENIWD_API_KEY", help="An API key of the tenant, for --url.")
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(help="Only this tenant, where the databases are asked.")
    ] = None,
) -> None:
    """Say what is wrong. Ends with 0: nothing (or only hints), 1: warnings, 2: critical findings, or no answer."""
    try:
        reports = uvloop.run(_reports(read_settings(), url, key, tenant))
    except OpenIwdError as error:
        console = Console(stderr=True)
        console.print(f"[bold red]openiwd:[/] {escape(error.message)}", highlight=False)
        if error.hint:
            console.print(f"  {escape(error.hint)}", highlight=False)
        raise typer.Exit(ILL) from error
    if as_json:
        sys.stdout.write(msgspec.json.encode(reports).decode() + "\n")
    else:
        for report in reports:
            _print(report)
    raise typer.Exit(max(exit_code(report) for report in reports))


async def _reports(
    settings: Settings, url: str | None, key: str | None, tenant: str | None
) -> Sequence[Report]:
    place = doctor_process.place_of(settings, url, key)
    if place is not None:
        return [await doctor_process.ask_server(place)]
    return await doctor_process.ask_databases(settings, tenant)


def exit_code(report: Report) -> int:
    """By the worst finding; hints are no reason to stop a pipeline."""
    match report.worst:
        case Severity.CRITICAL:
            return ILL
        case Severity.WARNING:
            return WARNED
        case _:
            return FINE


def _print(report: Report) -> None:
    console = output()
    counts = ", ".join(f"{n} {name}" for name, n in report.counts.items())
    console.print(
        f"\n[bold]{escape(report.tenant)}[/] as of {report.at:%Y-%m-%d %H:%M:%S} UTC: {counts}\n",
        highlight=False,
    )
    for one in report.findings:
        _print_finding(console, one)
    slowest = max(report.checks, key=lambda c: c.milliseconds, default=None)
    if slowest is not None:
        told = f"{len(report.checks)} checks, the slowest ({slowest.check}) took {slowest.milliseconds} ms"
        console.print(f"[dim]{told}[/]\n", highlight=False)


def _print_finding(console: Console, one: Finding) -> None:
    style = STYLES[one.severity]
    console.print(f"[{style}]{one.severity.value.upper():8}[/] {escape(one.what)}", highlight=False)
    evidence = [f"{name} {value}" for name, value in one.figures.items()]
    evidence += [f"e.g. {', '.join(e.text or e.id for e in one.examples)}"] if one.examples else []
    if evidence:
        console.print(f"         [dim]{escape('; '.join(evidence))}[/]", highlight=False)
    if one.severity is not Severity.INFO:
        console.print(f"         → {escape(one.fix)}", highlight=False)
    if one.link:
        console.print(f"         [dim]{escape(one.link)}[/]", highlight=False, soft_wrap=True)
