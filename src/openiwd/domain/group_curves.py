"""By group: on which segment of which schema its items are. In columns, so that many groups bend in one go. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_group import FIXED, Group
from openiwd.domain.schema import Schema

_FIRST: Final = 256
_NONE: Final = -1
_WIDEST: Final = 1 << 60


class SchemaTable:
    """A schema's segments as arrays; `bends` has the age at which each segment ends, and nothing for the last."""

    __slots__ = ("bases", "bends", "rates", "schema", "steepest")

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.bends = np.array(schema.bends, np.int64)
        self.rates = np.array(schema.rates, np.int64)
        self.bases = np.array(schema.bases, np.int64)
        self.steepest = float(max(map(abs, schema.rates))), float(max(map(abs, schema.bases)))


class GroupCurves:
    """Of groups whose items change by nothing but their schema; of others `schema` is less than 0."""

    __slots__ = ("_numbers", "phase", "schema", "tables")

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.tables: list[SchemaTable] = []
        self._lay(_FIRST)

    def _lay(self, capacity: int) -> None:
        self.schema: NDArray[np.int16] = np.full(capacity, _NONE, np.int16)
        self.phase: NDArray[np.int32] = np.zeros(capacity, np.int32)

    def begin(self, group: Group) -> None:
        """One group more, the last by number."""
        if group.index == len(self.schema):
            schema, phase, size = self.schema, self.phase, group.index
            self._lay(2 * size)
            self.schema[:size], self.phase[:size] = schema, phase
        schema_number = _NONE
        if group.schema is not None and group.phase != FIXED and not group.trait.changes:
            schema_number = self._number_of(group.schema)
        self.schema[group.index], self.phase[group.index] = schema_number, group.phase

    def renew(self, groups: Sequence[Group]) -> None:
        """The groups have been numbered anew."""
        self._lay(max(_FIRST, len(groups) + len(groups) // 2))
        for group in groups:
            self.begin(group)

    def _number_of(self, schema: Schema) -> int:
        number = self._numbers.get(schema.id)
        if number is None:
            widest = max(map(abs, (*schema.rates, *schema.bases)))
            number = _NONE if widest >= _WIDEST else len(self.tables)
            self._numbers[schema.id] = number
            if number != _NONE:
                self.tables.append(SchemaTable(schema))
        return number

    def by_schema(self, groups: NDArray[Any]) -> Iterator[tuple[SchemaTable, NDArray[np.intp]]]:
        """The schemas of these groups, each with the places that are on it; those in no column are left out."""
        numbers = self.schema[groups]
        for number, table in enumerate(self.tables):
            at = np.flatnonzero(numbers == number)
            if len(at):
                yield table, at
