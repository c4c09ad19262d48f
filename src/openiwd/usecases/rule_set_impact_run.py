"""Counting what a draft would do to the open items, beside requests. How far it is, and what came of it, is stored: any
process of the installation tells it, and a run that is canceled there ends here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import numpy as np
import structlog

from openiwd.domain.errors import OpenIwdError
from openiwd.domain.rule_effect import Comparison
from openiwd.domain.rule_impact import Counts, Together, band_edges, bands_of, changes, count, together
from openiwd.ports.rule_change import StoredImpact
from openiwd.ports.tenant_store import TenantStore
from openiwd.usecases.rule_set_effect import Part, Walk

RUNNING: Final = "running"
DONE: Final = "done"
CANCELED: Final = "canceled"
FAILED: Final = "failed"
STORED_AT_ONCE: Final = 100_000
"""Numbers of items stored by one transaction."""
PARTS_AT_ONCE: Final = 100
BEAT_SECONDS: Final = 2.0
"""A run that judges long tells as often that it lives."""
_log = structlog.get_logger("openiwd.impact")


class ImpactEndedError(OpenIwdError):
    """The run was canceled, or another one has begun."""

    code = "impactEnded"


class ImpactRuns:
    """The counts that this process works on."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, run: ImpactRun) -> asyncio.Task[None]:
        """Begins a stored run."""
        task = asyncio.create_task(run.work(), name="impact")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def close(self) -> None:
        """Stops at once; what was counted so far is lost."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class ImpactRun:
    """One count of what a draft would do."""

    def __init__(
        self,
        store: TenantStore,
        comparison: Comparison,
        draft_id: UUID,
        stored: StoredImpact,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._comparison = comparison
        self._draft_id = draft_id
        self._stored = stored
        self._clock = clock
        self._progress = 0.0

    async def work(self) -> None:
        """Counts, and stores the result; what goes wrong is stored as well."""
        beating = asyncio.create_task(self._beat())
        try:
            await self._count()
        except ImpactEndedError:
            return
        except Exception as error:  # noqa: BLE001 - the edge of a background run: it is recorded
            _log.error("impact failed", draft=str(self._draft_id), exc_info=error)
            await self._move(FAILED, error=str(error)[:500])
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await self._move(RUNNING, progress=self._progress)

    async def _on_way(self, progress: float) -> None:
        self._progress = progress
        if not await self._move(RUNNING, progress=progress):
            raise ImpactEndedError("the run has ended")

    async def _move(self, status: str, **told: Any) -> bool:
        body = {**self._stored.body, **told}
        moved = StoredImpact(run_id=self._stored.run_id, status=status, body=body, moved_at=self._clock())
        async with self._store.writing() as tx:
            return await tx.move_impact(self._draft_id, moved)

    async def _count(self) -> None:
        walk = Walk(self._store, self._comparison, self._stored.run_id.int)
        parts = [part async for part in walk.parts(self._on_way)]
        groups, edges = await asyncio.to_thread(_groups, walk, parts)
        counts: Counts = count(groups, edges)
        await self._store_groups([g for g in groups if changes(g)])
        told = {"counts": msgspec.to_builtins(counts), "judged": walk.judged, "progress": 1.0}
        if not await self._move(DONE, **told):
            raise ImpactEndedError("the run has ended")

    async def _store_groups(self, groups: Sequence[Together]) -> None:
        place, size, some = 0, 0, list[tuple[int, Together]]()
        for group in groups:
            for start in range(0, len(group.numbers), STORED_AT_ONCE):
                piece = group._replace(numbers=group.numbers[start : start + STORED_AT_ONCE])
                some.append((place, piece))
                place, size = place + 1, size + len(piece.numbers)
                if size >= STORED_AT_ONCE or len(some) >= PARTS_AT_ONCE:
                    await self._store_parts(some)
                    size, some = 0, []
        await self._store_parts(some)

    async def _store_parts(self, some: Sequence[tuple[int, Together]]) -> None:
        if not some:
            return
        await self._on_way(self._progress)
        async with self._store.writing() as tx:
            for place, piece in some:
                await tx.add_impact_part(self._draft_id, place, piece.told, piece.numbers.tolist())


def _groups(walk: Walk, parts: Sequence[Part]) -> tuple[list[Together], list[float]]:
    """The items by where they go. Those that have gone meanwhile are left out."""
    if not parts:
        return [], []
    way = np.concatenate([p.ways for p in parts])
    there = way >= 0
    before = np.concatenate([p.priority_before for p in parts])[there]
    after = np.concatenate([p.priority_after for p in parts])[there]
    numbers = np.concatenate([p.numbers for p in parts])[there]
    edges = band_edges(before)
    return list(
        together(walk.ways, way[there], numbers, bands_of(edges, before), bands_of(edges, after))
    ), edges
