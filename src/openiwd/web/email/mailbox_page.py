"""Mailboxes in the configuration: how they are doing, their settings, their secrets (written, never read)."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec.structs import replace

from openiwd.domain.email.mailbox import Access, Mailbox, connection_digest
from openiwd.domain.email.server_oauth import SignIn
from openiwd.domain.errors import OpenIwdError
from openiwd.usecases import dashboard, mailbox_connection, mailbox_consent
from openiwd.usecases import mailbox as mailbox_use
from openiwd.usecases.mailbox import MailboxState
from openiwd.web.configuration.navigation import show
from openiwd.web.email.mailbox_form import (
    PROVIDERS,
    FieldGroup,
    Provider,
    common_groups,
    common_values,
    provider_of,
)
from openiwd.web.email.mailbox_view import PATH, href_of, mailbox_line
from openiwd.web.shell.asking_page import Question, asking
from openiwd.web.shell.dialog_page import (
    act_in_dialog,
    delete_form,
    done,
    editor_of,
    show_dialog,
)
from openiwd.web.shell.form import Form
from openiwd.web.shell.page_form import act_in_page, require_free, saved, sent_again
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.sent import Sent, as_, require
from openiwd.web.shell.visit import CurrentVisit, Visit

UPDATE: Final = mailbox_use.KIND.update
MOST_WAITING: Final = 1_000


async def _waiting(visit: Visit, mailbox_ids: list[str]) -> dict[str, int]:
    """How many emails of each are due to be sent."""
    found: dict[str, int] = {}
    async with visit.services.runtime.store.reading() as reading:
        for mailbox_id in mailbox_ids:
            due = await reading.outbound_emails(mailbox_id, 0, visit.services.runtime.now(), MOST_WAITING)
            found[mailbox_id] = len(due)
    return found


@get(PATH)
async def mailboxes_page(visit: CurrentVisit) -> Response[Any]:
    """All mailboxes with their health."""
    states = await mailbox_use.states(editor_of(visit))
    states.sort(key=lambda s: s.mailbox.name.casefold())
    waiting = await _waiting(visit, [s.mailbox.id for s in states if s.mailbox.sends])
    return show(
        visit,
        "email/mailboxes.html",
        "mailboxes",
        lines=[mailbox_line(s, waiting.get(s.mailbox.id, 0), visit.t, visit.times) for s in states],
        can_edit=visit.caller.may(UPDATE),
        can_review=visit.caller.may("emails.review"),
    )


# The form ------------------------------------------------------------------------------------------------------------


async def _paths(visit: Visit, mailbox: Mailbox | None) -> list[tuple[str, str]]:
    """Categories of the three upper levels, and the one that the mailbox names besides."""
    rules = await dashboard.live_rules(visit.services)
    paths: list[str] = []
    for top in rules.document.categories if rules is not None else []:
        paths.append(top.name)
        for child in top.children:
            paths += [
                f"{top.name}/{child.name}",
                *(f"{top.name}/{child.name}/{c.name}" for c in child.children),
            ]
    if mailbox is not None and mailbox.category and mailbox.category not in paths:
        paths.append(mailbox.category)
    return [(p, p.replace("/", " › ")) for p in paths]


async def _groups(
    visit: Visit, state: MailboxState | None, provider: Provider
) -> tuple[list[FieldGroup], list[FieldGroup]]:
    box = state.mailbox if state is not None else None
    stored = frozenset(state.secrets if state is not None else ())
    return common_groups(box, visit.t, await _paths(visit, box)), provider.groups(box, visit.t, stored)


async def _page(
    visit: Visit,
    state: MailboxState | None,
    provider: Provider,
    sent: Sent | None = None,
    error: OpenIwdError | None = None,
) -> Response[Any]:
    common, own = await _groups(visit, state, provider)
    if sent is not None and error is not None:
        common = [_again(g, sent, error) for g in common]
        own = [_again(g, sent, error) for g in own]
    waiting = await _waiting(visit, [state.mailbox.id]) if state is not None else {}
    line = mailbox_line(state, sum(waiting.values()), visit.t, visit.times) if state is not None else None
    return show(
        visit,
        "email/mailbox_edit.html",
        "mailboxes",
        state=state,
        line=line,
        provider=provider,
        providers=[(p.id, visit.t.named("mailbox_access", p.id)) for p in PROVIDERS],
        signs_in=state is not None and state.mailbox.sign_in is SignIn.USER,
        common=common,
        own=own,
        action=href_of(state.mailbox.id) if state is not None else f"{PATH}/-/new",
        error=error,
        saved=visit.request.query_params.get("saved", "") if error is None else "",
        can_edit=visit.caller.may(UPDATE),
        status=422 if error is not None else 200,
    )


def _again(group: FieldGroup, sent: Sent, error: OpenIwdError) -> FieldGroup:
    return group._replace(fields=sent_again(group.fields, sent, error))


@get(f"{PATH}/-/new")
async def new_mailbox(visit: CurrentVisit) -> Response[Any]:
    """An empty form."""
    visit.caller.require(UPDATE)
    return await _page(visit, None, provider_of(None, visit.request.query_params.get("provider", "")))


@get(f"{PATH}/{{mailbox_id:str}}")
async def mailbox_editor(visit: CurrentVisit, mailbox_id: FromPath[str]) -> Response[Any]:
    """One mailbox."""
    state = await mailbox_use.state(editor_of(visit), mailbox_id)
    return await _page(visit, state, provider_of(state.mailbox, ""))


async def _save(
    visit: Visit, sent: Sent, mailbox_id: str, before: Mailbox | None, revision: int | None
) -> str:
    """Settings first, so that a mailbox is there for its secrets. What the form does not show stays as it is.

    An enabled one whose connections are other ones now is disabled until they are tested. How it was saved.
    """
    editor, provider = editor_of(visit), provider_of(before, sent.text("provider"))
    stored = msgspec.to_builtins(before) if before is not None else {}
    value = as_(Mailbox, {**stored, **common_values(sent, mailbox_id), **provider.values(sent)})
    pauses = before is not None and before.enabled and connection_digest(before) != connection_digest(value)
    if pauses:
        value = replace(value, enabled=False)
    await mailbox_use.put(editor, value, revision)
    secrets = {name: sent.raw(name) for name in provider.secrets if sent.raw(name)}
    if secrets:
        await mailbox_use.put_secrets(editor, mailbox_id, secrets)
    return "paused" if pauses else "new" if before is None else "1"


@post(f"{PATH}/-/new", status_code=200)
async def create_mailbox(visit: CurrentVisit) -> Response[Any]:
    """Makes it."""
    visit.caller.require(UPDATE)

    async def make(sent: Sent) -> Response[Any]:
        require(visit, sent, ["name", "id", "address"])
        mailbox_id = sent.text("id")
        require_free(visit, mailbox_id, (s.mailbox.id for s in await mailbox_use.states(editor_of(visit))))
        return saved(visit, href_of(mailbox_id), await _save(visit, sent, mailbox_id, None, None))

    return await act_in_page(visit, make, partial(_shown_again, visit, None))


@post(f"{PATH}/{{mailbox_id:str}}", status_code=200)
async def save_mailbox(visit: CurrentVisit, mailbox_id: FromPath[str]) -> Response[Any]:
    """Changes it."""
    visit.caller.require(UPDATE)
    state = await mailbox_use.state(editor_of(visit), mailbox_id)

    async def save(sent: Sent) -> Response[Any]:
        require(visit, sent, ["name", "address"])
        how = await _save(visit, sent, mailbox_id, state.mailbox, sent.revision())
        return saved(visit, href_of(mailbox_id), how)

    return await act_in_page(visit, save, partial(_shown_again, visit, state))


async def _shown_again(
    visit: Visit, state: MailboxState | None, sent: Sent, error: OpenIwdError
) -> Response[Any]:
    provider = provider_of(state.mailbox if state else None, sent.text("provider"))
    return await _page(visit, state, provider, sent, error)


# Enabling, disabling, deleting ---------------------------------------------------------------------------------------


def _switch_form(visit: Visit, state: MailboxState) -> Form:
    t, box = visit.t, state.mailbox
    key = "disable" if box.enabled else "enable"
    return Form(
        action=f"{href_of(box.id)}/switch",
        title=t(f"mailbox.{key}_title", name=box.name),
        text=t(f"mailbox.{key}_text"),
        fields=[],
        submit=t(f"mailbox.{key}"),
        hidden=[("revision", str(state.revision))],
    )


@get(f"{PATH}/{{mailbox_id:str}}/switch")
async def switch_dialog(visit: CurrentVisit, mailbox_id: FromPath[str]) -> Response[Any]:
    """What enabling or disabling does."""
    visit.caller.require(UPDATE)
    return show_dialog(visit, _switch_form(visit, await mailbox_use.state(editor_of(visit), mailbox_id)))


@post(f"{PATH}/{{mailbox_id:str}}/switch", status_code=200)
async def switch(visit: CurrentVisit, mailbox_id: FromPath[str]) -> Response[Any]:
    """Enables a disabled mailbox once its connections are tried, disables an enabled one."""
    editor = editor_of(visit)
    state = await mailbox_use.state(editor, mailbox_id)

    async def put(sent: Sent) -> Response[Any]:
        if not state.mailbox.enabled:
            found = await mailbox_connection.try_out(editor, mailbox_id)
            if not found.ok:
                return visit.page("email/mailbox_test.html", name=state.mailbox.name, found=found)
        changed = replace(state.mailbox, enabled=not state.mailbox.enabled)
        await mailbox_use.put(editor, changed, sent.revision())
        return done(visit, "", to=href_of(mailbox_id))

    return await act_in_dialog(visit, _switch_form(visit, state), put)


# Trying it out, signing in --------------------------------------------------------------------------------------------


@post(f"{PATH}/{{mailbox_id:str}}/test", status_code=200)
async def try_out(visit: CurrentVisit, mailbox_id: FromPath[str]) -> Response[Any]:
    """Goes through the connections of the mailbox as it is stored; moves no message."""
    state = await mailbox_use.state(editor_of(visit), mailbox_id)
    found = await mailbox_connection.try_out(editor_of(visit), mailbox_id)
    return visit.page("email/mailbox_test.html", name=state.mailbox.name, found=found)


@post(f"{PATH}/{{mailbox_id:str}}/consent", status_code=200)
async def sign_in(visit: CurrentVisit, mailbox_id: FromPath[str]) -> Response[Any]:
    """To the provider's own page, where a person lets OpenIWD use the mailbox."""
    editor = editor_of(visit)
    state = await mailbox_use.state(editor, mailbox_id)

    async def begin(_: Sent) -> Response[Any]:
        url = await mailbox_consent.begin(editor, mailbox_id, str(visit.request.base_url))
        return redirect(url, htmx=True)

    return await act_in_dialog(visit, _sign_in_form(visit, state), begin)


