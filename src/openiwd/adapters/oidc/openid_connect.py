"""OpenID Connect, the code flow with PKCE: discovery, the way to the log-in page, redeeming the code, logging out.

Reaches the provider through the guarded way out only; decides nothing about who may do what.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

from openiwd.adapters.oidc.token import UnknownKeyError, checked, refused
from openiwd.domain.errors import UnavailableError
from openiwd.ports.identity_provider import Attempt, Client, Identified
from openiwd.ports.outbound import Outbound

DISCOVERY: Final = "/.well-known/openid-configuration"
SECONDS: Final = 15.0
"""For each request to the provider."""
KEPT_SECONDS: Final = 3_600.0
ASK_AGAIN_SECONDS: Final = 10.0
"""A token with an unknown key makes us ask for keys again, but not more often than this."""
MOST_ISSUERS: Final = 500


class Metadata(Struct, kw_only=True):
    """Of the provider's own description, what we use."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _Known(Struct):
    metadata: Metadata
    keys: KeySet
    until: float
    keys_at: float


class OpenIdConnect:
    """Implements `openiwd.ports.identity_provider.IdentityProvider`."""

    def __init__(self, outbound: Outbound, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._outbound = outbound
        self._monotonic = monotonic
        self._known: dict[str, _Known] = {}

    async def address(self, client: Client, attempt: Attempt) -> str:
        known = await self._provider(client.issuer)
        digest = hashlib.sha256(attempt.verifier.encode("ascii")).digest()
        query = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": attempt.redirect_uri,
            "scope": " ".join(client.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return _with_query(known.metadata.authorization_endpoint, query)

    async def redeem(
        self, client: Client, attempt: Attempt, *, code: str, issuer: str | None, now: datetime
    ) -> Identified:
        known = await self._provider(client.issuer)
        metadata = known.metadata
        named = issuer is not None or metadata.authorization_response_iss_parameter_supported
        if named and issuer != metadata.issuer:  # RFC 9207
            raise refused("the answer comes from another provider")
        answer = await self._tokens(client, metadata, attempt, code)
        id_token = answer.get("id_token")
        if not isinstance(id_token, str):
            raise refused("the provider gave no token")
        claims = await self._claims(known, client, id_token, attempt.nonce, now)
        access_token = answer.get("access_token")
        if metadata.userinfo_endpoint is not None and isinstance(access_token, str):
            more = await self._user_info(metadata.userinfo_endpoint, access_token)
            if more.get("sub") != claims["sub"]:
                raise refused("the provider tells of two people at once")
            claims = {**more, **claims}
        return Identified(subject=f"{metadata.issuer} {claims['sub']}", claims=claims, id_token=id_token)

    async def log_out_address(self, client: Client, id_token: str, back_to: str) -> str | None:
        endpoint = (await self._provider(client.issuer)).metadata.end_session_endpoint
        if endpoint is None:
            return None
        query = {
            "id_token_hint": id_token,
            "client_id": client.client_id,
            "post_logout_redirect_uri": back_to,
        }
        return _with_query(endpoint, query)

    async def _tokens(
        self, client: Client, metadata: Metadata, attempt: Attempt, code: str
    ) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if client.client_secret is None:
            form["client_id"] = client.client_id
        elif "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": client.client_id, "client_secret": client.client_secret}
        return await self._json(
            "POST", metadata.token_endpoint, headers=headers, body=urlencode(form).encode()
        )

    async def _claims(
        self, known: _Known, client: Client, id_token: str, nonce: str, now: datetime
    ) -> dict[str, Any]:
        issuer = known.metadata.issuer
        try:
            return checked(id_token, known.keys, client, nonce, issuer, now)
        except UnknownKeyError:
            # keys are changed without notice: the new ones are asked for once
            if self._monotonic() - known.keys_at < ASK_AGAIN_SECONDS:
                raise refused("the token is signed with a key that the provider does not have") from None
        known.keys, known.keys_at = await self._keys(known.metadata.jwks_uri), self._monotonic()
        try:
            return checked(id_token, known.keys, client, nonce, issuer, now)
        except UnknownKeyError as error:
            raise refused("the token is signed with a key that the provider does not have") from error

    async def _provider(self, issuer: str) -> _Known:
        known = self._known.get(issuer)
        if known is not None and known.until > self._monotonic():
            return known
        raw = await self._json("GET", issuer.rstrip("/") + DISCOVERY)
        try:
            metadata = msgspec.convert(raw, Metadata)
        except msgspec.ValidationError as error:
            raise _away(f"the provider's description cannot be read: {error}") from error
        if metadata.issuer.rstrip("/") != issuer.rstrip("/"):
            raise _away(f"the provider calls itself '{metadata.issuer[:200]}', not '{issuer[:200]}'")
        keys = await self._keys(metadata.jwks_uri)
        if len(self._known) >= MOST_ISSUERS:
            self._known.clear()
        now = self._monotonic()
        self._known[issuer] = _Known(metadata, keys, now + KEPT_SECONDS, now)
        return self._known[issuer]

    async def _keys(self, address: str) -> KeySet:
        raw = await self._json("GET", address)
        try:
            return KeySet.import_key_set({"keys": list(raw["keys"])})
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise _away("the provider's keys cannot be read") from error

    async def _user_info(self, address: str, access_token: str) -> Mapping[str, Any]:
        return await self._json("GET", address, headers={"Authorization": f"Bearer {access_token}"})

    async def _json(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Mapping[str, Any]:
        asked = headers or {"Accept": "application/json"}
        try:
            answer = await self._outbound.ask(method, url, asked, body, seconds=SECONDS)
        except UnavailableError as error:
            raise _away(f"{url[:200]} was not reached: {error.message}") from error
        try:
            content = msgspec.json.decode(answer.body)
        except msgspec.DecodeError:
            content = None
        if not 200 <= answer.status < 300:
            told = content.get("error") if isinstance(content, dict) else None
            if answer.status >= 500:
                raise _away(f"{url[:200]} answered {answer.status}")
            raise refused(f"the provider refused: {str(told or answer.status)[:200]}")
        if not isinstance(content, dict):
            raise _away(f"{url[:200]} did not answer with JSON")
        return content


def _with_query(address: str, query: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"


def _away(message: str) -> UnavailableError:
    return UnavailableError(
        message,
        code="providerAway",
        hint="check the provider's address, and that this installation may reach it",
    )
