"""The connections of all tenants under one budget: opened when needed, shared fairly, closed when idle.

Decides who gets a connection next; knows no SQL but the limits it sets on a session. A borrower must
leave no session state behind (SET LOCAL, not SET): connections are not reset between borrowers.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

import asyncpg

from openiwd.adapters.postgres.connection import Connection, open_connection
from openiwd.domain.errors import UnavailableError

CLOSE_SECONDS = 2.0
CONTROL = "(control)"
KEPT = 4
KEEP_SECONDS = 1.0
"""So many connections used so lately are left to their tenant by those who have some: a new one costs many times what
a borrower does with it, and two who take each other's in turns do nothing but open and close."""
# The driver's own confusion is what a session leaves that its server ended while nobody used it.
_DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class Access(Enum):
    """What a borrower wants to do, and so which limits the session has."""

    WRITING = "writing"
    READING = "reading"


@dataclass(frozen=True)
class Limits:
    """Time limits of sessions, in milliseconds; 0 is none."""

    statement: int = 30_000
    lock: int = 1_500
    transaction: int = 2_000
    """Of a writing transaction."""
    idle_in_transaction: int = 2_000
    reading_statement: int = 600_000
    reading_idle_in_transaction: int = 60_000

    def sql(self, access: Access) -> str:
        """The statements that turn a session to this kind of access."""
        writing = access is Access.WRITING
        values = {
            "statement_timeout": self.statement if writing else self.reading_statement,
            "lock_timeout": self.lock,
            "idle_in_transaction_session_timeout": (
                self.idle_in_transaction if writing else self.reading_idle_in_transaction
            ),
            "default_transaction_read_only": "off" if writing else "on",
        }
        return ";".join(f"SET {name}={value}" for name, value in values.items())


@dataclass(frozen=True)
class PoolUsage:
    """A reading of the pools, for metrics. Times in seconds; totals count since the start."""

    budget: int
    open: int
    in_use: int
    idle: int
    waiting: int
    opened_total: int
    evicted_total: int
    waits_total: int
    wait_seconds_total: float
    timeouts_total: int
    failures_total: int
    in_use_by_tenant: dict[str, int]


@dataclass(eq=False)
class _Slot:
    """One unit of the budget that has become a connection."""

    tenant_id: str
    connection: Connection
    access: Access | None = None
    idle_since: float = 0.0


# What a waiting borrower is given: an idle connection of its tenant, or the right to open a new one.
_Grant = asyncio.Future["_Slot | None"]


@dataclass(eq=False)
class _Tenant:
    idle: list[_Slot] = field(default_factory=list)
    in_use: int = 0
    waiting: deque[_Grant] = field(default_factory=deque)

    def someone_waits(self) -> bool:
        while self.waiting and self.waiting[0].done():
            self.waiting.popleft()
        return bool(self.waiting)

    def is_at_rest(self) -> bool:
        return not self.idle and not self.in_use and not self.waiting


