"""Standard responses: texts with placeholders `{{contact.name}}`. Values go in as they are; nothing is executed."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta, Struct

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.work_item import check_text

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


class StandardResponse(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A text that agents put into emails. `folder` is a path for people, such as `Motor/Theft`."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    folder: Annotated[str, Meta(max_length=200)] = ""
    language: Annotated[str, Meta(pattern=r"^([a-z]{2})?$")] = ""
    """Two letters; empty: any."""
    subject: Annotated[str, Meta(max_length=500)] = ""
    """Of new emails that begin with it."""
    text: Annotated[str, Meta(min_length=1, max_length=32_000)]
    enabled: bool = True


class Filled(Struct, frozen=True):
    """A text with its values, and the placeholders that had none."""

    text: str
    missing: list[str]


def unknown_placeholders(text: str) -> list[str]:
    """Placeholders that will never have a value; `data.…` and `ext.…` are attributes of the item."""
    return [n for n in placeholders(text) if n not in PLACEHOLDERS and not n.startswith(("data.", "ext."))]


def placeholders(text: str) -> list[str]:
    """The names in a text that values are put in for, each once."""
    return list(dict.fromkeys(match[1] for match in _PLACEHOLDER.finditer(text)))


def check_response(response: StandardResponse) -> None:
    """InvalidInputError naming a placeholder that will never have a value."""
    for field, text in (("subject", response.subject), ("text", response.text)):
        check_text(text, field)
        unknown = unknown_placeholders(text)
        if unknown:
            raise InvalidInputError(
                f"nothing is known by the name {{{{{unknown[0]}}}}}",
                field=field,
                code="unknownPlaceholder",
                hint=f"use {', '.join(PLACEHOLDERS)}, data.NAME or ext.NAME",
            )


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
