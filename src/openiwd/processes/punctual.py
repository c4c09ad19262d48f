"""HTTP connections whose requests come too slowly, or whose heads have no end, are told so and ended.

Decides about time and heads alone; how large a body may be is decided by who reads it.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from openiwd.api.errors import PROBLEM_JSON, problem_of, status_of
from openiwd.domain.errors import InvalidInputError, OpenIwdError

REQUEST_SECONDS: Final = 30.0
"""For a request to be here whole."""
BYTES_PER_SECOND: Final = 10_000.0
"""A large one has as much longer as it takes at this rate."""
HEAD_BYTES: Final = 65_536
"""The library has no limit of its own."""
GRACE_SECONDS: Final = 1.0
"""What has arrived already is read first: it may be we who are late."""


def _told(error: OpenIwdError) -> bytes:
    status = HTTPStatus(status_of(error))
    body = msgspec.json.encode(problem_of(error))
    head = (
        f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: {PROBLEM_JSON}\r\n"
        f"content-length: {len(body)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


_TOO_SLOW: Final = _told(
    InvalidInputError(
        "the request came too slowly", code="tooSlow", hint=f"send it within {REQUEST_SECONDS:.0f} seconds"
    )
)
_TOO_LONG: Final = _told(
    InvalidInputError(
        "the request's head is too large", code="headTooLarge", hint=f"send {HEAD_BYTES} bytes at most"
    )
)


class PunctualProtocol(HttpToolsProtocol):
    """As its parent, with an end for requests that are not complete in time and for connections that never ask."""

    seconds: ClassVar[float] = REQUEST_SECONDS
    rate: ClassVar[float] = BYTES_PER_SECOND
    grace: ClassVar[float] = GRACE_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._look: asyncio.TimerHandle | None = None
        self._is_coming = False
        self._has_head = False
        self._is_late = False
        self._began = 0.0
        self._size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._stop_looking()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_coming:
            self._stop_looking()
            return
        self._size += len(data)
        if not self._has_head and self._size > HEAD_BYTES:
            self._end(_TOO_LONG)
        if self._look is None and not self.transport.is_closing():
            self._look_in(self.seconds)

    def on_message_begin(self) -> None:
        self._is_coming, self._has_head, self._is_late = True, False, False
        self._began, self._size = self.loop.time(), 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._has_head = True

    def on_message_complete(self) -> None:
        self._is_coming = False
        super().on_message_complete()

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _look_in(self, seconds: float) -> None:
        self._look = self.loop.call_later(seconds, self._looks)

    def _looks(self) -> None:
        self._look = None
        now = self.loop.time()
        if self.flow.read_paused:
            self._began = now  # nothing is read until the handler asks for it: not the client's fault
        left = self._began + self.seconds + self._size / self.rate - now
        if left > 0:
            self._is_late = False
            self._look_in(left)
        elif not self._is_late:
            self._is_late = True
            self._look_in(self.grace)
        else:
            self._end(_TOO_SLOW)

    def _end(self, told: bytes) -> None:
        """Tells it where no answer has begun, and closes. A handler that waits for the rest hears that it has gone."""
        cycle = self.cycle
        silent = cycle is None or cycle.response_complete
        if self._has_head:
            silent = not self.pipeline and not cycle.response_started
        if silent:
            self.transport.write(told)
        self.transport.close()
