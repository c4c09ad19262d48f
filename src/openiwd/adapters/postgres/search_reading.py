"""Searches items: filter, words, scope, live order, pages that fit together while items change, counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.rows import ITEM_FIELDS, columns, item_of, items_of
from openiwd.adapters.postgres.search_arguments import Arguments
from openiwd.adapters.postgres.search_filter import FilterSql
from openiwd.adapters.postgres.search_order import (
    Key,
    after,
    before,
    decode_cursor,
    fingerprint,
    perhaps_above,
    priority_join,
    sort_keys,
    weighed,
)
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.search_mark import Mark, encode_mark
from openiwd.domain.work_item import OPEN, Status, WorkItem
from openiwd.ports.tenant_store import Among, Candidates, Leading, Matching, SearchPage, SearchQuery

COUNTED: Final = 10_000
_NOT_WAITING: Final = ", ".join(f"'{s.value}'" for s in Status if s in OPEN and s is not Status.QUEUED)
_DIGITS: Final = Context(prec=60, rounding=ROUND_FLOOR)
MAX_WORDS: Final = 16
_SEARCHED_TEXT: Final = (
    "concat_ws(' ', item.subject, item.description, item.capture_id, item.contact ->> 'name')"
)


class SearchReading:
    """The part of `Reading` that searches."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def search(self, query: SearchQuery) -> SearchPage:
        cursor = decode_cursor(query)
        now = from_micros(cursor.now) if cursor else query.now or datetime.now(UTC)
        arguments = Arguments()
        where = _Where(query, arguments, now)
        join, scale = priority_join(query.schemas, now, arguments)
        keys = sort_keys(query.sort, arguments, where.now)
        conditions = [*where.conditions, *([after(keys, cursor, scale, arguments)] if cursor else [])]
        source = "item"
        if query.candidates is not None:
            source, above = _among(query, query.candidates, now, (join, scale), arguments)
            conditions.append(above)
        if query.leading is not None:
            source, above = _leading(query, query.leading, now, arguments)
            conditions.append(above)
        if query.among is not None:
            source = _only(query.among, arguments)
            if query.among.before is not None:
                conditions.append(before(keys, query.among.before, arguments))
        statement = _page_sql(source, keys, join, conditions, arguments.add(query.limit + 1, "int"))
        records = await self._fetch(statement, arguments)
        items = [item_of(record) for record in records[: query.limit]]
        more = len(records) > query.limit
        count, exact = len(items), not more
        # A first page that is the last one has them all.
        if query.with_count and (more or cursor is not None):
            found = await self._count(query, now, COUNTED + 1)
            count, exact = min(found, COUNTED), found <= COUNTED
        next_cursor = None
        if more:
            values = list(records[query.limit - 1])[len(ITEM_FIELDS) :]
            next_cursor = encode_mark(Mark(fingerprint(query), to_micros(now), scale, values))
        return SearchPage(items=items, next_cursor=next_cursor, count=count, count_exact=exact)

    async def scan(self, query: SearchQuery, chunk: int = 500) -> AsyncIterator[list[WorkItem]]:
        """Read chunk by chunk, each as of its own instant: an item is seen once, as it is when it is read."""
        now = query.now or datetime.now(UTC)
        last = 0
        while True:
            arguments = Arguments()
            where = _Where(query, arguments, now)
            join = priority_join(query.schemas, now, arguments)[0] if where.uses_priority else ""
            conditions = [f"item.number > {arguments.add(last, 'bigint')}", *where.conditions]
            statement = (
                f"SELECT {columns('item')} FROM item {join} WHERE {' AND '.join(conditions)}"
                f" ORDER BY item.number LIMIT {arguments.add(chunk, 'int')}"
            )
            items = items_of(await self._fetch(statement, arguments))
            if items:
                last = items[-1].number
                yield items
            if len(items) < chunk:
                return

    async def count(self, query: SearchQuery, most: int) -> int:
        return await self._count(query, query.now or datetime.now(UTC), most)

    async def matching(self, query: SearchQuery, most: int, few: int) -> Matching:
        arguments = Arguments()
        found = f"{self._matching(query, arguments)} LIMIT {arguments.add(most, 'int')}"
        statement = (
            f"SELECT count(*), CASE WHEN count(*) <= {arguments.add(few, 'int')} THEN array_agg(number) END"
            f" FROM (SELECT item.number {found}) AS found"
        )
        record = (await self._fetch(statement, arguments))[0]
        count: int = record[0]
        return Matching(count, (record[1] or []) if count <= few else None)

    async def matching_by_status(self, query: SearchQuery) -> dict[str, int]:
        arguments = Arguments()
        statement = f"SELECT item.status, count(*) {self._matching(query, arguments)} GROUP BY item.status"
        return {record["status"]: record["count"] for record in await self._fetch(statement, arguments)}

    async def matching_numbers(self, query: SearchQuery, most: int) -> list[int]:
        arguments = Arguments()
        matching = self._matching(query, arguments)
        statement = f"SELECT item.number {matching} ORDER BY item.number LIMIT {arguments.add(most, 'int')}"
        return [record[0] for record in await self._fetch(statement, arguments)]

    def _matching(self, query: SearchQuery, arguments: Arguments) -> str:
        now = query.now or datetime.now(UTC)
        where = _Where(query, arguments, now)
        join = priority_join(query.schemas, now, arguments)[0] if where.uses_priority else ""
        return f"FROM item {join} WHERE {' AND '.join(where.conditions)}"

    async def _count(self, query: SearchQuery, now: datetime, most: int) -> int:
        arguments = Arguments()
        where = _Where(query, arguments, now)
        join = priority_join(query.schemas, now, arguments)[0] if where.uses_priority else ""
        source = "item" if query.among is None else _only(query.among, arguments)
        statement = (
            f"SELECT count(*) FROM (SELECT FROM {source} {join} WHERE {' AND '.join(where.conditions)}"
            f" LIMIT {arguments.add(most, 'int')}) AS found"
        )
        count: int = (await self._fetch(statement, arguments))[0][0]
        return count

    async def _fetch(self, statement: str, arguments: Arguments) -> list[asyncpg.Record]:
        return await self._connection.fetch(statement, *arguments.values)


