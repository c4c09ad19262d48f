"""Standard responses: kept by people, read by every agent, filled with what is known of an item. Sends nothing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from openiwd.domain.email.mailbox import Mailbox
from openiwd.domain.email.standard_response import StandardResponse, check_response, fill
from openiwd.domain.errors import NotFoundError
from openiwd.domain.privilege import Caller
from openiwd.domain.work_item import WorkItem
from openiwd.usecases import live_object
from openiwd.usecases.configuration import Editor
from openiwd.usecases.email_writing import SEND
from openiwd.usecases.live_object import LiveKind, Stored
from openiwd.usecases.mailbox import all_mailboxes

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

KIND: Final = LiveKind(
    stored="standard_response",
    noun="standard response",
    type=StandardResponse,
    view=None,
    update="mailboxes.update",
)
DAYS: Final = {"de": "%d.%m.%Y"}
"""How a language writes a day; all others as ISO 8601 does."""


class FilledResponse(Struct, kw_only=True):
    """A standard response with the item's values, and the placeholders that have none here."""

    id: str
    name: str
    subject: str
    text: str
    missing: list[str]


async def put(editor: Editor, response: StandardResponse, revision: int | None) -> tuple[Stored, bool]:
    """Creates or replaces one; whether it is new."""
    editor.caller.require(KIND.update)
    check_response(response)
    return await live_object.put(editor, KIND, response, revision)


async def usable(services: TenantServices) -> list[StandardResponse]:
    """Those that are enabled, by folder and name."""
    async with services.runtime.store.reading() as reading:
        raws = await reading.objects(KIND.stored)
    found = [_response(raw) for raw in raws]
    return sorted(
        (r for r in found if r.enabled), key=lambda r: (r.folder.casefold(), r.name.casefold(), r.language)
    )


def _response(raw: dict[str, Any]) -> StandardResponse:
    return msgspec.convert({k: v for k, v in raw.items() if k != "revision"}, StandardResponse)


async def filled(
    services: TenantServices,
    caller: Caller,
    item: WorkItem,
    response_id: str,
    mailbox_id: str | None = None,
) -> FilledResponse:
    """A standard response for an email of this item."""
    caller.require_item(SEND, item)
    found = next((r for r in await usable(services) if r.id == response_id), None)
    if found is None:
        raise NotFoundError(
            f"there is no standard response '{response_id[:80]}'", field="id", hint="see the list"
        )
    async with services.runtime.store.reading() as reading:
        mailboxes = await all_mailboxes(reading)
    day = _day(item.received_at, services.tenant.time_zone, found.language)
    values = values_of(item, caller, mailboxes.get(mailbox_id or ""), day)
    subject, text = fill(found.subject, values), fill(found.text, values)
    return FilledResponse(
        id=found.id,
        name=found.name,
        subject=subject.text,
        text=text.text,
        missing=list(dict.fromkeys([*subject.missing, *text.missing])),
    )


def _day(at: datetime, zone: str, language: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):{DAYS.get(language, '%Y-%m-%d')}}"


def values_of(
    item: WorkItem, caller: Caller, mailbox: Mailbox | None, received: str
) -> dict[str, str | None]:
    """What placeholders stand for; `received` is the day of receipt as its readers write it."""
    contact = item.contact or {}
    emails = contact.get("emails") or []
    values: dict[str, str | None] = {
        "contact.name": contact.get("name"),
        "contact.email": emails[0] if emails else None,
        "contact.customerId": contact.get("customerId"),
        "item.subject": item.subject,
        "item.captureId": item.capture_id,
        "item.category": item.category_path.rpartition("/")[2] if item.category_path else None,
        "item.received": received,
        "agent.name": caller.name,
        "mailbox.name": (mailbox.display_name or mailbox.name) if mailbox is not None else None,
        "mailbox.address": mailbox.address if mailbox is not None else None,
    }
    for root, tree in (("data", item.data), ("ext", item.ext)):
        values |= {f"{root}.{name}": value for name, value in _flat(tree)}
    return values


def _flat(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    for name, value in tree.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", _text(value)))
    return found


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)
    return None if value is None else str(value)
