"""How many items match a search, found out beside its page: both are one statement, and may take long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
from msgspec.structs import replace

from openiwd.domain.condition import Operator
from openiwd.domain.instant import parse_now
from openiwd.domain.work_item import Status
from openiwd.ports.tenant_store import Cursor, Matching, OpenCount, SearchPage, SearchQuery
from openiwd.usecases.open_counts import UNSEEN

if TYPE_CHECKING:
    from types import TracebackType

    from openiwd.usecases.platform import TenantServices

COUNTED: Final = 10_000
"""Matches are counted exactly up to so many."""
SPARE: Final = 5_000
"""So many events may come before a search that matches very many is counted anew."""
KEPT: Final = 200
FEW: Final = 500
"""So many matches are named: a page among them is sorted at once."""


class ManyMatches:
    """Searches of one tenant that matched very many when they were counted: their pages do not count them anew.

    Only such as time alone does not change; each event takes one match away at most.
    """

    def __init__(self, head: Callable[[], Cursor | None]) -> None:
        """`head` tells the place in the event log that this process has seen; None while it follows none."""
        self._head = head
        self._found: dict[bytes, tuple[int, Cursor]] = {}

    def most(self, key: bytes) -> int:
        """How far to count: from the second time on with something to spare, where that was not found to be in vain."""
        return COUNTED + 1 + (UNSEEN + SPARE if key in self._found and not self._is_in_vain(key) else 0)

    def _is_in_vain(self, key: bytes) -> bool:
        """Whether all were counted, and were too few to be sure of any time later."""
        found = self._found.get(key)
        return found is not None and COUNTED + 1 < found[0] <= COUNTED + UNSEEN

    def keep(self, key: bytes, count: int, head: Cursor | None) -> None:
        """`head`: the place in the log before it was counted."""
        if count > COUNTED and self._is_in_vain(key):
            return
        self._found.pop(key, None)
        if head is None or count <= COUNTED:
            return
        while len(self._found) >= KEPT:
            del self._found[next(iter(self._found))]
        self._found[key] = count, head

    def are_many(self, key: bytes) -> bool:
        """Whether surely more than are counted exactly still match."""
        found, now = self._found.get(key), self._head()
        if found is None or now is None or found[1].generation != now.generation:
            return False
        return found[0] - (now.pos - found[1].pos) - UNSEEN > COUNTED


def lasting_key(query: SearchQuery) -> bytes | None:
    """What tells a search from others by its matches; None where these change with time alone."""
    waiting: list[Any] = [query.filter]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            continue
        for key in ("all", "any", "not"):
            part = node.get(key)
            waiting += part if isinstance(part, list) else [part]
        value = node.get("value")
        values = value if isinstance(value, list) else [value]
        if (
            node.get("attribute") in ("priority", "overdue")
            or node.get("operator") == Operator.OLDER_THAN
            or any(isinstance(v, str) and parse_now(v) is not None for v in values)
        ):
            return None
    told = msgspec.json.encode([query.filter, query.text, query.category, query.scope])
    return sha256(told).digest()


class MatchingCount:
    """What is known of the matches of one search. To be left behind as a context, which ends what still runs."""

    def __init__(self, services: TenantServices, query: SearchQuery) -> None:
        self._services, self._query = services, query
        self._counting: asyncio.Task[Matching] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._counting is not None:
            self._counting.cancel()
            await asyncio.gather(self._counting, return_exceptions=True)

    @property
    def has_begun(self) -> bool:
        return self._counting is not None

    def begin(self) -> None:
        """Counts from now on, where anybody wants to know. Once is enough."""
        if self._counting is None and self._query.with_count:
            self._counting = asyncio.create_task(self._count(), name="count of a search")

    @property
    def few(self) -> list[int] | None:
        """The matches, if it is known by now that they are few."""
        counting = self._counting
        if counting is None or not counting.done() or counting.cancelled() or counting.exception():
            return None
        return counting.result().numbers

    async def matching(self) -> Matching:
        """What was counted; only after `begin`, of a query that wants to know."""
        self.begin()
        if self._counting is None:
            raise ValueError("nobody wanted to know how many match")
        return await asyncio.shield(self._counting)

    async def told(self, page: SearchPage) -> SearchPage:
        """The page with the number of matches, where that is wanted."""
        if not self._query.with_count:
            return page
        count = (await self.matching()).count
        return replace(page, count=min(count, COUNTED), count_exact=count <= COUNTED)

    async def _count(self) -> Matching:
        counts, many = self._services.open_counts, self._services.many_matches
        groups = matching_groups(self._query)
        if groups is not None and counts.are_more_than(COUNTED, groups):
            return Matching(COUNTED + 1)
        key, head = lasting_key(self._query), self._services.feed.head
        if key is not None and many.are_many(key):
            return Matching(COUNTED + 1)
        most = COUNTED + 1 if key is None else many.most(key)
        async with self._services.runtime.store.reading() as reading:
            if groups is None:
                found = await reading.matching(self._query, most, FEW)
            else:  # what groups tell of is counted in an index, which has no numbers
                found = Matching(await reading.count(self._query, most))
        if key is not None:
            many.keep(key, found.count, head)
        return found


def matching_groups(query: SearchQuery) -> Callable[[OpenCount], int] | None:
    """How many of a group of open items match; None where the query asks for more than the groups tell."""
    if query.text or query.scope is not None or query.filter is None or set(query.filter) != {"all"}:
        return None
    statuses, queue_id = asked(query.filter)
    below = f"{query.category}/"
    overdue = queue = False
    for part in query.filter["all"]:
        name, operator, value = part.get("attribute"), part.get("operator"), part.get("value")
        if (name, operator, value) == ("dueDateTime", "before", "now"):
            overdue = True
        elif (name, operator) == ("queue", "eq") and not queue:
            queue = True
        elif (name, operator) not in (("status", "in"), ("status", "eq")):
            return None

    def matching(group: OpenCount) -> int:
        path = group.category_path or ""
        named = not query.category or path == query.category or path.startswith(below)
        if not named or group.status not in statuses or queue_id not in (None, group.queue_id):
            return 0
        return group.overdue if overdue else group.items

    return matching


def asked(tree: dict[str, Any] | None) -> tuple[set[str], str | None]:
    """The statuses and the one queue that every match has, as far as the tree's uppermost group says so."""
    parts = tree.get("all", []) if tree is not None else []
    statuses = {s.value for s in Status}
    queue_id: str | None = None
    for part in parts if isinstance(parts, list) else []:
        if not isinstance(part, dict):
            continue
        name, operator, value = part.get("attribute"), part.get("operator"), part.get("value")
        values = (
            value if operator == "in" and isinstance(value, list) else [value] if operator == "eq" else None
        )
        if name == "status" and values is not None:
            statuses &= {str(v) for v in values}
        if name == "queue" and values is not None and len(values) == 1:
            queue_id = str(values[0])
    return statuses, queue_id
