"""What differs, as people read it: a value before and after, one line for each field. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

LONGEST: Final = 300
EMPTY: Final = "–"
_LEFT_OUT: Final = frozenset({"revision"})


class Change(NamedTuple):
    """A field's value before and after; None where there was none."""

    field: str
    before: str | None
    after: str | None


def value_text(value: Any) -> str:
    """A value in one line: lists with commas, `skill 7` for skills, JSON for what has no better form."""
    if value is None or value is msgspec.UNSET or (not value and isinstance(value, str | list | dict)):
        return EMPTY
    match value:
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return shortened(", ".join(value_text(v) for v in value))
        case {"skill": skill, "level": level, **more}:
            until = more.get("until")
            return f"{skill} {level}" + (f" → {until}" if until else "")
        case {"total": total, "media": dict() as limits}:
            return ", ".join([str(total), *(f"{k} {v}" for k, v in limits.items())])
        case {"start": start, "end": end, **more}:
            reason = more.get("reason")
            return f"{start} – {end}" + (f" ({reason})" if reason else "")
        case str() | int() | float():
            return shortened(str(value))
        case _:
            return shortened(msgspec.json.encode(value).decode())


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def changes_of(before: Any, after: Any) -> list[Change]:
    """The fields that are not the same in two objects; all of them where there is only one."""
    old = before if isinstance(before, Mapping) else {}
    new = after if isinstance(after, Mapping) else {}
    both = bool(old) and bool(new)
    return [
        Change(
            name,
            value_text(old[name]) if name in old else None,
            value_text(new[name]) if name in new else None,
        )
        for name in dict.fromkeys([*old, *new])
        if name not in _LEFT_OUT and old.get(name) != new.get(name) and (both or _says(old, new, name))
    ]


def _says(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> bool:
    """What is new or gone is told without its empty fields."""
    return value_text(old.get(name, new.get(name))) != EMPTY


def changes_of_rows(rows: Iterable[Mapping[str, Any]]) -> list[Change]:
    """Changes of a table's rows, a line for each row."""
    return [
        Change(
            str(r.get("key")),
            _row_text(r.get("before")) if r.get("before") is not None else None,
            _row_text(r.get("after")) if r.get("after") is not None else None,
        )
        for r in rows
    ]


def _row_text(row: Any) -> str:
    if not isinstance(row, Mapping):
        return value_text(row)
    return shortened(", ".join(f"{k}: {value_text(v)}" for k, v in row.items())) or EMPTY
