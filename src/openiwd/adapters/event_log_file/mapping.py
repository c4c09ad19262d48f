"""The mapping file: how columns or attributes of a log become work items (format: docs/how-to/replay.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import parse_duration
from openiwd.domain.replay.plan import Sla

Column = Annotated[str, Meta(min_length=1)]


class _Strict(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    pass


class ValuePart(_Strict, kw_only=True):
    """A part of the business value: each text of a column has a number; the parts are added up."""

    column: Column
    values: dict[str, int] = {}
    otherwise: int = 0


class Due(_Strict, kw_only=True):
    """The due date that the source names: created + a duration by the text of a column (wall time)."""

    column: Column | None = None
    after: dict[str, str] = {}
    otherwise: str | None = None


class States(_Strict, kw_only=True):
    """What the texts of the state column mean; every text that is not listed means open."""

    column: Column
    completed: list[str]
    held: dict[str, str] = {}
    """Text → hold reason (an id)."""


class WithinSla(_Strict, kw_only=True):
    column: Column
    met: list[str]


class TableMapping(_Strict, kw_only=True, tag_field="format", tag="csv"):
    """A table with one row per update of an item."""

    item: Column
    at: Column
    instants: str = "iso"
    """`iso`, or a strptime pattern."""
    time_zone: str = "UTC"
    """For instants without an offset."""
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8-sig"
    unknown: tuple[str, ...] = ("",)
    """Texts that mean: no value."""
    state: States
    created: Column | None = None
    category: Column | None = None
    subject: Column | None = None
    agent: Column | None = None
    reopens: Column | None = None
    business_value: list[ValuePart] = []
    due: Due | None = None
    within_sla: WithinSla | None = None
    sla: Sla = Sla()
    ext: dict[str, Column] = {}
    data: dict[str, Column] = {}


class XesMapping(_Strict, kw_only=True, tag_field="format", tag="xes"):
    """A log of cases; the defaults fit the loan application log of 2012."""

    activity_prefix: str = "W_"
    """Activities that are work done by people."""
    business_value: str = "AMOUNT_REQ"
    source_created: str = "REG_DATE"
    sla: Sla = Sla()


Mapping = TableMapping | XesMapping


def read_mapping(path: Path) -> Mapping:
    """Reads and checks a mapping file; what is wrong is named with its place."""
    try:
        mapping: Mapping = msgspec.yaml.decode(path.read_bytes(), type=Mapping)
    except OSError as error:
        raise InvalidInputError(
            f"The mapping file cannot be read: {error.strerror}", field=str(path)
        ) from error
    except msgspec.MsgspecError as error:
        raise InvalidInputError(f"The mapping file is wrong: {error}", field=path.name) from error
    for name, duration in {"otherwise": mapping.sla.otherwise, **mapping.sla.after}.items():
        if parse_duration(duration, f"sla.{name}") <= 0:
            raise InvalidInputError(f"'{duration}' is no time to work in", field=f"sla.{name}")
    if isinstance(mapping, TableMapping):
        _check(mapping)
    return mapping


def zone_of(mapping: TableMapping) -> ZoneInfo:
    try:
        return ZoneInfo(mapping.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidInputError(f"'{mapping.time_zone}' is no time zone", field="timeZone") from error


def columns_of(mapping: TableMapping) -> set[str]:
    """Every column that the mapping names."""
    due = mapping.due.column if mapping.due else None
    sla = mapping.within_sla.column if mapping.within_sla else None
    single = (
        mapping.item,
        mapping.at,
        mapping.state.column,
        mapping.created,
        mapping.category,
        mapping.subject,
    )
    named = {*single, mapping.agent, mapping.reopens, due, sla, *mapping.ext.values(), *mapping.data.values()}
    return {name for name in named if name} | {part.column for part in mapping.business_value}


def _check(mapping: TableMapping) -> None:
    zone_of(mapping)
    if mapping.due:
        for text, duration in mapping.due.after.items():
            parse_duration(duration, f"due.after.{text}")
        if mapping.due.otherwise:
            parse_duration(mapping.due.otherwise, "due.otherwise")
