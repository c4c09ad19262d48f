"""`openiwd doctor` as a command: by a running server, by the databases alone, and with nobody to ask."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import uvicorn

from openiwd.domain.privilege import Role
from openiwd.usecases.doctor import Report
from tests.factories.api import World
from tests.factories.stored_item import store_items, stored_item
from tests.servers.until import until

COMMAND = Path(sys.executable).with_name("openiwd")


@pytest.fixture
async def url(api: World) -> AsyncIterator[str]:
    config = uvicorn.Config(api.api, port=0, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await running


async def doctor(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, output, complaints."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OPENIWD_")}
    process = await asyncio.create_subprocess_exec(
        str(COMMAND), "doctor", *arguments,
        env={**kept, **environment}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def decided(api: World) -> None:
    process = (await api.services()).process_id
    await api.wiring.control.renew_process(process, "serve", None, 600.0)
    await api.wiring.control.take_decider_lease("t", process)


async def test_by_a_server(api: World, url: str) -> None:
    await decided(api)
    await api.add_agent("amara")
    code, out, err = await doctor("--url", url, "--key", api.keys["t"])
    assert (code, err) == (1, ""), out
    assert "0 critical, 1 warning" in out
    assert "Some items reach no category" in out
    await api.item("c1", data={"kind": "claim", "line": "motor"})
    api.platform.doctor._latest.clear()
    code, out, _ = await doctor("--url", url, "--key", api.keys["t"], "--json")
    (report,) = msgspec.json.decode(out, type=list[Report])
    assert code == 1, [f.what for f in report.findings]
    assert "nobodyNow" in {f.code for f in report.findings}
    await api.add_key("agent", Role.AGENT)
    code, out, err = await doctor(OPENIWD_URL=url, OPENIWD_API_KEY=api.keys["agent"])
    assert (code, out) == (2, "")
    assert "403" in err


async def test_by_the_databases_alone(api: World) -> None:
    await decided(api)
    dsn = api.wiring.control_dsn
    code, out, err = await doctor(OPENIWD_DATABASE_URL=dsn)
    assert code == 2, (out, err)
    assert "No active agent can take items of Claims/Motor" in out
    await api.add_agent("amara")
    services = await api.services()
    late = stored_item("late", queue_id="claims", due_at=services.runtime.now() - timedelta(hours=1))
    await store_items(services.runtime.store, [late])
    code, out, _ = await doctor("--json", "--tenant", "t", OPENIWD_DATABASE_URL=dsn)
    (report,) = msgspec.json.decode(out, type=list[Report])
    assert (code, report.tenant) == (1, "t"), [f.what for f in report.findings]
    assert "overdueWaiting" in {f.code for f in report.findings}
    code, _, err = await doctor("--tenant", "none", OPENIWD_DATABASE_URL=dsn)
    assert code == 2
    assert "there is no active tenant 'none'" in err


async def test_with_nobody_to_ask(tmp_path: Path) -> None:
    code, out, err = await doctor(OPENIWD_DATA_DIR=str(tmp_path / "empty"))
    assert (code, out) == (2, "")
    assert "neither a server to ask nor a database" in err
    code, _, err = await doctor("--url", "http://127.0.0.1:9", "--key", "k")
    assert code == 2
    assert "does not answer" in err
    code, _, err = await doctor("--url", "http://127.0.0.1:9")
    assert code == 2
    assert "API key" in err
