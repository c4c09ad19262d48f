"""Requests to GWS and Digital Channels: with token or key, time-out, circuit breaker and, for reading, repeats.

Says what an answer means as an error of the port; what is asked for is the caller's.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any, Final

import msgspec
from msgspec import Struct

from openiwd.adapters.gws.breaker import Breaker
from openiwd.adapters.gws.token import TokenSource, error_text, read_object, retry_after
from openiwd.domain.gws import GwsSettings
from openiwd.ports.external_router import RouterAwayError, RouterRefusedError
from openiwd.ports.outbound import NotReachedError, Outbound, OutboundReply, ReplyLostError

READS: Final = 3
"""So often something is read before it is given up for now."""
FIRST_PAUSE_SECONDS: Final = 0.2
DONE, ACCEPTED = 0, 1


class Told(Struct, frozen=True, kw_only=True):
    """An answer that was understood."""

    status: int
    body: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        data = self.body.get("data")
        return data if isinstance(data, dict) else {}

    @property
    def code(self) -> int:
        """`status.code`: 0 done, 1 accepted, 2 partly; what has none is done."""
        status = self.body.get("status")
        code = status.get("code") if isinstance(status, dict) else None
        return code if isinstance(code, int) else DONE


class GwsSession:
    """`cookies` are those that the Workspace API has set: its notifications belong to a session."""

    def __init__(self, outbound: Outbound, settings: GwsSettings, breaker: Breaker | None = None) -> None:
        self.settings = settings
        self.tokens = TokenSource(outbound, settings)
        self.breaker = breaker or Breaker()
        self.cookies: dict[str, str] = {}
        self._outbound = outbound

    async def read(self, url: str, *, bearer: bool, missing: bool = False) -> Told | None:
        """GET, repeated when the service fails; None for a 404 where `missing` is a possible answer."""
        for number in range(1, READS + 1):
            try:
                return await self.send("GET", url, None, bearer=bearer, missing=missing)
            except RouterAwayError as error:
                if number == READS or error.code == "routerLeftAlone" or error.details.get("retry_after"):
                    raise
                await asyncio.sleep(FIRST_PAUSE_SECONDS * 2 ** (number - 1) * random.uniform(0.5, 1.0))  # noqa: S311
        return None

    async def send(
        self,
        method: str,
        url: str,
        body: Any,
        *,
        bearer: bool,
        missing: bool = False,
        seconds: float | None = None,
    ) -> Told | None:
        """One request, once more with a new token after a 401."""
        reply = await self._authorised(method, url, body, bearer=bearer, seconds=seconds)
        return self._meaning(reply, missing=missing)

    async def json(self, method: str, url: str, body: Any) -> Any:
        """Implements `openiwd.ports.digital_channels.Asking`."""
        reply = await self._authorised(method, url, body, bearer=True, seconds=None)
        self._meaning(reply, missing=False)
        try:
            return msgspec.json.decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RouterAwayError("the answer is no JSON") from error

    async def exchange(self, url: str, body: Any, *, seconds: float) -> bytes:
        """The bytes of an answer that has no `status` of its own: messages of notifications."""
        reply = await self._authorised("POST", url, body, bearer=True, seconds=seconds)
        if reply.status != 200:
            self._meaning(reply, missing=False)
        return reply.body

    async def _authorised(
        self, method: str, url: str, body: Any, *, bearer: bool, seconds: float | None
    ) -> OutboundReply:
        for is_second in (False, True):
            token = await self._token() if bearer else None
            reply = await self._ask(method, url, body, token, seconds)
            if reply.status != 401 or token is None or is_second:
                return reply
            self.tokens.forget(token)
        raise AssertionError

    async def _token(self) -> str:
        self.breaker.enter()
        try:
            return await self.tokens.token()
        except RouterAwayError as error:
            self.breaker.failed(error.message)
            raise
        finally:
            self.breaker.abandoned()

    async def _ask(
        self, method: str, url: str, body: Any, token: str | None, seconds: float | None
    ) -> OutboundReply:
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"bearer {token}"
        if self.settings.api_key:
            headers["x-api-key"] = self.settings.api_key
        if token is not None and self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        content = b""
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(body)
        self.breaker.enter()
        try:
            reply = await self._outbound.ask(
                method, url, headers, content, seconds=seconds or self.settings.timeout_seconds
            )
        except (NotReachedError, ReplyLostError) as error:
            self.breaker.failed(error.message)
            raise RouterAwayError(error.message, code=error.code) from error
        finally:
            self.breaker.abandoned()
        self._note(reply)
        return reply

    def _note(self, reply: OutboundReply) -> None:
        for name, value in reply.headers:
            if name == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key.strip()] = rest.partition(";")[0]
        pause = retry_after(reply) if reply.status in (429, 503) else None
        if pause is not None:
            self.breaker.leave_alone(pause, f"the service asked for a pause of {pause:g} s")
        elif reply.status >= 500 or reply.status == 429:
            self.breaker.failed(f"the service answered {reply.status}")
        else:
            self.breaker.succeeded()

    def _meaning(self, reply: OutboundReply, *, missing: bool) -> Told | None:
        body = read_object(reply.body)
        told = Told(status=reply.status, body=body)
        if 200 <= reply.status < 300:
            if told.code in (DONE, ACCEPTED):
                return told
            raise RouterRefusedError(f"refused: {error_text(reply, body)}", details_code=told.code)
        if reply.status == 404 and missing:
            return None
        text = error_text(reply, body)
        if reply.status in (401, 403):
            raise RouterAwayError(f"not let in: {text}", code="notLetIn", retry_after=30.0)
        if reply.status in (408, 425, 429) or reply.status >= 500 or 300 <= reply.status < 400:
            raise RouterAwayError(text, retry_after=retry_after(reply))
        raise RouterRefusedError(text, status=reply.status)
