"""Reads the named queries of `sql/*.sql`: `-- name: x`, a line that says what for, the statement."""

from __future__ import annotations

import re
from pathlib import Path

_FOLDER = Path(__file__).with_name("sql")
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def named_sql(file: str, **parts: str) -> dict[str, str]:
    """The queries of one file by name; `{part}` is replaced by constant text such as a column list."""
    text = (_FOLDER / f"{file}.sql").read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace(f"{{{name}}}", part)
    pieces = _NAME.split(text)[1:]
    return {name: body.strip() for name, body in zip(pieces[::2], pieces[1::2], strict=True)}
