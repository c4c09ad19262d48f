"""Single items over HTTP: handing over, reading, changing, time travel, history, what hangs on them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from openiwd.domain.privilege import Role
from tests.factories.api import World, problem, raw


async def test_a_new_item_is_answered_after_commit(api: World) -> None:
    answer = await api.post("/items", raw("c1", subject="Crash", ext={"customerSegment": "vip"}))
    assert answer.status_code == 201
    body = answer.json()
    assert {k: body[k] for k in ("status", "categoryPath", "queue", "revision")} == {
        "status": "queued",
        "categoryPath": "Claims/Motor",
        "queue": "claims",
        "revision": 1,
    }
    assert body["priority"] == pytest.approx(100, abs=1)
    assert answer.headers["location"] == f"/iwd/v3/items/{body['id']}"
    shown = (await api.get(answer.headers["location"])).json()
    assert shown["captureId"] == "c1"
    assert shown["businessValue"] == 100
    assert shown["requires"]["skills"] == [{"skill": "motor", "level": 5}]
    assert (shown["departmentId"], shown["processId"], shown["dueOrigin"]) == ("claims", "motor", "schema")
    assert {"hold", "cancel", "assign"} <= set(shown["actions"])


async def test_the_same_hand_over_again(api: World) -> None:
    first = await api.post("/items", raw("c1", subject="Crash"))
    again = await api.post("/items", raw("c1", subject="Crash"))
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    other = problem(await api.post("/items", raw("c1", subject="Other")), 409, "duplicate")
    assert other["field"] == "captureId"
    assert other["itemId"] == first.json()["id"]
    updated = await api.post("/items?onDuplicate=update", raw("c1", subject="Other"))
    assert (updated.status_code, updated.json()["revision"]) == (200, 2)
    shown = (await api.get("/items/ext_c1")).json()
    assert shown["subject"] == "Other"


async def test_an_item_is_found_by_its_capture_id(api: World) -> None:
    item = await api.item("a/b c", capturePoint="mail")
    assert (await api.get("/items", params={"captureId": "a/b c", "capturePoint": "mail"})).json()[
        "id"
    ] == item["id"]
    assert (await api.get("/items", params={"captureId": "a/b c"})).json()["id"] == item["id"]
    await api.item("a/b c", capturePoint="fax")
    assert (
        problem(await api.get("/items", params={"captureId": "a/b c"}), 409, "ambiguous")["field"]
        == "capturePoint"
    )
    problem(await api.get("/items/ext_nothing"), 404, "notFound")
    problem(await api.get(f"/items/{uuid4()}"), 404, "notFound")
    problem(await api.get("/items/not-an-id"), 404, "notFound")


async def test_an_update_merges(api: World) -> None:
    item = await api.item(
        "c1", subject="Crash", data={"kind": "claim", "line": "motor", "plate": {"no": "B-1"}}
    )
    path = f"/items/{item['id']}"
    changed = await api.call(
        "PATCH", path, json={"subject": None, "data": {"plate": {"seen": True}}, "ext": {"productType": "x"}}
    )
    assert changed.status_code == 200, changed.text
    body = changed.json()
    assert body["subject"] is None
    assert body["data"] == {"kind": "claim", "line": "motor", "plate": {"no": "B-1", "seen": True}}
    assert body["changed"] is True
    assert changed.headers["etag"] == '"2"'
    moved = (await api.call("PUT", path, json={"data": {"line": None}})).json()
    assert moved["categoryPath"] == "Claims/Property"
    assert "skills" not in moved["requires"]
    unchanged = (await api.call("PUT", path, json={"data": {"line": None}})).json()
    assert (unchanged["changed"], unchanged["revision"]) == (False, moved["revision"])


async def test_an_items_own_answer_can_be_sent_back(api: World) -> None:
    item = await api.item("c1", subject="Crash", priority="+5")
    back = {**item, "subject": "Changed"}
    answer = await api.call("PUT", f"/items/{item['id']}", json=back)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    for name in (
        "dueDateTime",
        "dueOrigin",
        "priorityFixed",
        "priorityAdjustment",
        "businessValue",
        "data",
        "categoryPath",
    ):
        assert body[name] == item[name], name
    assert body["subject"] == "Changed"
    wrong = problem(
        await api.call("PUT", f"/items/{item['id']}", json={"captureId": "c2"}), 400, "unchangeable"
    )
    assert wrong["field"] == "captureId"


async def test_if_match_guards_against_lost_updates(api: World) -> None:
    item = await api.item()
    path = f"/items/{item['id']}"
    assert (
        await api.call("PATCH", path, json={"subject": "a"}, headers={"If-Match": '"1"'})
    ).status_code == 200
    late = problem(
        await api.call("PATCH", path, json={"subject": "b"}, headers={"If-Match": '"1"'}),
        412,
        "revisionMismatch",
    )
    assert late["revision"] == 2
    assert (await api.get(path)).json()["subject"] == "a"
    problem(await api.call("PATCH", path, json={}, headers={"If-Match": "x"}), 400)
    held = await api.post(f"{path}/hold", {"reason": "review"}, headers={"If-Match": '"1"'})
    problem(held, 412)


async def test_the_past_is_folded_from_the_log(api: World) -> None:
    item = await api.item("c1", subject="Crash", ext={"customerId": "K1"})
    path = f"/items/{item['id']}"
    before = datetime.now(UTC)
    await api.post(f"{path}/hold", {"reason": "review", "comment": "look again"})
    await api.call("PATCH", path, json={"subject": "Bang"})
    past = (await api.get(path, params={"at": before.isoformat()})).json()
    assert (past["status"], past["subject"], past["revision"]) == ("queued", "Crash", 1)
    assert past["ext"]["customerId"] == "K1"
    early = (before - timedelta(days=1)).isoformat()
    problem(await api.get(path, params={"at": early}), 404)
    problem(await api.get(path, params={"at": "yesterday"}), 400)
    history = (await api.get(f"{path}/history")).json()["events"]
    assert [e["type"] for e in history] == ["created", "held", "updated"]
    assert history[1]["comment"] == "look again"
    assert history[1]["details"]["reason"] == "review"
    assert history[2]["changes"]["subject"] == "Bang"
    assert (history[0]["fromStatus"], history[0]["toStatus"]) == (None, "queued")


async def test_a_deleted_item_lives_on_in_the_log_only(api: World) -> None:
    item = await api.item()
    path = f"/items/{item['id']}"
    problem(await api.call("DELETE", path), 409, "invalidTransition")
    await api.post(f"{path}/cancel", {"reason": "test"})
    assert (await api.call("DELETE", path)).status_code == 204
    problem(await api.get(path), 404)
    history = (await api.get(f"{path}/history")).json()["events"]
    assert [e["type"] for e in history] == ["created", "canceled", "deleted"]
    await api.add_key("ann", Role.AGENT, agent_id="ann")
    problem(await api.get(f"{path}/history", "ann"), 404)


async def test_notes_tags_and_links_hang_on_final_items_too(api: World) -> None:
    item, other = await api.item("c1"), await api.item("c2")
    path = f"/items/{item['id']}"
    await api.post(f"{path}/complete", {"resultCode": "paid"})
    note = await api.post(f"{path}/notes", {"text": "called"}, headers={"Idempotency-Key": "n1"})
    assert note.status_code == 201, note.text
    again = await api.post(f"{path}/notes", {"text": "called"}, headers={"Idempotency-Key": "n1"})
    assert again.json()["id"] == note.json()["id"]
    assert [n["text"] for n in (await api.get(f"{path}/notes")).json()["notes"]] == ["called"]
    tagged = (await api.post(f"{path}/tags", {"add": ["a", "b"]})).json()
    assert tagged["tags"] == ["a", "b"]
    assert (await api.post(f"{path}/tags", {"remove": ["a"]})).json()["tags"] == ["b"]
    assert (await api.post(f"{path}/links", {"kind": "relatesTo", "item": other["id"]})).status_code == 200
    (link,) = (await api.get(f"/items/{other['id']}/links")).json()["links"]
    assert (link["kind"], link["itemId"], link["incoming"]) == ("relatesTo", item["id"], True)
    types = [e["type"] for e in (await api.get(f"{path}/history")).json()["events"]]
    assert types == ["created", "completed", "noteAdded", "tagged", "tagged", "linked"]


async def test_merging_cancels_the_duplicate_and_links_it(api: World) -> None:
    kept, duplicate = await api.item("c1"), await api.item("c2")
    body = {"kind": "duplicateOf", "item": kept["id"], "merge": True}
    merged = await api.post(f"/items/{duplicate['id']}/links", body)
    assert (merged.status_code, merged.json()["status"]) == (200, "canceled")
    (link,) = (await api.get(f"/items/{duplicate['id']}/links")).json()["links"]
    assert (link["kind"], link["itemId"]) == ("duplicateOf", kept["id"])
    last = (await api.get(f"/items/{duplicate['id']}/history")).json()["events"][-1]
    assert (last["type"], last["details"]["reason"]) == ("canceled", "merged")


@pytest.mark.parametrize("form", ["raw", "multipart"])
async def test_attachments_come_back_as_downloads(api: World, form: str) -> None:
    item = await api.item()
    path = f"/items/{item['id']}/attachments"
    content = b"<script>alert(1)</script>" * 100
    arguments: dict[str, Any]
    if form == "raw":
        arguments = {
            "content": content,
            "headers": {"content-type": "text/html"},
            "params": {"fileName": '../ü"x.html'},
        }
    else:
        arguments = {"files": {"file": ("../üx.html", content, "text/html")}}
    stored = await api.post(path, **arguments)
    assert stored.status_code == 201, stored.text
    assert stored.json()["fileName"] == "üx.html"
    (info,) = (await api.get(path)).json()["attachments"]
    assert info["size"] == len(content)
    loaded = await api.get(f"{path}/{info['id']}")
    assert loaded.content == content
    assert loaded.headers["content-type"] == "application/octet-stream"
    assert loaded.headers["content-disposition"].startswith("attachment;")
    assert loaded.headers["x-content-type-options"] == "nosniff"
    problem(await api.get(f"{path}/{uuid4()}"), 404)


async def test_the_curve_of_an_item(api: World) -> None:
    item = await api.item()
    created = datetime.fromisoformat(item["createdDateTime"])
    span = {"from": created.isoformat(), "to": (created + timedelta(hours=10)).isoformat()}
    curve = (await api.get(f"/items/{item['id']}/priority", params=span)).json()
    points = {datetime.fromisoformat(p["at"]) - created: p["priority"] for p in curve["points"]}
    assert points[timedelta(0)] == 100
    assert points[timedelta(hours=8)] == 500
    assert points[timedelta(hours=10)] == 520
    assert {c["kind"] for c in curve["crossings"]} == {"bend", "due"}
    problem(
        await api.get(f"/items/{item['id']}/priority", params={"from": span["to"], "to": span["from"]}), 400
    )


async def test_the_curve_says_whom_the_item_meets(api: World) -> None:
    item = await api.item("c1")
    fixed = await api.item("c2", priority=300)
    await api.item("c3", data={"kind": "loan"})
    created = datetime.fromisoformat(item["createdDateTime"])
    span = {"from": created.isoformat(), "to": (created + timedelta(hours=10)).isoformat()}
    curve = (await api.get(f"/items/{item['id']}/priority", params=span)).json()
    (met,) = [c for c in curve["crossings"] if c["kind"] in ("overtakes", "overtakenBy")]
    assert (met["kind"], met["item"]) == ("overtakes", fixed["id"])
    assert met["priority"] == pytest.approx(300, abs=0.01)
    assert datetime.fromisoformat(met["at"]) - created == pytest.approx(
        timedelta(hours=4), abs=timedelta(seconds=1)
    )
    other = (await api.get(f"/items/{fixed['id']}/priority", params=span)).json()
    assert [c["kind"] for c in other["crossings"] if c["item"] == item["id"]] == ["overtakenBy"]


async def test_contacts_come_with_items(api: World) -> None:
    contact = {"customerId": "K1", "name": "Ada Byron", "emails": ["Ada@Example.org"]}
    item = await api.item("c1", contact=contact)
    found = (await api.get("/contacts", params={"text": "byron"})).json()["contacts"]
    assert [c["customerId"] for c in found] == ["K1"]
    assert (await api.get(f"/contacts/{item['contactId']}")).json()["name"] == "Ada Byron"
    assert (await api.get("/contacts", params={"text": "ada@example.org"})).json()["contacts"] == found
    assert (await api.get("/contacts", params={"text": "100%_"})).json()["contacts"] == []
    problem(await api.get(f"/contacts/{uuid4()}"), 404)
