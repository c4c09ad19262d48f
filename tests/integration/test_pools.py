"""The shared connection budget against a real server: limits, fairness, eviction, restart."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import msgspec
import pytest

from openiwd.adapters.embedded_postgres import EmbeddedPostgres
from openiwd.adapters.postgres.connection import jsonb_column
from openiwd.adapters.postgres.pools import Limits, TenantPools
from openiwd.adapters.postgres.transaction import limited_transaction
from openiwd.domain.errors import NotFoundError, UnavailableError
from tests.servers.postgres import PostgresServer
from tests.servers.until import until

SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'openiwd' AND datname = ANY($1)"


@pytest.fixture
async def tenants(postgres_server: PostgresServer) -> AsyncIterator[dict[str, str]]:
    """Three tenants with an empty database each: tenant id → connection string."""
    names = {tenant: await postgres_server.create_database() for tenant in ("a", "b", "c")}
    yield {tenant: postgres_server.dsn(name) for tenant, name in names.items()}
    for name in names.values():
        await postgres_server.drop_database(name)


async def show(connection: asyncpg.Connection[asyncpg.Record], name: str) -> str:
    value: str = await connection.fetchval("SELECT current_setting($1)", name)
    return value


async def test_a_session_has_the_limits_of_its_use(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__)
    async with pools.acquire("a") as connection:
        written_by = await connection.fetchval("SELECT pg_backend_pid()")
        async with limited_transaction(connection, pools.limits.transaction):
            assert await show(connection, "transaction_timeout") == "2s"
        assert await show(connection, "transaction_timeout") == "0"
        assert await show(connection, "idle_in_transaction_session_timeout") == "2s"
        assert await show(connection, "statement_timeout") == "30s"
        assert await show(connection, "TimeZone") == "UTC"
        assert await show(connection, "application_name") == "openiwd"
    async with pools.acquire("a", reading=True) as connection:
        assert await connection.fetchval("SELECT pg_backend_pid()") == written_by
        assert await show(connection, "transaction_timeout") == "0"
        assert await show(connection, "statement_timeout") == "10min"
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("CREATE TABLE t (i int)")
    async with pools.acquire("a") as connection:
        await connection.execute("CREATE TABLE t (i int)")
    await pools.close()


async def test_a_transaction_left_open_is_ended_by_the_server(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__, limits=Limits(idle_in_transaction=50))

    async def dawdle() -> None:
        async with pools.acquire("a") as connection:
            await connection.execute("BEGIN")
            await until(connection.is_closed)
            await connection.execute("COMMIT")

    with pytest.raises(UnavailableError) as raised:
        await dawdle()
    assert raised.value.details["retry_after_seconds"] == 1
    async with pools.acquire("a") as connection:
        assert await connection.fetchval("SELECT 1") == 1
    await pools.close()


async def test_a_transaction_over_its_limit_is_ended_by_the_server(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__)
    with pytest.raises(UnavailableError):
        async with pools.acquire("a") as connection, limited_transaction(connection, 50):
            await connection.execute("SELECT pg_sleep(10)")
    async with pools.acquire("a", reading=True) as connection:
        await connection.execute("SELECT pg_sleep(0.1)")
    await pools.close()


async def test_a_slow_client_keeps_its_session(tenants: dict[str, str]) -> None:
    """Preparing is the first half of a statement's first use. An overloaded process is late with the other half."""
    pools = TenantPools(tenants.__getitem__, limits=Limits(transaction=20, idle_in_transaction=20))
    async with pools.acquire("a") as connection, pools.acquire("b", reading=True) as other:
        prepared = await connection.prepare("SELECT $1::int + 1")
        await other.execute("SELECT pg_sleep(0.2)")
        assert await prepared.fetchval(1) == 2
    await pools.close()


