"""Needs: other processes of this installation, asked over their API on behalf of whoever asked here."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from msgspec import Struct

from openiwd.domain.errors import UnavailableError


class PeerRequest(Struct, frozen=True, kw_only=True):
    """A request as it came: `target` is path and query, `headers` hold the caller's own credentials."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


class PeerAnswer(Struct, frozen=True, kw_only=True):
    """What the other process answered, whatever its status."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


class DecidingProcess(Struct, frozen=True):
    """Who holds a tenant's decider lease; without an id its holder is gone, and nobody has followed yet."""

    id: UUID | None
    address: str | None


class PeerUnreachedError(UnavailableError):
    """The request did not reach the other process: it can be repeated elsewhere."""


class PeerLostError(UnavailableError):
    """The other process was lost after the request had gone out: whether it was done is unknown."""


class Peers(Protocol):
    """Sends a request to the API of another process; in a short time it answers or one of the two errors is raised."""

    async def ask(self, address: str, request: PeerRequest) -> PeerAnswer: ...
