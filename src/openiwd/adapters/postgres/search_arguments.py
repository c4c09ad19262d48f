"""The parameters of a search: every value that comes from a caller reaches SQL as one of these, never as text."""

from __future__ import annotations

from typing import Any


class Arguments:
    """Collects parameters; `add` gives the place holder."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def add(self, value: Any, sql_type: str) -> str:
        self.values.append(value)
        return f"${len(self.values)}::{sql_type}"
