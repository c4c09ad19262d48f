"""People's decisions about emails: review before sending, and what becomes of those that lie aside."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from openiwd.api.call import CurrentCall
from openiwd.api.email import Emails
from openiwd.usecases import email_aside, email_review, item_detail
from openiwd.usecases.email_review import ReviewDecision
from openiwd.usecases.email_view import REVIEW, EmailView, email_view

_TAGS: Final = ["email"]


class ReviewInput(Struct, kw_only=True, forbid_unknown_fields=True):
    """`returned` needs a comment: its author reads it."""

    decision: ReviewDecision
    comment: Annotated[str, Meta(max_length=1_000)] | None = None


class ReleaseInput(Struct, kw_only=True, forbid_unknown_fields=True):
    """The item that the email is added to; without it a new one is made."""

    into: UUID | None = None


class Released(Struct, rename="camel"):
    item_id: UUID


@get("/emails/review", tags=_TAGS, operation_id="listEmailsInReview")
async def list_in_review(call: CurrentCall) -> Emails:
    """What waits for review before it is sent, oldest first."""
    return Emails(await email_review.waiting(call.services, call.caller))


@post("/emails/{email_id:uuid}/review", tags=_TAGS, operation_id="reviewEmail", status_code=200)
async def review_email(call: CurrentCall, email_id: FromPath[UUID], data: JSONBody[ReviewInput]) -> EmailView:
    """Approves an email of somebody else (it is sent now) or returns it to its author; its author may withdraw it."""
    return await email_review.decide(call.services, call.caller, email_id, data.decision, data.comment)


@post("/emails/{email_id:uuid}/release", tags=_TAGS, operation_id="releaseEmail", status_code=200)
async def release_email(
    call: CurrentCall, email_id: FromPath[UUID], data: JSONBody[ReleaseInput]
) -> Released:
    """Makes an item of an email that lies in quarantine or was dropped, or adds it to an item."""
    into = None
    if data.into is not None:
        into = await item_detail.reached(call.services, call.caller, REVIEW, str(data.into))
    return Released((await email_aside.release(call.services, call.caller, email_id, into)).id)


@post("/emails/{email_id:uuid}/discard", tags=_TAGS, operation_id="discardEmail", status_code=200)
async def discard_email(call: CurrentCall, email_id: FromPath[UUID]) -> EmailView:
    """Drops an email that lies in quarantine: it can be released for 30 days, then it is removed."""
    return email_view(await email_aside.discard(call.services, call.caller, email_id))


HANDLERS: Final[list[Any]] = [list_in_review, review_email, release_email, discard_email]
