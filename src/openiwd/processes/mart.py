"""The data mart's process: brings its database up to date, runs the chains on time, tells metrics."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import unquote, urlsplit

import asyncpg
import structlog
from msgspec import Struct
from prometheus_client import Counter, Gauge, start_http_server

from openiwd.adapters.digital_channels.client import DigitalChannelsClient
from openiwd.adapters.gws.session import GwsSession
from openiwd.adapters.info_mart.resource_table import InfoMartResources
from openiwd.adapters.outbound.http_outbound import HttpOutbound
from openiwd.adapters.postgres.mart import PostgresMart
from openiwd.adapters.postgres.migrate import migrate
from openiwd.adapters.postgres.migrations.errors import MigrationError
from openiwd.adapters.postgres.migrations.history import History
from openiwd.adapters.reporting_feed.http_feed import HttpReportingFeed
from openiwd.domain.errors import UnavailableError
from openiwd.domain.gws import GwsSettings
from openiwd.ports.mart import MartBusyError
from openiwd.processes.database import database_dsn, ensure_database
from openiwd.processes.settings import MartSettings, read_outbound_allowed
from openiwd.usecases.mart_run import Chain, MartSource, RunResult, run

log = structlog.get_logger()

INTERVAL_SECONDS: Final = 15.0
RETRY_SECONDS: Final = 5.0
HISTORICAL: Final = timedelta(hours=24)

_LABELS: Final = ["tenant", "execution_chain"]
active = Gauge("iwddm_job_active", "1 while a chain runs.", _LABELS)
last_start = Gauge("iwddm_job_last_start", "When it last began.", _LABELS)
last_success = Gauge("iwddm_job_last_success", "When it last ended well.", _LABELS)
last_fail = Gauge("iwddm_job_last_fail", "When it last failed.", _LABELS)
table_rows = Gauge(
    "iwddm_database_stats_rows", "Rows of a table of the mart (estimated).", ["tenant", "table"]
)
table_size = Gauge("iwddm_database_stats_size", "Bytes of a table of the mart.", ["tenant", "table"])
general = {
    name: Gauge(f"iwddm_etl_stats_general_{name}", text, ["tenant"])
    for name, text in (
        ("events", "Events loaded."),
        ("pending", "Open items."),
        ("avg_events", "Mean events per batch."),
        ("max_events", "Most events in a batch."),
    )
}
dimensions = {
    name: Gauge(f"iwddm_etl_stats_dimensions_{name}", text, ["tenant", "dimension"])
    for name, text in (
        ("distinct", "Members of a dimension."),
        ("new", "Members that came since the historical run before."),
        ("not_cached", "Always 0: keys are ids of IWD, so that nothing is looked up."),
        ("cache_missed", "Always 0: keys are ids of IWD, so that nothing is looked up."),
    )
}
findings = Gauge(
    "iwddm_balance_findings", "What the last balance found to be wrong; 0 = all is well.", ["tenant"]
)
unbalanced = Counter("iwddm_unbalanced_runs_total", "Runs whose balance failed.", ["tenant"])


async def prepare_mart(server_dsn: str, database: str) -> None:
    """Creates the mart's database if need be, and brings it up to date. `server_dsn`: any database of the server."""
    try:
        await ensure_database(server_dsn, database)
    except asyncpg.InsufficientPrivilegeError:
        log.info("the mart's database is to be there already", database=database)
    (result,) = await migrate([(History.MART, database_dsn(server_dsn, database))])
    if isinstance(result, MigrationError):
        raise result


