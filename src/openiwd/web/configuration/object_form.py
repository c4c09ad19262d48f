"""Fields of an editor to a part of the rule set: names are paths in the object (`points[2].age`). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any, Final

import msgspec

from openiwd.domain.errors import InvalidInputError, RuleSetError
from openiwd.domain.problem import Problems
from openiwd.web.configuration.age_text import parse_age, spelled
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.said import said

_INDEX: Final = re.compile(r"\[(\d{1,4})\]", re.ASCII)
MAX_ROWS: Final = 500

Values = Mapping[str, str]


def row_values(values: Values, name: str) -> list[dict[str, str]]:
    """The rows of a list: the values below `name[0]`, `name[1]`…, by what follows the index (`age`, or nothing)."""
    rows: dict[int, dict[str, str]] = {}
    for key, value in values.items():
        if not key.startswith(f"{name}["):
            continue
        match = _INDEX.match(key, len(name))
        if match is not None and int(match[1]) < MAX_ROWS:
            rows.setdefault(int(match[1]), {})[key[match.end() :].lstrip(".")] = value
    return [rows[k] for k in sorted(rows)]


def identity(value: Any) -> str:
    """What an object was when it was loaded: another one has been saved since when it differs."""
    if value is None:
        return ""
    return blake2b(msgspec.json.encode(value, order="sorted"), digest_size=12).hexdigest()


class Reader:
    """Reads fields one by one, and collects what is wrong with them."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.problems = Problems()

    def text(self, name: str) -> str:
        return (self.values.get(name) or "").strip()

    def required(self, name: str, told: str) -> str:
        found = self.text(name)
        if not found:
            self.problems.add(name, told, None)
        return found

    def flag(self, name: str) -> bool:
        return self.values.get(name) == "true"

    def whole(self, name: str) -> int | None:
        """A whole number; None where nothing is written."""
        text = self.text(name).replace("−", "-")
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            self.problems.add(name, f"'{text[:40]}' is not a whole number", "write digits only")
            return None

    def number(self, name: str) -> int | float | None:
        """A number with decimals, in the form that the rule set has; None where nothing is written."""
        text = self.text(name).replace("−", "-").replace(",", ".")
        if not text:
            return None
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            self.problems.add(name, f"'{text[:40]}' is not a number", "write for example 10 or 2.5")
            return None
        return plain_number(value)

    def duration(self, name: str, before: str | int | None = None) -> str | int | None:
        """A duration as the rule set writes it; None where nothing is written."""
        text = self.text(name)
        if not text:
            return None
        try:
            return spelled(parse_age(text, name), before)
        except InvalidInputError as error:
            self.problems.add(name, error.message, error.hint)
            return None

    def done(self) -> None:
        """Raises all that was wrong, as one RuleSetError."""
        self.problems.raise_any()


def plain_number(value: int | Decimal) -> int | float:
    """A number without needless decimals."""
    return int(value) if value == int(value) else float(value)


def number_text(value: Decimal | float | None) -> str:
    """A number as it is typed."""
    if value is None:
        return ""
    exact = Decimal(str(value))
    return str(int(exact)) if exact == int(exact) else format(exact.normalize(), "f")


def faults_of(error: RuleSetError | InvalidInputError, t: Catalogue) -> list[dict[str, Any]]:
    """All that an error says, in the reader's language, each with its field."""
    listed: list[Any] = list(error.details.get("errors") or ())
    listed = listed or [{"field": error.field, "message": error.message, "hint": error.hint}]
    return [
        {"field": e.get("field")} | {n: said(e.get(n) or "", t) for n in ("message", "hint")} for e in listed
    ]


def slug(name: str, taken: Iterable[str]) -> str:
    """An id made of a name, that no other object of the kind has."""
    plain = re.sub(r"[^a-z0-9]+", "_", _ascii(name).lower()).strip("_")[:56] or "new"
    known, number, found = set(taken), 1, plain
    while found in known:
        number += 1
        found = f"{plain}_{number}"
    return found


def _ascii(text: str) -> str:
    umlauts = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
    return text.translate(umlauts)
