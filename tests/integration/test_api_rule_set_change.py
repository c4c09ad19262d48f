"""Changing the rules over HTTP: tests, impact, four eyes, import and export, and open items judged again by a run."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
import yaml

from openiwd.adapters.postgres.rule_change_reading import RuleChangeReading
from openiwd.domain.privilege import Role
from openiwd.usecases import bulk_run
from tests.factories.api import PASSWORD, World, problem
from tests.servers.until import until

QUEUE = {"id": "storm", "name": "Storm desk"}
TEST = {
    "name": "Motor claims go to claims",
    "item": {"data": {"kind": "claim", "line": "motor"}},
    "expect": {"category": "Claims/Motor", "queue": "claims", "skills": [{"skill": "motor", "level": 5}]},
}


async def begin(api: World, name: str = "Storm season") -> str:
    made = await api.post("/rulesets/drafts", {"name": name})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def put(api: World, draft: str, path: str, body: Any, key: str = "t", **headers: str) -> httpx.Response:
    return await api.call("PUT", f"{path}?draft={draft}", key, json=body, headers=headers)


async def move_motor(api: World, draft: str) -> None:
    """Motor claims go to a queue of their own."""
    assert (await put(api, draft, "/queues/storm", QUEUE)).status_code == 201
    category = (await api.get(f"/categories/motor?draft={draft}")).json()
    done = await put(api, draft, "/categories/motor", {**category, "queue": "storm"})
    assert done.status_code == 200, done.text


async def audited(api: World, kind: str = "ruleSetDraft") -> list[dict[str, Any]]:
    found = (await api.get(f"/audit?kind={kind}&limit=50")).json()
    return [e for e in found["entries"] if e["objectKind"] == kind]


async def judged_again(api: World, run: str) -> dict[str, Any]:
    async def over() -> bool:
        return bool((await api.get(f"/jobs/{run}")).json()["status"] != "running")

    await until(over)
    return dict((await api.get(f"/jobs/{run}")).json())


# Tests --------------------------------------------------------------------------------------------------------------


async def test_tests_are_kept_run_and_taken_out_of_a_draft(api: World) -> None:
    draft = await begin(api)
    path = f"/rulesets/drafts/{draft}/tests"
    made = await api.call("PUT", f"{path}/motor", "t", json=TEST)
    assert (made.status_code, made.headers["etag"]) == (201, '"2"'), made.text
    assert (await api.get(path)).json()["tests"] == [made.json()]
    assert (await api.get(f"{path}/motor")).json()["name"] == TEST["name"]
    report = (await api.post(f"/rulesets/drafts/{draft}/test?reason=before+the+season")).json()
    assert (report["total"], report["failed"], report["revision"]) == (1, 0, 2)
    wrong = {**TEST, "expect": {"queue": "loans", "businessValue": 5}}
    assert (await api.call("PUT", f"{path}/motor", "t", json=wrong)).status_code == 200
    (result,) = (await api.post(f"/rulesets/drafts/{draft}/test")).json()["results"]
    assert [(c["what"], c["expected"], c["actual"], c["passed"]) for c in result["checks"]] == [
        ("queue", "loans", "claims", False),
        ("businessValue", 5, 0, False),
    ]
    entries = [e["detail"] for e in await audited(api) if e["action"] == "tested"]
    assert [(e["failed"], e.get("reason")) for e in entries] == [(1, None), (0, "before the season")]
    assert (await api.call("DELETE", f"{path}/motor", "t")).status_code == 204
    assert (await api.get(path)).json()["tests"] == []


async def test_a_test_that_cannot_be_run_is_refused_by_its_fields(api: World) -> None:
    draft = await begin(api)
    path = f"/rulesets/drafts/{draft}/tests/x"
    assert problem(await api.call("PUT", path, "t", json={"item": {"colour": 1}}), 422)["field"] == "item"
    assert problem(await api.call("PUT", path, "t", json={"at": "soon"}), 422)["field"] == "at"
    assert "colour" in problem(await api.call("PUT", path, "t", json={"colour": 1}), 422)["detail"]


async def test_failed_tests_keep_a_draft_from_being_published_unless_somebody_says_why(api: World) -> None:
    draft = await begin(api)
    await api.call("PUT", f"/rulesets/drafts/{draft}/tests/motor", "t", json=TEST)
    await move_motor(api, draft)
    refused = problem(await api.post(f"/rulesets/drafts/{draft}/publish"), 409, "testsFailed")
    assert [f["id"] for f in refused["failed"]] == ["motor"]
    assert (await api.get("/rulesets/live")).json()["version"] == 1
    problem(await api.post(f"/rulesets/drafts/{draft}/publish?despiteTests=%20"), 400)
    done = await api.post(f"/rulesets/drafts/{draft}/publish?despiteTests=the+test+is+old")
    assert done.status_code == 201, done.text
    (entry,) = [e for e in await audited(api, "ruleSet") if e["action"] == "published"]
    assert entry["detail"]["despiteTests"] == {"reason": "the test is old", "failed": ["motor"], "total": 1}
    # What is published at once is held to the tests of what is live as well.
    category = (await api.get("/categories/motor")).json()
    problem(
        await api.call("PUT", "/categories/motor", "t", json={**category, "queue": "loans"}),
        409,
        "testsFailed",
    )
    assert (await api.post("/rulesets/live/test")).json()["failed"] == 1
    assert (await api.post("/rulesets/1/rollback")).status_code == 201, "going back is never held up"


async def test_an_open_item_becomes_a_test(api: World) -> None:
    item = await api.item(
        "c/1", subject="Private", description="Very private", ext={"customerSegment": "vip"}
    )
    draft = await begin(api)
    made = await api.post(f"/rulesets/drafts/{draft}/tests", {"item": item["id"], "name": "From the backlog"})
    assert made.status_code == 201, made.text
    test = made.json()
    assert test["id"] == "c-1"
    assert test["expect"] == {
        "status": "queued", "category": "motor", "queue": "claims", "businessValue": 100,
        "skills": [{"skill": "motor", "level": 5}],
    }  # fmt: skip
    assert test["item"]["ext"] == {"customerSegment": "vip"}
    assert "description" not in test["item"], "only what rules read is taken along"
    assert (await api.post(f"/rulesets/drafts/{draft}/test")).json()["failed"] == 0
    again = await api.post(f"/rulesets/drafts/{draft}/tests", {"item": item["id"]})
    assert again.json()["id"] == "c-1-2"
    problem(await api.post(f"/rulesets/drafts/{draft}/tests", {"item": draft}), 404)


async def test_items_out_of_reach_are_no_examples(api: World) -> None:
    item = await api.item("c1")
    await api.add_access_group("lending", categories=["Lending"], queues=[])
    await api.add_key("loans", Role.BUSINESS, access_groups=["lending"])
    draft = await begin(api)
    problem(await api.post(f"/rulesets/drafts/{draft}/tests", {"item": item["id"]}, "loans"), 404)
    problem(await api.post(f"/rulesets/drafts/{draft}/impact", None, "loans"), 403)


# Impact -------------------------------------------------------------------------------------------------------------


async def test_the_impact_tells_where_open_items_would_go(api: World) -> None:
    for n in range(3):
        await api.item(f"c{n}")
    await api.item("p1", data={"kind": "claim", "line": "house"})
    await api.item("gone")
    gone = (await api.get("/items/ext_gone")).json()
    await api.post(f"/items/{gone['id']}/cancel", {"reason": "x"})
    draft = await begin(api)
    path = f"/rulesets/drafts/{draft}/impact"
    problem(await api.get(path), 404, "noImpact")
    await move_motor(api, draft)
    counted = await api.post(f"{path}?wait=20&reason=storm")
    assert counted.status_code == 200, counted.text
    found = counted.json()
    counts = found["counts"]
    assert (found["status"], found["outdated"], found["base"]) == ("done", False, 1)
    assert (counts["total"], counts["differs"], counts["queue"], counts["category"]) == (4, 3, 3, 0)
    assert counts["queueMoves"] == [{"origin": "claims", "target": "storm", "items": 3}]
    assert found["judged"] == 2, "three motor claims are judged once"
    assert [(b["before"], b["after"]) for b in counts["bands"]] == [
        (b["before"], b["before"]) for b in counts["bands"]
    ]
    page = (await api.get(f"{path}/items?change=queue&limit=2")).json()
    assert [i["queueAfter"] for i in page["items"]] == ["storm"] * 2
    rest = (await api.get(f"{path}/items?change=queue&limit=2&cursor={page['nextCursor']}")).json()
    assert (len(rest["items"]), rest["nextCursor"]) == (1, None)
    assert {i["captureId"] for i in page["items"] + rest["items"]} == {"c0", "c1", "c2"}
    assert (await api.get(f"{path}/items?change=category")).json()["items"] == []
    problem(await api.get(f"{path}/items?change=colour"), 400)
    problem(await api.get(f"{path}/items?cursor=x"), 400)
    problem(await api.call("DELETE", path, "t"), 409, "impactEnded")
    await put(api, draft, "/queues/storm", {**QUEUE, "offerTimeout": "9s"})
    assert (await api.get(path)).json()["outdated"]
    (entry,) = [e for e in await audited(api) if e["action"] == "impactCounted"]
    assert entry["detail"]["reason"] == "storm"


async def test_bands_and_rejections_and_categories_are_counted(api: World) -> None:
    for n in range(8):
        await api.item(f"c{n}", businessValue=n, priority=100 + n)
    await api.item("s1", subject="hail")
    await api.item("l1", data={"kind": "loan"})
    draft = await begin(api)
    rule = {
        "id": "hail",
        "when": {"attribute": "subject", "operator": "eq", "value": "hail"},
        "then": [{"reject": "hail"}],
    }
    await put(api, draft, "/rules/hail", rule)
    house = {"name": "House", "parent": "claims", "position": 0,
             "when": {"attribute": "businessValue", "operator": "ge", "value": 5}}  # fmt: skip
    made = await put(api, draft, "/categories/house", house)
    assert made.status_code == 201, made.text
    counts = (await api.post(f"/rulesets/drafts/{draft}/impact?wait=20")).json()["counts"]
    assert (counts["total"], counts["rejected"], counts["category"]) == (10, 1, 3)
    assert counts["moves"] == [{"origin": "motor", "target": "house", "items": 3}]
    stands = {s["id"]: (s["before"], s["after"]) for s in counts["categories"]}
    assert stands["motor"] == (9, 5)
    assert stands["house"] == (0, 3)
    assert sum(b["before"] for b in counts["bands"]) == 10
    assert sum(b["after"] for b in counts["bands"]) == 9
    rejected = (await api.get(f"/rulesets/drafts/{draft}/impact/items?change=rejected")).json()["items"]
    assert [(i["captureId"], i["statusAfter"]) for i in rejected] == [("s1", "rejected")]
    to = (await api.get(f"/rulesets/drafts/{draft}/impact/items?change=category&from=motor&to=house")).json()
    assert len(to["items"]) == 3


async def test_a_count_that_runs_is_canceled(api: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.item("c1")
    draft = await begin(api)
    services = await api.services()
    begun, go_on = asyncio.Event(), asyncio.Event()
    path = f"/rulesets/drafts/{draft}/impact"

    async def slow(_: RuleChangeReading) -> int:
        begun.set()
        await go_on.wait()
        return 1

    monkeypatch.setattr(RuleChangeReading, "last_number", slow)
    started = await api.post(path)
    assert (started.status_code, started.json()["status"]) == (202, "running")
    async with asyncio.timeout(30):
        await begun.wait()
    assert (await api.call("DELETE", path, "t")).json()["status"] == "canceled"
    go_on.set()
    await until(lambda: not services.impact_runs._running)
    assert (await api.get(path)).json()["status"] == "canceled"


async def test_a_draft_with_faults_is_not_counted(api: World) -> None:
    draft = await begin(api)
    await api.call("DELETE", f"/queues/claims?draft={draft}", "t")
    problem(await api.post(f"/rulesets/drafts/{draft}/impact"), 422)
    problem(await api.post(f"/rulesets/drafts/{draft}/test"), 422)


# Judging again ------------------------------------------------------------------------------------------------------


async def test_only_what_is_judged_differently_is_judged_again(api: World) -> None:
    for n in range(3):
        await api.item(f"c{n}")
    await api.item("p1", data={"kind": "claim", "line": "house"})
    taken = await api.item("a1")
    await api.add_agent("anna")
    assigned = await api.post(f"/items/{taken['id']}/assign", {"agent": "anna"})
    assert assigned.status_code == 200, assigned.text
    moved = (await api.get("/items/ext_p1")).json()
    await api.post(f"/items/{moved['id']}/transfer", {"queue": "loans"})
    draft = await begin(api)
    await move_motor(api, draft)
    done = (await api.post(f"/rulesets/drafts/{draft}/publish")).json()
    job = await judged_again(api, done["reclassification"])
    assert (job["status"], job["action"], job["total"], job["done"], job["failed"]) == (
        "done",
        "reclassify",
        4,
        4,
        0,
    )
    assert {(await api.get(f"/items/ext_c{n}")).json()["queue"] for n in range(3)} == {"storm"}
    assert (await api.get("/items/ext_p1")).json()["queue"] == "loans", (
        "nothing of it has changed: it stays where it was put"
    )
    agent = (await api.get("/items/ext_a1")).json()
    assert (agent["status"], agent["queue"], agent["assignedToUser"]) == ("assigned", "claims", "anna")
    events = (await api.get(f"/items/{agent['id']}/history")).json()["events"]
    assert events[-1]["actor"] in ("system:rules", "key:t")


async def test_all_are_judged_again_where_that_is_asked_for(api: World) -> None:
    await api.item("c1")
    moved = await api.item("p1", data={"kind": "claim", "line": "house"})
    await api.post(f"/items/{moved['id']}/transfer", {"queue": "loans"})
    draft = await begin(api)
    await move_motor(api, draft)
    done = (await api.post(f"/rulesets/drafts/{draft}/publish?reclassify=all")).json()
    job = await judged_again(api, done["reclassification"])
    assert (job["total"], job["done"]) == (2, 2)
    assert (await api.get("/items/ext_p1")).json()["queue"] == "claims"


async def test_none_are_judged_again_where_that_is_asked_for(api: World) -> None:
    await api.item("c1")
    draft = await begin(api)
    await move_motor(api, draft)
    done = (await api.post(f"/rulesets/drafts/{draft}/publish?reclassify=none")).json()
    assert done["reclassification"] is None
    assert (await api.get("/jobs")).json()["jobs"] == []
    assert (await api.get("/items/ext_c1")).json()["queue"] == "claims"


async def test_a_run_that_is_canceled_before_its_items_are_found_judges_none(api: World) -> None:
    await api.item("c1")
    services = await api.services()
    services.bulk_runs.start = lambda _: None  # type: ignore[method-assign, assignment]
    draft = await begin(api)
    await move_motor(api, draft)
    run = (await api.post(f"/rulesets/drafts/{draft}/publish")).json()["reclassification"]
    shown = (await api.get(f"/jobs/{run}")).json()
    assert (shown["status"], shown["prepared"], shown["total"]) == ("running", False, 0)
    assert (await api.call("DELETE", f"/jobs/{run}", "t")).status_code == 204
    await bulk_run.run(services, UUID(run))
    assert (await api.get("/items/ext_c1")).json()["queue"] == "claims"


# Four eyes ----------------------------------------------------------------------------------------------------------


async def login(api: World, name: str, role: Role = Role.BUSINESS) -> None:
    """A user with a session; the client's cookie is theirs from here on."""
    await api.add_user(name, role)
    answer = await api.call(
        "POST", "/sessions", None, json={"login": name, "password": PASSWORD, "tenant": "t"}
    )
    assert answer.status_code in (200, 201), answer.text
    api.keys[name] = ""
    token = answer.json().get("csrfToken")
    api.sessions = getattr(api, "sessions", {})  # type: ignore[attr-defined]
    api.sessions[name] = (dict(api.http.cookies), token)  # type: ignore[attr-defined]
    api.http.cookies.clear()


