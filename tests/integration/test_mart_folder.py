"""Which tenants' marts one process loads: all that are active, each once, with a key of its own; as they change."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from openiwd.ports.tenant_store import Tenant
from openiwd.processes import mart_folder
from openiwd.processes.mart import INTERVAL_SECONDS
from openiwd.processes.mart_folder import MANY_SECONDS, PRIVILEGES, MartFolder, mart_key
from openiwd.usecases.mart_run import MartSource
from openiwd.usecases.user import hash_secret
from tests.factories.api import World


class Loop:
    """Stands for the loop of one mart."""

    begun: list[Loop]

    def __init__(self, _mart: Any, source: MartSource, _dsn: Any, database: str, *, interval: float) -> None:
        self.source, self.database, self.interval = source, database, interval
        self.state = "new"
        self.begun.append(self)

    def start(self) -> None:
        self.state = "started"

    async def stop(self) -> None:
        self.state = "stopped"
        await self.source.feed.close()


@pytest.fixture
def loops(monkeypatch: pytest.MonkeyPatch) -> list[Loop]:
    Loop.begun = []
    monkeypatch.setattr(mart_folder, "MartLoop", Loop)
    return Loop.begun


async def steps(folder: MartFolder, count: int) -> None:
    for _ in range(count):
        await folder.step()


def running(loops: list[Loop]) -> dict[str, Loop]:
    return {loop.source.tenant_id: loop for loop in loops if loop.state == "started"}


async def test_every_active_tenant_has_its_mart_and_a_key_for_it(api: World, loops: list[Loop]) -> None:
    control = api.wiring.control
    other = Tenant(id="other", name="other", database_name="iwd-other", time_zone="Europe/Berlin")
    await control.save_tenant(other)
    await control.save_tenant(Tenant(id="replay", name="r", database_name="iwd-replay", clock="virtual"))
    folder = MartFolder(api.wiring, "http://iwd", "secret of the folder")
    await steps(folder, 4)
    assert sorted(running(loops)) == sorted(folder.tenants) == ["other", "t"]
    assert running(loops)["other"].source.time_zone == "Europe/Berlin"
    assert running(loops)["other"].database == "iwddm-other"
    assert {loop.interval for loop in loops} == {INTERVAL_SECONDS}
    key = await control.api_key(hash_secret(mart_key("secret of the folder", "other")))
    assert key is not None
    assert (key.tenant_id, key.role, sorted(key.privileges)) == ("other", None, sorted(PRIVILEGES))

    again = MartFolder(api.wiring, "http://iwd", "secret of the folder")
    await steps(again, 2)
    assert len(await control.api_keys("other")) == 1, "the same key at the next start"

    await control.save_tenant(replace(other, time_zone="Asia/Kathmandu"))
    await steps(folder, 1)
    assert loops[-1].source.time_zone == "Asia/Kathmandu"
    await control.save_tenant(replace(other, active=False))
    await steps(folder, 1)
    assert folder.tenants == ["t"]
    await folder.stop()
    await again.stop()
    assert running(loops) == {}


async def test_where_many_tenants_share_a_folder_their_marts_let_them_rest(
    api: World, loops: list[Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mart_folder, "AWAKE_AT_MOST", 1)
    folder = MartFolder(api.wiring, "http://iwd", "secret")
    await steps(folder, 1)
    assert [loop.interval for loop in loops] == [INTERVAL_SECONDS]
    await api.wiring.control.save_tenant(Tenant(id="other", name="other", database_name="iwd-other"))
    await steps(folder, 2)
    assert {loop.interval for loop in running(loops).values()} == {MANY_SECONDS}
    assert len(running(loops)) == 2
    await folder.stop()
