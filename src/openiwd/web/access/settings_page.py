"""One's own settings: language, theme, time zone, password."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post

from openiwd.domain.errors import InvalidInputError, OpenIwdError
from openiwd.usecases import own_user
from openiwd.usecases.own_user import OwnSettings, PasswordChange
from openiwd.web.access.device_view import device_text
from openiwd.web.access.user_page import language_options
from openiwd.web.people.agent_edit_page import ZONES
from openiwd.web.shell.dialog_page import editor_of, typed
from openiwd.web.shell.form import Field, with_errors
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.sent import as_, require, sent_by
from openiwd.web.shell.visit import CurrentVisit, Visit, session_token, theme_of

PATH: Final = "/settings"


def _fields(visit: Visit) -> list[Field]:
    t, caller = visit.t, visit.caller
    return [
        Field(
            "language",
            t("settings.language"),
            "select",
            value=caller.language.partition("-")[0],
            options=language_options(visit),
        ),
        Field(
            "timeZone",
            t("people.time_zone"),
            value=caller.time_zone,
            required=True,
            suggestions="zones",
            hint=t("settings.zone_hint"),
        ),
    ]


def _password_fields(visit: Visit) -> list[Field]:
    t = visit.t
    return [
        Field("oldPassword", t("settings.old_password"), "password", required=True),
        Field(
            "password",
            t("settings.new_password"),
            "password",
            required=True,
            hint=t("settings.password_hint"),
        ),
        Field("again", t("settings.again"), "password", required=True),
    ]


async def _page(
    visit: Visit,
    *,
    fields: list[Field] | None = None,
    passwords: list[Field] | None = None,
    error: OpenIwdError | None = None,
    said: str = "",
) -> Response[Any]:
    editor = editor_of(visit)
    user = await own_user.me(editor)
    return visit.page(
        "access/settings.html",
        factor=await own_user.second_factor(editor),
        device_text=device_text,
        sessions=await own_user.sessions(editor, token=session_token(visit.request)),
        user=user,
        fields=fields or _fields(visit),
        passwords=passwords or _password_fields(visit),
        zones=ZONES,
        chosen_theme=theme_of(visit.request) or "system",
        error=error,
        said=said,
        status=422 if error is not None else 200,
    )


@get(PATH)
async def settings_page(visit: CurrentVisit) -> Response[Any]:
    """What the UI knows of its user."""
    done = visit.request.query_params.get("saved", "")
    said = {
        "settings": "settings.saved",
        "password": "settings.password_saved",
        "factor": "security.done",
        "factor-ended": "security.ended",
        "session": "security.session_ended",
        "others": "security.others_ended",
    }.get(done, "")
    return await _page(visit, said=visit.t(said) if said else "")


@post(PATH, status_code=200)
async def save_settings(visit: CurrentVisit) -> Response[Any]:
    """Language and time zone; the next page speaks by them."""
    sent = await sent_by(visit)
    try:
        require(visit, sent, ["timeZone"])
        wanted = OwnSettings(language=sent.text("language"), time_zone=sent.text("timeZone"))
        await own_user.change_settings(editor_of(visit), wanted)
    except OpenIwdError as error:
        fields = with_errors([typed(f, sent) for f in _fields(visit)], error)
        return await _page(visit, fields=fields, error=error)
    return redirect(f"{PATH}?saved=settings", htmx=visit.is_htmx)


@post(f"{PATH}/password", status_code=200)
async def save_password(visit: CurrentVisit) -> Response[Any]:
    """A new password for who knows the old one; other sessions end."""
    sent = await sent_by(visit)
    try:
        require(visit, sent, ["oldPassword", "password", "again"])
        if sent.text("password") != sent.text("again"):
            raise InvalidInputError(visit.t("settings.differ"), field="again")
        change = as_(
            PasswordChange, {"oldPassword": sent.raw("oldPassword"), "password": sent.raw("password")}
        )
        await own_user.change_password(editor_of(visit), change, token=session_token(visit.request))
    except OpenIwdError as error:
        return await _page(visit, passwords=with_errors(_password_fields(visit), error), error=error)
    return redirect(f"{PATH}?saved=password", htmx=visit.is_htmx)


PAGES: Final[list[Any]] = [settings_page, save_settings, save_password]
