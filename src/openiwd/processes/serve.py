"""Serving: API and UI on one port, metrics on another, background work beside them, in one event loop.

A process that only distributes serves the same, for requests that other processes pass on to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from openiwd.api.app import Api, create_app
from openiwd.processes.running import Part, Running, running
from openiwd.processes.wiring import Wiring
from openiwd.web.app import create_web


class Serving(Running):
    """A serving process: start, wait, stop."""

    _api: Api | None = None

    async def build(self) -> None:
        """Builds the app. It needs no database, so whoever waits for one can do this meanwhile."""
        if self._api is None:
            self._api = await asyncio.to_thread(self._built)

    def _built(self) -> Api:
        return create_app(
            self.wiring.platform,
            holidays=self.wiring.holidays,
            pools=self.wiring.pools.usage,
            web=create_web,
            metrics=self._metrics,
            checks=self._checks,
        )

    def _app(self) -> Any:
        self._api = self._api or self._built()
        return self._api

    async def _has_started(self) -> None:
        if self._api is not None and self._part in (Part.ALL, Part.SERVE):
            await self._api.start()

    async def _has_drained(self) -> None:
        if self._api is not None:
            await self._api.close()


@asynccontextmanager
async def serving(
    wiring: Wiring, *, host: str, port: int, metrics_port: int | None, part: Part = Part.ALL
) -> AsyncIterator[Serving]:
    """Runs a server for the length of a block."""
    server = Serving(wiring, host=host, port=port, metrics_port=metrics_port, part=part)
    async with running(server):
        yield server
