"""Review before sending: what an author wrote is approved by somebody else, or goes back with a word on why."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final
from uuid import UUID

from openiwd.domain.email.outbound import SendingState, require_step
from openiwd.domain.errors import ConflictError, InvalidInputError
from openiwd.domain.event import EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller
from openiwd.domain.transition import Change, Context, noted
from openiwd.domain.work_item import WorkItem, check_text
from openiwd.ports.email import StoredEmail
from openiwd.ports.tenant_store import TransactionRetryError, Writing
from openiwd.usecases.command import Command
from openiwd.usecases.email_reach import no_such_email, reached, within_reach
from openiwd.usecases.email_view import REVIEW, EmailView, email_view
from openiwd.usecases.email_writing import SEND
from openiwd.usecases.work_item import apply_one

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

MAX_LISTED: Final = 200


class ReviewDecision(StrEnum):
    APPROVED = "approved"
    """It is sent now, as it was written."""
    RETURNED = "returned"
    """Its author is to write it anew; the comment says why."""
    WITHDRAWN = "withdrawn"
    """By its author: it is not sent."""


_STATE: Final = {
    ReviewDecision.APPROVED: SendingState.QUEUED,
    ReviewDecision.RETURNED: SendingState.RETURNED,
    ReviewDecision.WITHDRAWN: SendingState.WITHDRAWN,
}


async def waiting(services: TenantServices, caller: Caller) -> list[EmailView]:
    """What waits for review, oldest first."""
    caller.require(REVIEW)
    async with services.runtime.store.reading() as reading:
        found = await reading.emails_in_review(MAX_LISTED)
        return [email_view(e) for e in await within_reach(reading, caller, REVIEW, found)]


async def decide(
    services: TenantServices, caller: Caller, email_id: UUID, decision: ReviewDecision, comment: str | None
) -> EmailView:
    """A reviewer approves or returns an email of somebody else; its author may withdraw it."""
    privilege = SEND if decision is ReviewDecision.WITHDRAWN else REVIEW
    email, item = await reached(services, caller, privilege, email_id)
    if item is None:  # nobody wrote it
        raise no_such_email(email_id)
    is_author = email.author == caller.actor
    _check(decision, comment, is_author=is_author)
    require_step(SendingState(email.state), _STATE[decision])

    def change(present: WorkItem, ctx: Context) -> Change:
        told = {"id": str(email.id), "kind": email.kind.value, "status": _STATE[decision].value}
        extra = {"agent": present.assigned_to} if present.assigned_to else {}
        return noted(present, ctx, EventType.EMAIL_WRITTEN, email=told, **extra)

    after: list[StoredEmail] = []

    async def along(tx: Writing, _: WorkItem) -> None:
        after.append(await _step(tx, services, email_id, decision, comment))

    command = Command(
        action=Action.UPDATE, caller=caller, item_id=item.id, privilege=privilege, custom=change, along=along
    )
    await apply_one(services.runtime, command)
    return email_view(after[-1])


def _check(decision: ReviewDecision, comment: str | None, *, is_author: bool) -> None:
    check_text(comment or "", "comment")
    if decision is ReviewDecision.WITHDRAWN:
        if not is_author:
            raise ConflictError("only its author withdraws an email", code="notYours", field="decision")
        return
    if is_author:
        raise ConflictError(
            "nobody reviews what they wrote", code="ownEmail", field="decision", hint="somebody else does"
        )
    if decision is ReviewDecision.RETURNED and not (comment or "").strip():
        raise InvalidInputError(
            "the author needs to know why", field="comment", hint="say what is to be changed"
        )


async def _step(
    tx: Writing, services: TenantServices, email_id: UUID, decision: ReviewDecision, comment: str | None
) -> StoredEmail:
    email = await tx.lock_email(email_id)
    if email is None:
        raise no_such_email(email_id)
    require_step(SendingState(email.state), _STATE[decision])
    email.state = _STATE[decision].value
    email.error = (comment or None) if decision is ReviewDecision.RETURNED else None
    if decision is ReviewDecision.APPROVED:
        email.queued_at = email.next_try_at = services.runtime.now()
    if not await tx.update_email(email):
        raise TransactionRetryError("the email changed meanwhile")
    return email
