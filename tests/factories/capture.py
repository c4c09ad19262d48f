"""Builders: capture points on a real tenant, their readers driven step by step, and the ways that messages come by.

A new kind of capture point gets a `Way`, its case in `way_by` and its name in `ONE_OF_EACH`; the suite of the messages
then runs over it as well.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from openiwd.adapters.files.adapter import FileAdapter
from openiwd.ports.capture import CaptureSource
from openiwd.processes.capture_kinds import outside as outside_kinds
from openiwd.usecases.capture_batch import opened
from openiwd.usecases.capture_point import stored_points
from openiwd.usecases.capture_reader import CaptureReader
from openiwd.usecases.capture_secret import unsealed
from tests.factories.api import World
from tests.factories.outside import ALL_COLUMNS, Outside, Table, postgres_source, queue, topic
from tests.servers.mariadb import PASSWORD

POINT = "claims"
SECRET = "a secret that both sides know"


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
    async with adapter.open(unsealed(api.platform, "t", point), "t") as source:
        yield CaptureReader(services, opened(point, "t"), wrap(source) if wrap else source, epoch)


async def step_until(reader: CaptureReader, done: Callable[[], bool | Awaitable[bool]]) -> None:
    """Steps of the reader until something is true."""
    async with asyncio.timeout(60):
        while True:
            answer = done()
            if answer is True or (answer is not False and await answer):
                return
            await reader.step()


GARBAGE: Final[dict[str, Any]] = {}
"""Stands for something that is no message at all; each way has its own."""


class Way(Protocol):
    """How messages come to a capture point under test, and how answers come back."""

    kind: str
    whole: bool
    """Whether answers come back with all that they say."""

    @property
    def mapping(self) -> dict[str, Any]:
        """What the records of this way need in any case."""
        ...

    def begin(self, api: World) -> None:
        """Gives the process what it needs for this kind."""
        ...

    def source(self) -> dict[str, Any]:
        """The `source` of the capture point."""
        ...

    async def send(self, api: World, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Sends the messages in order; the answer to each."""
        ...


async def set_point(api: World, way: Way, **fields: Any) -> None:
    """The capture point `claims` of this way."""
    way.begin(api)
    await put_point(api, source=way.source(), **{"mapping": way.mapping, **fields})


