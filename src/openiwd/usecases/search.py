"""Finding items: searches in live order within the caller's scope, the queue's order, the tree's counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from openiwd.domain.errors import InvalidInputError, NotFoundError, UnavailableError
from openiwd.domain.privilege import Caller, Scope
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.schema import shown
from openiwd.domain.work_item import OPEN, WorkItem
from openiwd.ports.tenant_store import Among, OpenCount, SearchPage, SearchQuery
from openiwd.usecases.indexed_search import IndexHealth
from openiwd.usecases.item_view import ItemView, item_view
from openiwd.usecases.live_order import live_page
from openiwd.usecases.matching_count import COUNTED, MatchingCount
from openiwd.usecases.open_counts import CategoryCount, by_category

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

MAX_LIMIT: Final = 1_000


class SearchRequest(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A search as callers write it."""

    filter: dict[str, Any] | None = None
    """Filter tree in the language of criteria: `{all|any|not: …}` over `{attribute, operator, value}`. Dates may be
    `now`, `now+2h` or `now-1d`.
    """
    text: Annotated[str, Meta(max_length=500)] | None = None
    """Full text over subject, description, captureId and contact."""
    category: Annotated[str, Meta(max_length=1_000)] | None = None
    """A category path: it and all below it."""
    sort: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=8)] = msgspec.field(
        default_factory=lambda: ["-priority"]
    )
    """Attributes, `-` for descending; `priority` is that of now."""
    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT)] = 100
    cursor: Annotated[str, Meta(max_length=2_000)] | None = None
    """Where the page before ended."""
    count: bool = True
    """Whether matches are counted (exactly up to 10,000)."""

    def query(self) -> SearchQuery:
        return SearchQuery(
            filter=self.filter,
            text=self.text,
            category=self.category,
            sort=self.sort,
            limit=self.limit,
            cursor=self.cursor,
            with_count=self.count,
        )


class Found(Struct, kw_only=True):
    """A page of items with what is needed to show them."""

    page: SearchPage
    rules: CompiledRuleSet
    now: datetime
    source: str = "database"
    """What has found them: `database`, or `index`."""
    index: IndexHealth | None = None
    """How the index is; None where there is none."""

    @property
    def views(self) -> list[ItemView]:
        return [item_view(i, self.rules, self.now) for i in self.page.items]

    @property
    def count_text(self) -> str:
        return str(self.page.count) if self.page.count_exact else f"{COUNTED // 1_000}k+"


async def prepared(
    services: TenantServices, caller: Caller, query: SearchQuery, privilege: str = "workitems.search"
) -> tuple[SearchQuery, CompiledRuleSet]:
    """The query restricted to what the caller may see, with the live schemas and the present instant."""
    if not 1 <= query.limit <= MAX_LIMIT:
        raise InvalidInputError(f"limit is {query.limit}", field="limit", hint=f"use 1 to {MAX_LIMIT}")
    rules = await services.runtime.rules()
    return (
        replace(
            query,
            scope=caller.restriction(privilege),
            schemas=dict(rules.schemas),
            now=services.runtime.now(),
        ),
        rules,
    )


async def search(services: TenantServices, caller: Caller, query: SearchQuery) -> Found:
    """One page of what matches, in the order asked for."""
    ready, rules = await prepared(services, caller, query)
    async with MatchingCount(services, ready) as counted:
        page, source = await _by_index_or_order(services, ready, counted)
        if page is None:
            page = await _by_database(services, ready, counted)
    return Found(
        page=page,
        rules=rules,
        now=ready.now or services.runtime.now(),
        source=source,
        index=services.indexed.health if services.indexed is not None else None,
    )


async def _by_index_or_order(
    services: TenantServices, query: SearchQuery, counted: MatchingCount
) -> tuple[SearchPage | None, str]:
    """The page by one of the ways that are quicker than the database alone. Words are what an index is best at."""
    indexed = services.indexed
    if indexed is not None and query.text and (page := await indexed.page(query)) is not None:
        return page, "index"
    page = await live_page(services, query, counted)
    if page is None and indexed is not None and query.filter and not query.text:
        page = await indexed.page(query)
        return page, "database" if page is None else "index"
    return page, "database"


async def _by_database(services: TenantServices, query: SearchQuery, counted: MatchingCount) -> SearchPage:
    """What is being counted already is waited for: few matches need not be looked for again."""
    if not counted.has_begun:
        async with services.runtime.store.reading() as reading:
            return await reading.search(query)
    numbers = (await counted.matching()).numbers
    among = None if numbers is None else Among(numbers=numbers)
    async with services.runtime.store.reading() as reading:
        page = await reading.search(replace(query, among=among, with_count=False))
    return page if page.next_cursor is None else await counted.told(page)


