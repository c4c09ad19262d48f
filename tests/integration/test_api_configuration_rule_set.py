"""The rule set over HTTP: publishing, objects one by one, conflicts, bad input, and what a change does to items."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from openiwd.domain.privilege import Role
from tests.factories.api import World, problem
from tests.servers.until import until

YAML = {"content-type": "application/yaml"}


async def put(api: World, path: str, body: Any, key: str = "t", **more: Any) -> httpx.Response:
    return await api.call("PUT", path, key, json=body, **more)


async def delete(api: World, path: str, key: str = "t", **more: Any) -> httpx.Response:
    return await api.call("DELETE", path, key, **more)


async def live(api: World) -> int:
    return int((await api.get("/rulesets/live")).json()["version"])


async def actions(api: World) -> list[tuple[str, str, str | None]]:
    entries = (await api.get("/audit")).json()["entries"]
    return [(e["action"], e["objectKind"], e["objectId"]) for e in reversed(entries)]


async def test_a_rule_set_exported_as_yaml_reads_back_the_same(api: World) -> None:
    before = (await api.get("/rulesets/live")).json()
    exported = await api.get("/rulesets/live?format=yaml")
    assert exported.headers["content-type"].startswith("application/yaml")
    assert exported.headers["etag"] == '"1"'
    again = await api.post("/rulesets?comment=again", content=exported.content, headers=YAML)
    assert again.status_code == 201, again.text
    assert (again.json()["version"], again.json()["differences"]) == (2, [])
    after = (await api.get("/rulesets/2")).json()
    assert after["document"] == before["document"]
    assert (await api.get("/rulesets/live?format=yaml")).content == exported.content
    versions = (await api.get("/rulesets")).json()["versions"]
    assert [(v["version"], v["live"], v["comment"], v["publishedBy"]) for v in versions] == [
        (2, True, "again", "key:t"),
        (1, False, None, "system:test"),
    ]
    as_json = await api.post("/rulesets", before["document"])
    assert as_json.status_code == 201, as_json.text


async def test_a_dry_run_tells_and_stores_nothing(api: World) -> None:
    document = (await api.get("/rulesets/live")).json()["document"]
    document["queues"][0]["offerTimeout"] = "45s"
    document["queues"].append({"id": "new", "name": "New", "groups": [{"group": "nobody"}]})
    told = await api.post("/rulesets?dryRun=true", document)
    assert told.status_code == 200, told.text
    assert told.json()["dryRun"] is True
    assert [(d["kind"], d["id"], d["change"]) for d in told.json()["differences"]] == [
        ("queues", "claims", "changed"),
        ("queues", "new", "added"),
    ]
    assert told.json()["differences"][0]["fields"] == [
        {"path": "offerTimeout", "before": "30s", "after": "45s"}
    ]
    assert "queues[3].groups[0].group: there is no group 'nobody' yet" in told.json()["warnings"]
    assert await live(api) == 1
    assert await actions(api) == []


async def test_rollback_publishes_an_earlier_version_again(api: World) -> None:
    first = (await api.get("/rulesets/1")).json()["document"]
    assert (await put(api, "/queues/extra", {"name": "Extra"})).status_code == 201
    back = await api.post("/rulesets/1/rollback")
    assert back.status_code == 201, back.text
    assert back.json()["version"] == 3
    assert (await api.get("/rulesets/live")).json()["document"] == first
    difference = (await api.get("/rulesets/1/diff/2")).json()
    assert [(d["kind"], d["id"], d["change"]) for d in difference["differences"]] == [
        ("queues", "extra", "added")
    ]
    assert (await api.get("/rulesets/1/diff/live")).json()["differences"] == []
    problem(await api.post("/rulesets/9/rollback"), 404)
    problem(await api.get("/rulesets/nine"), 404)
    problem(await api.get("/rulesets/live/diff/0"), 404)


async def test_only_the_version_that_was_read_is_replaced(api: World) -> None:
    document = (await api.get("/rulesets/live")).json()["document"]
    stale = {"If-Match": '"1"'}
    assert (await put(api, "/queues/calls", {"name": "Calls 2", "delivery": "pull"})).status_code == 200
    conflict = problem(await api.post("/rulesets", document, headers=stale), 409, "ruleSetChanged")
    assert conflict["currentVersion"] == 2
    assert (
        problem(await put(api, "/queues/calls", {"name": "Mine"}, headers=stale), 409)["currentVersion"] == 2
    )
    problem(await delete(api, "/rules/spam", headers=stale), 409, "ruleSetChanged")
    problem(await api.post("/rulesets/1/rollback", headers=stale), 409, "ruleSetChanged")
    problem(await api.post("/rulesets?dryRun=true", document, headers=stale), 409, "ruleSetChanged")
    assert await live(api) == 2
    fresh = await put(api, "/queues/calls", {"name": "Mine", "delivery": "pull"}, headers={"If-Match": '"2"'})
    assert (fresh.status_code, fresh.headers["etag"]) == (200, '"3"')


OBJECTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "calendars": (
        "late",
        {"name": "Late", "timeZone": "UTC", "weekly": {"monday": ["20:00-24:00"]}},
        {
            "name": "Later",
            "timeZone": "UTC",
            "weekly": {"friday": ["21:00-22:00"]},
            "holidays": {"country": "DE"},
        },
    ),
    "schemas": (
        "flat",
        {"name": "Flat", "points": [{"age": "0h", "priority": 5}], "sla": "4h"},
        {"name": "Flat", "points": [{"age": "0h", "priority": 6}], "sla": "5h", "clock": "office"},
    ),
    "queues": (
        "motor l2",
        {"name": "Motor L2", "offerTimeout": "20s"},
        {"name": "Motor", "delivery": "both"},
    ),
    "attributes": (
        "policeReport",
        {"type": "boolean", "label": "Police"},
        {"type": "integer", "allowed": [1]},
    ),
    "media-types": ("fax", {"name": "Fax", "weight": 3}, {"name": "Telefax"}),
    "rules": (
        "r9",
        {"then": [{"raiseBusinessValue": 5}]},
        {
            "when": {"attribute": "channel", "operator": "eq", "value": "fax"},
            "then": [{"adjustPriority": 10}],
        },
    ),
    "decision-tables": (
        "t1",
        {
            "columns": [{"attribute": "data.kind"}],
            "rows": [{"when": ["x"], "then": [{"setBusinessValue": 1}]}],
        },
        {"columns": [{"attribute": "channel"}], "rows": [{"when": [None]}]},
    ),
}


@pytest.mark.parametrize("noun", OBJECTS)
async def test_an_object_is_made_changed_listed_and_removed(api: World, noun: str) -> None:
    name, first, second = OBJECTS[noun]
    key = "name" if noun == "attributes" else "id"
    path = f"/{noun}/{name}"
    problem(await api.get(path), 404)
    made = await put(api, path, first)
    assert (made.status_code, made.headers["etag"]) == (201, '"2"'), made.text
    shown = (await api.get(path)).json()
    assert shown == {key: name, **shown}
    assert shown.items() >= first.items()
    same = await put(api, path, shown)
    assert (same.status_code, same.headers["etag"]) == (200, '"2"'), "what does not change publishes nothing"
    changed = await put(api, path, second)
    assert changed.status_code == 200, changed.text
    shown = (await api.get(path)).json()
    assert shown.items() >= second.items()
    listing = (await api.get(f"/{noun}")).json()
    part = next(k for k in listing if k != "version")
    assert (listing["version"], listing[part][-1]) == (3, shown)
    problem(await put(api, path, {**second, key: "other"}), 400)
    assert (await delete(api, path)).status_code == 204
    problem(await api.get(path), 404)
    problem(await delete(api, path), 404)
    assert [a[0] for a in await actions(api)] == ["created", "updated", "deleted"]
    entries = (await api.get("/audit")).json()["entries"]
    assert entries[0]["detail"]["before"].items() >= second.items()
    assert "after" not in entries[0]["detail"]


REFUSED = [
    ("/calendars/office", "schemas[1].clock"),
    ("/schemas/business", "categories[0].children[1].schema"),
    ("/queues/loans", "categories[1].queue"),
]


async def test_what_is_referred_to_is_not_deleted(api: World) -> None:
    for path, field in REFUSED:
        refused = problem(await delete(api, path), 409, "inUse")
        assert field in {e.get("field") for e in refused["errors"]}
        assert await live(api) == 1


async def test_what_live_objects_refer_to_is_not_deleted(api: World) -> None:
    await put(api, "/queues/extra", {"name": "Extra"})
    await put(api, "/calendars/late", OBJECTS["calendars"][1])
    await api.add_access_group("g", queues=["extra"])
    problem(await delete(api, "/queues/extra"), 409, "inUse")
    assert (await put(api, "/agents/bob", {"name": "Bob", "workingHours": "late"})).status_code == 201
    refused = problem(await delete(api, "/calendars/late"), 409, "inUse")
    assert "bob" in refused["errors"][0]["detail"]
    await put(api, "/attributes/kind", {"type": "string"})
    problem(await delete(api, "/attributes/kind"), 409, "inUse")
    await put(api, "/media-types/fax", {"name": "Fax"})
    await api.item("fax", mediaType="fax")
    refused = problem(await delete(api, "/media-types/fax"), 409, "inUse")
    assert "1 open items" in refused["errors"][0]["detail"]


BAD: list[tuple[str, Any, str]] = [
    ("/queues/q9", {}, "name"),
    ("/queues/q9", {"name": "Q", "offerTimeOut": "3s"}, "offerTimeOut"),
    ("/queues/q9", {"name": "Q", "offerTimeout": "soon"}, "offerTimeout"),
    ("/queues/q9", {"name": "Q", "weight": "heavy"}, "weight"),
    ("/queues/q9", {"name": "Q", "hours": "never"}, "hours"),
    ("/queues/-q", {"name": "Q"}, "id"),
    ("/queues/q9", {"name": "Q", "segmentBy": "nonsense"}, "segmentBy"),
    ("/schemas/s9", {"name": "S", "points": []}, "points"),
    ("/calendars/c9", {"name": "C", "timeZone": "Mars/Base", "weekly": {"monday": ["08:00-09:00"]}}, "timeZone"),
    ("/calendars/c9", {"name": "C", "timeZone": "UTC", "weekly": {"monday": ["8-9"]}}, "weekly.monday[0]"),
    ("/rules/r9", {"then": [{"raiseBusinesValue": 1}]}, "then[0].raiseBusinesValue"),
    ("/rules/r9", {"when": {"attribute": "subject", "operator": "like", "value": "x"}}, "when.operator"),
    ("/categories/motor", {"name": "a/b", "parent": "claims"}, "name"),
    ("/categories/new", {"name": "New"}, "schema"),
    ("/categories/new", {"name": "New", "parent": "nowhere"}, "parent"),
    ("/categories/claims", {"name": "Claims", "parent": "motor"}, "parent"),
    ("/categories/claims", {"name": "Claims", "parent": 5}, "parent"),
    ("/categories/claims", {"name": "Claims", "position": -1}, "position"),
]  # fmt: skip


async def test_faults_are_told_by_the_objects_own_fields(api: World) -> None:
    for path, body, field in BAD:
        answer = await put(api, path, body)
        assert answer.status_code in (400, 422), answer.text
        told = problem(answer, answer.status_code)
        fields = {told.get("field"), *(e.get("field") for e in told.get("errors", []))}
        assert field in fields, told
        assert told["hint"]
        assert await live(api) == 1


async def test_all_faults_of_a_document_are_told_at_once(api: World) -> None:
    source = """
