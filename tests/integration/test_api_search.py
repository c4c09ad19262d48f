"""Many items over HTTP: searches, exports, bulk runs, the live order, counts."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import msgspec
import pytest

from openiwd.api.bulk import BulkRunsOfTenants
from openiwd.domain.privilege import Role
from openiwd.usecases import bulk, bulk_run
from openiwd.usecases.matching_count import matching_groups
from openiwd.web.queue.queue_filter import QueueFilter
from tests.factories.api import World, problem, raw
from tests.servers.until import until


async def many(api: World, count: int, **fields: Any) -> list[str]:
    answer = (await api.post("/items/batch", [raw(f"m{n}", **fields) for n in range(count)])).json()
    assert answer["created"] == count
    return [r["id"] for r in answer["results"]]


async def finished(api: World, location: str) -> dict[str, Any]:
    job: dict[str, Any] = {}

    async def over() -> bool:
        job.update((await api.get(location)).json())
        return bool(job["status"] != "running")

    for _ in range(2_000):
        if await over():
            return job
    raise AssertionError(job)


def condition(attribute: str, operator: str, value: Any) -> dict[str, Any]:
    return {"attribute": attribute, "operator": operator, "value": value}


async def test_a_search_pages_through_all_that_matches(api: World) -> None:
    await many(api, 25)
    await api.item("other", data={"kind": "loan"})
    seen: list[str] = []
    cursor = None
    while True:
        body = {
            "filter": condition("queue", "eq", "claims"),
            "limit": 10,
            "sort": ["-priority"],
            "cursor": cursor,
        }
        page = (await api.post("/items/search", body)).json()
        assert (page["count"], page["countExact"], page["countText"]) == (25, True, "25")
        seen += [i["captureId"] for i in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(f"m{n}" for n in range(25))


async def test_columns_text_and_category(api: World) -> None:
    await api.item("c1", subject="Hail damage on the roof", ext={"customerId": "K1"})
    await api.item("c2", subject="Crash", data={"kind": "loan"})
    found = (
        await api.post(
            "/items/search", {"text": "hail roof", "columns": ["captureId", "ext.customerId", "data.line"]}
        )
    ).json()
    assert found["items"] == [{"captureId": "c1", "ext.customerId": "K1", "data.line": "motor"}]
    by_tree = (await api.post("/items/search", {"category": "Lending"})).json()
    assert [i["captureId"] for i in by_tree["items"]] == ["c2"]
    counts = (await api.get("/categories/counts")).json()["counts"]
    assert {c["categoryPath"]: c["count"] for c in counts} == {"Claims/Motor": 1, "Lending/Mortgage": 1}


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "10"},
        {"filter": []},
        {"filter": {"attribute": "nothing.here", "operator": "eq", "value": 1}},
        {"filter": {"attribute": "status", "operator": "resembles", "value": 1}},
        {"filter": {"all": "x"}},
        {"sort": ["-nothing"]},
        {"sort": "priority"},
        {"cursor": "forged"},
        {"columns": ["nothing"]},
        {"scope": {}},
        {"filter": {"attribute": "createdDateTime", "operator": "before", "value": "soon"}},
        {"filter": {"attribute": "subject", "operator": "matches", "value": "("}},
        {"text": "a\x00b"},
        {"filter": {"attribute": "subject", "operator": "eq", "value": "\x00"}},
    ],
)
async def test_a_bad_search_is_refused(api: World, body: dict[str, Any]) -> None:
    answer = await api.post("/items/search", body)
    assert 400 <= answer.status_code < 500, answer.text
    problem(answer, answer.status_code)


async def test_a_search_shows_what_is_within_the_scope(api: World) -> None:
    await api.add_agent("ann")
    await api.add_access_group("lending", categories=["Lending"], queues=[])
    await api.add_key("loans", Role.SUPERVISOR, access_groups=["lending"])
    claim = await api.item("c1")
    await api.item("c2", data={"kind": "loan"})
    await api.post(f"/items/{claim['id']}/assign", {"agent": "ann"})
    for key, expected in (("t", ["c1", "c2"]), ("ann", ["c1"]), ("loans", ["c2"])):
        page = (await api.post("/items/search", {"sort": ["captureId"]}, key)).json()
        assert [i["captureId"] for i in page["items"]] == expected, key
        assert page["count"] == len(expected)
    lines = (await api.get("/items/export?format=ndjson", "loans")).text.splitlines()
    assert [msgspec.json.decode(line)["captureId"] for line in lines] == ["c2"]


async def test_export_as_csv_and_ndjson(api: World) -> None:
    await many(api, 600)
    await api.item(
        "evil",
        subject="=cmd|' /C calc'!A0",
        channel="-1+1",
        data={"kind": "loan", "x": "@a", "y": "x;=1+1", "z": "\t=1", "note": 'a"b,\nc'},
    )
    answer = await api.get(
        "/items/export", params={"columns": "captureId,subject,channel,data.x,data.note,data.y,data.z,data"}
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["captureId", "subject", "channel", "data.x", "data.note", "data.y", "data.z", "data"]
    assert len(rows) == 602
    evil = next(r for r in rows if r[0] == "evil")
    assert evil[1:7] == ["'=cmd|' /C calc'!A0", "'-1+1", "'@a", 'a"b,\nc', "x;=1+1", "'\t=1"]
    assert ',"x;=1+1",' in answer.text, "where semicolons separate, it stays one cell"
    filtered = await api.get(
        "/items/export",
        params={
            "format": "ndjson",
            "filter": msgspec.json.encode(condition("queue", "eq", "loans")).decode(),
        },
    )
    (line,) = filtered.text.splitlines()
    assert msgspec.json.decode(line)["subject"] == "=cmd|' /C calc'!A0"
    sheet = await api.get("/items/export?format=xlsx&columns=captureId,subject,businessValue,createdDateTime")
    assert sheet.status_code == 200
    with ZipFile(io.BytesIO(sheet.content)) as archive:
        assert archive.testzip() is None
        assert {"[Content_Types].xml", "xl/workbook.xml"} <= set(archive.namelist())
        text = archive.read("xl/worksheets/sheet1.xml").decode()
    assert text.count("<row>") == 602
    assert "=cmd|' /C calc'!A0</t>" in text
    assert "<f>" not in text
    problem(await api.get("/items/export?format=xml"), 400)
    problem(await api.get("/items/export?filter={"), 400)
    problem(await api.get("/items/export?columns=nothing"), 400)


async def test_a_bulk_run_has_a_result_for_each_item(api: World) -> None:
    ids = await many(api, 450)
    await api.post(f"/items/{ids[3]}/cancel", {})
    body = {
        "action": "hold",
        "reason": "review",
        "search": {"filter": condition("queue", "eq", "claims")},
        "exclude": [ids[5]],
    }
    dry = (await api.post("/items/bulk", {**body, "dryRun": True})).json()
    assert (dry["total"], dry["wouldChange"], dry["notPossible"]) == (449, 448, {"canceled": 1})
    started = await api.post("/items/bulk", body)
    assert started.status_code == 202, started.text
    job = await finished(api, started.headers["location"])
    assert (job["status"], job["total"], job["done"], job["failed"]) == ("done", 449, 449, 1)
    results = (await api.get(f"{started.headers['location']}/results")).json()["results"]
    assert [r["outcome"] for r in results].count("done") == 448
    (failed,) = [r for r in results if r["outcome"] == "error"]
    assert failed["detail"]["code"] == "invalidTransition"
    page = (await api.get(f"{started.headers['location']}/results?limit=100")).json()
    assert (len(page["results"]), page["nextAfter"]) == (100, page["results"][-1]["ordinal"])
    assert (await api.get(f"/items/{ids[5]}")).json()["status"] == "queued"
    assert (await api.get(f"/items/{ids[0]}")).json()["status"] == "held"
    problem(await api.call("DELETE", started.headers["location"]), 409, "bulkEnded")
    assert (await api.get("/jobs")).json()["jobs"][0]["id"] == job["id"]


async def test_a_hold_of_many_is_taken_back_by_a_run_of_its_own(api: World) -> None:
    ids = await many(api, 12)
    await api.post(f"/items/{ids[0]}/cancel", {})
    await api.post(f"/items/{ids[1]}/hold", {"reason": "review"})
    body = {"action": "hold", "reason": "review", "ids": ids}
    dry = (await api.post("/items/bulk", {**body, "dryRun": True})).json()
    assert (dry["wouldChange"], dry["notPossible"]) == (10, {"canceled": 1, "held": 1})
    assert set(dry["refused"]) == set(ids[:2])
    held = (await api.post("/items/bulk", body)).headers["location"]
    await finished(api, held)
    refused = (await api.get(f"{held}/results?outcome=error")).json()["results"]
    assert {r["detail"]["code"] for r in refused} == {"invalidTransition"}
    assert len(refused) == 2
    undone = await api.post(f"{held}/undo", {})
    assert undone.status_code == 202, undone.text
    job = await finished(api, undone.headers["location"])
    assert (job["action"], job["total"], job["failed"]) == ("resume", 10, 0)
    statuses = [(await api.get(f"/items/{i}")).json()["status"] for i in ids]
    assert statuses == ["canceled", "held", *["queued"] * 10]
    problem(await api.post(f"{undone.headers['location']}/undo", {}), 409, "notUndoable")


async def test_bulk_tags_updates_and_reclassification(api: World) -> None:
    ids = await many(api, 5)
    for body in (
        {"action": "tag", "addTags": ["x"], "ids": ids},
        {"action": "update", "item": {"businessValue": 7}, "ids": ids},
        {"action": "reclassify", "ids": ids},
    ):
        started = await api.post("/items/bulk", body)
        assert started.status_code == 202, started.text
        assert (await finished(api, started.headers["location"]))["failed"] == 0
    shown = (await api.get(f"/items/{ids[0]}")).json()
    assert (shown["tags"], shown["businessValue"]) == (["x"], 7)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "explode", "ids": [str(uuid4())]}, "action"),
        ({"action": "cancel"}, "search"),
        ({"action": "update", "ids": [str(uuid4())]}, "item"),
        ({"action": "tag", "ids": [str(uuid4())]}, "addTags"),
        ({"action": "assign", "ids": [str(uuid4())]}, "agent"),
        ({"action": "assign", "agent": "nobody", "ids": [str(uuid4())]}, "agent"),
        ({"action": "cancel", "ids": ["x"]}, "ids[0]"),
        ({"action": "cancel", "search": {"limit": "x"}}, "search.limit"),
    ],
)
async def test_a_bad_bulk_run_is_refused(api: World, body: dict[str, Any], field: str) -> None:
    assert problem(await api.post("/items/bulk", body), 400)["field"] == field


async def test_a_bulk_run_goes_on_after_a_restart(api: World) -> None:
    ids = await many(api, 30)
    services = await api.services()
    caller = await api.platform.identities.caller_of_key(api.keys["t"])
    assert caller is not None
    request = msgspec.convert({"action": "cancel", "ids": ids, "reason": "flood"}, bulk.BulkRequest)
    job_id = await bulk.create(services, caller, request)
    half = await api.services()
    async with half.runtime.store.reading() as reading:
        assert await reading.unfinished_bulk_jobs() == [job_id]
    later = BulkRunsOfTenants(api.platform)
    assert await later.resume() == 1
    job = await finished(api, f"/jobs/{job_id}")
    assert (job["status"], job["done"], job["failed"]) == ("done", 30, 0)
    await later.close()
    actor = (await api.get(f"/items/{ids[0]}/history")).json()["events"][-1]["actor"]
    assert actor == "key:t"


async def test_a_cancelled_bulk_run_stops(api: World) -> None:
    ids = await many(api, 10)
    services = await api.services()
    caller = await api.platform.identities.caller_of_key(api.keys["t"])
    assert caller is not None
    job_id = await bulk.create(
        services, caller, msgspec.convert({"action": "cancel", "ids": ids}, bulk.BulkRequest)
    )
    assert (await api.call("DELETE", f"/jobs/{job_id}")).status_code == 204
    await bulk_run.run(services, job_id)
    job = (await api.get(f"/jobs/{job_id}")).json()
    assert (job["status"], job["done"]) == ("canceled", 0)
    assert (await api.get(f"/items/{ids[0]}")).json()["status"] == "queued"


async def test_bulk_items_outside_of_the_scope_stay_as_they_are(api: World) -> None:
    await api.add_access_group("lending", categories=["Lending"], queues=[])
    await api.add_key("loans", Role.SUPERVISOR, access_groups=["lending"])
    claim, loan = await api.item("c1"), await api.item("c2", data={"kind": "loan"})
    started = await api.post("/items/bulk", {"action": "cancel", "ids": [claim["id"], loan["id"]]}, "loans")
    job = await finished(api, started.headers["location"])
    assert (job["done"], job["failed"]) == (1, 0)
    assert (await api.get(f"/items/{claim['id']}")).json()["status"] == "queued"


@pytest.mark.parametrize("decided", [False, True])
async def test_the_live_order_of_a_queue(api: World, *, decided: bool) -> None:
    await api.item("low", businessValue=1)
    await api.item("fixed", priority=999)
    await api.item("raised", priority="+50")
    await api.item("loan", data={"kind": "loan"})
    if decided:
        services = await api.follow(decide=True)
        await until(lambda: services.decider is not None and len(services.decider) == 4)
    order = (await api.get("/queues/claims/order")).json()
    assert order["source"] == ("decider" if decided else "database")
    assert [p["item"]["captureId"] for p in order["items"]] == ["fixed", "raised", "low"]
    assert [p["position"] for p in order["items"]] == [1, 2, 3]
    assert order["items"][0]["item"]["priority"] == 999
    whole = (await api.get("/queues/order?limit=2")).json()
    assert [p["item"]["captureId"] for p in whole["items"]] == ["fixed", "loan"]
    problem(await api.get("/queues/nowhere/order"), 404)


async def test_what_the_groups_of_open_items_tell_is_what_a_search_counts(api: World) -> None:
    """The short way by which a page learns that very many match."""
    await many(api, 7)
    for n in range(3):
        await api.item(f"p{n}", data={"kind": "claim", "line": "house"}, dueDateTime="2020-01-01T00:00:00Z")
    for n in range(2):
        await api.item(f"l{n}", data={"kind": "loan"})
    await api.post(
        "/items/bulk", {"action": "hold", "ids": [(await api.item("h1"))["id"]], "reason": "phone"}
    )
    services = await api.services()
    groups = await services.open_counts.of(services.runtime)
    told = {
        "open": QueueFilter(),
        "queue": QueueFilter(queue="claims"),
        "category": QueueFilter(category="Claims"),
        "below": QueueFilter(category="Claims/Motor"),
        "overdue": QueueFilter(overdue=True),
        "held in a queue": QueueFilter(status=("held",), queue="claims"),
        "waiting and overdue": QueueFilter(status=("queued",), overdue=True, category="Claims"),
    }
    counted = set()
    for name, chosen in told.items():
        query = chosen.query(limit=60, cursor=None, count=True)
        matching = matching_groups(query)
        assert matching is not None, name
        async with services.runtime.store.reading() as reading:
            exact = await reading.count(query, 100)
        assert sum(matching(g) for g in groups) == exact, name
        counted.add(exact)
    assert len(counted) > 3
    queues = {"all": [condition("queue", "eq", "claims"), condition("queue", "eq", "loans")]}
    for more in (
        QueueFilter(text="m1"),
        QueueFilter(filter=msgspec.json.encode(condition("businessValue", "ge", 10)).decode()),
        QueueFilter(filter=msgspec.json.encode(queues).decode()),
        QueueFilter(agent="anna"),
    ):
        assert matching_groups(more.query(limit=60, cursor=None, count=True)) is None, more
