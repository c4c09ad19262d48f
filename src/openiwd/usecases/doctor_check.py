"""The checks of the doctor: each reads its figures, by index and within a time, and leaves judgement to the domain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from openiwd.domain.agent import Agent
from openiwd.domain.doctor import connection_check, router_check, rule_check, system_check, work_check
from openiwd.domain.doctor.connection_check import CaptureFact, MailboxFact, MartFacts
from openiwd.domain.doctor.finding import Finding, Severity, finding
from openiwd.domain.doctor.router_check import RouterFacts
from openiwd.domain.doctor.system_check import DraftFact, KeyFact, LeaseFacts, LogFacts
from openiwd.domain.errors import NotFoundError, UnavailableError
from openiwd.domain.instant import to_micros
from openiwd.domain.lint.finding import Finding as Lint
from openiwd.domain.lint.roster_lint import lint_roster
from openiwd.domain.lint.rule_lint import lint_rules
from openiwd.domain.lint.waiting_lint import lint_waiting
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.rule_set_reference import Referred, references
from openiwd.ports.tenant_store import Cursor, Reading
from openiwd.usecases.capture_point import stored_points
from openiwd.usecases.capture_status import unread_points
from openiwd.usecases.integration_settings import GWS, stored_settings

if TYPE_CHECKING:
    from openiwd.usecases.decider import Decider
    from openiwd.usecases.platform import Platform, TenantServices

STATEMENT_SECONDS: Final = 4.0
MOST_ERRORS: Final = 100_000
MOST_OFFERS: Final = 100
MOST_EMAILS: Final = 100
POSITIONS: Final = 2_000
"""Of the end of the log that are looked at."""
DRAFTS: Final = "rule_set_draft"


class Examination:
    """One look at one tenant: what several checks need is read once."""

    def __init__(
        self, platform: Platform, services: TenantServices, now: datetime, rules: CompiledRuleSet | None
    ) -> None:
        self.platform = platform
        self.services = services
        self.now = now
        self.rules = rules
        self._agents: asyncio.Future[list[Agent]] | None = None

    @classmethod
    async def begin(cls, platform: Platform, services: TenantServices) -> Examination:
        runtime = services.runtime
        try:
            rules = await runtime.rules()
        except UnavailableError:
            rules = None
        return cls(platform, services, runtime.now(), rules)

    @property
    def now_us(self) -> int:
        return to_micros(self.now)

    @asynccontextmanager
    async def reading(self, seconds: float = STATEMENT_SECONDS) -> AsyncIterator[Reading]:
        async with self.services.runtime.store.examining(seconds) as reading:
            yield reading

    async def agents(self) -> list[Agent]:
        """All agents; read by whoever asks first."""
        if self._agents is None:
            self._agents = asyncio.ensure_future(self._read_agents())
        return await asyncio.shield(self._agents)

    async def _read_agents(self) -> list[Agent]:
        """The process that decides has them."""
        decider = self.services.decider
        if decider is not None:
            return await decider.agents()
        async with self.reading() as reading:
            return list((await reading.agents()).values())


async def eligibility(look: Examination) -> Sequence[Finding]:
    """Items that no agent can take. From the picture of the process where it has one: then no item is read."""
    if look.rules is None:
        return [finding(work_check.ELIGIBILITY, "noRuleSet", Severity.CRITICAL, link="/configuration/drafts")]
    picture = look.services.picture
    if picture is not None:
        wanted = picture.desk.world.backlog.wanted()
    else:
        async with look.reading(8.0) as reading:
            wanted = await reading.wanted()
    return await asyncio.to_thread(
        work_check.items_for_nobody, wanted, await look.agents(), look.rules, look.now_us
    )


async def late(look: Examination) -> Sequence[Finding]:
    """What waits past its due date, and what is held by an error."""
    async with look.reading() as reading:
        causes = await reading.error_causes(MOST_ERRORS)
        overdue = await reading.overdue_waiting(look.now)
    found = work_check.errorheld(causes)
    return (
        found if look.rules is None else [*work_check.overdue_waiting(overdue, look.rules, look.now), *found]
    )


async def agents(look: Examination) -> Sequence[Finding]:
    """Agents, queues, skills and groups that do not fit together."""
    rules, people = look.rules, await look.agents()
    if rules is None:
        return []
    async with look.reading() as reading:
        skills = {o["id"]: o["name"] for o in await reading.objects("skill")}
        groups = {o["id"]: o["name"] for o in await reading.objects("agent_group")}
    asked: dict[str, int] = {}
    served = {g.group for q in rules.queues.values() for g in q.groups}
    for reference in references(rules.document):
        if reference.kind is Referred.SKILL:
            asked[reference.name] = asked.get(reference.name, 0) + 1
        elif reference.kind is Referred.GROUP:
            served.add(reference.name)
    everybody = any(not q.groups for q in rules.queues.values())
    words = await asyncio.to_thread(
        work_check.unused_words,
        people,
        skills,
        {} if everybody else groups,
        asked,
        all_known="ext.requestedSkill" not in rules.attributes_used and not _asks_by_attribute(rules),
        served=served,
    )
    return [*await asyncio.to_thread(work_check.agents_for_nothing, people, rules, look.now_us), *words]


def _asks_by_attribute(rules: CompiledRuleSet) -> bool:
    """Whether some rule takes a skill's name from an item."""
    actions: list[Any] = [a for r in rules.document.rules for a in r.then]
    actions += [a for t in rules.document.decision_tables for row in t.rows for a in row.then]
    nodes = list(rules.document.categories)
    while nodes:
        node = nodes.pop()
        actions += [a for r in node.rules for a in r.then]
        nodes += node.children
    return any(a.add_skill is not None and not isinstance(a.add_skill.skill, str) for a in actions)


