"""Where a process is reached: by people, and by the other processes of the installation."""

from __future__ import annotations

import socket
from typing import Final
from urllib.parse import urlsplit

EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104
POSTGRES_PORT: Final = 5432


def shown_host(host: str) -> str:
    """The host of a URL that people read."""
    return "localhost" if host in ("127.0.0.1", "0.0.0.0") else _in_url(host)  # noqa: S104


def own_address(host: str, port: int, database_dsn: str) -> str:
    """The URL for other processes. Who listens everywhere is reached where it reaches the database from."""
    return f"http://{_in_url(_towards(database_dsn) if host in EVERYWHERE else host)}:{port}"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _towards(database_dsn: str) -> str:
    """This machine's address on the way to the database; nothing is sent."""
    host = (urlsplit(database_dsn).hostname or "localhost").partition(",")[0]  # the first of several
    for family, kind, protocol, _, address in socket.getaddrinfo(host, POSTGRES_PORT, type=socket.SOCK_DGRAM):
        with socket.socket(family, kind, protocol) as probe:
            try:
                probe.connect(address)
            except OSError:
                continue
            return str(probe.getsockname()[0])
    return "127.0.0.1"