async def as_user(api: World, name: str, method: str, path: str, **arguments: Any) -> httpx.Response:
    cookies, token = api.sessions[name]  # type: ignore[attr-defined]
    cookie = "; ".join(f"{k}={v}" for k, v in cookies.items())
    headers = {"cookie": cookie, "x-csrf-token": token or "", **arguments.pop("headers", {})}
    return await api.call(method, path, None, headers=headers, **arguments)


async def test_a_draft_goes_live_only_once_somebody_else_has_approved_it(api: World) -> None:
    await api.add_key("business", Role.BUSINESS)
    assert (await api.get("/rulesets/settings")).json() == {"fourEyes": False}
    problem(await api.call("PUT", "/rulesets/settings", "business", json={"fourEyes": True}), 403)
    on = await api.call("PUT", "/rulesets/settings?reason=policy+7", "t", json={"fourEyes": True})
    assert (on.status_code, on.json()) == (200, {"fourEyes": True})
    await login(api, "timo")
    await login(api, "ines")
    made = await as_user(api, "timo", "POST", "/rulesets/drafts", json={"name": "Storm"})
    draft = made.json()["id"]
    path = f"/rulesets/drafts/{draft}"
    assert (await as_user(api, "timo", "PUT", f"/queues/storm?draft={draft}", json=QUEUE)).status_code == 201
    problem(await as_user(api, "timo", "POST", f"{path}/publish"), 409, "approvalNeeded")
    problem(await as_user(api, "timo", "POST", f"{path}/approval"), 403, "ownDraft")
    problem(await api.post(f"{path}/approval"), 403, "approvalByKey")
    approved = await as_user(
        api, "ines", "POST", f"{path}/approval?comment=looks+good", headers={"If-Match": '"2"'}
    )
    assert approved.status_code == 200, approved.text
    assert (approved.json()["approval"]["by"], approved.headers["etag"]) == ("ines", '"3"')
    assert (await api.get(path)).json()["approval"]["comment"] == "looks good"
    # Any change voids it.
    changed = await as_user(
        api, "timo", "PUT", f"/queues/storm?draft={draft}", json={**QUEUE, "offerTimeout": "9s"}
    )
    assert changed.status_code == 200
    assert (await api.get(path)).json()["approval"] is None
    problem(await as_user(api, "timo", "POST", f"{path}/publish"), 409, "approvalNeeded")
    stale = await as_user(api, "ines", "POST", f"{path}/approval", headers={"If-Match": '"3"'})
    assert problem(stale, 412)["currentRevision"] == 4
    assert (await as_user(api, "ines", "POST", f"{path}/approval")).status_code == 200
    assert (await as_user(api, "ines", "DELETE", f"{path}/approval?reason=wait")).status_code == 204
    problem(await as_user(api, "timo", "POST", f"{path}/publish"), 409, "approvalNeeded")
    assert (await as_user(api, "ines", "POST", f"{path}/approval")).status_code == 200
    done = await as_user(api, "timo", "POST", f"{path}/publish")
    assert done.status_code == 201, done.text
    actions = [e["action"] for e in reversed(await audited(api))]
    assert actions == [
        "created", "updated", "approved", "updated", "approvalVoided", "approved", "approvalWithdrawn", "approved",
    ]  # fmt: skip
    (entry,) = [e for e in await audited(api, "ruleSet") if e["action"] == "published"]
    assert entry["detail"]["approval"]["by"] == "ines"
    (setting,) = await audited(api, "ruleSetSetting")
    assert setting["detail"]["reason"] == "policy 7"


