"""`openiwd email`: the email service, a process of its own that knows IWD by its address and an API key."""

from __future__ import annotations

from typing import Annotated

import typer
import uvloop
from rich.console import Console

from openiwd.processes.email import serve_email
from openiwd.processes.logs import configure_logs
from openiwd.processes.monitoring import tell_surroundings
from openiwd.processes.settings import read_email_settings, read_told


def email(
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
            cloud=settings.cloud,
            when_ready=say_ready,
        )
    )
