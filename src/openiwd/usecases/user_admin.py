"""Users of a tenant: creating, changing, passwords. Hashes never leave; a deactivated user's sessions end at once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import replace

from openiwd.domain.errors import ConflictError, NotFoundError
from openiwd.domain.privilege import Role
from openiwd.ports.control_store import User
from openiwd.usecases.agent_profile import raise_faults
from openiwd.usecases.configuration import Editor
from openiwd.usecases.grant import (
    access_groups,
    check_agent,
    check_role,
    granted,
    groups_of,
    require_grantable,
)
from openiwd.usecases.own_user import preference_faults
from openiwd.usecases.tenant_allowance import require_room

Login = Annotated[str, Meta(min_length=1, max_length=200)]
Password = Annotated[str, Meta(min_length=1, max_length=1_000)]


class UserInput(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What administrators edit of a user."""

    login: Login
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    role: str
    access_groups: Annotated[list[str], Meta(max_length=100)] = []
    """None: the role's item privileges reach all items; else only those of the groups."""
    agent_id: str | None = None
    """The agent that this user is in the workspace."""
    language: str = "en"
    time_zone: str = "UTC"
    active: bool = True


class NewUser(UserInput, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A user with a first password; without one, nobody can log in until a password is set."""

    password: Password | None = None


class UserRecord(Struct, kw_only=True, rename="camel"):
    """A user as administrators see it."""

    id: UUID
    login: str
    name: str
    role: str
    access_groups: list[str]
    agent_id: str | None
    language: str
    time_zone: str
    active: bool
    has_password: bool
    second_factor_at: datetime | None
    """Since when a second factor is asked for."""
    subject: str | None
    """Who vouches for the user: issuer and subject of an identity provider."""
    locked_until: datetime | None
    last_login_at: datetime | None
    revision: int


def record_of(user: User) -> UserRecord:
    values = {f: getattr(user, f) for f in UserRecord.__struct_fields__ if f != "has_password"}
    return UserRecord(**values, has_password=user.password_hash is not None)


async def users(editor: Editor) -> list[UserRecord]:
    """All users of the tenant, by login."""
    editor.caller.require("users.view")
    return [record_of(u) for u in await editor.platform.control.users(editor.tenant_id)]


async def get(editor: Editor, user_id: UUID) -> UserRecord:
    editor.caller.require("users.view")
    return record_of(await _find(editor, user_id))


async def _find(editor: Editor, user_id: UUID) -> User:
    found = next((u for u in await editor.platform.control.users(editor.tenant_id) if u.id == user_id), None)
    if found is None:
        raise NotFoundError(f"there is no user {user_id}", field="id", hint="see the list of users")
    return found


async def _check(editor: Editor, data: UserInput, own_id: UUID | None) -> None:
    """Everything that the form does not say: references, and whether the caller may grant this."""
    faults: list[dict[str, Any]] = []
    check_role(data.role, faults)
    groups = await access_groups(editor, data.access_groups, faults)
    await check_agent(editor, data.agent_id, faults)
    if data.agent_id is not None:
        for other in await editor.platform.control.users(editor.tenant_id):
            if other.agent_id == data.agent_id and other.id != own_id:
                message = f"the user '{other.login}' is agent '{data.agent_id}' already"
                faults.append({"field": "agentId", "message": message, "hint": "an agent has one login"})
    faults += preference_faults(data.language, data.time_zone)
    if data.login != data.login.strip():
        faults.append({"field": "login", "message": "the login has outer spaces", "hint": "remove them"})
    raise_faults(faults)
    require_grantable(editor, granted(data.role, (), data.access_groups), groups, data.agent_id)


async def create(editor: Editor, data: NewUser) -> UserRecord:
    """A new user; DuplicateError when the login is taken."""
    editor.caller.require("users.update")
    await _check(editor, data, None)
    active = [u for u in await editor.platform.control.users(editor.tenant_id) if u.active]
    require_room(editor.services.limits.users, len(active), "users")
    identities = editor.platform.identities
    password_hash = await identities.hash_password(data.password) if data.password is not None else None
    values = {f: getattr(data, f) for f in UserInput.__struct_fields__}
    user = User(
        id=editor.services.runtime.new_id(), tenant_id=editor.tenant_id, password_hash=password_hash, **values
    )
    await editor.platform.control.save_user(user, revision=None)
    identities.forget()
    stored = record_of(await _find(editor, user.id))
    await editor.note("created", "user", data.login, after=stored)
    return stored


async def update(editor: Editor, user_id: UUID, data: UserInput, revision: int | None) -> UserRecord:
    """Replaces what administrators edit; the password stays. Deactivating ends the sessions."""
    editor.caller.require("users.update")
    before = await _find(editor, user_id)
    await _require_over(editor, before)
    await _check(editor, data, user_id)
    after = replace(before, **{f: getattr(data, f) for f in UserInput.__struct_fields__})
    await _keep_an_administrator(editor, before, after)
    control = editor.platform.control
    # without If-Match too, what else was changed meanwhile (a password) is not undone
    await control.save_user(after, revision=revision if revision is not None else before.revision)
    if not after.active:
        await control.end_sessions(user_id)
    editor.platform.identities.forget()
    stored = record_of(await _find(editor, user_id))
    await editor.note("updated", "user", after.login, record_of(before), stored)
    return stored


async def deactivate(editor: Editor, user_id: UUID) -> None:
    """Switches a user off: no login, sessions end. Users are kept, for what they did names them."""
    editor.caller.require("users.update")
    before = await _find(editor, user_id)
    await _require_over(editor, before)
    after = replace(before, active=False)
    await _keep_an_administrator(editor, before, after)
    await editor.platform.control.save_user(after, revision=before.revision)
    await editor.platform.control.end_sessions(user_id)
    editor.platform.identities.forget()
    await editor.note("deactivated", "user", before.login)


async def set_password(editor: Editor, user_id: UUID, password: str) -> None:
    """A new password: it unlocks the login, and ends the sessions of who knew the old one."""
    editor.caller.require("users.update")
    before = await _find(editor, user_id)
    await _require_over(editor, before)
    password_hash = await editor.platform.identities.hash_password(password)
    after = replace(before, password_hash=password_hash, failed_logins=0, locked_until=None)
    await editor.platform.control.save_user(after, revision=before.revision)
    await editor.platform.control.end_sessions(user_id)
    editor.platform.identities.forget()
    await editor.note("passwordSet", "user", before.login)


async def end_second_factor(editor: Editor, user_id: UUID) -> None:
    """For somebody who has lost the phone and the recovery codes: the next log-in is by password, and sessions end."""
    editor.caller.require("users.update")
    before = await _find(editor, user_id)
    await _require_over(editor, before)
    await editor.platform.control.end_second_factor(user_id)
    await editor.platform.control.end_sessions(user_id)
    editor.platform.identities.forget()
    await editor.note("secondFactorEnded", "user", before.login)


async def _require_over(editor: Editor, user: User) -> None:
    """Who changes a user must have all that the user has, and reach as far: else a password would be a way up."""
    groups = await groups_of(editor, user.access_groups)
    require_grantable(editor, granted(user.role, (), user.access_groups), groups, user.agent_id)


def _rank(user: User) -> int:
    """2 for an administrator whom nothing limits, 1 for one limited by access groups, 0 for others."""
    if not user.active or user.role != Role.ADMINISTRATOR:
        return 0
    return 1 if user.access_groups else 2


async def _keep_an_administrator(editor: Editor, before: User, after: User) -> None:
    """Limited administrators cannot undo their limits: one without must stay, or the tenant is locked."""
    if _rank(after) >= _rank(before):
        return
    others = [u for u in await editor.platform.control.users(editor.tenant_id) if u.id != before.id]
    if any(_rank(u) >= _rank(before) for u in others):
        return
    limited = _rank(after) == 1
    unlimited = "" if before.access_groups else " whom no access group limits"
    raise ConflictError(
        f"'{before.login}' is the last active administrator{unlimited}",
        code="lastAdministrator",
        field="accessGroups" if limited else "role",
        hint=f"make somebody else an administrator{unlimited} first",
    )
