"""Which tenants are open in this process: follows the control database, and lets idle ones rest where there are many.

A resting tenant has no loops, no picture and no rules in memory. A request wakes it, and so does what falls due:
all are looked at in turns.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import structlog

from openiwd.domain.errors import OpenIwdError
from openiwd.ports.tenant_store import Tenant
from openiwd.usecases.platform import Platform, TenantServices

log = structlog.get_logger()

FOLLOW_SECONDS: Final = 1.0
"""How soon a tenant that is made, suspended or changed elsewhere is seen here."""
AWAKE_AT_MOST: Final = 25
"""Up to so many tenants none rests."""
IDLE_SECONDS: Final = 60.0
"""A tenant that nobody has asked for so long may rest."""
CROWD: Final = 1.6
"""So many times as many as may be awake are the most that are: their loops share the connections of the process."""
VISIT_SECONDS: Final = 60.0
"""Each resting tenant is looked at once in so long."""
HORIZON_SECONDS: Final = 3 * VISIT_SECONDS
"""What falls due within it is reason to be awake."""
TOLD_SECONDS: Final = 10.0
HOUSEKEEPING_SECONDS: Final = 86_400.0
"""A tenant that has rested for so long is woken: what is done from time to time only (retention, old emails) is due."""
AT_ONCE: Final = 8
"""So many are put to rest, or looked at, in one step at most."""


class Opening(Protocol):
    """Who runs the loops of open tenants."""

    @property
    def running(self) -> Mapping[str, TenantServices]: ...
    async def open(self, tenant: Tenant, *, at_once: bool = True) -> TenantServices: ...
    async def close(self, tenant_id: str) -> None: ...


class TenantWatch:
    """Opens, closes, puts to rest and wakes. `step` is run again and again."""

    def __init__(
        self,
        platform: Platform,
        opening: Opening,
        *,
        wakes_others: bool,
        awake_at_most: int = AWAKE_AT_MOST,
        idle_seconds: float = IDLE_SECONDS,
        visit_seconds: float = VISIT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
        tell: Callable[[list[str]], Awaitable[None]] | None = None,
        told: Callable[[], Awaitable[set[str]]] | None = None,
    ) -> None:
        self._platform = platform
        self._opening = opening
        self._wakes_others = wakes_others
        self._awake_at_most = awake_at_most
        self._idle_seconds = idle_seconds
        self._visit_seconds = visit_seconds
        self._monotonic = monotonic
        self._tell = tell
        self._told = told
        self.has_many = False
        """Whether there are more than may be awake."""
        self._resting: deque[str] = deque()
        self._most_awake = round(CROWD * awake_at_most)
        self._untold: set[str] = set()
        """Tenants that were used since others were told."""
        self._uses: dict[str, tuple[int, float]] = {}
        """By tenant: the count of its uses, and since when it has stood there."""
        self._failed: dict[str, float] = {}
        self._rests_since: dict[str, float] = {}

    @property
    def resting(self) -> list[str]:
        return list(self._resting)

    async def start(self) -> None:
        """Opens what is to be open at once; one that cannot be opened stops no other."""
        tenants = [t for t in await self._platform.control.tenants() if t.active]
        self.has_many = len(tenants) > self._awake_at_most
        if self.has_many:
            self._resting.extend(t.id for t in tenants)
            return
        for tenant in tenants:
            await self._open(tenant)

    async def step(self) -> float:
        await self._relieve()  # first: all else needs a connection, which a crowd leaves nobody
        wanted = {t.id: t for t in await self._platform.control.tenants() if t.active}
        for tenant_id in self._opening.running.keys() - wanted.keys():
            log.info("tenant closed", tenant=tenant_id)
            await self._opening.close(tenant_id)
        self.has_many = many = len(wanted) > self._awake_at_most
        running = self._opening.running
        self._resting = deque(i for i in self._resting if i in wanted and i not in running)
        known = {*running, *self._resting}
        for tenant in wanted.values():
            if tenant.id in running:
                running[tenant.id].renew(tenant)
            elif not many:
                await self._open(tenant)
            elif tenant.id not in known:
                self._resting.append(tenant.id)
        if many:
            await self._rest_and_wake(wanted)
        return FOLLOW_SECONDS

    async def _open(self, tenant: Tenant, *, at_once: bool = True) -> None:
        """A tenant that is behind, or whose database is away, is tried again, ever less often."""
        now = self._monotonic()
        if self._failed.get(tenant.id, 0.0) > now:
            return
        try:
            await self._opening.open(tenant, at_once=at_once)
            self._failed.pop(tenant.id, None)
            self._rests_since.pop(tenant.id, None)
        except OpenIwdError as error:
            log.warning("tenant cannot be opened", tenant=tenant.id, reason=error.message)
            self._failed[tenant.id] = now + 5 * FOLLOW_SECONDS

    # Rest

    async def _rest_and_wake(self, wanted: Mapping[str, Tenant]) -> None:
        self._note_uses()
        if self._untold and self._tell is not None:
            used, self._untold = self._untold, set()
            await self._tell(sorted(used))
        if self._wakes_others and self._resting and self._told is not None:
            for tenant_id in (await self._told()) & set(self._resting):
                await self._open(wanted[tenant_id], at_once=False)
        for tenant_id in self._idle()[:AT_ONCE]:
            if len(self._opening.running) <= self._awake_at_most:
                break
            services = self._opening.running[tenant_id]
            if not await self._reasons(services) and self._is_unused(tenant_id):
                await self._rest(tenant_id)
                self._resting.append(tenant_id)
            else:
                self._uses[tenant_id] = services.uses, self._monotonic()
        due = math.ceil(len(self._resting) * FOLLOW_SECONDS / self._visit_seconds)
        for _ in range(min(due, AT_ONCE, len(self._resting))):
            tenant_id = self._resting.popleft()
            if tenant_id in self._opening.running:
                continue
            self._resting.append(tenant_id)
            await self._visit(wanted[tenant_id])

    async def _relieve(self) -> None:
        """Of a crowd the longest unused rest at once, unasked; they are visited next, and woken for what is due.

        Requests can wake hundreds one after the other, whose loops would leave no connection to ask or to answer with.
        """
        if len(self._opening.running) <= self._most_awake:
            return
        self._note_uses()
        now = self._monotonic()
        unused = sorted(
            (since, i) for i, (_, since) in self._uses.items() if since < now and self._is_unused(i)
        )
        chosen = [i for _, i in unused[: len(self._opening.running) - self._most_awake]]
        # All in one go: each may wait for a connection to give up what it has to.
        await asyncio.gather(*(self._rest(tenant_id) for tenant_id in chosen))
        self._resting.extendleft(chosen)

    async def _rest(self, tenant_id: str) -> None:
        await self._opening.close(tenant_id)
        self._rests_since[tenant_id] = self._monotonic()

    def _note_uses(self) -> None:
        """Which tenants were used since the last look."""
        now = self._monotonic()
        for tenant_id, services in self._opening.running.items():
            known = self._uses.get(tenant_id)
            if known is None or known[0] != services.uses or services.streams:
                self._uses[tenant_id] = services.uses, now
                self._untold.add(tenant_id)
        for gone in self._uses.keys() - self._opening.running.keys():
            del self._uses[gone]

    def _idle(self) -> list[str]:
        """Unused for long enough, longest first; while there are no more than may be awake, none."""
        running = self._opening.running
        if len(running) <= self._awake_at_most:
            return []
        limit = self._monotonic() - self._idle_seconds
        found = [(since, i) for i, (_, since) in self._uses.items() if since <= limit and i in running]
        return [tenant_id for _, tenant_id in sorted(found)]

    def _is_unused(self, tenant_id: str) -> bool:
        services = self._opening.running.get(tenant_id)
        return services is not None and not services.streams and services.uses == self._uses[tenant_id][0]

    async def _visit(self, tenant: Tenant) -> None:
        try:
            if self._has_rested(tenant.id) or await self._reasons(await self._platform.apart(tenant)):
                await self._open(tenant)
        except OpenIwdError as error:
            log.warning("resting tenant does not answer", tenant=tenant.id, reason=error.message)

    def _has_rested(self, tenant_id: str) -> bool:
        now = self._monotonic()
        return now - self._rests_since.setdefault(tenant_id, now) >= HOUSEKEEPING_SECONDS

    async def _reasons(self, services: TenantServices) -> list[str]:
        if services.tenant.clock != "real":
            return []
        now = datetime.now(UTC)
        async with services.runtime.store.reading() as reading:
            return await reading.reasons_to_wake(now, now + timedelta(seconds=HORIZON_SECONDS))
