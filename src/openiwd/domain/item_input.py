"""What sources hand in, read and checked: the limits of a submission, and an update merged into an item. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.source_values import source_view
from openiwd.domain.work_item import (
    DueOrigin,
    Ext,
    ItemSubmission,
    ItemUpdate,
    WorkItem,
    check_data,
    check_instant,
    check_text,
    surely_storable,
    surely_storable_text,
)

_SIGNED: Final = re.compile(r"[+-]\d{1,9}")


def priority_input(priority: Any, fixed: int | None, adjustment: int | None) -> tuple[int | None, int | None]:
    """`priority: 50` means priorityFixed 50, `"+10"` means priorityAdjustment 10."""
    if priority is None:
        return fixed, adjustment
    if isinstance(priority, str):
        if not _SIGNED.fullmatch(priority):
            raise InvalidInputError(
                f"priority '{priority}' is neither a number nor a signed text",
                field="priority",
                hint='write 50, "+10" or "-5"',
            )
        if adjustment is not None:
            raise InvalidInputError(
                "priority and priorityAdjustment say the same thing",
                field="priority",
                hint="give one of them",
            )
        return fixed, int(priority)
    if isinstance(priority, float):
        if not priority.is_integer():
            raise InvalidInputError(
                f"priority {priority} is not whole", field="priority", hint="use a whole number"
            )
        priority = int(priority)
    if not -2_147_483_648 <= priority <= 2_147_483_647:
        raise InvalidInputError(
            f"priority {priority} is out of range", field="priority", hint="use a 32-bit number"
        )
    if fixed is not None:
        raise InvalidInputError(
            "priority and priorityFixed say the same thing", field="priority", hint="give one of them"
        )
    return priority, adjustment


def check_submission(new: ItemSubmission, now: datetime, encoded: bytes | None = None) -> None:
    """Refuses dates out of reach and texts or data that cannot be stored. `encoded` is the submission as JSON."""
    check_instant(new.created_date_time, now, "createdDateTime", future=False)
    check_instant(new.activation_date_time, now, "activationDateTime")
    check_instant(new.due_date_time, now, "dueDateTime")
    check_instant(new.expiration_date_time, now, "expirationDateTime")
    ext = new.ext
    if ext is not None:
        check_instant(ext.source_created_date_time, now, "ext.sourceCreatedDateTime")
        check_instant(ext.source_due_date_time, now, "ext.sourceDueDateTime")
        check_instant(ext.source_first_created_date_time, now, "ext.sourceFirstCreatedDateTime")
    if not (surely_storable(new) if encoded is None else surely_storable_text(encoded)):
        _check_closely(new, msgspec.to_builtins(ext) if ext is not None else {})


def _check_closely(new: ItemSubmission, ext: dict[str, Any]) -> None:
    """Finds out which field it is that cannot be stored, if any."""
    texts = {
        "captureId": new.capture_id,
        "capturePoint": new.capture_point,
        "mediaType": new.media_type,
        "channel": new.channel,
        "category": new.category,
        "subject": new.subject,
        "description": new.description,
        "sourceUrl": new.source_url,
    }
    for field, text in texts.items():
        if text is not None:
            check_text(text, field)
    for tag in new.tags:
        check_text(tag, "tags")
    check_data(ext, "ext")
    if new.data:
        check_data(new.data)
    if new.contact is not None:
        check_data(msgspec.to_builtins(new.contact), "contact")


def _check_ext(ext: dict[str, Any], now: datetime) -> None:
    check_data(ext, "ext")
    _check_ext_instants(ext, now)


def _check_ext_instants(ext: dict[str, Any], now: datetime) -> None:
    for name in ("sourceCreatedDateTime", "sourceDueDateTime", "sourceFirstCreatedDateTime"):
        if ext.get(name):
            check_instant(datetime.fromisoformat(ext[name]), now, f"ext.{name}")


_PLAIN: Final = {
    "category": "named_category",
    "channel": "channel",
    "subject": "subject",
    "description": "description",
    "source_url": "source_url",
    "activation_date_time": "activation_at",
    "expiration_date_time": "expiration_at",
}


def apply_update(item: WorkItem, update: ItemUpdate, now: datetime) -> WorkItem:
    """The source view of the item with the update merged in: absent = unchanged, null = cleared."""
    item = source_view(item)
    values: dict[str, Any] = {}
    for name, target in _PLAIN.items():
        value = getattr(update, name)
        if value is UNSET:
            continue
        if isinstance(value, str):
            check_text(value, name)
        elif isinstance(value, datetime):
            check_instant(
                value, now, "activationDateTime" if name.startswith("activation") else "expirationDateTime"
            )
        values[target] = value
    if update.business_value is not UNSET:
        values["business_value"] = update.business_value or 0
    if update.due_date_time is not UNSET:
        check_instant(update.due_date_time, now, "dueDateTime")
        if update.due_date_time is not None or item.due_origin is DueOrigin.SOURCE:
            values["due_at"] = update.due_date_time
            values["due_origin"] = DueOrigin.SOURCE if update.due_date_time is not None else None
    values.update(_priority_update(update))
    if update.contact is not UNSET:
        contact = None if update.contact is None else msgspec.to_builtins(update.contact)
        if contact is not None:
            check_data(contact, "contact")
        values["contact"] = contact
        values["contact_id"] = None
    if update.tags is not UNSET:
        values["tags"] = list(dict.fromkeys(update.tags or []))
        for tag in values["tags"]:
            check_text(tag, "tags")
    if update.data is not UNSET:
        check_data(update.data or {})
        values["data"] = _merged(item.data, update.data)
        check_data(values["data"])
    if update.ext is not UNSET:
        values["ext"] = _merged_ext(item.ext, update.ext, now)
    return replace(item, **values)


def _priority_update(update: ItemUpdate) -> dict[str, Any]:
    """The priority fields of an update; a `priority` that comes with `priorityAt` is our own answer: ignored."""
    values: dict[str, Any] = {}
    if update.priority_fixed is not UNSET:
        values["priority_fixed"] = update.priority_fixed
    if update.priority_adjustment is not UNSET:
        values["priority_adjustment"] = update.priority_adjustment or 0
    echoed = update.priority_at is not UNSET and update.priority_at is not None
    if update.priority is UNSET or echoed:
        return values
    if update.priority is None:
        values["priority_fixed"] = None
        return values
    fixed, adjustment = priority_input(
        update.priority, values.get("priority_fixed"), values.get("priority_adjustment")
    )
    if fixed is not None:
        values["priority_fixed"] = fixed
    if adjustment is not None:
        values["priority_adjustment"] = adjustment
    return values


def _merged(present: dict[str, Any], patch: dict[str, Any] | None) -> dict[str, Any]:
    """JSON merge patch (RFC 7396): null removes, objects merge, anything else replaces."""
    if patch is None:
        return {}
    result = dict(present)
    for name, value in patch.items():
        inner = result.get(name)
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = _merged(inner if isinstance(inner, dict) else {}, value)
        else:
            result[name] = value
    return result


def _merged_ext(present: dict[str, Any], patch: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    check_data(patch or {}, "ext")
    merged = _merged(present, patch)
    try:
        checked: dict[str, Any] = msgspec.to_builtins(msgspec.convert(merged, Ext, strict=True))
    except msgspec.ValidationError as error:
        text = str(error)
        path = text.rpartition(" - at `$")[2].rstrip("`") if " - at `$" in text else ""
        raise InvalidInputError(
            text, field=f"ext{path}", hint="see the extended attributes in the reference"
        ) from error
    _check_ext(checked, now)
    return checked
