"""Records choices: why these agents got these items. Pure. What the choices of one pass have in common is found once.

Changes nothing and decides nothing. Of many agents, evenly spaced ones stand for all (see `sample`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.agent import Agent
from openiwd.domain.backlog_item import BacklogItem, Demand
from openiwd.domain.decision import (
    RUNNERS_UP,
    Decision,
    NextChange,
    Number,
    priority_parts,
    shown_items,
)
from openiwd.domain.distribution import Choice, World, eligible_items
from openiwd.domain.eligibility import Eligibility, Profile, Reason, misfit, profile_of
from openiwd.domain.instant import to_micros
from openiwd.domain.offer import GrantKind
from openiwd.domain.schema import shown
from openiwd.domain.upcoming import FirstChanges, sample

FEW: Final = 8
"""For so many choices of a pass the runners-up are looked for in the whole backlog."""
MAX_KEPT: Final = 10_000
_REASONS: Final = tuple(Reason)
_CODES: Final[dict[Reason | None, int]] = {None: 0, **{reason: n for n, reason in enumerate(_REASONS, 1)}}
_DECLINED: Final = _CODES[Reason.DECLINED]

Codes = NDArray[np.uint8]
"""By agent of the sample: 0, or the place of a reason from 1."""


class Recorder:
    """Keeps between passes what lasts: the sample of the agents, and which demands they could serve."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.agents: list[Agent] = []
        self.places: dict[str, int] = {}
        self._among = -1
        self._profiles: list[Profile] = []
        self._skills_end: int | None = None
        self._misfits: dict[Demand, Codes] = {}

    def begin(self, choices: Sequence[Choice], now: int, kind: GrantKind = GrantKind.PUSH) -> RecordedPass:
        """To be called before the choices are applied to the world."""
        self._refresh(now)
        return RecordedPass(self, choices, now, kind)

    def _refresh(self, now: int) -> None:
        agents = self.world.agents
        now_known = None if self._among != len(agents) else [agents.get(agent.id) for agent in self.agents]
        if now_known is None or None in now_known:
            self._among = len(agents)
            self.agents = sample(agents.values())
            self.places = {agent.id: n for n, agent in enumerate(self.agents)}
            self._look_at_all(now)
            return
        if self._skills_end is not None and now >= self._skills_end:
            self.agents = [agent for agent in now_known if agent is not None]
            self._look_at_all(now)
            return
        for n, agent in enumerate(now_known):
            if agent is None or agent is self.agents[n]:
                continue
            self.agents[n] = agent
            profile = profile_of(agent, now)
            if profile != self._profiles[n]:  # not merely a new state
                self.agents = [one for one in now_known if one is not None]
                self._look_at_all(now)
                return

    def _look_at_all(self, now: int) -> None:
        self._misfits.clear()
        self._profiles = [profile_of(agent, now) for agent in self.agents]
        ends = (to_micros(s.until) for agent in self.agents for s in agent.skills if s.until is not None)
        self._skills_end = min((end for end in ends if end > now), default=None)

    def misfits(self, demand: Demand, kind: GrantKind) -> Codes:
        """Why the agents of the sample could not serve the demand however free."""
        found = self._misfits.get(demand) if kind is not GrantKind.PICK else None
        if found is None:
            queue = self.world.queues.get(demand.signature.queue)
            found = np.fromiter(
                (_CODES[misfit(profile, demand, queue, kind)] for profile in self._profiles),
                np.uint8,
                len(self._profiles),
            )
            if kind is not GrantKind.PICK:
                if len(self._misfits) >= MAX_KEPT:
                    self._misfits.clear()
                self._misfits[demand] = found
        return found


class _Tally:
    """Agents by reason for one demand."""

    __slots__ = ("counts", "excluded", "fits", "free")

    def __init__(self, misfits: Codes, unavailable: Codes) -> None:
        self.fits = misfits
        self.free = unavailable
        found = np.bincount(np.where(misfits == 0, unavailable, misfits), minlength=len(_CODES))
        self.counts: list[int] = found.tolist()
        self.excluded = _by_count(self.counts)


