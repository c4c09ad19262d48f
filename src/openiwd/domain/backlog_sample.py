"""Who waits under a schema or in a queue, as numbers for people: counts and an even sample. Pure; changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from openiwd.domain.backlog_state import BacklogState


def waiting_by_schema(backlog: BacklogState) -> Mapping[str, int]:
    """How many items wait under each schema; it looks at groups, not at items."""
    counts: Counter[str] = Counter()
    for group in backlog.groups:
        counts[group.line.schema_id] += len(group.run)
    return +counts


def sample_under(backlog: BacklogState, schema_id: str, limit: int) -> tuple[int, list[int]]:
    """How many items wait under the schema, and the numbers of at most `limit` of them.

    A group is ordered by priority, so every n-th of each stands evenly for all of them.
    """
    runs = [g.run for g in backlog.groups if g.line.schema_id == schema_id and len(g.run)]
    total = sum(len(run) for run in runs)
    if not total or limit < 1:
        return total, []
    slots = np.concatenate([run.slots() for run in runs])
    step = -(-total // limit)
    chosen = slots[step // 2 :: step] if step > 1 else slots
    return total, [int(n) for n in backlog.columns.number[chosen]]
