"""Needs: requests to receivers outside, whose addresses somebody has typed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct


class OutboundAnswer(Struct, frozen=True, kw_only=True):
    """What became of a request; without a status the receiver was not reached, refused, or did not answer in time."""

    status: int | None = None
    error: str | None = None
    retry_after: float | None = None
    """Seconds that the receiver asks for."""
    milliseconds: int = 0

    @property
    def is_done(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class OutboundContent(Struct, frozen=True, kw_only=True):
    """An answer with what it says, cut off at a limit."""

    status: int | None = None
    headers: dict[str, str] = {}
    """By lower-case name."""
    body: bytes = b""
    error: str | None = None
    """Why there is no status."""


class Outbound(Protocol):
    """Sends over HTTP. Follows no redirect; connects to public addresses and to those that the installation allows."""

    def refusal(self, url: str) -> str | None:
        """What stands against an address, as far as its text tells: other schemes, credentials, inner addresses."""
        ...

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> OutboundAnswer:
        """Whatever goes wrong is an answer, and comes within the time-out."""
        ...

    async def fetch(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> OutboundContent:
        """The same way out, for requests whose answers are wanted. Whatever goes wrong is an answer too."""
        ...