class RecordedPass:
    """Records choices of one pass, all as of its start."""

    def __init__(self, recorder: Recorder, choices: Sequence[Choice], now: int, kind: GrantKind) -> None:
        self._recorder = recorder
        self._world = world = recorder.world
        self._now = now
        self._kind = kind
        self._waiting = len(world.backlog)
        self._eligibility: Eligibility = world.eligibility(now, kind)
        self._loads = [world.load(agent.id) for agent in recorder.agents]
        self._ahead = FirstChanges(world, recorder.agents, now)
        self._unavailable: dict[tuple[str, int, int | None], Codes] = {}
        self._tallies: dict[Demand, _Tally] = {}
        self._elapsed: dict[str, int] = {}
        self._is_large = len(choices) > FEW
        self._next: dict[int, tuple[tuple[int, Number], ...]] = {}
        if self._is_large:
            self._line_up(choices)

    def _line_up(self, choices: Sequence[Choice]) -> None:
        """Behind each choice the next ones of the same demand: items that its agent could have been given."""
        lines: dict[Demand, list[tuple[int, Number]]] = {}
        for choice in choices:
            line = lines.setdefault(self._world.demand(choice.item, self._now), [])
            line.append((choice.item.number, shown(choice.priority)))
        for line in lines.values():
            for n, (number, _) in enumerate(line):
                self._next[number] = tuple(line[n + 1 : n + 1 + RUNNERS_UP])

    def record(self, choice: Choice) -> Decision:
        """The record of one of the choices; its item must still wait in the world."""
        world, item, now = self._world, choice.item, self._now
        agent = world.agents[choice.agent_id]
        demand = world.demand(item, now)
        considered, excluded, eligible = self._counted(item, demand, agent)
        schema = world.backlog.schema(item.standing.schema_id)
        elapsed = None
        if schema is not None:
            elapsed = self._elapsed.get(schema.clock.id)
            if elapsed is None:
                elapsed = self._elapsed[schema.clock.id] = schema.clock.elapsed(now)
        ahead = self._ahead.of(item)
        asked = () if demand.reserved_for is not None else demand.signature.skills
        levels = self._eligibility.profile(agent).skills if asked else {}
        return Decision(
            at=now,
            rule_set_version=world.rule_set_version,
            kind=choice.kind,
            agent_id=agent.id,
            item_number=item.number,
            revision=item.revision,
            priority=priority_parts(world, item, choice.priority, elapsed),
            waiting=self._waiting,
            considered=considered,
            agents=len(world.agents),
            eligible=eligible,
            excluded=excluded,
            skills=tuple((skill, level, levels.get(skill, 0)) for skill, level in asked),
            runners_up=self._next[item.number] if self._is_large else self._runners_up(agent, item),
            changes=() if ahead is None else (NextChange(ahead.at, ahead.kind, 0, ahead.params),),
            of_pass=self._is_large,
        )

    def _counted(self, item: BacklogItem, demand: Demand, agent: Agent) -> tuple[int, dict[str, int], int]:
        """How many agents were looked at, by which reasons they are excluded, and how many are eligible."""
        places = self._recorder.places
        others = 0 if agent.id in places else 1  # the agent chosen, who is eligible, is always looked at
        tally = self._tallies.get(demand)
        if tally is None:
            tally = self._tallies[demand] = _Tally(
                self._recorder.misfits(demand, self._kind), self._unavailable_for(demand)
            )
        considered = len(self._recorder.agents) + others
        if not item.excluded or self._kind is GrantKind.PICK:
            return considered, tally.excluded, tally.counts[0] + others
        counts = list(tally.counts)
        for declined in {agent_id for agent_id, until in item.excluded if self._now < until}:
            place = places.get(declined)
            if place is not None and not tally.fits[place]:
                counts[tally.free[place]] -= 1
                counts[_DECLINED] += 1
        return considered, _by_count(counts), counts[0] + others

    def _unavailable_for(self, demand: Demand) -> Codes:
        asked = demand.signature
        key = (asked.media, asked.weight, demand.handle_time)
        found = self._unavailable.get(key)
        if found is None:
            agents = self._recorder.agents
            found = self._unavailable[key] = np.fromiter(
                (
                    _CODES[self._eligibility.unavailable(agent, load, *key)]
                    for agent, load in zip(agents, self._loads, strict=True)
                ),
                np.uint8,
                len(agents),
            )
        return found

    def _runners_up(self, agent: Agent, item: BacklogItem) -> tuple[tuple[int, Number], ...]:
        """What the agent would have been given instead."""
        found = eligible_items(self._world, agent, self._now, self._kind)
        others = (one for one in found if one.number != item.number)
        return shown_items(self._world, list(islice(others, RUNNERS_UP)), self._now)


def record(world: World, choice: Choice, now: int) -> Decision:
    """The record of a single choice; to be asked for before the choice is applied to the world."""
    return Recorder(world).begin([choice], now, choice.kind).record(choice)


def _by_count(counts: Sequence[int]) -> dict[str, int]:
    found = [(count, code) for code, count in enumerate(counts) if count and code]
    found.sort(key=lambda one: -one[0])
    return {_REASONS[code - 1].value: count for count, code in found}
