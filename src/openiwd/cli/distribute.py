"""`openiwd distribute`: the decider in a process of its own, on a PostgreSQL of one's own."""

from __future__ import annotations

from typing import Annotated

import typer
import uvloop

from openiwd.cli.option import Host, MetricsPort, ReadyAsJson
from openiwd.cli.ready import say_ready
from openiwd.processes.logs import configure_logs
from openiwd.processes.running import Part, run
from openiwd.processes.serve import Serving
from openiwd.processes.settings import read_settings


def distribute(
    host: Host = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="For requests that others pass on; default 4025, 0 = any free one."
        ),
    ] = None,
    metrics_port: MetricsPort = None,
    as_json: ReadyAsJson = False,
) -> None:
    """Grant items to agents: one process decides for a tenant, others of these stand by and follow when it is gone."""
    settings = read_settings()
    configure_logs(settings.log_level)
    uvloop.run(
        run(
            settings,
            kind=Serving,
            host=host or settings.host,
            port=settings.distribute_port if port is None else port,
            metrics_port=settings.metrics_port if metrics_port is None else metrics_port,
            part=Part.DISTRIBUTE,
            when_ready=lambda process: say_ready(process, as_json=as_json),
        )
    )
