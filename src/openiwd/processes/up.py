"""`openiwd up`: embedded PostgreSQL, API, UI, metrics and distributor in one process tree, on one command."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

from msgspec import Struct

from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres, default_data_dir
from openiwd.adapters.postgres.migrate import Runner
from openiwd.domain.privilege import Role
from openiwd.ports.tenant_store import Tenant
from openiwd.processes import bootstrap
from openiwd.processes.bootstrap import Credentials, FirstUser
from openiwd.processes.database import database_dsn
from openiwd.processes.demo import load_demo, plan_history
from openiwd.processes.demo.history import History
from openiwd.processes.demo.mail import load_mail
from openiwd.processes.demo.traffic import Traffic
from openiwd.processes.disk import disk_check
from openiwd.processes.garbage import collection_postponed
from openiwd.processes.logs import configure_logs
from openiwd.processes.mart_folder import MartFolder
from openiwd.processes.serve import Serving
from openiwd.processes.settings import (
    environment,
    read_cloud_addresses,
    read_outbound_allowed,
    read_redis_server,
    read_search_settings,
)
from openiwd.processes.sharing_settings import read_limits
from openiwd.processes.starter import publish_starter
from openiwd.processes.wiring import SystemClock, Wiring

TENANT_ID = "main"
LOG_FILE = "openiwd.log"


class Ready(Struct, kw_only=True):
    """What `up` says once it is ready."""

    url: str
    metrics_url: str | None
    credentials: Credentials
    data_dir: Path


class Options(Struct, frozen=True, kw_only=True):
    demo: bool = False
    traffic: bool = True
    data_dir: Path | None = None
    host: str = "127.0.0.1"
    port: int = 4024
    metrics_port: int | None = 10052
    budget: int = 60
    log_level: str = "info"


def data_dir_of(options: Options) -> Path:
    """The folder given, else the default one; the demo has a folder of its own."""
    if options.data_dir is not None:
        return options.data_dir.absolute()
    return default_data_dir(environment(), name="demo" if options.demo else "default")


class Ahead:
    """What a first start begins while PostgreSQL makes its first files; nothing at later starts."""

    def __init__(self, options: Options, data_dir: Path) -> None:
        self.planned: Awaitable[History] | None = None
        self.runner: Runner | None = None
        if os.access(data_dir / bootstrap.CREDENTIALS_FILE, os.F_OK):
            return
        self.runner = Runner()
        if options.demo:
            plan = asyncio.to_thread(plan_history, TENANT_ID, SystemClock().now())
            self.planned = asyncio.ensure_future(plan)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """The runner is of no use any more."""
        if self.runner is not None:
            self.runner.end()
            self.runner = None


async def up(
    options: Options, when_ready: Callable[[Ready], Awaitable[None]], progress: Callable[[str], None]
) -> None:
    """Runs until SIGINT or SIGTERM. PostgreSQL starts first and stops last."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    data_dir = data_dir_of(options)
    postgres = EmbeddedPostgres(data_dir)
    progress("starting PostgreSQL")
    with Ahead(options, data_dir) as ahead:
        await postgres.start()
        configure_logs(options.log_level, data_dir / LOG_FILE)
        try:
            if not stopping.is_set():
                await _serve(options, postgres, data_dir, ahead, stopping, when_ready, progress)
        finally:
            progress("stopping PostgreSQL")
            await postgres.stop()


