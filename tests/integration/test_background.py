"""The decider's lease in the life of a process: taken, lost to another one, taken again, given up."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

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
