"""The attributes that rules may read and set: the built-in ones, their types, and those a tenant declares."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct


class AttributeType(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    LIST = "list"


class AttributeConfig(Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A declared attribute of `data`: `name: policeReport` is `data.policeReport`."""

    name: str
    type: AttributeType = AttributeType.STRING
    label: str | None = None
    allowed: list[Any] = []
    searchable: bool = False
    report_dimension: bool = False


class MediaTypeConfig(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A media type and the capacity that one item of it takes, unless its queue says otherwise."""

    id: str
    name: str
    weight: Annotated[int, Meta(ge=0, le=10_000)] = 1


MEDIA_TYPES = (
    MediaTypeConfig("workitem", "Work item"),
    MediaTypeConfig("email", "Email"),
    MediaTypeConfig("lead", "Lead"),
    MediaTypeConfig("sms", "SMS"),
    MediaTypeConfig("webform", "Web form"),
)
