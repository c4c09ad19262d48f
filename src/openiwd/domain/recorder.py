"""Records choices: why these agents got these items. Pure. What the choices of one pass have in common is found once.

Changes nothing and decides nothing. Of many agents, a sample stands for all, and the record says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.agent import Agent
from openiwd.domain.agent_sample import AgentSample
from openiwd.domain.agent_traits import CODES, REASONS
from openiwd.domain.backlog_group import Pool
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.decision import RUNNERS_UP, Decision, parts_of
from openiwd.domain.distribution import Choice, eligible_items
from openiwd.domain.eligibility import Reason
from openiwd.domain.offer import GrantKind
from openiwd.domain.packed_decision import (
    CHANGE_PLACES,
    FORM,
    KIND_PLACES,
    REASON_PLACES,
    PackedDecision,
    pack,
    told,
)
from openiwd.domain.schema import Schema, hundredths
from openiwd.domain.upcoming import Upcoming
from openiwd.domain.world import World

FEW: Final = 8
"""For so many choices of a pass the runners-up are looked for in the whole backlog."""
_DECLINED: Final = CODES[Reason.DECLINED]
_PLACES: Final = np.array([REASON_PLACES[reason.value] for reason in REASONS], np.int64)
"""By code - 1: the reason's place in a packed record."""


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

    __slots__ = ("asked", "counts", "excluded", "line", "row")

    def __init__(self, row: int, pool: Pool) -> None:
        demand = pool.demand
        self.row = row
        self.asked = () if demand.reserved_for is not None else demand.signature.skills
        self.counts: list[int] = []
        self.excluded: list[int] = []
        self.line: list[tuple[int, int]] = []
        """Number and priority in hundredths."""


