"""How long free agents wait for their offers: counted as offers are granted, told to monitoring. Decides nothing."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.instant import SECOND, to_micros
from openiwd.domain.world import World

BOUNDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)
"""Seconds; the last bucket has no end."""


class OfferLatency:
    """Counts of one decider. Instants are microseconds."""

    def __init__(self) -> None:
        self.total = 0.0
        self.looked_at = 0
        """When the last look found nothing to offer: what is offered after it became possible after it."""
        self._counts = [0] * (len(BOUNDS) + 1)

    def possible_since(self, world: World, agent_id: str, item: BacklogItem) -> int | None:
        """Since when the agent has had nothing in hand and was ready, and the item was there.

        None for an agent with something in hand: when there was room for one more is not known.
        """
        load, agent = world.load(agent_id), world.agents.get(agent_id)
        if load.weight or agent is None:
            return None
        since = agent.state(item.media_type).since
        # The backlog keeps no instant of queueing of most items; their age begins when they come, or before.
        return max(load.idle_since, self.looked_at, item.anchor_at, 0 if since is None else to_micros(since))

    def observe(self, since: int, now: int) -> None:
        seconds = max(0, now - since) / SECOND
        self.total += seconds
        self._counts[bisect_left(BOUNDS, seconds)] += 1

    def buckets(self) -> list[tuple[str, int]]:
        """Upper bounds with how many lie at or below each, as Prometheus wants them."""
        below, told = 0, []
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self._counts, strict=True):
            below += count
            told.append((bound, below))
        return told
