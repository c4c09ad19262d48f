"""Which emails are there for a caller: those of items within their reach, and those that have no item."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

from openiwd.domain.errors import NotFoundError
from openiwd.domain.privilege import Caller, Scope
from openiwd.domain.work_item import WorkItem
from openiwd.ports.email import StoredEmail
from openiwd.ports.tenant_store import Reading

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices


def no_such_email(email_id: UUID) -> NotFoundError:
    """The same words for an email that is not there and for one of an item out of reach."""
    return NotFoundError(f"there is no email {email_id}", field="id", hint="check the id")


async def items_of(reading: Reading, emails: Collection[StoredEmail]) -> dict[UUID, WorkItem]:
    """The items of emails by the emails' ids; those without one are left out."""
    threads = {e.thread_id for e in emails if e.thread_id is not None}
    known = await reading.known_threads(threads, []) if threads else {}
    items = await reading.items_by_id({t.item_id for t in known.values()}) if known else {}
    of_thread: dict[UUID | None, WorkItem] = {
        key: items[t.item_id] for key, t in known.items() if t.item_id in items
    }
    return {e.id: of_thread[e.thread_id] for e in emails if e.thread_id in of_thread}


async def reached(
    services: TenantServices, caller: Caller, privilege: str, email_id: UUID
) -> tuple[StoredEmail, WorkItem | None]:
    """The email with its item (None: it has none), if the privilege covers that. One out of reach is as if not there.

    ForbiddenError without the privilege, and of an item that the caller may only read.
    """
    caller.require(privilege)
    async with services.runtime.store.reading() as reading:
        email = await reading.email(email_id)
        item = None if email is None else (await items_of(reading, [email])).get(email.id)
    if email is None or (email.thread_id is not None and (item is None or not caller.sees(privilege, item))):
        raise no_such_email(email_id)
    if item is not None:
        caller.require_item(privilege, item)
    return email, item


async def within_reach(
    reading: Reading, caller: Caller, privilege: str, emails: list[StoredEmail]
) -> list[StoredEmail]:
    """Those of a list that are there for the caller."""
    if caller.require(privilege) is Scope.ALL:
        return emails
    items = await items_of(reading, emails)
    return [
        e for e in emails if e.thread_id is None or (e.id in items and caller.sees(privilege, items[e.id]))
    ]