name: Bad
timeZone: Europe/Berlin
queues: [{id: q, name: Q, hours: never}, {id: q, name: Q2, offerTimeout: soon}]
categories: [{id: a, name: A, schema: none, queue: q}]
"""
    told = problem(await api.post("/rulesets", content=source, headers=YAML), 422, "invalidRuleSet")
    assert {e["field"] for e in told["errors"]} >= {
        "queues[0].hours",
        "queues[1].offerTimeout",
        "categories[0].schema",
    }
    assert await live(api) == 1


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcdef", "bcdefg", strict=True)
)
"""Small as text, ten million values when written out."""


UNREADABLE: Any = [
    ("a: [", YAML, 422),
    ("x: 2026-13-45", YAML, 422),
    ('name: "a\\0b"', YAML, 400),
    ("name: x", {"content-type": "image/png"}, 415),
    ("{}", {"content-type": "application/json"}, 422),
    ("{", {"content-type": "application/json"}, 400),
    (b"\xff\xfe", YAML, 400),
    ("- 1", YAML, 422),
    (LAUGHS, YAML, 422),
    ("a: &a [*a]", YAML, 422),
]


async def test_bodies_that_cannot_be_read(api: World) -> None:
    for body, headers, status in UNREADABLE:
        problem(await api.post("/rulesets", content=body, headers=headers), status)
        assert await live(api) == 1


async def test_bad_parameters(api: World) -> None:
    document = (await api.get("/rulesets/live")).json()["document"]
    assert problem(await api.post("/rulesets?reclassify=some", document), 400)["field"] == "reclassify"
    assert problem(await api.get("/rulesets/live?format=xml"), 400)["field"] == "format"
    problem(await put(api, "/queues/q?position=-1", {"name": "Q"}), 400)
    problem(await put(api, "/queues/q", {"name": "Q"}, headers={"If-Match": "soon"}), 400)
    problem(await put(api, "/queues/q", ["Q"]), 400)


async def test_the_tree_is_changed_node_by_node(api: World) -> None:
    theft = {
        "name": "Theft",
        "parent": "motor",
        "when": {"attribute": "data.cause", "operator": "eq", "value": "theft"},
    }
    made = await put(api, "/categories/theft", theft)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert (shown["path"], shown["level"], shown["effectiveQueue"]) == ("Claims/Motor/Theft", 3, "claims")
    item = await api.item("c1", data={"kind": "claim", "line": "motor", "cause": "theft"})
    assert item["categoryPath"] == "Claims/Motor/Theft"
    back = await put(api, "/categories/theft", {**shown, "description": "stolen"})
    assert (back.status_code, back.json()["description"], back.json()["parent"]) == (200, "stolen", "motor")
    parent = (await api.get("/categories/motor")).json()
    assert parent["children"] == ["theft"]
    renamed = await put(api, "/categories/motor", {**parent, "name": "Cars"})
    assert renamed.json()["children"] == ["theft"], "children stay below"
    moved = await put(api, "/categories/theft", {**back.json(), "parent": "property", "position": 0})
    assert moved.json()["path"] == "Claims/Property/Theft"
    order = [c["id"] for c in (await api.get("/categories")).json()["categories"]]
    assert order == ["claims", "motor", "property", "theft", "lending", "mortgage"]
    await put(api, "/categories/lending", {**(await api.get("/categories/lending")).json(), "position": 0})
    order = [c["id"] for c in (await api.get("/categories")).json()["categories"]]
    assert order[:2] == ["lending", "mortgage"]


async def test_a_category_is_archived_never_destroyed(api: World) -> None:
    document = (await api.get("/rulesets/live")).json()["document"]
    await api.post("/rulesets", {**document, "defaultCategory": "motor"})
    problem(await delete(api, "/categories/motor"), 409, "inUse")
    await api.post("/rulesets", document)
    before = await api.item("old")
    assert before["categoryPath"] == "Claims/Motor"
    assert (await delete(api, "/categories/motor?reclassify=none")).status_code == 204
    assert (await api.get("/categories/motor")).json()["archived"] is True
    assert (await api.get(f"/items/{before['id']}")).json()["categoryPath"] == "Claims/Motor"
    assert (await api.item("new"))["categoryPath"] == "Claims/Property"
    problem(await delete(api, "/categories/nothing"), 404)


async def nothing_runs(api: World) -> None:
    """Open items are judged again."""

    async def over() -> bool:
        return all(j["status"] != "running" for j in (await api.get("/jobs")).json()["jobs"])

    await until(over)


async def test_a_published_change_judges_the_next_item_and_the_open_ones(api: World) -> None:
    before = await api.item("before")
    assert (before["queue"], int(before["priority"])) == ("claims", 100)
    await put(api, "/queues/fast", {"name": "Fast"})
    motor = (await api.get("/categories/motor")).json()
    kept = await put(api, "/categories/motor?reclassify=none", {**motor, "queue": "fast"})
    assert kept.status_code == 200, kept.text
    assert (await api.item("after"))["queue"] == "fast"
    assert (await api.get(f"/items/{before['id']}")).json()["queue"] == "claims"
    schema = (await api.get("/schemas/standard")).json()
    schema["points"][0]["priority"] = 150
    assert (await put(api, "/schemas/standard?reclassify=changed", schema)).status_code == 200
    await nothing_runs(api)
    shown = (await api.get(f"/items/{before['id']}")).json()
    assert (shown["queue"], int(shown["priority"])) == ("claims", 150), (
        "curves count at once; it is judged as before"
    )
    again = {**motor, "queue": "fast", "description": "x"}
    assert (await put(api, "/categories/motor?reclassify=all", again)).status_code == 200
    await nothing_runs(api)
    assert (await api.get(f"/items/{before['id']}")).json()["queue"] == "fast"
    problem(await delete(api, "/queues/fast"), 409, "inUse")


async def test_rules_keep_their_order_and_can_be_moved(api: World) -> None:
    await put(api, "/rules/late", {"then": []}, params={"position": 0})
    rules = [r["id"] for r in (await api.get("/rules")).json()["rules"]]
    assert rules == ["late", "vip", "spam", "docs"]
    await put(api, "/rules/late", {"then": []}, params={"position": 9})
    rules = [r["id"] for r in (await api.get("/rules")).json()["rules"]]
    assert rules == ["vip", "spam", "docs", "late"]
    difference = (await api.get("/rulesets/2/diff/3")).json()["differences"]
    moved = {d["id"]: d["fields"] for d in difference}
    assert moved["late"] == [{"path": "follows", "before": None, "after": "docs"}]


async def test_a_tenant_without_rules_begins_with_an_empty_document(api: World) -> None:
    await api.add_tenant("empty", rules=None)
    assert (await api.get("/queues", "empty")).json() == {"version": None, "queues": []}
    problem(await api.get("/rulesets/live", "empty"), 404)
    assert (await put(api, "/queues/q", {"name": "Q"}, "empty")).status_code == 201
    await put(api, "/schemas/s", OBJECTS["schemas"][1], "empty")
    made = await put(api, "/categories/all", {"name": "All", "schema": "s", "queue": "q"}, "empty")
    assert (made.status_code, made.headers["etag"]) == (201, '"3"'), made.text
    assert (await api.item("x", "empty"))["categoryPath"] == "All"
    assert await live(api) == 1, "the other tenant's rules stay as they are"


async def test_editing_takes_the_right_to_publish_too(api: World) -> None:
    await api.add_key("queues", privileges=["queues.view", "queues.update"])
    told = problem(await put(api, "/queues/q", {"name": "Q"}, "queues"), 403, "forbidden")
    assert told["privilege"] == "rulesets.publish"
    await api.add_key("viewer", Role.VIEWER)
    problem(await put(api, "/queues/q", {"name": "Q"}, "viewer"), 403, "forbidden")
    assert (await api.get("/queues/claims", "viewer")).status_code == 200


async def test_at_the_same_time_no_change_is_lost(api: World) -> None:
    answers = await asyncio.gather(*(put(api, f"/queues/q{n}", {"name": f"Q{n}"}) for n in range(4)))
    assert [a.status_code for a in answers] == [201] * 4, [a.text for a in answers]
    found = {q["id"] for q in (await api.get("/queues")).json()["queues"]}
    assert found >= {"q0", "q1", "q2", "q3"}
    assert await live(api) == 5
