"""The server that a replay starts for itself: embedded PostgreSQL, API and UI, and a tenant with a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.domain.agent import AgentProfile, Capacity
from openiwd.domain.errors import ConflictError, InvalidInputError
from openiwd.domain.event import Event, EventType
from openiwd.domain.privilege import Role, system
from openiwd.domain.replay.plan import Plan
from openiwd.domain.replay.rule_set import rule_set_for
from openiwd.ports.tenant_store import Tenant
from openiwd.processes import bootstrap
from openiwd.processes.bootstrap import Credentials, FirstUser
from openiwd.processes.serve import Serving
from openiwd.processes.wiring import Wiring
from openiwd.usecases import agent as agent_use
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.rule_set import publish_raw

TENANT: Final = Tenant(id="replay", name="Replay", database_name="iwd-replay", clock="virtual", pushes=False)
MAX_AGENT_ID: Final = 64


@asynccontextmanager
async def own_server(
    data_dir: Path, plan: Plan, log_name: str, step: Callable[[str], None]
) -> AsyncIterator[tuple[str, str]]:
    """Runs the server on the folder's data for the length of the block; its address and API key."""
    postgres = EmbeddedPostgres(data_dir)
    step("starting PostgreSQL")
    await postgres.start()
    try:
        step("bringing the databases up to date")
        wiring = Wiring(await bootstrap.prepare_databases(postgres.dsn(), TENANT))
        serving = Serving(wiring, host="127.0.0.1", port=0, metrics_port=None)
        try:
            await _refuse_others_data(wiring, data_dir)
            await bootstrap.ensure_tenant(wiring, TENANT)
            credentials = await _credentials(wiring, data_dir)
            step("preparing the tenant")
            await prepare(wiring, plan, log_name)
            await serving.start()
            yield serving.url, credentials.api_key
        finally:
            await serving.stop()
    finally:
        step("stopping PostgreSQL")
        await asyncio.shield(postgres.stop())


async def _refuse_others_data(wiring: Wiring, data_dir: Path) -> None:
    if any(tenant.id != TENANT.id for tenant in await wiring.control.tenants()):
        raise ConflictError(
            f"{data_dir} holds the data of another OpenIWD server",
            code="othersData",
            field="--data",
            hint="choose a folder for this replay alone",
        )


async def _credentials(wiring: Wiring, data_dir: Path) -> Credentials:
    """Key and login of the first run; the same ones again later."""
    credentials = bootstrap.read_credentials(data_dir)
    if credentials is None:
        role = Role.ADMINISTRATOR
        password = bootstrap.new_password()
        admin = FirstUser(login="admin", password=password, role=role.value, name="Administrator")
        api_key = await bootstrap.make_api_key(wiring, TENANT.id, "replay", role)
        credentials = Credentials(api_key=api_key, users=[admin])
        bootstrap.write_credentials(data_dir, credentials)
    # After the file: a run that was killed in between has not lost the password of a login that exists.
    await bootstrap.make_users(wiring, TENANT, credentials.users)
    return credentials


async def prepare(wiring: Wiring, plan: Plan, log_name: str) -> None:
    """Rule set, agents, hold reasons and capture point of a tenant that has none yet. Every step can be repeated."""
    services = await wiring.platform.services(TENANT.id)
    clock = services.runtime.virtual
    if clock is not None and not clock.started:
        clock.advance(plan.starts_at)
    async with services.runtime.store.reading() as reading:
        if await reading.live_version() is not None:
            return
    await _save_objects(services, plan)
    await _save_agents(services, plan)
    # Last: a rule set says that all the rest is there.
    raw = rule_set_for(f"Replay of {log_name}", plan.categories, plan.sla)
    await publish_raw(
        services, wiring.holidays, raw, system("replay", TENANT.id), comment=f"Categories of {log_name}"
    )


async def _save_agents(services: TenantServices, plan: Plan) -> None:
    for name in plan.agents:
        if len(name) > MAX_AGENT_ID:
            raise InvalidInputError(
                f"the log's resource '{name[:MAX_AGENT_ID]}…' is longer than {MAX_AGENT_ID} characters",
                field="agent",
            )
    capacity = Capacity(total=max(1, plan.figures.most_assigned_at_once))
    profiles = [AgentProfile(id=name, name=name, capacity=capacity) for name in plan.agents]
    if profiles:
        await agent_use.save_profiles(services, profiles, system("replay", TENANT.id))


async def _save_objects(services: TenantServices, plan: Plan) -> None:
    objects = [("hold_reason", {"id": reason, "name": reason}) for reason in plan.hold_reasons]
    objects.append(("capture_point", {"id": "replay", "name": "Replay of an event log"}))
    runtime = services.runtime
    async with runtime.store.writing() as tx:
        for kind, body in objects:
            await tx.save_object(kind, body, revision=None)
        events = [
            Event(
                type=EventType.CONFIGURATION_CHANGED,
                at=runtime.now(),
                actor="system:replay",
                subject_id=body["id"],
                body={"kind": kind},
            )
            for kind, body in objects
        ]
        await tx.append_events(events)
    runtime.forget_live_data()
    runtime.committed()
