"""Searches items: filter, full text, live order, pages that stay in place while items change."""

from __future__ import annotations

from collections.abc import AsyncIterator

from openiwd.adapters.postgres.connection import Connection
from openiwd.domain.work_item import WorkItem
from openiwd.ports.tenant_store import SearchPage, SearchQuery


class SearchReading:
    """The part of `Reading` that searches."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def search(self, query: SearchQuery) -> SearchPage:
        raise NotImplementedError

    async def scan(self, query: SearchQuery, chunk: int = 500) -> AsyncIterator[list[WorkItem]]:
        raise NotImplementedError
        yield []
