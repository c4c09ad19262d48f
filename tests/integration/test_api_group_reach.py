"""Who belongs to an access group learns nothing of the items of others: bulk runs, links, workbins, counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from openiwd.api.app import create_app
from openiwd.domain.agent import Capacity
from openiwd.domain.privilege import Role
from openiwd.usecases import item_detail, workbin
from openiwd.usecases.schema_trial import waiting_counts
from openiwd.web.app import create_web
from tests.factories.api import PASSWORD, PREFIX, World, problem
from tests.servers.until import until


@pytest.fixture(autouse=True)
async def members(api: World) -> None:
    """Supervisors of loans: two, who see the same items."""
    await api.add_access_group("lending", categories=["Lending"], queues=[])
    for name in ("lena", "leo"):
        await api.add_key(name, Role.SUPERVISOR, access_groups=["lending"])


async def claim(api: World, capture_id: str = "c1", **fields: Any) -> dict[str, Any]:
    return await api.item(capture_id, **fields)


async def loan(api: World, capture_id: str = "l1", **fields: Any) -> dict[str, Any]:
    return await api.item(capture_id, data={"kind": "loan"}, **fields)


@asynccontextmanager
async def visitor(api: World, role: Role, **fields: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A member who looks at the pages."""
    await api.add_user("lou", role, access_groups=["lending"], **fields)
    site = create_app(api.platform, holidays=api.wiring.holidays, web=create_web)
    transport = httpx.ASGITransport(app=site, raise_app_exceptions=True)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://iwd", timeout=30) as client:
        session = await client.post(f"{PREFIX}/sessions", json={"login": "lou", "password": PASSWORD})
        client.headers.update({"x-csrf-token": session.json()["csrfToken"], "hx-request": "true"})
        yield client
    await site.close()


async def bulk_run(api: World, key: str, action: str, ids: list[str], **fields: Any) -> str:
    """The address of a run that is over."""
    started = await api.post("/items/bulk", {"action": action, "ids": ids, **fields}, key)
    assert started.status_code == 202, started.text
    return await over(api, started.headers["location"], key)


async def over(api: World, location: str, key: str) -> str:
    async def ended() -> bool:
        return bool((await api.get(location, key)).json()["status"] != "running")

    await until(ended)
    return location


async def test_a_bulk_run_of_somebody_else_is_not_there_for_a_member(api: World) -> None:
    theirs = await bulk_run(api, "t", "hold", [(await claim(api))["id"]], reason="review")
    own = await bulk_run(api, "lena", "hold", [(await loan(api))["id"]], reason="review")
    for location, key in ((theirs, "lena"), (own, "leo")):
        problem(await api.get(location, key), 404, "notFound")
        problem(await api.get(f"{location}/results", key), 404, "notFound")
        problem(await api.call("DELETE", location, key), 404, "notFound")
        problem(await api.post(f"{location}/undo", {}, key), 404, "notFound")
    listed = {k: (await api.get("/jobs", k)).json()["jobs"] for k in ("t", "lena", "leo")}
    assert {k: len(jobs) for k, jobs in listed.items()} == {"t": 2, "lena": 1, "leo": 0}
    assert listed["lena"][0]["actor"] == "key:lena"
    assert len((await api.get(f"{own}/results", "lena")).json()["results"]) == 1
    assert (await api.get(own)).status_code == 200


async def test_items_named_by_id_are_as_unknown_out_of_reach(api: World) -> None:
    await api.add_key("closer", privileges=["workitems.bulk", "workitems.cancel", "workitems.search"])
    foreign, own = await claim(api), await loan(api)
    body = {"action": "cancel", "ids": [foreign["id"]], "include": [own["id"]], "dryRun": True}
    told = (await api.post("/items/bulk", body, "lena")).json()
    assert (told["total"], told["forbidden"], told["sample"], told["refused"]) == (1, 0, [own["id"]], [])
    assert (await api.post("/items/bulk", body, "closer")).json()["total"] == 2
    assert (await api.post("/items/bulk", body)).json()["total"] == 2


async def test_the_preview_page_of_a_bulk_act_shows_nothing_out_of_reach(api: World) -> None:
    foreign = await claim(api, subject="Foreign matter")
    own = await loan(api, subject="Matter of ours")
    for one in (foreign, own):
        await api.post(f"/items/{one['id']}/cancel", {})
    asked = {"action": "hold", "ids": f"{foreign['id']},{own['id']}"}
    async with visitor(api, Role.SUPERVISOR) as lou:
        page = await lou.post("/bulk/dialog", data=asked)
    assert page.status_code == 200, page.text
    assert "Matter of ours" in page.text
    assert "Foreign matter" not in page.text


async def test_undoing_a_hold_leaves_later_holds_alone(api: World) -> None:
    first, again, resumed = [(await claim(api, f"c{n}"))["id"] for n in range(3)]
    run = await bulk_run(api, "t", "hold", [first, again, resumed], reason="review")
    for item in (again, resumed):
        await api.post(f"/items/{item}/resume", {})
    await api.post(f"/items/{again}/hold", {"reason": "waitingForDocuments"})
    undone = await api.post(f"{run}/undo", {})
    assert undone.status_code == 202, undone.text
    assert undone.json()["total"] == 1
    await over(api, undone.headers["location"], "t")
    statuses = [(await api.get(f"/items/{i}")).json()["status"] for i in (first, again, resumed)]
    assert statuses == ["queued", "held", "queued"]
    problem(await api.post(f"{run}/undo", {}), 409, "nothingToUndo")