class RestWay:
    """By the API."""

    kind = "rest"
    whole = True

    @property
    def mapping(self) -> dict[str, Any]:
        return {}

    def begin(self, api: World) -> None:
        pass

    def source(self) -> dict[str, Any]:
        return {"kind": "rest"}

    async def send(self, api: World, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        answer = await api.post(f"/capture-points/{POINT}/messages", as_json(messages))
        assert answer.status_code == 200, answer.text
        return list(answer.json()["answers"])


class WebhookWay(RestWay):
    """Posted by somebody who has the capture point's secret, and no key."""

    kind = "webhook"

    def source(self) -> dict[str, Any]:
        return {"kind": "webhook", "secret": SECRET, "check": "bearer"}

    async def send(self, api: World, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        headers = {"authorization": f"Bearer {SECRET}"}
        answer = await api.call("POST", f"/capture/{POINT}", None, json=as_json(messages), headers=headers)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["answers"])


class ReadWay(ABC):
    """From a source that the loop reads, and that is told what becomes of the items."""

    kind: str
    whole = True

    @property
    def mapping(self) -> dict[str, Any]:
        return {}

    @abstractmethod
    def begin(self, api: World) -> None: ...

    @abstractmethod
    def source(self) -> dict[str, Any]: ...

    @abstractmethod
    async def hand_over(self, messages: Sequence[dict[str, Any]]) -> None:
        """Puts them where the reader will find them."""

    @abstractmethod
    async def answers(self, count: int) -> list[dict[str, Any]]:
        """The last so many, in the order of the messages."""

    @abstractmethod
    async def told(self) -> list[dict[str, Any]]:
        """All notifications so far."""

    async def send(self, api: World, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        await self.hand_over(messages)
        async with reading(api) as reader:
            await step_until(reader, lambda: reader.status.records >= len(messages))
        return await self.answers(len(messages))

    async def notifications(self, api: World) -> list[dict[str, Any]]:
        """Those that have come back so far, once a reader has looked at the whole log."""
        services = await api.services()
        async with reading(api) as reader:
            await services.feed.catch_up()
            while await reader.notifier.step():
                pass
        return await self.told()


class FileWay(ReadWay):
    """By files of JSON lines in a watched folder."""

    kind = "file"

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

    async def hand_over(self, messages: Sequence[dict[str, Any]]) -> None:
        self._sent += 1
        self.drop(
            f"m{self._sent:03}.ndjson", b"".join(msgspec.json.encode(m) + b"\n" for m in as_json(messages))
        )

    async def answers(self, count: int) -> list[dict[str, Any]]:
        (answers,) = [p for p in self.files("notification") if p.name.startswith(f"m{self._sent:03}.")]
        return [json.loads(line) for line in answers.read_text().splitlines()][-count:]

    async def told(self) -> list[dict[str, Any]]:
        told = [p for p in self.files("notification") if ".answers." not in p.name]
        return [json.loads(line) for p in told for line in p.read_text().splitlines()]


class OutsideWay(ReadWay):
    """From a table, a topic or a queue."""

    def __init__(self, outside: Outside, sqlite_root: Path | None = None) -> None:
        self.outside = outside
        self.kind = outside.source["kind"]
        self.whole = self.kind != "database"
        self._sqlite_root = sqlite_root

    @property
    def mapping(self) -> dict[str, Any]:
        """The key of a row is no part of an item: two rows may say the same."""
        return {"fields": [{"to": "comment", "from": "seq"}]} if self.kind == "database" else {}

    def begin(self, api: World) -> None:
        if self._sqlite_root is not None:
            kinds = outside_kinds(self._sqlite_root)
            api.platform.capture_adapters = {**api.platform.capture_adapters, **kinds}

    def source(self) -> dict[str, Any]:
        return self.outside.source

    async def hand_over(self, messages: Sequence[dict[str, Any]]) -> None:
        for is_garbage, part in groupby(messages, key=lambda m: m is GARBAGE):
            if is_garbage:
                for _ in part:
                    await self.outside.put_garbage()
            else:
                await self.outside.put(*part)

    async def answers(self, count: int) -> list[dict[str, Any]]:
        return (await self.outside.replies())[-count:]

    async def told(self) -> list[dict[str, Any]]:
        found = await self.outside.told()
        return sorted(found, key=lambda n: (int(n["cursor"].partition(".")[2]), n["notification"]))


ONE_OF_EACH = ("rest", "file", "webhook", "sqlite", "kafka", "amqp")
"""Every kind of capture point."""
WAYS = (*ONE_OF_EACH, "postgresql", "mariadb")
"""The same, with every kind of database that is tested."""
READ = tuple(way for way in WAYS if way not in ("rest", "webhook"))
"""Those that are read, and told what becomes of their items."""


@asynccontextmanager
async def way_by(name: str, server: Callable[[str], Any], folder: Path) -> AsyncIterator[Way]:
    """The way of this name; `server` gives what the fixture of a server gives."""
    match name:
        case "rest":
            yield RestWay()
        case "webhook":
            yield WebhookWay()
        case "file":
            yield FileWay(folder)
        case "kafka":
            async with topic(server("kafka_servers")) as made:
                yield OutsideWay(made)
        case "amqp":
            async with queue(server("rabbitmq_url")) as made_queue:
                yield OutsideWay(made_queue)
        case _:
            url, password = await _database(name, server, folder)
            table = Table(url, password, folder / "t", ALL_COLUMNS)
            yield OutsideWay(table, folder if name == "sqlite" else None)
            table.close()


async def _database(name: str, server: Callable[[str], Any], folder: Path) -> tuple[str, str | None]:
    if name == "sqlite":
        (folder / "t").mkdir()
        return "sqlite:///source.db", None
    if name == "mariadb":
        return str(server("mariadb_url")), PASSWORD
    return await postgres_source(server("postgres_server"))


def as_json(messages: Sequence[dict[str, Any]]) -> list[Any]:
    """As JSON has them; a number is no message."""
    return [7 if m is GARBAGE else m for m in messages]


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
