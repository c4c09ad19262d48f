"""How a tenant's people log in, and one's own second factor and sessions."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, delete, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from openiwd.api.call import SESSION_COOKIE, CurrentCall
from openiwd.api.editing import CurrentEditor, etag
from openiwd.ports.control_store import SessionLine
from openiwd.usecases import login_settings, own_user, user_admin
from openiwd.usecases.login_settings import LoginSettingsInput, LoginSettingsRecord, ProviderTrial
from openiwd.usecases.own_user import Code, OwnPassword, SecondFactorState
from openiwd.usecases.second_factor import Enrolment

_TAGS: Final = ["users"]
_UNSTORED: Final = {"Cache-Control": "no-store"}
AnyRequest = Request[Any, Any, State]


class Sessions(Struct):
    sessions: list[SessionLine]


class RecoveryCodes(Struct, rename="camel"):
    recovery_codes: list[str]
    """Each is good once, in place of a code. They are told here and never again."""


@get("/login-settings", tags=_TAGS, operation_id="getLoginSettings")
async def get_login_settings(editor: CurrentEditor) -> Response[LoginSettingsRecord]:
    """The tenant's identity provider, roles with a second factor, and how long sessions last. No secret is told."""
    found = await login_settings.get(editor)
    return Response(found, headers=etag(found.revision))


@put("/login-settings", tags=_TAGS, operation_id="putLoginSettings")
async def put_login_settings(
    call: CurrentCall, editor: CurrentEditor, data: JSONBody[LoginSettingsInput]
) -> Response[LoginSettingsRecord]:
    """Replaces the settings. A client secret that is left out stays, unless issuer or client id change."""
    saved = await login_settings.put(editor, data, call.if_match)
    return Response(saved, headers=etag(saved.revision))


@post("/login-settings/test", tags=_TAGS, operation_id="testLoginSettings", status_code=200)
async def test_login_settings(editor: CurrentEditor) -> ProviderTrial:
    """Asks the identity provider for its description and keys, as a log-in would."""
    return await login_settings.try_provider(editor)


@get("/users/me/second-factor", tags=_TAGS, operation_id="getSecondFactor")
async def get_second_factor(editor: CurrentEditor) -> SecondFactorState:
    """Whether one's logins ask for a code, and how many recovery codes are left."""
    return await own_user.second_factor(editor)


@post("/users/me/second-factor", tags=_TAGS, operation_id="beginSecondFactor", status_code=201)
async def begin_second_factor(editor: CurrentEditor) -> Response[Enrolment]:
    """A secret for an authenticator app. It counts once a code of it was sent to `…/confirm`."""
    return Response(await own_user.begin_second_factor(editor), headers=_UNSTORED)


@post("/users/me/second-factor/confirm", tags=_TAGS, operation_id="confirmSecondFactor", status_code=200)
async def confirm_second_factor(
    editor: CurrentEditor, request: AnyRequest, data: JSONBody[Code]
) -> Response[RecoveryCodes]:
    """From now on logging in asks for a code; one's other sessions end. The recovery codes are told only here."""
    codes = await own_user.confirm_second_factor(editor, data, token=request.cookies.get(SESSION_COOKIE))
    return Response(RecoveryCodes(codes), headers=_UNSTORED)


@post(
    "/users/me/second-factor/recovery-codes", tags=_TAGS, operation_id="renewRecoveryCodes", status_code=200
)
async def renew_recovery_codes(editor: CurrentEditor, data: JSONBody[OwnPassword]) -> Response[RecoveryCodes]:
    """Ten new recovery codes in place of all old ones; the password is asked for."""
    return Response(RecoveryCodes(await own_user.renew_recovery_codes(editor, data)), headers=_UNSTORED)


@post("/users/me/second-factor/end", tags=_TAGS, operation_id="endSecondFactor", status_code=204)
async def end_second_factor(editor: CurrentEditor, data: JSONBody[OwnPassword]) -> None:
    """Ends one's second factor, unless one's role may not do without; the password is asked for."""
    await own_user.end_second_factor(editor, data)


@delete("/users/{user_id:uuid}/second-factor", tags=_TAGS, operation_id="endSecondFactorOf", status_code=204)
async def end_second_factor_of(editor: CurrentEditor, user_id: FromPath[UUID]) -> None:
    """For somebody who has lost phone and recovery codes: ends the second factor and the sessions."""
    await user_admin.end_second_factor(editor, user_id)


@get("/users/me/sessions", tags=_TAGS, operation_id="listOwnSessions")
async def list_sessions(editor: CurrentEditor, request: AnyRequest) -> Sessions:
    """One's sessions, the one used last first."""
    return Sessions(await own_user.sessions(editor, token=request.cookies.get(SESSION_COOKIE)))


@delete("/users/me/sessions/{session_id:uuid}", tags=_TAGS, operation_id="endOwnSession", status_code=204)
async def end_session(editor: CurrentEditor, session_id: FromPath[UUID]) -> None:
    """Ends one of one's sessions. Another process may know it for five seconds more."""
    await own_user.end_session(editor, session_id)


HANDLERS: Final[list[Any]] = [
    get_login_settings,
    put_login_settings,
    test_login_settings,
    get_second_factor,
    begin_second_factor,
    confirm_second_factor,
    renew_recovery_codes,
    end_second_factor,
    end_second_factor_of,
    list_sessions,
    end_session,
]