async def test_a_link_tells_nothing_of_the_item_out_of_reach(api: World) -> None:
    foreign = await claim(api, subject="Foreign matter")
    own, other = await loan(api), await loan(api, "l2", subject="Matter of ours")
    for to in (foreign, other):
        link = {"kind": "relatesTo", "item": to["id"]}
        assert (await api.post(f"/items/{own['id']}/links", link)).status_code == 200
    told = {x["itemId"]: x for x in (await api.get(f"/items/{own['id']}/links", "lena")).json()["links"]}
    assert (told[foreign["id"]]["subject"], told[foreign["id"]]["status"]) == (None, None)
    assert (told[other["id"]]["subject"], told[other["id"]]["status"]) == ("Matter of ours", "queued")
    async with visitor(api, Role.SUPERVISOR) as lou:
        page = (await lou.get(f"/items/{own['id']}")).text
    assert "Matter of ours" in page
    assert "An item out of your reach" in page
    assert "Foreign matter" not in page
    links = (await api.get(f"/items/{own['id']}/links")).json()["links"]
    assert {x["subject"] for x in links} == {"Foreign matter", "Matter of ours"}


async def calling(api: World) -> str:
    """An agent who is a member too, with reach into one queue only; the name of the key."""
    await api.add_access_group("callers", queues=["calls"])
    await api.add_agent("cas")
    return await api.add_key("caller", Role.SUPERVISOR, access_groups=["callers"], agent_id="cas")


async def to_be_called(api: World) -> dict[str, Any]:
    """One item in reach, and a better one out of it: both in bins that the agent may take from."""
    mine = await loan(api, "mine", businessValue=1)
    moved = await api.post(f"/items/{mine['id']}/transfer", {"queue": "calls"})
    assert moved.status_code == 200, moved.text
    return mine


async def test_a_workbin_holds_what_the_members_groups_reach(api: World) -> None:
    await calling(api)
    mine = await to_be_called(api)
    await loan(api, "foreign", businessValue=900, description="Private")
    counts = {k: (await api.get("/agents/me/workbins", k)).json()["workbins"] for k in ("caller", "cas")}
    assert {k: [b["count"] for b in bins] for k, bins in counts.items()} == {"caller": [1], "cas": [2]}
    found = (await api.get("/agents/me/workbins/everybody", "caller")).json()
    assert ([i["id"] for i in found["items"]], found["count"]) == ([mine["id"]], 1)
    rows = (await api.get("/agents/me/workbins/everybody", "cas")).json()["items"]
    assert {i["captureId"] for i in rows} == {"mine", "foreign"}
    assert rows[0].keys() == {
        "id", "captureId", "subject", "categoryPath", "queue", "priority", "priorityAt", "dueDateTime",
        "createdDateTime",
    }  # fmt: skip


async def test_a_member_takes_nothing_out_of_reach(api: World) -> None:
    await calling(api)
    mine, foreign = await to_be_called(api), await loan(api, "foreign", businessValue=900)
    await api.follow(decide=True)
    await api.post("/agents/me/state", {"state": "notReady", "reason": "desk"}, "cas")
    problem(await api.post(f"/items/{foreign['id']}/pull", None, "caller"), 404)
    pulled = (await api.post("/agents/me/next", None, "caller")).json()["item"]
    assert pulled["id"] == mine["id"]
    assert (await api.post("/agents/me/next", None, "caller")).json()["item"] is None
    own = (await api.post("/agents/me/next", None, "cas")).json()["item"]
    assert own["id"] == foreign["id"], "an agent takes from all bins"


async def test_the_desk_shows_of_a_contact_what_the_members_groups_reach(api: World) -> None:
    await calling(api)
    contact = {"contact": {"customerId": "K1", "name": "Kim"}}
    mine = await loan(api, "mine", **contact)
    await api.post(f"/items/{mine['id']}/transfer", {"queue": "calls"})
    await loan(api, "foreign", subject="Foreign matter", **contact)
    services = await api.services()
    item = await item_detail.find(services, mine["id"])
    for key, expected in (("caller", []), ("cas", ["foreign"]), ("t", ["foreign"])):
        asking = await api.platform.identities.caller_of_key(api.keys[key])
        assert asking is not None
        assert [i.capture_id for i in await workbin.of_contact(services, asking, item)] == expected


@pytest.mark.parametrize("decided", [False, True])
async def test_configuration_counts_only_what_waits_in_reach(api: World, *, decided: bool) -> None:
    mine = await loan(api)
    foreign = await api.item("p1", data={"kind": "claim", "line": "property"})
    assert mine["schemaId"] == foreign["schemaId"]
    if decided:
        services = await api.follow(decide=True)
        await until(lambda: services.decider is not None and len(services.decider) == 2)
    await api.add_key("designer", privileges=["prioritization.view"])
    path = f"/schemas/{mine['schemaId']}/impact"
    totals = {k: (await api.post(path, {}, k)).json()["total"] for k in ("t", "lena", "designer")}
    assert totals == {"t": 2, "lena": 1, "designer": 0}
    async with visitor(api, Role.BUSINESS) as lou:
        ages = (await lou.get(f"/configuration/schemas/{mine['schemaId']}/ages")).json()
        caller = await api.platform.identities.caller_of_key(api.keys["lena"])
        assert caller is not None
    assert ages["total"] == 1
    assert waiting_counts(await api.services(), caller) is None


async def test_items_in_hand_are_counted_in_reach(api: World) -> None:
    await api.add_agent("ann", capacity=Capacity(total=7))
    for item in (await loan(api), await claim(api, "c1"), await claim(api, "c2")):
        assert (await api.post(f"/items/{item['id']}/assign", {"agent": "ann"})).status_code == 200
    async with visitor(api, Role.SUPERVISOR) as lou:
        pages = [(await lou.get(path)).text for path in ("/agents", "/agents/ann")]
    for page in pages:
        assert "1 of 7" in page
        assert "3 of 7" not in page
