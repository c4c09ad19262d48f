"""What is odd about one record, one file or one answer stands in nobody's way: not in the next one's, not in that of
other capture points, and it is told.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aio_pika
import pytest

from openiwd.adapters.files.adapter import FileAdapter
from openiwd.processes.capture import CapturingTenant
from openiwd.usecases import capture_notifier, capture_reader
from openiwd.usecases.capture_reader import CaptureReader
from tests.factories.api import World
from tests.factories.capture import (
    FileWay,
    OutsideWay,
    inbox,
    items_at,
    lines,
    put_point,
    reading,
    set_point,
    step_until,
    way_by,
)
from tests.factories.outside import Table, queue
from tests.servers.until import until

NAMES = [
    b"M\xfcller.ndjson",
    b"\xff\x81.ndjson",
    b"x" * 240 + b".ndjson",
    ("\u20ac" * 80).encode() + b".ndjson",
]
"""In Windows-1252, in nothing at all, and as long as a file system takes."""
CLAIM = {"kind": "claim", "line": "motor"}
"""What makes an item of a category: of others it is told that they are in error."""


async def test_whatever_a_file_is_called_it_is_read_and_put_away(api: World, tmp_path: Path) -> None:
    way = FileWay(tmp_path)
    api.platform.capture_adapters = {"file": FileAdapter(way.root)}
    await put_point(api, source=way.source())
    for n, name in enumerate(NAMES):
        records = [{"captureId": f"a{n}"}, {"captureId": f"b{n}", "dueDateTime": "soon"}]
        way.drop(os.fsdecode(name), lines(records))
    way.drop("z.ndjson", lines([{"captureId": "z"}]))
    async with reading(api) as reader:
        await step_until(reader, way.idle)
    assert [i["captureId"] for i in await items_at(api)] == ["a0", "a1", "a2", "a3", "z"]
    for folder, count in (("processed", 5), ("partially-processed", 4), ("notification", 5)):
        names = [path.name for path in way.files(folder)]
        assert len(names) == count, folder
        assert all(len(name.encode()) <= 255 for name in names), "text, and not too long"
    assert any(path.name.startswith("Müller.") for path in way.files("processed"))
    kept = {entry["position"] for entry in await inbox(api)}
    assert "Müller.ndjson, 2" in kept
    assert len(kept) == 4


async def test_a_damaged_byte_and_a_row_that_is_cut_come_back_and_the_others_are_taken(
    api: World, tmp_path: Path
) -> None:
    way = FileWay(tmp_path)
    api.platform.capture_adapters = {"file": FileAdapter(way.root)}
    await put_point(api, source=way.source())
    table = (
        "captureId;subject;channel\na;Müller;post\nb;Bä".encode()
        + b"\xffr;post\n"
        + "c;Größe;post\nd;Str".encode()
    )
    way.drop("damaged.csv", table)
    way.drop("sound.csv", "captureId;subject\ne;Straße\n".encode("latin-1"))
    async with reading(api) as reader:
        await step_until(reader, way.idle)
    told = [(i["captureId"], i["subject"]) for i in await items_at(api)]
    assert told == [("a", "Müller"), ("c", "Größe"), ("e", "Straße")]
    cut, damaged = await inbox(api)
    assert (damaged["code"], damaged["position"]) == ("invalidText", "damaged.csv, 2")
    assert (cut["code"], cut["position"]) == ("brokenRow", "damaged.csv, 4")
    assert all(entry["hint"] for entry in (cut, damaged))
    (returned,) = way.files("partially-processed")
    assert [line.split(";")[0] for line in returned.read_text("utf-8-sig").splitlines()] == [
        "captureId",
        "b",
        "d",
    ]


async def test_what_a_bad_record_says_keeps_no_process_from_telling_how_it_is(
    api: World, tmp_path: Path
) -> None:
    way = FileWay(tmp_path)
    api.platform.capture_adapters = {"file": FileAdapter(way.root)}
    await put_point(api, source=way.source())
    way.drop("a.ndjson", lines([{"captureId": "a", "dueDateTime": "so\0on"}, {"captureId": "b"}]))
    capturing = CapturingTenant(api.platform, await api.services())

    async def is_told() -> bool:
        await capturing.step()
        status = (await api.get("/capture-points/claims/status")).json()
        return status["running"] and "is no date" in (status["reader"]["lastError"] or "")

    try:
        await until(is_told)
    finally:
        await capturing.stop()
    assert [i["captureId"] for i in await items_at(api)] == ["b"]


async def test_no_property_of_a_message_stands_in_the_way(
    api: World, rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_notifier, "WAIT_SECONDS", 0.05)
    long = "ü" * 256
    async with queue(rabbitmq_url) as broker:
        way = OutsideWay(broker)
        await set_point(api, way, notify={"kinds": ["captured"]})
        await api.follow()
        assert await way.notifications(api) == []

        async def publish(body: dict[str, Any], **properties: Any) -> None:
            message = aio_pika.Message(json.dumps({**CLAIM, **body}).encode(), **properties)
            await broker.channel.default_exchange.publish(message, routing_key=broker.queues["inbound"])

        await publish({"captureId": "a"}, message_id="i\0d")
        await publish({"captureId": "b"}, message_id="m", headers={"message": "cre\0ate"})
        await publish({"captureId": long}, message_id="l")
        await publish({"captureId": "c"}, message_id="c")
        async with reading(api) as reader:
            await step_until(reader, lambda: reader.status.records >= 4)
        assert [i["captureId"] for i in await items_at(api)] == ["a", "c", long]
        (kept,) = await inbox(api)
        assert kept["code"] == "unknownMessage"
        assert [n["captureId"] for n in await way.notifications(api)] == ["a", long, "c"]


@asynccontextmanager
async def table_of(api: World, folder: Path, **source: Any) -> AsyncIterator[tuple[OutsideWay, Table]]:
    """A capture point on a table of SQLite with settings of its own."""
    async with way_by("sqlite", lambda _: None, folder) as way:
        assert isinstance(way, OutsideWay)
        table = way.outside
        assert isinstance(table, Table)
        table.source = {**table.source, **source}
        await set_point(api, way, notify={"kinds": ["captured"]})
        yield way, table


def states(table: Table) -> list[tuple[Any, ...]]:
    return table.rows("SELECT captureid, state FROM handed_over ORDER BY seq")


async def test_no_two_rows_have_the_same_key(api: World, tmp_path: Path) -> None:
    pairs = [
        ("a|b", "c"),
        ("a", "b|c"),
        ("x" * 600 + "1", "k"),
        ("x" * 600 + "2", "k"),
        ("n\0", "k"),
        ("n", "k"),
    ]
    rows = [{"captureId": f"r{n}", "subject": s[:500], "nr": s, "kind": k} for n, (s, k) in enumerate(pairs)]
    async with table_of(api, tmp_path, keyColumns=["nr", "kind"]) as (way, _):
        await way.hand_over(rows)
        async with reading(api) as reader:
            await step_until(reader, lambda: reader.status.records >= len(rows))
        told = await way.answers(len(rows))
    created = [a["captureId"] for a in told if a["outcome"] == "created"]
    # What holds a NUL is refused as an item, and told under a key of its own all the same.
    assert created == ["r0", "r1", "r2", "r3", "r5"]
    assert len(await items_at(api)) == 5


async def test_a_row_that_cannot_be_updated_holds_up_no_other(api: World, tmp_path: Path) -> None:
    async with table_of(api, tmp_path) as (way, table):
        refusal = "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        table.run((f"CREATE TRIGGER no BEFORE UPDATE ON handed_over WHEN NEW.captureid = 'b' {refusal}", {}))
        await way.hand_over([{"captureId": c} for c in "abc"])
        async with reading(api) as reader:
            await step_until(reader, lambda: len(states(table)) - _new(table) == 2)
            assert "not this one" in (await reader._source.ping()).detail
            await way.hand_over([{"captureId": c} for c in "de"])
            await step_until(reader, lambda: _new(table) == 1)
            assert [i["captureId"] for i in await items_at(api)] == list("abcde"), "each once"
            table.run(("DROP TRIGGER no", {}))
            await step_until(reader, lambda: _new(table) == 0)
            await step_until(reader, lambda: _told_nothing(reader))
        assert [state for _, state in states(table)] == [
            "created",
            "existing",
            "created",
            "created",
            "created",
        ]


def _new(table: Table) -> int:
    return sum(state == "new" for _, state in states(table))


async def _told_nothing(reader: CaptureReader) -> bool:
    return (await reader._source.ping()).detail == ""


async def test_a_statement_that_is_refused_for_every_row_is_told(api: World, tmp_path: Path) -> None:
    async with table_of(api, tmp_path) as (way, table):
        table.run(
            ("CREATE TRIGGER no BEFORE UPDATE ON handed_over BEGIN SELECT RAISE(ABORT, 'never'); END", {})
        )
        await way.hand_over([{"captureId": "a"}, {"captureId": "b"}])
        capturing = CapturingTenant(api.platform, await api.services())

        async def is_told() -> bool:
            await capturing.step()
            told = (await api.get("/capture-points/claims/status")).json()["reader"]
            return told["state"] == "failed" and "never" in told["lastError"]

        try:
            await until(is_told)
        finally:
            await capturing.stop()
    assert len(await items_at(api)) == 2


async def test_a_source_that_refuses_to_be_told_is_read_all_the_same_and_told_later(
    api: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_notifier, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(capture_reader, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(capture_reader, "LONGEST_PAUSE", 0.05)
    async with table_of(api, tmp_path) as (way, table):
        await api.follow()
        assert await way.notifications(api) == [], "from now on"
        table.run(("CREATE TRIGGER no BEFORE INSERT ON told BEGIN SELECT RAISE(ABORT, 'no room'); END", {}))
        async with reading(api) as reader:
            running = asyncio.create_task(reader.run())
            try:
                await way.hand_over([{"captureId": "a", **CLAIM}])
                await until(lambda: running.done() or "no room" in (reader.status.last_error or ""))
                await way.hand_over([{"captureId": "b", **CLAIM}])
                await until(lambda: running.done() or _new(table) == 0)
                assert not running.done()
                assert await way.told() == []
                table.run(("DROP TRIGGER no", {}))
                await until(lambda: running.done() or _captured(table) == ["a", "b"])
                assert not running.done()
            finally:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running


def _captured(table: Table) -> Sequence[str]:
    return [row[0] for row in table.rows("SELECT captureid FROM told WHERE kind = 'captured' ORDER BY rowid")]
