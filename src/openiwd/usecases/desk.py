"""The decider's picture of a tenant: waiting items, agents and what they have in hand, kept up from the event log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.agent import Agent
from openiwd.domain.backlog_item import BacklogItem, BacklogRows, LastService, backlog_item, demand_at
from openiwd.domain.backlog_load import Alike
from openiwd.domain.eligibility import Load, Reason, misfit, profile_of
from openiwd.domain.event import EventType, LoggedEvent
from openiwd.domain.instant import to_micros
from openiwd.domain.item_queue import weight_of
from openiwd.domain.offer import GrantKind, WrapUp
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.work_item import Status, WorkItem
from openiwd.domain.world import World
from openiwd.ports.tenant_store import Reading

AT_ONCE: Final = 100
"""Items read and put at once: some ms, in which nothing else is served."""
REMEMBERED: Final = 20_000
"""Of so many items it is known, after they have left the picture, at which revision they did."""

_agent_of: Final = attrgetter("agent_id")


class Holding(Struct):
    """An item in an agent's hands: offered or assigned."""

    agent_id: str
    weight: int
    media_type: str
    queue_id: str
    segment: str | None
    offered: bool
    since: int
    revision: int


class Desk:
    """Wraps the pure `World` with what must be known to keep it true."""

    def __init__(self, rules: CompiledRuleSet) -> None:
        self.rules = rules
        self.world = World(rules.queues, rules.schemas, rules.clocks, rules.version)
        self.holdings: dict[int, Holding] = {}
        self._gone: dict[int, int] = {}
        self._of_agent: dict[str, set[int]] = {}
        self._wrap_ups: dict[str, list[WrapUp]] = {}
        self._idle_since: dict[str, int] = {}
        self._unfit: dict[int, tuple[UUID, UUID]] = {}
        self.doubtful: set[int] = set()
        """Items whose claim may or may not have been granted: to be read again, as the log has perhaps told already."""
        self.at_once: set[int] = set()
        """Items with an open offer that is to be accepted at once."""
        self._aside: dict[int, BacklogItem] = {}
        """Items claimed for an agent, while it is not known whether the database has granted them."""
        self._stopping: set[str] = set()
        """Agents with a state to be taken over after their current items."""

    async def refresh_items(self, reading: Reading, numbers: Collection[int], now: datetime) -> None:
        """Reads these items again; who is gone leaves."""
        wanted = sorted(numbers)
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            found = await reading.items_by_number(some)
            await self.put_items(reading, found.values(), now)
            for number in set(some) - found.keys():
                self._leave(number, now)

    async def refresh_agents(self, reading: Reading, ids: Collection[str], now: datetime) -> None:
        found = await reading.agents(ids)
        for agent_id in ids:
            agent = found.get(agent_id)
            if agent is None:
                self.world.remove_agent(agent_id)
                self._stopping.discard(agent_id)
                if self._of_agent.get(agent_id):  # whose end is then counted off from there
                    self.reckon(agent_id, now)
            else:
                self.put_agent(agent)
                self.reckon(agent_id, now)

    async def refresh_wrap_ups(
        self, reading: Reading, now: datetime, agents: Collection[str] | None = None
    ) -> None:
        """Of these agents, or of all."""
        found = await reading.wrap_ups(agents)
        for agent_id in set(self._wrap_ups) if agents is None else agents:
            self._wrap_ups.pop(agent_id, None)
            self.reckon(agent_id, now)
        for agent_id, running in groupby(sorted(found, key=_agent_of), _agent_of):
            self._wrap_ups[agent_id] = list(running)
            self.reckon(agent_id, now)

    async def put_items(self, reading: Reading, items: Iterable[WorkItem], now: datetime) -> None:
        fresh = [i for i in items if i.revision > self.revision(i.number)]
        contacts = {
            i.contact_id
            for i in fresh
            if i.contact_id is not None and i.status is Status.QUEUED and self._prefers_last(i)
        }
        services = await reading.last_services(contacts) if contacts else {}
        for item in fresh:
            self.put_item(item, now, services)

    def _prefers_last(self, item: WorkItem) -> bool:
        queue = self.rules.queues.get(item.queue_id) if item.queue_id else None
        return queue is not None and queue.prefer_last_agent is not None

    def put_item(
        self, item: WorkItem, now: datetime, services: dict[UUID, tuple[str, datetime]] | None = None
    ) -> None:
        """The item as it is now: waiting, in somebody's hands, or neither."""
        if item.revision <= self.revision(item.number):
            return
        self._unfit.pop(item.number, None)
        self._gone.pop(item.number, None)
        self._aside.pop(item.number, None)
        agent_id = item.assigned_to or (item.offered_to if item.offer_id is not None else None)
        self._end_holding(item.number, now, passes_to=agent_id)
        if agent_id is not None:
            weight = weight_of(item, self.rules)
            self.world.backlog.discard(item.number)
            since = item.assigned_at if item.assigned_to else item.offered_at
            holding = Holding(
                agent_id,
                weight,
                item.media_type,
                item.queue_id or "",
                item.segment,
                item.assigned_to is None,
                to_micros(since or now),
                item.revision,
            )
            self._hold(item.number, holding)
            if item.offer_id is not None and not self._still_fits(item, agent_id, weight, to_micros(now)):
                self._unfit[item.number] = (item.id, item.offer_id)
        elif item.status is Status.QUEUED and self._is_away(item):
            self.world.backlog.discard(item.number)
            self._note_gone(item.number, item.revision)
        elif item.status is Status.QUEUED:
            served = (services or {}).get(item.contact_id) if item.contact_id is not None else None
            waiting = self._waiting(item, weight_of(item, self.rules), served)
            self.world.backlog.put(waiting, to_micros(now))
        else:
            self.world.backlog.discard(item.number)
            self._note_gone(item.number, item.revision)

    def _is_away(self, item: WorkItem) -> bool:
        """Whether an external router may still have it, though its queue is one of ours: it is recalled first."""
        queue = self.rules.queues.get(item.queue_id) if item.queue_id else None
        return item.routed_to is not None and (queue is None or queue.is_native)

    def put_many(self, alike: Sequence[Alike], rows: BacklogRows, now: int) -> None:
        """Waiting items in bulk. None of them may be in the picture: who has been is to be put as a whole item."""
        self.world.backlog.put_many(alike, rows, now)

    def like(self, item: WorkItem) -> BacklogItem:
        """What the items of a bulk that are like this waiting one have in common."""
        return self._waiting(item, weight_of(item, self.rules))

    def set_aside(self, item: BacklogItem, agent_id: str, now: int, *, offered: bool) -> None:
        """A waiting item is claimed for an agent: as if granted, until `confirm`, `take_back`, or a newer revision."""
        self.world.backlog.discard(item.number)
        self._aside[item.number] = item
        holding = Holding(
            agent_id, item.weight, item.media_type, item.queue_id, item.segment, offered, now, item.revision
        )
        self._hold(item.number, holding)

    def is_aside(self, number: int) -> bool:
        """Whether it is not known yet if the item is granted."""
        return number in self._aside

    def confirm(self, number: int) -> None:
        """The claim was granted. Nothing to do where the log has told of it, or of more, already."""
        item = self._aside.pop(number, None)
        if item is not None:
            self.holdings[number].revision = item.revision + 1

    def take_back(self, number: int, now: datetime, *, doubtful: bool = False) -> None:
        """The claim was not granted: as if it had never been made, unless something newer has been read meanwhile.

        `doubtful`: that is not known, and has to be found out.
        """
        item = self._aside.pop(number, None)
        if item is not None:
            if doubtful:
                self.doubtful.add(number)
            self._end_holding(number, now, passes_to=self.holdings[number].agent_id)
            self.world.backlog.put(item, to_micros(now))

    def _waiting(
        self, item: WorkItem, weight: int, served: tuple[str, datetime] | None = None
    ) -> BacklogItem:
        return backlog_item(
            item,
            queue=self.rules.queues.get(item.queue_id) if item.queue_id else None,
            schema=self.rules.schemas.get(item.schema_id) if item.schema_id else None,
            weight=weight,
            handle_time=self._handle_time(item),
            last_service=None if served is None else LastService(served[0], to_micros(served[1])),
        )

    def _still_fits(self, item: WorkItem, agent_id: str, weight: int, now: int) -> bool:
        """Whether the agent of an open offer could still serve the item (it may have been judged again)."""
        agent = self.world.agents.get(agent_id)
        if agent is None:
            return False
        queue = self.rules.queues.get(item.queue_id) if item.queue_id else None
        reason = misfit(
            profile_of(agent, now), demand_at(self._waiting(item, weight), queue, now), queue, GrantKind.PUSH
        )
        return reason is None or reason in (Reason.PREFERRED, Reason.RESERVED, Reason.GROUP_DELAY)

    def take_unfit(self) -> dict[int, tuple[UUID, UUID]]:
        """Items whose open offer no longer fits its agent: number → (item, offer); each is told once."""
        unfit, self._unfit = self._unfit, {}
        return unfit

    def put_back_unfit(self, unfit: Mapping[int, tuple[UUID, UUID]]) -> None:
        """What was told and could not be acted upon is to be told again."""
        self._unfit = {**unfit, **self._unfit}

    def _handle_time(self, item: WorkItem) -> int | None:
        category = self.rules.categories.get(item.category_id) if item.category_id else None
        return None if category is None else category.target_handle_time

    def _hold(self, number: int, holding: Holding) -> None:
        agent_id, media_type = holding.agent_id, holding.media_type
        self.holdings[number] = holding
        if holding.offered and (queue := self.rules.queues.get(holding.queue_id)) and queue.auto_accept:
            self.at_once.add(number)
        self._of_agent.setdefault(agent_id, set()).add(number)
        self.world.count_outstanding(holding.queue_id, holding.segment, 1)
        load = self.world.load(agent_id)
        media = {**load.media, media_type: load.media.get(media_type, 0) + 1}
        self._put_load(
            agent_id,
            load.weight + holding.weight,
            media,
            load.frees_at,
            offered=load.open_offer or holding.offered,
        )

    def _end_holding(self, number: int, now: datetime, *, passes_to: str | None = None) -> None:
        holding = self.holdings.pop(number, None)
        if holding is None:
            return
        self.at_once.discard(number)
        agent_id, media_type = holding.agent_id, holding.media_type
        mine = self._of_agent[agent_id]
        mine.discard(number)
        if not mine and not holding.offered and passes_to != agent_id:
            self._idle_since[agent_id] = to_micros(now)
        self.world.count_outstanding(holding.queue_id, holding.segment, -1)
        load = self.world.load(agent_id)
        media = dict(load.media)
        media[media_type] -= 1
        if not media[media_type]:
            del media[media_type]
        offered = load.open_offer and (not holding.offered or any(self.holdings[n].offered for n in mine))
        self._put_load(agent_id, load.weight - holding.weight, media, load.frees_at, offered=offered)

    def _put_load(
        self, agent_id: str, weight: int, media: dict[str, int], frees_at: int | None, *, offered: bool
    ) -> None:
        load = Load(weight, media, offered, self._idle_since.get(agent_id, 0), frees_at)
        self.world.put_load(agent_id, load)

    def _leave(self, number: int, now: datetime) -> None:
        revision = self.revision(number)
        self._unfit.pop(number, None)
        self._aside.pop(number, None)
        self._end_holding(number, now)
        self.world.backlog.discard(number)
        self._note_gone(number, revision)

    def _note_gone(self, number: int, revision: int) -> None:
        """What was read before the item left, and comes late, must not bring it back."""
        self._gone.pop(number, None)
        self._gone[number] = revision
        if len(self._gone) > REMEMBERED:
            del self._gone[next(iter(self._gone))]

    def put_agent(self, agent: Agent) -> None:
        self.world.put_agent(agent)
        if any(state.pending is not None for state in agent.states.values()):
            self._stopping.add(agent.id)
        else:
            self._stopping.discard(agent.id)
        if agent.logged_in_at is not None:
            self.idle_at_least(agent.id, agent.logged_in_at)

    def idle_at_least(self, agent_id: str, since: datetime) -> None:
        self._idle_since[agent_id] = max(to_micros(since), self._idle_since.get(agent_id, 0))

    def knows(self, event: LoggedEvent) -> bool:
        """Whether what the event tells of its item is in the picture already.

        So is the offer of an item set aside, at its next revision: a decider alone offers, and if that was
        another one, the claim on its way comes back without a grant, and the item is read again then.
        """
        number, revision = event.item_number, event.revision or 0
        if number is None:
            return True
        aside = self._aside.get(number)
        if aside is not None and event.type == EventType.OFFERED and revision == aside.revision + 1:
            return True
        return self.revision(number) >= revision

    def take(self, event: LoggedEvent, now: datetime) -> bool:
        """Takes over what became of an item in somebody's hands, where its event says all; False: it is to be read."""
        number, revision = event.item_number, event.revision or 0
        holding = None if number is None else self.holdings.get(number)
        if number is None or holding is None or number in self._aside or holding.revision != revision - 1:
            return False
        if event.type == EventType.COMPLETED:
            self._unfit.pop(number, None)
            self._end_holding(number, now)
            self._note_gone(number, revision)
            return True
        agent_id = event.body.get("set", {}).get("assigned_to")
        if event.type == EventType.ASSIGNED and holding.offered and agent_id == holding.agent_id:
            self._unfit.pop(number, None)
            self._end_holding(number, now, passes_to=agent_id)
            self._hold(number, replace(holding, offered=False, since=to_micros(event.at), revision=revision))
            return True
        return False

    def revision(self, number: int) -> int:
        """The revision at which the item is in the picture, or has left it lately; 0 for one not met."""
        holding = self.holdings.get(number)
        if holding is not None:
            return holding.revision
        waiting = self.world.backlog.revision_of(number)
        return self._gone.get(number, 0) if waiting is None else waiting

    def not_in_bulk(self) -> list[int]:
        """Items that are in the picture without waiting, or have left it."""
        return [*self.holdings, *self._gone]

    def reckon(self, agent_id: str, now: datetime) -> None:
        """Counts anew what the agent has in hand."""
        weight, offered, frees = 0, False, None
        media: dict[str, int] = {}
        for number in self._of_agent.get(agent_id, ()):
            holding = self.holdings[number]
            weight += holding.weight
            offered = offered or holding.offered
            media[holding.media_type] = media.get(holding.media_type, 0) + 1
        running = [w for w in self._wrap_ups.get(agent_id, ()) if w.until > now]
        for wrap_up in running:
            weight += wrap_up.weight
            media[wrap_up.media_type] = media.get(wrap_up.media_type, 0) + 1
            end = to_micros(wrap_up.until)
            frees = end if frees is None else min(frees, end)
        self._put_load(agent_id, weight, media, frees, offered=offered)

    def end_wrap_ups(self, now: datetime) -> None:
        """Frees the capacity of wrap-ups that are over."""
        for agent_id, running in list(self._wrap_ups.items()):
            left = [w for w in running if w.until > now]
            if len(left) != len(running):
                self._wrap_ups[agent_id] = left
                self.reckon(agent_id, now)

    def items_of(self, agent_id: str) -> set[int]:
        return self._of_agent.get(agent_id, set())

    def pending_changes(self) -> list[tuple[str, str]]:
        """Agents whose 'after current items' has come: (agent, media type or '*')."""
        ready = []
        for agent_id in self._stopping:
            agent = self.world.agents.get(agent_id)
            if agent is None or not agent.active:
                continue
            for media, state in agent.states.items():
                if state.pending is None:
                    continue
                mine = [self.holdings[n] for n in self.items_of(agent.id)]
                if not any(media in ("*", h.media_type) for h in mine):
                    ready.append((agent.id, media))
        return ready
