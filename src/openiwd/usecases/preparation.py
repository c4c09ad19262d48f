"""The first phase of publishing: every live process has the rules ready before they judge.

A dead process loses its lease. Nothing depends on this but who waits: who judges reads under a lock what is live.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final
from uuid import UUID

from openiwd.domain.errors import ConflictError, OpenIwdError, UnavailableError
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.ports.control_store import ControlStore
from openiwd.ports.tenant_store import PublishedRuleSet
from openiwd.usecases.picture import going_live

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

TURN_SECONDS: Final = 10.0
"""So long a publication waits for another one of the same tenant."""
READY_SECONDS: Final = 10.0
"""So long it waits for processes that live and do not answer; then it goes live all the same."""
SETTLED_SECONDS: Final = 30.0
"""So long a process keeps what it has ready."""
POLL_SECONDS: Final = 0.03


class Preparations:
    """Of one tenant in this process: what it publishes, and what others do."""

    def __init__(self, control: ControlStore, services: TenantServices) -> None:
        self._control = control
        self._services = services
        self._runtime = services.runtime
        self._own = services.process_id

    @asynccontextmanager
    async def ready(self, published: PublishedRuleSet) -> AsyncIterator[None]:
        """Around the publication: all other processes have it ready then. ConflictError when one says that it cannot.

        `published.preparation` names it from here on; it stays None where no other process lives.
        """
        others = await self._control.live_processes() - {self._own}
        if not others:
            yield
            return
        preparation_id = self._runtime.new_id()
        if not await self._announced(preparation_id, published):
            yield
            return
        published.preparation = preparation_id
        try:
            await self._all_ready(preparation_id)
            yield
        finally:
            with suppress(OpenIwdError):
                await self._control.end_preparation(preparation_id)
                async with self._runtime.store.writing() as tx:
                    await tx.forget_prepared(preparation_id)

    async def _announced(self, preparation_id: UUID, published: PublishedRuleSet) -> bool:
        """Waits for its turn. False where this process has no lease, and so nobody would wait for it."""
        if self._own not in await self._control.live_processes():
            return False
        try:
            async with asyncio.timeout(TURN_SECONDS):
                while True:
                    if await self._control.prepare(self._services.tenant.id, preparation_id, self._own):
                        break
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise UnavailableError(
                "another rule set is being published", code="busy", hint="try again", retry_after=2
            ) from None
        try:
            async with self._runtime.store.writing() as tx:
                await tx.prepare_rules(preparation_id, published)
        except BaseException:
            await self._control.end_preparation(preparation_id)
            raise
        return True

    async def _all_ready(self, preparation_id: UUID) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                while missing := await self._control.unprepared(preparation_id, self._own):
                    faults = sorted({fault for fault in missing.values() if fault})
                    if faults:
                        raise ConflictError(
                            f"another process cannot compile this rule set: {faults[0]}",
                            code="notReadyEverywhere",
                            hint="its installation may be older: update it",
                            errors=[{"field": None, "message": fault} for fault in faults],
                        )
                    await asyncio.sleep(POLL_SECONDS)

    async def follow(self, preparation_id: UUID) -> None:
        """Has ready what another process publishes, says so, and takes it up as soon as it is live."""
        stored = await self._stored(preparation_id)
        if stored is None:
            return
        try:
            rules = self._runtime.prepare(preparation_id, stored)
        except OpenIwdError as error:
            await self._control.acknowledge_preparation(
                preparation_id, self._own, stored.version, error.message
            )
            return
        with suppress(_GivenUpError, TimeoutError):
            async with going_live(self._services, rules):
                await self._control.acknowledge_preparation(preparation_id, self._own, stored.version, None)
                await self._live(preparation_id, rules)
            await self._services.feed.catch_up()
            await self._runtime.rules()

    async def _stored(self, preparation_id: UUID) -> PublishedRuleSet | None:
        """What is announced is stored a moment later."""
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                while preparation_id in await self._control.preparations(self._own):
                    async with self._runtime.store.reading() as reading:
                        stored = await reading.prepared_rules(preparation_id)
                    if stored is not None:
                        return stored
                    await asyncio.sleep(POLL_SECONDS)
        return None

    async def _live(self, preparation_id: UUID, rules: CompiledRuleSet) -> None:
        async with asyncio.timeout(SETTLED_SECONDS):
            while True:
                is_open = preparation_id in await self._control.preparations(self._own)
                async with self._runtime.store.reading() as reading:
                    live = await reading.live_version()
                    if live == rules.version:
                        stored = await reading.rule_set(rules.version)
                        if stored is not None and stored.preparation == preparation_id:
                            return
                if not is_open:
                    raise _GivenUpError
                await asyncio.sleep(POLL_SECONDS)


class _GivenUpError(Exception):
    """It did not go live."""
