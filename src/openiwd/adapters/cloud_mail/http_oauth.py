"""Tokens of Google and Microsoft: client credentials, service account, refresh, a person's consent. Keeps none."""

from __future__ import annotations

import base64
import time
from typing import Any, Final
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
from openiwd.ports.mail_provider import MailProviderError
from openiwd.ports.oauth import CloudToken, ConsentRequest

TIMEOUT: Final = httpx.Timeout(15.0, connect=5.0)
ASSERTION_SECONDS: Final = 3_600
USUAL_SECONDS: Final = 3_600
JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class HttpOAuth:
    """Implements `openiwd.ports.oauth.OAuth`."""

    def __init__(self, addresses: CloudAddresses) -> None:
        self._addresses = addresses
        self._http: httpx.AsyncClient | None = None

    async def by_application(self, mailbox: Mailbox, secret: str) -> CloudToken:
        if mailbox.access is Access.GMAIL:
            assertion = _assertion(secret, mailbox.cloud_user, self._addresses.google_token)
            return await self._token(mailbox, {"grant_type": JWT_BEARER, "assertion": assertion})
        form = {
            "grant_type": "client_credentials",
            "client_id": mailbox.cloud.client_id,
            "client_secret": secret,
            "scope": MICROSOFT_DEFAULT_SCOPE,
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
        is_google = mailbox.access is Access.GMAIL
        query = {
            "response_type": "code",
            "client_id": mailbox.cloud.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(GOOGLE_SCOPES if is_google else MICROSOFT_SCOPES),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "login_hint": mailbox.cloud_user,
            **({"access_type": "offline"} if is_google else {"response_mode": "query"}),
            "prompt": "consent",
        }
        base = self._addresses.google_consent if is_google else self._microsoft(mailbox, "authorize")
        return f"{base}?{urlencode(query)}"

    def _microsoft(self, mailbox: Mailbox, end: str) -> str:
        login = self._addresses.microsoft_login.rstrip("/")
        return f"{login}/{mailbox.cloud.directory or 'common'}/oauth2/v2.0/{end}"

    async def _token(self, mailbox: Mailbox, form: dict[str, str]) -> CloudToken:
        is_google = mailbox.access is Access.GMAIL
        url = self._addresses.google_token if is_google else self._microsoft(mailbox, "token")
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, follow_redirects=False)
        name = "Google" if is_google else "Microsoft"
        try:
            answer = await self._http.post(url, data=form)
        except httpx.HTTPError as error:
            raise _failed(f"{name} gives no token: {str(error) or type(error).__name__}") from error
        try:
            told = msgspec.json.decode(answer.content, type=dict[str, Any])
        except msgspec.MsgspecError:
            told = {}
        if not answer.is_success:
            words = (told.get("error"), told.get("error_description"))
            said = " ".join(str(w) for w in words if isinstance(w, str)) or str(answer.status_code)
            raise _failed(f"{name} gives no token: {said}")
        token, seconds, refresh = (told.get(n) for n in ("access_token", "expires_in", "refresh_token"))
        if not isinstance(token, str) or not token:
            raise _failed(f"{name} answers without a token")
        return CloudToken(
            access_token=token,
            seconds=int(seconds)
            if isinstance(seconds, int | float | str) and str(seconds).isdigit()
            else USUAL_SECONDS,
            refresh_token=refresh if isinstance(refresh, str) and refresh else None,
        )

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()


def _client(mailbox: Mailbox, secret: str) -> dict[str, str]:
    """An app without a secret of its own (a public client) is known by its id alone."""
    return {"client_id": mailbox.cloud.client_id, **({"client_secret": secret} if secret else {})}


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
