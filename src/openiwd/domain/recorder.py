"""Records choices: why these agents got these items. Pure. What the choices of one pass have in common is found once.

Changes nothing and decides nothing. Of many agents, a sample stands for all, and the record says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

import numpy as np

from openiwd.domain.agent import Agent
from openiwd.domain.agent_sample import CODES, REASONS, AgentSample, Codes
from openiwd.domain.backlog_item import BacklogItem, Demand
from openiwd.domain.decision import (
    RUNNERS_UP,
    Decision,
    NextChange,
    Number,
    priority_parts,
    shown_items,
)
from openiwd.domain.distribution import Choice, eligible_items
from openiwd.domain.eligibility import Reason
from openiwd.domain.instant import from_micros
from openiwd.domain.offer import GrantKind
from openiwd.domain.schema import shown
from openiwd.domain.world import World

FEW: Final = 8
"""For so many choices of a pass the runners-up are looked for in the whole backlog."""
_DECLINED: Final = CODES[Reason.DECLINED]

Asked = tuple[tuple[str, int], ...]


class Recorder:
    """Keeps between passes what lasts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sample = AgentSample(world)

    def begin(self, choices: Sequence[Choice], now: int, kind: GrantKind = GrantKind.PUSH) -> RecordedPass:
        """To be called before the choices are applied to the world."""
        return RecordedPass(self._world, self._sample, choices, now, kind)


class _Tally:
    """What all choices of one demand share: agents by reason, skills asked for, the choices in their order."""

    __slots__ = ("asked", "counts", "excluded", "fits", "free", "line")

    def __init__(self, asked: Asked, fits: Codes, free: Codes) -> None:
        self.asked = asked
        self.fits = fits
        self.free = free
        found = np.bincount(np.where(fits == 0, free, fits), minlength=len(CODES))
        self.counts: list[int] = found.tolist()
        self.excluded = _by_count(self.counts)
        self.line: list[tuple[int, Number]] = []


class RecordedPass:
    """Records choices of one pass, all as of its start."""

    def __init__(
        self, world: World, agents: AgentSample, choices: Sequence[Choice], now: int, kind: GrantKind
    ) -> None:
        self._world = world
        self._sample = agents
        self._now = now
        self._instant = from_micros(now)
        self._eligibility = world.eligibility(now, kind)
        self._waiting = len(world.backlog)
        self._elapsed: dict[str, int | None] = {}
        self._tallies: dict[Demand, _Tally] = {}
        self._places: dict[int, tuple[_Tally, int]] = {}
        self._is_large = len(choices) > FEW
        agents.refresh(now)
        for choice in choices:
            tally = self._tally(world.demand(choice.item, now))
            self._places[choice.item.number] = tally, len(tally.line)
            tally.line.append((choice.item.number, shown(choice.priority)))

    def _tally(self, demand: Demand) -> _Tally:
        found = self._tallies.get(demand)
        if found is None:
            fits = self._sample.misfits(demand, self._eligibility.kind)
            free = self._sample.unavailable(demand, self._eligibility)
            asked = () if demand.reserved_for is not None else demand.signature.skills
            found = self._tallies[demand] = _Tally(asked, fits, free)
        return found

    def record(self, choice: Choice) -> Decision:
        """The record of one of the choices."""
        world, item = self._world, choice.item
        agent = world.agents[choice.agent_id]
        tally, place = self._places[item.number]
        considered, excluded, eligible = self._counted(item, tally, agent)
        ahead = self._sample.ahead.of(item, self._now)
        return Decision(
            at=self._now,
            rule_set_version=world.rule_set_version,
            kind=choice.kind,
            agent_id=agent.id,
            item_number=item.number,
            revision=item.revision,
            priority=priority_parts(world, item, choice.priority, self._elapsed_for(item)),
            waiting=self._waiting,
            considered=considered,
            agents=len(world.agents),
            eligible=eligible,
            excluded=excluded,
            skills=self._skills(agent, tally.asked) if tally.asked else (),
            runners_up=tuple(tally.line[place + 1 : place + 1 + RUNNERS_UP])
            if self._is_large
            else self._runners_up(agent, item),
            changes=() if ahead is None else (NextChange(ahead.at, ahead.kind, 0, ahead.params),),
            of_pass=self._is_large,
        )

    def _elapsed_for(self, item: BacklogItem) -> int | None:
        schema_id = item.standing.schema_id
        if schema_id not in self._elapsed:
            schema = self._world.backlog.schema(schema_id)
            self._elapsed[schema_id] = None if schema is None else schema.clock.elapsed(self._now)
        return self._elapsed[schema_id]

    def _skills(self, agent: Agent, asked: Asked) -> tuple[tuple[str, int, int], ...]:
        """What is asked for, and what of it the agent has at this instant."""
        levels: dict[str, int] = {}
        wanted = dict(asked)
        for own in agent.skills:
            if own.skill in wanted and (own.until is None or self._instant < own.until):
                levels.setdefault(own.skill, own.level)
        return tuple([(skill, level, levels.get(skill, 0)) for skill, level in asked])

    def _counted(self, item: BacklogItem, tally: _Tally, agent: Agent) -> tuple[int, dict[str, int], int]:
        """How many agents were looked at, by which reasons they are excluded, and how many are eligible."""
        places = self._sample.places
        others = 0 if agent.id in places else 1  # the agent chosen, who is eligible, is always looked at
        considered = len(places) + others
        if not item.excluded or self._eligibility.kind is GrantKind.PICK:
            return considered, tally.excluded, tally.counts[0] + others
        counts = list(tally.counts)
        for declined in {agent_id for agent_id, until in item.excluded if self._now < until}:
            place = places.get(declined)
            if place is not None and not tally.fits[place]:
                counts[tally.free[place]] -= 1
                counts[_DECLINED] += 1
        return considered, _by_count(counts), counts[0] + others

    def _runners_up(self, agent: Agent, item: BacklogItem) -> tuple[tuple[int, Number], ...]:
        """What the agent would have been given instead."""
        found = eligible_items(self._world, agent, self._now, self._eligibility.kind)
        others = (one for one in found if one.number != item.number)
        return shown_items(self._world, list(islice(others, RUNNERS_UP)), self._now)


def record(world: World, choice: Choice, now: int) -> Decision:
    """The record of a single choice; to be asked for before the choice is applied to the world."""
    return Recorder(world).begin([choice], now, choice.kind).record(choice)


def _by_count(counts: Sequence[int]) -> dict[str, int]:
    found = [(count, code) for code, count in enumerate(counts) if count and code]
    found.sort(key=lambda one: -one[0])
    return {REASONS[code - 1].value: count for count, code in found}
