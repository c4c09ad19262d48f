"""Needs: requests to receivers outside, whose addresses somebody has typed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from openiwd.domain.errors import UnavailableError


class NotReachedError(UnavailableError):
    """The request did not reach whom it was for."""

    code = "notReached"


class ReplyLostError(UnavailableError):
    """The request may have reached whom it was for, and may have been carried out."""

    code = "replyLost"


class OutboundReply(Struct, frozen=True, kw_only=True):
    """An answer with what it says."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    """Names in small letters, as often as they came."""
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers if known == name), None)


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

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float
    ) -> OutboundReply:
        """The whole answer, whatever its status. NotReachedError or ReplyLostError when there is none in time."""
        ...