class MartLoop:
    """Runs one tenant's mart again and again. An error is logged, counted and tried again; nothing is half-written."""

    def __init__(
        self, mart: PostgresMart, source: MartSource, server_dsn: Callable[[], str], database: str, *,
        interval: float = INTERVAL_SECONDS, reader_password: str | None = None,
        outbound: HttpOutbound | None = None,
    ) -> None:  # fmt: skip
        self._mart = mart
        self._source = source
        self._server_dsn = server_dsn
        self._database = database
        self._interval = interval
        self._reader_password = reader_password
        self._outbound = outbound
        self._prepared = False
        self._historical: datetime | None = None
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._running = asyncio.get_running_loop().create_task(self._forever(), name="mart")

    async def stop(self) -> None:
        """Ends in the midst of whatever it does: the next start goes on from the last commit."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._source.feed.close()
        if self._outbound is not None:
            await self._outbound.close()

    async def _forever(self) -> None:
        while True:
            pause = self._interval
            try:
                await self.step()
            except MartBusyError:
                log.info("another run works on the mart", tenant=self._source.tenant_id)
            except UnavailableError as error:
                log.warning("the mart waits", tenant=self._source.tenant_id, reason=error.message)
                pause = RETRY_SECONDS
            except Exception:
                log.exception("mart run failed", tenant=self._source.tenant_id)
                pause = RETRY_SECONDS
            await asyncio.sleep(pause)

    async def prepare(self) -> None:
        if not self._prepared:
            await prepare_mart(self._server_dsn(), self._database)
            await self._mart.publish_views(self._reader_password)
            self._prepared = True

    async def step(self) -> RunResult:
        """The chain that is due: historical once a day, else intraday."""
        now = datetime.now(UTC)
        due = self._historical is None or now - self._historical >= HISTORICAL
        result = await self.run(Chain.HISTORICAL if due else Chain.INTRADAY)
        if due:
            self._historical = now
        return result

    async def run(self, chain: Chain) -> RunResult:
        """One run, with its metrics."""
        await self.prepare()
        tenant = self._source.tenant_id
        labels = (tenant, chain.value)
        active.labels(*labels).set(1)
        last_start.labels(*labels).set_to_current_time()
        try:
            result = await run(self._mart, self._source, chain, datetime.now(UTC))
        except Exception:
            last_fail.labels(*labels).set_to_current_time()
            raise
        finally:
            active.labels(*labels).set(0)
        last_success.labels(*labels).set_to_current_time()
        await self._tell(result)
        return result

    async def _tell(self, result: RunResult) -> None:
        tenant = self._source.tenant_id
        findings.labels(tenant).set(result.verdict.findings)
        if not result.verdict.balanced:
            unbalanced.labels(tenant).inc()
            log.error("the data mart does not balance", tenant=tenant, detail=result.verdict.detail)
        for kind, name, value in await self._mart.stats():
            if kind == "general" and name in general:
                general[name].labels(tenant).set(value)
            elif kind in dimensions:
                dimensions[kind].labels(tenant, name).set(value)
                for unused in ("not_cached", "cache_missed"):
                    dimensions[unused].labels(tenant, name).set(0)
            elif kind in ("rows", "size"):
                (table_rows if kind == "rows" else table_size).labels(tenant, name).set(value)


class MartOptions(Struct, frozen=True, kw_only=True):
    chain: Chain | None = None
    """Run this once and end; None: go on."""
    interval: float = INTERVAL_SECONDS
    metrics_port: int | None = None


def loop_of(settings: MartSettings, interval: float = INTERVAL_SECONDS) -> MartLoop:
    """The loop of a process of its own."""
    directory = InfoMartResources(settings.info_mart_url) if settings.info_mart_url is not None else None
    outbound = HttpOutbound(read_outbound_allowed()) if settings.gws is not None else None
    source = MartSource(
        tenant_id=settings.tenant,
        time_zone=settings.time_zone,
        feed=HttpReportingFeed(settings.url, settings.api_key),
        directory=directory,
        channels=None if settings.gws is None or outbound is None else _channels(outbound, settings.gws),
        contact_center_id="" if settings.gws is None else settings.gws.contact_center_id,
    )
    database = unquote(urlsplit(settings.database_url).path.lstrip("/"))
    return MartLoop(
        PostgresMart(lambda: settings.database_url), source, lambda: _server(settings.database_url), database,
        interval=interval, reader_password=settings.reader_password, outbound=outbound,
    )  # fmt: skip


def _channels(outbound: HttpOutbound, gws: GwsSettings) -> DigitalChannelsClient:
    """One session, and so one token, for all runs of the process."""
    asking = GwsSession(outbound, gws)
    return DigitalChannelsClient(asking, gws.nexus, gws.workspace)


def _server(dsn: str) -> str:
    return database_dsn(dsn, "postgres")


async def mart(settings: MartSettings, options: MartOptions) -> RunResult | None:
    """One chain, or chains on time until SIGINT or SIGTERM."""
    loop = loop_of(settings, options.interval)
    if options.chain is not None:
        try:
            return await loop.run(options.chain)
        finally:
            await loop.stop()
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    if options.metrics_port:
        start_http_server(options.metrics_port)
    loop.start()
    await stopping.wait()
    await loop.stop()
    return None
