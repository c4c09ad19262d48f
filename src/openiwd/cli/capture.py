"""`openiwd capture`: reads capture points in a process of its own; `openiwd capture test`: a dry run of a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop
from rich.table import Table
from rich.text import Text

from openiwd.cli.option import Host, MetricsPort, ReadyAsJson
from openiwd.cli.output import output
from openiwd.cli.ready import say_ready
from openiwd.domain.capture.answer import AnswerError
from openiwd.processes.capture_trial import Trial, trial_point, try_file
from openiwd.processes.logs import configure_logs
from openiwd.processes.running import Part, Running, run
from openiwd.processes.settings import read_settings

app = typer.Typer(help="Capture points: files, and other sources that are read.", add_completion=False)


@app.callback(invoke_without_command=True)
def capture(
    context: typer.Context,
    host: Host = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Health; 0 = any free one.")] = 0,
    metrics_port: MetricsPort = None,
    as_json: ReadyAsJson = False,
) -> None:
    """Read the capture points of all tenants: each is read by one process, others of these stand by."""
    if context.invoked_subcommand is not None:
        return
    settings = read_settings()
    configure_logs(settings.log_level)
    uvloop.run(
        run(
            settings,
            kind=Running,
            host=host or settings.host,
            port=port,
            metrics_port=settings.metrics_port if metrics_port is None else metrics_port,
            part=Part.CAPTURE,
            when_ready=lambda process: say_ready(process, as_json=as_json),
        )
    )


@app.command(name="test")
def trial(
    file: Annotated[
        Path, typer.Argument(help="A file as it would be dropped: CSV, XLSX, XML, JSON or NDJSON.")
    ],
    mapping: Annotated[
        Path | None,
        typer.Option(help="YAML or JSON: a mapping, or a whole capture point. Without one, names decide."),
    ] = None,
    rows: Annotated[
        int, typer.Option(min=0, max=1_000, help="How many records to show; failing ones always.")
    ] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, nothing else.")] = False,
) -> None:
    """Try a file against a mapping without a server: what each record would become. Ends with code 1 if any fails."""
    result = try_file(file, trial_point(mapping), rows)
    if as_json:
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    else:
        _print(result)
    if result.failed:
        sys.exit(1)


def _print(result: Trial) -> None:
    table = Table(box=None, header_style="bold")
    for name in ("record", "message", "captureId", "becomes"):
        table.add_column(name, overflow="fold")
    for line in result.lines:
        if line.error is None:
            told = Text(msgspec.json.encode(line.values).decode())
        else:
            told = _refusal(line.error)
        # As texts: what a file holds in brackets is no markup.
        table.add_row(str(line.number), line.message or "–", Text(line.capture_id or "–"), told)
    console = output()
    console.print(table)
    refused = result.failed - result.broken
    console.print(f"{result.records} records, {refused} would be refused", highlight=False)
    if result.broken:
        sound = result.records - refused
        console.print(f"The file is broken there: {sound} before it would be taken.", highlight=False)


def _refusal(error: AnswerError) -> Text:
    """The field at fault as the source calls it, what is wrong with it, and what to do."""
    named = error.field and error.field not in error.message
    told = Text(f"{error.field}: {error.message}" if named else error.message, style="red")
    return told.append(f" ({error.hint})", style="default") if error.hint else told
