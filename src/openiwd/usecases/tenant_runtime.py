"""What every use case of one tenant shares: store, clock, live rules, live data, and the wake-up after a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from openiwd.domain.canary import Canary
from openiwd.domain.errors import ConflictError, UnavailableError
from openiwd.domain.hold_reason import HoldReason, with_defaults
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.shadow import Judged
from openiwd.domain.share import limit_of
from openiwd.domain.transition import Context
from openiwd.ports.clock import Clock, NewId
from openiwd.ports.mart import Mart
from openiwd.ports.tenant_store import PublishedRuleSet, Reading, Tenant, TenantStore

Compile = Callable[[PublishedRuleSet], CompiledRuleSet]
Look = Callable[[Sequence[Judged]], None]


class _Held(NamedTuple):
    """What judges, as this process knows it. Only the database can say whether it still does."""

    rules: CompiledRuleSet
    canary: Canary | None


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
        self.classifications = 0
        self.classification_seconds = 0.0
        self.on_judged: Look | None = None
        """Told of what the rules have judged, once it is committed; must return at once."""
        self.on_commit: Callable[[], None] | None = None
        """Tells other processes that the log has grown; must return at once."""
        self._held: _Held | None = None
        self._prepared: tuple[UUID, CompiledRuleSet] | None = None
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
        if self.on_commit is not None:
            self.on_commit()

    def forget_live_data(self) -> None:
        """Lookup tables or hold reasons have changed: read them again when next needed."""
        self._live_changes += 1
        self._lookups = None
        self._hold_reasons = None

    def forget_rules(self) -> None:
        self._held = None

    def prepare(self, preparation_id: UUID, stored: PublishedRuleSet) -> CompiledRuleSet:
        """Compiles what is about to go live: it need not be compiled while somebody waits."""
        rules = self._compile(stored)
        self._prepared = preparation_id, rules
        return rules

    def judged(self, items: Sequence[Judged]) -> None:
        """To be called after the commit of items that the rules have judged."""
        if self.on_judged is not None and items:
            self.on_judged(items)

    async def rules(self, version: int | None = None) -> CompiledRuleSet:
        """The compiled live rule set; `version` names the one that must be loaded now."""
        return (await self._what_judges(version)).rules

    async def _what_judges(self, version: int | None = None) -> _Held:
        held = self._held
        if held is not None and version in (None, held.rules.version):
            return held
        async with self._loading:
            held = self._held
            if held is not None and version in (None, held.rules.version):
                return held
            async with self.store.reading() as reading:
                self._held = held = await self._load(reading, version)
                return held

    async def _load(self, reading: Reading, version: int | None) -> _Held:
        live = await reading.live_rules()
        wanted = version if version is not None else live.version
        if wanted is None:
            raise UnavailableError(
                "no rule set is published yet",
                code="noRuleSet",
                hint="publish one: POST /iwd/v3/rulesets with a YAML or JSON document",
            )
        stored = await reading.rule_set(wanted)
        if stored is None:
            raise UnavailableError(f"rule set {wanted} is not stored", code="noRuleSet")
        ready = self._prepared
        if ready is not None and ready[0] == stored.preparation:
            self._prepared = None
            return _Held(ready[1], await self._load_canary(reading, live.canary))
        return _Held(self._compile(stored), await self._load_canary(reading, live.canary))

    async def _load_canary(self, reading: Reading, version: int | None) -> Canary | None:
        if version is None:
            return None
        begun, stored = await reading.running_canary(), await reading.rule_set(version)
        if begun is None or begun.version != version or stored is None:
            return None  # it has just ended: a writer finds out, and reads again
        rules = self._compile(stored)
        return Canary(rules=rules, limit=limit_of(begun.body.share), category=begun.body.category)

    async def compiled(self, version: int) -> CompiledRuleSet:
        """The compiled form of any version, live or not."""
        held = self._held
        if held is not None and held.rules.version == version:
            return held.rules
        async with self.store.reading() as reading:
            stored = await reading.rule_set(version)
        if stored is None:
            raise UnavailableError(f"rule set {version} is not stored", code="noRuleSet")
        return self._compile(stored)

    async def context(
        self, actor: str, now: datetime | None = None, rules: CompiledRuleSet | None = None
    ) -> Context:
        """What transitions need, as of now; by what is live, a canary included, unless rules are given."""
        held = await self._what_judges() if rules is None else _Held(rules, None)
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
            rules=held.rules,
            lookups=lookups,
            hold_reasons=hold_reasons,
            new_id=self.new_id,
            canary=held.canary,
        )
