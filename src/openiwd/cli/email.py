"""`openiwd email`: the email service, a process of its own that knows IWD by its address and an API key.

`openiwd email parse` tries its parser on files, without any server.
"""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer
import uvloop
from rich.console import Console

from openiwd.processes.email import serve_email
from openiwd.processes.email_parse import parse_files
from openiwd.processes.logs import configure_logs
from openiwd.processes.monitoring import tell_surroundings
from openiwd.processes.settings import read_email_settings, read_told
from openiwd.usecases.email_parse import ToldEmail

UNREAD = 1
app = typer.Typer(name="email", help="The email service; and its parser alone.")


@app.callback(invoke_without_command=True)
def email(
    ctx: typer.Context,
    url: Annotated[
        str | None, typer.Option(help="IWD's address; default OPENIWD_URL, else port 4024 here.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Where health and metrics answer; default here only.")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Health and metrics; default none.")
    ] = None,
    most: Annotated[
        int, typer.Option(min=1, max=1_000, help="Mailboxes that this process holds at most.")
    ] = 100,
) -> None:
    """Read and send mail: any number of these share the mailboxes, one process each; a killed one's are taken over."""
    if ctx.invoked_subcommand is not None:
        return
    settings = read_email_settings()
    configure_logs(settings.log_level)
    told = read_told()
    tell_surroundings(told.certificates, customary_names=told.customary_metrics)
    address = url or settings.url

    def say_ready() -> None:
        Console(stderr=True).print(f"email service of {address}", highlight=False)

    uvloop.run(
        serve_email(
            address,
            settings.api_keys,
            host=host or settings.host,
            metrics_port=metrics_port or settings.metrics_port,
            most=most,
            bytes_at_once=settings.bytes_at_once,
            cloud=settings.cloud,
            when_ready=say_ready,
        )
    )


@app.command("parse")
def parse(
    files: Annotated[list[str], typer.Argument(help="Messages as files (.eml); - is standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line per file.")] = False,
) -> None:
    """Read messages as the service does and tell what is in them. Exit code 1: some file could not be read."""
    all_read = True
    for told, is_read in parse_files(files):
        all_read = all_read and is_read
        if as_json:
            sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
        else:
            _print(told)
    sys.stdout.flush()
    if not all_read:
        raise typer.Exit(UNREAD)


def _print(told: ToldEmail) -> None:
    console = Console(highlight=False, markup=False)
    authors = ", ".join(f"{a.name or ''} <{a.address or ''}>".strip() for a in told.from_)
    facts = (
        ("from", authors),
        ("subject", told.subject),
        ("date", told.date),
        ("kind", told.kind),
        ("language", told.language),
        ("files", ", ".join(f"{f.filename} ({f.size})" for f in told.attachments)),
        ("defects", "; ".join(told.defects)),
    )
    console.print(told.file, style="bold")
    for name, value in facts:
        if value:
            console.print(f"  {name:<9} {value}")
    console.print(told.new_text or "", end="\n\n")
