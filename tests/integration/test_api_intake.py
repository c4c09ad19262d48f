"""Intake over HTTP: bad input of every kind, batches, idempotency keys, operations, virtual clocks."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from openiwd.domain.privilege import Role
from openiwd.usecases.intake import MAX_WAITING
from tests.factories.api import World, problem, raw

DEEP = b'{"captureId":"c1","data":{"a":' + b"[" * 5000 + b"]" * 5000 + b"}}"
NESTED: Any = "x"
for _ in range(60):
    NESTED = {"a": NESTED}

BAD: list[tuple[str, Any, int, str | None, str | None]] = [
    # what, body (dict: changes of a good item; bytes: as they are), status, code, field
    ("no captureId", {"captureId": None}, 400, "invalidInput", "captureId"),
    ("empty captureId", {"captureId": ""}, 400, "invalidInput", "captureId"),
    ("long captureId", {"captureId": "x" * 257}, 400, "invalidInput", "captureId"),
    ("number for text", {"subject": 5}, 400, "invalidInput", "subject"),
    ("long subject", {"subject": "x" * 513}, 400, "invalidInput", "subject"),
    ("text for number", {"businessValue": "5"}, 400, "invalidInput", "businessValue"),
    ("huge number", {"businessValue": 10**30}, 400, "invalidInput", "businessValue"),
    ("number out of range", {"businessValue": 2**31}, 400, "invalidInput", "businessValue"),
    ("fraction", {"businessValue": 1.5}, 400, "invalidInput", "businessValue"),
    ("unknown field", {"prioritty": 5}, 400, "invalidInput", "prioritty"),
    ("unknown ext field", {"ext": {"customerID": "x"}}, 400, "invalidInput", "ext.customerID"),
    ("wrong ext type", {"ext": {"customerId": 7}}, 400, "invalidInput", "ext.customerId"),
    ("ext list", {"ext": []}, 400, "invalidInput", "ext"),
    ("data list", {"data": [1]}, 400, "invalidInput", "data"),
    ("naive date", {"dueDateTime": "2026-01-01T00:00:00"}, 400, "invalidInput", "dueDateTime"),
    ("no date", {"dueDateTime": "soon"}, 400, "invalidInput", "dueDateTime"),
    ("far date", {"dueDateTime": "2226-01-01T00:00:00Z"}, 400, "dateOutOfRange", "dueDateTime"),
    ("old date", {"createdDateTime": "1826-01-01T00:00:00Z"}, 400, "dateOutOfRange", "createdDateTime"),
    ("future creation", {"createdDateTime": "2029-01-01T00:00:00Z"}, 400, "dateInFuture", "createdDateTime"),
    ("bad url", {"sourceUrl": "javascript:alert(1)"}, 400, "invalidInput", "sourceUrl"),
    ("bad priority", {"priority": "high"}, 400, "invalidInput", "priority"),
    ("two priorities", {"priority": 5, "priorityFixed": 6}, 400, "invalidInput", "priority"),
    ("NUL in subject", {"subject": "a\x00b"}, 400, "invalidText", "subject"),
    ("NUL in data", {"data": {"a": ["x", "b\x00"]}}, 400, "invalidText", "data.a[1]"),
    ("NUL in a key", {"data": {"a\x00": 1}}, 400, "invalidText", "data"),
    ("NUL in ext", {"ext": {"customerId": "\x00"}}, 400, "invalidText", "ext.customerId"),
    ("NUL in contact", {"contact": {"emails": ["\x00"]}}, 400, "invalidText", "contact.emails[0]"),
    ("NUL in a tag", {"tags": ["\x00"]}, 400, "invalidText", "tags[0]"),
    ("too many tags", {"tags": [f"t{n}" for n in range(33)]}, 400, "invalidInput", "tags"),
    ("deep data", {"data": {"deep": NESTED}}, 400, "invalidInput", None),
    ("large data", {"data": {"a": "x" * 33_000}}, 413, "tooLarge", "data"),
    ("large item", {"description": "x" * 66_000}, 413, "tooLarge", None),
    ("very deep JSON", DEEP, 400, "tooDeep", None),
    ("half a surrogate", rb'{"captureId":"c1","subject":"\ud800"}', 400, "invalidText", None),
    ("half in data", rb'{"captureId":"c1","data":{"a":"x\ud83d y"}}', 400, "invalidText", None),
    ("not UTF-8", b'{"captureId":"c1","subject":"\xff\xfe"}', 400, "invalidText", None),
    ("raw NUL", b'{"captureId":"c1","subject":"\x00"}', 400, "invalidText", None),
    ("no JSON", b"captureId=c1", 400, "malformedJson", None),
    ("cut JSON", b'{"captureId":"c1"', 400, "malformedJson", None),
    ("two values", b'{"captureId":"c1"} {}', 400, "malformedJson", None),
    ("nothing", b"", 400, "malformedJson", None),
    ("null", b"null", 400, "invalidInput", None),
    ("a list", b"[]", 400, "invalidInput", None),
    ("NaN", b'{"captureId":"c1","data":{"a":NaN}}', 400, "malformedJson", None),
    ("endless number", b'{"captureId":"c1","data":{"a":1e999}}', 400, "invalidInput", "data.*"),
    ("long number", b'{"captureId":"c1","data":{"a":' + b"9" * 6000 + b"}}", 400, "invalidInput", "data.*"),
]


async def test_bad_items_say_what_is_wrong(api: World) -> None:
    for what, body, status, code, field in BAD:
        if isinstance(body, bytes):
            content = body
        else:
            content = msgspec.json.encode({k: v for k, v in raw("c1", **body).items() if v is not None})
        got = await api.post("/items", content=content, headers={"content-type": "application/json"})
        answer = problem(got, status, code)
        assert field is None or answer["field"] == field, what
        assert answer["hint"], what
        problem(await api.get("/items/ext_c1"), 404)


async def test_all_of_it_in_one_batch_fails_alone(api: World) -> None:
    bad = [
        raw(f"b{n}", **body)
        for n, (_, body, *_rest) in enumerate(BAD)
        if isinstance(body, dict) and "captureId" not in body
    ]
    items = [raw("good-1"), *bad, raw("good-2")]
    answer = await api.post("/items/batch", items)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["created"], told["failed"]) == (2, len(bad))
    for n, result in enumerate(told["results"]):
        assert result["index"] == n
        if result["outcome"] == "error":
            assert result["error"]["field"].startswith(f"items[{n}]")
    assert {told["results"][0]["outcome"], told["results"][-1]["outcome"]} == {"created"}


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json; charset=latin-1", 415),
        ("application/json; charset=UTF-8", 201),
        ("application/vnd.api+json", 201),
        (None, 201),
    ],
)
async def test_content_types(api: World, content_type: str | None, status: int) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = await api.post("/items", content=msgspec.json.encode(raw("c1")), headers=headers)
    if status == 415:
        problem(answer, 415, "unsupportedMediaType")
    else:
        assert answer.status_code == status, answer.text
    search = await api.post("/items/search", content=b"{}", headers=headers)
    assert search.status_code == (415 if status == 415 else 200), search.text


async def test_big_numbers_in_data_are_kept_exactly(api: World) -> None:
    item = await api.item("c1", data={"kind": "claim", "n": 2**70, "f": 0.1})
    assert (item["data"]["n"], item["data"]["f"]) == (2**70, 0.1)


async def test_a_batch_answers_item_by_item(api: World) -> None:
    await api.item("c1", subject="old")
    items = [
        raw("c1", subject="old"),
        raw("c1", subject="new"),
        raw("c2"),
        raw("c2"),
        raw("c3", subject="SPAM"),
    ]
    answer = (await api.post("/items/batch", items)).json()
    assert [r["outcome"] for r in answer["results"]] == [
        "existing",
        "error",
        "created",
        "existing",
        "created",
    ]
    assert answer["results"][1]["error"]["code"] == "duplicate"
    assert answer["results"][4]["status"] == "rejected"
    assert answer["results"][2]["id"] == answer["results"][3]["id"]
    lines = (
        b"\n".join(msgspec.json.encode(i) for i in [raw("c1", subject="new"), raw("c9")]) + b"\n\nnonsense\n"
    )
    told = (
        await api.post(
            "/items/batch?onDuplicate=update", content=lines, headers={"content-type": "application/x-ndjson"}
        )
    ).json()
    assert [r["outcome"] for r in told["results"]] == ["updated", "created", "error"]
    assert told["results"][2]["error"]["field"] == "items[2]"
    assert (await api.get("/items/ext_c1")).json()["subject"] == "new"


async def test_limits_of_a_batch(api: World) -> None:
    problem(await api.post("/items/batch", [raw(f"c{n}") for n in range(1001)]), 413, "tooManyItems")
    problem(await api.post("/items/batch", {"captureId": "c"}), 400)
    problem(await api.post("/items/batch", content=b"[" + b" " * 9_000_000 + b"]"), 413, "tooLarge")
    thousand = (await api.post("/items/batch", [raw(f"c{n}") for n in range(1000)])).json()
    assert thousand["created"] == 1000
    assert (await api.post("/items/batch", [])).json()["results"] == []
    problem(await api.post("/items?onDuplicate=ignore", raw("x")), 400)


async def test_an_idempotency_key_answers_as_the_first_time(api: World) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = await api.post("/items", raw("c1"), headers=headers)
    again = await api.post("/items", raw("c1"), headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == first.headers["location"]
    problem(await api.post("/items", raw("c2"), headers=headers), 422, "idempotencyMismatch")
    await api.add_key("second", Role.ADMINISTRATOR)
    assert (await api.post("/items", raw("c2"), "second", headers=headers)).status_code == 201
    problem(await api.post("/items", raw("c3"), headers={"Idempotency-Key": "x" * 201}), 400)
    problem(await api.post("/items", raw("c4", subject=5), headers={"Idempotency-Key": "k2"}), 400)
    assert (await api.post("/items", raw("c4"), headers={"Idempotency-Key": "k2"})).status_code == 201


async def test_many_at_once_are_each_answered(api: World) -> None:
    answers = await asyncio.gather(*(api.post("/items", raw(f"c{n % 40}")) for n in range(120)))
    assert sorted({a.status_code for a in answers}) == [200, 201]
    assert sum(a.status_code == 201 for a in answers) == 40
    ids = {a.json()["id"] for a in answers}
    assert len(ids) == 40


async def test_a_full_intake_says_come_back(api: World) -> None:
    services = await api.services()
    waiting = services.intake._waiting
    waiting.extend([None] * MAX_WAITING)  # type: ignore[list-item]
    answer = await api.post("/items", raw("c1"))
    waiting.clear()
    problem(answer, 429, "overloaded")
    assert int(answer.headers["retry-after"]) >= 1


async def test_operations_run_in_order_in_one_transaction(api: World) -> None:
    await api.add_agent("ann")
    operations = [
        {"op": "create", "item": raw("c1", subject="one")},
        {"op": "assign", "captureId": "c1", "agent": "ann"},
        {"op": "return", "captureId": "c1"},
        {"op": "complete", "captureId": "c1", "agent": "ann"},
        {"op": "create", "item": raw("c2", subject=5)},
        {"op": "hold", "captureId": "c1", "reason": "review"},
        {"op": "update", "captureId": "c1", "item": {"subject": "two"}},
        {"op": "assign", "captureId": "c1", "agent": "nobody"},
        {"op": "cancel", "captureId": "missing"},
        {"op": "explode", "captureId": "c1"},
        {"op": "hold", "reason": "review"},
        {"op": "update", "captureId": "c1", "item": {"subjekt": "two"}},
    ]
    answer = await api.post(
        "/items/operations", {"operations": operations, "checkpoint": {"name": "x", "value": {"line": 12}}}
    )
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [r["outcome"] for r in results] == [
        "created", "done", "done", "error", "error", "done", "done", "error", "error", "error", "error", "error",
    ]  # fmt: skip
    errors = {
        r["index"]: (r["error"]["code"], r["error"].get("field")) for r in results if r["outcome"] == "error"
    }
    assert errors == {
        3: ("notYourItem", "operations[3].agent"),
        4: ("invalidInput", "operations[4].item.subject"),
        7: ("invalidInput", "operations[7].agent"),
        8: ("notFound", "operations[8].id"),
        9: ("invalidInput", "operations[9].op"),
        10: ("invalidInput", "operations[10].id"),
        11: ("invalidInput", "operations[11].item.subjekt"),
    }
    assert (await api.get("/checkpoints/x")).json()["value"] == {"line": 12}
    problem(await api.get("/checkpoints/y"), 404)
    shown = (await api.get("/items/ext_c1")).json()
    assert (shown["status"], shown["subject"], shown["revision"]) == ("held", "two", results[6]["revision"])


async def test_atomic_operations_are_all_or_none(api: World) -> None:
    operations = [{"op": "create", "item": raw("c1")}, {"op": "cancel", "captureId": "missing"}]
    answer = (await api.post("/items/operations", {"operations": operations, "atomic": True})).json()
    assert [r["error"]["code"] for r in answer["results"]] == ["notDone", "notFound"]
    problem(await api.get("/items/ext_c1"), 404)


async def test_each_operation_needs_its_own_privilege(api: World) -> None:
    await api.item("c1")
    await api.add_key("reader", privileges=["workitems.read", "workitems.hold"])
    body = {
        "operations": [
            {"op": "hold", "captureId": "c1", "reason": "review"},
            {"op": "cancel", "captureId": "c1"},
            {"op": "create", "item": raw("c2")},
        ]
    }
    results = (await api.post("/items/operations", body, "reader")).json()["results"]
    assert [r["outcome"] for r in results] == ["done", "error", "error"]
    assert {r["error"]["code"] for r in results[1:]} == {"forbidden"}
    problem(
        await api.post("/items/operations", {**body, "checkpoint": {"name": "x", "value": 1}}, "reader"), 403
    )


async def test_limits_of_operations(api: World) -> None:
    many = {"operations": [{"op": "cancel", "captureId": "x"}] * 1001}
    problem(await api.post("/items/operations", many), 413)
    problem(await api.post("/items/operations", {"operation": []}), 400)
    at = {"operations": [{"op": "create", "item": raw("c1"), "at": "2026-01-01T00:00:00Z"}]}
    (result,) = (await api.post("/items/operations", at)).json()["results"]
    assert result["error"]["code"] == "clockIsReal"
    problem(
        await api.post("/items", raw("c1"), headers={"X-OpenIWD-Now": "2026-01-01T00:00:00Z"}),
        400,
        "clockIsReal",
    )


async def test_a_virtual_clock_is_set_by_requests_and_never_goes_back(api: World) -> None:
    await api.add_tenant("past", clock="virtual")
    problem(await api.post("/items", raw("c0"), "past"), 503, "clockNotStarted")
    first = {"X-OpenIWD-Now": "2016-05-04T10:00:00.123Z"}
    assert (await api.post("/items", raw("c1"), "past", headers=first)).status_code == 201
    shown = (await api.get("/items/ext_c1", "past")).json()
    assert shown["receivedDateTime"] == shown["createdDateTime"] == "2016-05-04T10:00:00.123000Z"
    back = await api.post("/items", raw("c2"), "past", headers={"X-OpenIWD-Now": "2016-05-04T09:00:00Z"})
    problem(back, 409, "clockBackwards")
    problem(await api.get("/items/ext_c1", "past", headers={"X-OpenIWD-Now": "now"}), 400)
    await api.add_key("viewer", Role.VIEWER, tenant_id="past")
    problem(await api.get("/items/ext_c1", "viewer", headers={"X-OpenIWD-Now": "2026-01-01T00:00:00Z"}), 403)
    operations = [
        {"op": "hold", "captureId": "c1", "reason": "review", "at": "2016-05-04T11:00:00Z"},
        {"op": "resume", "captureId": "c1", "at": "2016-05-04T12:00:00.5+00:00"},
        {"op": "cancel", "captureId": "c1", "at": "2016-05-04T11:30:00Z"},
    ]
    results = (await api.post("/items/operations", {"operations": operations}, "past")).json()["results"]
    assert [r["outcome"] for r in results] == ["done", "done", "error"]
    assert results[2]["error"]["code"] == "clockBackwards"
    events = (await api.get("/items/ext_c1/history", "past")).json()["events"]
    assert [e["at"] for e in events] == [
        "2016-05-04T10:00:00.123000Z",
        "2016-05-04T11:00:00Z",
        "2016-05-04T12:00:00.500000Z",
    ]
