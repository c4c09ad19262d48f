"""A tenant's loops from its opening to its end; the decider's lease: taken, lost, taken again, given up."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from openiwd.ports.tenant_store import Cursor
from openiwd.processes.background import LEASE_SECONDS, Background
from openiwd.processes.identity import new_id
from tests.factories.api import World
from tests.servers.until import until


@pytest.fixture
async def background(api: World) -> AsyncIterator[Background]:
    made = Background(api.platform, "test", "http://here", decides=True)
    await made.start()
    yield made
    await made.stop()


async def test_who_has_lost_the_lease_takes_it_again_when_its_turn_comes(
    api: World, background: Background
) -> None:
    services, control, other = await api.services(), api.wiring.control, new_id()
    await until(lambda: services.decider is not None)

    async def taken() -> bool:
        """As if this process had been frozen for longer than its lease."""
        await control.renew_process(other, "test", None, LEASE_SECONDS * 100)
        await control.end_process(api.platform.process_id)
        return await control.take_decider_lease("t", other) is not None

    await until(taken)
    await until(lambda: services.decider is None)
    await control.end_process(other)
    await until(lambda: services.decider is not None)


async def test_who_stops_deciding_frees_the_lease_at_once(api: World, background: Background) -> None:
    services, control = await api.services(), api.wiring.control
    await until(lambda: services.decider is not None)
    holder = await control.deciding_process("t")
    assert holder is not None
    assert (holder.id, holder.address) == (api.platform.process_id, "http://here")
    await background.stop_deciding()
    assert services.decider is None
    freed = await control.deciding_process("t")
    assert freed is not None
    assert freed.id is None
    assert api.platform.process_id in await control.live_processes(), "it goes on serving"
    other = new_id()
    await control.renew_process(other, "test", None, LEASE_SECONDS)
    assert await control.take_decider_lease("t", other) is not None


async def test_records_are_counted_however_they_came(api: World, background: Background) -> None:
    await until(lambda: "t" in background.running)
    points = {
        "calls": {"kind": "rest"},
        "posts": {"kind": "webhook", "secret": "known to both", "check": "bearer"},
    }
    for name, source in points.items():
        made = await api.call("PUT", f"/capture-points/{name}", json={"name": name, "source": source})
        assert made.status_code == 201, made.text
    records = [{"captureId": "a"}, {"captureId": "b"}, {"subject": "names no item"}, {"message": "ping"}]
    await api.post("/capture-points/calls/messages", records)
    bearer = {"authorization": "Bearer known to both"}
    await api.call("POST", "/capture/posts", None, json=records, headers=bearer)
    text = (await api.get("/metrics", None)).text
    for name in points:
        for outcome, count in {"created": 2, "error": 1, "pong": 1}.items():
            told = f'iwd_capture_records_total{{capture_point="{name}",outcome="{outcome}",tenant="t"}} {count}.0'
            assert told in text


def loops() -> Counter[str]:
    """By name, those that run now."""
    return Counter(t.get_name() for t in asyncio.all_tasks())


OWN = ("feed", "presence", "old emails", "doctor", "shadow", "webhooks", "decider", "routing", "capture")


def of_tenants(found: Counter[str]) -> set[int]:
    return {found[name] for name in OWN}


@pytest.fixture
async def whole(api: World) -> AsyncIterator[Background]:
    """All that a process can do."""
    made = Background(
        api.platform, "test", "http://here", decides=True, captures=True, sends=True,
        holidays=api.wiring.holidays,
    )  # fmt: skip
    await made.start()
    yield made
    await made.stop()


async def test_each_loop_runs_once_for_each_tenant_from_its_opening_to_its_end(
    api: World, whole: Background
) -> None:
    assert of_tenants(loops()) == {1}
    later = await api.add_tenant("later")
    assert whole.running.keys() == {"t", "later"}
    assert of_tenants(loops()) == {2}
    assert await whole.open(later.tenant) is later
    assert of_tenants(loops()) == {2}
    await api.wiring.control.save_tenant(replace(later.tenant, active=False))
    await until(lambda: "later" not in whole.running)
    await until(lambda: of_tenants(loops()) == {1})
    assert later.feed.is_over, "streams end: who is in one asks again, and is refused"


async def test_who_is_shut_and_opened_at_once_has_loops_of_its_own(api: World, whole: Background) -> None:
    before = await api.services()
    api.platform.close("t")
    after = await api.services()
    assert after is not before
    assert whole.running["t"] is after
    await until(lambda: of_tenants(loops()) == {1})
    await until(lambda: after.decider is not None)
    assert before.decider is None


async def test_the_deciding_process_tells_the_backlog_once_in_a_quarter_of_an_hour(
    api: World, background: Background
) -> None:
    services = await api.services()

    async def samples() -> list[str]:
        async with services.runtime.store.reading() as reading:
            return [e.type for e in await reading.events(Cursor(0, 0), 1_000) if e.type == "backlogSampled"]

    async def told() -> bool:
        return bool(await samples())

    await until(told)
