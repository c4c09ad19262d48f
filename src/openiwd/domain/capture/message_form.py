"""Builds a message from the attributes that a record filled: each kind takes what concerns it. Pure."""

from __future__ import annotations

import re
from typing import Any, Final
from uuid import UUID

import msgspec

from openiwd.domain.capture.message import KINDS, Message, MessageKind
from openiwd.domain.capture.target import EXT, ITEM, TARGETS, WORDS
from openiwd.domain.errors import InvalidInputError

_TYPES: Final = {kind: type_ for type_, kind in KINDS.items()}
_ITEM: Final = frozenset({*ITEM, "ext", "contact", "data"})
_ONLY_NEW: Final = frozenset({"captureId", "mediaType", "createdDateTime"})
"""What an item keeps from its creation: in an update these name it, or are passed over."""
_PATH: Final = re.compile(r"^(?P<text>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)


def message_of(kind: MessageKind, values: dict[str, Any], capture_point: str) -> Message:
    """The message of this kind from nested values; InvalidInputError naming the attribute at fault."""
    said: dict[str, Any] = {}
    item: dict[str, Any] = {}
    for name, value in values.items():
        if name in _ITEM:
            item[name] = value
        elif name in WORDS and value is not None:
            said[name] = value
    _check_inner(item)
    body: dict[str, Any] = {"message": kind.value}
    if "actor" in said:
        body["actor"] = said["actor"]
    match kind:
        case MessageKind.CREATE:
            body["item"] = new = _whole(_with_result_code(item, said))
            new["capturePoint"] = capture_point
            _require(body["item"], "captureId")
        case MessageKind.PING:
            pass
        case _:
            body |= _named(said, item)
            body |= _of_act(kind, said, item)
    return _converted(body, kind)


def _named(said: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    named = {"id": said.get("id"), "captureId": item.get("captureId")}
    found = {name: value for name, value in named.items() if value is not None}
    if not found:
        raise InvalidInputError(
            "the record names no item", field="captureId", hint="map captureId or id", code="missing"
        )
    if "id" in found:
        try:
            found["id"] = str(UUID(found["id"]))
        except (ValueError, TypeError, AttributeError):
            raise InvalidInputError(
                f"'{str(found['id'])[:60]}' is no id of an item",
                field="id",
                hint="name it by captureId instead",
            ) from None
    return found


def _of_act(kind: MessageKind, said: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    """What a message says beside the item that it names."""
    own = {f.encode_name for f in msgspec.structs.fields(_TYPES[kind])} - {"id", "captureId", "actor", "item"}
    body = {name: value for name, value in said.items() if name in own}
    changes = {name: value for name, value in item.items() if name not in _ONLY_NEW}
    if kind is MessageKind.UPDATE or (kind is MessageKind.RESTART and changes):
        body["item"] = _with_result_code(changes, said)
    elif kind is MessageKind.COMPLETE and "resultCode" not in body:
        code = (item.get("ext") or {}).get("resultCode")
        if code is not None:
            body["resultCode"] = code
    return body


def _with_result_code(item: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    if "resultCode" not in said:
        return item
    ext = item.get("ext") or {}
    return {**item, "ext": {"resultCode": said["resultCode"], **ext}}


def _whole(item: dict[str, Any]) -> dict[str, Any]:
    """A new item has no nulls: what is null is absent."""
    return {name: value for name, value in item.items() if value is not None}


def _check_inner(item: dict[str, Any]) -> None:
    """`ext`, `contact` and `data` are objects, and `ext` has only what it may have."""
    for name in ("ext", "contact", "data"):
        value = item.get(name)
        if value is not None and not isinstance(value, dict):
            raise InvalidInputError(f"{name} is no object", field=name, hint=f"map to {name}.… instead")
    ext = item.get("ext") or {}
    for name in ext:
        if name not in EXT:
            raise InvalidInputError(
                f"there is no extended attribute '{str(name)[:60]}'",
                field=f"ext.{name}"[:200],
                hint=f"use data.{name} instead"[:200],
            )


def _require(item: dict[str, Any], name: str) -> None:
    if item.get(name) in (None, ""):
        raise InvalidInputError(
            f"{name} is missing",
            field=name,
            hint=f"map a field to {name} that is unique in the source",
            code="missing",
        )


def _converted(body: dict[str, Any], kind: MessageKind) -> Message:
    try:
        message: Message = msgspec.convert(body, _TYPES[kind])
    except msgspec.ValidationError as error:
        match = _PATH.match(str(error))
        path = (match["path"] if match else None) or ""
        field = path.removeprefix("item.") or None
        hint = f"{field} takes {TARGETS[field].kind.value}" if field in TARGETS else "correct the value"
        raise InvalidInputError(match["text"] if match else str(error), field=field, hint=hint) from error
    return message
