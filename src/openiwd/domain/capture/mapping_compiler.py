"""Compiles a capture point's mapping: a checked plan that turns each record into a message, or says which field is
wrong and what to do. Pure: no text of the mapping is ever executed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import UNSET

from openiwd.domain.capture.compiled_mapping import CompiledMapping, Line, Reader, reader_of
from openiwd.domain.capture.mapping import MAX_VALUES, FieldMapping, MappingConfig
from openiwd.domain.capture.point import CapturePoint
from openiwd.domain.capture.target import (
    Kind,
    Target,
    meant,
    target_of,
)
from openiwd.domain.capture.value_reading import (
    check_date_form,
)
from openiwd.domain.errors import InvalidInputError


def compile_mapping(point: CapturePoint) -> CompiledMapping:
    """The plan of a capture point's mapping; InvalidInputError lists all that is wrong with it under `errors`."""
    faults = Faults()
    zone = faults.zone("timeZone", point.time_zone)
    lines = []
    filled: dict[str, int] = {}
    for n, field in enumerate(point.mapping.fields):
        line = _line(field, f"mapping.fields[{n}]", zone, faults)
        if line is None:
            continue
        if line.target.name in filled:
            faults.add(
                f"mapping.fields[{n}].to",
                f"{line.target.name} is filled by line {filled[line.target.name] + 1} already",
                "keep one of them",
            )
        filled.setdefault(line.target.name, n)
        lines.append(line)
    defaults = _defaults(point, zone, faults)
    faults.raise_any()
    return CompiledMapping(point, lines, defaults)


def _line(field: FieldMapping, at: str, zone: ZoneInfo, faults: Faults) -> Line | None:
    target = target_of(field.to)
    if target is None:
        close = meant(field.to)
        faults.add(
            f"{at}.to",
            f"there is no attribute '{field.to}'",
            f"did you mean {close}?" if close else "use an attribute of items, ext.…, contact.… or data.…",
        )
        return None
    constant = field.constant is not UNSET
    if constant == (field.from_ is not UNSET):
        faults.add(f"{at}.from", f"{field.to} needs a field or a constant, and not both", "give one of them")
        return None
    if field.time_zone is not None:
        zone = faults.zone(f"{at}.timeZone", field.time_zone)
    if field.date is not None:
        faults.check(f"{at}.date", lambda: check_date_form(field.date or ""))
        if target.kind not in (Kind.INSTANT, Kind.ANY):
            faults.add(
                f"{at}.date", f"{field.to} is {target.kind.value}, no date", "leave the form of dates out"
            )
            return None
    if field.number is not None and target.kind not in (Kind.INTEGER, Kind.ANY):
        faults.add(f"{at}.number", f"{field.to} is {target.kind.value}, no number", "leave the form out")
        return None
    if field.values is not None and len(field.values) > MAX_VALUES:
        faults.add(
            f"{at}.values", f"{len(field.values)} values, at most {MAX_VALUES} are allowed", "use fewer"
        )
    if faults.found:
        return None
    sources = (
        () if field.from_ is UNSET else tuple([field.from_] if isinstance(field.from_, str) else field.from_)
    )
    read = reader_of(target.kind, field, zone)
    read_default = reader_of(target.kind, None, zone)
    return Line(
        target=target,
        name=target.name,
        source=" + ".join(sources),
        sources=sources,
        join=field.join,
        constant=faults.read(f"{at}.constant", read_default, field.constant),
        values=field.values,
        otherwise=field.otherwise,
        read=read if field.values is None else read_default,
        default=faults.read(f"{at}.default", read_default, field.default),
        required=field.required,
    )


def _defaults(point: CapturePoint, zone: ZoneInfo, faults: Faults) -> list[tuple[Target, Any]]:
    found = []
    for name, value in point.defaults.items():
        target = target_of(name)
        if target is None:
            close = meant(name)
            faults.add(
                f"defaults.{name}",
                f"there is no attribute '{name}'",
                f"did you mean {close}?"
                if close
                else "use an attribute of items, ext.…, contact.… or data.…",
            )
            continue
        found.append((target, faults.read(f"defaults.{name}", reader_of(target.kind, None, zone), value)))
    return found


class Faults:
    """Everything that is wrong with a mapping, so that its author sees all of it at once."""

    def __init__(self) -> None:
        self.found: list[dict[str, str | None]] = []

    def add(self, field: str, message: str, hint: str | None) -> None:
        self.found.append({"field": field, "message": message, "hint": hint})

    def check(self, field: str, act: Callable[[], None]) -> None:
        try:
            act()
        except InvalidInputError as error:
            self.add(field, error.message, error.hint)

    def read(self, field: str, read: Reader, value: Any) -> Any:
        """A value of the mapping itself, read as its attribute's; UNSET stays."""
        if value is UNSET or value is None:
            return value
        try:
            return read(value)
        except InvalidInputError as error:
            self.add(field, error.message, error.hint)
            return UNSET

    def zone(self, field: str, name: str) -> ZoneInfo:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.add(field, f"there is no time zone '{name}'", "use an IANA name such as Europe/Berlin")
            return ZoneInfo("UTC")

    def raise_any(self) -> None:
        if self.found:
            first = self.found[0]
            raise InvalidInputError(
                first["message"] or "", field=first["field"], hint=first["hint"], errors=list(self.found)
            )


def read_point(body: Any) -> CapturePoint:
    """A capture point from JSON-like values, of the right types; `compile_mapping` checks what they say."""
    try:
        return msgspec.convert(body, CapturePoint)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        raise InvalidInputError(text, field=path.strip("`.") or None, hint="see the reference") from error


__all__ = ["CompiledMapping", "MappingConfig", "compile_mapping", "read_point"]
