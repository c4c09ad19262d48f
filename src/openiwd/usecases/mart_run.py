"""A run of the data mart: its jobs in their order, each audited. What is written and how is the store's business."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from openiwd.domain.errors import NotFoundError, OpenIwdError
from openiwd.domain.event import EventType
from openiwd.ports.digital_channels import DigitalChannels
from openiwd.ports.mart import (
    AgentDirectory,
    AgentName,
    FedAgent,
    FedEvent,
    FeedPage,
    Mart,
    MartLoad,
    ReportingFeed,
    Verdict,
)

BATCH: Final = 20_000
"""Events per transaction; what one request to the feed asks for."""
EVENT_DAYS: Final = 90
ITEM_DAYS: Final = 400
ASKED_AT_ONCE: Final = 16
"""Requests for names of agents."""


class Chain(StrEnum):
    INTRADAY = "intraday"
    HISTORICAL = "historical"
    FULL = "full"


class RunResult(Struct, kw_only=True):
    """What a run did."""

    events: int = 0
    batches: int = 0
    intervals: int = 0
    first_event: str | None = None
    last_event: str | None = None
    verdict: Verdict


class MartSource(Struct, frozen=True, kw_only=True):
    """Whose mart it is and what feeds it."""

    tenant_id: str
    time_zone: str
    feed: ReportingFeed
    directory: AgentDirectory | None = None
    channels: DigitalChannels | None = None
    """Asked with a token of the mart's own; None: there are no Digital Channels."""
    contact_center_id: str = ""
    batch: int = BATCH


class _Jobs:
    """Audits the jobs of one chain."""

    def __init__(self, load: MartLoad, chain: Chain, parent: int) -> None:
        self._load = load
        self._chain = chain
        self._parent = parent

    async def run(self, name: str, work: Callable[[], Awaitable[int]], page: FeedPage | None = None) -> int:
        """Its work says how many rows; a page, from which event up to which."""
        number = await self._load.begin(self._chain.value, name, self._parent)
        first, last = _ends(page)
        try:
            rows = await work()
        except BaseException as error:
            await self._load.end(number, first=first, last=last, error=str(error) or type(error).__name__)
            raise
        await self._load.end(number, rows=rows, first=first, last=last)
        return rows


def _ends(page: FeedPage | None) -> tuple[str | None, str | None]:
    return (page.events[0].cursor, page.events[-1].cursor) if page is not None else (None, None)


async def run(mart: Mart, source: MartSource, chain: Chain, now: datetime | None = None) -> RunResult:
    """One run. `now` is the instant up to which levels are told and retention counts; None: the latest event.

    Full empties the mart before. MartBusyError while another run lasts.
    """
    async with mart.loading() as load:
        await load.set_tenant(source.tenant_id, source.time_zone)
        parent = await load.begin(chain.value, "chain")
        try:
            result = await _jobs(load, source, chain, now, _Jobs(load, chain, parent))
        except BaseException as error:
            await load.end(parent, error=str(error) or type(error).__name__)
            raise
        await load.end(parent, rows=result.events, first=result.first_event, last=result.last_event)
        return result


async def _jobs(
    load: MartLoad, source: MartSource, chain: Chain, now: datetime | None, jobs: _Jobs
) -> RunResult:
    if chain is Chain.FULL:
        await jobs.run("initialise", lambda: _emptied(load))
    agents: list[FedAgent] = []
    await jobs.run("load configuration", lambda: _configuration(load, source, agents))
    if source.channels is not None:
        await _authorise(jobs, source.channels, source.contact_center_id)
    loader = _Loader(load, source, now, jobs)
    await loader.run()
    await load.name_others(agents)
    is_long = chain is not Chain.INTRADAY
    verdict = await load.balance(whole=is_long)
    if is_long:
        await jobs.run("close days", load.close_days)
    await jobs.run("publish statistics", lambda: _nothing(load.publish_stats(dimensions=is_long)))
    state = await load.state()
    instant = now or state.as_of
    if is_long and instant is not None:
        await jobs.run("maintain", lambda: load.keep(EVENT_DAYS, ITEM_DAYS, instant))
    return RunResult(
        events=loader.events, batches=loader.batches, intervals=loader.intervals,
        first_event=loader.first, last_event=loader.last, verdict=verdict,
    )  # fmt: skip


async def _authorise(jobs: _Jobs, channels: DigitalChannels, contact_center_id: str) -> None:
    """Lets itself in at GWS and reads the tenant's service configuration; its audit row says what went wrong.

    Nothing in the mart depends on it: the facts are loaded whether GWS answers or not.
    """

    async def settings() -> int:
        return len(await channels.settings(contact_center_id))

    with suppress(OpenIwdError):
        await jobs.run("authorise", settings)


async def _emptied(load: MartLoad) -> int:
    await load.empty()
    return 0


