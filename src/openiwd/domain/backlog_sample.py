"""Who waits under a schema or in a queue, as numbers for people: counts and an even sample. Pure; changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from openiwd.domain.backlog import Backlog
from openiwd.domain.backlog_group import Group
from openiwd.domain.backlog_state import BacklogState
from openiwd.domain.priority_range import PRIORITY_BOUNDS, PRIORITY_RANGES


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


def waiting_by_priority(backlog: Backlog, now: int) -> dict[str, dict[str, int]]:
    """How many items wait in each queue and range of priority, exact as of `now`; nothing of those that hold none."""
    backlog.advance(now)
    found: dict[str, list[int]] = {}
    for group in backlog.groups:
        if len(group.run):
            queue = found.setdefault(group.trait.queue_id, [0] * len(PRIORITY_BOUNDS) + [0])
            for place, count in enumerate(_counts(backlog, group)):
                queue[place] += count
    return {
        queue: {name: count for name, count in zip(PRIORITY_RANGES, counts, strict=True) if count}
        for queue, counts in sorted(found.items())
    }


def _counts(backlog: Backlog, group: Group) -> list[int]:
    """Of one group by range: it is in order of priority, so each bound is one place in it, or beyond its ends."""
    run, rise, scale = group.run, backlog.rise(group), group.line.scale
    best, worst = (backlog.columns.level_of(slot) for slot in run.ends)
    reach = [len(run)]
    for bound in PRIORITY_BOUNDS:
        level = rise - bound * scale
        if worst <= level:
            reach.append(len(run))
        elif best > level:
            break
        else:
            reach.append(run.count_before((level + 1,)))
    reach += [0] * (len(PRIORITY_RANGES) + 1 - len(reach))
    return [more - less for more, less in pairwise(reach)]
