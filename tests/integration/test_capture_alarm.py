"""The alarm of a capture point that nobody reads or whose source is away: raised after minutes, ended by reading."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from openiwd.domain.alarm import Alarm, AlarmKind, AlarmSetting
from openiwd.usecases import alarm as alarm_use
from openiwd.usecases.alarm import AlarmFilter
from openiwd.usecases.alarm_watch import watch
from openiwd.usecases.platform import TenantServices
from tests.factories.api import World
from tests.factories.capture import put_point
from tests.factories.tenant import MovedClock, caller

PROCESS = uuid4()
FILES = {"kind": "file", "folder": "in"}


@pytest.fixture
def clock() -> MovedClock:
    """Beside the database's own clock, which leases go by."""
    return MovedClock(datetime.now(UTC))


@pytest.fixture
async def services(api: World, clock: MovedClock) -> TenantServices:
    """The API's tenant, as of a clock that is moved."""
    made = await api.services()
    made.runtime.clock = clock
    return made


async def looked(services: TenantServices) -> list[Alarm]:
    await watch(services)
    chosen = AlarmFilter(kinds=[AlarmKind.CAPTURE_POINT_DOWN])
    return (await alarm_use.alarms(services, caller(), chosen)).alarms


async def tell(services: TenantServices, process: UUID = PROCESS, **status: Any) -> None:
    """What a process that has the lease tells of its reader."""
    async with services.runtime.store.writing() as tx:
        held = await tx.take_capture_leases(process, "host", {"files": status}, 600)
    assert held == {"files"}


async def test_a_capture_point_that_nobody_reads_raises_an_alarm_until_somebody_does(
    api: World, services: TenantServices, clock: MovedClock
) -> None:
    await put_point(api, "files", source=FILES)
    await put_point(api, "portal", source={"kind": "rest"})
    assert await looked(services) == []
    clock.move(minutes=6)
    (alarm,) = await looked(services)
    assert (alarm.object_id, alarm.object_name, alarm.detail["error"]) == ("files", "files", "")
    assert await looked(services) == [alarm], "once per cause"
    await tell(services, state="idle")
    assert await looked(services) == []


async def test_a_source_that_is_away_for_long_is_told_with_its_error(
    api: World, services: TenantServices, clock: MovedClock
) -> None:
    await put_point(api, "files", source=FILES)
    since = clock.now().isoformat()
    await tell(services, state="away", awaySince=since, lastError="no route to host")
    clock.move(minutes=4)
    assert await looked(services) == [], "a short while is no cause yet"
    clock.move(minutes=2)
    (alarm,) = await looked(services)
    assert alarm.detail["error"] == "no route to host"
    assert alarm.since.isoformat() == since
    await tell(services, state="reading")
    assert await looked(services) == []


async def test_a_disabled_one_raises_none_and_enabling_begins_anew(
    api: World, services: TenantServices, clock: MovedClock
) -> None:
    await put_point(api, "files", source=FILES)
    clock.move(minutes=6)
    assert len(await looked(services)) == 1
    await put_point(api, "files", source=FILES, enabled=False)
    assert await looked(services) == []
    clock.at = datetime.now(UTC)
    await put_point(api, "files", source=FILES)
    assert await looked(services) == [], "it counts from now on"
    clock.move(minutes=6)
    assert len(await looked(services)) == 1


async def test_it_can_be_turned_off(api: World, services: TenantServices, clock: MovedClock) -> None:
    await put_point(api, "files", source=FILES)
    clock.move(minutes=6)
    assert len(await looked(services)) == 1
    body = AlarmSetting(off=[AlarmKind.CAPTURE_POINT_DOWN])
    async with services.runtime.store.writing() as tx:
        await tx.save_alarm_setting({"off": list(body.off)}, None)
    assert await looked(services) == []
