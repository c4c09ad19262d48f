"""Forms as data: what a dialog or an editor asks for, and which field an error belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from openiwd.domain.errors import OpenIwdError


class Field(NamedTuple):
    """One input. `kind` is select, multiple, choices (boxes to tick), textarea, checkbox, or a type of HTML's input."""

    name: str
    label: str
    kind: str = "text"
    value: Any = ""
    options: Sequence[tuple[str, str]] = ()
    required: bool = False
    hint: str = ""
    error: str = ""
    disabled: bool = False
    suggestions: str = ""
    """The id of a list of suggestions in the page."""
    rows: int = 2
    """Of a textarea."""


class Form(NamedTuple):
    """A dialog: what it will do in words, its fields, and its one act."""

    action: str
    title: str
    text: str
    fields: Sequence[Field]
    submit: str
    note: str = ""
    danger: bool = False
    hidden: Sequence[tuple[str, str]] = ()
    lines: Sequence[str] = ()
    """What it is about, one by one."""
    roomy: bool = False
    """It has much to choose from."""
    blocked: bool = False
    """Nothing can be done but to close it: the text says why."""


def with_errors(fields: Sequence[Field], error: OpenIwdError) -> list[Field]:
    """The fields with the faults that name them; what names none of them stays with the error itself."""
    told = {error.field: error.message}
    told |= {e.get("field"): e.get("message") for e in error.details.get("errors") or ()}
    inside = {str(name).partition("[")[0]: message for name, message in told.items() if name}
    return [f._replace(error=told.get(f.name) or inside.get(f.name) or "") for f in fields]
