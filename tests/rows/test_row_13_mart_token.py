"""Row 13, the data mart to GWS: it lets itself in, and asks Digital Channels with the token."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest

from openiwd.domain.errors import InvalidInputError
from openiwd.processes.mart import MartLoop, loop_of
from openiwd.processes.serve import serving
from openiwd.processes.settings import read_mart_settings
from openiwd.usecases.mart_run import Chain
from tests.factories.api import World
from tests.factories.tenant import RULES
from tests.servers.gws import CCID, CLIENT, SECRET, Answer, Gws
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.timeout(120)


class Mart:
    """The process of the mart with its settings of the environment, and its own database."""

    def __init__(self, loop: MartLoop, dsn: str) -> None:
        self.loop = loop
        self._dsn = dsn

    async def audit(self) -> list[tuple[str, int, str]]:
        """Of each time that it let itself in, in order: how it went, settings read, and what went wrong."""
        connection = await asyncpg.connect(self._dsn)
        try:
            rows = await connection.fetch(
                "SELECT status, rows, error FROM etl_audit WHERE job = 'authorise' ORDER BY run"
            )
            return [(r["status"], r["rows"], r["error"] or "") for r in rows]
        finally:
            await connection.close()


def environment(gws: Gws, dsn: str, url: str, key: str) -> dict[str, str]:
    return {
        "OPENIWD_MART_DATABASE_URL": dsn,
        "OPENIWD_IWD_URL": url,
        "OPENIWD_MART_API_KEY": key,
        "OPENIWD_MART_TENANT": "t",
        "OPENIWD_MART_GWS_AUTH_URL": gws.url,
        "OPENIWD_MART_GWS_CLIENT_ID": CLIENT,
        "OPENIWD_MART_GWS_CLIENT_SECRET": SECRET,
        "OPENIWD_MART_CONTACT_CENTER_ID": CCID,
    }


@pytest.fixture
async def mart(
    api: World, gws: Gws, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Mart]:
    monkeypatch.setenv("OPENIWD_OUTBOUND_ALLOW", "127.0.0.0/8")
    await api.add_tenant("t", rules=RULES)
    key = await api.add_key("mart", privileges=["reporting.read", "categories.view", "agents.view"])
    database = f"test-mart-{uuid.uuid4().hex}"
    async with serving(api.wiring, host="127.0.0.1", port=0, metrics_port=None) as server:
        dsn = postgres_server.dsn(database)
        loop = loop_of(read_mart_settings(environment(gws, dsn, server.url, key)))
        yield Mart(loop, dsn)
        await loop.stop()
    await postgres_server.drop_database(database)


async def test_the_mart_lets_itself_in_and_reads_the_tenants_settings(
    mart: Mart, api: World, gws: Gws
) -> None:
    await api.item("c1")
    for _ in range(3):
        assert (await mart.loop.run(Chain.INTRADAY)).verdict.balanced
    audited = await mart.audit()
    assert audited == [("done", len(gws.settings), "")] * 3
    assert gws.count("token") == 1, "one token for several runs"
    asked = [c for c in gws.calls if c.path.startswith("/environment/")]
    assert len(asked) == 3
    assert {c.headers["authorization"] for c in asked} == {"bearer token-1"}


async def test_without_gws_the_mart_is_loaded_all_the_same(mart: Mart, api: World, gws: Gws) -> None:
    gws.judge = lambda _: Answer(503, "away")
    await api.item("c1")
    result = await mart.loop.run(Chain.INTRADAY)
    assert result.verdict.balanced
    assert result.events > 0
    ((status, _, error),) = await mart.audit()
    assert status == "failed"
    assert "no token: 503 away" in error
    assert SECRET not in error
    gws.judge = lambda _: None
    assert (await mart.loop.run(Chain.INTRADAY)).verdict.balanced
    with gws.lock:
        gws.tokens.clear()  # over there nobody knows it any more
    assert (await mart.loop.run(Chain.INTRADAY)).verdict.balanced
    assert [status for status, _, _ in await mart.audit()] == ["failed", "done", "done"]
    assert {c.headers["authorization"] for c in gws.calls if "/environment/" in c.path} == {"bearer token-1"}
    assert gws.count("token") >= 3, "the one that was refused is fetched anew"


def test_half_a_configuration_is_refused(gws: Gws) -> None:
    env = environment(gws, "postgresql://x/y", "http://iwd", "k")
    del env["OPENIWD_MART_GWS_CLIENT_SECRET"]
    with pytest.raises(InvalidInputError) as refused:
        read_mart_settings(env)
    assert refused.value.field == "OPENIWD_MART_GWS_CLIENT_SECRET"
    with pytest.raises(InvalidInputError):
        read_mart_settings(
            {**env, "OPENIWD_MART_GWS_CLIENT_SECRET": "s", "OPENIWD_MART_GWS_AUTH_URL": "ftp://x"}
        )
    assert read_mart_settings({k: v for k, v in env.items() if "GWS" not in k}).gws is None
