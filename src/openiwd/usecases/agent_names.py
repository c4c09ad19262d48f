"""The names of all agents, for pages that show who has an item: read at most every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from openiwd.usecases.tenant_runtime import TenantRuntime

KEPT_SECONDS: Final = 2.0


class AgentNames:
    """The names of one tenant's agents in this process; a new name is known a moment later."""

    def __init__(self) -> None:
        self._names: Mapping[str, str] | None = None
        self._until = 0.0

    async def of(self, runtime: TenantRuntime) -> Mapping[str, str]:
        """Names by id."""
        loop = asyncio.get_running_loop()
        if self._names is None or loop.time() >= self._until:
            async with runtime.store.reading() as reading:
                self._names = await reading.agent_names()
            self._until = loop.time() + KEPT_SECONDS
        return self._names
