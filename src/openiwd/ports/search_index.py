"""Needs: a search server beside the database, an index of items for each tenant. It finds; it is never the truth."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from openiwd.domain.attribute import AttributeConfig
from openiwd.domain.errors import UnavailableError
from openiwd.domain.search_mark import Mark
from openiwd.domain.work_item import WorkItem
from openiwd.ports.tenant_store import Cursor, SearchQuery


class SearchAwayError(UnavailableError):
    """The search server does not answer, or not in time, or not for all of the index."""

    code = "searchAway"


class IndexGoneError(SearchAwayError):
    """This index is no longer there: another has taken its place, or the server has lost it."""


class SearchBusyError(SearchAwayError):
    """The search server has too much to do: the same is to be tried again a little later."""


class Fields(Struct, frozen=True, omit_defaults=True):
    """The declared attributes that an index keeps so that they can be compared: numbers, and dates."""

    numbers: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()


class IndexState(Struct, frozen=True, kw_only=True):
    """The live index of a tenant, and how far of the log all its copies show."""

    name: str
    cursor: Cursor
    fields: Fields
    form: str
    """Of the documents and their mapping; another form needs a new index."""


class Nearest(NamedTuple):
    """What an index has found: every item that can match, or the best of them by the first sort keys.

    `before` is None where it is every one; else the place of the sort keys up to which nothing is missing. `surely`: so
    many match at least (counted to a limit).
    """

    numbers: list[int]
    before: list[str | None] | None
    surely: int


class SearchIndex(Protocol):
    """The index of one tenant. Every call raises SearchAwayError when the server is away."""

    def form(self, attributes: Sequence[AttributeConfig]) -> tuple[str, Fields]:
        """The form that an index has to have for these declared attributes."""
        ...

    async def state(self) -> IndexState | None:
        """The live index; None while there is none."""
        ...

    async def find(
        self, state: IndexState, query: SearchQuery, apart: Collection[int], mark: Mark | None
    ) -> Nearest | None:
        """Among all items but those `apart`; None where the database finds better than the index can."""
        ...

    async def begin(self, form: str, fields: Fields) -> str:
        """A new, empty index beside the live one; its name."""
        ...

    async def write(
        self, name: str, items: Sequence[WorkItem], gone: Mapping[int, int], fields: Fields
    ) -> None:
        """Items as they are, and the numbers of deleted ones with their last revision; an older one changes nothing.

        Raises IndexGoneError where the index is no longer there, and makes none.
        """
        ...

    async def reached(self, state: IndexState) -> None:
        """All that is written is shown by every copy; then notes how far that is."""
        ...

    async def go_live(self, name: str) -> None:
        """From now on this is the index, in one step. The one before stays for those who are asking it."""
        ...

    async def tidy(self) -> None:
        """Drops all indexes of the tenant but the live one."""
        ...

    async def drop(self) -> None:
        """Removes everything of the tenant."""
        ...


class SearchServer(Protocol):
    """The server with the indexes of all tenants."""

    def index(self, tenant_id: str) -> SearchIndex: ...
    async def ping(self) -> None:
        """Raises SearchAwayError where it does not answer."""
        ...

    async def close(self) -> None: ...
