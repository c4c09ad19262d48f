"""Where the benchmark takes place: one durable PostgreSQL, and a database and a server process per variant."""

from __future__ import annotations

import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import msgspec

from benchmarks.intake.server import Options, Ready, Variant, publish_rules, tenant_of
from benchmarks.load import Load, Plan
from benchmarks.processes import ask, cpu_seconds, server
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.processes.bootstrap import prepare_databases
from openiwd.processes.database import database_dsn


class Use(msgspec.Struct, frozen=True):
    """Cores that each side was busy with during a measurement."""

    server: float
    postgres: float
    load: float


class Target:
    """One server process and how to put load on it."""

    def __init__(
        self, postgres: EmbeddedPostgres, pid: int, ready: Ready, control_dsn: str, dsn: str
    ) -> None:
        self._postgres = postgres
        self.pid = pid
        self._ready = ready
        self.control_dsn = control_dsn
        self.dsn = dsn
        self.loads: list[Load] = []
        self.uses: list[Use] = []

    async def rate(
        self,
        *,
        path: str = "/iwd/v3/items",
        per_request: int = 1,
        connections: int,
        seconds: float,
        expected: int = 201,
    ) -> float:
        """Items per second; fails when any answer was not the one expected."""
        plan = Plan(
            port=self._ready.port, api_key=self._ready.api_key, path=path, run=secrets.token_hex(3),
            connections=connections, seconds=seconds, warm_up=min(1.0, seconds / 2), per_request=per_request,
            expected=expected,
        )  # fmt: skip
        server_cpu, postgres_cpu = cpu_seconds(self.pid), cpu_seconds(self._postgres_pid)
        load = await ask([sys.executable, "-m", "benchmarks.load"], plan, Load)
        if load.other_statuses:
            raise RuntimeError(
                f"answers other than {expected}: {load.other_statuses}, first: {load.first_other}"
            )
        whole = plan.seconds + plan.warm_up
        self.loads.append(load)
        self.uses.append(
            Use(
                server=(cpu_seconds(self.pid) - server_cpu) / whole,
                postgres=(cpu_seconds(self._postgres_pid) - postgres_cpu) / whole,
                load=load.cpu_seconds / plan.seconds,
            )
        )
        return load.requests * per_request / load.seconds

    @property
    def port(self) -> int:
        return self._ready.port

    @property
    def api_key(self) -> str:
        return self._ready.api_key

    def client(self) -> httpx.AsyncClient:
        """An administrator's client of its API."""
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self._ready.port}/iwd/v3",
            headers={"x-api-key": self._ready.api_key},
            timeout=60,
        )

    @property
    def _postgres_pid(self) -> int:
        if self._postgres.pid is None:
            raise RuntimeError("PostgreSQL is not running")
        return self._postgres.pid


async def prepare(postgres: EmbeddedPostgres, name: str) -> tuple[str, str]:
    """A control database and a tenant database with the rules published; their connection strings."""
    tenant = tenant_of(name)
    control = await prepare_databases(postgres.dsn(), tenant, f"bench-control-{name}")
    await publish_rules(control, tenant)
    return control, database_dsn(control, tenant.database_name)


@asynccontextmanager
async def target(postgres: EmbeddedPostgres, variant: Variant) -> AsyncIterator[Target]:
    control, dsn = await prepare(postgres, variant)
    options = Options(variant=variant, control_dsn=control, tenant=variant)
    async with server("benchmarks.intake.server", options, Ready) as (pid, ready):
        yield Target(postgres, pid, ready, control, dsn)