class RecordedPass:
    """Records choices of one pass, all as of its start."""

    def __init__(
        self, world: World, agents: AgentSample, choices: Sequence[Choice], now: int, kind: GrantKind
    ) -> None:
        self._world = world
        self._sample = agents
        self._now = now
        self._eligibility = world.eligibility(now, kind)
        self._waiting = len(world.backlog)
        self._schemas: dict[str, tuple[Schema | None, int | None]] = {}
        self._places: dict[int, tuple[_Tally, int]] = {}
        self._is_large = len(choices) > FEW
        agents.refresh(now)
        world.backlog.advance(now)
        pools: list[Pool] = []
        tallies: dict[int, _Tally] = {}
        for choice in choices:
            number, priority = choice.item.number, choice.priority
            pool = world.backlog.group_of(number).pool
            tally = tallies.get(pool.demand_id)
            if tally is None:
                tally = tallies[pool.demand_id] = _Tally(len(pools), pool)
                pools.append(pool)
            self._places[number] = tally, len(tally.line)
            tally.line.append((number, hundredths(priority.numerator, priority.denominator)))
        self._count(pools, list(tallies.values()))

    def _count(self, pools: Sequence[Pool], tallies: Sequence[_Tally]) -> None:
        """Agents by reason, for all demands together."""
        kinds: dict[tuple[str, int, int | None], int] = {}
        of = [
            kinds.setdefault((asked.media, asked.weight, demand.handle_time), len(kinds))
            for demand in (pool.demand for pool in pools)
            for asked in (demand.signature,)
        ]
        self._fits = self._sample.misfits(pools, self._eligibility.kind)
        free = [self._sample.unavailable(kind, self._eligibility) for kind in kinds]
        if not free:
            return
        self._free = np.stack(free)[of]
        width = len(CODES)
        codes = np.where(self._fits == 0, self._free, self._fits) + width * np.arange(len(pools))[:, None]
        counts = np.bincount(codes.ravel(), minlength=width * len(pools)).reshape(-1, width)
        for tally, found, excluded in zip(tallies, counts.tolist(), _by_count(counts), strict=True):
            tally.counts, tally.excluded = found, excluded

    def record(self, choice: Choice) -> Decision:
        """The record of one of the choices."""
        return told(self._packed(choice))

    def pack(self, choice: Choice) -> bytes:
        """The record of one of the choices as bytes."""
        return pack(self._packed(choice))

    def _packed(self, choice: Choice) -> PackedDecision:
        world, item = self._world, choice.item
        number = item.number
        agent = world.agents[choice.agent_id]
        tally, place = self._places[number]
        considered, excluded, eligible = self._counted(item, tally, agent)
        ahead = self._sample.ahead.of(item, self._now)
        total = tally.line[place][1]
        parts = parts_of(*self._schema(item.standing.schema_id), item, total, choice.priority)
        if self._is_large:
            behind = tally.line[place + 1 : place + 1 + RUNNERS_UP]
        else:
            behind = self._runners_up(agent, item)
        runners_up: list[int] = []
        for other, priority in behind:
            runners_up += (other - number, priority - total)
        return PackedDecision(
            FORM,
            self._now,
            world.rule_set_version,
            KIND_PLACES[choice.kind],
            choice.agent_id,
            number,
            item.revision,
            *parts,
            self._waiting,
            None,
            considered,
            len(world.agents),
            eligible,
            excluded,
            self._skills(agent, tally.asked),
            runners_up,
            [] if ahead is None else [self._change(ahead)],
            self._is_large,
        )

    def _change(self, ahead: Upcoming) -> tuple[int, int, int, dict[str, str | int]]:
        return ahead.at - self._now, CHANGE_PLACES[ahead.kind], 0, ahead.params

    def _schema(self, schema_id: str) -> tuple[Schema | None, int | None]:
        """The schema and what its clock shows."""
        known = self._schemas.get(schema_id)
        if known is None:
            schema = self._world.backlog.schema(schema_id)
            elapsed = None if schema is None else schema.clock.elapsed(self._now)
            known = self._schemas[schema_id] = schema, elapsed
        return known

    def _skills(self, agent: Agent, asked: tuple[tuple[str, int], ...]) -> list[tuple[str, int, int]]:
        """What is asked for, and what of it the agent has at this instant."""
        levels = self._eligibility.profile(agent).skills
        return [(skill, level, levels.get(skill, 0)) for skill, level in asked]

    def _counted(self, item: BacklogItem, tally: _Tally, agent: Agent) -> tuple[int, list[int], int]:
        """How many agents were looked at, by which reasons they are excluded, and how many are eligible."""
        places = self._sample.places
        others = 0 if agent.id in places else 1  # the agent chosen, who is eligible, is always looked at
        considered = len(places) + others
        if not item.excluded or self._eligibility.kind is GrantKind.PICK:
            return considered, tally.excluded, tally.counts[0] + others
        counts = list(tally.counts)
        for declined in {agent_id for agent_id, until in item.excluded if self._now < until}:
            place = places.get(declined)
            if place is not None and not self._fits[tally.row, place]:
                counts[self._free[tally.row, place]] -= 1
                counts[_DECLINED] += 1
        return considered, _by_count(np.array([counts]))[0], counts[0] + others

    def _runners_up(self, agent: Agent, item: BacklogItem) -> list[tuple[int, int]]:
        """What the agent would have been given instead."""
        backlog = self._world.backlog
        found = eligible_items(self._world, agent, self._now, self._eligibility.kind)
        others = islice((one.number for one in found if one.number != item.number), RUNNERS_UP)
        return [
            (number, hundredths(priority.numerator, priority.denominator))
            for number, priority in [(other, backlog.priority(other, self._now)) for other in list(others)]
        ]


def record(world: World, choice: Choice, now: int) -> Decision:
    """The record of a single choice; to be asked for before the choice is applied to the world."""
    return Recorder(world).begin([choice], now, choice.kind).record(choice)


def _by_count(counts: NDArray[np.int64]) -> list[list[int]]:
    """Of each row: places of reasons and counts in turns, the most frequent first."""
    excluded = counts[:, 1:]
    order = np.argsort(-excluded, axis=1, kind="stable")
    told = np.empty((len(counts), 2 * order.shape[1]), np.int64)
    told[:, ::2] = _PLACES[order]
    told[:, 1::2] = np.take_along_axis(excluded, order, axis=1)
    lengths = 2 * np.count_nonzero(excluded, axis=1)
    return [row[:length] for row, length in zip(told.tolist(), lengths.tolist(), strict=True)]
