"""Collects everything that is wrong with a rule set, so that its author sees all of it at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from openiwd.domain.errors import RuleSetError


class Problems:
    """The faults found so far, in the order of finding."""

    def __init__(self) -> None:
        self.found: list[dict[str, str | None]] = []

    def add(self, field: str, message: str, hint: str | None = None) -> None:
        self.found.append({"field": field, "message": message, "hint": hint})

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Notes a `RuleSetError` of the body instead of letting it out."""
        try:
            yield
        except RuleSetError as error:
            self.add(error.field or "", error.message, error.hint)

    def raise_any(self) -> None:
        """Raises one `RuleSetError`: the first fault is its text, `details["errors"]` lists all of them."""
        if self.found:
            first = self.found[0]
            raise RuleSetError(
                first["message"] or "", field=first["field"], hint=first["hint"], errors=list(self.found)
            )
