"""One's own second factor and sessions: set up, renewed, ended."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import OpenIwdError
from openiwd.usecases import own_user
from openiwd.usecases.own_user import Code, OwnPassword
from openiwd.web.access.settings_page import PATH
from openiwd.web.login.qr_code import qr_path
from openiwd.web.shell.dialog_page import done, editor_of, refuse_dialog, show_dialog
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.sent import as_, require, sent_by
from openiwd.web.shell.visit import CurrentVisit, Visit, session_token

FACTOR: Final = f"{PATH}/second-factor"


async def _set_up(visit: Visit, error: OpenIwdError | None = None) -> Response[Any]:
    begun = await own_user.begin_second_factor(editor_of(visit))
    status = 200 if error is None else 422
    return visit.page(
        "access/second_factor.html",
        secret=begun.secret,
        qr=qr_path(begun.address),
        error=error,
        status=status,
    )


@get(FACTOR)
async def factor_page(visit: CurrentVisit) -> Response[Any]:
    """The QR code, and the field for the code that the app shows then."""
    return await _set_up(visit)


@post(FACTOR, status_code=200)
async def confirm_factor(visit: CurrentVisit) -> Response[Any]:
    """A right code switches it on; the recovery codes are shown once."""
    sent = await sent_by(visit)
    try:
        require(visit, sent, ["code"])
        code = as_(Code, {"code": sent.text("code")})
        token = session_token(visit.request)
        codes = await own_user.confirm_second_factor(editor_of(visit), code, token=token)
    except OpenIwdError as error:
        return await _set_up(visit, error)
    return visit.page("access/recovery_codes.html", codes=codes, onward=f"{PATH}?saved=factor")


def _form(visit: Visit, act: str, *, danger: bool) -> Form:
    t = visit.t
    return Form(
        action=f"{FACTOR}/{act}",
        title=t(f"security.{act}_title"),
        text=t(f"security.{act}_text"),
        fields=[Field("password", t("security.password"), "password", required=True)],
        submit=t(f"security.{act}"),
        danger=danger,
    )


@get(f"{FACTOR}/end")
async def end_dialog(visit: CurrentVisit) -> Response[Any]:
    """What switching it off means; the password is asked for."""
    return show_dialog(visit, _form(visit, "end", danger=True))


@post(f"{FACTOR}/end", status_code=200)
async def end_factor(visit: CurrentVisit) -> Response[Any]:
    """Switches it off."""
    sent = await sent_by(visit)
    try:
        own = as_(OwnPassword, {"password": sent.raw("password")})
        await own_user.end_second_factor(editor_of(visit), own)
    except OpenIwdError as error:
        return refuse_dialog(visit, _form(visit, "end", danger=True), sent, error)
    return done(visit, "", to=f"{PATH}?saved=factor-ended")


@get(f"{FACTOR}/renew")
async def renew_dialog(visit: CurrentVisit) -> Response[Any]:
    """What new recovery codes mean; the password is asked for."""
    return show_dialog(visit, _form(visit, "renew", danger=False))


@post(f"{FACTOR}/renew", status_code=200)
async def renew_codes(visit: CurrentVisit) -> Response[Any]:
    """New recovery codes, shown once."""
    sent = await sent_by(visit)
    try:
        own = as_(OwnPassword, {"password": sent.raw("password")})
        codes = await own_user.renew_recovery_codes(editor_of(visit), own)
    except OpenIwdError as error:
        return refuse_dialog(visit, _form(visit, "renew", danger=False), sent, error)
    return visit.page("access/recovery_dialog.html", codes=codes)


@post(f"{PATH}/sessions/others/end", status_code=200)
async def end_others(visit: CurrentVisit) -> Response[Any]:
    """Ends all sessions but this one."""
    await own_user.end_other_sessions(editor_of(visit), token=session_token(visit.request))
    return redirect(f"{PATH}?saved=others", htmx=visit.is_htmx)


@post(f"{PATH}/sessions/{{session_id:uuid}}/end", status_code=200)
async def end_session(visit: CurrentVisit, session_id: FromPath[UUID]) -> Response[Any]:
    """Ends one of one's sessions."""
    await own_user.end_session(editor_of(visit), session_id)
    return redirect(f"{PATH}?saved=session", htmx=visit.is_htmx)


PAGES: Final[list[Any]] = [
    factor_page,
    confirm_factor,
    end_dialog,
    end_factor,
    renew_dialog,
    renew_codes,
    end_others,
    end_session,
]
