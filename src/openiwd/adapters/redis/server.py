"""Where Redis is and how it is spoken to, as values; needs no client to be installed."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct


class RedisServer(Struct, frozen=True, kw_only=True):
    """One server, or some nodes of a cluster; the others are found through them."""

    nodes: tuple[tuple[str, int], ...]
    username: str | None = None
    password: str | None = None
    database: int = 0
    """A cluster has number 0 alone."""
    cluster: bool = False
    tls: bool = False
    ca_file: Path | None = None
    """Whom to believe certificates of; None: the machine's authorities."""
    cert_file: Path | None = None
    """With `key_file`: our own certificate, where the server asks for one."""
    key_file: Path | None = None
    patience_seconds: float = 0.25
    """How long a request waits for an answer before it does without."""
    prefix: str = "openiwd"
    """Of all keys and of the channel: installations that share a server differ in it."""
