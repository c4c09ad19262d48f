"""Needs: tokens of authorization servers, for mailboxes. MailProviderError (`token`): refused, or away."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from openiwd.domain.email.mailbox import Mailbox


class CloudToken(Struct, frozen=True, kw_only=True):
    """An access token and for how long it is good; perhaps a new refresh token."""

    access_token: str
    seconds: int
    refresh_token: str | None = None


class ConsentRequest(Struct, frozen=True, kw_only=True):
    """What the browser brings back is redeemed with."""

    code: str
    verifier: str
    redirect_uri: str


class OAuth(Protocol):
    """Asks the provider that the mailbox's access names. Nothing is kept."""

    async def by_application(self, mailbox: Mailbox, secret: str) -> CloudToken:
        """Client credentials, `secret` being the client's. Google: a service account's key (JSON) that acts for the
        mailbox's user.
        """
        ...

    async def by_refresh(self, mailbox: Mailbox, secret: str, refresh_token: str) -> CloudToken: ...

    async def redeem(self, mailbox: Mailbox, secret: str, request: ConsentRequest) -> CloudToken:
        """The code of a person's consent, once."""
        ...

    def consent_url(self, mailbox: Mailbox, redirect_uri: str, state: str, challenge: str) -> str:
        """Where the person's browser is to go; `challenge` is the SHA-256 of the verifier (PKCE)."""
        ...

    def refusal(self, mailbox: Mailbox) -> str | None:
        """What stands against the token address that somebody has typed in, as far as its text tells."""
        ...
