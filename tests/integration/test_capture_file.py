"""The file capture point on a real database: what comes back, crashes at every point, and who reads."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from openiwd.adapters.files.adapter import FileAdapter
from openiwd.domain.capture.answer import Notification
from openiwd.domain.errors import FencedError, UnavailableError
from openiwd.ports.capture import CaptureSource, SourceHealth, SourceRecord, Taken
from openiwd.processes import capture
from openiwd.processes.capture import CapturingTenant
from openiwd.processes.identity import new_id
from openiwd.usecases import capture_reader
from openiwd.usecases.platform import Platform
from tests.factories.api import World, problem
from tests.factories.capture import FileWay, inbox, items_at, lines, put_point, reading, step_until
from tests.servers.until import until


@pytest.fixture
async def way(api: World, tmp_path: Path) -> FileWay:
    made = FileWay(tmp_path)
    api.platform.capture_adapters = {"file": FileAdapter(made.root)}
    await put_point(api, source=made.source())
    return made


async def read_all(api: World, way: FileWay) -> None:
    async with reading(api) as reader:
        await step_until(reader, way.idle)


async def test_a_partly_failed_file_comes_back_to_be_mended_and_dropped_again(
    api: World, way: FileWay
) -> None:
    text = "captureId;dueDateTime;kind\na;2026-12-01;claim\nb;soon;claim\nc;;claim\n"
    way.drop("claims.csv", text.encode())
    await read_all(api, way)
    assert [i["captureId"] for i in await items_at(api)] == ["a", "c"]
    assert [p.read_bytes() for p in way.files("processed")] == [text.encode()]
    (returned,) = way.files("partially-processed")
    table = returned.read_text("utf-8-sig")
    assert table.splitlines()[0] == "captureId;dueDateTime;kind;iwdStatus;iwdError"
    assert "'soon' is no date" in table
    (kept,) = await inbox(api)
    assert (kept["field"], kept["code"], kept["captureId"]) == ("dueDateTime", "noDate", "b")
    assert kept["position"] == "claims.csv, 2"

    way.drop("claims again.csv", table.replace("soon", "2026-12-02").encode())
    await read_all(api, way)
    assert [i["captureId"] for i in await items_at(api)] == ["a", "b", "c"]
    assert len(way.files("processed")) == 2


@pytest.mark.parametrize(
    ("name", "content", "taken"),
    [
        ("a.pdf", b"%PDF", 0),
        ("a.xml", b'<!DOCTYPE x [<!ENTITY a "b">]><x><CreateTask CaptureId="a"/></x>', 0),
        ("a.json", b'[{"captureId": "a"}, {"captureId": ', 1),
        ("a.xlsx", b"PK nothing", 0),
    ],
)
async def test_a_file_that_cannot_be_read_goes_to_error_with_the_reason(
    api: World, way: FileWay, name: str, content: bytes, taken: int
) -> None:
    way.drop(name, content)
    way.drop("good.json", b'{"captureId": "z"}')
    await read_all(api, way)
    assert len(await items_at(api)) == taken + 1, "what follows is read"
    broken, reason = way.files("error")
    assert broken.read_bytes() == content
    assert reason.name.endswith(".reason.txt")
    assert f"{taken} records before it were taken" in reason.read_text()
    (kept,) = await inbox(api)
    assert kept["reason"] in reason.read_text()
    refused = problem(await api.post(f"/capture-points/claims/errors/{kept['id']}/retry", {}), 409, "notKept")
    assert refused["hint"]


async def test_a_file_of_which_everything_fails_comes_back_as_an_error(api: World, way: FileWay) -> None:
    way.drop("a.json", b'[{"subject": "no id"}]')
    await read_all(api, way)
    (returned,) = way.files("error")
    assert b"captureId is missing" in returned.read_bytes()
    assert len(way.files("processed")) == 1


async def test_the_same_name_twice_overwrites_nothing(api: World, way: FileWay) -> None:
    for n in range(2):
        way.drop("a.json", b'{"captureId": "%d"}' % n)
        await read_all(api, way)
    assert len(way.files("processed")) == 2
    assert len(await items_at(api)) == 2


async def test_no_answers_unless_they_are_wanted(api: World, way: FileWay) -> None:
    await put_point(api, source={**way.source(), "answers": "asked"})
    way.drop("a.json", b'[{"captureId": "a"}, {"captureId": "a", "message": "getInfo"}]')
    await read_all(api, way)
    (answers,) = way.files("notification")
    assert answers.read_text().count("\n") == 1
    assert '"info"' in answers.read_text()


# Crashes --------------------------------------------------------------------------------------------------------------


class DeathError(BaseException):
    """As sudden as a kill: nothing tidies up after it."""


class Mortal:
    """A source that dies at a point of its life."""

    def __init__(self, source: CaptureSource, calls: int, where: str) -> None:
        self._source = source
        self._calls = calls
        self._where = where

    def _live(self, where: str) -> None:
        if where == self._where:
            self._calls -= 1
            if self._calls < 0:
                raise DeathError(where)

    async def read(self, most: int) -> Sequence[SourceRecord]:
        self._live("before reading")
        found = await self._source.read(min(most, 7))
        self._live("after reading" if found else "")
        return found

    async def acknowledge(self, taken: Sequence[Taken]) -> Sequence[str]:
        self._live("before acknowledging")
        over = await self._source.acknowledge(taken)
        self._live("after acknowledging")
        return over

    async def notify(self, notifications: Sequence[Notification]) -> None:
        await self._source.notify(notifications)

    async def ping(self) -> SourceHealth:
        return await self._source.ping()


@pytest.mark.parametrize(
    "where", ["before reading", "after reading", "before acknowledging", "after acknowledging"]
)
async def test_a_reader_that_dies_anywhere_takes_each_record_once(
    api: World, way: FileWay, where: str
) -> None:
    records: list[dict[str, Any]] = []
    for n in range(12):
        records += [{"captureId": f"{n:02}"}, {"message": "update", "captureId": f"{n:02}", "priority": "+1"}]
    records.insert(9, {"captureId": "bad", "dueDateTime": "soon"})
    way.drop("a.ndjson", lines(records))
    for calls in range(6):
        try:
            async with reading(api, wrap=lambda s, n=calls: Mortal(s, n, where)) as reader:  # type: ignore[misc]
                await step_until(reader, way.idle)
            break
        except DeathError:
            continue
    else:
        await read_all(api, way)
    items = await items_at(api)
    assert len(items) == 12
    assert {i["revision"] for i in items} == {2}, "each update counts once"
    assert len(await inbox(api)) == 1
    (returned,) = way.files("partially-processed")
    assert returned.read_text().count("\n") == 1
    assert len(way.files("processed")) == 1
    (answers,) = way.files("notification")
    assert answers.read_text().count("\n") == len(records), "every record is answered, by whichever reader"
    services = await api.services()
    async with services.runtime.store.reading() as tx:
        (name,) = {r.stream for r in (await tx.capture_failures("claims", [])).values()} or {""}
        assert await tx.capture_offsets("claims", [name]) == {}


async def test_a_reader_of_old_commits_nothing(api: World, way: FileWay) -> None:
    way.drop("a.json", b'{"captureId": "a"}')
    async with reading(api) as old:
        async with reading(api):
            pass
        with pytest.raises(FencedError):
            await step_until(old, way.idle)
    assert await items_at(api) == []
    await read_all(api, way)
    assert len(await items_at(api)) == 1


async def test_a_source_that_is_away_is_waited_for(
    api: World, way: FileWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_reader, "FIRST_PAUSE", 0.01)
    way.drop("a.json", b'{"captureId": "a"}')

    class Away(Mortal):
        async def read(self, most: int) -> Sequence[SourceRecord]:
            self._calls -= 1
            if self._calls > 0:
                raise UnavailableError("away")
            since.append(reader.status.away_since)
            return await self._source.read(most)

    since: list[datetime | None] = []
    async with reading(api, wrap=lambda s: Away(s, 3, "")) as reader:
        await step_until(reader, way.idle)
        assert reader.status.last_error == "away"
        assert (since[0] is not None, reader.status.away_since) == (True, None)
    assert len(await items_at(api)) == 1


# Who reads ------------------------------------------------------------------------------------------------------------


async def test_one_process_reads_and_another_follows_when_it_stops(api: World, way: FileWay) -> None:
    services = await api.services()
    await services.feed.start()
    platforms = [
        Platform(
            api.wiring.control, api.wiring._runtime, new_id(), capture_adapters=api.platform.capture_adapters
        )
        for _ in range(2)
    ]
    first, second = (CapturingTenant(p, services) for p in platforms)
    await first.step()
    await second.step()

    async def reads() -> Any:
        await first.step()
        await second.step()
        return (await api.get("/capture-points/claims/status")).json()

    async def taken(capture_id: str) -> bool:
        status = await reads()
        assert status["running"]
        return capture_id in {i["captureId"] for i in await items_at(api)}

    way.drop("a.json", b'{"captureId": "a"}')
    await until(lambda: taken("a"))
    assert (await reads())["processId"] == str(platforms[0].process_id)
    await until(lambda: _told(reads))
    await first.stop()
    await second.step()
    way.drop("b.json", b'{"captureId": "b"}')

    async def by_second() -> bool:
        await second.step()
        return "b" in {i["captureId"] for i in await items_at(api)}

    await until(by_second)
    status = (await api.get("/capture-points/claims/status")).json()
    assert status["processId"] == str(platforms[1].process_id)
    await put_point(api, source=way.source(), enabled=False)
    await second.step()
    assert not (await api.get("/capture-points/claims/status")).json()["running"]
    await second.stop()
    await asyncio.sleep(0)


async def test_who_lets_its_lease_run_out_is_followed_at_the_next_look(
    api: World, way: FileWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = capture.LEASE_SECONDS + 2 * capture.RENEW_SECONDS
    assert longest < 10, "a standby follows within ten seconds, with some left to open the source"
    services = await api.services()
    await services.feed.start()
    ids = [new_id(), new_id()]
    first, second = (
        CapturingTenant(
            Platform(
                api.wiring.control, api.wiring._runtime, uuid, capture_adapters=api.platform.capture_adapters
            ),
            services,
        )
        for uuid in ids
    )

    async def holder() -> Any:
        return (await api.get("/capture-points/claims/status")).json()["processId"]

    await first.step()
    assert await second.step() == capture.RENEW_SECONDS
    assert await holder() == str(ids[0])
    monkeypatch.setattr(capture, "LEASE_SECONDS", 0.0)
    await first.step()
    monkeypatch.undo()
    await second.step()
    assert await holder() == str(ids[1])
    await first.step()
    assert await holder() == str(ids[1]), "who was away takes nothing back"
    way.drop("a.json", b'{"captureId": "a"}')
    await until(lambda: _there(api))
    await first.stop()
    await second.stop()


async def _there(api: World) -> bool:
    return len(await items_at(api)) == 1


async def _told(reads: Any) -> bool:
    status = (await reads())["reader"]
    return bool(status["records"] == 1 and status["created"] == 1 and status["perMinute"] == 1)


async def test_a_source_that_cannot_be_opened_is_told(api: World, way: FileWay) -> None:
    services = await api.services()
    (way.root / "t").mkdir(parents=True)
    (way.root / "t" / "in").write_text("no folder")
    capturing = CapturingTenant(api.platform, services)

    async def said() -> bool:
        await capturing.step()
        reader = (await api.get("/capture-points/claims/status")).json()["reader"]
        told = reader["state"] == "away" and "the folder cannot be used" in (reader["lastError"] or "")
        return told and reader["awaySince"] is not None

    await until(said)
    await capturing.stop()


async def test_a_process_without_a_folder_leaves_files_to_others(api: World, way: FileWay) -> None:
    api.platform.capture_adapters = {"file": FileAdapter(None)}
    capturing = CapturingTenant(api.platform, await api.services())
    await capturing.step()
    status = (await api.get("/capture-points/claims/status")).json()
    assert (status["running"], status["reader"]["state"]) == (False, "waiting")
