"""A process stands by, decides, loses its lease and stands by again; its picture outlives all of it but real errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from openiwd.domain.errors import UnavailableError
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.deciding import DecidingTenant
from openiwd.processes.identity import new_id
from openiwd.processes.loop import forever
from openiwd.processes.wiring import Wiring
from openiwd.usecases.decider import Decider
from openiwd.usecases.picture import BeforeReload, Picture
from openiwd.usecases.platform import Platform, TenantServices
from tests.factories.tenant import stored_rules
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer
from tests.servers.until import until

LONG = 600.0


class Standby:
    """The loop of one process for one tenant; the lease of the process is renewed only when a test says so."""

    def __init__(self, platform: Platform, services: TenantServices) -> None:
        self.platform = platform
        self.services = services
        self.loop = asyncio.get_running_loop().create_task(
            forever("decider", DecidingTenant(platform, services, set()).step)
        )

    async def live(self) -> None:
        await self.platform.control.renew_process(self.platform.process_id, "serve", None, LONG)

    async def die(self) -> None:
        await self.platform.control.end_process(self.platform.process_id)

    async def decides(self) -> Decider:
        await until(lambda: self.services.decider is not None)
        assert self.services.decider is not None
        return self.services.decider


@pytest.fixture
async def standby(postgres_server: PostgresServer, control_database: str) -> AsyncIterator[Standby]:
    database = await postgres_server.create_database(TEMPLATE_TENANT)
    wiring = Wiring(control_database)
    await wiring.control.save_tenant(Tenant(id="t", name="T", database_name=database))
    services = await wiring.platform.services("t")
    async with services.runtime.store.writing() as tx:
        await tx.publish(stored_rules(), expected=None)
    await services.feed.start()
    made = Standby(wiring.platform, services)
    yield made
    made.loop.cancel()
    with suppress(asyncio.CancelledError):
        await made.loop
    await wiring.close()
    await postgres_server.drop_database(database)


async def test_a_lost_lease_is_taken_again_with_the_same_picture(standby: Standby) -> None:
    control, services = standby.platform.control, standby.services
    await until(lambda: services.picture is not None)
    assert services.decider is None, "warm before it has the lease"
    await standby.live()
    first = await standby.decides()
    picture = services.picture

    other = new_id()
    await control.renew_process(other, "serve", None, LONG)
    await standby.die()
    assert await control.take_decider_lease("t", other) is not None
    await until(lambda: services.decider is None)
    assert not standby.loop.done()
    await standby.live()
    await control.end_process(other)
    again = await standby.decides()
    assert again.epoch == first.epoch + 1
    assert (services.picture, services.loads) == (picture, 1)


@pytest.mark.parametrize(
    ("error", "loads"), [(UnavailableError("the database is away"), 1), (KeyError("a bug"), 2)]
)
async def test_a_picture_is_not_trusted_after_an_unexpected_error(
    standby: Standby, error: Exception, loads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await standby.live()
    decider = await standby.decides()

    async def fail(_picture: Picture, _before_reload: BeforeReload) -> None:
        if standby.services.decider is decider:  # whoever follows first: its steps, or the sampler
            raise error

    monkeypatch.setattr(Picture, "follow", fail)
    standby.services.runtime.committed()
    await until(lambda: standby.services.decider not in (None, decider))
    assert standby.services.loads == loads