class TenantPools:
    """`acquire` gives a connection to a tenant's database within the budget of this process.

    `dsn_of` names the database of a tenant id (and of `CONTROL`); it raises for an unknown one.
    """

    def __init__(
        self,
        dsn_of: Callable[[str], str],
        *,
        budget: int = 60,
        wait_seconds: float = 5.0,
        idle_seconds: float = 300.0,
        limits: Limits | None = None,
    ) -> None:
        if budget < 1:
            raise ValueError("the budget must be at least one connection")
        self._dsn_of = dsn_of
        self._budget = budget
        self._kept = min(KEPT, budget // 2)
        self._wait_seconds = wait_seconds
        self._idle_seconds = idle_seconds
        self.limits = limits or Limits()
        # Least recently used tenant first.
        self._tenants: OrderedDict[str, _Tenant] = OrderedDict()
        self._open = 0
        self._waiting = 0
        self._opened_total = 0
        self._evicted_total = 0
        self._waits_total = 0
        self._wait_seconds_total = 0.0
        self._timeouts_total = 0
        self._failures_total = 0
        self._sweep: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    def usage(self) -> PoolUsage:
        """What the connections are doing right now."""
        in_use = {name: tenant.in_use for name, tenant in self._tenants.items() if tenant.in_use}
        return PoolUsage(
            budget=self._budget,
            open=self._open,
            in_use=sum(in_use.values()),
            idle=sum(len(tenant.idle) for tenant in self._tenants.values()),
            waiting=self._waiting,
            opened_total=self._opened_total,
            evicted_total=self._evicted_total,
            waits_total=self._waits_total,
            wait_seconds_total=self._wait_seconds_total,
            timeouts_total=self._timeouts_total,
            failures_total=self._failures_total,
            in_use_by_tenant=in_use,
        )

    @asynccontextmanager
    async def acquire(self, tenant_id: str, *, reading: bool = False) -> AsyncIterator[Connection]:
        """Lends a connection to the tenant's database.

        A transaction for writing is to be a `limited_transaction`. With `reading` the session is read-only and
        may take its time (exports, reports). Raises `UnavailableError` (with `retry_after_seconds`) when
        none is free in time, or when the server cannot be reached or goes away meanwhile.
        """
        slot = await self._take(tenant_id, Access.READING if reading else Access.WRITING)
        clean = False
        try:
            yield slot.connection
            clean = True
        except Exception as error:
            if isinstance(error, asyncpg.InternalClientError):
                slot.connection.terminate()
            # Asked after the fact: an error that has ended the session is the server's, not the borrower's.
            if slot.connection.is_closed() and isinstance(error, _DRIVER_ERRORS):
                self._failures_total += 1
                raise self._unavailable("The connection to the database was lost.") from error
            # A time-out may have left a statement running.
            clean = not isinstance(error, TimeoutError)
            raise
        finally:
            self._give_back(slot, clean=clean)

    async def close(self) -> None:
        """Ends all idle connections and refuses new borrowers; borrowed ones are closed as they come back."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for tenant in self._tenants.values():
            for grant in tenant.waiting:
                if not grant.done():
                    grant.set_exception(self._unavailable("OpenIWD is stopping."))
            while tenant.idle:
                self._close_later(tenant.idle.pop())
        # Closing one frees its unit, which can start no other: all who waited have been refused above.
        while self._closing:
            await asyncio.gather(*self._closing, return_exceptions=True)

    async def drop(self, tenant_id: str) -> None:
        """Ends the idle connections of one tenant, so that its database can be altered or dropped."""
        if (tenant := self._tenants.get(tenant_id)) is not None:
            slots, tenant.idle = tenant.idle, []
            await asyncio.gather(*(self._close_and_free(slot) for slot in slots))
            self._forget_at_rest(tenant_id)

    # -- taking -----------------------------------------------------------------------------------------

    async def _take(self, tenant_id: str, access: Access) -> _Slot:
        if self._closed:
            raise self._unavailable("OpenIWD is stopping.")
        dsn = self._dsn_of(tenant_id)
        tenant = self._tenants.setdefault(tenant_id, _Tenant())
        self._tenants.move_to_end(tenant_id)
        if tenant.idle and not tenant.someone_waits():
            slot: _Slot | None = self._pop_idle(tenant, access)
        elif self._waiting == 0 and self._open < self._budget:
            self._open += 1
            slot = None
        elif self._waiting == 0 and (victim := self._least_recently_idle(tenant)) is not None:
            slot = victim
        else:
            # Whoever waits already comes first, even if something looks free at this instant.
            slot = await self._wait_for_grant(tenant_id, tenant)
            return await self._make_ready(tenant_id, tenant, dsn, slot, access)
        tenant.in_use += 1
        return await self._make_ready(tenant_id, tenant, dsn, slot, access)

    async def _make_ready(
        self, tenant_id: str, tenant: _Tenant, dsn: str, granted: _Slot | None, access: Access
    ) -> _Slot:
        """Turns a granted unit of the budget into a live connection with the right limits."""
        slot = granted
        try:
            if slot is not None and slot.tenant_id != tenant_id:
                # Closed first: the server never sees more connections than the budget.
                self._evicted_total += 1
                await _close(slot.connection)
                self._forget_at_rest(slot.tenant_id)
                slot = None
            if slot is None or slot.connection.is_closed():
                slot = _Slot(tenant_id, await open_connection(dsn))
                self._opened_total += 1
            if slot.access is not access:
                await slot.connection.execute(self.limits.sql(access))
                slot.access = access
        except BaseException as error:
            if slot is not None:
                slot.connection.terminate()
            tenant.in_use -= 1
            self._free_unit(tenant_id)
            if isinstance(error, _DRIVER_ERRORS):
                self._failures_total += 1
                raise self._unavailable("The database cannot be reached.") from error
            raise
        return slot

    def _pop_idle(self, tenant: _Tenant, access: Access) -> _Slot:
        for index in range(len(tenant.idle) - 1, -1, -1):
            if tenant.idle[index].access is access:
                return tenant.idle.pop(index)
        return tenant.idle.pop()

    def _least_recently_idle(self, taker: _Tenant) -> _Slot | None:
        for tenant in self._tenants.values():
            if tenant.idle and not (taker.in_use and self._keeps(tenant)):
                return tenant.idle.pop(0)
        return None

    def _keeps(self, tenant: _Tenant) -> bool:
        """Whether the tenant's idle connections are left to it."""
        few = tenant.in_use + len(tenant.idle) <= self._kept
        now = asyncio.get_running_loop().time()
        return few and bool(tenant.idle) and now - tenant.idle[-1].idle_since < KEEP_SECONDS

    async def _wait_for_grant(self, tenant_id: str, tenant: _Tenant) -> _Slot | None:
        loop = asyncio.get_running_loop()
        grant: _Grant = loop.create_future()
        tenant.waiting.append(grant)
        self._waiting += 1
        self._waits_total += 1
        started = loop.time()
        enough = loop.call_later(KEEP_SECONDS, self._take_from_others)
        try:
            async with asyncio.timeout(self._wait_seconds):
                return await grant
        except BaseException as error:
            if grant.done() and not grant.cancelled() and grant.exception() is None:
                # Granted and given up in the same breath: the next one gets it.
                tenant.in_use -= 1
                self._return_grant(tenant_id, grant.result())
            else:
                self._waiting -= 1
                if grant in tenant.waiting:
                    tenant.waiting.remove(grant)
            self._forget_at_rest(tenant_id)
            if isinstance(error, TimeoutError):
                self._timeouts_total += 1
                raise self._unavailable("All database connections are in use.") from error
            raise
        finally:
            enough.cancel()
            self._wait_seconds_total += loop.time() - started

    def _take_from_others(self) -> None:
        """Somebody has waited long enough for what comes back: what is merely kept is handed out."""
        neediest = self._neediest()
        lender = next((tenant for tenant in self._tenants.values() if tenant.idle), None)
        if neediest is not None and lender is not None:
            self._grant(neediest, lender.idle.pop(0))

    # -- giving back ------------------------------------------------------------------------------------

    def _give_back(self, slot: _Slot, *, clean: bool) -> None:
        tenant = self._tenants[slot.tenant_id]
        tenant.in_use -= 1
        if self._closed:
            slot.connection.terminate()
        if slot.connection.is_closed():
            self._free_unit(slot.tenant_id)
        elif not clean or slot.connection.is_in_transaction():
            self._close_later(slot)
        else:
            self._return_grant(slot.tenant_id, slot)

    def _return_grant(self, tenant_id: str, slot: _Slot | None) -> None:
        if slot is None:
            self._free_unit(tenant_id)
            return
        own = self._tenants.setdefault(slot.tenant_id, _Tenant())
        neediest = self._neediest()
        if neediest is not None and neediest is not own and neediest.in_use:
            if own.someone_waits() and own.in_use <= neediest.in_use + 1:
                neediest = own  # shares are even already
            elif own.in_use + len(own.idle) < self._kept:
                neediest = None
        if neediest is not None:
            self._grant(neediest, slot)
            return
        slot.idle_since = asyncio.get_running_loop().time()
        own.idle.append(slot)
        self._schedule_sweep()

    def _free_unit(self, tenant_id: str) -> None:
        if (neediest := self._neediest()) is not None:
            self._grant(neediest, None)
        else:
            self._open -= 1
        self._forget_at_rest(tenant_id)

    def _neediest(self) -> _Tenant | None:
        """The waiting tenant that holds the fewest connections: shares even out between tenants."""
        if self._waiting == 0:
            return None
        waiting = [tenant for tenant in self._tenants.values() if tenant.someone_waits()]
        return min(waiting, key=lambda tenant: tenant.in_use, default=None)

    def _grant(self, tenant: _Tenant, slot: _Slot | None) -> None:
        self._waiting -= 1
        tenant.in_use += 1
        tenant.waiting.popleft().set_result(slot)

    def _forget_at_rest(self, tenant_id: str) -> None:
        tenant = self._tenants.get(tenant_id)
        if tenant is not None and tenant.is_at_rest():
            del self._tenants[tenant_id]

    # -- closing ----------------------------------------------------------------------------------------

    def _close_later(self, slot: _Slot) -> None:
        closing = asyncio.get_running_loop().create_task(self._close_and_free(slot))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _close_and_free(self, slot: _Slot) -> None:
        try:
            await _close(slot.connection)
        finally:
            self._free_unit(slot.tenant_id)

    def _schedule_sweep(self) -> None:
        if self._sweep is None and not self._closed:
            self._sweep = asyncio.get_running_loop().call_later(self._idle_seconds, self._close_idle)

    def _close_idle(self) -> None:
        """Closes what has been idle for long; runs again only while something is idle."""
        self._sweep = None
        limit = asyncio.get_running_loop().time() - self._idle_seconds
        for tenant in self._tenants.values():
            for slot in [each for each in tenant.idle if each.idle_since <= limit]:
                tenant.idle.remove(slot)
                self._close_later(slot)
        if any(tenant.idle for tenant in self._tenants.values()):
            self._schedule_sweep()

    def _unavailable(self, message: str) -> UnavailableError:
        return UnavailableError(message, hint="Try again in a moment.", retry_after_seconds=1)


async def _close(connection: Connection) -> None:
    """Ends a session in good order: a statement still running is cancelled and waited for, for a while."""
    try:
        await connection.close(timeout=CLOSE_SECONDS)
    except _DRIVER_ERRORS:
        connection.terminate()
