"""Users, access groups and API keys of a tenant. Hashes are never told, a key's secret once."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.api.editing import CurrentEditor, etag
from openiwd.domain.errors import InvalidInputError
from openiwd.ports.control_store import AccessGroup, ApiKey
from openiwd.usecases import access_group, api_key, user_admin
from openiwd.usecases.access_group import AccessGroupInput
from openiwd.usecases.api_key import ApiKeyInput, NewApiKey
from openiwd.usecases.user_admin import NewUser, Password, UserInput, UserRecord

_TAGS: Final = ["users"]
_UNSTORED: Final = {"Cache-Control": "no-store"}


class Users(Struct):
    users: list[UserRecord]


class PasswordInput(Struct, forbid_unknown_fields=True):
    password: Password


class AccessGroups(Struct, rename="camel"):
    access_groups: list[AccessGroup]


class ApiKeys(Struct, rename="camel"):
    api_keys: list[ApiKey]


@get("/users", tags=_TAGS, operation_id="listUsers")
async def list_users(editor: CurrentEditor) -> Users:
    """All users of the tenant, by login."""
    return Users(await user_admin.users(editor))


@post("/users", tags=_TAGS, operation_id="createUser", status_code=201)
async def create_user(editor: CurrentEditor, data: JSONBody[NewUser]) -> Response[UserRecord]:
    """Creates a user who may do no more than the caller. Without a password nobody can log in yet."""
    made = await user_admin.create(editor, data)
    return Response(made, headers=etag(made.revision))


@get("/users/{user_id:uuid}", tags=_TAGS, operation_id="getUser")
async def get_user(editor: CurrentEditor, user_id: FromPath[UUID]) -> Response[UserRecord]:
    """One user."""
    found = await user_admin.get(editor, user_id)
    return Response(found, headers=etag(found.revision))


@put("/users/{user_id:uuid}", tags=_TAGS, operation_id="putUser")
async def put_user(
    call: CurrentCall, editor: CurrentEditor, user_id: FromPath[UUID], data: JSONBody[UserInput]
) -> Response[UserRecord]:
    """Changes role, access groups, agent profile and the rest; the password stays. Deactivating ends the sessions."""
    saved = await user_admin.update(editor, user_id, data, call.if_match)
    return Response(saved, headers=etag(saved.revision))


@delete("/users/{user_id:uuid}", tags=_TAGS, operation_id="deactivateUser", status_code=204)
async def deactivate_user(editor: CurrentEditor, user_id: FromPath[UUID]) -> None:
    """Deactivates a user and ends its sessions; the record stays, for the log names it."""
    await user_admin.deactivate(editor, user_id)


@post("/users/{user_id:uuid}/password", tags=_TAGS, operation_id="setPassword", status_code=204)
async def set_password(editor: CurrentEditor, user_id: FromPath[UUID], data: JSONBody[PasswordInput]) -> None:
    """Sets a password, unlocks the login and ends the user's sessions."""
    await user_admin.set_password(editor, user_id, data.password)


@get("/access-groups", tags=_TAGS, operation_id="listAccessGroups")
async def list_access_groups(editor: CurrentEditor) -> AccessGroups:
    """All access groups."""
    return AccessGroups(await access_group.groups(editor))


@get("/access-groups/{group_id:str}", tags=_TAGS, operation_id="getAccessGroup")
async def get_access_group(editor: CurrentEditor, group_id: FromPath[str]) -> Response[AccessGroup]:
    """One access group."""
    found = await access_group.get(editor, group_id)
    return Response(found, headers=etag(found.revision))


@put("/access-groups/{group_id:str}", tags=_TAGS, operation_id="putAccessGroup")
async def put_access_group(
    call: CurrentCall, editor: CurrentEditor, group_id: FromPath[str], data: JSONBody[AccessGroupInput]
) -> Response[AccessGroup]:
    """Creates or replaces an access group: category paths (each with all below it) and queues. With `If-Match` only if
    nobody has changed it since.
    """
    if data.id not in (None, group_id):
        raise InvalidInputError("the body names another id", field="id", hint="leave it out")
    group = AccessGroup(id=group_id, name=data.name, categories=data.categories, queues=data.queues)
    saved, created = await access_group.put(editor, group, call.if_match)
    return Response(saved, status_code=201 if created else 200, headers=etag(saved.revision))


@delete("/access-groups/{group_id:str}", tags=_TAGS, operation_id="deleteAccessGroup", status_code=204)
async def delete_access_group(editor: CurrentEditor, group_id: FromPath[str]) -> None:
    """Removes an access group; 409 `inUse` while a user or a key belongs to it."""
    await access_group.delete(editor, group_id)


@get("/api-keys", tags=_TAGS, operation_id="listApiKeys")
async def list_keys(editor: CurrentEditor) -> ApiKeys:
    """All API keys of the tenant, without their secrets."""
    return ApiKeys(await api_key.keys(editor))


@post("/api-keys", tags=_TAGS, operation_id="createApiKey", status_code=201)
async def create_key(editor: CurrentEditor, data: JSONBody[ApiKeyInput]) -> Response[NewApiKey]:
    """Makes a key with a role or single privileges, optionally expiring. Its secret is told here and never again."""
    return Response(await api_key.create(editor, data), headers=_UNSTORED)


@get("/api-keys/{key_id:uuid}", tags=_TAGS, operation_id="getApiKey")
async def get_key(editor: CurrentEditor, key_id: FromPath[UUID]) -> ApiKey:
    """One API key."""
    return await api_key.get(editor, key_id)


@delete("/api-keys/{key_id:uuid}", tags=_TAGS, operation_id="revokeApiKey", status_code=204)
async def revoke_key(editor: CurrentEditor, key_id: FromPath[UUID]) -> None:
    """Revokes a key for good."""
    await api_key.revoke(editor, key_id)


HANDLERS: Final[list[Any]] = [
    list_users,
    create_user,
    get_user,
    put_user,
    deactivate_user,
    set_password,
    list_access_groups,
    get_access_group,
    put_access_group,
    delete_access_group,
    list_keys,
    create_key,
    get_key,
    revoke_key,
]
