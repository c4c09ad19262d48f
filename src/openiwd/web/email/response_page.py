"""Standard responses in the configuration: by folder and language, with placeholders that are checked."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from urllib.parse import quote

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.email.standard_response import PLACEHOLDERS, StandardResponse
from openiwd.domain.errors import OpenIwdError
from openiwd.usecases import live_object, standard_response
from openiwd.usecases.live_object import Stored
from openiwd.web.configuration.navigation import show
from openiwd.web.email.response_view import response_folders
from openiwd.web.shell.asking_page import Question, asking
from openiwd.web.shell.dialog_page import (
    delete_form,
    editor_of,
)
from openiwd.web.shell.form import Field
from openiwd.web.shell.page_form import act_in_page, require_free, saved, sent_again
from openiwd.web.shell.sent import Sent, as_, require
from openiwd.web.shell.visit import CurrentVisit, Visit

PATH: Final = "/configuration/standard-responses"
KIND: Final = standard_response.KIND
LANGUAGES: Final = ("", "en", "de", "fr", "es", "it", "nl", "pl", "pt")


def href_of(response_id: str) -> str:
    return f"{PATH}/{quote(response_id, safe='')}"


@get(PATH)
async def responses_page(visit: CurrentVisit) -> Response[Any]:
    """All of them, by folder."""
    visit.caller.require("mailboxes.view")
    found: list[StandardResponse] = [s.value for s in await live_object.objects(editor_of(visit), KIND)]
    wanted = str(visit.request.query_params.get("q") or "").casefold()
    shown = [r for r in found if wanted in f"{r.name} {r.folder} {r.text}".casefold()]
    return show(
        visit,
        "email/standard_responses.html",
        "standard_responses",
        folders=response_folders(shown, visit.t),
        disabled={r.id for r in found if not r.enabled},
        hrefs={r.id: href_of(r.id) for r in found},
        total=len(found),
        q=visit.request.query_params.get("q") or "",
        can_edit=visit.caller.may(KIND.update),
    )


def _fields(visit: Visit, response: StandardResponse | None) -> list[Field]:
    t, r = visit.t, response
    languages = [(code, t.named("mail_language", code or "any")) for code in LANGUAGES]
    if r is not None and r.language not in LANGUAGES:
        languages.append((r.language, r.language))
    identity = [Field("name", t("people.name"), value=r.name if r else "", required=True)]
    if r is None:
        identity.append(Field("id", t("people.id"), required=True, hint=t("mail_response.id_hint")))
    return [
        *identity,
        Field(
            "folder", t("mail_response.folder"), value=r.folder if r else "", hint=t("mail_response.folder_hint"),
            suggestions="response-folders",
        ),
        Field("language", t("mail_response.language"), "select", r.language if r else "", languages),
        Field(
            "subject", t("mail_header.subject"), value=r.subject if r else "", hint=t("mail_response.subject_hint")
        ),
        Field("text", t("mail_response.text"), "textarea", r.text if r else "", required=True, rows=14),
        Field(
            "enabled", t("mail_response.enabled"), "checkbox", r.enabled if r else True,
            hint=t("mail_response.enabled_hint"),
        ),
    ]  # fmt: skip


async def _page(
    visit: Visit, stored: Stored | None, fields: list[Field], error: OpenIwdError | None = None
) -> Response[Any]:
    everything = await live_object.objects(editor_of(visit), KIND)
    return show(
        visit,
        "email/standard_response_edit.html",
        "standard_responses",
        stored=stored,
        fields={f.name: f for f in fields},
        folders=sorted({s.value.folder for s in everything if s.value.folder}),
        placeholders=[f"{{{{{name}}}}}" for name in (*PLACEHOLDERS, "data.NAME", "ext.NAME")],
        action=href_of(stored.value.id) if stored else f"{PATH}/-/new",
        error=error,
        saved=visit.request.query_params.get("saved") == "1" and error is None,
        can_edit=visit.caller.may(KIND.update),
        status=422 if error is not None else 200,
    )


@get(f"{PATH}/-/new")
async def new_response(visit: CurrentVisit) -> Response[Any]:
    """An empty form."""
    visit.caller.require(KIND.update)
    return await _page(visit, None, _fields(visit, None))


@get(f"{PATH}/{{response_id:str}}")
async def response_editor(visit: CurrentVisit, response_id: FromPath[str]) -> Response[Any]:
    """One standard response."""
    visit.caller.require("mailboxes.view")
    stored = await live_object.get(editor_of(visit), KIND, response_id)
    return await _page(visit, stored, _fields(visit, stored.value))


def _value(sent: Sent, response_id: str) -> StandardResponse:
    return as_(
        StandardResponse,
        {
            "id": response_id,
            "name": sent.text("name"),
            "folder": "/".join(p.strip() for p in sent.text("folder").split("/") if p.strip()),
            "language": sent.text("language"),
            "subject": sent.text("subject"),
            "text": sent.raw("text").replace("\r\n", "\n").strip("\n"),
            "enabled": sent.flag("enabled"),
        },
    )


@post(f"{PATH}/-/new", status_code=200)
async def create_response(visit: CurrentVisit) -> Response[Any]:
    """Makes it."""
    visit.caller.require(KIND.update)
    editor = editor_of(visit)

    async def make(sent: Sent) -> Response[Any]:
        require(visit, sent, ["name", "id", "text"])
        response_id = sent.text("id")
        require_free(visit, response_id, (s.value.id for s in await live_object.objects(editor, KIND)))
        await standard_response.put(editor, _value(sent, response_id), None)
        return saved(visit, href_of(response_id))

    return await act_in_page(visit, make, partial(_again, visit, None))


@post(f"{PATH}/{{response_id:str}}", status_code=200)
async def save_response(visit: CurrentVisit, response_id: FromPath[str]) -> Response[Any]:
    """Changes it."""
    visit.caller.require(KIND.update)
    editor = editor_of(visit)
    stored = await live_object.get(editor, KIND, response_id)

    async def save(sent: Sent) -> Response[Any]:
        require(visit, sent, ["name", "text"])
        await standard_response.put(editor, _value(sent, response_id), sent.revision())
        return saved(visit, href_of(response_id))

    return await act_in_page(visit, save, partial(_again, visit, stored))


async def _again(visit: Visit, stored: Stored | None, sent: Sent, error: OpenIwdError) -> Response[Any]:
    fields = sent_again(_fields(visit, stored.value if stored else None), sent, error)
    return await _page(visit, stored, fields, error)


async def _delete(visit: Visit, response_id: str) -> Question:
    editor = editor_of(visit)
    value = (await live_object.get(editor, KIND, response_id)).value
    form = delete_form(visit, href_of(response_id), value.name, visit.t("mail_response.delete_text"))
    return Question(form, lambda: live_object.delete(editor, KIND, response_id), PATH)


PAGES: Final[list[Any]] = [
    responses_page,
    new_response,
    create_response,
    response_editor,
    save_response,
    *asking(f"{PATH}/{{response_id:str}}/delete", _delete),
]
