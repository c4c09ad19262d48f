"""Drafts on trial over HTTP, on a real database: shadows count, canaries judge, guards take them back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from openiwd.domain.privilege import Role
from openiwd.domain.share import is_within, limit_of
from openiwd.ports.control_store import AuditFilter
from openiwd.usecases import alarm_watch
from openiwd.usecases.canary_watch import CanaryWatch
from openiwd.usecases.platform import TenantServices
from tests.factories.api import World, problem, raw

VIP = {"ext": {"customerSegment": "vip"}}
NOTHING = {"outcome": 0, "category": 0, "queue": 0, "dueDate": 0, "priorityBand": 0, "requirement": 0}


class Trial:
    """A draft of the tenant `t`, in a process whose loops the test turns itself."""

    def __init__(self, api: World, services: TenantServices) -> None:
        self.api = api
        self.services = services
        self.watch = CanaryWatch(api.platform, services)
        self.draft = ""

    @property
    def path(self) -> str:
        return f"/rulesets/drafts/{self.draft}"

    async def begin(self, name: str = "Storm season") -> None:
        made = await self.api.post("/rulesets/drafts", {"name": name})
        self.draft = made.json()["id"]

    async def put(self, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
        answer = await self.api.call("PUT", f"{path}?draft={self.draft}", json=body)
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def value_vips(self, value: int) -> None:
        rule = (await self.api.get("/rules/vip")).json()
        await self.put("/rules/vip", {**rule, "then": [{"raiseBusinessValue": value}]})

    async def items(self, first: int, last: int, **fields: Any) -> list[dict[str, Any]]:
        answer = await self.api.post("/items/batch", [raw(f"c{n}", **fields) for n in range(first, last)])
        assert answer.status_code == 200, answer.text
        results = answer.json()["results"]
        return [dict((await self.api.get(f"/items/{r['id']}")).json()) for r in results]

    async def look(self) -> dict[str, Any]:
        """Lets the shadow do what its loop does."""
        await self.services.feed.catch_up()
        shadows = self.services.shadows
        await shadows.refresh(self.api.wiring.holidays)
        while shadows.look(await shadows.lookups()):
            pass
        return dict((await self.api.get(f"{self.path}/shadow")).json())

    async def watched(self) -> bool | None:
        """One step of the loop that watches the canary."""
        await self.services.feed.catch_up()
        return await self.watch.step(_unfenced)


async def _unfenced() -> None:
    pass


@pytest.fixture
async def trial(api: World) -> Trial:
    services = await api.services()
    await services.feed.start()
    made = Trial(api, services)
    await made.begin()
    return made


# Shadow


async def test_a_shadow_counts_what_the_draft_would_have_made_of_what_comes_in(trial: Trial) -> None:
    await trial.items(0, 3, **VIP)
    await trial.value_vips(250)
    started = await trial.api.post(f"{trial.path}/shadow", {"on": True})
    assert started.status_code == 200, started.text
    assert (await trial.look())["looked"] == 0, "what came before is not looked at"
    plain, vips = await trial.items(3, 5), await trial.items(5, 12, **VIP)
    found = await trial.look()
    assert (found["on"], found["looked"], found["diverged"], found["shed"]) == (True, 9, 7, 0)
    assert found["kinds"] == {**NOTHING, "businessValue": 7}
    assert [(c["category"], c["looked"], c["diverged"]) for c in found["categories"]] == [
        ("Claims/Motor", 9, 7)
    ]
    listed = [d["divergence"] for d in found["divergences"]]
    assert {d["itemId"] for d in listed} == {i["id"] for i in vips}
    assert (listed[0]["live"]["businessValue"], listed[0]["draft"]["businessValue"]) == (100, 250)
    assert (listed[0]["live"]["rules"], listed[0]["draft"]["rules"]) == (["vip"], ["vip"])
    shown = (await trial.api.get(f"/items/{vips[0]['id']}")).json()
    assert (shown["businessValue"], shown["ruleSetVersion"]) == (100, 1), "nothing comes of it"
    changed = await trial.api.call("PATCH", f"/items/{plain[0]['id']}", json=VIP)
    assert changed.status_code == 200, changed.text
    await trial.api.call("PATCH", f"/items/{plain[1]['id']}", json={"description": "no rule looks at it"})
    found = await trial.look()
    assert (found["looked"], found["diverged"]) == (10, 8), "an update that is judged again is looked at"


async def test_divergences_are_paged_and_filtered(trial: Trial) -> None:
    motor = (await trial.api.get("/categories/motor")).json()
    await trial.put(
        "/categories/motor", {**motor, "requirement": {"skills": [{"skill": "motor", "level": 9}]}}
    )
    await trial.value_vips(250)
    await trial.api.post(f"{trial.path}/shadow", {"on": True})
    await trial.look()
    await trial.items(0, 5)
    await trial.items(5, 8, **VIP)
    await trial.look()
    path = f"{trial.path}/shadow"
    first = (await trial.api.get(f"{path}?limit=5")).json()
    rest = (await trial.api.get(f"{path}?limit=5&before={first['next']}")).json()
    assert (len(first["divergences"]), len(rest["divergences"]), rest["next"]) == (5, 3, None)
    assert first["divergences"][-1]["number"] > rest["divergences"][0]["number"]
    values = (await trial.api.get(f"{path}?kind=businessValue")).json()["divergences"]
    assert len(values) == 3
    assert (await trial.api.get(f"{path}?category=Lending")).json()["divergences"] == []
    assert len((await trial.api.get(f"{path}?category=Claims/Motor")).json()["divergences"]) == 8
    problem(await trial.api.get(f"{path}?kind=nonsense"), 400)


async def test_counts_begin_anew_when_the_draft_or_the_live_rules_change(trial: Trial) -> None:
    await trial.value_vips(250)
    await trial.api.post(f"{trial.path}/shadow", {"on": True})
    await trial.look()
    await trial.items(0, 4, **VIP)
    before = await trial.look()
    assert (before["diverged"], before["draftRevision"]) == (4, 2)
    await trial.value_vips(100)
    await trial.look()
    await trial.items(4, 6, **VIP)
    after = await trial.look()
    assert (after["looked"], after["diverged"], after["draftRevision"]) == (2, 0, 3)
    assert after["countedFrom"] > before["countedFrom"]
    assert after["divergences"] == []
    queue = (await trial.api.get("/queues/claims")).json()
    await trial.api.call("PUT", "/queues/claims", json={**queue, "offerTimeout": "77s"})
    await trial.look()
    await trial.items(6, 7, **VIP)
    again = await trial.look()
    assert (again["looked"], again["liveVersion"]) == (1, 2)


async def test_a_draft_that_no_longer_compiles_is_told_and_goes_on_when_mended(trial: Trial) -> None:
    motor = (await trial.api.get("/categories/claims")).json()
    await trial.value_vips(250)
    await trial.api.post(f"{trial.path}/shadow", {"on": True})
    gone = await trial.api.call("DELETE", f"/queues/claims?draft={trial.draft}")
    assert gone.status_code == 204, gone.text
    await trial.look()
    await trial.items(0, 2, **VIP)
    found = await trial.look()
    assert "claims" in found["fault"]
    assert found["looked"] == 0
    await trial.put("/categories/claims", {**motor, "queue": "loans"})
    await trial.look()
    await trial.items(2, 4, **VIP)
    found = await trial.look()
    assert (found["fault"], found["looked"], found["kinds"]["queue"]) == (None, 2, 2)


async def test_a_sample_is_looked_at_by_hash_and_a_stopped_shadow_keeps_what_it_found(trial: Trial) -> None:
    await trial.value_vips(250)
    await trial.api.post(f"{trial.path}/shadow", {"on": True, "sample": 0.3})
    await trial.look()
    items = await trial.items(0, 60, **VIP)
    expected = sum(is_within(UUID(i["id"]), limit_of(0.3)) for i in items)
    assert (await trial.look())["looked"] == expected
    stopped = (await trial.api.post(f"{trial.path}/shadow", {"on": False})).json()
    assert (stopped["on"], stopped["looked"]) == (False, expected)
    await trial.look()
    await trial.items(60, 70, **VIP)
    assert (await trial.look())["looked"] == expected
    audit = await trial.api.platform.control.audit_log("t", None, 10, AuditFilter(object_id=trial.draft))
    told = [e.action for _, e in audit if e.action != "updated"]
    assert told == ["shadowStopped", "shadowStarted", "created"]


async def test_more_than_it_can_keep_is_shed_and_counted(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openiwd.usecases.shadow_watch.MAX_WAITING", 10)
    await trial.api.post(f"{trial.path}/shadow", {"on": True})
    await trial.look()
    await trial.items(0, 25)
    found = await trial.look()
    assert (found["looked"], found["shed"]) == (10, 15)


async def test_only_the_latest_divergences_are_kept(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openiwd.usecases.shadow_watch.KEEP", 8)
    await trial.value_vips(250)
    await trial.api.post(f"{trial.path}/shadow", {"on": True})
    await trial.look()
    for start in (0, 6, 12):
        last = await trial.items(start, start + 6, **VIP)
        await trial.look()
    found = (await trial.api.get(f"{trial.path}/shadow")).json()
    assert (found["diverged"], len(found["divergences"])) == (18, 8)
    assert {i["id"] for i in last} <= {d["divergence"]["itemId"] for d in found["divergences"]}


async def test_what_cannot_be_shadowed_is_refused(trial: Trial) -> None:
    problem(await trial.api.get(f"{trial.path}/shadow"), 404)
    problem(await trial.api.post(f"{trial.path}/shadow", {"on": True, "sample": 0}), 400)
    problem(await trial.api.post("/rulesets/drafts/" + str(UUID(int=1)) + "/shadow", {"on": True}), 404)
    await trial.api.call("DELETE", f"/queues/claims?draft={trial.draft}")
    problem(await trial.api.post(f"{trial.path}/shadow", {"on": True}), 422)
    await trial.api.add_key("viewer", Role.VIEWER)
    problem(await trial.api.post(f"{trial.path}/shadow", {"on": True}, key="viewer"), 403)


async def test_a_reader_with_an_access_group_sees_its_own_items_only(trial: Trial) -> None:
    api = trial.api
    await api.add_access_group("lending", categories=["Lending"])
    await api.add_key("ana", Role.BUSINESS, access_groups=["lending"])
    await trial.value_vips(250)
    await api.post(f"{trial.path}/shadow", {"on": True})
    await trial.look()
    await trial.items(0, 2, **VIP)
    (loan,) = await trial.items(2, 3, data={"kind": "loan"}, **VIP)
    assert len((await trial.look())["divergences"]) == 3
    found = (await api.get(f"{trial.path}/shadow", key="ana")).json()
    assert [d["divergence"]["itemId"] for d in found["divergences"]] == [loan["id"]]
    assert [c["category"] for c in found["categories"]] == ["Lending/Mortgage"]
    assert (found["looked"], found["diverged"], found["kinds"]["businessValue"]) == (1, 1, 1)
    await api.post(f"{trial.path}/canary", {"share": 1})
    await trial.items(3, 5)
    await trial.watched()
    counted = {key: (await api.get(f"{trial.path}/canary", key=key)).json()["sides"] for key in ("t", "ana")}
    assert (counted["t"]["canary"]["items"], counted["ana"]["canary"]["items"]) == (2, 0)


# Canary


async def test_a_canary_judges_exactly_its_share(trial: Trial) -> None:
    await trial.value_vips(250)
    begun = await trial.api.post(f"{trial.path}/canary", {"share": 0.3})
    assert begun.status_code == 201, begun.text
    version = begun.json()["version"]
    assert version == 2
    items = await trial.items(0, 80, **VIP)
    taken = {i["id"] for i in items if is_within(UUID(i["id"]), limit_of(0.3))}
    assert 8 < len(taken) < 45
    for item in items:
        expected = (version, 250) if item["id"] in taken else (1, 100)
        assert (item["ruleSetVersion"], item["businessValue"]) == expected
    assert await trial.watched() is False
    told = (await trial.api.get(f"{trial.path}/canary")).json()
    assert (told["running"], told["sides"]["canary"]["items"], told["sides"]["live"]["items"]) == (
        True, len(taken), 80 - len(taken),
    )  # fmt: skip
    assert await trial.watched() is False, "no event is counted twice"
    assert (await trial.api.get(f"{trial.path}/canary")).json()["sides"] == told["sides"]
    assert (await trial.api.get("/rulesets/live")).json()["version"] == 1
    assert [v["version"] for v in (await trial.api.get("/rulesets")).json()["versions"]] == [1]
    assert (await trial.api.get("/rulesets/2")).json()["document"]["rules"], "what judged can be looked at"
    assert (await trial.api.get("/rulesets/canary")).json()["canary"]["version"] == version


async def test_a_canary_of_one_category_is_compared_with_that_category(trial: Trial) -> None:
    await trial.value_vips(250)
    wanted = {"share": 1, "category": "Lending"}
    assert (await trial.api.post(f"{trial.path}/canary", wanted)).status_code == 201
    (claim,) = await trial.items(0, 1, **VIP)
    (loan,) = await trial.items(1, 2, data={"kind": "loan"}, **VIP)
    assert (claim["ruleSetVersion"], loan["ruleSetVersion"]) == (1, 2)
    await trial.watched()
    sides = (await trial.api.get(f"{trial.path}/canary")).json()["sides"]
    assert (sides["canary"]["items"], sides["live"]["items"]) == (1, 0)
    assert sides["canary"]["categories"] == {"Lending/Mortgage": 1}


async def test_a_draft_stands_still_while_it_judges(trial: Trial) -> None:
    await trial.value_vips(250)
    await trial.api.post(f"{trial.path}/canary", {"share": 0.5})
    rule = (await trial.api.get("/rules/vip")).json()
    for answer in (
        await trial.api.call("PUT", f"/rules/vip?draft={trial.draft}", json={**rule, "name": "x"}),
        await trial.api.call("PUT", trial.path, json={"name": "Other"}),
        await trial.api.call("DELETE", trial.path),
        await trial.api.post(f"{trial.path}/canary", {"share": 0.9}),
    ):
        problem(answer, 409, "canaryRunning")
    first = trial.draft
    await trial.begin("Another")
    await trial.value_vips(300)
    told = problem(await trial.api.post(f"{trial.path}/canary", {"share": 0.9}), 409, "canaryRunning")
    assert told["draft"] == first


async def test_stopping_gives_the_items_back_to_the_live_rules(trial: Trial) -> None:
    await trial.value_vips(250)
    await trial.api.post(f"{trial.path}/canary", {"share": 1})
    items = await trial.items(0, 5, **VIP)
    assert {i["businessValue"] for i in items} == {250}
    stopped = await trial.api.call("DELETE", f"{trial.path}/canary")
    assert stopped.status_code == 200, stopped.text
    assert (stopped.json()["outcome"], stopped.json()["judgedAgain"]) == ("stopped", True)
    for item in items:
        shown = (await trial.api.get(f"/items/{item['id']}")).json()
        assert (shown["businessValue"], shown["ruleSetVersion"]) == (100, 1)
    (after,) = await trial.items(5, 6, **VIP)
    assert after["ruleSetVersion"] == 1
    problem(await trial.api.call("DELETE", f"{trial.path}/canary"), 409, "noCanary")
    await trial.api.post(f"{trial.path}/canary", {"share": 1})
    (kept,) = await trial.items(6, 7, **VIP)
    await trial.api.call("DELETE", f"{trial.path}/canary?judgeAgain=false")
    shown = (await trial.api.get(f"/items/{kept['id']}")).json()
    assert (shown["businessValue"], shown["ruleSetVersion"]) == (250, 3)


async def test_publishing_the_draft_promotes_its_canary(trial: Trial) -> None:
    await trial.value_vips(250)
    await trial.api.post(f"{trial.path}/canary", {"share": 0.5})
    await trial.items(0, 10, **VIP)
    done = await trial.api.post(f"{trial.path}/publish")
    assert (done.status_code, done.json()["version"]) == (201, 3), done.text
    async with trial.services.runtime.store.reading() as reading:
        ended = await reading.canary_of(UUID(trial.draft))
    assert ended is not None
    assert ended.outcome == "promoted"
    (item,) = await trial.items(10, 11, **VIP)
    assert (item["ruleSetVersion"], item["businessValue"]) == (3, 250)
    versions = (await trial.api.get("/rulesets")).json()["versions"]
    assert [v["version"] for v in versions] == [3, 1]


async def test_another_publication_ends_the_canary(trial: Trial) -> None:
    await trial.value_vips(250)
    await trial.api.post(f"{trial.path}/canary", {"share": 1})
    queue = (await trial.api.get("/queues/claims")).json()
    await trial.api.call("PUT", "/queues/claims", json={**queue, "offerTimeout": "77s"})
    told = (await trial.api.get(f"{trial.path}/canary")).json()
    assert (told["running"], told["outcome"]) == (False, "overtaken")
    (item,) = await trial.items(0, 1, **VIP)
    assert (item["ruleSetVersion"], item["businessValue"]) == (3, 100)
    problem(await trial.api.post(f"{trial.path}/canary", {"share": 1}), 409, "ruleSetChanged")


async def test_what_only_publishing_brings_is_told_or_refused(trial: Trial) -> None:
    problem(await trial.api.post(f"{trial.path}/canary", {"share": 0.5}), 409, "nothingToTry")
    queue = (await trial.api.get("/queues/claims")).json()
    await trial.put("/queues/claims", {**queue, "offerTimeout": "77s"})
    problem(await trial.api.post(f"{trial.path}/canary", {"share": 0.5}), 409, "nothingToTry")
    await trial.value_vips(250)
    begun = (await trial.api.post(f"{trial.path}/canary", {"share": 0.5})).json()
    assert [(d["kind"], d["id"]) for d in begun["notTried"]] == [("queues", "claims")]
    await trial.api.call("DELETE", f"{trial.path}/canary")
    await trial.put("/queues/storm", {**queue, "id": "storm", "name": "Storm"}, 201)
    motor = (await trial.api.get("/categories/motor")).json()
    await trial.put("/categories/motor", {**motor, "queue": "storm"})
    refused = problem(await trial.api.post(f"{trial.path}/canary", {"share": 0.5}), 422, "needsPublishing")
    assert "storm" in refused["detail"]
    problem(await trial.api.post(f"{trial.path}/canary", {"share": 0.5, "category": "No/Such"}), 400)
    problem(await trial.api.post(f"{trial.path}/canary", {"share": 0}), 400)


async def rolled_back(trial: Trial, guard: str, count: int = 60, **fields: Any) -> dict[str, Any]:
    """Starts a canary of a bad draft, lets items come, and looks until it is taken back."""
    assert (await trial.api.post(f"{trial.path}/canary", {"share": 0.5})).status_code == 201
    items = await trial.items(0, 20, **fields)
    assert await trial.watched() is False, "too few items say nothing"
    items += await trial.items(20, 20 + 2 * count, **fields)
    assert await trial.watched() is True
    assert await trial.watched() is None
    told = dict((await trial.api.get(f"{trial.path}/canary")).json())
    assert (told["running"], told["outcome"], told["judgedAgain"]) == (False, "rolledBack", True)
    assert guard in [t["guard"] for t in told["tripped"]]
    for item in items:
        shown = (await trial.api.get(f"/items/{item['id']}")).json()
        assert (shown["status"], shown["ruleSetVersion"]) == ("queued", 1), shown
    await alarm_watch.watch(trial.services)
    alarms = (await trial.api.get("/alarms?kind=canaryRolledBack")).json()["alarms"]
    assert [(a["object"], a["objectId"], a["objectName"]) for a in alarms] == [
        ("draft", trial.draft, "Storm season")
    ]
    audit = await trial.api.platform.control.audit_log("t", None, 1, AuditFilter(object_id=trial.draft))
    assert [(e.action, e.actor) for _, e in audit] == [("canaryRolledBack", "system:canary")]
    return told


async def test_a_draft_whose_rule_fails_is_taken_back(trial: Trial) -> None:
    await trial.api.add_agent("anna")
    rule = (await trial.api.get("/rules/vip")).json()
    await trial.put("/rules/vip", {**rule, "when": {"attribute": "data.line", "operator": "gt", "value": 3}})
    told = await rolled_back(trial, "errorRate")
    assert told["sides"]["canary"]["errors"] == told["sides"]["canary"]["items"]
    assert told["sides"]["live"]["errors"] == 0


async def test_a_draft_that_reaches_no_category_is_taken_back(trial: Trial) -> None:
    await trial.api.add_agent("anna")
    claims = (await trial.api.get("/categories/claims")).json()
    await trial.put(
        "/categories/claims", {**claims, "when": {"attribute": "data.kind", "operator": "eq", "value": "x"}}
    )
    told = await rolled_back(trial, "errorheldShare")
    assert told["sides"]["canary"]["errors"] == 0


async def test_a_draft_that_needs_a_skill_that_nobody_has_is_taken_back_and_the_alarm_ends_with_the_next_change(
    trial: Trial,
) -> None:
    await trial.api.add_agent("anna")
    motor = (await trial.api.get("/categories/motor")).json()
    await trial.put(
        "/categories/motor", {**motor, "requirement": {"skills": [{"skill": "magic", "level": 1}]}}
    )
    told = await rolled_back(trial, "noAgentShare")
    assert told["sides"]["canary"]["noAgent"] == told["sides"]["canary"]["items"]
    assert told["sides"]["live"]["noAgent"] == 0
    await trial.value_vips(250)
    await alarm_watch.watch(trial.services)
    assert (await trial.api.get("/alarms?kind=canaryRolledBack")).json()["alarms"] == []


async def test_two_who_watch_count_each_event_once(trial: Trial) -> None:
    await trial.value_vips(250)
    await trial.api.post(f"{trial.path}/canary", {"share": 0.5})
    await trial.items(0, 30, **VIP)
    other = CanaryWatch(trial.api.platform, trial.services)
    await trial.services.feed.catch_up()
    await trial.watch.step(_unfenced)
    await other.step(_unfenced)
    await trial.items(30, 40, **VIP)
    await trial.services.feed.catch_up()
    await other.step(_unfenced)
    await trial.watch.step(_unfenced)
    sides = (await trial.api.get(f"{trial.path}/canary")).json()["sides"]
    assert sides["canary"]["items"] + sides["live"]["items"] == 40


async def test_an_item_judged_by_the_canary_is_completed_by_the_canarys_dispositions(trial: Trial) -> None:
    motor = (await trial.api.get("/categories/motor")).json()
    await trial.put("/categories/motor", {**motor, "dispositions": ["towed"]})
    await trial.api.post(f"{trial.path}/canary", {"share": 1})
    (item,) = await trial.items(0, 1)
    refused = await trial.api.post(f"/items/{item['id']}/complete", {"resultCode": "paid"})
    assert refused.status_code == 400, refused.text
    done = await trial.api.post(f"/items/{item['id']}/complete", {"resultCode": "towed"})
    assert done.status_code == 200, done.text
