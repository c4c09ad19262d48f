"""Where there are many tenants, those that nobody asks for rest; a request wakes them, and what falls due."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openiwd.processes.background import Background
from openiwd.processes.tenant_watch import HORIZON_SECONDS, VISIT_SECONDS, TenantWatch
from tests.factories.api import World

NAMES = ["t", "u", "v"]
CLAIM = {"kind": "claim"}


class Awake:
    """A process with three tenants of which one may be awake; time passes when it is told to."""

    def __init__(self, api: World) -> None:
        self.api = api
        self.time = 1_000.0
        self.background = Background(api.platform, "serve", None, decides=True)
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

    async def use(self, name: str, **item: Any) -> None:
        """Hands the tenant an item."""
        answer = await self.api.post("/items", {"captureId": f"{name}-{self.time}", "data": CLAIM, **item}, name)
        assert answer.status_code == 201, answer.text


@pytest.fixture
async def awake(api: World) -> AsyncIterator[Awake]:
    for name in NAMES:
        await (api.add_tenant(name) if name != "t" else api.services())
    for name in NAMES:
        api.platform.close(name)
    found = Awake(api)
    await found.background.start()
    yield found
    await found.background.stop()


async def test_the_more_are_awake_the_sooner_they_rest(api: World, awake: Awake) -> None:
    for name in NAMES:
        await awake.use(name)
    assert await awake.after(0) == NAMES
    # 60 s by the square of three times as many as may be awake.
    assert await awake.after(6) == NAMES
    await awake.use("v")
    await awake.after(0)
    # Those without a use go, longest unused first, until no more are awake than may be.
    assert await awake.after(1) == ["v"]
    assert sorted(awake.watch.resting) == ["t", "u"]
    assert await awake.after(600) == ["v"]


async def test_one_more_than_may_be_awake_has_its_minute(api: World, awake: Awake) -> None:
    for name in NAMES:
        await awake.use(name)
    await awake.after(0)
    (last,) = await awake.after(7)
    other = next(name for name in NAMES if name != last)
    await awake.use(other)
    assert await awake.after(0) == sorted([last, other])
    # 60 s by the square of two; the first of them has stood longer.
    assert await awake.after(14) == [other]


async def test_a_request_wakes_a_tenant_and_is_answered(api: World, awake: Awake) -> None:
    for name in NAMES:
        await awake.use(name)
    await awake.after(0)
    await awake.after(7)
    resting = awake.watch.resting[0]
    before = (await api.get("/items?captureId=" + f"{resting}-1000.0", resting)).json()
    assert before["status"] == "queued"
    assert resting in awake.names


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
    await awake.after(6)
    await awake.use("v")
    await awake.after(0)
    assert await awake.after(1) == ["v"]
    assert await awake.after(VISIT_SECONDS, steps=4) == ["v"]
    (tenant,) = [t for t in await api.platform.control.tenants() if t.id == "u"]
    resting = await api.platform.apart(tenant)
    async with resting.runtime.store.writing() as tx:
        await tx._connection.execute(  # type: ignore[attr-defined]
            "UPDATE item SET activation_at = now() + interval '90 seconds' WHERE activation_at IS NOT NULL"
        )
    assert "u" in await awake.after(VISIT_SECONDS, steps=4)
