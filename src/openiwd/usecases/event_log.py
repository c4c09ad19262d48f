"""The event log for readers outside: gap-free, in order, by cursor; personal values only where allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from openiwd.domain.errors import ForbiddenError, InvalidInputError, NotFoundError
from openiwd.domain.event import LoggedEvent
from openiwd.domain.privilege import Caller, Scope
from openiwd.ports.tenant_store import Cursor

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

MAX_LIMIT: Final = 50_000
BEGINNING: Final = Cursor(0, 0)


class LogEntry(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """An event as the reporting feed shows it. `body` keeps the field names of the log."""

    cursor: str
    at: Any
    type: str
    actor: str
    item_id: Any = None
    item_number: int | None = None
    revision: int | None = None
    subject_id: str | None = None
    body: dict[str, Any] = {}
    personal: dict[str, Any] | None = None


class LogPage(Struct, kw_only=True):
    entries: list[LogEntry]
    next: Cursor
    head: Cursor


def read_cursor(text: str, field: str = "after") -> Cursor:
    """A cursor from its text `generation.pos`."""
    generation, dot, pos = text.partition(".")
    if (
        dot
        and generation.isascii()
        and generation.isdigit()
        and pos.isascii()
        and pos.isdigit()
        and len(text) <= 30
    ):
        cursor = Cursor(int(generation), int(pos))
        if cursor.generation < 2**31 and cursor.pos < 2**63:
            return cursor
    raise InvalidInputError(
        f"'{text[:40]}' is no cursor",
        field=field,
        hint="send the one that the last answer gave, or leave it out",
    )


def entry_of(event: LoggedEvent) -> LogEntry:
    return LogEntry(
        cursor=str(Cursor(event.generation, event.pos)),
        at=event.at,
        type=event.type,
        actor=event.actor,
        item_id=event.item_id,
        item_number=event.item_number,
        revision=event.revision,
        subject_id=event.subject_id,
        body=event.body,
        personal=event.personal,
    )


async def read(
    services: TenantServices, caller: Caller, after: str | None, limit: int, *, personal: bool = False
) -> LogPage:
    """What follows the cursor. Below the retention: gone (410); past the head: from the common point.

    Personal values (subject, description, contact, data, comments) need `workitems.read` for all items besides.
    """
    caller.require("reporting.read")
    if personal and caller.privileges.get("workitems.read") is not Scope.ALL:
        raise ForbiddenError(
            "personal values need workitems.read for all items", privilege="workitems.read", field="personal"
        )
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInputError(f"limit is {limit}", field="limit", hint=f"use 1 to {MAX_LIMIT}")
    async with services.runtime.store.reading() as reading:
        oldest = await reading.oldest()
        cursor = read_cursor(after) if after else oldest
        if cursor.generation == oldest.generation and cursor.pos < oldest.pos:
            raise NotFoundError(
                f"events before {oldest} are past their retention",
                field="after",
                code="gone",
                hint="load a snapshot and go on from there",
                oldest=str(oldest),
            )
        events = await reading.events(cursor, limit, personal=personal)
        head = await reading.head()
    following = Cursor(events[-1].generation, events[-1].pos) if events else min(cursor, head)
    return LogPage(entries=[entry_of(e) for e in events], next=following, head=head)
