"""A program that runs one embedded PostgreSQL until it is told to end; for tests that kill the parent.

Prints one JSON line when the server answers, or one with the error. Its argument: the constructor's, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from openiwd.adapters.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError


async def main() -> None:
    options = json.loads(sys.argv[1])
    for name in ("data_dir", "system_dir"):
        if name in options:
            options[name] = Path(options[name])
    server = EmbeddedPostgres(**options)
    try:
        await server.start()
    except EmbeddedPostgresError as error:
        print(json.dumps({"error": error.code, "message": error.message, "hint": error.hint}), flush=True)  # noqa: T201
        return
    try:
        print(json.dumps({"dsn": server.dsn(), "pid": server.pid}), flush=True)  # noqa: T201
        await asyncio.Event().wait()
    finally:
        await server.stop()


if __name__ == "__main__":
    # A run in the background inherits SIGINT as ignored; tests send it all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(130)
