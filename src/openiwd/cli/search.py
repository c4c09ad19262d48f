"""`openiwd search`: how the search indexes are, and building them anew."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer
import uvloop
from rich.progress import Progress, TaskID

from openiwd.cli.output import output
from openiwd.processes import search_command
from openiwd.processes.settings import read_settings
from openiwd.usecases.search_feeding import Built

app = typer.Typer(help="The search index (Elasticsearch or OpenSearch) of each tenant.", add_completion=False)
TenantOption = Annotated[str | None, typer.Option(help="Only this tenant.")]


@app.command()
def status(
    tenant: TenantOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")] = False,
) -> None:
    """Say how far each index shows the log, and when it was built."""
    found = uvloop.run(search_command.status(read_settings(), tenant))
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        return
    console = output()
    for one in found:
        built = "" if one.built is None else f", last built because: {one.built.reason}"
        shown = f"shows {one.shown_to} of {one.head}" if one.index else "there is none yet"
        console.print(f"[bold]{one.tenant}[/] {one.index or ''} {shown}{built}", highlight=False)


@app.command()
def reindex(tenant: TenantOption = None) -> None:
    """Build a new index beside the one in use and put it in its place; searches go on meanwhile.

    A running `openiwd serve` does it: this command asks for it and shows how far it is.
    """
    with Progress(console=output()) as progress:
        bars: dict[str, TaskID] = {}

        def tell(tenant_id: str, built: Built) -> None:
            if tenant_id not in bars:
                bars[tenant_id] = progress.add_task(tenant_id, total=max(1, built.of))
            done = built.of if built.done_at else built.items
            progress.update(bars[tenant_id], total=max(1, built.of), completed=max(1, done))

        uvloop.run(search_command.reindex(read_settings(), tenant, tell))
