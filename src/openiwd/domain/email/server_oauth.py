"""Sign-in at IMAP and SMTP servers by access tokens instead of passwords: where tokens come from, and for whom."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from openiwd.domain.errors import InvalidInputError

TokenAddress = Annotated[str, Meta(max_length=1_000, pattern=r"^(?:https?://[^\s#]+)?$")]


class SignIn(StrEnum):
    """Who is let in."""

    APPLICATION = "application"
    """OpenIWD itself: a service account, or client credentials."""
    USER = "user"
    """A person who has consented in the browser."""


class ServerOAuth(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The authorization server of IMAP and SMTP servers. The client's secret lies with the mailbox's other ones."""

    sign_in: SignIn = SignIn.APPLICATION
    token_url: TokenAddress = ""
    consent_url: TokenAddress = ""
    """Where a person consents; only for `user`."""
    client_id: Annotated[str, Meta(max_length=200)] = ""
    scope: Annotated[str, Meta(max_length=1_000, pattern=r"^[\x21-\x7e]*(?: [\x21-\x7e]+)*$")] = ""
    """What is asked for, with spaces between; empty: what the server gives by itself."""


def check_server_oauth(oauth: ServerOAuth) -> None:
    """InvalidInputError naming what an enabled mailbox lacks."""
    needed = [
        ("tokenUrl", oauth.token_url, "the token address is missing", "copy it from the provider's documentation"),
        ("clientId", oauth.client_id, "the client id is missing", "copy it from the app's registration"),
    ]  # fmt: skip
    if oauth.sign_in is SignIn.USER:
        missing = "the address for consenting is missing"
        needed.append(("consentUrl", oauth.consent_url, missing, "copy it from the provider's documentation"))
    for name, value, message, hint in needed:
        if not value:
            raise InvalidInputError(message, field=f"oauth.{name}", hint=hint)