async def _serve(
    options: Options,
    postgres: EmbeddedPostgres,
    data_dir: Path,
    ahead: Ahead,
    stopping: asyncio.Event,
    when_ready: Callable[[Ready], Awaitable[None]],
    progress: Callable[[str], None],
) -> None:
    progress("bringing the databases up to date")
    tenant = Tenant(
        id=TENANT_ID, name="Nordhaven Insurance" if options.demo else "Main", database_name=f"iwd-{TENANT_ID}",
        time_zone="Europe/Berlin" if options.demo else "UTC",
    )  # fmt: skip
    wiring = Wiring(
        database_dsn(postgres.dsn(), bootstrap.CONTROL_DATABASE),
        budget=options.budget,
        secret_keys=[bootstrap.secret_key(data_dir)],
        outbound_allowed=read_outbound_allowed(),
        capture_dir=data_dir / "capture",
        cloud=read_cloud_addresses(),
        search=read_search_settings(),
        redis=read_redis_server(),
        limits=read_limits(environment()),
    )
    wiring.platform.doctor.register(disk_check(data_dir))
    server = Serving(wiring, host=options.host, port=options.port, metrics_port=options.metrics_port)
    traffic: Traffic | None = None
    marts: MartFolder | None = None
    with collection_postponed():
        databases = bootstrap.prepare_databases(postgres.dsn(), tenant, runner=ahead.runner)
        await asyncio.gather(databases, server.build())
    ahead.end()
    await bootstrap.ensure_tenant(wiring, tenant)
    others = [t for t in await wiring.control.tenants() if t.active and t.id != tenant.id]
    await bootstrap.migrate_databases(wiring, others)
    try:
        progress("preparing the tenant")
        with collection_postponed():
            credentials = await _credentials(options, wiring, tenant, data_dir, ahead.planned)
            await server.start()
        if options.demo and options.traffic:
            traffic = Traffic(await wiring.platform.services(tenant.id))
            traffic.start()
        marts = MartFolder(wiring, server.url, bootstrap.secret_key(data_dir))
        marts.start()
        metrics = f"http://localhost:{options.metrics_port}/metrics" if options.metrics_port else None
        await when_ready(
            Ready(url=server.url, metrics_url=metrics, credentials=credentials, data_dir=data_dir)
        )
        await _until_stopped(stopping, postgres, wiring)
    finally:
        progress("stopping")
        if traffic is not None:
            await traffic.stop()
        if marts is not None:
            await marts.stop()
        await server.stop()


async def _until_stopped(stopping: asyncio.Event, postgres: EmbeddedPostgres, wiring: Wiring) -> None:
    """Waits for a signal; PostgreSQL that ends on its own is started again (nothing acknowledged is lost)."""
    while not stopping.is_set():
        ended = asyncio.ensure_future(postgres.wait_ended())
        stop = asyncio.ensure_future(stopping.wait())
        done, waiting = await asyncio.wait({ended, stop}, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()
        if ended in done and not stopping.is_set():
            await postgres.start()
            # Its socket lies in a new folder.
            wiring.control_dsn = database_dsn(postgres.dsn(), bootstrap.CONTROL_DATABASE)


async def _credentials(
    options: Options, wiring: Wiring, tenant: Tenant, data_dir: Path, planned: Awaitable[History] | None
) -> Credentials:
    """Users, key and rule set of the first start; the same ones again later. A folder that was restored has users
    already: no logins are made then.
    """
    known = bootstrap.read_credentials(data_dir)
    hashed: dict[str, str] = {}
    if known is None:
        password = bootstrap.new_password()
        # In a thread of its own, while the database is filled.
        hashing = asyncio.ensure_future(wiring.platform.identities.hash_password(password))
        users = await _first_users(options, wiring, tenant, password, planned)
        hashed[password] = await hashing
        if await wiring.control.users(tenant.id):
            users = []
        known = Credentials(api_key=bootstrap.new_api_key(), users=users, stored=False)
        bootstrap.write_credentials(data_dir, known)
    if not known.stored:
        # A start that was killed between the two is repeated here, with the same secrets.
        await bootstrap.make_users(wiring, tenant, known.users, hashed)
        await bootstrap.make_api_key(wiring, tenant.id, "first key", Role.ADMINISTRATOR, known.api_key)
        known.stored = True
        bootstrap.write_credentials(data_dir, known)
    return known


async def _first_users(
    options: Options, wiring: Wiring, tenant: Tenant, password: str, planned: Awaitable[History] | None
) -> list[FirstUser]:
    """Fills the tenant; the logins to be made."""
    if options.demo:
        users = await load_demo(wiring, tenant, password, planned=planned)
        await load_mail(wiring, tenant)
        return users
    await publish_starter(wiring, tenant)
    return [FirstUser(login="admin", password=password, role=Role.ADMINISTRATOR.value, name="Administrator")]