async def test_a_transaction_is_committed_or_rolled_back(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__)
    async with pools.acquire("a") as connection:
        async with limited_transaction(connection, 2_000):
            await connection.execute("CREATE TABLE t (i int)")
        for fails in ("INSERT INTO t VALUES (1); SELECT 1 / 0", "INSERT INTO nothing VALUES (1)"):
            with pytest.raises(asyncpg.PostgresError):
                async with limited_transaction(connection, 2_000):
                    await connection.execute(fails)
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT count(*) FROM t") == 0
    await pools.close()


async def test_connections_are_opened_when_needed_and_used_again(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__)
    assert pools.usage().open == 0
    seen = set()
    for _ in range(3):
        async with pools.acquire("a") as connection:
            seen.add(await connection.fetchval("SELECT pg_backend_pid()"))
            assert pools.usage().in_use_by_tenant == {"a": 1}
    assert len(seen) == 1
    usage = pools.usage()
    assert (usage.open, usage.idle, usage.in_use, usage.opened_total) == (1, 1, 0, 1)
    await pools.close()
    assert pools.usage().open == 0


async def test_the_budget_holds_while_many_tenants_want_more(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__, budget=4, wait_seconds=60)
    databases = [dsn.partition("?")[0].rpartition("/")[2] for dsn in tenants.values()]
    most = 0

    async def use(tenant: str) -> None:
        nonlocal most
        async with pools.acquire(tenant) as connection:
            assert f"/{await connection.fetchval('SELECT current_database()')}?" in tenants[tenant]
            most = max(most, await connection.fetchval(SESSIONS, databases))
        assert pools.usage().open <= 4

    await asyncio.gather(*(use("abc"[number % 3]) for number in range(120)))
    # The server may still be winding up sessions that are closed for us.
    assert 2 <= most <= 8
    usage = pools.usage()
    assert (usage.in_use, usage.waiting, usage.timeouts_total) == (0, 0, 0)
    assert usage.waits_total > 0
    assert usage.idle == usage.open <= 4
    await pools.close()
    assert pools.usage().open == 0


async def test_an_idle_tenant_makes_room_and_the_least_recently_used_goes_first(
    tenants: dict[str, str],
) -> None:
    pools = TenantPools(tenants.__getitem__, budget=2)
    pids = {}
    for tenant in ("a", "b", "a", "c"):
        async with pools.acquire(tenant) as connection:
            pids[tenant] = await connection.fetchval("SELECT pg_backend_pid()")
    async with pools.acquire("a") as connection:
        assert await connection.fetchval("SELECT pg_backend_pid()") == pids["a"]
    usage = pools.usage()
    assert (usage.opened_total, usage.evicted_total, usage.open) == (3, 1, 2)
    await pools.close()


async def test_a_busy_tenant_cannot_starve_another(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__, budget=2, wait_seconds=60)
    served: list[str] = []
    may_end = asyncio.Semaphore(0)

    async def use(tenant: str) -> None:
        async with pools.acquire(tenant):
            served.append(tenant)
            await may_end.acquire()

    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(use("a"))
        await until(lambda: pools.usage().waiting == 18)
        group.create_task(use("b"))
        await until(lambda: pools.usage().waiting == 19)
        may_end.release()
        # The first connection to come back goes to the tenant that has none, past 18 who came earlier.
        await until(lambda: "b" in served)
        assert served == ["a", "a", "b"]
        for _ in range(20):
            may_end.release()
    assert served.count("a") == 20
    await pools.close()


async def test_two_busy_tenants_do_not_take_each_others_connections_in_turns(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__, budget=8, wait_seconds=60)

    async def use(tenant: str, times: int) -> None:
        for _ in range(times):
            async with pools.acquire(tenant) as connection:
                await connection.fetchval("SELECT 1")
            await asyncio.sleep(0)

    await asyncio.gather(*(use("a", 40) for _ in range(20)), *(use("b", 40) for _ in range(2)))
    usage = pools.usage()
    assert usage.waits_total > 100, "there was a rush"
    assert usage.evicted_total < 20
    await pools.close()


