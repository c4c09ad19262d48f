"""What users change about themselves: language, time zone, password, second factor, sessions. No right changes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import replace

from openiwd.domain.errors import ForbiddenError, InvalidInputError, NotFoundError, UnauthenticatedError
from openiwd.ports.control_store import SessionLine, User
from openiwd.usecases.agent_profile import is_time_zone, raise_faults
from openiwd.usecases.configuration import Editor
from openiwd.usecases.second_factor import Enrolment
from openiwd.usecases.user import hash_secret

_LANGUAGE: Final = re.compile(r"[a-z]{2}(-[A-Z]{2})?", re.ASCII)


class OwnSettings(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How the UI speaks to its user."""

    language: str
    time_zone: str


class PasswordChange(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A new password, and the one that it replaces."""

    old_password: Annotated[str, Meta(min_length=1, max_length=1_000)]
    password: Annotated[str, Meta(min_length=1, max_length=1_000)]


async def me(editor: Editor) -> User:
    """The user behind a session; ForbiddenError for API keys."""
    login = editor.caller.login
    found = await editor.platform.control.user(editor.tenant_id, login) if login is not None else None
    if found is None:
        raise ForbiddenError("only users have settings", code="noUser", hint="log in as a user")
    return found


def preference_faults(language: str, time_zone: str) -> list[dict[str, Any]]:
    """What is wrong with a language or a time zone."""
    faults: list[dict[str, Any]] = []
    if not _LANGUAGE.fullmatch(language):
        faults.append(
            {"field": "language", "message": f"'{language[:20]}' is no language", "hint": "use en or de"}
        )
    if not is_time_zone(time_zone):
        message = f"'{time_zone[:80]}' is not a time zone"
        faults.append({"field": "timeZone", "message": message, "hint": "name one such as Europe/Berlin"})
    return faults


async def change_settings(editor: Editor, settings: OwnSettings) -> OwnSettings:
    """Sets one's own language and time zone."""
    user = await me(editor)
    raise_faults(preference_faults(settings.language, settings.time_zone))
    after = replace(user, language=settings.language, time_zone=settings.time_zone)
    if after != user:
        await editor.platform.control.save_user(after, revision=user.revision)
        editor.platform.identities.forget()
        before = OwnSettings(language=user.language, time_zone=user.time_zone)
        await editor.note("updated", "user", user.login, before, settings)
    return settings


async def change_password(editor: Editor, change: PasswordChange, *, token: str | None) -> None:
    """Sets one's own password; the session of `token` goes on, the others end."""
    user = await me(editor)
    identities = editor.platform.identities
    await identities.change_password(user, change.old_password, change.password, token=token)
    await editor.note("passwordChanged", "user", user.login)


# Second factor and sessions ------------------------------------------------------------------------------------------


class Code(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A code of the authenticator app, to show that it was set up."""

    code: Annotated[str, Meta(min_length=1, max_length=100)]


class OwnPassword(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One's password: what weakens an account is not done at an open screen."""

    password: Annotated[str, Meta(min_length=1, max_length=1_000)]


class SecondFactorState(Struct, kw_only=True, rename="camel"):
    confirmed_at: datetime | None
    recovery_codes: int
    """How many are left."""
    is_needed: bool
    """Whether one's role may not do without."""


async def second_factor(editor: Editor) -> SecondFactorState:
    """Whether there is one, and how many recovery codes are left."""
    user = await me(editor)
    control = editor.platform.control
    factor = await control.second_factor(user.id)
    settings = (await control.login_settings(user.tenant_id)).settings
    return SecondFactorState(
        confirmed_at=factor.confirmed_at,
        recovery_codes=factor.recovery_codes,
        is_needed=user.role in settings.second_factor_roles,
    )


async def begin_second_factor(editor: Editor) -> Enrolment:
    """A secret for an authenticator app; it counts once a code of it was sent back."""
    user = await me(editor)
    if user.password_hash is None:
        raise ForbiddenError(
            "the identity provider asks for the second factor", code="noPassword", hint="set it up there"
        )
    return await editor.platform.identities.factors.pending(user)


async def confirm_second_factor(editor: Editor, code: Code, *, token: str | None) -> list[str]:
    """From now on it is asked for; the recovery codes. One's other sessions end."""
    user = await me(editor)
    identities = editor.platform.identities
    try:
        codes = await identities.factors.confirm(user, code.code, identities.now())
    except UnauthenticatedError as error:  # one is logged in: only the code is wrong
        raise InvalidInputError(error.message, code=error.code, field="code", hint=error.hint) from error
    await editor.platform.control.end_sessions(user.id, keep=hash_secret(token) if token else None)
    identities.forget()
    await editor.note("secondFactorSet", "user", user.login)
    return codes


async def end_second_factor(editor: Editor, own: OwnPassword) -> None:
    """Ends it, unless one's role may not do without; the password is asked for."""
    user = await me(editor)
    if (await second_factor(editor)).is_needed:
        raise ForbiddenError(
            "your role logs in with a second factor", code="secondFactorNeeded", hint="ask an administrator"
        )
    await editor.platform.identities.require_password(user, own.password)
    await editor.platform.control.end_second_factor(user.id)
    editor.platform.identities.forget()
    await editor.note("secondFactorEnded", "user", user.login)


async def renew_recovery_codes(editor: Editor, own: OwnPassword) -> list[str]:
    """Ten new ones in place of all old ones; the password is asked for."""
    user = await me(editor)
    await editor.platform.identities.require_password(user, own.password)
    codes = await editor.platform.identities.factors.renew_recovery_codes(user)
    await editor.note("recoveryCodesRenewed", "user", user.login)
    return codes


async def sessions(editor: Editor, *, token: str | None) -> list[SessionLine]:
    """One's sessions that are not over."""
    user = await me(editor)
    current = hash_secret(token) if token else None
    return await editor.platform.control.sessions_of_user(user.id, current, editor.platform.identities.now())


async def end_session(editor: Editor, session_id: UUID) -> None:
    """Ends one of one's sessions; NotFoundError when there is no such one."""
    user = await me(editor)
    ended = await editor.platform.control.end_session_of_user(user.id, session_id)
    if ended is None:
        raise NotFoundError("you have no such session", field="id", hint="see the list of your sessions")
    await editor.platform.identities.end(ended)


async def end_other_sessions(editor: Editor, *, token: str | None) -> None:
    """Ends all of one's sessions but this one."""
    user = await me(editor)
    await editor.platform.control.end_sessions(user.id, keep=hash_secret(token) if token else None)
    editor.platform.identities.forget()
