"""API keys of a tenant: made with a secret that is shown once, limited to a role or privileges, revoked for good."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from openiwd.domain.errors import DuplicateError, NotFoundError
from openiwd.domain.privilege import Role
from openiwd.domain.work_item import AwareDateTime
from openiwd.ports.control_store import ApiKey
from openiwd.usecases.agent_profile import raise_faults
from openiwd.usecases.configuration import Editor
from openiwd.usecases.grant import (
    access_groups,
    check_agent,
    check_privileges,
    check_role,
    granted,
    groups_of,
    require_grantable,
)
from openiwd.usecases.tenant_allowance import require_room


class ApiKeyInput(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A key to be made: a role, or single privileges (`workitems.create`, `workitems.read:group`), or both."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    """The event log shows it as `key:name`; every key has a name of its own."""
    role: str | None = None
    privileges: Annotated[list[str], Meta(max_length=200)] = []
    access_groups: Annotated[list[str], Meta(max_length=100)] = []
    agent_id: str | None = None
    expires_at: AwareDateTime | None = None


class NewApiKey(Struct, kw_only=True, rename="camel"):
    """A key just made. The secret is never shown again."""

    secret: str
    key: ApiKey


async def keys(editor: Editor) -> list[ApiKey]:
    """All keys of the tenant; of secrets only the first characters are kept."""
    editor.caller.require("apiKeys.view")
    return await editor.platform.control.api_keys(editor.tenant_id)


async def get(editor: Editor, key_id: UUID) -> ApiKey:
    found = next((k for k in await keys(editor) if k.id == key_id), None)
    if found is None:
        raise _missing(key_id)
    return found


def _missing(key_id: UUID) -> NotFoundError:
    return NotFoundError(f"there is no API key {key_id}", field="id", hint="see the list of keys")


async def create(editor: Editor, data: ApiKeyInput) -> NewApiKey:
    """A new key, which may do no more than its maker."""
    editor.caller.require("apiKeys.update")
    faults: list[dict[str, Any]] = []
    check_role(data.role, faults)
    check_privileges(data.privileges, faults)
    groups = await access_groups(editor, data.access_groups, faults)
    await check_agent(editor, data.agent_id, faults)
    if data.role is None and not data.privileges:
        faults.append(
            {"field": "privileges", "message": "the key may do nothing", "hint": "name a role or privileges"}
        )
    identities = editor.platform.identities
    present = await editor.platform.control.api_keys(editor.tenant_id)
    require_room(editor.services.limits.api_keys, len(present), "API keys")
    if data.expires_at is not None and data.expires_at <= datetime.now(UTC):  # keys run on real time
        faults.append(
            {"field": "expiresAt", "message": "the key has expired already", "hint": "name a later instant"}
        )
    raise_faults(faults)
    wanted = granted(data.role, data.privileges, data.access_groups)
    require_grantable(editor, wanted, groups, data.agent_id)
    if any(k.name == data.name for k in await editor.platform.control.api_keys(editor.tenant_id)):
        raise DuplicateError(
            f"there is a key '{data.name}' already", field="name", hint="choose another name"
        )
    secret, key = await identities.create_key(
        editor.services.runtime.new_id(),
        editor.tenant_id,
        data.name,
        role=Role(data.role) if data.role is not None else None,
        privileges=data.privileges,
        access_groups=data.access_groups,
        agent_id=data.agent_id,
        expires_at=data.expires_at,
    )
    await editor.note("created", "API key", data.name, after=key)
    return NewApiKey(secret=secret, key=key)


async def revoke(editor: Editor, key_id: UUID) -> None:
    """Ends a key at once, in this process; within seconds in others. Only who could make it may end it."""
    editor.caller.require("apiKeys.update")
    key = next((k for k in await editor.platform.control.api_keys(editor.tenant_id) if k.id == key_id), None)
    if key is None:
        raise _missing(key_id)
    held = granted(key.role, key.privileges, key.access_groups)
    require_grantable(editor, held, await groups_of(editor, key.access_groups), key.agent_id)
    if not await editor.platform.control.delete_api_key(editor.tenant_id, key_id):
        raise _missing(key_id)
    editor.platform.identities.forget()
    await editor.note("revoked", "API key", key.name, before=key)
