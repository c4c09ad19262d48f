"""Where there are many tenants, those that nobody asks for rest; a request wakes them, and what falls due."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openiwd.domain.errors import UnavailableError
from openiwd.ports.tenant_store import Tenant
from openiwd.processes import background
from openiwd.processes.background import Background
from openiwd.processes.loop import ended
from openiwd.processes.tenant_watch import HORIZON_SECONDS, VISIT_SECONDS, TenantWatch
from tests.factories.api import World, problem
from tests.servers.until import until

NAMES = ["t", "u", "v"]
CLAIM = {"kind": "claim"}


class Awake:
    """A process with three tenants of which one may be awake; time passes when it is told to."""

    def __init__(self, api: World) -> None:
        self.api = api
        self.time = 1_000.0
        self._sent = 0
        self.background = Background(api.platform, "serve", None, decides=True, awake_tenants=1)
        self.watch = TenantWatch(
            api.platform, self.background, wakes_others=True, awake_at_most=1, monotonic=lambda: self.time
        )

    @property
    def names(self) -> list[str]:
        return sorted(self.background.running)

    async def after(self, seconds: float, steps: int = 1) -> list[str]:
        self.time += seconds
        for _ in range(steps):
            await self.watch.step()
        return self.names

    def loops(self, name: str) -> set[str]:
        """What runs for a tenant beside requests."""
        found = self.background._loops[name]
        return {task.get_name() for task in (*found.own, *found.deciding, *found.capture)}

    async def use(self, name: str, **item: Any) -> None:
        """Hands the tenant an item."""
        self._sent += 1
        answer = await self.api.post("/items", {"captureId": f"c{self._sent}", "data": CLAIM, **item}, name)
        assert answer.status_code == 201, answer.text


@pytest.fixture
async def awake(api: World) -> AsyncIterator[Awake]:
    for name in NAMES:
        await (api.add_tenant(name) if name != "t" else api.services())
    for name in NAMES:
        api.platform.close(name)
    found = Awake(api)
    await found.background.start()
    await ended(found.background._watching)  # the test's own watch is in its place
    await found.watch.start()
    yield found
    await found.background.stop()


async def test_of_a_crowd_the_longest_unused_rest_at_once(api: World, awake: Awake) -> None:
    for name in NAMES:
        await awake.use(name)
    assert await awake.after(0) == NAMES  # just used: perhaps still being answered
    await awake.use("v")
    assert await awake.after(1) == ["u", "v"]
    assert awake.watch.resting == ["t"]


async def test_a_crowd_thins_out_though_no_connection_is_left(
    api: World, awake: Awake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        await awake.use(name)
    await awake.after(0)
    awake.time += 1

    async def away(_: object) -> list[Tenant]:
        raise UnavailableError("All database connections are in use.")

    monkeypatch.setattr(type(api.platform.control), "tenants", away)
    with pytest.raises(UnavailableError):
        await awake.watch.step()
    assert len(awake.names) == 2


async def test_who_is_not_asked_for_a_minute_rests_until_no_more_are_awake_than_may(
    api: World, awake: Awake
) -> None:
    for name in NAMES[:2]:
        await awake.use(name)
    assert await awake.after(0) == ["t", "u"]
    await awake.use("u")
    assert await awake.after(59) == ["t", "u"]
    assert await awake.after(1) == ["u"]
    assert await awake.after(600) == ["u"]


async def test_a_request_wakes_a_tenant_and_is_answered(api: World, awake: Awake) -> None:
    for name in NAMES:
        await awake.use(name)
    await awake.after(0)
    await awake.after(1)
    (resting,) = awake.watch.resting
    before = (await api.get(f"/items?captureId=c{NAMES.index(resting) + 1}", resting)).json()
    assert before["status"] == "queued"
    assert resting in awake.names


async def test_who_was_woken_answers_before_its_loops_begin_and_they_begin_when_needed(
    api: World, awake: Awake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "SETTLE_SECONDS", 1e6)
    await api.add_agent("ann")
    await awake.use("t")
    await awake.use("u")
    assert awake.loops("t") == awake.loops("u") == {"feed"}
    problem(await api.post("/agents/me/next", key="ann"), 503, "noDecider")
    services = awake.background.running["t"]
    await until(lambda: services.decider is not None)
    assert {"decider", "presence", "doctor"} <= awake.loops("t")
    assert awake.loops("u") == {"feed"}


async def test_the_loops_of_a_woken_tenant_begin_after_a_while(
    api: World, awake: Awake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "SETTLE_SECONDS", 0.05)
    await awake.use("u")
    services = awake.background.running["u"]
    await until(lambda: services.decider is not None)


async def test_no_more_than_may_be_awake_have_all_their_loops_unless_they_wait_for_long(
    api: World, awake: Awake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "SETTLE_SECONDS", 0.02)
    monkeypatch.setattr(background, "SETTLE_SECONDS_AT_MOST", 1e6)
    for name in NAMES[:2]:
        await awake.use(name)
    running = awake.background.running
    await until(lambda: any(services.decider for services in running.values()))
    (first,) = [name for name in NAMES[:2] if awake.loops(name) != {"feed"}]
    (second,) = {*NAMES[:2]} - {first}
    await awake.background.close(first)
    services = running[second]
    await until(lambda: services.decider is not None)
    monkeypatch.setattr(background, "SETTLE_SECONDS_AT_MOST", 0.02)
    await awake.use("v")
    third = awake.background.running["v"]
    await until(lambda: third.decider is not None)


async def test_one_that_rests_before_its_loops_begin_never_begins_them(
    api: World, awake: Awake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "SETTLE_SECONDS", 1e6)
    for name in NAMES:
        await awake.use(name)
    begun = dict(awake.background._loops)
    await awake.after(0)
    await awake.after(1)
    (resting,) = awake.watch.resting
    assert all(task.done() for task in begun[resting].settling)
    assert {task.get_name() for task in begun[resting].own} == {"feed"}


async def test_what_falls_due_keeps_awake(api: World, awake: Awake) -> None:
    for name in NAMES:
        await awake.use(name)
    soon = datetime.now(UTC) + timedelta(seconds=HORIZON_SECONDS / 2)
    await awake.use("u", captureId="soon", activationDateTime=soon.isoformat())
    await awake.after(0)
    assert await awake.after(1_000) == ["u"]


async def test_what_comes_due_wakes_at_a_visit(api: World, awake: Awake) -> None:
    for name in NAMES:
        await awake.use(name)
    later = datetime.now(UTC) + timedelta(hours=1)
    await awake.use("u", captureId="later", activationDateTime=later.isoformat())
    await awake.after(0)
    await awake.use("v")
    await awake.after(0)
    assert await awake.after(600) == ["v"]
    assert await awake.after(VISIT_SECONDS, steps=4) == ["v"]
    (tenant,) = [t for t in await api.platform.control.tenants() if t.id == "u"]
    resting = await api.platform.apart(tenant)
    async with resting.runtime.store.writing() as tx:
        await tx._connection.execute(  # type: ignore[attr-defined]
            "UPDATE item SET activation_at = now() + interval '90 seconds' WHERE activation_at IS NOT NULL"
        )
    assert "u" in await awake.after(VISIT_SECONDS, steps=4)
    services = awake.background.running["u"]
    await until(lambda: services.decider is not None)
