"""Presence of a tenant's agents over all processes: a sign of life counts wherever it arrives.

Which process holds an agent stands in the database. With a cache, signs of life are told there and asked for before an
agent is given up; without one, the process that hears an agent says so in the database from time to time.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final
from uuid import UUID

from openiwd.ports.runtime_cache import CacheAwayError, RuntimeCache
from openiwd.usecases import agent as agent_use
from openiwd.usecases.presence import EXTENDED_SECONDS, HEARTBEAT_SECONDS, LOST_AFTER_SECONDS

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

SLACK_SECONDS: Final = 3.0


class SharedPresence:
    """One tenant's presence in one process."""

    def __init__(
        self,
        services: TenantServices,
        cache: RuntimeCache | None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = services
        self._cache = cache
        self._monotonic = monotonic
        self._told_at = monotonic()

    async def take_in(self) -> None:
        """Notes in the database that agents who have come are with this process from now on."""
        presence = self._services.presence
        arrived = presence.arrived()
        try:
            await agent_use.take_in(self._services, arrived)
        except BaseException:
            presence.unheard(arrived)
            raise

    async def tell(self) -> None:
        """Says once per heartbeat who was heard here: a request that went to another process must not make it the
        holder for good.
        """
        now = self._monotonic()
        if now - self._told_at < HEARTBEAT_SECONDS:
            return
        self._told_at = now
        fresh = self._services.presence.fresh(HEARTBEAT_SECONDS + SLACK_SECONDS)
        if not fresh:
            return
        if self._cache is not None:
            try:
                await self._cache.hear(
                    self._services.tenant.id, fresh, self._services.process_id, self._now()
                )
            except CacheAwayError:
                pass
            else:
                return
        await agent_use.take_in(self._services, fresh)

    async def lost(self) -> list[str]:
        """Agents who have been silent for too long, here and (as far as that can be asked) everywhere."""
        presence = self._services.presence
        if self._cache is None:
            return presence.lost()
        silent = presence.lost()
        if not silent:
            return []
        try:
            heard = await self._cache.last_heard(self._services.tenant.id, silent)
        except CacheAwayError:
            return presence.lost(EXTENDED_SECONDS)
        own, now = self._services.process_id, self._now()
        elsewhere = {
            agent_id: one.process_id
            for agent_id, one in heard.items()
            if one.process_id != own and now - one.at < LOST_AFTER_SECONDS
        }
        await self._hand_over(elsewhere)
        return [agent_id for agent_id in silent if agent_id not in elsewhere]

    async def _hand_over(self, elsewhere: dict[str, UUID]) -> None:
        """They are with the process that hears them."""
        by_process: defaultdict[UUID, list[str]] = defaultdict(list)
        for agent_id, process_id in elsewhere.items():
            by_process[process_id].append(agent_id)
        for process_id, agent_ids in by_process.items():
            await agent_use.hand_over(self._services, agent_ids, process_id)
            self._forget(agent_ids)

    def _forget(self, agent_ids: Sequence[str]) -> None:
        for agent_id in agent_ids:
            self._services.presence.forget(agent_id)

    @staticmethod
    def _now() -> float:
        """By the wall clock, which processes share; a few seconds of difference do not matter here."""
        return time.time()
