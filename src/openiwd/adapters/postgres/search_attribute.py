"""The attributes that a search may name, and the SQL that reads each."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Final, NamedTuple

from openiwd.adapters.postgres.search_arguments import Arguments
from openiwd.domain.attribute import Attribute, Family, Root, Vocabulary
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.item_field import INSTANTS, INTEGERS, TEXTS

PRIORITY: Final = "priority"
PRIORITY_SQL: Final = "(p.scaled / p.scale)"


class Searched(NamedTuple):
    """An attribute in SQL. Family ANY: a jsonb expression; LIST: a text array."""

    name: str
    sql: str
    family: Family
    sql_type: str
    nullable: bool = True


_NEVER_NULL: Final = frozenset({
    "status", "mediaType", "capturePoint", "captureId", "businessValue", "priorityAdjustment", "revision", "declines",
    "receivedDateTime", "createdDateTime", "id", "tags",
})  # fmt: skip

_KNOWN: Final[dict[str, Searched]] = {
    name: Searched(name, f"item.{column}", family, sql_type, name not in _NEVER_NULL)
    for columns, family, sql_type in (
        (TEXTS, Family.TEXT, "text"),
        (INTEGERS, Family.INTEGER, "bigint"),
        (INSTANTS, Family.INSTANT, "timestamptz"),
        ({"id": "id", "contactId": "contact_id"}, Family.TEXT, "uuid"),
        ({"tags": "tags"}, Family.LIST, "text[]"),
    )
    for name, column in columns.items()
} | {PRIORITY: Searched(PRIORITY, PRIORITY_SQL, Family.DECIMAL, "numeric")}
_VOCABULARY: Final = Vocabulary()
_OVERDUE: Final = "overdue"


def searched(name: str, arguments: Arguments, now: Callable[[], str], field: str) -> Searched:
    """The attribute of this name; `now` gives SQL for the present. Raises InvalidInputError for an unknown one."""
    known = _KNOWN.get(name)
    if known is not None:
        return known
    if name == _OVERDUE:
        sql = f"(item.due_at IS NOT NULL AND coalesce(item.completed_at, {now()}) > item.due_at)"
        return Searched(name, sql, Family.BOOLEAN, "boolean", nullable=False)
    attribute = _VOCABULARY.resolve(name)
    if attribute is None or attribute.root in (Root.ITEM, Root.NOW):
        raise InvalidInputError(
            f"there is no attribute '{name[:60]}'", field=field, hint=_hint(name), code="unknownAttribute"
        )
    return _inside(attribute, arguments)


def _inside(attribute: Attribute, arguments: Arguments) -> Searched:
    """A value inside one of the item's JSON columns."""
    column = f"item.{attribute.root.value}"
    if attribute.family is Family.TEXT:
        # One of a closed set of names; written out, so that an index on it serves.
        return Searched(attribute.name, f"({column} ->> '{attribute.keys[0]}')", Family.TEXT, "text")
    if attribute.family is Family.INSTANT:
        key = arguments.add(attribute.keys[0], "text")
        return Searched(attribute.name, f"to_instant({column} ->> {key})", Family.INSTANT, "timestamptz")
    path = arguments.add(list(attribute.keys), "text[]")
    return Searched(attribute.name, f"nullif({column} #> {path}, 'null')", Family.ANY, "jsonb")


def _hint(name: str) -> str:
    close = get_close_matches(name, [*_KNOWN, _OVERDUE], n=1)
    return f"did you mean {close[0]}?" if close else _VOCABULARY.hint(name)
