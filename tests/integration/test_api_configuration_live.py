"""Live configuration over HTTP: agents, skills, groups, lookup tables, hold reasons, views. It counts at once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from openiwd.domain.agent import Capacity
from openiwd.domain.privilege import Role
from tests.factories.api import World, problem
from tests.servers.until import until

CSV = {"content-type": "text/csv"}


async def put(api: World, path: str, body: Any, key: str = "t", **more: Any) -> httpx.Response:
    return await api.call("PUT", path, key, json=body, **more)


async def delete(api: World, path: str, key: str = "t") -> httpx.Response:
    return await api.call("DELETE", path, key)


async def made(api: World, path: str, body: Any) -> dict[str, Any]:
    answer = await put(api, path, body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def changes(api: World) -> list[tuple[str, str | None, dict[str, Any]]]:
    """What the log tells of configuration and agents."""
    services = await api.services()
    async with services.runtime.store.reading() as reading:
        events = await reading.events(await reading.oldest(), 1_000)
    wanted = ("configurationChanged", "agentChanged")
    return [(e.type, e.subject_id, e.body) for e in events if e.type in wanted]


OBJECTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "skills": ("german", {"name": "German"}, {"name": "German", "description": "spoken"}),
    "groups": ("motor l2", {"name": "Motor L2"}, {"name": "Motor"}),
    "hold-reasons": ("waitingForPolice", {"name": "Police"}, {"name": "Police", "pausesClock": True}),
    "capture-points": ("portal", {"name": "Portal"}, {"name": "Customer portal"}),
}


@pytest.mark.parametrize("noun", OBJECTS)
async def test_an_object_is_made_changed_listed_and_removed(api: World, noun: str) -> None:
    name, first, second = OBJECTS[noun]
    path = f"/{noun}/{name}"
    problem(await api.get(path), 404)
    created = await put(api, path, first)
    assert (created.status_code, created.headers["etag"]) == (201, '"1"'), created.text
    assert created.json().items() >= {"id": name, **first, "revision": 1}.items()
    same = await put(api, path, created.json())
    assert (same.status_code, same.headers["etag"]) == (200, '"1"')
    changed = await put(api, path, second, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["revision"]) == (200, 2), changed.text
    stale = problem(await put(api, path, first, headers={"If-Match": '"1"'}), 412, "revisionMismatch")
    assert stale["hint"]
    shown = (await api.get(path)).json()
    assert shown.items() >= second.items()
    (listed,) = (await api.get(f"/{noun}")).json().values()
    assert shown in listed
    assert problem(await put(api, path, {**first, "id": "other"}), 400)["field"] == "id"
    assert problem(await put(api, path, {"nam": "x"}), 400)["hint"] == "did you mean name?"
    problem(await put(api, path, {"name": ""}), 400)
    problem(await put(api, f"/{noun}/-a", first), 400)
    assert (await delete(api, path)).status_code == 204
    problem(await delete(api, path), 404)
    assert [b["change"] for t, s, b in await changes(api) if s == name] == ["created", "updated", "deleted"]
    entries = (await api.get("/audit")).json()["entries"]
    assert [e["action"] for e in entries if e["objectId"] == name] == ["deleted", "updated", "created"]


async def test_the_usual_hold_reasons_stay_beside_a_tenants_own(api: World) -> None:
    usual = {r["id"] for r in (await api.get("/hold-reasons")).json()["holdReasons"]}
    assert "waitingForCustomer" in usual
    await made(api, "/hold-reasons/police", {"name": "Police", "pausesClock": True})
    now = {r["id"] for r in (await api.get("/hold-reasons")).json()["holdReasons"]}
    assert now == usual | {"police"}
    item = await api.item()
    held = await api.post(f"/items/{item['id']}/hold", {"reason": "police"})
    assert held.status_code == 200, held.text
    refused = problem(await delete(api, "/hold-reasons/police"), 409, "inUse")
    assert "1 items are held" in refused["errors"][0]["detail"]
    problem(await delete(api, "/hold-reasons/waitingForDocuments"), 409, "inUse")
    refused = problem(await delete(api, "/hold-reasons/review"), 409, "inUse")
    assert refused["errors"][0]["hint"] == "set it inactive instead"
    review = (await api.get("/hold-reasons/review")).json()
    assert review["revision"] == 0
    assert (await put(api, "/hold-reasons/review", {**review, "active": False})).status_code == 200
    problem(await api.post(f"/items/{(await api.item('c2'))['id']}/hold", {"reason": "review"}), 400)
    assert (await delete(api, "/hold-reasons/review")).status_code == 204, "as it was made"
    assert (await api.get("/hold-reasons/review")).json() == review


async def test_what_is_in_use_is_not_deleted(api: World) -> None:
    await made(api, "/skills/motor", {"name": "Motor"})
    refused = problem(await delete(api, "/skills/motor"), 409, "inUse")
    assert refused["field"] == "categories[0].children[0].requirement.skills[0].skill"
    await made(api, "/groups/team", {"name": "Team"})
    await made(api, "/agents/ann", {"name": "Ann", "groups": ["team"]})
    refused = problem(await delete(api, "/groups/team"), 409, "inUse")
    assert "ann" in refused["errors"][0]["detail"]
    assert (await delete(api, "/agents/ann")).status_code == 204
    assert (await delete(api, "/groups/team")).status_code == 204


# Lookup tables -------------------------------------------------------------------------------------------------------


async def looked_up(api: World, capture_id: str) -> Any:
    item = await api.item(capture_id, data={"kind": "claim", "zip": "20"})
    return item["data"].get("region")


async def test_a_lookup_table_counts_for_the_next_item_without_publishing(api: World) -> None:
    lookup = {"table": "regions", "key": {"attribute": "data.zip"}, "into": {"region": "data.region"}}
    rule = {"when": {"attribute": "data.zip", "operator": "isSet"}, "then": [{"lookup": lookup}]}
    await made(api, "/lookup-tables/regions", {"name": "Regions", "rows": {"20": {"region": "north"}}})
    assert (await put(api, "/rules/region", rule)).status_code == 201
    assert await looked_up(api, "c1") == "north"
    version = (await api.get("/rulesets/live")).json()["version"]
    changed = await put(
        api, "/lookup-tables/regions", {"name": "Regions", "rows": {"20": {"region": "coast"}}}
    )
    assert changed.json()["differences"] == [
        {"key": "20", "change": "changed", "before": {"region": "north"}, "after": {"region": "coast"}}
    ]
    assert await looked_up(api, "c2") == "coast"
    assert (await api.get("/rulesets/live")).json()["version"] == version
    refused = problem(await delete(api, "/lookup-tables/regions"), 409, "inUse")
    assert refused["field"] == "rules[3].then[0].lookup.table"
    await delete(api, "/rules/region")
    assert (await delete(api, "/lookup-tables/regions")).status_code == 204
    problem(await api.get("/lookup-tables/regions"), 404)


async def test_another_process_reads_a_changed_table_by_the_log(api: World) -> None:
    services = await api.follow()
    await made(api, "/lookup-tables/regions", {"name": "Regions", "rows": {"20": {"region": "north"}}})
    await services.runtime.context("test")
    runtime = services.runtime
    held = runtime._lookups
    assert held == {"regions": {"20": {"region": "north"}}}
    async with runtime.store.writing() as tx:  # as another process does it
        await tx.save_object("lookup_table", {"id": "regions", "name": "R", "rows": {}}, revision=None)
    assert (await runtime.context("test")).lookups is held
    await made(api, "/skills/x", {"name": "X"})
    await until(lambda: runtime._lookups is None)
    assert (await runtime.context("test")).lookups == {"regions": {}}


async def test_a_lookup_table_is_filled_from_csv(api: World) -> None:
    path = "/lookup-tables/regions"
    types = {"name": "Regions", "keyName": "zip", "types": {"weight": "integer"}}
    await made(api, path, {**types, "rows": {"10": {"region": "east"}, "30": {"region": "west"}}})
    file = "\ufeffzip;region;weight\r\n10;east;\r\n20;'north; coast';5\r\n".replace("'", '"')
    dry = await api.post(f"{path}/import?dryRun=true", content=file.encode(), headers=CSV)
    assert dry.status_code == 200, dry.text
    told = dry.json()
    assert (told["added"], told["changed"], told["removed"], told["unchanged"]) == (1, 0, 1, 1)
    assert len((await api.get(path)).json()["rows"]) == 2
    merged = await api.post(f"{path}/import?replace=false", content=file.encode(), headers=CSV)
    assert merged.json()["removed"] == 0
    shown = (await api.get(path)).json()
    assert shown["rows"]["20"] == {"region": "north; coast", "weight": 5}
    assert shown["rows"].keys() == {"10", "20", "30"}
    stale = await api.post(f"{path}/import", content=file.encode(), headers={**CSV, "If-Match": '"1"'})
    problem(stale, 412)
    (listed,) = (await api.get("/lookup-tables")).json()["lookupTables"]
    assert (listed["rowCount"], listed["columns"], listed["keyName"]) == (3, ["region", "weight"], "zip")
    fresh = await api.post("/lookup-tables/new/import", content=b"k,v\na,b\n", headers=CSV)
    assert fresh.status_code == 200, fresh.text
    assert (await api.get("/lookup-tables/new")).json()["rows"] == {"a": {"v": "b"}}


BAD_TABLES = [
    (b"", "line 1"),
    (b"zip\n1\n", "line 1"),
    (b"zip,zip\n1,2\n", "line 1"),
    (b"zip,region\n1,2\n1,3\n", "line 3"),
    (b"zip,region\n,3\n", "line 2"),
    (b"zip,region\n1,2,3\n", "line 2"),
    (b"zip,weight\n1,heavy\n", "line 2.weight"),
    (b'zip,region\n1,"a\n', "line 2"),
    (b"\xff\xfe\n", None),
    (b"zip,region\n1,a\x00\n", "body"),
]


async def test_a_bad_file_changes_nothing(api: World) -> None:
    path = "/lookup-tables/regions"
    await made(api, path, {"name": "R", "types": {"weight": "integer"}, "rows": {"9": {"region": "x"}}})
    for file, field in BAD_TABLES:
        told = problem(await api.post(f"{path}/import", content=file, headers=CSV), 400)
        assert told.get("field") == field
        assert told["hint"]
        assert (await api.get(path)).json()["rows"] == {"9": {"region": "x"}}


async def test_values_of_a_table_have_the_types_of_their_columns(api: World) -> None:
    body = {"name": "R", "types": {"weight": "integer"}, "rows": {"a": {"weight": "1"}, "b": {"weight": 2.5}}}
    told = problem(await put(api, "/lookup-tables/r", body), 400)
    assert [e["field"] for e in told["errors"]] == ["rows.a.weight", "rows.b.weight"]
    problem(await api.get("/lookup-tables/r"), 404)


# Agents --------------------------------------------------------------------------------------------------------------


async def test_an_agent_is_made_changed_and_removed(api: World) -> None:
    await made(api, "/skills/motor", {"name": "Motor"})
    await made(api, "/groups/team", {"name": "Team"})
    body = {
        "name": "Ann",
        "groups": ["team"],
        "skills": [{"skill": "motor", "level": 7}],
        "capacity": {"total": 3, "media": {"email": 2}},
        "workingHours": "office",
        "attributes": {"site": "HH"},
    }
    shown = await made(api, "/agents/ann", body)
    assert shown.items() >= {"id": "ann", "active": True, "loggedIn": False, "revision": 1}.items()
    assert shown["attributes"] == {"site": "HH"}
    assert shown["load"] == {"assigned": 0, "offered": 0, "weight": 0}
    back = await put(api, "/agents/ann", {**shown, "name": "Anna"}, headers={"If-Match": '"1"'})
    assert (back.status_code, back.json()["revision"], back.json()["attributes"]) == (200, 2, {"site": "HH"})
    problem(await put(api, "/agents/ann", body, headers={"If-Match": '"1"'}), 412)
    problem(await put(api, "/agents/eve", {"name": "Eve"}, headers={"If-Match": '"1"'}), 412)
    listed = (await api.get("/agents")).json()["agents"]
    assert [a["name"] for a in listed] == ["Anna"]
    assert (await delete(api, "/agents/ann")).status_code == 204
    problem(await api.get("/agents/ann"), 404)
    problem(await delete(api, "/agents/ann"), 404)
    assert [t for t, s, _ in await changes(api) if s == "ann"] == ["agentChanged"] * 3


BAD_AGENTS: list[tuple[str, dict[str, Any], set[str]]] = [
    ("ann", {}, {"name"}),
    ("ann", {"name": "A", "groups": ["x"], "skills": [{"skill": "y"}]}, {"groups[0]", "skills[0].skill"}),
    ("ann", {"name": "A", "skills": [{"skill": "motor", "level": 11}]}, {"skills[0].level"}),
    ("ann", {"name": "A", "timeZone": "Mars", "workingHours": "never"}, {"timeZone", "workingHours"}),
    ("ann", {"name": "A", "capacity": {"total": -1}}, {"capacity.total"}),
    ("ann", {"name": "A", "capacity": {"media": {"fax": 1}}}, {"capacity.media.fax"}),
    ("ann", {"name": "A", "surname": "B"}, {"surname"}),
    (
        "ann",
        {"name": "A", "absences": [{"start": "2026-03-02T00:00:00Z", "end": "2026-03-01T00:00:00Z"}]},
        {"absences[0].end"},
    ),
    (
        "ann",
        {"name": "A", "absences": [{"start": "2026-03-02T00:00:00", "end": "2026-03-03T00:00:00"}]},
        {"absences[0]"},
    ),
]


async def test_a_bad_agent_is_refused(api: World) -> None:
    for agent_id, body, fields in BAD_AGENTS:
        told = problem(await put(api, f"/agents/{agent_id}", body), 400)
        assert fields <= {told.get("field"), *(e.get("field") for e in told.get("errors", []))}, told
        assert told["hint"]
        assert (await api.get("/agents")).json()["agents"] == []


async def test_supervisors_set_states_and_return_items(api: World) -> None:
    await api.add_agent("ann", capacity=Capacity(total=5))
    await api.add_key("sue", Role.SUPERVISOR)
    item = await api.item()
    assert (await api.post(f"/items/{item['id']}/assign", {"agent": "ann"}, "sue")).status_code == 200
    ready = await api.post("/agents/ann/state", {"state": "ready"}, "sue")
    assert ready.status_code == 200, ready.text
    assert ready.json()["states"]["*"]["state"] == "ready"
    assert ready.json()["load"] == {"assigned": 1, "offered": 0, "weight": 1}
    problem(await put(api, "/agents/ann", {"name": "Ann"}, "sue"), 403, "forbidden")
    problem(await api.post("/agents/nobody/state", {"state": "ready"}, "sue"), 404)
    problem(await api.post("/agents/ann/state", {"state": "asleep"}, "sue"), 400)
    problem(await delete(api, "/agents/ann"), 409, "inUse")
    back = await api.post("/agents/ann/return", {"reason": "ill"}, "sue")
    assert (back.status_code, back.json()) == (200, {"returned": 1, "refused": 0}), back.text
    shown = (await api.get(f"/items/{item['id']}")).json()
    assert (shown["status"], shown["assignedToUser"]) == ("queued", None)
    problem(await api.post("/agents/nobody/return", {}, "sue"), 404)


async def desk_of_two_categories(api: World) -> dict[str, str]:
    """Ann has a loan and a claim, and is offered another claim; `sue` and `boss` reach loans only."""
    await api.add_agent("ann")
    await api.add_access_group("loans", categories=["Lending"])
    await api.add_key("sue", Role.SUPERVISOR, access_groups=["loans"])
    await api.add_key("boss", Role.ADMINISTRATOR, access_groups=["loans"])
    await api.follow(decide=True)
    await api.ready("ann")
    found = {"offer": (await api.item("offer"))["id"]}

    async def offered() -> bool:
        shown = (await api.get(f"/items/{found['offer']}")).json()
        return bool(shown["offeredTo"] == "ann")

    await until(offered)
    for name, data in (("near", {"kind": "loan"}), ("far", {"kind": "claim", "line": "motor"})):
        found[name] = (await api.item(name, data=data))["id"]
        assigned = await api.post(f"/items/{found[name]}/assign", {"agent": "ann"})
        assert assigned.status_code == 200, assigned.text
    return found


async def statuses(api: World, items: dict[str, str]) -> dict[str, str]:
    return {name: (await api.get(f"/items/{i}")).json()["status"] for name, i in items.items()}


async def test_who_is_limited_returns_only_what_they_reach(api: World) -> None:
    items = await desk_of_two_categories(api)
    back = await api.post("/agents/ann/return", {}, "sue")
    assert back.json() == {"returned": 1, "refused": 1}, back.text
    assert await statuses(api, items) == {"offer": "queued", "near": "queued", "far": "assigned"}
    history = await api.get(f"/items/{items['offer']}/history")
    assert "offerWithdrawn" not in history.text
    await api.add_key("states", privileges=["agents.state"])
    problem(await api.post("/agents/ann/return", {}, "states"), 403, "forbidden")


async def test_deactivating_returns_also_what_the_administrator_does_not_reach(api: World) -> None:
    items = await desk_of_two_categories(api)
    body = (await api.get("/agents/ann")).json()
    await made(api, "/skills/motor", {"name": "Motor"})
    answer = await put(api, "/agents/ann", {**body, "active": False}, "boss")
    assert answer.status_code == 200, answer.text
    assert set((await statuses(api, items)).values()) == {"queued"}


async def test_a_deactivated_agent_is_logged_out_and_its_items_return(api: World) -> None:
    await api.add_agent("ann")
    await api.ready("ann")
    item = await api.item()
    await api.post(f"/items/{item['id']}/assign", {"agent": "ann"})
    await made(api, "/skills/motor", {"name": "Motor"})
    body = (await api.get("/agents/ann")).json()
    answer = await put(api, "/agents/ann", {**body, "active": False})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["loggedIn"], answer.json()["load"]["assigned"]) == (False, 0)
    assert (await api.get(f"/items/{item['id']}")).json()["status"] == "queued"
    problem(await api.post("/agents/ann/state", {"state": "ready"}), 400)


async def test_absences_are_part_of_the_profile(api: World) -> None:
    await made(api, "/agents/ann", {"name": "Ann", "employeeId": "7"})
    await made(api, "/agents/bob", {"name": "Bob"})
    week = {"start": "2026-03-02T00:00:00Z", "end": "2026-03-07T00:00:00Z", "reason": "holiday"}
    saved = await put(api, "/absences/ann", {"absences": [week]}, headers={"If-Match": '"1"'})
    assert (saved.status_code, saved.json()["revision"]) == (200, 2), saved.text
    assert (await api.get("/absences")).json()["absences"] == [
        {"agent": "ann", "revision": 2, "absences": [week]}
    ]
    assert (await api.get("/absences/bob")).json()["absences"] == []
    agent = (await api.get("/agents/ann")).json()
    assert (agent["absences"], agent["employeeId"]) == ([week], "7")
    problem(await put(api, "/absences/ann", {"absences": []}, headers={"If-Match": '"1"'}), 412)
    problem(await put(api, "/absences/ann", {"absences": [{**week, "end": week["start"]}]}), 400)
    problem(await put(api, "/absences/eve", {"absences": []}), 404)
    problem(await api.get("/absences/eve"), 404)


AGENTS = (
    "id,name,groups,skills,capacity,active\n"
    "ann,Ann,team|night,motor:7|german,3|email:2,yes\n"
    "bob,Bob,,motor:2,,\n"
)


async def test_agents_come_from_csv_all_or_none(api: World) -> None:
    await made(api, "/skills/motor", {"name": "Motor"})
    refused = problem(await api.post("/agents/import", content=AGENTS.encode(), headers=CSV), 400)
    assert {e["field"] for e in refused["errors"]} == {
        "line 2.groups[0]", "line 2.groups[1]", "line 2.skills[1].skill",
    }  # fmt: skip
    assert "create=skills,groups" in refused["hint"]
    assert (await api.get("/agents")).json()["agents"] == []
    path = "/agents/import?create=skills,groups"
    dry = (await api.post(f"{path}&dryRun=true", content=AGENTS.encode(), headers=CSV)).json()
    assert (dry["created"], dry["skillsCreated"], dry["groupsCreated"]) == (2, ["german"], ["night", "team"])
    assert (await api.get("/agents")).json()["agents"] == []
    assert [s["id"] for s in (await api.get("/skills")).json()["skills"]] == ["motor"]
    done = await api.post(path, content=AGENTS.encode(), headers=CSV)
    assert done.status_code == 200, done.text
    ann = (await api.get("/agents/ann")).json()
    assert (ann["groups"], ann["capacity"]) == (["team", "night"], {"total": 3, "media": {"email": 2}})
    assert [(s["skill"], s["level"]) for s in ann["skills"]] == [("motor", 7), ("german", 5)]
    again = (await api.post(path, content=AGENTS.encode(), headers=CSV)).json()
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 2)
    part = b"id;capacity\nann;4\n"
    changed = (await api.post("/agents/import", content=part, headers=CSV)).json()
    assert changed["agents"][0]["fields"][0]["after"] == {"total": 4, "media": {}}
    ann = (await api.get("/agents/ann")).json()
    assert (ann["name"], ann["groups"], ann["capacity"]["total"]) == ("Ann", ["team", "night"], 4)


BAD_ROWS: Any = [
    ("name\nAnn\n", "line 1"),
    ("id,surname\na,b\n", "line 1"),
    ("id,name\nann,Ann\nann,Anna\n", "line 3.id"),
    ("id,name,active\nann,Ann,perhaps\n", "line 2.active"),
    ("id,name,skills\nann,Ann,motor:99\n", "line 2.skills"),
    ("id,name,capacity\nann,Ann,many\n", "line 2.capacity"),
    ("id,name,timeZone\nann,Ann,Mars\n", "line 2.timeZone"),
    ("id,name\n,Ann\n", "line 2.id"),
    ("id,name\nme,Me\n", "line 2.id"),
]


async def test_a_bad_row_is_named_by_its_line(api: World) -> None:
    await made(api, "/skills/motor", {"name": "Motor"})
    for file, field in BAD_ROWS:
        told = problem(await api.post("/agents/import", content=file.encode(), headers=CSV), 400)
        assert field in {told["field"], *(e["field"] for e in told.get("errors", []))}
        assert (await api.get("/agents")).json()["agents"] == []


# Views ---------------------------------------------------------------------------------------------------------------


async def test_agents_are_found_by_name_group_skill_and_state(api: World) -> None:
    for path, body in (("/skills/motor", {"name": "Motor"}), ("/groups/east", {"name": "East"})):
        assert (await api.call("PUT", path, json=body)).status_code == 201
    skilled = [{"skill": "motor", "level": 7}]
    wanted: dict[str, dict[str, Any]] = {
        "zoe": {"name": "Ann_1", "groups": ["east"], "employeeId": "E-77"},
        "yan": {"name": "Ben%", "skills": skilled},
        "xia": {"name": "Cem", "active": False, "groups": ["east"], "skills": skilled},
    }
    for agent_id, body in wanted.items():
        assert (await api.call("PUT", f"/agents/{agent_id}", json=body)).status_code == 201

    async def found(query: str) -> list[str]:
        return [a["id"] for a in (await api.get(f"/agents?{query}")).json()["agents"] if a["id"] in wanted]

    assert await found("") == ["zoe", "yan", "xia"]
    assert await found("q=ANN_") == ["zoe"]
    assert await found("q=e-7") == ["zoe"]
    assert await found("q=%25") == ["yan"], "no pattern of the asker's"
    assert await found("group=east") == ["zoe", "xia"]
    assert await found("skill=motor&active=true") == ["yan"]
    assert await found("state=ready") == []
    assert (await api.post("/agents/zoe/state", {"state": "ready"})).status_code == 200
    assert await found("state=ready") == ["zoe"]
    assert await found("state=loggedOut&active=false") == ["xia"]
    assert await found("group=east&limit=1&offset=1") == ["xia"]
    problem(await api.get("/agents?state=asleep"), 400)


async def test_agents_go_to_csv_and_come_back_unchanged(api: World) -> None:
    for path, body in (("/skills/motor", {"name": "Motor"}), ("/groups/east", {"name": "East"})):
        assert (await api.call("PUT", path, json=body)).status_code == 201
    agents: list[dict[str, Any]] = [
        {
            "name": "=Ann, 'the best'; or so",
            "employeeId": "-7",
            "groups": ["east"],
            "skills": [{"skill": "motor", "level": 7, "until": "2030-01-01T09:00:00+01:00"}],
            "capacity": {"total": 4, "media": {"email": 2}},
        },
        {"name": "'=Bob", "active": False, "timeZone": "Europe/Berlin"},
    ]
    for i, agent in enumerate(agents):
        assert (await api.call("PUT", f"/agents/a{i}", json=agent)).status_code == 201
    file = await api.get("/agents/export")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert "motor:7@2030-01-01T" in file.text
    assert "'=Ann" in file.text, "no formula for a spreadsheet"
    told = (await api.post("/agents/import?dryRun=true", content=file.content, headers=CSV)).json()
    assert (told["created"], told["updated"]) == (0, 0), told
    assert told["unchanged"] >= 2


async def test_a_lookup_table_goes_to_csv_and_comes_back_unchanged(api: World) -> None:
    rows = {"=1": {"name": "@x", "n": -5, "list": ["a", "b"], "yes": True}, "b": {"n": 7}}
    types = {"n": "integer", "list": "list", "yes": "boolean"}
    body = {"name": "Odd", "keyName": "code", "types": types, "rows": rows}
    assert (await api.call("PUT", "/lookup-tables/odd", json=body)).status_code == 201
    file = await api.get("/lookup-tables/odd/export")
    assert file.text.splitlines()[0].startswith('\ufeff"code",')
    path = "/lookup-tables/odd/import?dryRun=true"
    told = (await api.post(path, content=file.content, headers=CSV)).json()
    assert (told["added"], told["changed"], told["removed"], told["unchanged"]) == (0, 0, 0, 2)


async def test_what_refers_to_an_object_is_told_before_it_is_removed(api: World) -> None:
    await api.call("PUT", "/skills/rare", json={"name": "Motor"})
    assert (await api.get("/skills/rare/uses")).json() == {"uses": []}
    skilled = {"name": "Ann", "skills": [{"skill": "rare", "level": 7}]}
    assert (await api.call("PUT", "/agents/ann", json=skilled)).status_code == 201
    (use,) = (await api.get("/skills/rare/uses")).json()["uses"]
    assert (use["message"], use["hint"]) == ("agent 'ann' has it", "change the agent")
    problem(await api.get("/skills/none/uses"), 404)


async def test_views_are_private_or_shared(api: World) -> None:
    await api.add_key("sue", Role.SUPERVISOR)
    await api.add_key("ann", Role.AGENT, agent_id="ann")
    vip = {"attribute": "ext.customerSegment", "operator": "eq", "value": "vip"}
    created = await api.post("/views", {"name": "VIP", "filter": vip, "columns": ["subject"]}, "sue")
    assert created.status_code == 201, created.text
    view = created.json()
    path = f"/views/{view['id']}"
    assert (view["shared"], view["owner"], view["revision"]) == (False, "key:sue", 1)
    assert (await api.get(path, "sue")).json() == view
    problem(await api.get(path, "ann"), 404)
    body = {k: view[k] for k in ("name", "filter", "columns", "sort")}
    shared = await put(api, path, {**body, "shared": True}, "sue", headers={"If-Match": '"1"'})
    assert (shared.status_code, shared.json()["revision"]) == (200, 2), shared.text
    assert [v["name"] for v in (await api.get("/views", "ann")).json()["views"]] == ["VIP"]
    problem(await put(api, path, body, "ann"), 403)
    problem(await delete(api, path, "ann"), 403)
    problem(await put(api, path, body, "sue", headers={"If-Match": '"1"'}), 412)
    problem(await api.post("/views", {"name": "All", "shared": True}, "ann"), 403)
    own = await api.post("/views", {"name": "Mine", "sort": ["-dueDateTime"]}, "ann")
    assert own.status_code == 201, own.text
    assert (await delete(api, path)).status_code == 204, "an administrator may remove shared views"
    problem(await api.get(path, "sue"), 404)


BAD_VIEWS: Any = [
    {},
    {"name": ""},
    {"name": "x", "filter": {"attribute": "nonsense", "operator": "eq", "value": 1}},
    {"name": "x", "filter": {"attribute": "subject", "operator": "like", "value": 1}},
    {"name": "x", "columns": ["nonsense"]},
    {"name": "x", "sort": ["nonsense"]},
    {"name": "x", "owner": "sue"},
]


async def test_a_view_that_cannot_be_searched_for_is_refused(api: World) -> None:
    for body in BAD_VIEWS:
        answer = await api.post("/views", body)
        assert answer.status_code in (400, 422), answer.text
        assert answer.json()["hint"]
        assert (await api.get("/views")).json()["views"] == []