async def test_what_others_merely_keep_is_had_in_the_end(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__, budget=2, wait_seconds=60)
    async with pools.acquire("a"):
        pass
    async with pools.acquire("b") as first, pools.acquire("b") as second:
        assert await first.fetchval("SELECT 1") == await second.fetchval("SELECT 1") == 1
    await pools.close()


async def test_waiting_has_an_end(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__, budget=1, wait_seconds=0.05)
    async with pools.acquire("a"):
        with pytest.raises(UnavailableError) as raised:
            async with pools.acquire("a"):
                pass
    assert raised.value.details["retry_after_seconds"] == 1
    usage = pools.usage()
    assert (usage.timeouts_total, usage.waiting, usage.open) == (1, 0, 1)
    async with pools.acquire("a") as connection:
        assert await connection.fetchval("SELECT 1") == 1
    await pools.close()


async def test_borrowers_cancelled_at_any_moment_lose_no_connection(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__, budget=2, wait_seconds=60)

    async def use(tenant: str) -> None:
        async with pools.acquire(tenant) as connection, connection.transaction():
            await connection.execute("SELECT pg_sleep(0.001)")

    tasks = []
    for number in range(150):
        tasks.append(asyncio.create_task(use("abc"[number % 3])))
        if number % 2:
            tasks[number // 2].cancel()
        if number % 5 == 0:
            await asyncio.sleep(0.001)
        if number % 7 == 0:
            tasks[-1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (pools.usage().in_use, pools.usage().waiting) == (0, 0)
    for tenant in ("a", "b", "c"):
        async with pools.acquire(tenant) as first, pools.acquire(tenant) as second:
            assert await first.fetchval("SELECT 1") == await second.fetchval("SELECT 1") == 1
    await pools.close()
    assert pools.usage().open == 0


async def test_a_transaction_left_open_never_reaches_the_next_borrower(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__, budget=1)
    async with pools.acquire("a") as connection:
        await connection.execute("BEGIN; CREATE TABLE t (i int)")
    async with pools.acquire("a") as connection:
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT to_regclass('t')") is None
    await pools.close()


async def test_what_is_idle_for_long_is_closed(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__, idle_seconds=0.02)
    async with pools.acquire("a"):
        pass
    await until(lambda: pools.usage().open == 0)
    await pools.close()


async def test_a_borrowers_own_error_passes_through_and_the_connection_stays(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__)
    with pytest.raises(asyncpg.UndefinedTableError):
        async with pools.acquire("a") as connection:
            await connection.execute("SELECT * FROM missing")
    with pytest.raises(ZeroDivisionError):
        async with pools.acquire("a"):
            raise ZeroDivisionError
    assert pools.usage().opened_total == 1
    await pools.close()


async def test_an_unknown_tenant_and_a_missing_database(postgres_server: PostgresServer) -> None:
    def dsn_of(tenant_id: str) -> str:
        if tenant_id == "unknown":
            raise NotFoundError("There is no tenant of this name.")
        return postgres_server.dsn("no-such-database")

    pools = TenantPools(dsn_of, budget=1)
    with pytest.raises(NotFoundError):
        async with pools.acquire("unknown"):
            pass
    for _ in range(2):
        with pytest.raises(UnavailableError):
            async with pools.acquire("missing"):
                pass
    assert (pools.usage().open, pools.usage().failures_total) == (0, 2)
    await pools.close()


async def test_dropping_a_tenant_frees_its_database(
    tenants: dict[str, str], postgres_server: PostgresServer
) -> None:
    pools = TenantPools(tenants.__getitem__)
    async with pools.acquire("a") as connection:
        name = await connection.fetchval("SELECT current_database()")
    await pools.drop("a")
    admin = await asyncpg.connect(postgres_server.dsn())
    await admin.execute(f'DROP DATABASE "{name}"')
    await admin.close()
    assert pools.usage().open == 0
    await pools.close()


async def test_the_pools_resume_by_themselves_when_the_server_comes_back(
    private_postgres: EmbeddedPostgres,
) -> None:
    pools = TenantPools(lambda _: private_postgres.dsn(), budget=3)
    async with pools.acquire("a") as first, pools.acquire("a") as second:
        assert await first.fetchval("SELECT 1") == await second.fetchval("SELECT 1") == 1
    with pytest.raises(UnavailableError):
        async with pools.acquire("a") as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    dsn = private_postgres.dsn()
    await private_postgres.stop()
    pools_of_a_stopped_server = TenantPools(lambda _: dsn, budget=3)
    with pytest.raises(UnavailableError):
        async with pools_of_a_stopped_server.acquire("a"):
            pass
    await private_postgres.start()
    async with pools.acquire("a") as first, pools.acquire("a") as second, pools.acquire("a") as third:
        for connection in (first, second, third):
            assert await connection.fetchval("SELECT 1") == 1
    await pools.close()


def _end_session(dsn: str, pid: int) -> None:
    """In a thread, and waited for without giving way: nothing of the end is seen here meanwhile."""

    async def run() -> None:
        killer = await asyncpg.connect(dsn)
        await killer.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        await killer.close()

    ending = threading.Thread(target=lambda: asyncio.run(run()))
    ending.start()
    ending.join()


@pytest.mark.parametrize("steps", range(6))
async def test_an_idle_session_that_the_server_has_ended_is_told_as_unavailable(
    private_postgres: EmbeddedPostgres, steps: int
) -> None:
    """Used so many steps of the event loop after its end: between the last word and the end the driver is confused."""
    pools = TenantPools(lambda _: private_postgres.dsn(), budget=2)
    async with pools.acquire("a") as connection:
        pid = await connection.fetchval("SELECT pg_backend_pid()")

    _end_session(private_postgres.dsn(), pid)
    for _ in range(steps):
        await asyncio.sleep(0)
    with suppress(UnavailableError):
        async with pools.acquire("a", reading=True) as connection:
            await connection.fetchval("SELECT 1")
    async with pools.acquire("a") as connection:
        assert await connection.fetchval("SELECT 1") == 1
    await pools.close()
    assert pools.usage().open == 0


COMMITS_SLOWLY = """
CREATE TABLE t (i int);
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()
"""
COMMITTING = (
    "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND query = 'COMMIT' AND wait_event = 'PgSleep'"
)


@pytest.mark.parametrize("given_up_by", ["cancelling", "time-out"])
async def test_given_up_at_its_commit_a_session_is_never_lent_again(
    tenants: dict[str, str], given_up_by: str
) -> None:
    pools = TenantPools(tenants.__getitem__, budget=1)
    watcher = await asyncpg.connect(tenants["a"])
    await watcher.execute(COMMITS_SLOWLY)
    pid = 0
    limit = asyncio.timeout(None)

    async def write() -> None:
        nonlocal pid
        async with pools.acquire("a") as connection, limit, limited_transaction(connection, 600_000):
            pid = connection.get_server_pid()
            await connection.execute("INSERT INTO t VALUES (1)")

    writing = asyncio.create_task(write())
    await until(lambda: watcher.fetchval(COMMITTING, pid))
    if given_up_by == "cancelling":
        writing.cancel()
    else:
        limit.reschedule(asyncio.get_running_loop().time())
    with pytest.raises(asyncio.CancelledError if given_up_by == "cancelling" else TimeoutError):
        await writing
    async with pools.acquire("a") as connection:
        assert connection.get_server_pid() != pid
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT count(*) FROM t") == 0
    assert (pools.usage().open, pools.usage().in_use) == (1, 0)
    await watcher.close()
    await pools.close()


@pytest.mark.parametrize("steps", range(6))
async def test_ended_by_the_server_before_its_commit_a_session_is_never_lent_again(
    tenants: dict[str, str], steps: int
) -> None:
    """The client was too slow, and asks for its commit so many steps of the event loop after the server's last word."""
    pools = TenantPools(tenants.__getitem__, budget=1)
    pid = 0

    async def write() -> None:
        nonlocal pid
        async with pools.acquire("a") as connection, limited_transaction(connection, 600_000):
            pid = connection.get_server_pid()
            await connection.execute("CREATE TABLE t (i int)")
            _end_session(tenants["a"], pid)
            for _ in range(steps):
                await asyncio.sleep(0)

    with pytest.raises(UnavailableError):
        await write()
    async with pools.acquire("a") as connection:
        assert connection.get_server_pid() != pid
        assert await connection.fetchval("SELECT to_regclass('t')") is None
    assert (pools.usage().open, pools.usage().in_use) == (1, 0)
    await pools.close()


async def test_a_commit_that_rolls_back_is_told(tenants: dict[str, str]) -> None:
    """The server answers COMMIT of a failed transaction with ROLLBACK, and with no error."""
    pools = TenantPools(tenants.__getitem__, budget=1)

    async def write() -> None:
        async with pools.acquire("a") as connection, limited_transaction(connection, 60_000):
            await connection.execute("CREATE TABLE t (i int)")
            with suppress(asyncpg.DivisionByZeroError):
                await connection.execute("SELECT 1 / 0")

    with pytest.raises(asyncpg.InFailedSQLTransactionError):
        await write()
    async with pools.acquire("a") as connection:
        assert await connection.fetchval("SELECT to_regclass('t')") is None
    await pools.close()


async def test_closing_refuses_those_who_wait_and_those_who_come(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__, budget=1, wait_seconds=60)

    async def use() -> None:
        async with pools.acquire("b"):
            pass

    async with pools.acquire("a"):
        waiting = asyncio.create_task(use())
        await until(lambda: pools.usage().waiting)
        await pools.close()
        with pytest.raises(UnavailableError):
            await waiting
        with pytest.raises(UnavailableError):
            await use()
    assert pools.usage().open == 0


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -1.5, 'ü \U0001f600 " \\ \n', [], [1, [2]], {}, {"a": {"b": None}}, 2**53, "x" * 100_000],
)
async def test_jsonb_comes_back_as_it_went(tenants: dict[str, str], value: object) -> None:
    pools = TenantPools(tenants.__getitem__)
    async with pools.acquire("a") as connection:
        assert await connection.fetchval("SELECT $1::jsonb", value) == value
        raw = msgspec.Raw(msgspec.json.encode(value))
        assert await connection.fetchval("SELECT $1::jsonb", raw) == value
    await pools.close()


