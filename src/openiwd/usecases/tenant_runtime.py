"""What every use case of one tenant shares: store, clock, live rules, live data, and the wake-up after a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from openiwd.domain.errors import ConflictError, UnavailableError
from openiwd.domain.hold_reason import HoldReason, with_defaults
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.transition import Context
from openiwd.ports.clock import Clock, NewId
from openiwd.ports.mart import Mart
from openiwd.ports.tenant_store import PublishedRuleSet, Reading, Tenant, TenantStore

Compile = Callable[[PublishedRuleSet], CompiledRuleSet]


class VirtualClock:
    """A clock that callers move: it tells the last instant named, and never goes back."""

    def __init__(self, start: datetime | None) -> None:
        self._now = start

    def now(self) -> datetime:
        if self._now is None:
            raise UnavailableError(
                "this tenant's clock has not started",
                code="clockNotStarted",
                hint="send X-OpenIWD-Now with the first request",
            )
        return self._now

    @property
    def started(self) -> bool:
        return self._now is not None

    def advance(self, to: datetime) -> None:
        if self._now is not None and to < self._now:
            raise ConflictError(
                f"the clock stands at {self._now.isoformat()} and does not go back to {to.isoformat()}",
                code="clockBackwards",
                field="X-OpenIWD-Now",
                hint="send requests in the order of their instants",
            )
        self._now = to

    def reach(self, at: datetime) -> None:
        """Forward to what was just committed; another commit may have been later and gone further."""
        if self._now is None or at > self._now:
            self._now = at


class Wakeup:
    """Says that the log has grown: many waiters, no missed signal, no timer."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.count = 0

    def notify(self) -> None:
        self.count += 1
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def wait(self, seen: int, timeout_seconds: float | None = None) -> int:
        """Returns once more than `seen` signals have been given, or after the time; the count now."""
        if self.count == seen:
            event = self._event
            try:
                async with asyncio.timeout(timeout_seconds):
                    await event.wait()
            except TimeoutError:
                pass
        return self.count


class TenantRuntime:
    """One tenant inside one process."""

    def __init__(
        self,
        store: TenantStore,
        clock: Clock,
        new_id: NewId,
        compile_rules: Compile,
        mart: Mart | None = None,
    ) -> None:
        self.store = store
        self.tenant: Tenant = store.tenant
        self.clock = clock
        self.new_id = new_id
        self.mart = mart
        """For report pages; nothing else reads it."""
        self.wakeup = Wakeup()
        self._compile = compile_rules
        self._rules: CompiledRuleSet | None = None
        self._lookups: Mapping[str, Any] | None = None
        self._hold_reasons: Mapping[str, HoldReason] | None = None
        self._live_changes = 0
        self._loading = asyncio.Lock()

    @property
    def virtual(self) -> VirtualClock | None:
        """The clock that requests may move, if this tenant has one."""
        return self.clock if isinstance(self.clock, VirtualClock) else None

    def now(self) -> datetime:
        return self.clock.now()

    def committed(self) -> None:
        """To be called after each commit that wrote events."""
        self.wakeup.notify()

    def forget_live_data(self) -> None:
        """Lookup tables or hold reasons have changed: read them again when next needed."""
        self._live_changes += 1
        self._lookups = None
        self._hold_reasons = None

    def forget_rules(self) -> None:
        self._rules = None

    async def rules(self, version: int | None = None) -> CompiledRuleSet:
        """The compiled live rule set; `version` names the one that must be loaded now."""
        held = self._rules
        if held is not None and version in (None, held.version):
            return held
        async with self._loading:
            held = self._rules
            if held is not None and version in (None, held.version):
                return held
            async with self.store.reading() as reading:
                return await self._load_rules(reading, version)

    async def _load_rules(self, reading: Reading, version: int | None) -> CompiledRuleSet:
        wanted = version if version is not None else await reading.live_version()
        if wanted is None:
            raise UnavailableError(
                "no rule set is published yet",
                code="noRuleSet",
                hint="publish one: POST /iwd/v3/rulesets with a YAML or JSON document",
            )
        stored = await reading.rule_set(wanted)
        if stored is None:
            raise UnavailableError(f"rule set {wanted} is not stored", code="noRuleSet")
        self._rules = self._compile(stored)
        return self._rules

    async def context(self, actor: str, now: datetime | None = None) -> Context:
        """What transitions need, as of now."""
        rules = await self.rules()
        lookups, hold_reasons = self._lookups, self._hold_reasons
        if lookups is None or hold_reasons is None:
            seen = self._live_changes
            async with self.store.reading() as reading:
                lookups = await reading.lookup_tables()
                hold_reasons = with_defaults(await reading.hold_reasons())
            if seen == self._live_changes:  # else what was read may be older than what is to be forgotten
                self._lookups, self._hold_reasons = lookups, hold_reasons
        return Context(
            now=now or self.now(),
            actor=actor,
            rules=rules,
            lookups=lookups,
            hold_reasons=hold_reasons,
            new_id=self.new_id,
        )
