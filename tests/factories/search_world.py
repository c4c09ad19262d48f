"""Builders: a tenant's database and its index on a real search server, fed by hand."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from openiwd.adapters.search.opensearch_index import OpenSearchIndex
from openiwd.adapters.search.opensearch_server import OpenSearchServer
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.event import EventType, item_event
from openiwd.domain.work_item import WorkItem
from openiwd.ports.tenant_store import SearchPage, SearchQuery
from openiwd.processes.identity import new_id
from openiwd.usecases.indexed_search import IndexedSearch
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.search_feeding import SearchFeeding
from tests.factories.stored_item import START, store_items
from tests.factories.tenant import RULES, make_runtime, pools_for

ATTRIBUTES = """
attributes:
  - {name: amount, type: decimal}
  - {name: "on", type: date}
"""


class SearchWorld:
    """What a search finds by the database alone, and with the index."""

    def __init__(self, services: TenantServices, server: OpenSearchServer) -> None:
        self.services, self.server = services, server
        self.store = services.runtime.store
        assert services.indexed is not None
        self.indexed: IndexedSearch = services.indexed
        self.feeding = SearchFeeding(services, self.indexed)

    @property
    def index(self) -> OpenSearchIndex:
        index = self.indexed.index
        assert isinstance(index, OpenSearchIndex)
        return index

    async def add(self, items: Sequence[WorkItem]) -> list[WorkItem]:
        return await store_items(self.store, items)

    async def change(self, item: WorkItem, **fields: Any) -> WorkItem:
        """A change as any, with its event."""
        changed = replace(item, revision=item.revision + 1, **fields)
        async with self.store.writing() as tx:
            assert await tx.update_items([(item.revision, changed)])
            await tx.append_events(
                [item_event(EventType.UPDATED, item, changed, at=START, actor="system:test")]
            )
        return changed

    async def feed(self) -> None:
        while await self.feeding.follow():
            pass

    async def by_database(self, **query: Any) -> SearchPage:
        async with self.store.reading() as reading:
            return await reading.search(SearchQuery(**{"now": START, **query}))

    async def by_index(self, **query: Any) -> SearchPage | None:
        return await self.indexed.page(SearchQuery(**{"now": START, **query}))

    async def compared(self, **query: Any) -> str:
        """How the index helped (`index`, or why not), after the page was the same as the database's own."""
        before = self.indexed.answers.copy()
        try:
            alone = await self.by_database(**query)
        except InvalidInputError as error:
            alone, refused = None, error.field
        else:
            refused = None
        try:
            page = await self.by_index(**query)
        except InvalidInputError as error:
            return "refused" if error.field == refused else f"{error.field} is refused, not {refused}"
        if page is not None:
            assert alone is not None, query
            assert told(page) == told(alone), query
        (outcome,) = self.indexed.answers - before
        return str(outcome)


def told(page: SearchPage) -> tuple[Any, ...]:
    return [i.capture_id for i in page.items], page.next_cursor, page.count, page.count_exact


@asynccontextmanager
async def search_world(dsn: str, url: str) -> AsyncIterator[SearchWorld]:
    """An empty tenant; its index is dropped at the end."""
    pools = pools_for(dsn)
    server = OpenSearchServer([url], prefix=f"t{uuid.uuid4().hex[:12]}")
    try:
        runtime = await make_runtime(pools, source=RULES + ATTRIBUTES)
        services = TenantServices(runtime, new_id(), search_server=server)
        await services.feed.start()
        world = SearchWorld(services, server)
        try:
            yield world
        finally:
            await world.index.drop()
    finally:
        await server.close()
        await pools.close()
