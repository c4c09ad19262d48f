"""`openiwd replay --url`: on a server that runs already, in the tenant of the API key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from openiwd.adapters.event_log_file.log import load_plan
from openiwd.domain.privilege import Role, system
from openiwd.domain.replay.rule_set import rule_set_for
from openiwd.ports.tenant_store import Tenant
from openiwd.processes import bootstrap
from openiwd.processes.replay.own_server import TENANT, prepare
from openiwd.processes.serve import Serving
from openiwd.processes.starter import publish_starter
from openiwd.processes.wiring import Wiring
from openiwd.usecases.rule_set import publish_raw
from tests.factories.xes import believable_log, write_xes
from tests.scenario.replaying import PROGRAM

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_xes(tmp_path / "small.xes", believable_log(120, seed=3))


@asynccontextmanager
async def server(control: str, tenant_dsn: str, clock: str) -> AsyncIterator[tuple[Wiring, Tenant, Serving]]:
    """A server with one tenant, whose database is there already."""
    wiring = Wiring(control)
    tenant = Tenant(
        id=TENANT.id,
        name="Test",
        database_name=unquote(urlsplit(tenant_dsn).path[1:]),
        clock=clock,
        pushes=False,
    )
    await bootstrap.ensure_tenant(wiring, tenant)
    serving = Serving(wiring, host="127.0.0.1", port=0, metrics_port=None)
    try:
        yield wiring, tenant, serving
    finally:
        await serving.stop()


async def replayed_at(log: Path, url: str, key: str) -> tuple[int, str, str]:
    """Exit code, output, errors."""
    program, *arguments = (*PROGRAM, "replay", str(log), "--url", url, "--api-key", key, "--json")
    run = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await run.communicate()
    assert run.returncode is not None
    return run.returncode, out.decode(), err.decode()


async def test_a_prepared_tenant_with_a_virtual_clock(
    control_database: str, tenant_database: str, log: Path
) -> None:
    plan = load_plan(log)
    async with server(control_database, tenant_database, "virtual") as (wiring, tenant, serving):
        await prepare(wiring, plan, log.name)
        await serving.start()
        key = await bootstrap.make_api_key(wiring, tenant.id, "test", Role.ADMINISTRATOR)
        for _ in range(2):  # the second time, there is nothing left to do
            code, out, err = await replayed_at(log, serving.url, key)
            assert code == 0, err
            summary = json.loads(out)
            assert (summary["created"], summary["assigned"]) == (plan.figures.created, plan.figures.assigned)
        code, _, err = await replayed_at(log, serving.url, "wrong")
        assert code == 1
        assert "API key" in err


async def test_a_tenant_in_real_time_is_refused(
    control_database: str, tenant_database: str, log: Path
) -> None:
    async with server(control_database, tenant_database, "real") as (wiring, tenant, serving):
        await publish_starter(wiring, tenant)
        await serving.start()
        key = await bootstrap.make_api_key(wiring, tenant.id, "test", Role.ADMINISTRATOR)
        code, _, err = await replayed_at(log, serving.url, key)
        assert code == 1
        assert "the tenant's clock is real" in err
        services = await wiring.platform.services(tenant.id)
        async with services.runtime.store.reading() as reading:
            assert await reading.status_counts() == {}
            assert await reading.checkpoint("replay") is None


async def test_a_tenant_whose_rules_do_not_take_the_items_is_refused(
    control_database: str, tenant_database: str, log: Path
) -> None:
    plan = load_plan(log)
    narrow = rule_set_for("Narrow", ["Mail"], plan.sla)
    narrow["categories"][0]["when"] = {"attribute": "channel", "operator": "eq", "value": "mail"}
    async with server(control_database, tenant_database, "virtual") as (wiring, tenant, serving):
        await prepare(wiring, plan, log.name)
        services = await wiring.platform.services(tenant.id)
        await publish_raw(services, wiring.holidays, narrow, system("test", tenant.id))
        await serving.start()
        key = await bootstrap.make_api_key(wiring, tenant.id, "test", Role.ADMINISTRATOR)
        code, _, err = await replayed_at(log, serving.url, key)
        assert code == 1
        assert "categories named like the log's" in " ".join(err.split())
        async with services.runtime.store.reading() as reading:
            assert await reading.status_counts() == {}


async def test_a_tenant_whose_clock_is_past_the_log_is_refused(
    control_database: str, tenant_database: str, tmp_path: Path, log: Path
) -> None:
    plan = load_plan(log)
    async with server(control_database, tenant_database, "virtual") as (wiring, tenant, serving):
        await prepare(wiring, plan, log.name)
        services = await wiring.platform.services(tenant.id)
        assert services.runtime.virtual is not None
        services.runtime.virtual.advance(plan.ends_at)
        await serving.start()
        key = await bootstrap.make_api_key(wiring, tenant.id, "test", Role.ADMINISTRATOR)
        code, _, err = await replayed_at(log, serving.url, key)
        assert code == 1
        assert "not past the log's beginning" in " ".join(err.split())