async def rules(look: Examination) -> Sequence[Finding]:
    """What the linter says of the live rule set, with the roster as it is."""
    live = look.rules
    if live is None:
        return []
    kept = look.services.linted
    if kept is None or kept[0] != live.version or (look.now - kept[1]).days >= 1:
        found = await asyncio.to_thread(_lint, live, look.now_us)
        kept = look.services.linted = (live.version, look.now, found)
    of_roster = await asyncio.to_thread(lint_roster, live, await look.agents(), look.now_us)
    return rule_check.of_rules([*kept[2], *of_roster])


def _lint(live: CompiledRuleSet, now_us: int) -> list[Lint]:
    return [*lint_rules(live, now_us), *lint_waiting(live, now_us)]


async def processes(look: Examination) -> Sequence[Finding]:
    """Who decides, and leases, timers and clocks."""
    control, services = look.platform.control, look.services
    known = await control.process_facts()
    deciding = await control.deciding_process(services.tenant.id)
    live = {p.id for p in known if p.left > 0}
    real = services.tenant.clock == "real"
    async with look.reading() as reading:
        stranded = await reading.stranded_agents(live)
        before = system_check.expired_before(look.now)
        expired = await reading.expired_offers(before, MOST_OFFERS) if real else []
        timer = await reading.next_timer() if real else None
    facts = LeaseFacts(
        has_decider=deciding is not None and deciding.id is not None,
        processes=known,
        stranded=sorted(stranded),
        offers_expired=expired,
        next_timer=timer,
    )
    return system_check.leases(facts, look.now)


async def log_and_index(look: Examination) -> Sequence[Finding]:
    """The log's end, those who follow it, and how claims fare."""
    services = look.services
    async with look.reading() as reading:
        head, cursor = await reading.head(), await reading.stay_cursor()
        sample = await reading.log_sample(POSITIONS)
    decider: Decider | None = services.decider
    picture = services.picture
    facts = LogFacts(
        lag=None if picture is None else _behind(picture.cursor, head),
        fruitless=None if decider is None else decider.fruitless,
        past_lag=_behind(Cursor(cursor.generation, cursor.pos), head),
        looked=sample.looked,
        missing=sample.missing,
        items_looked=sample.items_looked,
        differing=sample.differing,
    )
    return system_check.log_health(facts)


def _behind(cursor: Cursor, head: Cursor) -> int:
    return max(0, head.pos - (cursor.pos if cursor.generation == head.generation else 0))


