"""The form that modifies items: every field has a tick of its own, and only what is ticked changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from openiwd.domain.errors import InvalidInputError, OpenIwdError
from openiwd.domain.work_item import ItemUpdate
from openiwd.web.queue.vocabulary import BOOLEAN, DATE, LIST, NUMBER, Known
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.sent import LOCAL
from openiwd.web.shell.time_text import TimeText
from openiwd.web.shell.visit import Visit

FIELDS: Final = (
    "businessValue", "priorityAdjustment", "priorityFixed", "dueDateTime", "activationDateTime", "expirationDateTime",
    "subject", "channel", "tags",
)  # fmt: skip
_INPUTS: Final = {NUMBER: "number", DATE: "datetime-local"}


class ModifyField(NamedTuple):
    """One field: `kind` as of a form's field."""

    name: str
    label: str
    kind: str
    value: str
    ticked: bool
    options: Sequence[tuple[str, str]] = ()
    error: str = ""


def _changeable(known: Mapping[str, Known]) -> list[Known]:
    own = [known[name] for name in FIELDS if name in known]
    return own + [k for k in known.values() if k.name.startswith(("ext.", "data."))]


def modify_fields(
    known: Mapping[str, Known], sent: Mapping[str, Any], error: OpenIwdError | None, t: Catalogue
) -> list[ModifyField]:
    """The fields, with what was typed and what was wrong with it."""
    ticked = sent.get("tick") or ()
    wrong = {error.field: error.message} if error is not None else {}
    found = []
    for one in _changeable(known):
        options: Sequence[tuple[str, str]] = one.options
        if one.type == BOOLEAN:
            options = [("true", t("uq.filter.yes")), ("false", t("uq.filter.no"))]
        kind = "select" if options else _INPUTS.get(one.type, "text")
        choices = [("", t("uq.modify.empty")), *options] if options else []
        value = str(sent.get(one.name) or "")
        found.append(
            ModifyField(
                one.name, one.label, kind, value, one.name in ticked, choices, wrong.get(one.name, "")
            )
        )
    return found


def typed(kind: str, value: Any, times: TimeText) -> str:
    """A present value as an input of its kind has it, instants in the reader's zone."""
    if kind == DATE and isinstance(value, str):
        value = _instant(value)
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return (value if value.tzinfo is None else times.local(value)).strftime(LOCAL)
        case list():
            return ", ".join(str(v) for v in value)
        case _:
            return str(value)


def _instant(text: str) -> datetime | str:
    """Attributes of one's own are stored as they came: a day is its beginning, what is no instant stays text."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def read_modify(
    known: Mapping[str, Known], ticked: Sequence[str], sent: Mapping[str, Any], visit: Visit
) -> ItemUpdate:
    """The change of the ticked fields alone; an empty one clears. InvalidInputError names the field."""
    changing = [one for one in _changeable(known) if one.name in ticked]
    if not changing:
        raise InvalidInputError(
            visit.t("uq.modify.nothing"), field="tick", hint=visit.t("uq.modify.nothing_hint")
        )
    values: dict[str, Any] = {}
    for one in changing:
        value = _read(one, str(sent.get(one.name) or "").strip(), visit)
        root, _, path = one.name.partition(".")
        if path:
            _put(values.setdefault(root, {}), path, value)
        else:
            values[one.name] = value
    try:
        return msgspec.convert(values, ItemUpdate)
    except msgspec.ValidationError as error:
        message, _, at = str(error).partition(" - at `$.")
        raise InvalidInputError(
            message, field=at.rstrip("`") or None, hint=visit.t("uq.modify.check")
        ) from error


def _put(target: dict[str, Any], path: str, value: Any) -> None:
    *way, last = path.split(".")
    for key in way:
        target = target.setdefault(key, {})
    target[last] = value


def _read(one: Known, text: str, visit: Visit) -> Any:
    if one.type == LIST:
        return [part.strip() for part in text.split(",") if part.strip()]
    if not text:
        return None
    try:
        if one.type == NUMBER:
            number = float(text)
            return int(number) if number.is_integer() else number
        if one.type == DATE:
            at = datetime.fromisoformat(text)
            return (at if at.tzinfo is not None else at.replace(tzinfo=visit.times.zone)).isoformat()
    except ValueError as error:
        raise InvalidInputError(visit.t("uq.modify.unreadable", text=text[:60]), field=one.name) from error
    return text == "true" if one.type == BOOLEAN else text