async def count(services: TenantServices, caller: Caller, query: SearchQuery, most: int) -> int:
    """How many match, counted to `most` and no further."""
    ready, _ = await prepared(services, caller, query)
    async with services.runtime.store.reading() as reading:
        return await reading.count(ready, most)


# The order of a queue ------------------------------------------------------------------------------------------------


class Place(Struct, kw_only=True):
    """An item's place in the live order."""

    position: int
    item: ItemView


class Order(Struct, kw_only=True):
    """The live order of a queue (or of all), exact as of `at`."""

    at: datetime
    source: str
    """`decider` (the order that offers follow), or `database` where no decider runs in this process."""
    places: list[Place]


async def order(services: TenantServices, caller: Caller, queue_id: str | None, limit: int) -> Order:
    """The queued items in the order in which agents get them; positions count hidden items, too."""
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInputError(f"limit is {limit}", field="limit", hint=f"use 1 to {MAX_LIMIT}")
    scope = caller.require("workitems.search")
    rules = await services.runtime.rules()
    if queue_id is not None and queue_id not in rules.queues:
        raise NotFoundError(
            f"there is no queue '{queue_id}'", field="queue", hint="check the id of the queue"
        )
    now = services.runtime.now()
    items, source = await _ordered(services, rules, now, queue_id, limit)
    places = [
        Place(position=n, item=_with_priority(item_view(item, rules, now), priority, now))
        for n, (item, priority) in enumerate(items, 1)
        if caller.covers(scope, item)
    ]
    return Order(at=now, source=source, places=places)


def _with_priority(view: ItemView, priority: Fraction | None, at: datetime) -> ItemView:
    return view if priority is None else replace(view, priority=shown(priority), priority_at=at)


async def _ordered(
    services: TenantServices, rules: CompiledRuleSet, now: datetime, queue_id: str | None, limit: int
) -> tuple[Sequence[tuple[WorkItem, Fraction | None]], str]:
    decider = services.decider
    if decider is not None:
        try:
            ranked = await decider.order(queue_id, limit)
        except UnavailableError:
            ranked = None
        if ranked is not None:
            async with services.runtime.store.reading() as reading:
                found = await reading.items_by_number([number for number, _ in ranked])
            return [(found[n], priority) for n, priority in ranked if n in found], "decider"
    condition: dict[str, Any] = {"attribute": "status", "operator": "eq", "value": "queued"}
    if queue_id is not None:
        condition = {"all": [condition, {"attribute": "queue", "operator": "eq", "value": queue_id}]}
    query = SearchQuery(filter=condition, limit=limit, with_count=False, schemas=dict(rules.schemas), now=now)
    async with services.runtime.store.reading() as reading:
        page = await reading.search(query)
    return [(item, None) for item in page.items], "database"


# The tree ------------------------------------------------------------------------------------------------------------


class QueueCount(Struct, kw_only=True, rename="camel"):
    """Open items of one queue in one status."""

    queue: str | None
    status: str
    count: int
    overdue: int


async def category_counts(services: TenantServices, caller: Caller) -> list[CategoryCount]:
    """Open items by category and status, within the caller's access groups."""
    if caller.require("workitems.search") is Scope.ALL:
        return await services.open_counts.of_categories(services.runtime)
    return by_category(await open_counts(services, caller))


async def queue_counts(services: TenantServices, caller: Caller) -> list[QueueCount]:
    """Open items by queue and status, within the caller's access groups."""
    counts: dict[tuple[str | None, str], QueueCount] = {}
    for one in await open_counts(services, caller):
        key = (one.queue_id, one.status)
        entry = counts.setdefault(key, QueueCount(queue=key[0], status=key[1], count=0, overdue=0))
        entry.count += one.items
        entry.overdue += one.overdue
    return list(counts.values())


async def open_counts(services: TenantServices, caller: Caller) -> Sequence[OpenCount]:
    """The counts that the caller may know."""
    match caller.require("workitems.search"):
        case Scope.OWN:
            async with services.runtime.store.reading() as reading:
                items = await reading.items_of_agent(caller.agent_id or "")
            now = services.runtime.now()
            return [_counted(item, now) for item in items if item.status in OPEN]
        case Scope.ALL:
            return await services.open_counts.of(services.runtime)
        case Scope.GROUP:
            return [c for c in await services.open_counts.of(services.runtime) if _is_of_group(c, caller)]


def _counted(item: WorkItem, now: datetime) -> OpenCount:
    overdue = item.due_at is not None and item.due_at < now
    return OpenCount(item.category_path, item.queue_id, item.status.value, 1, int(overdue))


def _is_of_group(one: OpenCount, caller: Caller) -> bool:
    path = one.category_path or ""
    return one.queue_id in caller.queues or any(
        path == c or path.startswith(f"{c}/") for c in caller.categories
    )
