"""Reads XES logs (.xes, .xes.gz) case by case in constant memory; refuses entities and outside references."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from openiwd.adapters.event_log_file.mapping import XesMapping
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import to_micros
from openiwd.domain.replay.case_log import Case, CaseEvent, Transition

_TRANSITIONS = {str(transition): transition for transition in Transition}
_MAX_VALUE = 2_147_483_647


def read_cases(path: Path, mapping: XesMapping | None = None) -> Iterator[Case]:
    """The cases of a log in the file's order, with the events of the mapped activities only."""
    mapping = mapping or XesMapping()
    try:
        with _open(path) as file:
            yield from _cases(file, mapping)
    except OSError as error:
        raise InvalidInputError(
            f"The log cannot be read: {error.strerror or error}", field=str(path)
        ) from error
    except (EOFError, zlib.error, ParseError, DefusedXmlException) as error:
        raise InvalidInputError(f"The log is no sound XES file: {error!r}", field=path.name) from error


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _cases(file: IO[bytes], mapping: XesMapping) -> Iterator[Case]:
    order = 0
    number = 0
    log: Element | None = None
    for event, element in iterparse(file, events=("start", "end")):
        tag = _tag(element)
        if event == "start":
            if log is None:
                log = element
                if tag != "log":
                    raise InvalidInputError(
                        f"The root element is <{tag}>, not <log>", hint="is it an XES file?"
                    )
        elif tag == "trace" and log is not None:
            number += 1
            case, order = _case(element, number, order, mapping)
            yield case
            log.clear()  # drops the case just read: memory stays that of one case


def _case(trace: Element, number: int, order: int, mapping: XesMapping) -> tuple[Case, int]:
    attributes: dict[str, str] = {}
    events = []
    for child in trace:
        if _tag(child) == "event":
            order += 1
            found = _event(child, order, mapping.activity_prefix)
            if found is not None:
                events.append(found)
        elif key := child.get("key"):
            attributes[key] = child.get("value", "")
    source_created = attributes.get(mapping.source_created)
    case = Case(
        id=attributes.get("concept:name") or f"case{number}",
        events=events,
        business_value=_integer(attributes.get(mapping.business_value)),
        source_created=_milliseconds(source_created) if source_created else None,
    )
    return case, order


def _event(element: Element, order: int, prefix: str) -> CaseEvent | None:
    values = {child.get("key"): child.get("value", "") for child in element}
    activity = values.get("concept:name", "")
    transition = _TRANSITIONS.get(values.get("lifecycle:transition", "").lower())
    if transition is None or not activity.startswith(prefix):
        return None
    at = _milliseconds(values.get("time:timestamp", ""))
    return CaseEvent(activity, transition, at, order, values.get("org:resource") or None)


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _milliseconds(text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(f"'{text}' is no instant", field="time:timestamp") from error
    return to_micros(instant if instant.tzinfo else instant.replace(tzinfo=UTC)) // 1000


def _integer(text: str | None) -> int | None:
    try:
        value = round(float(text)) if text else None
    except (ValueError, OverflowError):
        return None
    return value if value is None or abs(value) <= _MAX_VALUE else None
