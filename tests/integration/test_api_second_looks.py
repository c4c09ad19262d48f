"""What a second look at privileges, tokens and background runs has found: each was possible once."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from openiwd.domain.errors import UnavailableError
from openiwd.domain.privilege import Role
from openiwd.usecases import bulk, bulk_run
from tests.factories.api import World, problem, raw
from tests.factories.tenant import caller


async def test_who_may_only_create_changes_nothing_that_exists(api: World) -> None:
    await api.add_key("source", privileges=["workitems.create"])
    item = await api.item("c1", subject="as it was")
    answer = await api.post("/items?onDuplicate=update", raw("c1", subject="taken over"), "source")
    problem(answer, 403)
    batch = await api.post("/items/batch?onDuplicate=update", [raw("c1", subject="taken over")], "source")
    assert batch.json()["results"][0]["error"]["code"] == "forbidden", batch.text
    assert (await api.get(f"/items/{item['id']}")).json()["subject"] == "as it was"


async def test_a_link_that_is_there_tells_nothing_of_an_item_out_of_reach(api: World) -> None:
    await api.add_access_group("loans", queues=["loans"])
    await api.add_key("lender", Role.SUPERVISOR, access_groups=["loans"])
    claim, loan = await api.item("c1"), await api.item("l1", data={"kind": "loan"})
    link = {"kind": "relatesTo", "item": loan["id"]}
    assert (await api.post(f"/items/{claim['id']}/links", link)).status_code == 200
    answer = await api.post(f"/items/{claim['id']}/links", link, "lender")
    problem(answer, 404)


async def test_a_bulk_run_taken_up_by_two_processes_does_everything_once(api: World) -> None:
    services = await api.services()
    ids = [UUID((await api.item(f"c{n}"))["id"]) for n in range(30)]
    job_id = await bulk.create(services, caller(), bulk.BulkRequest(action="restart", ids=ids))
    async with asyncio.timeout(30):
        while (await bulk.get(services, caller(), job_id)).status == "running":
            ended = await asyncio.gather(
                *(bulk_run.run(services, job_id) for _ in range(2)), return_exceptions=True
            )
            assert all(e is None or isinstance(e, UnavailableError) for e in ended), ended
    async with services.runtime.store.reading() as reading:
        told: list[Any] = [[e.type for e in await reading.history(i)] for i in ids]
    assert told == [["created", "restarted"]] * len(ids)
    assert (await bulk.get(services, caller(), job_id)).done == len(ids)