def _only(among: Among, arguments: Arguments) -> str:
    """These items and no others."""
    numbers = arguments.add(among.numbers, "bigint[]")
    return f"(SELECT DISTINCT unnest({numbers}) AS number) AS candidate JOIN item USING (number)"


def _among(
    query: SearchQuery,
    candidates: Candidates,
    now: datetime,
    priority: tuple[str, int],
    arguments: Arguments,
) -> tuple[str, str]:
    """The items to look at: the candidates, and what is open without waiting for the decider. And how good they are.

    Those that do not wait are weighed by their index alone: most are not as good, and their rows are not read.
    """
    join, scale = priority
    numbers = arguments.add(candidates.numbers, "bigint[]")
    others = perhaps_above(
        query.schemas, now, candidates.above, f"item.status IN ({_NOT_WAITING})", arguments
    )
    above = candidates.above * scale
    bound = arguments.add(_DIGITS.divide(Decimal(above.numerator), Decimal(above.denominator)), "numeric")
    return (
        f"(SELECT unnest({numbers}) AS number"
        f" UNION SELECT item.number FROM {others} {join} WHERE p.scaled > {bound}"
        " UNION SELECT item_number FROM offer WHERE outcome IS NULL) AS candidate JOIN item USING (number)"
    ), f"p.scaled > {bound}"


def _leading(query: SearchQuery, leading: Leading, now: datetime, arguments: Arguments) -> tuple[str, str]:
    """The best of items that do not wait, weighed by their index alone; and what those are above that are left out.

    What is left out is below that value by more than the room, and so is surely below it: the value as a number keeps
    fifteen digits, which is well within the room.
    """
    one = weighed(query.schemas, now, arguments)
    statuses = ", ".join(f"'{Status(s).value}'" for s in leading.statuses)
    last = f"LIMIT 1 OFFSET {arguments.add(leading.items, 'int')}"
    room = arguments.add(one.room, "float8")
    return (
        f"(WITH weighed AS MATERIALIZED (SELECT item.number, {one.value} AS value FROM {one.source}"
        f" WHERE item.status IN ({statuses})),"
        f" bound AS MATERIALIZED (SELECT value FROM weighed ORDER BY value DESC NULLS LAST {last})"
        f" SELECT weighed.number, bound.value::numeric AS bound FROM weighed LEFT JOIN bound ON true"
        f" WHERE bound.value IS NULL OR weighed.value >= bound.value - {room}) AS candidate JOIN item USING (number)"
    ), "(candidate.bound IS NULL OR p.scaled >= candidate.bound)"


