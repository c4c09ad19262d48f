"""Collects everything that is wrong with a rule set, so that its author sees all of it at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from openiwd.domain.errors import RuleSetError
from openiwd.domain.requirement import ID


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
            self.add(error.field or "", error.message, error.hint or "correct the value")

    def raise_any(self) -> None:
        """Raises one `RuleSetError`: the first fault is its text, `details["errors"]` lists all of them."""
        if self.found:
            first = self.found[0]
            raise RuleSetError(
                first["message"] or "", field=first["field"], hint=first["hint"], errors=list(self.found)
            )

    def check_ids(self, named: Iterable[tuple[str, str]], kind: str) -> None:
        """Notes ids of the wrong form and ids that occur twice."""
        seen: dict[str, str] = {}
        for field, name in named:
            if ID.fullmatch(name) is None:
                self.add(
                    field,
                    f"'{name[:80]}' is not an id",
                    "use up to 64 letters, digits, _ . ( ) - and inner spaces",
                )
            if name in seen:
                self.add(field, f"there are two of the {kind} '{name}'", f"the other one is {seen[name]}")
            seen.setdefault(name, field)

    def unknown(self, field: str, kind: str, name: str, known: Iterable[str]) -> None:
        """Notes a reference to something that does not exist, with what may have been meant."""
        close = get_close_matches(name, list(known), n=1)
        hint = f"did you mean {close[0]}?" if close else f"define it, or name a {kind} of this rule set"
        self.add(field, f"there is no {kind} '{name}'", hint)
