"""Builders: capture points on a real tenant, their readers driven step by step, and the ways that messages come by.

A new kind of capture point gets a `Way` and its line in `WAYS`; the suite of the eight messages then runs over it
as well.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from openiwd.adapters.files.adapter import FileAdapter
from openiwd.ports.capture import CaptureSource
from openiwd.usecases.capture_batch import opened
from openiwd.usecases.capture_point import stored_points
from openiwd.usecases.capture_reader import CaptureReader
from tests.factories.api import World

POINT = "claims"


async def put_point(api: World, point_id: str = POINT, **fields: Any) -> dict[str, Any]:
    """Creates or replaces a capture point by the API."""
    answer = await api.call("PUT", f"/capture-points/{point_id}", json={"name": point_id, **fields})
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


@asynccontextmanager
async def reading(
    api: World, point_id: str = POINT, wrap: Callable[[CaptureSource], CaptureSource] | None = None
) -> AsyncIterator[CaptureReader]:
    """The reader of a capture point under a new epoch, to be driven by `step`."""
    services = await api.services()
    async with services.runtime.store.reading() as tx:
        (point,) = [p.point for p in await stored_points(tx) if p.point.id == point_id]
    async with services.runtime.store.writing() as tx:
        epoch = await tx.take_over_capture(point_id)
    adapter = api.platform.capture_adapters[point.kind]
    async with adapter.open(point, "t") as source:
        yield CaptureReader(services, opened(point, "t"), wrap(source) if wrap else source, epoch)


async def step_until(reader: CaptureReader, done: Callable[[], bool | Awaitable[bool]]) -> None:
    """Steps of the reader until something is true."""
    async with asyncio.timeout(60):
        while True:
            answer = done()
            if answer is True or (answer is not False and await answer):
                return
            await reader.step()


class Way(Protocol):
    """How messages come to a capture point under test, and how answers and notifications come back."""

    def begin(self, api: World) -> None:
        """Gives the process what it needs for this kind."""
        ...

    def source(self) -> dict[str, Any]:
        """The `source` of the capture point."""
        ...

    async def send(self, api: World, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Sends the messages in order; the answer to each."""
        ...

    async def notifications(self, api: World, /) -> list[dict[str, Any]]:
        """Those that have come back so far, once the reader has looked at the whole log."""
        ...


class RestWay:
    """By the API; it has no way back for notifications but webhooks."""

    def __init__(self, _: Path) -> None:
        pass

    def begin(self, api: World) -> None:
        pass

    def source(self) -> dict[str, Any]:
        return {"kind": "rest"}

    async def send(self, api: World, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        answer = await api.post(f"/capture-points/{POINT}/messages", list(messages))
        assert answer.status_code == 200, answer.text
        return list(answer.json()["answers"])

    async def notifications(self, _: World, /) -> list[dict[str, Any]]:
        return []


class FileWay:
    """By files of JSON lines in a watched folder."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "capture"
        self.folder = self.root / "t" / "in" / "claims"
        self._sent = 0

    def begin(self, api: World) -> None:
        api.platform.capture_adapters = {**api.platform.capture_adapters, "file": FileAdapter(self.root)}

    def source(self) -> dict[str, Any]:
        return {"kind": "file", "folder": "in/claims", "settleSeconds": 0, "answers": "all"}

    def drop(self, name: str, content: bytes) -> Path:
        """A file as another system would leave it: written aside, renamed."""
        inbound = self.folder / "inbound"
        inbound.mkdir(parents=True, exist_ok=True)
        aside = inbound / f".{name}"
        aside.write_bytes(content)
        aside.rename(inbound / name)
        return inbound / name

    def files(self, folder: str) -> list[Path]:
        found = self.folder / folder
        return sorted(p for p in found.iterdir() if not p.name.startswith(".")) if found.exists() else []

    def idle(self) -> bool:
        """Nothing waits, nothing is being read."""
        taken = self.folder / ".taken"
        return not self.files("inbound") and taken.exists() and not any(taken.iterdir())

    async def send(self, api: World, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        self._sent += 1
        name = f"m{self._sent:03}.ndjson"
        self.drop(name, b"".join(json.dumps(m).encode() + b"\n" for m in messages))
        async with reading(api) as reader:
            await step_until(reader, self.idle)
        (answers,) = [p for p in self.files("notification") if p.name.startswith(f"m{self._sent:03}.")]
        return [json.loads(line) for line in answers.read_text().splitlines()]

    async def notifications(self, api: World, /) -> list[dict[str, Any]]:
        services = await api.services()
        async with reading(api) as reader:
            await services.feed.catch_up()
            while await reader.notifier.step():
                pass
        told = [p for p in self.files("notification") if ".answers." not in p.name]
        return [json.loads(line) for p in told for line in p.read_text().splitlines()]


WAYS: dict[str, Callable[[Path], Way]] = {"rest": RestWay, "file": FileWay}
NOTIFYING = ("file",)
"""Kinds that bring notifications back by themselves."""


async def items_at(api: World, point_id: str = POINT) -> list[dict[str, Any]]:
    """All items of a capture point, by captureId."""
    wanted = {"attribute": "capturePoint", "operator": "eq", "value": point_id}
    answer = await api.post("/items/search", {"filter": wanted, "limit": 500, "sort": ["captureId"]})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def inbox(api: World, point_id: str = POINT, **query: Any) -> list[dict[str, Any]]:
    answer = await api.get(f"/capture-points/{point_id}/errors", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["errors"])


def lines(records: Sequence[dict[str, Any]]) -> bytes:
    """The records as NDJSON."""
    return b"".join(msgspec.json.encode(r) + b"\n" for r in records)
