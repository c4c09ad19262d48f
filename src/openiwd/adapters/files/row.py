"""What every form of files yields: rows, one after the other, in memory that does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any, NamedTuple, Protocol

from openiwd.domain.capture.point import FileSource
from openiwd.domain.errors import InvalidInputError


class Row(NamedTuple):
    """One record of a file."""

    fields: dict[str, Any]
    kept: Any
    """As its form writes it again when it comes back: JSON-able."""
    raw: str
    message: str | None = None
    fault: InvalidInputError | None = None


class BrokenFileError(InvalidInputError):
    """The file cannot be read any further; what came before it is sound."""

    code = "brokenFile"


class Rejected(NamedTuple):
    """A row that comes back, and why."""

    kept: Any
    error: str


class Form(Protocol):
    """A form of files."""

    def rows(self, file: IO[bytes], settings: FileSource) -> Iterator[Row]:
        """The rows from the beginning; BrokenFileError where it cannot go on."""
        ...

    def write(self, file: IO[bytes], head: Any, rejected: Iterator[Rejected]) -> None:
        """A file of this form with the rejected rows, each with its status, that can be mended and dropped again."""
        ...

    def head(self) -> Any:
        """What the rows that come back stand under (the columns of a table): known once a row was read."""
        ...


STATUS = "iwdStatus"
ERROR = "iwdError"
OWN = frozenset({STATUS.casefold(), ERROR.casefold()})
"""Columns that OpenIWD adds to what comes back; they say nothing when it is dropped again."""


def named(columns: list[str], cells: list[Any]) -> dict[str, Any]:
    """The cells of a row by the names of their columns; empty ones are left out."""
    return {
        name: cell
        for name, cell in zip(columns, cells, strict=False)
        if cell is not None and cell != "" and name.casefold() not in OWN
    }


def column_names(cells: list[Any]) -> list[str]:
    """The names of a table's columns, from its first row."""
    names = [str(cell).strip() if cell is not None else "" for cell in cells]
    while names and not names[-1]:
        names.pop()
    names = [name or f"column {n}" for n, name in enumerate(names, 1)]
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise BrokenFileError(
                f"two columns are called '{name[:60]}'",
                field=name[:60],
                hint="give each column a name of its own",
            )
        seen.add(name.casefold())
    if not names:
        raise BrokenFileError(
            "the first row has no names of columns", hint="put the names into the first row"
        )
    return names
