"""Drafts of the rule set over HTTP: edited by several, and published under the lock of the live version."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx

from openiwd.domain.privilege import system
from openiwd.usecases import rule_set_draft
from openiwd.usecases.configuration import Editor
from tests.factories.api import World, problem


async def begin(api: World, name: str = "Storm season") -> dict[str, Any]:
    made = await api.post("/rulesets/drafts", {"name": name})
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


async def in_draft(
    api: World, method: str, path: str, draft: dict[str, Any], body: Any = None, revision: int | None = None
) -> httpx.Response:
    headers = {} if revision is None else {"If-Match": f'"{revision}"'}
    return await api.call(method, f"{path}?draft={draft['id']}", "t", json=body, headers=headers)


async def first_queue(api: World) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get("/queues")).json()["queues"][0]
    return found


async def test_what_is_changed_in_a_draft_is_live_only_once_it_is_published(api: World) -> None:
    draft = await begin(api)
    queue = await first_queue(api)
    changed = await in_draft(api, "PUT", f"/queues/{queue['id']}", draft, {**queue, "offerTimeout": "77s"})
    assert changed.status_code == 200, changed.text
    assert changed.headers["etag"] == '"2"'
    assert (await first_queue(api))["offerTimeout"] == queue["offerTimeout"]
    inside = await in_draft(api, "GET", f"/queues/{queue['id']}", draft)
    assert inside.json()["offerTimeout"] == "77s"
    told = (await api.get(f"/rulesets/drafts/{draft['id']}")).json()
    assert [(d["kind"], d["id"], d["change"]) for d in told["differences"]] == [
        ("queues", queue["id"], "changed")
    ]
    assert told["faults"] == []
    done = await api.post(f"/rulesets/drafts/{draft['id']}/publish")
    assert (done.status_code, done.json()["version"]) == (201, 2)
    assert (await first_queue(api))["offerTimeout"] == "77s"
    assert (await api.get("/rulesets/drafts")).json()["drafts"] == []
    versions = (await api.get("/rulesets")).json()["versions"]
    assert (versions[0]["version"], versions[0]["comment"]) == (2, "Storm season")


async def test_a_draft_is_not_published_over_what_somebody_else_published(api: World) -> None:
    draft = await begin(api)
    queue = await first_queue(api)
    await in_draft(api, "PUT", f"/queues/{queue['id']}", draft, {**queue, "offerTimeout": "77s"})
    await api.call("PUT", f"/queues/{queue['id']}", "t", json={**queue, "offerTimeout": "99s"})
    refused = problem(await api.post(f"/rulesets/drafts/{draft['id']}/publish"), 409, "ruleSetChanged")
    assert [(d["kind"], d["id"]) for d in refused["differences"]] == [("queues", queue["id"])]
    assert (await first_queue(api))["offerTimeout"] == "99s"
    assert len((await api.get("/rulesets/drafts")).json()["drafts"]) == 1


async def test_two_editors_of_one_draft_do_not_overwrite_each_other(api: World) -> None:
    draft = await begin(api)
    queue = await first_queue(api)
    path = f"/queues/{queue['id']}"
    one = await in_draft(api, "PUT", path, draft, {**queue, "offerTimeout": "77s"}, revision=1)
    assert one.status_code == 200, one.text
    other = await in_draft(api, "PUT", path, draft, {**queue, "offerTimeout": "88s"}, revision=1)
    told = problem(other, 412, "revisionMismatch")
    assert (told["currentRevision"], told["field"]) == (2, "If-Match")
    assert (await in_draft(api, "GET", path, draft)).json()["offerTimeout"] == "77s"


async def test_faults_of_the_object_are_refused_by_its_own_fields(api: World) -> None:
    draft = await begin(api)
    queue = await first_queue(api)
    path = f"/queues/{queue['id']}"
    refused = problem(await in_draft(api, "PUT", path, draft, {**queue, "offerTimeout": -1}), 422)
    assert refused["field"] == "offerTimeout"
    refused = problem(await in_draft(api, "PUT", path, draft, {**queue, "hours": "no_such_calendar"}), 422)
    assert refused["field"] == "hours"
    assert (await api.get(f"/rulesets/drafts/{draft['id']}")).json()["differences"] == []


async def test_faults_elsewhere_stay_and_keep_the_draft_from_being_published(api: World) -> None:
    draft = await begin(api)
    queue = await first_queue(api)
    gone = await in_draft(api, "DELETE", f"/queues/{queue['id']}", draft)
    assert gone.status_code == 204, gone.text
    told = (await api.get(f"/rulesets/drafts/{draft['id']}")).json()
    assert told["faults"]
    problem(await api.post(f"/rulesets/drafts/{draft['id']}/publish"), 422)
    assert (await api.get("/rulesets/live")).json()["version"] == 1


async def test_a_draft_is_renamed_and_discarded(api: World) -> None:
    draft = await begin(api)
    named = await api.call("PUT", f"/rulesets/drafts/{draft['id']}", "t", json={"name": "Winter"})
    assert (named.status_code, named.json()["name"]) == (200, "Winter")
    gone = await api.call("DELETE", f"/rulesets/drafts/{draft['id']}", "t")
    assert gone.status_code == 204
    problem(await api.get(f"/rulesets/drafts/{draft['id']}"), 404)
    problem(await in_draft(api, "GET", "/queues", draft), 404)


async def test_the_linter_tells_of_a_draft_and_of_the_live_rule_set(api: World) -> None:
    live = (await api.get("/rulesets/live/lint")).json()
    assert live["faults"] == []
    draft = await begin(api)
    rule = {
        "id": "odd",
        "name": "Odd",
        "when": {"all": [{"attribute": "channel", "operator": "eq", "value": v} for v in ("mail", "web")]},
        "then": [{"raiseBusinessValue": 1}],
    }
    assert (await in_draft(api, "PUT", "/rules/odd", draft, rule)).status_code == 201
    told = (await api.get(f"/rulesets/drafts/{draft['id']}/lint")).json()
    new = [f for f in told["findings"] if f not in live["findings"]]
    assert [(f["kind"], f["objectKind"], f["objectId"]) for f in new] == [("neverMatches", "rule", "odd")]
    queue = await first_queue(api)
    await in_draft(api, "DELETE", f"/queues/{queue['id']}", draft)
    told = (await api.get(f"/rulesets/drafts/{draft['id']}/lint")).json()
    assert told["faults"]
    assert told["findings"] == []


async def test_a_draft_is_brought_up_to_date_with_what_was_published_meanwhile(api: World) -> None:
    draft = await begin(api)
    first, second = (await api.get("/queues")).json()["queues"][:2]
    await in_draft(api, "PUT", f"/queues/{first['id']}", draft, {**first, "offerTimeout": "77s"})
    await api.call("PUT", f"/queues/{second['id']}", "t", json={**second, "offerTimeout": "99s"})
    done = await api.post(f"/rulesets/drafts/{draft['id']}/update", {})
    assert (done.status_code, done.json()["base"], done.headers["etag"]) == (200, 2, '"3"')
    told = (await api.get(f"/rulesets/drafts/{draft['id']}")).json()
    assert [d["id"] for d in told["differences"]] == [first["id"]]
    assert (await api.post(f"/rulesets/drafts/{draft['id']}/publish")).status_code == 201
    times = {q["id"]: q.get("offerTimeout") for q in (await api.get("/queues")).json()["queues"]}
    assert (times[first["id"]], times[second["id"]]) == ("77s", "99s")


async def test_what_both_sides_changed_must_be_chosen(api: World) -> None:
    draft = await begin(api)
    queue = await first_queue(api)
    await in_draft(api, "PUT", f"/queues/{queue['id']}", draft, {**queue, "offerTimeout": "77s"})
    await api.call("PUT", f"/queues/{queue['id']}", "t", json={**queue, "offerTimeout": "99s"})
    path = f"/rulesets/drafts/{draft['id']}/update"
    refused = problem(await api.post(path, {}), 409, "changedOnBothSides")
    assert [(o["kind"], o["id"]) for o in refused["objects"]] == [("queues", queue["id"])]
    assert (await api.get(f"/rulesets/drafts/{draft['id']}")).json()["base"] == 1
    done = await api.post(path, {"choices": {f"queues/{queue['id']}": "theirs"}})
    assert done.json()["base"] == 2
    assert (await api.get(f"/rulesets/drafts/{draft['id']}")).json()["differences"] == []
    problem(await api.post(path, {"choices": {f"queues/{queue['id']}": "ours"}}), 400)


async def test_bringing_up_to_date_needs_the_revision_that_was_looked_at(api: World) -> None:
    draft = await begin(api)
    stale = await api.call(
        "POST", f"/rulesets/drafts/{draft['id']}/update", "t", json={}, headers={"If-Match": '"9"'}
    )
    problem(stale, 412, "revisionMismatch")


async def test_a_childs_fault_does_not_keep_its_parent_from_being_changed(api: World) -> None:
    draft = await begin(api)
    categories = (await api.get("/categories")).json()["categories"]
    child = next(c for c in categories if c["parent"] is not None)
    parent = next(c for c in categories if c["id"] == child["parent"])
    queue = child["effectiveQueue"]
    await in_draft(api, "PUT", f"/categories/{child['id']}", draft, {**child, "queue": queue})
    await in_draft(api, "DELETE", f"/queues/{queue}", draft)
    others = [q["id"] for q in (await api.get("/queues")).json()["queues"] if q["id"] != queue]
    changed = {**parent, "description": "Renamed", "queue": others[0]}
    saved = await in_draft(api, "PUT", f"/categories/{parent['id']}", draft, changed)
    assert saved.status_code == 200, saved.text


async def test_a_change_in_the_moment_of_discarding_is_not_lost(api: World) -> None:
    draft = await begin(api)
    queue = await first_queue(api)
    services = await api.platform.services("t")
    editor = Editor(api.platform, services, system("tests"), None)
    before = await rule_set_draft.get(editor, UUID(draft["id"]))
    await in_draft(api, "PUT", f"/queues/{queue['id']}", draft, {**queue, "offerTimeout": "77s"})
    assert not await rule_set_draft.remove(editor, before)
    inside = await in_draft(api, "GET", f"/queues/{queue['id']}", draft)
    assert inside.json()["offerTimeout"] == "77s"
