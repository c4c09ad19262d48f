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


class Outbound(Protocol):
    """Sends over HTTP. Follows no redirect; connects to public addresses and to those that the installation allows."""

    def refusal(self, url: str) -> str | None:
        """What stands against an address, as far as its text tells: other schemes, credentials, inner addresses."""
        ...

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> OutboundAnswer:
        """Whatever goes wrong is an answer, and comes within the time-out."""
        ...