async def test_nothing_goes_round_the_four_eyes(api: World) -> None:
    await api.call("PUT", "/rulesets/settings", "t", json={"fourEyes": True})
    problem(await api.call("PUT", "/queues/storm", "t", json=QUEUE), 409, "approvalNeeded")
    text = (await api.get("/rulesets/live?format=yaml")).text
    sent = await api.call(
        "POST", "/rulesets", "t", content=text, headers={"content-type": "application/yaml"}
    )
    problem(sent, 409, "approvalNeeded")
    assert (await api.call("DELETE", "/queues/calls", "t")).status_code == 409
    assert (await api.get("/rulesets/live")).json()["version"] == 1
    assert (await api.post("/rulesets/1/rollback")).status_code == 201, "going back is always possible"


# Who and why; concurrent editors; import and export ----------------------------------------------------------------


async def test_who_is_overtaken_is_told_by_whom_and_in_what(api: World) -> None:
    draft = await begin(api)
    await api.add_key("other", Role.BUSINESS)
    await put(api, draft, "/queues/storm", QUEUE, "other")
    await put(api, draft, "/queues/storm", {**QUEUE, "offerTimeout": "9s"}, "other")
    late = await put(api, draft, "/queues/claims", {"id": "claims", "name": "Mine"}, **{"If-Match": '"1"'})
    told = problem(late, 412, "revisionMismatch")
    assert [(e["revision"], e["by"]) for e in told["edits"]] == [(2, "key:other"), (3, "key:other")]
    (difference,) = told["edits"][1]["differences"]
    assert (difference["kind"], difference["id"], difference["fields"][0]["path"]) == (
        "queues",
        "storm",
        "offerTimeout",
    )


