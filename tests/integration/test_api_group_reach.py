"""Who belongs to an access group learns nothing of the items of others: bulk runs, links, workbins, counts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from openiwd.domain.privilege import Role
from tests.factories.api import World, problem


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


async def bulk_run(api: World, key: str, action: str, ids: list[str], **fields: Any) -> str:
    """The address of a run that is over."""
    started = await api.post("/items/bulk", {"action": action, "ids": ids, **fields}, key)
    assert started.status_code == 202, started.text
    return await over(api, started.headers["location"], key)


async def over(api: World, location: str, key: str) -> str:
    async with asyncio.timeout(30):
        while (await api.get(location, key)).json()["status"] == "running":
            await asyncio.sleep(0)
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
