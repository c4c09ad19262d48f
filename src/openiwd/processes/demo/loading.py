"""Loads the demo at the first start: rule set, people, and history, through the use cases, at instants of the past."""

from __future__ import annotations

import random
from collections.abc import Awaitable
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, Final
from uuid import UUID

import structlog

from openiwd.domain.errors import OpenIwdError
from openiwd.domain.event import Event, EventType
from openiwd.domain.privilege import Caller, system
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.bootstrap import FirstUser
from openiwd.processes.demo import people
from openiwd.processes.demo.history import History
from openiwd.processes.garbage import collection_postponed
from openiwd.processes.wiring import Wiring
from openiwd.usecases import agent as agent_use
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.rule_set import compile_published, publish
from openiwd.usecases.tenant_runtime import TenantRuntime, VirtualClock
from openiwd.usecases.work_item import apply

log = structlog.get_logger()

ITEMS: Final = 2_000
BATCH: Final = 600
SEED: Final = 4024
SETUP: Final = timedelta(hours=2)
"""The tenant was set up so long before its first item."""


class PastIds:
    """UUIDv7 of the instants at which items of the past were made."""

    def __init__(self, clock: VirtualClock, seed: int) -> None:
        self._clock = clock
        self._rng = random.Random(seed)  # noqa: S311 - ids of invented items

    def __call__(self) -> UUID:
        milliseconds = int(self._clock.now().timestamp() * 1000)
        bits = self._rng.getrandbits(74)
        value = milliseconds << 80 | 0x7 << 76 | (bits >> 62) << 64 | 0b10 << 62 | bits & (1 << 62) - 1
        return UUID(int=value)


def demo_rule_set() -> str:
    """The YAML text of the demo's rule set."""
    return files(__package__).joinpath("rule_set.yaml").read_text(encoding="utf-8")


def plan_history(tenant_id: str, now: datetime, items: int = ITEMS) -> History:
    """What happened in the two weeks before `now`; needs no database, so it can be planned while one is made."""
    return History(tenant_id, now, items, SEED)


async def load_demo(
    wiring: Wiring,
    tenant: Tenant,
    password: str,
    *,
    items: int = ITEMS,
    planned: Awaitable[History] | None = None,
) -> list[FirstUser]:
    """Fills the tenant unless it has a rule set, with the planned history or else with one of so many items.

    Returns the logins to be made, all with this password. Leaves the process's own services untouched.
    """
    users = people.first_users(password)
    services = await wiring.platform.services(tenant.id)
    runtime = services.runtime
    async with runtime.store.reading() as reading:
        if await reading.live_version() is not None:
            return users
    caller = system("setup", tenant.id)
    with collection_postponed():
        history = plan_history(tenant.id, runtime.now(), items) if planned is None else await planned
        past = loading_services(services, history.start - SETUP, SEED)
        await load_objects(past, caller)
        await publish(past, wiring.holidays, demo_rule_set(), caller, comment="First rule set")
        await agent_use.save_profiles(past, people.agent_profiles(), caller)
        failed = await load_history(past, history)
    if failed:
        log.warning("some steps of the demo's history failed", count=len(failed), first=str(failed[0]))
    runtime.forget_rules()
    runtime.forget_live_data()
    runtime.committed()
    return users


def loading_services(services: TenantServices, start: datetime, seed: int) -> TenantServices:
    """The same store with a clock that each command moves on, as in a replay."""
    clock = VirtualClock(start)
    runtime = TenantRuntime(services.runtime.store, clock, PastIds(clock, seed), compile_published)
    return TenantServices(runtime, services.process_id)


async def load_objects(services: TenantServices, caller: Caller) -> None:
    """Skills, groups, capture points and the lookup table."""
    objects: list[tuple[str, dict[str, Any]]] = [
        *(("skill", {"id": k, "name": name}) for k, name in people.SKILLS.items()),
        *(("agent_group", {"id": k, "name": name}) for k, name in people.GROUPS.items()),
        *(("capture_point", {"id": k, "name": name}) for k, name in people.CAPTURE_POINTS.items()),
        (
            "lookup_table",
            {
                "id": "regions",
                "name": "Regions by postcode area",
                "rows": {
                    area: {"region": r, "office": office} for area, (r, office) in people.REGIONS.items()
                },
            },
        ),
    ]
    now = services.runtime.now()
    async with services.runtime.store.writing() as tx:
        for kind, body in objects:
            await tx.save_object(kind, body, revision=None)
        events = [
            Event(
                type=EventType.CONFIGURATION_CHANGED, at=now, actor=caller.actor, subject_id=str(body["id"]),
                body={"kind": kind, "id": body["id"]},
            )
            for kind, body in objects
        ]  # fmt: skip
        await tx.append_events(events)


async def load_history(services: TenantServices, history: History) -> list[OpenIwdError]:
    """Runs the plan in order of time, many commands to a transaction; what failed."""
    failed: list[OpenIwdError] = []
    commands = history.commands
    for start in range(0, len(commands), BATCH):
        results = await apply(services.runtime, commands[start : start + BATCH])
        failed.extend(result for result in results if isinstance(result, OpenIwdError))
    return failed
