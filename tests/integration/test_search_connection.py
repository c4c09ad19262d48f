"""A search server behind TLS that wants to know who asks: the certificate, the account, and what is wrong with them."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from openiwd.adapters.search import opensearch_index
from openiwd.adapters.search.opensearch_server import OpenSearchServer
from openiwd.ports.search_index import Fields, SearchAwayError, SearchBusyError
from tests.factories.stored_item import stored_item
from tests.servers.certificate import make_certificate
from tests.servers.search import SearchServerUrl

pytestmark = pytest.mark.timeout(900)
"""The first test of each product starts its server."""
USER, PASSWORD = "openiwd", "of the index"
REFUSAL = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Door:
    """Before a real server without security: TLS, and one account."""

    def __init__(self, port: int) -> None:
        self._port = port
        credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        self._wanted = f"authorization: basic {credentials}".lower().encode()
        self.let_in = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            if self._wanted not in head.lower():
                writer.write(REFUSAL)
                await writer.drain()
            else:
                self.let_in += 1
                await self._pass_on(head, reader, writer)
        writer.close()

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, there = await asyncio.open_connection("127.0.0.1", self._port)
        there.write(head)
        ways = [asyncio.create_task(_pipe(a, b)) for a, b in ((reader, there), (answers, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        there.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while content := await reader.read(65_536):
        writer.write(content)
        await writer.drain()


@pytest.fixture
async def door(opensearch_url: SearchServerUrl, tmp_path: Path) -> AsyncIterator[tuple[Door, str]]:
    make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    made = Door(urlsplit(opensearch_url.url).port or 0)
    server = await asyncio.start_server(made, "127.0.0.1", 0, ssl=context)
    yield made, f"https://localhost:{server.sockets[0].getsockname()[1]}"
    server.close()


class Crowded:
    """A server that has no room for the first writes: for the whole of the first one, for an item of the second."""

    def __init__(self) -> None:
        part = b'{"errors":true,"items":[{"index":{"_id":"1","status":429,"error":{"type":"es_rejected"}}}]}'
        self._answers = [(b"429 Too Many Requests", b"{}"), (b"200 OK", part)]
        self.written = 0

    def is_full(self) -> None:
        self._answers = [(b"429 Too Many Requests", b"{}")] * 9

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
            status, body = b"200 OK", b'{"errors":false,"items":[]}'
            if self._answers:
                status, body = self._answers.pop(0)
            else:
                self.written += 1
            kind = b"Content-Type: application/json\r\nConnection: close\r\n"
            writer.write(b"HTTP/1.1 %s\r\n%bContent-Length: %d\r\n\r\n%b" % (status, kind, len(body), body))
            await writer.drain()
        writer.close()


async def test_a_write_that_a_server_has_no_room_for_is_tried_again_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crowded = Crowded()
    listening = await asyncio.start_server(crowded, "127.0.0.1", 0)
    server = OpenSearchServer([f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"])
    index = server.index("t")
    monkeypatch.setattr(opensearch_index, "BUSY_SECONDS", (0.01, 0.01))
    await index.write("x", [stored_item("a")], {}, Fields())
    assert crowded.written == 1, "at the third try"
    crowded.is_full()
    with pytest.raises(SearchBusyError):
        await index.write("x", [stored_item("a")], {}, Fields())
    assert crowded.written == 1, "no longer than that"
    await server.close()
    listening.close()


async def test_who_asks_is_known_and_whom_is_checked(door: tuple[Door, str], tmp_path: Path) -> None:
    guard, url = door
    ca = str(tmp_path / "tls.crt")
    server = OpenSearchServer([url], user=USER, password=PASSWORD, ca=ca)
    await server.ping()
    assert await server.index("t").state() is None
    await server.close()
    assert guard.let_in > 0
    seen = guard.let_in
    for user, password, authority in ((USER, "a guess", ca), (None, None, ca), (USER, PASSWORD, None)):
        server = OpenSearchServer([url], user=user, password=password, ca=authority)
        with pytest.raises(SearchAwayError) as away:
            await server.ping()
        assert PASSWORD not in str(away.value)
        await server.close()
    assert guard.let_in == seen
