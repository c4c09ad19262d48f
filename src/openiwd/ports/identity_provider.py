"""Needs: logging people in at an identity provider of theirs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct


class Client(Struct, frozen=True, kw_only=True):
    """What we are to the provider."""

    issuer: str
    client_id: str
    client_secret: str | None = None
    scopes: tuple[str, ...] = ("openid",)


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt to log in: what the answer has to fit. Never leaves us but sealed."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str


class Identified(Struct, frozen=True, kw_only=True):
    """Who the provider says it is. `subject` never changes; all else may."""

    subject: str
    claims: dict[str, Any]
    id_token: str


class IdentityProvider(Protocol):
    """OpenID Connect, authorization code flow with PKCE.

    UnauthenticatedError `providerRefused` when an answer does not fit; UnavailableError `providerAway` when none comes.
    """

    async def address(self, client: Client, attempt: Attempt) -> str:
        """Where the browser goes to log in."""
        ...

    async def redeem(
        self, client: Client, attempt: Attempt, *, code: str, issuer: str | None, now: datetime
    ) -> Identified:
        """Exchanges the code, and checks the token that comes: signature, issuer, audience, nonce, times."""
        ...

    async def log_out_address(self, client: Client, id_token: str, back_to: str) -> str | None:
        """Where the browser goes so that the provider's session ends, too; None when there is no such place."""
        ...
