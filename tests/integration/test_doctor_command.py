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
from typer.testing import CliRunner

from openiwd.cli.doctor import exit_code
from openiwd.cli.main import app
from openiwd.domain.errors import NotFoundError, OpenIwdError
from openiwd.domain.privilege import Role
from openiwd.processes.doctor import Place, ask_databases, ask_server
from openiwd.processes.settings import Settings
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
    report = await ask_server(Place(url=url, key=api.keys["t"]))
    assert (report.counts["critical"], exit_code(report)) == (0, 1)
    assert "gap" in {f.code for f in report.findings}
    await api.add_key("agent", Role.AGENT)
    with pytest.raises(OpenIwdError, match="403"):
        await ask_server(Place(url=url, key=api.keys["agent"]))
    code, out, err = await doctor(OPENIWD_URL=url, OPENIWD_API_KEY=api.keys["t"])
    assert (code, err) == (1, ""), out
    assert "0 critical, 1 warning" in out
    assert "Some items reach no category" in out


async def test_by_the_databases_alone(api: World) -> None:
    await decided(api)
    services = await api.services()
    late = stored_item("late", queue_id="claims", due_at=services.runtime.now() - timedelta(hours=1))
    await store_items(services.runtime.store, [late])
    code, out, _ = await doctor("--json", "--tenant", "t", OPENIWD_DATABASE_URL=api.wiring.control_dsn)
    (report,) = msgspec.json.decode(out, type=list[Report])
    assert (code, report.tenant) == (2, "t"), [f.what for f in report.findings]
    assert {"overdueWaiting", "categoryNobody"} <= {f.code for f in report.findings}
    settings = Settings(database_url=api.wiring.control_dsn)
    (same,) = await ask_databases(settings, None)
    assert {f.id for f in same.findings} == {f.id for f in report.findings}
    with pytest.raises(NotFoundError, match="no active tenant 'none'"):
        await ask_databases(settings, "none")


def test_with_nobody_to_ask(tmp_path: Path) -> None:
    runner = CliRunner()
    for arguments, complaint in (
        ([], "neither a server to ask nor a database"),
        (["--url", "http://127.0.0.1:9", "--key", "k"], "does not answer"),
        (["--url", "http://127.0.0.1:9"], "API key"),
    ):
        asked = runner.invoke(app, ["doctor", *arguments], env={"OPENIWD_DATA_DIR": str(tmp_path / "empty")})
        assert asked.exit_code == 2, asked.output
        assert complaint in " ".join(asked.stderr.split())