async def test_columns_of_jsonb_go_in_by_unnest(tenants: dict[str, str]) -> None:
    pools = TenantPools(tenants.__getitem__)
    numbers = [1, 2, 3, 4]
    documents: list[object] = [{"a": [1, "ü"]}, None, [], msgspec.Raw(b'{"raw":1}')]
    async with pools.acquire("a") as connection:
        await connection.execute("CREATE TABLE t (number bigint, document jsonb)")
        await connection.execute(
            "INSERT INTO t SELECT * FROM unnest($1::bigint[], $2::jsonb[])", numbers, jsonb_column(documents)
        )
        rows = await connection.fetch(
            "SELECT document, jsonb_typeof(document) AS kind FROM t ORDER BY number"
        )
        assert [row["document"] for row in rows] == [{"a": [1, "ü"]}, None, [], {"raw": 1}]
        # None inside an array is SQL NULL, as a parameter of its own too; JSON's null has to be given raw.
        assert [row["kind"] for row in rows] == ["object", None, "array", "object"]
        assert await connection.fetchval("SELECT jsonb_agg(document ORDER BY number) FROM t") == [
            {"a": [1, "ü"]},
            None,
            [],
            {"raw": 1},
        ]
        assert await connection.fetchval("SELECT array_agg(document) FROM t WHERE number = 1") == [
            {"a": [1, "ü"]}
        ]
    await pools.close()
