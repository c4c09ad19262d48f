"""What a schema would come to, over HTTP: an item tried, items counted, the days of a calendar."""

from __future__ import annotations

from typing import Any

from openiwd.domain.privilege import Role
from tests.factories.api import World, problem
from tests.servers.until import until

STEEP = {
    "name": "Steep",
    "points": [{"age": "0h", "priority": 100}, {"age": "1h", "priority": 700}],
    "sla": "1h",
}
OFFICE = {
    "name": "Office",
    "timeZone": "Europe/Berlin",
    "weekly": {"monday": ["08:00-12:00", "13:00-17:00"], "friday": ["08:00-16:00"]},
    "holidays": {"country": "DE", "region": "HH"},
    "exceptions": [{"date": "2026-12-28", "hours": ["10:00-12:00"], "name": "Between the years"}],
}


async def draft_with(api: World, path: str, body: dict[str, Any]) -> str:
    draft: str = (await api.post("/rulesets/drafts", {"name": "d"})).json()["id"]
    made = await api.call("PUT", f"{path}?draft={draft}", "t", json=body)
    assert made.status_code in (200, 201), made.text
    return draft


async def test_an_item_is_tried_under_a_schema_that_is_nowhere_yet(api: World) -> None:
    anchor, at = "2026-03-02T10:00:00Z", "2026-03-02T10:30:00Z"
    draft = await draft_with(api, "/schemas/steep", STEEP)
    told = await api.post(f"/schemas/steep/trial?draft={draft}", {"anchor": anchor, "at": at})
    assert told.status_code == 200, told.text
    assert told.json() == {
        "age": 1800.0, "wall": 1800.0, "priority": 400, "live": None, "reachesSla": "2026-03-02T11:00:00Z",
    }  # fmt: skip
    steeper = {**STEEP, "points": [{"age": "0h", "priority": 100}, {"age": "30m", "priority": 700}]}
    body = {"anchor": anchor, "at": at, "schema": steeper}
    assert (await api.post(f"/schemas/steep/trial?draft={draft}", body)).json()["priority"] == 700
    live = (await api.get("/schemas")).json()["schemas"][0]["id"]
    both = (await api.post(f"/schemas/{live}/trial", {"anchor": anchor, "at": at})).json()
    assert both["priority"] == both["live"] is not None
    wrong = {"anchor": anchor, "schema": {**STEEP, "clock": "nowhere"}}
    assert problem(await api.post("/schemas/steep/trial", wrong), 422, "invalidRuleSet")["field"] == "clock"
    problem(await api.post("/schemas/nothing/trial", {"anchor": anchor}), 404, "notFound")


async def test_the_impact_counts_what_waits(api: World) -> None:
    services = await api.follow(decide=True)
    item = await api.item("c1")
    await until(lambda: services.decider is not None and len(services.decider) == 1)
    live = (await api.get(f"/schemas/{item['schemaId']}")).json()
    first = {**live, "points": [{"age": "0h", "priority": 5_000}], "maximum": 9_000}
    body = {"threshold": 4_000, "schema": first}
    told = (await api.post(f"/schemas/{item['schemaId']}/impact", body)).json()
    assert told == {
        "total": 1, "exact": True, "sampled": 1, "above": 1, "aboveLive": 0, "rise": 1, "fall": 0,
    }  # fmt: skip
    same = (await api.post(f"/schemas/{item['schemaId']}/impact", {"threshold": 4_000})).json()
    assert (same["above"], same["rise"], same["fall"]) == (0, 0, 0)


async def test_who_has_no_picture_of_the_backlog_asks_the_database(api: World) -> None:
    item = await api.item("c1")
    told = (await api.post(f"/schemas/{item['schemaId']}/impact", {})).json()
    assert (told["total"], told["sampled"], told["exact"]) == (1, 1, True)


async def test_days_are_resolved(api: World) -> None:
    draft = await draft_with(api, "/calendars/office", OFFICE)
    path = f"/calendars/office/days?draft={draft}&from=2026-12-25&count=4"
    days = (await api.get(path)).json()["days"]
    assert [(d["date"], d["hours"], d["name"]) for d in days] == [
        ("2026-12-25", [], "Christmas Day"),
        ("2026-12-26", [], "Second Day of Christmas"),
        ("2026-12-27", [], ""),
        ("2026-12-28", ["10:00-12:00"], "Between the years"),
    ]
    assert len((await api.get(f"/calendars/office/days?draft={draft}")).json()["days"]) == 14
    problem(await api.get("/calendars/office/days?count=401"), 400)


async def test_viewers_may_ask_and_agents_may_not(api: World) -> None:
    item = await api.item("c1")
    await api.add_key("viewer", Role.VIEWER)
    await api.add_key("agent", Role.AGENT)
    assert (await api.post(f"/schemas/{item['schemaId']}/impact", {}, "viewer")).status_code == 200
    problem(await api.post(f"/schemas/{item['schemaId']}/impact", {}, "agent"), 403, "forbidden")
