"""What a process says once it is ready."""

from __future__ import annotations

import sys

import msgspec

from openiwd.cli.output import output
from openiwd.processes.running import Running


def say_ready(process: Running, *, as_json: bool) -> None:
    """One line, for people or for programs."""
    if as_json:
        line = {"url": process.url, "metricsUrl": process.metrics_url}
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        sys.stdout.flush()
    else:
        output().print(f"OpenIWD is ready: {process.url}", highlight=False)
