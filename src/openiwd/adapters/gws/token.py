"""Tokens of the Authentication API: fetched by the configured grant, renewed before they end, forgotten on a 401."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from openiwd.domain.gws import GwsSettings
from openiwd.ports.external_router import RouterAwayError, RouterRefusedError
from openiwd.ports.outbound import NotReachedError, Outbound, OutboundReply, ReplyLostError

PATH: Final = "/auth/v3/oauth/token"
USER_INFO: Final = "/auth/v3/openid/userinfo"
ASSUMED_SECONDS: Final = 300.0
"""Of a token whose answer does not say how long it is valid."""
EARLY_SHARE: Final = 0.2
EARLY_SECONDS: Final = 60.0
"""A token is renewed when this is left of it, or a fifth of its time where that is less."""


class _Token:
    __slots__ = ("early", "refresh", "text", "until")

    def __init__(self, text: str, refresh: str | None, now: float, seconds: float) -> None:
        self.text = text
        self.refresh = refresh
        self.until = now + seconds
        self.early = min(EARLY_SECONDS, EARLY_SHARE * seconds)

    def is_fresh(self, now: float) -> bool:
        return now < self.until - self.early


class TokenSource:
    """One token at a time; many who need one at once share the request for it."""

    def __init__(
        self, outbound: Outbound, settings: GwsSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._outbound = outbound
        self._settings = settings
        self._clock = clock
        self._token: _Token | None = None
        self._lock = asyncio.Lock()
        self.fetched = 0

    async def token(self) -> str:
        """RouterRefusedError when the client is not let in; RouterAwayError when there is no answer."""
        known = self._token
        if known is not None and known.is_fresh(self._clock()):
            return known.text
        async with self._lock:
            known = self._token
            if known is None or not known.is_fresh(self._clock()):
                known = self._token = await self._fetch(known)
            return known.text

    def forget(self, text: str) -> None:
        """The token was not taken (401): the next one is fetched anew."""
        if self._token is not None and self._token.text == text:
            self._token = None

    async def _fetch(self, before: _Token | None) -> _Token:
        if before is not None and before.refresh is not None:
            reply = await self._ask({"grant_type": "refresh_token", "refresh_token": before.refresh})
            if reply.status == 200:
                return self._read(reply)
        form = {"grant_type": self._settings.grant, "scope": "*"}
        if self._settings.grant == "password":
            form |= {"username": self._settings.username, "password": self._settings.password}
        return self._read(await self._ask(form))

    async def _ask(self, form: dict[str, str]) -> OutboundReply:
        settings = self._settings
        basic = base64.b64encode(f"{settings.client_id}:{settings.client_secret}".encode()).decode()
        headers = {
            "Authorization": f"Basic {basic}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        if settings.api_key:
            headers["x-api-key"] = settings.api_key
        try:
            return await self._outbound.ask(
                "POST", settings.auth_url.rstrip("/") + PATH, headers, urlencode(form).encode(),
                seconds=settings.timeout_seconds,
            )  # fmt: skip
        except (NotReachedError, ReplyLostError) as error:
            raise RouterAwayError(f"no token: {error.message}") from error

    def _read(self, reply: OutboundReply) -> _Token:
        body = read_object(reply.body)
        if reply.status in (400, 401, 403):
            raise RouterRefusedError(
                f"no token: {error_text(reply, body)}",
                code="notLetIn",
                field="clientId",
                hint="check client, secret and grant",
            )
        inner = body.get("data")
        told = inner if isinstance(inner, dict) and "access_token" in inner else body
        text = told.get("access_token")
        if reply.status != 200 or not isinstance(text, str) or not text:
            raise RouterAwayError(f"no token: {error_text(reply, body)}", retry_after=retry_after(reply))
        seconds = told.get("expires_in")
        lasts = float(seconds) if isinstance(seconds, int | float) and seconds > 0 else ASSUMED_SECONDS
        refresh = told.get("refresh_token")
        self.fetched += 1
        return _Token(text, refresh if isinstance(refresh, str) and refresh else None, self._clock(), lasts)


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer; nothing of it where it is plain text or something else."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def error_text(reply: OutboundReply, body: dict[str, Any]) -> str:
    """What an answer says went wrong: `{status:{code,message,detail}}`, an OAuth error, or plain text."""
    status = body.get("status")
    told = status if isinstance(status, dict) else body
    parts = [told.get("message"), told.get("detail"), body.get("error"), body.get("error_description")]
    text = ", ".join(str(part) for part in parts if part)
    plain = "" if body else reply.body[:200].decode("utf-8", "replace").strip()
    return f"{reply.status} {text or plain}".strip()[:300]


def retry_after(reply: OutboundReply) -> float | None:
    """Seconds that the service asks for, where it says so in digits."""
    text = (reply.header("retry-after") or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None