async def runs(look: Examination) -> Sequence[Finding]:
    """Bulk runs that do not end, drafts that nobody goes on with."""
    async with look.reading() as reading:
        running = await reading.running_bulk()
        drafts = [msgspec.convert(raw, DraftFact) for raw in map(_draft, await reading.objects(DRAFTS))]
    return [*system_check.stuck_runs(running, look.now), *system_check.old_drafts(drafts, look.now)]


def _draft(raw: dict[str, Any]) -> dict[str, Any]:
    return {"id": raw["id"], "name": raw["name"], "changed_at": raw["changedAt"]}


async def keys(look: Examination) -> Sequence[Finding]:
    """API keys that end."""
    stored = await look.platform.control.ending_api_keys(look.services.tenant.id)
    facts = [
        KeyFact(id=k.id, name=k.name, expires_at=k.expires_at, last_used_at=k.last_used_at)
        for k in stored
        if k.expires_at is not None
    ]
    return system_check.ending_keys(facts, look.now)


async def database(look: Examination) -> Sequence[Finding]:
    """What the server tells of the tenant's database."""
    async with look.reading() as reading:
        facts = await reading.database_facts(system_check.LONG_SECONDS)
    return system_check.database_health(facts)


async def routers(look: Examination) -> Sequence[Finding]:
    """External routers that are needed, and how they are."""
    queues = [] if look.rules is None else [q.name for q in look.rules.queues.values() if not q.is_native]
    async with look.reading() as reading:
        stored = await stored_settings(reading)
        if not queues and stored is None:
            return []
        state = await reading.router_state(GWS)
        counts, refused = await reading.submission_counts(), await reading.refused_items(look.now)
    facts = RouterFacts(
        queues=queues,
        is_enabled=stored is not None and stored[0].enabled,
        away_since=None if state is None else state.away_since,
        last_error=None if state is None else state.last_error,
        counts=counts,
        refused=len(refused),
    )
    return router_check.routers(facts, look.now)


async def capture_points(look: Examination) -> Sequence[Finding]:
    """Capture points that are not read, and what waits in their error inboxes."""
    async with look.reading() as reading:
        names = {p.point.id: p.point.name for p in await stored_points(reading)}
        if not names:
            return []
        unread, errors = await unread_points(reading), await reading.capture_error_counts()
    facts = [CaptureFact(id=u.point.id, name=u.point.name, since=u.since, error=u.error) for u in unread]
    return connection_check.capture_points(facts, errors, names, look.now)


async def mailboxes(look: Examination) -> Sequence[Finding]:
    """Enabled mailboxes that nobody serves or that do not work, and emails of unknown outcome."""
    async with look.reading() as reading:
        boxes = [raw for raw in await reading.objects("mailbox") if raw.get("enabled")]
        statuses = await reading.mailbox_statuses() if boxes else []
        held = {each.mailbox_id for each in await reading.mailbox_leases() if each.seconds > 0}
        unknown = await reading.emails_aside("unknown", MOST_EMAILS)
    facts = [
        MailboxFact(
            id=raw["id"],
            name=raw["name"],
            is_held=raw["id"] in held,
            failing=[
                (s.direction, s.since, s.error or "–")
                for s in statuses
                if s.mailbox_id == raw["id"] and not s.ok
            ],
        )
        for raw in boxes
    ]
    return connection_check.mailboxes(facts, len(unknown), look.now)


async def data_mart(look: Examination) -> Sequence[Finding]:
    """How far behind the tenant's mart is, and whether it balances."""
    mart = look.services.runtime.mart
    try:
        state, runs = (None, []) if mart is None else (await mart.state(), await mart.runs(5))
    except NotFoundError:
        state = None
    if state is None:
        name = connection_check.MART
        return [finding(name, "notInstalled", Severity.INFO, about=name, area=name)]
    last = next((run for run in runs if run.finished_at is not None), None)
    facts = MartFacts(
        fresh_at=state.fresh_at,
        balanced=state.balanced,
        balance_detail=state.balance_detail,
        last_error=None if last is None else last.error,
    )
    return connection_check.mart(facts, look.now)
