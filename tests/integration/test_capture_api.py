"""Capture points by the API: what is checked, what is never shown, the live sample, and the error inbox."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from openiwd.adapters.files.adapter import FileAdapter
from openiwd.domain.privilege import Role
from openiwd.processes.capture import CapturingTenant
from openiwd.usecases import capture_batch
from tests.factories.api import World, problem
from tests.factories.capture import FileWay, inbox, items_at, put_point, reading, step_until
from tests.factories.tenant import MovedClock


async def test_a_capture_point_of_old_is_one_of_kind_rest(api: World) -> None:
    shown = await put_point(api, "portal")
    assert (shown["source"], shown["enabled"], shown["timeZone"]) == ({"kind": "rest"}, True, "UTC")
    await api.item("a", capturePoint="portal")
    assert problem(await api.call("DELETE", "/capture-points/portal"), 409, "inUse")["errors"]
    assert (await api.get("/capture-points/portal/uses")).json()["uses"][0][
        "message"
    ] == "1 open items came from it"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"timeZone": "Berlin"}, "timeZone"),
        ({"source": {"kind": "file", "folder": "../x"}}, "source.folder"),
        ({"source": {"kind": "file", "folder": "a/../x"}}, "source.folder"),
        ({"source": {"kind": "file", "folder": "/x"}}, "source.folder"),
        ({"source": {"kind": "fax"}}, "source.kind"),
        ({"source": {"kind": "file"}}, "source"),
        ({"mapping": {"fields": [{"to": "subjct", "from": "a"}]}}, "mapping.fields[0].to"),
        ({"mapping": {"message": {"values": {"N": "dance"}}}}, "mapping.message.values"),
        ({"notify": {"kinds": ["moved"]}}, "notify.kinds[0]"),
        ({"defaults": {"dueDateTime": "soon"}}, "defaults.dueDateTime"),
    ],
)
async def test_what_is_wrong_is_told_with_its_field(api: World, fields: dict[str, Any], field: str) -> None:
    answer = await api.call("PUT", "/capture-points/p", json={"name": "P", **fields})
    told = problem(answer, 400)
    assert told["field"].startswith(field), told
    problem(await api.get("/capture-points/p"), 404)


async def test_two_capture_points_share_no_folder_and_a_kind_stays(api: World) -> None:
    await put_point(api, "a", source={"kind": "file", "folder": "in/claims"})
    for folder in ("in", "in/claims", "in/claims/new"):
        answer = await api.call(
            "PUT", "/capture-points/b", json={"name": "B", "source": {"kind": "file", "folder": folder}}
        )
        assert problem(answer, 400)["field"] == "source.folder"
    await put_point(api, "b", source={"kind": "file", "folder": "in/claims2"})
    answer = await api.call("PUT", "/capture-points/a", json={"name": "A", "source": {"kind": "rest"}})
    problem(answer, 409, "kindStays")


async def test_messages_go_to_enabled_points_of_kind_rest_by_who_may(api: World) -> None:
    await put_point(api, "in", enabled=False)
    await put_point(api, "files", source={"kind": "file", "folder": "x"})
    body = {"captureId": "a"}
    problem(await api.post("/capture-points/in/messages", body), 409, "disabled")
    problem(await api.post("/capture-points/files/messages", body), 409, "notReceiving")
    problem(await api.post("/capture-points/none/messages", body), 404)
    await put_point(api, "in")
    await api.add_key("reader", Role.VIEWER)
    answer = (await api.post("/capture-points/in/messages", [body, {"message": "ping"}], "reader")).json()
    assert [a.get("error", {}).get("code", a["outcome"]) for a in answer["answers"]] == ["forbidden", "pong"]
    answer = (await api.post("/capture-points/in/messages", {"messages": [body, body]})).json()
    assert (answer["done"], answer["failed"]) == (2, 0)
    lines = b'{"captureId": "b"}\n{"captureId": \n[1]\n'
    answer = (await api.call("POST", "/capture-points/in/messages", content=lines)).json()
    assert [a["outcome"] for a in answer["answers"]] == ["created", "error", "error"]
    for nonsense in (b"", b"7", b"{", b"\xff"):
        problem(await api.call("POST", "/capture-points/in/messages", content=nonsense), 400)
    answer = (await api.post("/capture-points/in/messages", {"captureId": "a\0"})).json()
    assert answer["answers"][0]["error"]["code"] == "invalidText"
    problem(await api.post("/capture-points/in/messages", [body] * 1_001), 413, "tooLarge")


async def test_a_live_sample_is_judged_and_writes_nothing(api: World) -> None:
    await put_point(
        api,
        "files",
        source={"kind": "file", "folder": "x"},
        mapping={"fields": [{"to": "captureId", "from": "nr"}]},
    )
    table = "nr;kind;line;dueDateTime\n1;claim;motor;\n2;claim;motor;soon\n;claim;;\n"
    answer = (await api.post("/capture-points/files/test", {"sample": table})).json()
    first, second, third = answer["records"]
    assert first["values"] == {"captureId": "1", "data": {"kind": "claim", "line": "motor"}}
    assert (first["item"]["status"], bool(first["item"]["categoryPath"])) == ("queued", True)
    assert first["item"]["priority"] is not None
    assert (second["error"]["code"], second["error"]["field"]) == ("noDate", "dueDateTime")
    assert third["error"]["code"] == "missing"
    assert await items_at(api, "files") == []
    tried = {"name": "x", "source": {"kind": "rest"}, "defaults": {"subject": "none"}}
    answer = (
        await api.post("/capture-points/new/test", {"sample": '{"captureId": "1"}', "point": tried})
    ).json()
    assert answer["records"][0]["item"]["subject"] == "none"
    encoded = b64encode("nr;name\n1;Müller\n".encode("latin-1")).decode()
    answer = (
        await api.post("/capture-points/files/test", {"sample": encoded, "base64": True, "fileName": "a.csv"})
    ).json()
    assert answer["records"][0]["values"]["data"] == {"name": "Müller"}
    problem(await api.post("/capture-points/files/test", {"sample": "?", "base64": True}), 400)
    broken = (await api.post("/capture-points/files/test", {"sample": "<x><y></x>"})).json()
    assert broken["records"][-1]["error"]["code"] == "brokenFile"


async def test_a_live_sample_of_each_kind_is_read_as_the_kind_reads(api: World) -> None:
    lines = [{"to": "captureId", "from": "nr"}]

    async def tried(sample: str, source: dict[str, Any]) -> list[dict[str, Any]]:
        point = {"name": "x", "source": source, "mapping": {"fields": lines}}
        answer = await api.post("/capture-points/new/test", {"sample": sample, "point": point})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["records"])

    outside: dict[str, dict[str, Any]] = {
        "database": {"url": "sqlite:///a.db", "captureQuery": "SELECT 1", "updateQuery": "SELECT 1"},
        "kafka": {"servers": ["a:9092"], "inboundTopic": "a"},
        "amqp": {"url": "amqp://a", "inboundQueue": "a"},
        "webhook": {},
        "rest": {},
    }
    for kind, settings in outside.items():
        source = {"kind": kind, **settings}
        (one,) = await tried('{"nr": 7, "kind": "claim", "line": "motor"}', source)
        assert (one["captureId"], one["item"]["categoryPath"]) == ("7", "Claims/Motor"), kind
        first, second = await tried('[{"nr": 7}, 8]', source)
        assert (first["captureId"], second["error"]["message"]) == ("7", "this is no object"), kind
        found = await tried('{"items": [{"nr": 1}, {"nr": 2}]}', source)
        assert len(found) == (2 if kind == "rest" else 1), "only the API takes a list within an object"
    entities = '{"data": {"entities": [{"nr": 1}, {"nr": 2}]}}'
    found = await tried(entities, {"kind": "webhook", "records": "data.entities"})
    assert [line["captureId"] for line in found] == ["1", "2"]
    answer = await api.post(
        "/capture-points/new/test",
        {"sample": '{"x": 1}', "point": {"name": "x", "source": {"kind": "webhook", "records": "data"}}},
    )
    assert "there is nothing at data" in problem(answer, 400)["detail"]
    for table in (
        "nr\tkind\tline\n1\tclaim\tmotor\n2\tclaim\t\n",
        "nr;kind;line\r\n1;claim;motor\r\n2;claim;",
    ):
        found = await tried(table, {"kind": "database", **outside["database"]})
        assert [line["captureId"] for line in found] == ["1", "2"]
        assert found[0]["item"]["categoryPath"] == "Claims/Motor"
        assert found[1]["values"]["data"] == {"kind": "claim"}, "an empty cell is NULL, which says nothing"


@pytest.fixture
async def errors(api: World, tmp_path: Path) -> list[dict[str, Any]]:
    """Three records in the inbox of a file capture point."""
    way = FileWay(tmp_path)
    api.platform.capture_adapters = {"file": FileAdapter(way.root)}
    await put_point(api, source=way.source())
    way.drop(
        "a.json",
        b'[{"captureId": "a", "due": "1.2.2027", "dueDateTime": "x"}, {"captureId": "b", "tags": {"x": 1}},'
        b'{"x": "\\u0000"}]',
    )
    async with reading(api) as reader:
        await step_until(reader, way.idle)
    return await inbox(api)


async def test_what_failed_is_tried_again_after_the_mapping_was_mended(
    api: World, errors: list[dict[str, Any]]
) -> None:
    assert [e["position"] for e in errors] == ["a.json, 3", "a.json, 2", "a.json, 1"]
    first = errors[2]
    path = f"/capture-points/claims/errors/{first['id']}"
    answer = (await api.post(f"{path}/retry", {})).json()
    assert answer["outcome"] == "error"
    assert (await api.get(path)).json()["tries"] == 2
    point = (await api.get("/capture-points/claims")).json()
    point["mapping"] = {
        "fields": [
            {"to": "dueDateTime", "from": "due", "date": "%d.%m.%Y"},
            {"to": "data.was", "from": "dueDateTime"},
        ]
    }
    await put_point(api, **{k: v for k, v in point.items() if k not in ("id", "revision")})
    answer = (await api.post(f"{path}/retry", {})).json()
    assert answer["outcome"] == "created", answer
    closed = (await api.get(path)).json()
    assert (closed["state"], closed["tries"], closed["captureId"]) == ("done", 3, "a")
    problem(await api.post(f"{path}/retry", {}), 409, "closed")
    (item,) = await items_at(api)
    assert item["dueDateTime"] == "2027-02-01T00:00:00Z"
    entries = (await api.get("/audit")).json()["entries"]
    assert [e["action"] for e in entries if e["objectId"] == first["id"]] == ["retried", "retried"]


async def test_a_mended_record_is_taken_and_others_are_discarded(
    api: World, errors: list[dict[str, Any]]
) -> None:
    path = f"/capture-points/claims/errors/{errors[0]['id']}"
    mended = (await api.post(f"{path}/retry", {"fields": {"captureId": "c"}})).json()
    assert mended["outcome"] == "created"
    assert (await api.get("/capture-points/claims/status")).json()["openErrors"] == 2
    discarded = (await api.post(f"/capture-points/claims/errors/{errors[1]['id']}/discard")).json()
    assert discarded["state"] == "discarded"
    assert [e["captureId"] for e in await inbox(api, text="a.json")] == ["a"]
    assert len(await inbox(api, state="all")) == 3
    assert (await api.post("/capture-points/claims/errors/retry")).json() == {"taken": 0, "failing": 1}
    assert (await api.post("/capture-points/claims/errors/discard")).json() == {"discarded": 1}
    assert await inbox(api) == []
    problem(await api.get(f"/capture-points/other/errors/{errors[0]['id']}"), 404)


async def test_a_removed_capture_point_takes_its_inbox_with_it(
    api: World, errors: list[dict[str, Any]]
) -> None:
    assert (await api.call("DELETE", "/capture-points/claims")).status_code == 204
    problem(await api.get("/capture-points/claims/errors"), 404)
    await put_point(api, "claims")
    assert await inbox(api, state="all") == []


async def test_the_inbox_keeps_the_newest_and_says_how_many_made_room(
    api: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_batch, "MOST_OPEN", 3)
    way = FileWay(tmp_path)
    api.platform.capture_adapters = {"file": FileAdapter(way.root)}
    await put_point(api, source=way.source())
    poison = b"".join(b'{"captureId": "p%d", "dueDateTime": "x"}\n' % n for n in range(10))
    way.drop("a.ndjson", poison + b'{"captureId": "sound"}\n')
    async with reading(api) as reader:
        records = await reader._source.read(100)
        services = await api.services()
        first = await capture_batch.take(services, reader._point, records, reader._epoch)
        again = await capture_batch.take(services, reader._point, records, reader._epoch)
    assert [a.outcome for a in first] == ["error"] * 10 + ["created"]
    assert [a.outcome for a in again] == ["error"] * 10 + ["existing"], "what made room is refused again"
    assert {a.error.code for a in again if a.error} == {"noDate"}
    assert [e["captureId"] for e in await inbox(api)] == ["p9", "p8", "p7"]
    status = (await api.get("/capture-points/claims/status")).json()
    assert (status["openErrors"], status["droppedErrors"]) == (3, 7)
    assert len(await items_at(api)) == 1


async def test_old_entries_of_the_inbox_are_forgotten(api: World, errors: list[dict[str, Any]]) -> None:
    assert (await api.post(f"/capture-points/claims/errors/{errors[0]['id']}/discard")).status_code == 200
    services = await api.services()
    capturing = CapturingTenant(api.platform, services)
    services.runtime.clock = clock = MovedClock(datetime.now(UTC))
    await capturing.tidy()
    assert len(await inbox(api, state="all")) == 3
    clock.move(days=31)
    await capturing.tidy()
    assert len(await inbox(api, state="all")) == 2, "what is closed"
    clock.move(days=60)
    await capturing.tidy()
    assert await inbox(api, state="all") == []
    assert (await api.get("/capture-points/claims/status")).json()["droppedErrors"] == 2
