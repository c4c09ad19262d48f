"""Row h: memory of an idle `openiwd up --demo`, whole process tree, and the time from nothing to the first page."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import msgspec

from benchmarks.processes import ROOT, data_folder, proportional_megabytes, tree
from benchmarks.result import Ratio, Result, Row, write

MEGABYTES = 400.0
SECONDS = 10.0
READY_WITHIN = 120.0
COMMAND = [
    str(Path(sys.executable).with_name("openiwd")), "up", "--demo", "--no-traffic", "--json", "--port", "0",
    "--metrics-port", "0",
]  # fmt: skip


def measure(idle_seconds: float) -> tuple[list[Row], list[Ratio]]:
    """A first start on an empty folder; the demo's traffic is off, so that idle means idle."""
    with data_folder() as folder:
        started = time.perf_counter()
        process = subprocess.Popen([*COMMAND, "--data", str(folder)], cwd=ROOT, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            ready = msgspec.json.decode(process.stdout.readline())
            with urlopen(ready["url"] + "/", timeout=READY_WITHIN) as page:  # noqa: S310 - our own server
                page.read()
            cold = time.perf_counter() - started
            time.sleep(idle_seconds)
            processes = tree(process.pid)
            server = proportional_megabytes([p.pid for p in processes if "postgres" not in p.name()])
            postgres = proportional_megabytes([p.pid for p in processes if "postgres" in p.name()])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
    rows = [
        Row("h: memory of OpenIWD", server, "MB (PSS)"),
        Row("h: memory of PostgreSQL", postgres, "MB (PSS)"),
        Row("h: processes", float(len(processes)), ""),
    ]
    total = server + postgres
    return rows, [
        Ratio("h: idle memory in MB (below)", total, MEGABYTES, total < MEGABYTES),
        Ratio("h: seconds to the first page (below)", cold, SECONDS, cold < SECONDS),
    ]


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m benchmarks.footprint", description=__doc__)
    options.add_argument(
        "--quick", action="store_true", help="idle for 5 seconds only; the results file stays"
    )
    chosen = options.parse_args()
    found = measure(5 if chosen.quick else 30)
    write(Result("footprint", *found), keep=not chosen.quick)
