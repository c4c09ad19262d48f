"""A compiled mapping: turns each record of a source into a message, or says which field is wrong and what to do.
Pure; made by `mapping_compiler` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET

from openiwd.domain.capture.mapping import FieldMapping, Unmapped
from openiwd.domain.capture.message import Message, MessageKind
from openiwd.domain.capture.message_form import message_of
from openiwd.domain.capture.point import CapturePoint
from openiwd.domain.capture.target import (
    REMEMBERED_LENGTH,
    WORDS,
    Kind,
    Target,
    lay,
    target_by_name,
    there,
)
from openiwd.domain.capture.value_reading import (
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
REMEMBERED: Final = 2_048
"""Names of fields that a mapping remembers."""
_ALIASES: Final = {"submit": MessageKind.CREATE, "stop": MessageKind.COMPLETE}
"""What the native form of interactions calls them."""


class Place(NamedTuple):
    """Where a field goes that no line of the mapping takes."""

    path: tuple[str, ...]
    kind: Kind
    read: Reader
    name: str


class Line(NamedTuple):
    """One line of the mapping, ready to be followed."""

    target: Target
    name: str
    source: str
    sources: tuple[str, ...]
    join: str
    constant: Any
    values: Mapping[str, Any] | None
    otherwise: Any
    read: Reader
    default: Any
    required: bool


class CompiledMapping:
    """Turns records into messages. Remembers no record, only where their fields go; safe to share."""

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
        self._by_kind: dict[Kind, Reader] = {kind: reader_of(kind, None, zone) for kind in Kind}
        self._places: dict[str, Place | None] = {}
        """Of fields that came before; None: a line takes it. Records have the same few names again and again."""
        self._source_of = {line.name: line.source for line in lines if line.sources}

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
        line = next((one for one in self._lines if one.name == "captureId"), None)
        try:
            if line is not None:
                found = self._value(line, fields, MessageKind.GET_INFO)
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
        """The attributes that a record fills, as nested JSON values; a ping says nothing that could be wrong."""
        if kind is MessageKind.PING:
            return {}
        values: dict[str, Any] = {}
        if self._unmapped is not Unmapped.IGNORE:
            self._lay_unmapped(fields, values)
        for line in self._lines:
            value = self._value(line, fields, kind)
            if value is not _MISSING:
                lay(values, line.target.path, value)
        if kind is MessageKind.CREATE:
            for target, value in self._defaults:
                if not there(values, target.path):
                    lay(values, target.path, value)
        return values

    def _lay_unmapped(self, fields: Mapping[str, Any], values: dict[str, Any]) -> None:
        places = self._places
        for name, value in fields.items():
            place = places[name] if name in places else self._place(name)
            if place is None:
                continue
            if value is None:
                lay(values, place.path, None)
            elif isinstance(value, str) and place.kind is Kind.TEXT:
                if text := value.strip():
                    lay(values, place.path, text)
            elif not is_nothing(value):
                lay(values, place.path, _read(place.read, value, name, place.name))

    def _place(self, name: str) -> Place | None:
        place = None
        if name not in self._taken:
            by_name = self._unmapped is Unmapped.BY_NAME
            target = target_by_name(name) if by_name else Target(("data", name), Kind.ANY)
            place = Place(target.path, target.kind, self._by_kind[target.kind], target.name)
        if len(self._places) < REMEMBERED and len(name) <= REMEMBERED_LENGTH:
            self._places[name] = place
        return place

    def _value(self, line: Line, fields: Mapping[str, Any], kind: MessageKind) -> Any:
        if line.constant is not UNSET:
            return line.constant
        if len(line.sources) == 1:
            value = _dig(fields, line.source)
        else:
            found = [_dig(fields, source) for source in line.sources]
            parts = [str(read_text(v)) for v in found if v is not _MISSING and not is_nothing(v)]
            value = line.join.join(parts) if parts else _MISSING
        if value is _MISSING or is_nothing(value):
            return _absent(line, kind)
        if line.values is not None:
            value = _looked_up(line, value)
            if value is None:
                return _MISSING
        return _read(line.read, value, line.source, line.name)


def _absent(line: Line, kind: MessageKind) -> Any:
    """For a field that says nothing: of an item that exists, what is absent is unchanged, and not asked for."""
    if kind is not MessageKind.CREATE and line.name not in WORDS:
        return _MISSING
    if line.default is not UNSET:
        return line.default
    if line.required:
        raise InvalidInputError(
            f"{line.source} is empty, and {line.name} is filled from it",
            field=line.source,
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


def _looked_up(line: Line, value: Any) -> Any:
    values = line.values or {}
    key = str(read_text(value))
    if key in values:
        return values[key]
    if line.otherwise is not UNSET:
        return line.otherwise
    raise InvalidInputError(
        f"'{key[:60]}' has no value for {line.name}",
        field=line.source,
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


def reader_of(kind: Kind, line: FieldMapping | None, zone: ZoneInfo) -> Reader:
    """Reads values of a kind, in the forms that a line of the mapping names."""
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