def _page_sql(source: str, keys: list[Key], join: str, conditions: list[str], limit: str) -> str:
    """The keys are sorted alone; whole rows are read for the page only."""
    names = [f"k{n}" for n in range(len(keys))]
    selected = ", ".join(f"{key.sql} AS {name}" for key, name in zip(keys, names, strict=True))
    order = ", ".join(key.order for key in keys)
    again = ", ".join(key._replace(sql=f"page.{name}").order for key, name in zip(keys, names, strict=True))
    return (
        f"WITH page AS MATERIALIZED (SELECT item.number, {selected} FROM {source} {join}"
        f" WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT {limit})"
        f" SELECT {columns('item')}, {', '.join(f'page.{name}::text' for name in names)}"
        f" FROM page JOIN item USING (number) ORDER BY {again}"
    )


class _Where:
    """The conditions of a query: filter, category, words, and what the caller may see."""

    def __init__(self, query: SearchQuery, arguments: Arguments, now: datetime) -> None:
        self._arguments = arguments
        tree = FilterSql(arguments, now)
        self.conditions: list[str] = ["true"]
        if query.filter:
            self.conditions.append(tree.node(query.filter))
        if query.category:
            self.conditions.append(self._below([query.category]))
        if query.text and query.text.strip():
            self.conditions.append(self._words(query.text))
        if query.scope is not None:
            self.conditions.append(self._scope(query.scope))
        self.now = tree.now
        self.uses_priority = tree.uses_priority

    def _below(self, paths: list[str]) -> str:
        """These categories and all below them, as ranges that the index on paths serves: '0' follows '/'.

        One range for each, of which some is left out: two would be two looks at the index, and then one at the rows.
        """
        parts = []
        for path in paths:
            place = self._arguments.add(path, "text")
            parts.append(
                f"(item.category_path ~>=~ {place} AND item.category_path ~<~ ({place} || '0')"
                f" AND (item.category_path = {place} OR item.category_path ~>=~ ({place} || '/')))"
            )
        return "(" + " OR ".join(parts) + ")" if parts else "false"

    def _words(self, text: str) -> str:
        """Every word begins a word of subject, description, captureId or contact name; or it is an id."""
        words = text.split()
        if len(words) > MAX_WORDS or "\x00" in text:
            raise InvalidInputError(
                f"a search has at most {MAX_WORDS} words", field="text", hint="name fewer words"
            )
        whole = self._arguments.add(text.strip(), "text")
        try:
            identity = f"item.id = {self._arguments.add(UUID(text.strip()), 'uuid')}"
        except ValueError:
            pass
        else:
            return f"({identity} OR item.capture_id = {whole})"
        found = [f"{_SEARCHED_TEXT} ~* {self._arguments.add(_word_start(word), 'text')}" for word in words]
        return f"(item.capture_id = {whole} OR ({' AND '.join(found)}))"

    def _scope(self, scope: dict[str, Any]) -> str:
        if "agent" in scope:
            agent = self._arguments.add(scope["agent"], "text")
            owned = ("assigned_to", "offered_to", "reserved_for", "keep_for")
            return "(" + " OR ".join(f"item.{column} = {agent}" for column in owned) + ")"
        queues = self._arguments.add(list(scope.get("queues", ())), "text[]")
        return f"(item.queue_id = ANY({queues}) OR {self._below(list(scope.get('categories', ())))})"


def _word_start(word: str) -> str:
    """A pattern for text that has this at the start of a word; nothing in it has a meaning of its own."""
    literal = "".join(c if c.isalnum() else f"\\{c}" if c.isascii() else c for c in word)
    return f"\\m{literal}" if word[0].isalnum() else literal
