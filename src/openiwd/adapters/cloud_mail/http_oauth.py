"""Tokens of mail providers: client credentials, service account, refresh, a person's consent. Keeps none."""

from __future__ import annotations

import base64
import time
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import httpx
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from openiwd.domain.email.cloud import (
    GOOGLE_SCOPES,
    MICROSOFT_DEFAULT_SCOPE,
    MICROSOFT_SCOPES,
    CloudAddresses,
)
from openiwd.domain.email.mailbox import Access, Mailbox
from openiwd.domain.email.server_oauth import ServerOAuth
from openiwd.ports.mail_provider import MailProviderError
from openiwd.ports.oauth import CloudToken, ConsentRequest
from openiwd.ports.outbound import NotReachedError, Outbound, ReplyLostError

TIMEOUT: Final = httpx.Timeout(15.0, connect=5.0)
GUARDED_SECONDS: Final = 15.0
ASSERTION_SECONDS: Final = 3_600
USUAL_SECONDS: Final = 3_600
JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class _Place(NamedTuple):
    """An authorization server: its name for people, its addresses, and what is asked for."""

    name: str
    token_url: str
    consent_url: str
    scope: str
    """Of a person's consent."""
    more: dict[str, str]
    """What else the address for consenting takes."""


class HttpOAuth:
    """Implements `openiwd.ports.oauth.OAuth`. Addresses that somebody has typed in are asked by `outbound`."""

    def __init__(self, addresses: CloudAddresses, outbound: Outbound) -> None:
        self._addresses = addresses
        self._outbound = outbound
        self._http: httpx.AsyncClient | None = None

    async def by_application(self, mailbox: Mailbox, secret: str) -> CloudToken:
        if mailbox.access is Access.GMAIL:
            assertion = _assertion(secret, mailbox.cloud_user, self._addresses.google_token)
            return await self._token(mailbox, {"grant_type": JWT_BEARER, "assertion": assertion})
        is_server = mailbox.access is Access.IMAP
        scope = _oauth(mailbox).scope if is_server else MICROSOFT_DEFAULT_SCOPE
        form = {
            "grant_type": "client_credentials",
            "client_id": mailbox.client_id,
            "client_secret": secret,
            **({"scope": scope} if scope else {}),
        }
        return await self._token(mailbox, form)

    async def by_refresh(self, mailbox: Mailbox, secret: str, refresh_token: str) -> CloudToken:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, **_client(mailbox, secret)}
        return await self._token(mailbox, form)

    async def redeem(self, mailbox: Mailbox, secret: str, request: ConsentRequest) -> CloudToken:
        form = {
            "grant_type": "authorization_code",
            "code": request.code,
            "code_verifier": request.verifier,
            "redirect_uri": request.redirect_uri,
            **_client(mailbox, secret),
        }
        return await self._token(mailbox, form)

    def consent_url(self, mailbox: Mailbox, redirect_uri: str, state: str, challenge: str) -> str:
        place = self._place(mailbox)
        query = {
            "response_type": "code",
            "client_id": mailbox.client_id,
            "redirect_uri": redirect_uri,
            **({"scope": place.scope} if place.scope else {}),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "login_hint": mailbox.signs_in_as,
            **place.more,
            "prompt": "consent",
        }
        joined = "&" if "?" in place.consent_url else "?"
        return f"{place.consent_url}{joined}{urlencode(query)}"

    def refusal(self, mailbox: Mailbox) -> str | None:
        return self._outbound.refusal(_oauth(mailbox).token_url) if mailbox.access is Access.IMAP else None

    def _place(self, mailbox: Mailbox) -> _Place:
        addresses = self._addresses
        match mailbox.access:
            case Access.GMAIL:
                return _Place(
                    "Google", addresses.google_token, addresses.google_consent, " ".join(GOOGLE_SCOPES),
                    {"access_type": "offline"},
                )  # fmt: skip
            case Access.MICROSOFT:
                login = f"{addresses.microsoft_login.rstrip('/')}/{mailbox.cloud.directory or 'common'}"
                return _Place(
                    "Microsoft", f"{login}/oauth2/v2.0/token", f"{login}/oauth2/v2.0/authorize",
                    " ".join(MICROSOFT_SCOPES), {"response_mode": "query"},
                )  # fmt: skip
            case Access.IMAP:
                oauth = _oauth(mailbox)
                return _Place(
                    "the authorization server", oauth.token_url, oauth.consent_url, oauth.scope,
                    {"access_type": "offline"},
                )  # fmt: skip

    async def _token(self, mailbox: Mailbox, form: dict[str, str]) -> CloudToken:
        place = self._place(mailbox)
        is_typed_in = mailbox.access is Access.IMAP
        status, body = await (self._ask_guarded if is_typed_in else self._ask)(place, form)
        try:
            told = msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.MsgspecError:
            told = {}
        if not 200 <= status < 300:
            words = (told.get("error"), told.get("error_description"))
            said = " ".join(str(w) for w in words if isinstance(w, str)) or str(status)
            raise _failed(f"{place.name} gives no token: {said}")
        token, seconds, refresh = (told.get(n) for n in ("access_token", "expires_in", "refresh_token"))
        if not isinstance(token, str) or not token:
            raise _failed(f"{place.name} answers without a token")
        return CloudToken(
            access_token=token,
            seconds=int(seconds)
            if isinstance(seconds, int | float | str) and str(seconds).isdigit()
            else USUAL_SECONDS,
            refresh_token=refresh if isinstance(refresh, str) and refresh else None,
        )

    async def _ask(self, place: _Place, form: dict[str, str]) -> tuple[int, bytes]:
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, follow_redirects=False)
        try:
            answer = await self._http.post(place.token_url, data=form)
        except httpx.HTTPError as error:
            raise _failed(f"{place.name} gives no token: {str(error) or type(error).__name__}") from error
        return answer.status_code, answer.content

    async def _ask_guarded(self, place: _Place, form: dict[str, str]) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        body = urlencode(form).encode()
        try:
            reply = await self._outbound.ask("POST", place.token_url, headers, body, seconds=GUARDED_SECONDS)
        except (NotReachedError, ReplyLostError) as error:
            raise _failed(f"{place.name} gives no token: {error.message}") from error
        return reply.status, reply.body

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()


def _oauth(mailbox: Mailbox) -> ServerOAuth:
    return mailbox.oauth or ServerOAuth()


def _client(mailbox: Mailbox, secret: str) -> dict[str, str]:
    """An app without a secret of its own (a public client) is known by its id alone."""
    return {"client_id": mailbox.client_id, **({"client_secret": secret} if secret else {})}


def _assertion(key_file: str, subject: str, audience: str) -> str:
    """What a service account signs to act for the mailbox's user."""
    try:
        told = msgspec.json.decode(key_file, type=dict[str, Any])
        issuer, pem = str(told["client_email"]), str(told["private_key"])
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (msgspec.MsgspecError, KeyError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _failed("the service account's key cannot be read") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _failed("the service account's key is no RSA key")
    now = int(time.time())
    head = {"alg": "RS256", "typ": "JWT", "kid": str(told.get("private_key_id", ""))}
    claims = {
        "iss": issuer,
        "sub": subject,
        "scope": " ".join(GOOGLE_SCOPES),
        "aud": audience,
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
    }
    signed = f"{_part(head)}.{_part(claims)}"
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_base64(signature)}"


def _part(value: dict[str, Any]) -> str:
    return _base64(msgspec.json.encode(value))


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _failed(what: str) -> MailProviderError:
    return MailProviderError(
        what[:800], field="token", hint="sign in again, or check client id, secret and directory"
    )
