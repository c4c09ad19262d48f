"""Junk filters in the configuration: in the order in which they are asked, with the builder of criteria."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.email.junk import FilterAction, JunkFilter
from openiwd.domain.errors import InvalidInputError, OpenIwdError
from openiwd.usecases import dashboard, junk_filter, live_object
from openiwd.usecases import mailbox as mailbox_use
from openiwd.usecases.live_object import Stored
from openiwd.web.configuration.drafting import faults_by_field
from openiwd.web.configuration.navigation import show
from openiwd.web.configuration.saving import json_of
from openiwd.web.email.junk_view import PATH, href_of, line_of, vocabulary_of
from openiwd.web.shell.asking_page import Question, asking
from openiwd.web.shell.dialog_page import delete_form, editor_of
from openiwd.web.shell.form import Field
from openiwd.web.shell.page_form import act_in_page, require_free, saved, sent_again
from openiwd.web.shell.sent import Sent, as_, require
from openiwd.web.shell.visit import CurrentVisit, Visit

KIND: Final = junk_filter.KIND
STEP: Final = 10
"""Between a new filter and the last one, so that others fit between."""


async def _mailboxes(visit: Visit) -> dict[str, str]:
    async with visit.services.runtime.store.reading() as reading:
        return {box.id: box.name for box in (await mailbox_use.all_mailboxes(reading)).values()}


async def _paths(visit: Visit) -> list[str]:
    """Categories by their paths, as suggestions: of the two upper levels."""
    rules = await dashboard.live_rules(visit.services)
    found: list[str] = []
    for top in rules.document.categories if rules is not None else []:
        found += [top.name, *(f"{top.name}/{child.name}" for child in top.children)]
    return found


@get(PATH)
async def filters_page(visit: CurrentVisit) -> Response[Any]:
    """All of them as they are asked: the first one that matches says what happens."""
    found = await junk_filter.in_order(editor_of(visit))
    names = await _mailboxes(visit)
    return show(
        visit,
        "email/filters.html",
        "filters",
        lines=[line_of(stored.value, names, visit.t) for stored in found],
        can_edit=visit.caller.may(KIND.update),
        can_review=visit.caller.may("emails.review"),
    )


def _fields(visit: Visit, value: JunkFilter | None, names: dict[str, str], order: int) -> list[Field]:
    t, f = visit.t, value
    action = f.action if f is not None else FilterAction.DROP
    told = (f.value or "") if f is not None else ""
    boxes = [*names.items(), *((m, m) for m in (f.mailboxes if f else []) if m not in names)]
    identity = [Field("name", t("people.name"), value=f.name if f else "", required=True)]
    if f is None:
        identity.append(Field("id", t("people.id"), required=True, hint=t("mail_filter.id_hint")))
    return [
        *identity,
        Field(
            "action", t("mail_filter.action"), "select", action.value,
            [(a.value, t(f"mail_filter.action_{a.value}")) for a in FilterAction],
        ),
        Field(
            "category", t("mail_filter.category"), value=told if action is FilterAction.CATEGORY else "",
            suggestions="filter-categories", hint=t("mail_filter.category_hint"),
        ),
        Field(
            "priority", t("mail_filter.priority"), value=told if action is FilterAction.PRIORITY else "",
            hint=t("mail_filter.priority_hint"),
        ),
        Field(
            "order", t("mail_filter.order"), "number", str(f.order if f else order), hint=t("mail_filter.order_hint")
        ),
        Field(
            "mailboxes", t("mail_filter.mailboxes"), "choices", f.mailboxes if f else [], boxes,
            hint=t("mail_filter.mailboxes_hint"),
        ),
        Field("enabled", t("mail_filter.enabled"), "checkbox", f.enabled if f else True),
    ]  # fmt: skip


async def _page(
    visit: Visit, stored: Stored | None, sent: Sent | None = None, error: OpenIwdError | None = None
) -> Response[Any]:
    """The form; with what was sent, and what is wrong with it, where it was refused."""
    value: JunkFilter | None = stored.value if stored is not None else None
    last = max([0, *(s.value.order for s in await junk_filter.in_order(editor_of(visit)))])
    fields = _fields(visit, value, await _mailboxes(visit), last + STEP)
    when = msgspec.to_builtins(value.when) if value is not None else None
    if sent is not None and error is not None:
        fields = sent_again(fields, sent, _at_its_field(error, sent))
        when = _when(sent) if error.field != UNREADABLE else None
    return show(
        visit,
        "email/filter_edit.html",
        "filters",
        stored=stored,
        fields={f.name: f for f in fields},
        when=when,
        faults=faults_by_field(error, visit.t) if error is not None else {},
        vocabulary=vocabulary_of(visit.t),
        categories=await _paths(visit),
        action=href_of(value.id) if value is not None else f"{PATH}/-/new",
        error=error,
        saved=visit.request.query_params.get("saved") == "1" and error is None,
        can_edit=visit.caller.may(KIND.update),
        status=422 if error is not None else 200,
    )


UNREADABLE: Final = "criteria"


def _at_its_field(error: OpenIwdError, sent: Sent) -> OpenIwdError:
    """The value stands in the field of the action that needs it."""
    action = sent.text("action")
    if error.field == "value" and action in ("category", "priority"):
        return InvalidInputError(error.message, field=action, hint=error.hint)
    return error


def _when(sent: Sent) -> Any:
    try:
        return json_of({"when": sent.raw("when")}, "when")
    except InvalidInputError as error:
        raise InvalidInputError(error.message, field=UNREADABLE, hint=error.hint) from error


def _value(visit: Visit, sent: Sent, filter_id: str) -> JunkFilter:
    when, action = _when(sent), sent.text("action")
    if when is None:
        raise InvalidInputError(visit.t("mail_filter.no_condition"), field="when")
    told = sent.text(action) if action in ("category", "priority") else None
    return as_(
        JunkFilter,
        {
            "id": filter_id,
            "name": sent.text("name"),
            "order": sent.number("order") or 0,
            "enabled": sent.flag("enabled"),
            "mailboxes": sent.texts("mailboxes"),
            "when": when,
            "action": action,
            "value": told or None,
        },
    )


@get(f"{PATH}/-/new")
async def new_filter(visit: CurrentVisit) -> Response[Any]:
    """An empty form."""
    visit.caller.require(KIND.update)
    return await _page(visit, None)


@get(f"{PATH}/{{filter_id:str}}")
async def filter_editor(visit: CurrentVisit, filter_id: FromPath[str]) -> Response[Any]:
    """One filter."""
    return await _page(visit, await live_object.get(editor_of(visit), KIND, filter_id))


@post(f"{PATH}/-/new", status_code=200)
async def create_filter(visit: CurrentVisit) -> Response[Any]:
    """Makes it; the next message is judged by it."""
    visit.caller.require(KIND.update)
    editor = editor_of(visit)

    async def make(sent: Sent) -> Response[Any]:
        require(visit, sent, ["name", "id"])
        filter_id = sent.text("id")
        require_free(visit, filter_id, (s.value.id for s in await live_object.objects(editor, KIND)))
        await junk_filter.put(editor, _value(visit, sent, filter_id), None)
        return saved(visit, href_of(filter_id))

    return await act_in_page(visit, make, partial(_page, visit, None))


@post(f"{PATH}/{{filter_id:str}}", status_code=200)
async def save_filter(visit: CurrentVisit, filter_id: FromPath[str]) -> Response[Any]:
    """Changes it."""
    visit.caller.require(KIND.update)
    editor = editor_of(visit)
    stored = await live_object.get(editor, KIND, filter_id)

    async def save(sent: Sent) -> Response[Any]:
        require(visit, sent, ["name"])
        await junk_filter.put(editor, _value(visit, sent, filter_id), sent.revision())
        return saved(visit, href_of(filter_id))

    return await act_in_page(visit, save, partial(_page, visit, stored))


async def _delete(visit: Visit, filter_id: str) -> Question:
    editor = editor_of(visit)
    value = (await live_object.get(editor, KIND, filter_id)).value
    form = delete_form(visit, href_of(filter_id), value.name, visit.t("mail_filter.delete_text"))
    return Question(form, lambda: live_object.delete(editor, KIND, filter_id), PATH)


PAGES: Final[list[Any]] = [
    filters_page,
    new_filter,
    create_filter,
    filter_editor,
    save_filter,
    *asking(f"{PATH}/{{filter_id:str}}/delete", _delete),
]
