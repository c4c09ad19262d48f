"""Notifications of the Workspace API: CometD by long polling, on one channel, for answers that come later.

A session is opened at the first need and begun anew when the service has forgotten it. Whatever does not come in time
is told as no answer; nothing is decided by a notification alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import msgspec

from openiwd.adapters.gws.session import GwsSession
from openiwd.domain.errors import OpenIwdError
from openiwd.ports.external_router import RouterAwayError

PATH: Final = "/workspace/v3/notifications"
INITIALIZE: Final = "/workspace/v3/initialize-workspace"
CHANNEL: Final = "/workspace/v3/media-management"
POLL_SECONDS: Final = 45.0
"""The service answers a poll with nothing after 30 seconds."""
MOST_KEPT: Final = 1_000


class Expected:
    """Messages that belong to one operation."""

    def __init__(self, seconds: float) -> None:
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_KEPT)
        self._seconds = seconds

    def put(self, message: dict[str, Any]) -> None:
        with suppress(asyncio.QueueFull):
            self._queue.put_nowait(message)

    async def message(self, kind: str) -> dict[str, Any]:
        """The next one of a kind; RouterAwayError when none comes in time."""
        try:
            async with asyncio.timeout(self._seconds):
                while True:
                    message = await self._queue.get()
                    if message.get("notificationType") == kind:
                        return message
        except TimeoutError as error:
            raise RouterAwayError(f"no notification {kind} within {self._seconds:g} seconds") from error


class Notifications:
    """One CometD session, and who waits for which operation."""

    def __init__(self, session: GwsSession) -> None:
        self._session = session
        self._waiting: dict[str, Expected] = {}
        self._client: str | None = None
        self._loop: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def expecting(self, operation_id: str) -> AsyncIterator[Expected]:
        """Listens from before the request is sent, as an answer can be quicker than its receipt.

        Where no session can be opened the answer itself may still say all.
        """
        expected = Expected(self._session.settings.timeout_seconds)
        self._waiting[operation_id] = expected
        try:
            with suppress(OpenIwdError):
                await self._open()
            yield expected
        finally:
            del self._waiting[operation_id]

    async def close(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
            self._loop = None

    async def _open(self) -> None:
        async with self._opening:
            if self._loop is not None and not self._loop.done():
                return
            with suppress(OpenIwdError):  # not every service asks for it
                await self._session.send(
                    "POST", self._session.settings.workspace + INITIALIZE, {"data": {}}, bearer=True
                )
            shaken = await self._ask(
                {
                    "channel": "/meta/handshake",
                    "version": "1.0",
                    "minimumVersion": "1.0",
                    "supportedConnectionTypes": ["long-polling"],
                    "advice": {"timeout": 30_000, "interval": 0},
                }
            )
            client = next((m.get("clientId") for m in shaken if m.get("channel") == "/meta/handshake"), None)
            if not isinstance(client, str):
                raise RouterAwayError("the notifications shake no hands")
            self._client = client
            await self._ask({"channel": "/meta/subscribe", "clientId": client, "subscription": CHANNEL})
            self._loop = asyncio.get_running_loop().create_task(self._poll(client), name="gws notifications")

    async def _poll(self, client: str) -> None:
        """Until the service has forgotten the session, or is away."""
        message = {"channel": "/meta/connect", "clientId": client, "connectionType": "long-polling"}
        with suppress(OpenIwdError):
            while True:
                answers = await self._ask(message, POLL_SECONDS)
                connected = next((m for m in answers if m.get("channel") == "/meta/connect"), {})
                if connected.get("successful") is False:
                    return

    async def _ask(self, message: dict[str, Any], seconds: float | None = None) -> list[dict[str, Any]]:
        """Only a poll may wait for long: everything else stands before work that others wait for."""
        settings = self._session.settings
        reply = await self._session.exchange(
            settings.workspace + PATH, [message], seconds=seconds or settings.timeout_seconds
        )
        try:
            answers = msgspec.json.decode(reply)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RouterAwayError("the notifications answer with something else than JSON") from error
        found = [a for a in answers if isinstance(a, dict)] if isinstance(answers, list) else []
        for one in found:
            if one.get("channel") == CHANNEL and isinstance(one.get("data"), dict):
                self._deliver(one["data"])
        return found

    def _deliver(self, data: dict[str, Any]) -> None:
        expected = self._waiting.get(str(data.get("operationId")))
        if expected is not None:
            expected.put(data)
