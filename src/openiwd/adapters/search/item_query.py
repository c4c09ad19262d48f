"""A whole search as queries of the index: filter, words, category, scope; and its order as far as the index has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from openiwd.adapters.search.filter_query import FilterQuery
from openiwd.adapters.search.reach import NEVER, UNKNOWN, Query, Reach, either, every, exactly
from openiwd.adapters.search.word import words_reach
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.item_field import INSTANTS, INTEGERS
from openiwd.domain.search_mark import Mark
from openiwd.ports.search_index import Fields
from openiwd.ports.tenant_store import SearchQuery

MAX_WORDS: Final = 16
_OWNED: Final = ("assigned_to", "offered_to", "reserved_for", "keep_for")
_MISSING: Final = frozenset({2**63 - 1, -(2**63)})
"""What the index says of a missing value among sort values."""


class SortKey(NamedTuple):
    """A key that the index sorts as the database does: whole numbers; missing ones come last either way."""

    field: str
    descending: bool
    is_instant: bool

    @property
    def clause(self) -> dict[str, Any]:
        return {self.field: {"order": "desc" if self.descending else "asc", "missing": "_last"}}

    def told(self, value: Any) -> str | None:
        """A sort value as cursors have it."""
        if value is None or value in _MISSING:
            return None
        return from_micros(value).isoformat() if self.is_instant else str(value)

    def read(self, text: str) -> int:
        return to_micros(datetime.fromisoformat(text)) if self.is_instant else int(text)


def reach_of(query: SearchQuery, fields: Fields, mark: Mark | None) -> Reach:
    """What a search matches, as of its first page."""
    now = from_micros(mark.now) if mark else query.now or datetime.now(UTC)
    parts: list[Reach] = []
    if query.filter:
        parts.append(FilterQuery(now, fields).node(query.filter))
    if query.category:
        parts.append(_below([query.category]))
    if query.text and query.text.strip():
        parts.append(_words(query.text))
    if query.scope is not None:
        parts.append(_scope(query.scope))
    return every(parts)


def _words(text: str) -> Reach:
    words, whole = text.split(), text.strip()
    if len(words) > MAX_WORDS or "\x00" in text:
        return UNKNOWN
    named = exactly({"term": {"capture_id": whole}})
    try:
        return either([exactly({"term": {"id": str(UUID(whole))}}), named])
    except ValueError:
        return either([named, words_reach(words)])


def _below(paths: Sequence[str]) -> Reach:
    found: list[Query] = []
    for path in paths:
        found += [{"term": {"category_path": path}}, {"prefix": {"category_path": f"{path}/"}}]
    return either([exactly(one) for one in found]) if found else NEVER


def _scope(scope: dict[str, Any]) -> Reach:
    if "agent" in scope:
        return either([exactly({"term": {field: scope["agent"]}}) for field in _OWNED])
    queues = list(scope.get("queues", ()))
    parts = [exactly({"terms": {"queue_id": queues}})] if queues else []
    return either([*parts, _below(list(scope.get("categories", ())))])


def sort_keys(sort: Sequence[str]) -> list[SortKey] | None:
    """None where the index cannot sort so."""
    keys: list[SortKey] = []
    for text in sort:
        name = text.removeprefix("-")
        field = INTEGERS.get(name) or INSTANTS.get(name)
        if field is None:
            return None
        keys.append(SortKey(field, text.startswith("-"), name in INSTANTS))
    return keys or None


def not_before(keys: Sequence[SortKey], mark: Mark) -> Query | None:
    """What does not sort before the mark by these keys; None for a mark of another search."""
    branches: list[Query] = []
    equal: list[Query] = []
    for key, text in zip(keys, mark.values, strict=False):
        if text is None:
            equal.append({"bool": {"must_not": [{"exists": {"field": key.field}}]}})
            continue
        try:
            value = key.read(text)
        except ValueError:
            return None
        beyond: Query = {"range": {key.field: {"lt" if key.descending else "gt": value}}}
        missing: Query = {"bool": {"must_not": [{"exists": {"field": key.field}}]}}
        branches.append({"bool": {"filter": [*equal, {"bool": {"should": [beyond, missing]}}]}})
        equal.append({"term": {key.field: value}})
    return {"bool": {"should": [*branches, {"bool": {"filter": equal}}]}}
