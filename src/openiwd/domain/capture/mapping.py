"""How the fields of a source's records become messages: the mapping as it is written. `mapping_compiler` checks it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from openiwd.domain.capture.message import MessageKind

MAX_FIELDS = 200
MAX_VALUES = 10_000

FieldName = Annotated[str, Meta(min_length=1, max_length=200)]
"""A field of the record; a dot goes one level down (`customer.name`, `lines.0.sku`) where no field has that name."""
NumberForm = Literal["1234.56", "1,234.56", "1.234,56", "1 234,56", "1'234.56"]
"""How numbers are written: the point or comma before the decimals, and what parts the thousands."""


class Unmapped(StrEnum):
    """What becomes of fields that no line of the mapping takes."""

    BY_NAME = "byName"
    """Those named like an attribute fill it (however written: `Due Date Time`), others go to `data`."""
    DATA = "data"
    IGNORE = "ignore"


class FieldMapping(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """One line: which attribute is filled, and from what."""

    to: Annotated[str, Meta(min_length=1, max_length=200)]
    from_: FieldName | list[FieldName] | UnsetType = msgspec.field(default=UNSET, name="from")
    """One field, or several that are joined."""
    join: Annotated[str, Meta(max_length=20)] = " "
    constant: Any = UNSET
    """Instead of a field: always this."""
    date: Annotated[str, Meta(min_length=1, max_length=60)] | None = None
    """`iso`, `epochSeconds`, `epochMilliseconds`, `excel`, or a form such as `%d.%m.%Y %H:%M`."""
    time_zone: Annotated[str, Meta(max_length=64)] | None = None
    """Of a date without an offset; else the capture point's."""
    number: NumberForm | None = None
    values: dict[str, Any] | None = None
    """Value of the source → value of the attribute."""
    otherwise: Any = UNSET
    """For a value that is not among `values`; without it such a record is refused."""
    split: Annotated[str, Meta(min_length=1, max_length=5)] | None = None
    """For lists: what parts the entries; else `;` or `,`."""
    default: Any = UNSET
    """Where the record has nothing. Of items that exist, what is absent is unchanged: this is for new ones."""
    required: bool = False
    """A new item whose record has nothing here is refused."""


class MessageChoice(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """Which message a record is."""

    from_: FieldName | UnsetType = msgspec.field(default=UNSET, name="from")
    values: dict[str, MessageKind] = {}
    """Value of the field → message; the messages' own names are always known."""
    otherwise: MessageKind = MessageKind.CREATE
    """Where the record says nothing."""


class MappingConfig(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """The mapping of a capture point. Without any line every field goes where its name says."""

    message: MessageChoice = msgspec.field(default_factory=MessageChoice)
    fields: Annotated[list[FieldMapping], Meta(max_length=MAX_FIELDS)] = []
    unmapped: Unmapped = Unmapped.BY_NAME
