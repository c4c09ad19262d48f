"""Requests that come too slowly, over real sockets: told, ended, and without any effect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from openiwd.processes.punctual import HEAD_BYTES, PunctualProtocol
from openiwd.processes.running import http_config
from tests.servers.until import until

HEAD = b"POST /items HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: 10\r\n"
Sockets = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Handler:
    """An app that reads a body to its end, and answers."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.left = 0
        self.answers_first = False
        self.may_read = asyncio.Event()
        self.may_read.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        del scope
        await self.may_read.wait()
        if self.answers_first:
            await self._answer(send, more=True)
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left += 1
                return
            body, more = body + message["body"], message["more_body"]
        self.bodies.append(body)
        await self._answer(send, more=False)

    async def _answer(self, send: Any, *, more: bool) -> None:
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"o" if more else b"ok", "more_body": more})


@asynccontextmanager
async def served(handler: Handler, keep_alive: int = 60) -> AsyncIterator[Callable[[], Awaitable[Sockets]]]:
    config = http_config(handler, ())
    config.port, config.timeout_keep_alive = 0, keep_alive
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield lambda: asyncio.open_connection("127.0.0.1", port)
    server.should_exit = True
    server.force_exit = True
    await running


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PunctualProtocol, "seconds", 0.05)
    monkeypatch.setattr(PunctualProtocol, "grace", 0.05)
    monkeypatch.setattr(PunctualProtocol, "rate", 1e9)


async def trickle(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, for ever: between any two of them little time passes."""
    while not writer.is_closing():
        writer.write(b"x")
        await asyncio.sleep(0.01)


async def problem(reader: asyncio.StreamReader, status: bytes) -> str:
    """The code of the answer, which has this status."""
    told = await reader.readuntil(b"\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 " + status + b" ")
    assert b"application/problem+json" in told
    length = int(told.split(b"content-length: ")[1].split(b"\r\n")[0])
    return str(json.loads(await reader.readexactly(length))["code"])


@pytest.mark.parametrize(
    ("sent", "trickling", "begun"),
    [
        (b"P", False, 0),
        (HEAD, False, 0),
        (HEAD + b"x: ", True, 0),
        (HEAD + b"\r\n", False, 1),
        (HEAD + b"\r\n[1, 2", False, 1),
        (HEAD.replace(b": 10\r\n", b": 1000000\r\n") + b"\r\n", True, 1),
    ],
)
@pytest.mark.usefixtures("impatient")
async def test_who_does_not_come_to_an_end_is_told_so(sent: bytes, begun: int, *, trickling: bool) -> None:
    handler = Handler()
    async with served(handler) as connect:
        reader, writer = await connect()
        writer.write(sent)
        more = asyncio.create_task(trickle(writer)) if trickling else None
        assert await problem(reader, b"408") == "tooSlow"
        if more is not None:
            more.cancel()
            await asyncio.gather(more, return_exceptions=True)
        writer.close()
        await until(lambda: handler.left == begun)
    assert handler.bodies == []


async def test_a_head_without_an_end_is_refused() -> None:
    async with served(Handler()) as connect:
        reader, writer = await connect()
        writer.write(HEAD + b"x: " + b"y" * HEAD_BYTES)
        assert await problem(reader, b"431") == "headTooLarge"
        writer.close()


@pytest.mark.usefixtures("impatient")
async def test_the_second_request_of_a_connection_is_watched_as_well() -> None:
    handler = Handler()
    async with served(handler) as connect:
        reader, writer = await connect()
        writer.write(HEAD + b"\r\n" + b"0123456789")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        writer.write(HEAD)
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        writer.close()
    assert handler.bodies == [b"0123456789"]


@pytest.mark.usefixtures("impatient")
async def test_an_answer_that_has_begun_is_not_mixed_with_another() -> None:
    handler = Handler()
    handler.answers_first = True
    async with served(handler) as connect:
        reader, writer = await connect()
        writer.write(HEAD + b"\r\n")
        assert b"408" not in await reader.read()
        writer.close()


async def test_a_large_body_has_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    whole = PunctualProtocol._looks

    def counted(self: PunctualProtocol) -> None:
        nonlocal looks
        looks += 1
        whole(self)

    monkeypatch.setattr(PunctualProtocol, "_looks", counted)
    monkeypatch.setattr(PunctualProtocol, "seconds", 0.01)
    monkeypatch.setattr(PunctualProtocol, "grace", 0.01)
    monkeypatch.setattr(PunctualProtocol, "rate", 0.01)
    handler = Handler()
    async with served(handler) as connect:
        reader, writer = await connect()
        writer.write(HEAD + b"\r\n01234")
        await until(lambda: looks)
        writer.write(b"56789")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        writer.close()
    assert handler.bodies == [b"0123456789"]


@pytest.mark.usefixtures("impatient")
async def test_what_we_do_not_read_is_not_the_clients_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    whole = PunctualProtocol._looks

    def counted(self: PunctualProtocol) -> None:
        nonlocal looks
        looks += self.flow.read_paused
        whole(self)

    monkeypatch.setattr(PunctualProtocol, "_looks", counted)
    handler = Handler()
    handler.may_read.clear()
    large = b"x" * 400_000
    async with served(handler) as connect:
        reader, writer = await connect()
        writer.write(HEAD.replace(b": 10\r\n", b": 400000\r\n") + b"\r\n" + large)
        await until(lambda: looks >= 3)
        monkeypatch.setattr(PunctualProtocol, "seconds", 60.0)
        handler.may_read.set()
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        writer.close()
    assert handler.bodies == [large]


async def test_who_never_asks_is_let_go() -> None:
    async with served(Handler(), keep_alive=0) as connect:
        reader, writer = await connect()
        assert await reader.read() == b""
        writer.close()
