"""The shadows of a tenant in this process: drafts judge again what was judged here, after its commit.

What is not looked at in time is shed and counted. Changes no item.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from openiwd.domain.errors import RuleSetError
from openiwd.domain.event import EventType, LoggedEvent
from openiwd.domain.rule_set import CompiledRuleSet, parse_document
from openiwd.domain.rule_set_compiler import compile_rule_set
from openiwd.domain.shadow import Comparison, Judged
from openiwd.domain.share import is_within, limit_of
from openiwd.ports.holiday_source import HolidaySource
from openiwd.ports.trial import ShadowFindings, StoredShadow
from openiwd.usecases.rule_set import freeze_calendars, zone_of
from openiwd.usecases.tenant_runtime import TenantRuntime

MAX_WAITING: Final = 5_000
"""Items kept for a look: what comes beyond is shed."""
CHUNK: Final = 250
EXAMPLES: Final = 100
"""So many divergences are listed at each writing, at most; all are counted."""
KEEP: Final = 1_000
"""So many divergences of a draft are kept, the latest."""
DRAFT: Final = "rule_set_draft"
_KINDS: Final = frozenset({DRAFT, "shadow"})


class _Running:
    """One draft that decides beside the live rules, and what it has found since the last writing."""

    def __init__(self, draft_id: UUID, of: tuple[int, int], comparison: Comparison) -> None:
        self.draft_id = draft_id
        self.of = of
        """Draft revision, live version."""
        self.comparison = comparison
        self.limit = 0
        self.found = ShadowFindings()

    def look(self, judged: Judged, lookups: dict[str, dict[str, dict[str, object]]]) -> None:
        if not is_within(judged.item.id, self.limit):
            return
        divergence = self.comparison.look(judged, lookups)
        found = self.found
        found.looked += 1
        path = (judged.item.category_path if divergence is None else divergence.live.category_path) or ""
        counts = found.counts
        counts[path, "looked"] = counts.get((path, "looked"), 0) + 1
        if divergence is None:
            return
        found.diverged += 1
        for kind in ("diverged", *(k.value for k in divergence.kinds)):
            counts[path, kind] = counts.get((path, kind), 0) + 1
        if len(found.divergences) < EXAMPLES:
            found.divergences.append((path, divergence))


class ShadowWatch:
    """Lends itself to the runtime while a shadow runs, and only then."""

    def __init__(self, runtime: TenantRuntime) -> None:
        self._runtime = runtime
        self._waiting: deque[Judged] = deque()
        self._running: list[_Running] = []
        self._shed = 0
        self._is_stale = True

    @property
    def is_running(self) -> bool:
        return bool(self._running)

    def hear(self, events: Sequence[LoggedEvent]) -> None:
        """Told of all that the log says: drafts, shadows and the live rules may have changed."""
        if any(
            e.type == EventType.RULE_SET_PUBLISHED
            or (e.type == EventType.CONFIGURATION_CHANGED and e.body.get("kind") in _KINDS)
            for e in events
        ):
            self._is_stale = True

    def take(self, judged: Sequence[Judged]) -> None:
        """What was judged and committed; returns at once."""
        room = MAX_WAITING - len(self._waiting)
        self._waiting.extend(judged[:room] if len(judged) > room else judged)
        self._shed += max(len(judged) - room, 0)

    async def refresh(self, holidays: HolidaySource) -> None:
        """Reads again which shadows run, where something has changed."""
        if not self._is_stale:
            return
        await self.flush()
        self._is_stale = False
        try:
            known = {(r.draft_id, r.of): r for r in self._running}
            self._running = await self._load(holidays, known)
        except BaseException:
            self._is_stale = True
            raise
        self._runtime.on_judged = self.take if self._running else None
        if not self._running:
            self._waiting.clear()
            self._shed = 0

    async def _load(
        self, holidays: HolidaySource, known: dict[tuple[UUID, tuple[int, int]], _Running]
    ) -> list[_Running]:
        async with self._runtime.store.reading() as reading:
            shadows = await reading.shadows()
            drafts = {d["id"]: d for d in await reading.objects(DRAFT)} if shadows else {}
        found = []
        for shadow in shadows:
            draft = drafts.get(shadow.draft_id)
            if draft is None:
                continue
            live = await self._runtime.rules()
            of = (draft["revision"], live.version)
            await self._begin_anew(shadow, of)
            running = known.get((shadow.draft_id, of))
            if running is None:
                compiled = await self._compiled(shadow, draft["document"], holidays)
                if compiled is None:
                    continue
                running = _Running(shadow.draft_id, of, Comparison(live, compiled))
            running.limit = limit_of(shadow.sample)
            found.append(running)
        return found

    async def _begin_anew(self, shadow: StoredShadow, of: tuple[int, int]) -> None:
        if of == (shadow.draft_revision, shadow.live_version):
            return
        async with self._runtime.store.writing() as tx:
            await tx.restart_shadow(
                shadow.draft_id, draft_revision=of[0], live_version=of[1], now=self._runtime.now()
            )

    async def _compiled(
        self, shadow: StoredShadow, raw: object, holidays: HolidaySource
    ) -> CompiledRuleSet | None:
        """The draft ready to judge; None, and the reason is kept, while it cannot be compiled."""
        compiled, fault = None, None
        try:
            document = parse_document(raw)
            calendars = freeze_calendars(document, holidays, self._runtime.now().year)
            compiled = compile_rule_set(document, 0, calendars, zone_of(document))
        except RuleSetError as error:
            fault = error.message
        if fault != shadow.fault:
            async with self._runtime.store.writing() as tx:
                await tx.fault_shadow(shadow.draft_id, fault)
        return compiled

    async def lookups(self) -> dict[str, dict[str, dict[str, object]]]:
        """The lookup tables as this process knows them."""
        return dict((await self._runtime.context("system:shadow")).lookups)

    def look(self, lookups: dict[str, dict[str, dict[str, object]]], most: int = CHUNK) -> int:
        """Judges what waits, so many at most, without a pause; how many."""
        done = 0
        while self._waiting and done < most:
            judged = self._waiting.popleft()
            done += 1
            for running in self._running:
                running.look(judged, lookups)
        return done

    async def flush(self) -> None:
        """Writes what was found; what was counted for another draft revision or version is let go."""
        shed = self._shed
        for running in self._running:
            found = running.found
            found.shed = shed
            if not found.looked and not shed:
                continue
            running.found = ShadowFindings()
            written = False
            try:
                async with self._runtime.store.writing() as tx:
                    written = await tx.add_shadow_findings(running.draft_id, running.of, found, keep=KEEP)
            except BaseException:
                running.found = _together(found, running.found)
                raise
            self._is_stale = self._is_stale or not written
        self._shed -= shed


def _together(one: ShadowFindings, other: ShadowFindings) -> ShadowFindings:
    counts = dict(one.counts)
    for key, n in other.counts.items():
        counts[key] = counts.get(key, 0) + n
    return msgspec.structs.replace(
        one,
        looked=one.looked + other.looked,
        diverged=one.diverged + other.diverged,
        counts=counts,
        divergences=[*one.divergences, *other.divergences][:EXAMPLES],
    )