@get(f"{PATH}/{{mailbox_id:str}}/consent")
async def sign_in_dialog(visit: CurrentVisit, mailbox_id: FromPath[str]) -> Response[Any]:
    """What is going to happen."""
    visit.caller.require(UPDATE)
    return show_dialog(visit, _sign_in_form(visit, await mailbox_use.state(editor_of(visit), mailbox_id)))


def _sign_in_form(visit: Visit, state: MailboxState) -> Form:
    t, box = visit.t, state.mailbox
    return Form(
        action=f"{href_of(box.id)}/consent",
        title=t("mailbox.sign_in_title", address=box.signs_in_as),
        text=t("mailbox.sign_in_text", provider=_provider_name(visit, box)),
        fields=[],
        submit=t("mailbox.sign_in"),
    )


def _provider_name(visit: Visit, box: Mailbox) -> str:
    if box.access is Access.IMAP and box.oauth is not None:
        return urlsplit(box.oauth.consent_url).hostname or box.oauth.consent_url
    return visit.t.named("mailbox_access", box.access.value)


async def _delete(visit: Visit, mailbox_id: str) -> Question:
    """It goes with its secrets; its emails stay with their items."""
    editor = editor_of(visit)
    name = (await mailbox_use.state(editor, mailbox_id)).mailbox.name
    form = delete_form(visit, href_of(mailbox_id), name, visit.t("mailbox.delete_text"))
    return Question(form, lambda: mailbox_use.delete(editor, mailbox_id), PATH)


PAGES: Final[list[Any]] = [
    mailboxes_page,
    new_mailbox,
    create_mailbox,
    mailbox_editor,
    save_mailbox,
    switch_dialog,
    switch,
    try_out,
    sign_in_dialog,
    sign_in,
    *asking(f"{PATH}/{{mailbox_id:str}}/delete", _delete),
]
