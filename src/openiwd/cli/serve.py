"""`openiwd serve`: API, UI, metrics and distribution on a PostgreSQL of one's own."""

from __future__ import annotations

from typing import Annotated

import typer
import uvloop

from openiwd.cli.ready import say_ready
from openiwd.processes.logs import configure_logs
from openiwd.processes.running import Part, run
from openiwd.processes.serve import Serving
from openiwd.processes.settings import read_settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="API and UI; default 4024, 0 = any free one.")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Metrics; default 10052.")
    ] = None,
    decide: Annotated[
        bool,
        typer.Option(
            "--decide/--no-decide", help="Distribute as well, or leave that to other processes entirely."
        ),
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON when ready, nothing else.")
    ] = False,
) -> None:
    """Serve the tenants of the control database that OPENIWD_DATABASE_URL names; any number of these side by side."""
    settings = read_settings()
    configure_logs(settings.log_level)

    uvloop.run(
        run(
            settings,
            kind=Serving,
            host=host or settings.host,
            port=settings.port if port is None else port,
            metrics_port=settings.metrics_port if metrics_port is None else metrics_port,
            part=Part.ALL if decide else Part.SERVE,
            when_ready=lambda process: say_ready(process, as_json=as_json),
        )
    )
