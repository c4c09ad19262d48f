"""Keeps the search index: writes into it what the log tells of, in order, and builds a new one beside it when needed.

One process at a time does this for a tenant. All that is written is the items' present state with its revision, so
writing it again, or late, does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.attribute import AttributeConfig
from openiwd.domain.errors import UnavailableError
from openiwd.ports.search_index import Fields, IndexState, SearchIndex
from openiwd.ports.tenant_store import Cursor, TenantStore

if TYPE_CHECKING:
    from openiwd.usecases.indexed_search import IndexedSearch
    from openiwd.usecases.platform import TenantServices

CHUNK: Final = 1_000
BUILD_CHUNK: Final = 400
WANTED: Final = "search.wanted"
BUILT: Final = "search.built"


class Wanted(Struct, kw_only=True):
    """Somebody has asked for a new index."""

    at: datetime


class Built(Struct, kw_only=True):
    """The last index that was built, or how far the present one is."""

    begun_at: datetime
    done_at: datetime | None = None
    index: str = ""
    items: int = 0
    of: int = 0
    reason: str = ""


class LogCutError(Exception):
    """What the index has seen of the log is not what there is: another generation, or a part that is no longer kept."""


class SearchFeeding:
    """Feeds one tenant's index. `wrote` hears of each batch of documents."""

    def __init__(
        self,
        services: TenantServices,
        indexed: IndexedSearch,
        wrote: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._services = services
        self._store: TenantStore = services.runtime.store
        self._indexed = indexed
        self._index: SearchIndex = indexed.index
        self._wrote = wrote
        self._writing = asyncio.Lock()
        self._is_cut = False
        self.lag = 0
        """Events that the index does not show yet, as of the last step."""
        self.is_even = False
        """Whether the last step has reached the end of the log."""

    async def follow(self) -> bool:
        """Takes in the next part of the log; True when there is more at once."""
        async with self._writing:
            self.is_even = False
            state = await self._index.state()
            if state is None:
                self._indexed.saw(None)
                return False
            try:
                state, more = await self._take(state)
            except LogCutError:
                self._is_cut = True
                return False
            self._indexed.saw(state)
            self.is_even = self.lag == 0
            return more

    async def _take(self, state: IndexState) -> tuple[IndexState, bool]:
        """The index one part further; whether that part was a full one."""
        async with self._store.reading() as reading:
            head = await reading.head()
            if head.generation != state.cursor.generation or head < state.cursor:
                raise LogCutError
            events = [] if head == state.cursor else await reading.events(state.cursor, CHUNK)
            if not events:
                self.lag = 0
                return state, False
            if events[0].generation != state.cursor.generation or events[0].pos != state.cursor.pos + 1:
                raise LogCutError
            revisions = {e.item_number: e.revision or 0 for e in events if e.item_number is not None}
            items = await reading.items_by_number(list(revisions))
        gone = {number: revision for number, revision in revisions.items() if number not in items}
        await self._index.write(state.name, list(items.values()), gone, state.fields)
        self._wrote(len(revisions))
        further = replace(state, cursor=Cursor(events[-1].generation, events[-1].pos))
        await self._index.reached(further)
        self.lag = max(0, head.pos - further.cursor.pos)
        return further, len(events) == CHUNK

    async def reason(self) -> str | None:
        """Why a new index is needed now; None when it is not."""
        state = await self._index.state()
        if state is None:
            return "there is none"
        if self._is_cut:
            return "the log was cut"
        form, _ = self._index.form(await self._attributes())
        if form != state.form:
            return "other attributes"
        async with self._store.reading() as reading:
            wanted, built = await reading.checkpoint(WANTED), await reading.checkpoint(BUILT)
        if wanted is None:
            return None
        last = None if built is None else msgspec.convert(built, Built).begun_at
        return "asked for" if last is None or msgspec.convert(wanted, Wanted).at > last else None

    async def build(self, reason: str) -> Built:
        """Builds a new index beside the one in use, which is fed meanwhile, and puts it in its place."""
        form, fields = self._index.form(await self._attributes())
        async with self._store.reading() as reading:
            start, last = await reading.head(), await reading.last_number()
        built = Built(begun_at=self._services.runtime.now(), of=last, reason=reason)
        await self._save(built)
        name = await self._index.begin(form, fields)
        built.index = name
        await self._load(name, fields, last, built)
        state = IndexState(name=name, cursor=start, fields=fields, form=form)
        await self._index.reached(state)
        more = True
        while more:
            state, more = await self._take(state)
        async with self._writing:
            state, _ = await self._take(state)
            await self._index.go_live(name)
            self._is_cut = False
            self._indexed.saw(state)
        built.done_at = self._services.runtime.now()
        await self._save(built)
        return built

    async def tidy(self) -> None:
        """Drops what earlier buildings have left, once nobody asks it any more; never while one is built."""
        await self._index.tidy()

    async def _load(self, name: str, fields: Fields, last: int, built: Built) -> None:
        """Numbers are dense. What is added or changed meanwhile is in the log after the place where it began."""
        for first in range(1, last + 1, BUILD_CHUNK):
            numbers = range(first, min(first + BUILD_CHUNK, last + 1))
            async with self._store.reading() as reading:
                items = await reading.items_by_number(numbers)
            await self._index.write(name, list(items.values()), {}, fields)
            self._wrote(len(items))
            built.items += len(items)
            if first // BUILD_CHUNK % 25 == 24:
                await self._save(built)

    async def _save(self, built: Built) -> None:
        async with self._store.writing() as tx:
            await tx.save_checkpoint(BUILT, msgspec.to_builtins(built))

    async def _attributes(self) -> list[AttributeConfig]:
        try:
            return (await self._services.runtime.rules()).document.attributes
        except UnavailableError:
            return []  # no rule set is live yet


async def ask_for_index(store: TenantStore, now: datetime) -> None:
    """Has the process that feeds the index build a new one."""
    async with store.writing() as tx:
        await tx.save_checkpoint(WANTED, msgspec.to_builtins(Wanted(at=now)))


async def last_built(store: TenantStore) -> Built | None:
    """How the last building went, or how far it is."""
    async with store.reading() as reading:
        found: Any = await reading.checkpoint(BUILT)
    return None if found is None else msgspec.convert(found, Built)