async def test_discarding_is_audited_with_its_reason(api: World) -> None:
    draft = await begin(api)
    assert (await api.call("DELETE", f"/rulesets/drafts/{draft}?reason=no+storm", "t")).status_code == 204
    entry = (await audited(api))[0]
    assert (entry["action"], entry["detail"]["reason"]) == ("discarded", "no storm")


async def test_a_document_is_looked_at_taken_in_and_given_out_again(api: World) -> None:
    text = (await api.get("/rulesets/live?format=yaml")).text
    document = yaml.safe_load(text)
    document["queues"].append(QUEUE)
    document["tests"] = [{"id": "motor", **TEST}]
    source = yaml.safe_dump(document, sort_keys=False)
    headers = {"content-type": "application/yaml"}
    looked = await api.call(
        "POST", "/rulesets/drafts/import?dryRun=true", "t", content=source, headers=headers
    )
    assert looked.status_code == 200, looked.text
    assert [(d["kind"], d["id"], d["change"]) for d in looked.json()["differences"]] == [
        ("queues", "storm", "added"),
        ("tests", "motor", "added"),
    ]
    assert looked.json()["draft"] is None
    assert (await api.get("/rulesets/drafts")).json()["drafts"] == []
    taken = await api.call("POST", "/rulesets/drafts/import?name=File", "t", content=source, headers=headers)
    assert taken.status_code == 201, taken.text
    draft = taken.json()["draft"]
    first = await api.get(f"/rulesets/drafts/{draft}/file")
    replaced = await api.call(
        "POST", f"/rulesets/drafts/import?draft={draft}", "t", content=first.content, headers=headers
    )
    assert (replaced.status_code, replaced.json()["revision"]) == (200, 2)
    assert (await api.get(f"/rulesets/drafts/{draft}/file")).content == first.content
    broken = source.replace("queue: claims", "queue: nowhere", 1)
    faulty = (
        await api.call("POST", "/rulesets/drafts/import?dryRun=true", "t", content=broken, headers=headers)
    ).json()
    assert "nowhere" in faulty["faults"][0]["message"]
    assert faulty["differences"]
