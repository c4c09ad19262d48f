"""Checks ID tokens: signature by the provider's keys, issuer, audience, nonce and times. Fetches nothing."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from openiwd.domain.errors import UnauthenticatedError
from openiwd.ports.identity_provider import Client

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512", "EdDSA")
"""Signatures by the provider's own key only: no token without one, none by a shared secret."""
SKEW_SECONDS: Final = 60
OLDEST_SECONDS: Final = 600
"""A token is made for this log-in, minutes ago at most."""


class UnknownKeyError(Exception):
    """The token names a key that is not among those known: the provider may have new ones."""


def refused(message: str) -> UnauthenticatedError:
    return UnauthenticatedError(
        message, code="providerRefused", hint="log in once more; if it stays so, tell an administrator"
    )


def checked(
    id_token: str, keys: KeySet, client: Client, nonce: str, issuer: str, now: datetime
) -> dict[str, Any]:
    """The token's claims. UnauthenticatedError when anything about it is wrong, UnknownKeyError to ask for new keys."""
    try:
        token = jwt.decode(id_token, keys, algorithms=list(ALGORITHMS))
    except (JoseError, ValueError) as error:
        raise UnknownKeyError(str(error)) from error
    claims = dict(token.claims)
    _check_parties(claims, client, issuer)
    _check_times(claims, now)
    told = claims.get("nonce")
    if not isinstance(told, str) or not hmac.compare_digest(told.encode(), nonce.encode()):
        raise refused("the provider's answer belongs to another log-in")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise refused("the provider does not say who logged in")
    return claims


def _check_parties(claims: Mapping[str, Any], client: Client, issuer: str) -> None:
    if claims.get("iss") != issuer:
        raise refused("the token is of another issuer")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client.client_id not in audiences:
        raise refused("the token is meant for somebody else")
    party = claims.get("azp")
    if (len(audiences) > 1 or party is not None) and party != client.client_id:
        raise refused("the token was made for somebody else")


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    at = now.timestamp()
    until, made, begins = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    if not all(isinstance(n, int | float) and not isinstance(n, bool) for n in (until, made, begins)):
        raise refused("the token does not say until when it is good")
    assert until is not None and made is not None  # noqa: S101, PT018 - just looked at
    if at > until + SKEW_SECONDS:
        raise refused("the token is over; are the clocks right?")
    if max(made, begins) > at + SKEW_SECONDS:
        raise refused("the token is of the future; are the clocks right?")
    if at - made > OLDEST_SECONDS + SKEW_SECONDS:
        raise refused("the token is too old; are the clocks right?")
