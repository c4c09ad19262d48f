"""The API behind a real HTTP server, what only sockets show: oversize requests, clients that leave, streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
import uvicorn
from structlog.testing import capture_logs

from openiwd.api import stream as stream_routes
from openiwd.domain.privilege import Role
from openiwd.web.app import create_web
from tests.factories.api import World, raw
from tests.servers.until import until


@pytest.fixture
async def port(api: World) -> AsyncIterator[int]:
    config = uvicorn.Config(
        api.api, port=0, lifespan="off", log_config=None, access_log=False, http="httptools"
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    server.force_exit = True
    await running


def client(api: World, port: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}/iwd/v3", headers={"x-api-key": api.keys["t"]}, timeout=30
    )


async def test_items_go_in_and_out_over_a_socket(api: World, port: int) -> None:
    async with client(api, port) as http:
        created = await http.post("/items", json=raw("c1"))
        assert created.status_code == 201
        assert (await http.get(f"/items/{created.json()['id']}")).json()["captureId"] == "c1"
        head = await http.head(f"/items/{created.json()['id']}")
        assert head.status_code in (200, 405)
        encoded = await http.get("/items/ext_c1%2Fx")
        assert encoded.status_code == 404


@pytest.mark.parametrize("chunked", [False, True])
async def test_what_is_too_large_is_refused_while_it_comes(api: World, port: int, *, chunked: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * 200_000

    async with client(api, port) as http:
        for path in ("/items", "/items/batch", "/items/search"):
            content = pieces() if chunked else b" " * 12_800_000
            try:
                answer = await http.post(path, content=content, headers={"content-type": "application/json"})
            except httpx.WriteError:
                continue  # the server has answered and closed before all of it was sent
            assert answer.status_code == 413, (path, answer.text)
            assert answer.json()["code"] == "tooLarge"
        assert (await http.post("/items", json=raw("c1"))).status_code == 201


@pytest.mark.parametrize("path", ["/iwd/v3/items", "/iwd/v3/items/search", "/login"])
async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_fault_of_ours(
    api: World, port: int, path: str
) -> None:
    api.api._web = create_web()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {api.keys['t']}\r\ncontent-length: 1000\r\n"
        f"content-type: {'application/x-www-form-urlencoded' if path == '/login' else 'application/json'}\r\n\r\n"
    )

    def counted() -> dict[str, float]:
        """Requests by code."""
        (family,) = api.api.metrics.requests.collect()
        return {s.labels["code"]: s.value for s in family.samples if s.name.endswith("_count")}

    with capture_logs() as logs:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + b'{"captureId":')
        await writer.drain()
        writer.close()
        await until(counted)
    assert "500" not in counted()
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


async def test_a_client_that_leaves_does_not_cancel_its_write(api: World, port: int) -> None:
    body = msgspec.json.encode(raw("gone"))
    head = (
        f"POST /iwd/v3/items HTTP/1.1\r\nhost: x\r\nx-api-key: {api.keys['t']}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + body)
    await writer.drain()
    line = (await api.services()).intake
    await until(lambda: line._running > 0 or _exists(api, "gone"))
    writer.close()
    await until(lambda: _exists(api, "gone"))


async def _exists(api: World, capture_id: str) -> bool:
    return (await api.get(f"/items/ext_{capture_id}")).status_code == 200


async def test_a_client_that_leaves_halfway_writes_nothing(api: World, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST /iwd/v3/items HTTP/1.1\r\nhost: x\r\nx-api-key: {api.keys['t']}\r\ncontent-length: 500\r\n\r\n"
    )
    writer.write(head.encode() + b'{"captureId":"half"')
    await writer.drain()
    writer.close()
    assert await reader.read() == b""
    assert not await _exists(api, "half")


async def test_the_stream_over_a_socket(api: World, port: int) -> None:
    await api.follow()
    async with client(api, port) as http, http.stream("GET", "/stream") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        lines = stream.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        await api.item("c1")
        seen: list[str] = []
        async for line in lines:
            seen.append(line)
            if line.startswith("data:"):
                break
    assert "event: items" in seen
    assert "id: 1.1" in seen
    assert '"event":"created"' in seen[-1]
    # the server notices that the reader is gone
    await until(lambda: b"iwd_streams 0.0" in _metrics(api))


async def test_a_stream_over_a_socket_ends_with_its_key(
    api: World, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_routes, "HEARTBEAT_SECONDS", 0.05)
    await api.follow()
    await api.add_key("sue", Role.SUPERVISOR)
    key = next(k for k in (await api.get("/api-keys")).json()["apiKeys"] if k["name"] == "sue")
    headers = {"x-api-key": api.keys["sue"]}
    async with client(api, port) as http, http.stream("GET", "/stream", headers=headers) as stream:
        lines = stream.aiter_lines()
        while await anext(lines) != ": heartbeat":
            pass
        assert (await api.call("DELETE", f"/api-keys/{key['id']}")).status_code == 204
        async with asyncio.timeout(20):
            assert "data" not in "".join([line async for line in lines])


def _metrics(api: World) -> bytes:
    return f"iwd_streams {api.api.metrics.streams._value.get()}".encode()
