"""What was held back: emails in quarantine, dropped, of unknown outcome; released or discarded by people."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import NotFoundError, OpenIwdError
from openiwd.domain.work_item import WorkItem
from openiwd.ports.email import QUARANTINED, StoredEmail
from openiwd.usecases import email_aside, email_reach, email_review, item_detail
from openiwd.usecases.email_review import ReviewDecision
from openiwd.usecases.email_view import REVIEW
from openiwd.usecases.mailbox import all_mailboxes
from openiwd.web.configuration.navigation import show
from openiwd.web.email.aside_view import IN_REVIEW, PATH, STATES, UNKNOWN, AsideCard, aside_card, choices_of
from openiwd.web.item.directory import shown_by
from openiwd.web.shell.catalogue import number
from openiwd.web.shell.dialog_page import done, refuse_dialog, show_dialog
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.sent import sent_by
from openiwd.web.shell.visit import CurrentVisit, Visit

MOST: Final = 200


@get(PATH)
async def aside_page(visit: CurrentVisit) -> Response[Any]:
    """What lies aside, the latest first."""
    visit.caller.require(REVIEW)
    wanted = str(visit.request.query_params.get("state") or QUARANTINED)
    state = wanted if wanted in STATES else QUARANTINED
    shown = await shown_by(visit)
    async with visit.services.runtime.store.reading() as reading:
        found = {s: await reading.emails_aside(s, MOST) for s in STATES if s != IN_REVIEW}
        found[IN_REVIEW] = await reading.emails_in_review(MOST)
        for each, emails in found.items():
            found[each] = await email_reach.within_reach(reading, visit.caller, REVIEW, emails)
        mailboxes = {i: m.name for i, m in (await all_mailboxes(reading)).items()}
        filters = {str(f["id"]): str(f["name"]) for f in await reading.objects("email_filter")}
        items = await _items(visit, found[state]) if state in (IN_REVIEW, UNKNOWN) else {}
    amounts = {s: f"{MOST}+" if len(emails) == MOST else number(len(emails)) for s, emails in found.items()}
    cards: list[AsideCard] = []
    for email in found[state]:
        item_id = items.get(email.thread_id)
        card = aside_card(email, mailboxes, filters, shown)
        cards.append(card._replace(item_href=f"/items/{item_id}?tab=emails" if item_id else ""))
    return show(
        visit,
        "email/aside.html",
        "quarantine",
        cards=cards,
        state=state,
        choices=choices_of(state, amounts, shown),
        is_cut=len(found[state]) == MOST,
    )


async def _items(visit: Visit, emails: list[StoredEmail]) -> dict[UUID | None, UUID]:
    """The items of emails by their threads."""
    threads = {e.thread_id for e in emails if e.thread_id is not None}
    async with visit.services.runtime.store.reading() as reading:
        known = await reading.known_threads(threads, [])
    return {thread_id: thread.item_id for thread_id, thread in known.items()}


async def _email(visit: Visit, email_id: UUID) -> StoredEmail:
    try:
        email, _ = await email_reach.reached(visit.services, visit.caller, REVIEW, email_id)
    except NotFoundError as error:
        raise NotFoundError(
            "there is no such email", hint="it may have been released by somebody else"
        ) from error
    return email


def _release_form(visit: Visit, email: StoredEmail) -> Form:
    t = visit.t
    return Form(
        action=f"{PATH}/{email.id}/release",
        title=t("mail_aside.release_title"),
        text=t("mail_aside.release_text", subject=email.subject or t("queue.no_subject")),
        fields=[Field("into", t("mail_aside.into"), hint=t("mail_aside.into_hint"))],
        submit=t("mail_aside.release"),
    )


@get(f"{PATH}/{{email_id:uuid}}/release")
async def release_dialog(visit: CurrentVisit, email_id: FromPath[UUID]) -> Response[Any]:
    """Into a new item, or one that is there."""
    return show_dialog(visit, _release_form(visit, await _email(visit, email_id)))


async def _named_item(visit: Visit, reference: str) -> WorkItem | None:
    if not reference:
        return None
    for wanted in (reference, f"{item_detail.EXT_PREFIX}{reference}"):
        try:
            return await item_detail.read(visit.services, visit.caller, wanted)
        except NotFoundError:
            continue
    raise NotFoundError(visit.t("mail.no_such_item"), field="into", hint=visit.t("mail.into_hint"))


@post(f"{PATH}/{{email_id:uuid}}/release", status_code=200)
async def release(visit: CurrentVisit, email_id: FromPath[UUID]) -> Response[Any]:
    """Makes an item of it, or adds it to one."""
    email, sent = await _email(visit, email_id), await sent_by(visit)
    try:
        into = await _named_item(visit, sent.text("into"))
        item = await email_aside.release(visit.services, visit.caller, email_id, into)
    except OpenIwdError as error:
        return refuse_dialog(visit, _release_form(visit, email), sent, error)
    hint = visit.t("mail_aside.released_hint", id=item.capture_id)
    return done(visit, visit.t("mail_aside.released"), hint=hint)


def _discard_form(visit: Visit, email: StoredEmail) -> Form:
    t = visit.t
    return Form(
        action=f"{PATH}/{email.id}/discard",
        title=t("mail_aside.discard_title"),
        text=t("mail_aside.discard_text", subject=email.subject or t("queue.no_subject")),
        fields=[],
        submit=t("mail_aside.discard"),
        note=t("mail_aside.discard_note"),
        danger=True,
    )


@get(f"{PATH}/{{email_id:uuid}}/discard")
async def discard_dialog(visit: CurrentVisit, email_id: FromPath[UUID]) -> Response[Any]:
    """What discarding does."""
    return show_dialog(visit, _discard_form(visit, await _email(visit, email_id)))


@post(f"{PATH}/{{email_id:uuid}}/discard", status_code=200)
async def discard(visit: CurrentVisit, email_id: FromPath[UUID]) -> Response[Any]:
    """Puts it to the dropped ones."""
    email, sent = await _email(visit, email_id), await sent_by(visit)
    try:
        await email_aside.discard(visit.services, visit.caller, email_id)
    except OpenIwdError as error:
        return refuse_dialog(visit, _discard_form(visit, email), sent, error)
    return done(visit, visit.t("mail_aside.discarded"))


# Review before sending -----------------------------------------------------------------------------------------------


@post(f"{PATH}/{{email_id:uuid}}/approve", status_code=200)
async def approve(visit: CurrentVisit, email_id: FromPath[UUID]) -> Response[Any]:
    """It is sent as it was written."""
    await email_review.decide(visit.services, visit.caller, email_id, ReviewDecision.APPROVED, None)
    return done(visit, visit.t("mail_aside.approved"))


def _return_form(visit: Visit, email: StoredEmail) -> Form:
    t = visit.t
    return Form(
        action=f"{PATH}/{email.id}/return",
        title=t("mail_aside.return_title"),
        text=t("mail_aside.return_text", subject=email.subject or t("queue.no_subject")),
        fields=[Field("comment", t("mail_aside.comment"), "textarea", rows=4, required=True)],
        submit=t("mail_aside.return"),
    )


@get(f"{PATH}/{{email_id:uuid}}/return")
async def return_dialog(visit: CurrentVisit, email_id: FromPath[UUID]) -> Response[Any]:
    """Its author is to write it anew."""
    return show_dialog(visit, _return_form(visit, await _email(visit, email_id)))


@post(f"{PATH}/{{email_id:uuid}}/return", status_code=200)
async def return_email(visit: CurrentVisit, email_id: FromPath[UUID]) -> Response[Any]:
    """Back to its author, with a word on why."""
    email, sent = await _email(visit, email_id), await sent_by(visit)
    try:
        await email_review.decide(
            visit.services, visit.caller, email_id, ReviewDecision.RETURNED, sent.text("comment")
        )
    except OpenIwdError as error:
        return refuse_dialog(visit, _return_form(visit, email), sent, error)
    return done(visit, visit.t("mail_aside.returned"))


PAGES: Final[list[Any]] = [
    aside_page,
    release_dialog,
    release,
    discard_dialog,
    discard,
    approve,
    return_dialog,
    return_email,
]
