"""Requests that bypass the framework for speed: headers and bodies read from ASGI, answers in JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec
from litestar.types import Receive, Scope, Send

from openiwd.api.call import Call, address_of, admit
from openiwd.api.errors import PROBLEM_JSON, as_known, headers_of, problem_of, status_of, unexpected
from openiwd.domain.errors import InvalidInputError, TooLargeError
from openiwd.usecases.platform import Platform

RawHandler = Callable[[Call, Mapping[str, str], bytes], Awaitable["Answer"]]
"""(call, query parameters, body) → what to answer."""
MAX_QUERY: Final = 8_192


class Answer(msgspec.Struct):
    status: int
    body: bytes
    headers: dict[str, str] = {}


class _GoneError(Exception):
    """The client left before its request was complete."""


_encode: Final = msgspec.json.Encoder().encode


def json_answer(status: int, value: Any, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, _encode(value), headers or {})


async def read_body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """The whole body; TooLargeError as soon as it is known to be too long."""
    announced = headers.get("content-length")
    if announced is not None and announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _GoneError
        if message["type"] == "http.request":
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"the request is larger than {limit} bytes", hint="send less at once", limit=limit)


def headers_from(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def cookies_from(headers: Mapping[str, str]) -> dict[str, str]:
    text = headers.get("cookie")
    if text is None:
        return {}
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(text).items()}
    except CookieError:
        return {}


def query_from(scope: Scope) -> dict[str, str]:
    text = scope.get("query_string", b"")
    if not text:
        return {}
    if len(text) > MAX_QUERY or b"%00" in text:
        raise InvalidInputError(
            "the query is too long or holds a NUL character", code="invalidText", hint="shorten it"
        )
    return {k: v[-1] for k, v in parse_qs(text.decode("latin-1"), keep_blank_values=True).items()}


class RawRoute:
    """One route outside the framework, admitted by the same table and with the same errors."""

    def __init__(self, platform: Platform, route: str, limit: int, handler: RawHandler) -> None:
        self._platform = platform
        self.route = route
        self._limit = limit
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            headers = headers_from(scope)
            query = query_from(scope)
            cookies = {} if "x-api-key" in headers else cookies_from(headers)
            call = await admit(self._platform, self.route, "POST", headers, cookies, address_of(scope))
            scope.setdefault("state", {})["call"] = call
            body = await read_body(receive, headers, self._limit)
            answer = await self._handler(call, query, body)
            content_type = "application/json"
        except _GoneError:
            return
        except Exception as error:  # noqa: BLE001 - the edge: every fault of a request becomes an answer
            known = as_known(error) or unexpected(error, scope.get("path", ""))
            answer = Answer(status_of(known), _encode(problem_of(known)), headers_of(known))
            content_type = PROBLEM_JSON
        sent = [(b"content-type", content_type.encode()), (b"content-length", str(len(answer.body)).encode())]
        sent += [(k.encode(), v.encode("latin-1")) for k, v in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": sent})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})
