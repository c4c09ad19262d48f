"""Compiles a capture point's mapping: a checked plan that turns each record into a message, or says which field is
wrong and what to do. Pure: no text of the mapping is ever executed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import UNSET

from openiwd.domain.capture.mapping import MAX_VALUES, FieldMapping, MappingConfig, Unmapped
from openiwd.domain.capture.message import Message, MessageKind
from openiwd.domain.capture.message_form import message_of
from openiwd.domain.capture.point import CapturePoint
from openiwd.domain.capture.target import (
    Kind,
    Target,
    lay,
    meant,
    target_by_name,
    target_of,
    there,
)
from openiwd.domain.capture.value_reading import (
    check_date_form,
    date_reader,
    is_nothing,
    list_reader,
    number_reader,
    read_integer,
    read_text,
)
from openiwd.domain.errors import InvalidInputError, TooLargeError
from openiwd.domain.work_item import MAX_DATA_DEPTH, MAX_ITEM_BYTES, check_text

Reader = Callable[[Any], Any]
_MISSING: Final = object()
_ALIASES: Final = {"submit": MessageKind.CREATE, "stop": MessageKind.COMPLETE}
"""What the native form of interactions calls them."""


class Line(NamedTuple):
    """One line of the mapping, ready to be followed."""

    target: Target
    sources: tuple[str, ...]
    join: str
    constant: Any
    values: Mapping[str, Any] | None
    otherwise: Any
    read: Reader
    default: Any
    required: bool


class CompiledMapping:
    """Turns records into messages. Holds no state; safe to share."""

    def __init__(self, point: CapturePoint, lines: list[Line], defaults: list[tuple[Target, Any]]) -> None:
        self.point = point
        self._lines = lines
        self._defaults = defaults
        config = point.mapping
        choice = config.message
        self._unmapped = config.unmapped
        self._message_from = None if choice.from_ is UNSET else choice.from_
        named = {_folded(kind.value): kind for kind in MessageKind} | _ALIASES
        self._kinds = named | {_folded(k): kind for k, kind in choice.values.items()}
        self._otherwise = choice.otherwise
        self._taken = {s.partition(".")[0] for line in lines for s in line.sources}
        self._taken |= {s for line in lines for s in line.sources}
        self._taken |= {self._message_from or "message"}
        zone = ZoneInfo(point.time_zone)
        self._by_kind: dict[Kind, Reader] = {kind: _reader(kind, None, zone) for kind in Kind}
        self._source_of = {line.target.name: " + ".join(line.sources) for line in lines if line.sources}

    def message(self, fields: Mapping[str, Any], named: str | None = None) -> Message:
        """The message of a record; `named` is the one that its form names already.

        Raises InvalidInputError: `field` is the record's field (or the attribute that is missing), with a hint.
        """
        kind = self.kind(fields, named)
        values = self.values(fields, kind)
        try:
            _check_storable(values)
            return message_of(kind, values, self.point.id)
        except InvalidInputError as error:
            source = self._source_of.get(error.field or "")
            if source is not None:
                error.message = f"{error.message} (for {error.field})"
                error.field = source
            raise

    def capture_id(self, fields: Mapping[str, Any]) -> str | None:
        """The captureId of a record that may be refused for something else; None where it has none."""
        line = next((one for one in self._lines if one.target.name == "captureId"), None)
        try:
            if line is not None:
                found = self._value(line, fields)
            elif self._unmapped is Unmapped.BY_NAME:
                by_name = (v for name, v in fields.items() if target_by_name(name).name == "captureId")
                found = read_text(next(by_name, None))
            else:
                return None
        except InvalidInputError:
            return None
        return found if isinstance(found, str) and found else None

    def kind(self, fields: Mapping[str, Any], named: str | None = None) -> MessageKind:
        """Which message a record is."""
        said = named
        if said is None:
            said = read_text(_dig(fields, self._message_from or "message"))
        if is_nothing(said) or said is _MISSING:
            return self._otherwise
        kind = self._kinds.get(_folded(str(said)))
        if kind is None:
            raise InvalidInputError(
                f"'{str(said)[:60]}' is no message",
                field=self._message_from or "message",
                hint=f"use one of {', '.join(MessageKind)}, or add it to the messages of the mapping",
                code="unknownMessage",
            )
        return kind

    def values(self, fields: Mapping[str, Any], kind: MessageKind) -> dict[str, Any]:
        """The attributes that a record fills, as nested JSON values."""
        values: dict[str, Any] = {}
        if self._unmapped is not Unmapped.IGNORE:
            self._lay_unmapped(fields, values)
        for line in self._lines:
            value = self._value(line, fields)
            if value is not _MISSING:
                lay(values, line.target.path, value)
        if kind is MessageKind.CREATE:
            for target, value in self._defaults:
                if not there(values, target.path):
                    lay(values, target.path, value)
        return values

    def _lay_unmapped(self, fields: Mapping[str, Any], values: dict[str, Any]) -> None:
        by_name = self._unmapped is Unmapped.BY_NAME
        for name, value in fields.items():
            if name in self._taken:
                continue
            target = target_by_name(name) if by_name else Target(("data", name), Kind.ANY)
            if value is None:
                lay(values, target.path, None)
            elif not is_nothing(value):
                lay(values, target.path, _read(self._by_kind[target.kind], value, name, target.name))

    def _value(self, line: Line, fields: Mapping[str, Any]) -> Any:
        if line.constant is not UNSET:
            return line.constant
        found = [_dig(fields, source) for source in line.sources]
        if len(found) == 1:
            value = found[0]
        else:
            parts = [str(read_text(v)) for v in found if v is not _MISSING and not is_nothing(v)]
            value = line.join.join(parts) if parts else _MISSING
        if value is _MISSING or is_nothing(value):
            return self._absent(line)
        source = " + ".join(line.sources)
        if line.values is not None:
            value = _looked_up(line, value, source)
            if value is None:
                return _MISSING
        return _read(line.read, value, source, line.target.name)

    def _absent(self, line: Line) -> Any:
        if line.default is not UNSET:
            return line.default
        if line.required:
            source = " + ".join(line.sources)
            raise InvalidInputError(
                f"{source} is empty, and {line.target.name} is filled from it",
                field=source,
                hint="fill it in the source, or give a default in the mapping",
                code="missing",
            )
        return _MISSING


def _check_storable(values: dict[str, Any]) -> None:
    """Refuses what is larger than an item may be, and texts that cannot be stored."""
    try:
        encoded = msgspec.json.encode(values)
    except (UnicodeEncodeError, RecursionError):
        encoded = b"\\u0000"  # to be looked at closely
    if len(encoded) > MAX_ITEM_BYTES:
        raise TooLargeError(
            f"the record has {len(encoded)} bytes, at most {MAX_ITEM_BYTES} are allowed",
            hint="leave fields out in the mapping",
        )
    if b"\\u0000" in encoded:
        _check_texts(values, "", 0)


def _check_texts(value: Any, path: str, depth: int) -> None:
    if depth > MAX_DATA_DEPTH:
        raise InvalidInputError(
            f"the record is nested deeper than {MAX_DATA_DEPTH} levels", field=path or None, hint="flatten it"
        )
    if isinstance(value, str):
        check_text(value, path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            check_text(str(name), path)
            _check_texts(inner, f"{path}.{name}" if path else str(name), depth + 1)
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            _check_texts(inner, f"{path}[{n}]", depth + 1)


def _folded(text: str) -> str:
    return text.strip().casefold()


def _dig(fields: Mapping[str, Any], path: str) -> Any:
    if path in fields:
        return fields[path]
    value: Any = fields
    for name in path.split("."):
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return _MISSING
    return value


def _looked_up(line: Line, value: Any, source: str) -> Any:
    values = line.values or {}
    key = str(read_text(value))
    if key in values:
        return values[key]
    if line.otherwise is not UNSET:
        return line.otherwise
    raise InvalidInputError(
        f"'{key[:60]}' has no value for {line.target.name}",
        field=source,
        hint="add it to the values of the mapping, or say what holds otherwise",
        code="unknownValue",
    )


def _read(read: Reader, value: Any, source: str, target: str) -> Any:
    try:
        return read(value)
    except InvalidInputError as error:
        error.message = f"{error.message} (for {target})" if source != target else error.message
        error.field = source
        raise


def _reader(kind: Kind, line: FieldMapping | None, zone: ZoneInfo) -> Reader:
    number = line.number if line is not None else None
    form = line.date if line is not None else None
    match kind:
        case Kind.INTEGER:
            return read_integer(number_reader(number))
        case Kind.INSTANT:
            return date_reader(form, zone)
        case Kind.LIST:
            return list_reader(line.split if line is not None else None)
        case Kind.TEXT:
            return read_text
        case Kind.ANY:
            if form is not None:
                return date_reader(form, zone)
            if number is not None:
                return number_reader(number)
            return list_reader(line.split) if line is not None and line.split else _json_value


def _json_value(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | dict) else read_text(value)


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
    read = _reader(target.kind, field, zone)
    read_default = _reader(target.kind, None, zone)
    return Line(
        target=target,
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
        found.append((target, faults.read(f"defaults.{name}", _reader(target.kind, None, zone), value)))
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
