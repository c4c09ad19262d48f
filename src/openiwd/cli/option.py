"""Options that several commands have alike."""

from __future__ import annotations

from typing import Annotated

import typer

Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
ApiPort = Annotated[
    int | None, typer.Option(min=0, max=65535, help="API and UI; default 4024, 0 = any free one.")
]
MetricsPort = Annotated[int | None, typer.Option(min=0, max=65535, help="Metrics; default 10052.")]
ReadyAsJson = Annotated[bool, typer.Option("--json", help="Print one line of JSON when ready, nothing else.")]