async def _nothing(work: Awaitable[None]) -> int:
    await work
    return 0


async def _configuration(load: MartLoad, source: MartSource, agents: list[FedAgent]) -> int:
    """Names and mapped attributes; fills `agents`. Info Mart that is away changes nothing."""
    state = await load.state()
    rows = await load.save_names(await source.feed.rule_sets(state.rule_set_version))
    others = []
    if source.directory is not None:
        try:
            others = await source.directory.agents()
        except OpenIwdError:
            others = []
    agents += await source.feed.agents()
    rows += await load.save_agents(agents, others)
    return rows + await load.map_attributes(await source.feed.report_attributes())


class _Changed(Struct):
    revision: int | None = None


class _Person(Struct):
    name: str | None = None


class _Loader:
    """Reads the log to its end, batch by batch; levels follow each batch, so that none has much to make."""

    def __init__(self, load: MartLoad, source: MartSource, now: datetime | None, jobs: _Jobs) -> None:
        self._load = load
        self._source = source
        self._now = now
        self._jobs = jobs
        self.events = 0
        self.batches = 0
        self.intervals = 0
        self.first: str | None = None
        self.last: str | None = None

    async def run(self) -> None:
        personal = await self._load.map_attributes([]) > 0
        page = await self._next(personal=personal)
        while page.events:
            await self._jobs.run("load events", lambda page=page: self._take(page), page)  # type: ignore[misc]
            self.first = self.first or page.events[0].cursor
            self.last = page.events[-1].cursor
            self.batches += 1
            if len(page.events) < self._source.batch:
                break
            await self._jobs.run("aggregate", lambda: self._aggregate(None))
            page = await self._next(personal=personal)
        await self._jobs.run("aggregate", lambda: self._aggregate(self._now))
        if self._now is not None:
            await self._load.reached_end(self._now)

    async def _take(self, page: FeedPage) -> int:
        await self._name_agents(page)
        await self._load.load(page.events)
        self.events += len(page.events)
        return len(page.events)

    async def _name_agents(self, page: FeedPage) -> None:
        """Before the page is loaded: whoever is killed in between asks again, and is told the same."""
        changed = [e for e in page.events if e.type == EventType.AGENT_CHANGED and e.subject_id]
        if not changed:
            return
        state = await self._load.state()
        known = (state.names_generation, state.names_pos)
        new = [e for e in changed if _place(e.cursor) > known]
        names: list[AgentName] = []
        for begin in range(0, len(new), ASKED_AT_ONCE):
            told = await asyncio.gather(*(self._name(e) for e in new[begin : begin + ASKED_AT_ONCE]))
            names += [name for name in told if name is not None]
        if new:
            await self._load.name_agents(names, *_place(new[-1].cursor))

    async def _name(self, event: FedEvent) -> AgentName | None:
        """What the agent is called since then: from the event where it tells, else the log is asked."""
        agent_id = event.subject_id or ""
        told = msgspec.json.decode(event.personal, type=_Person | None)
        name = told.name if told is not None else None
        if name is None:
            name = await self._source.feed.agent_name(agent_id, event.at)
        is_first = msgspec.json.decode(event.body, type=_Changed).revision == 1
        return None if name is None else AgentName(agent_id, event.at, name, is_first)

    async def _aggregate(self, until: datetime | None) -> int:
        made = await self._load.aggregate(until)
        self.intervals += made
        return made

    async def _next(self, *, personal: bool) -> FeedPage:
        """The next page, after what another generation of the log no longer has is taken back."""
        feed, load = self._source.feed, self._load
        while True:
            state = await load.state()
            at = (state.generation, state.pos)
            after = f"{at[0]}.{at[1]}" if state.generation else None
            page = await feed.events(after, self._source.batch, personal=personal)
            if not page.events or after is None:
                return page
            first = _place(page.events[0].cursor)
            if first <= at:
                # The log shares no point with what is here.
                await load.empty()
                await load.name_agents([], 0, 0)
                continue
            if first[0] == at[0]:
                return page
            end = await self._end_of(at[0], at[1])
            if end == at[1]:
                return page
            await load.withdraw(at[0], end)

    async def _end_of(self, generation: int, pos: int) -> int:
        """Where a generation ends in the log as it is now, at most at `pos`."""
        low, high = 0, pos
        while low < high:
            middle = (low + high) // 2
            try:
                page = await self._source.feed.events(f"{generation}.{middle}", 1)
            except NotFoundError:  # below the retention: surely there once
                low = middle + 1
                continue
            if page.events and _place(page.events[0].cursor)[0] == generation:
                low = middle + 1
            else:
                high = middle
        return low


def _place(cursor: str) -> tuple[int, int]:
    generation, _, pos = cursor.partition(".")
    return int(generation), int(pos)
