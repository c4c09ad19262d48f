"""A long fault run: `python -m tests.faults --seconds 600 --seed 7`. Ends with code 1 when anything is violated,
or when too little has happened to tell.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from pathlib import Path
from random import SystemRandom
from tempfile import mkdtemp

from tests.faults.fault_run import run
from tests.faults.table import rendered


def main() -> int:
    parser = argparse.ArgumentParser(prog="make faults-long")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long faults are injected")
    parser.add_argument("--seed", type=int, default=None, help="repeats the plan of an earlier run")
    parser.add_argument("--keep", action="store_true", help="keep data and logs when all is well, too")
    parser.add_argument("--table", action="store_true", help="print a line for each kind of fault")
    parser.add_argument("--whole", action="store_true", help="capture, mail, the data mart and Redis as well")
    options = parser.parse_args()
    seed = SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    folder = Path(mkdtemp(prefix="openiwd-faults-", dir="/tmp"))
    print(f"seed {seed}, data and logs in {folder}", flush=True)  # noqa: T201
    report = asyncio.run(run(folder, seed, options.seconds, whole=options.whole, disk=True))
    print(report.line())  # noqa: T201
    print(report.happened)  # noqa: T201
    if report.beside:
        print(report.beside)  # noqa: T201
    if "fill_disk" not in report.faults:
        print("no disk was filled: no file system may be mounted here")  # noqa: T201
    if options.table:
        print(rendered(report.lines, report.violations))  # noqa: T201
    for violation in report.violations:
        print(f"  {violation}")  # noqa: T201
    for text in report.missing():
        print(f"  {text}")  # noqa: T201
    if report.violations or report.missing():
        return 1
    if not options.keep:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
