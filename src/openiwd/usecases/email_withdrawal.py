"""An email that waits to be sent is taken back by whoever may send for its item. Never one on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from openiwd.domain.email.outbound import SendingState
from openiwd.domain.errors import ConflictError, NotFoundError
from openiwd.domain.event import EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller
from openiwd.domain.transition import Change, Context, noted
from openiwd.domain.work_item import WorkItem
from openiwd.ports.email import StoredEmail
from openiwd.ports.tenant_store import TransactionRetryError, Writing
from openiwd.usecases.command import Command
from openiwd.usecases.email_writing import SEND
from openiwd.usecases.work_item import apply_one

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

WITHDRAWN: Final = "withdrawn"
"""The reason of an email that has failed because it was taken back."""


def can_withdraw(email: StoredEmail) -> bool:
    """Whether nobody has begun to send it."""
    return email.direction == "out" and email.state == SendingState.QUEUED.value


async def withdraw(services: TenantServices, caller: Caller, item: WorkItem, email_id: UUID) -> StoredEmail:
    """Takes an email back; ConflictError `sentAlready` once the email service has begun with it."""
    caller.require_item(SEND, item)
    async with services.runtime.store.reading() as reading:
        found = next((e for e in await reading.emails_of_item(item.number) if e.id == email_id), None)
    if found is None:
        raise NotFoundError("the item has no such email", field="emailId", hint="see its emails")
    after: list[StoredEmail] = []

    async def along(tx: Writing, _: WorkItem) -> None:
        email = await tx.lock_email(email_id)
        if email is None or not can_withdraw(email):
            raise ConflictError(
                "the email is on its way already", code="sentAlready", hint="it cannot be taken back any more"
            )
        email.state, email.error, email.next_try_at = SendingState.FAILED.value, WITHDRAWN, None
        if not await tx.update_email(email):
            raise TransactionRetryError("the email changed meanwhile")
        after.append(email)

    def change(present: WorkItem, ctx: Context) -> Change:
        told = {"id": str(email_id), "kind": found.kind.value, "status": WITHDRAWN}
        return noted(present, ctx, EventType.EMAIL_WRITTEN, email=told)

    command = Command(
        action=Action.UPDATE, caller=caller, item_id=item.id, privilege=SEND, custom=change, along=along
    )
    await apply_one(services.runtime, command)
    return after[-1]
