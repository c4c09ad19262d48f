"""What users change about themselves: language, time zone, password. Nothing that they may do changes by it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from msgspec import Meta, Struct
from msgspec.structs import replace

from openiwd.domain.errors import ForbiddenError
from openiwd.ports.control_store import User
from openiwd.usecases.agent_profile import is_time_zone, raise_faults
from openiwd.usecases.configuration import Editor

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
