"""`openiwd serve`: API, UI, metrics and distribution on a PostgreSQL of one's own."""

from __future__ import annotations

from typing import Annotated

import typer
import uvloop

from openiwd.cli.option import ApiPort, Host, MetricsPort, ReadyAsJson
from openiwd.cli.ready import say_ready
from openiwd.processes.logs import configure_logs
from openiwd.processes.running import Part, run
from openiwd.processes.serve import Serving
from openiwd.processes.settings import read_settings


def serve(
    host: Host = None,
    port: ApiPort = None,
    metrics_port: MetricsPort = None,
    decide: Annotated[
        bool,
        typer.Option(
            "--decide/--no-decide", help="Distribute as well, or leave that to other processes entirely."
        ),
    ] = True,
    as_json: ReadyAsJson = False,
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
