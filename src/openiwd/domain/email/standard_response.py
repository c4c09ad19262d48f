"""Standard responses: texts with placeholders `{{contact.name}}`. Values go in as they are; nothing is executed."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

PLACEHOLDERS: Final = (
    *(
        "contact.name",
        "contact.email",
        "contact.customerId",
        "item.subject",
        "item.captureId",
        "item.category",
        "item.received",
    ),
    *("agent.name", "mailbox.name", "mailbox.address"),
)
_PLACEHOLDER: Final = re.compile(r"\{\{\s*([A-Za-z][A-Za-z0-9_.]{0,60})\s*(?:\|([^{}]{0,200}))?\}\}")


class Filled(Struct, frozen=True):
    """A text with its values, and the placeholders that had none."""

    text: str
    missing: list[str]


def unknown_placeholders(text: str) -> list[str]:
    """Placeholders that will never have a value; `data.…` and `ext.…` are attributes of the item."""
    named = dict.fromkeys(match[1] for match in _PLACEHOLDER.finditer(text))
    return [n for n in named if n not in PLACEHOLDERS and not n.startswith(("data.", "ext."))]


def fill(text: str, values: Mapping[str, str | None], *, as_html: bool = False) -> Filled:
    """Puts the values in, once: braces inside of a value stay text. `{{contact.name|Customer}}`: else that."""
    missing: dict[str, None] = {}

    def value_of(match: re.Match[str]) -> str:
        value = values.get(match[1])
        if value is None or value == "":
            value = match[2]
        if value is None:
            missing[match[1]] = None
            return ""
        return html.escape(value).replace("\n", "<br>") if as_html else value

    return Filled(_PLACEHOLDER.sub(value_of, text), list(missing))
