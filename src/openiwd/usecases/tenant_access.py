"""The ways into a tenant: its first administrator, its keys, and the sealed secrets of other systems."""

from __future__ import annotations

import secrets
from typing import Any, Final

import msgspec

from openiwd.domain.errors import (
    DuplicateError,
)
from openiwd.domain.privilege import Role
from openiwd.ports.control_store import User
from openiwd.ports.tenant_store import Tenant
from openiwd.usecases.tenant_order import (
    Administrator,
    FirstLogin,
    Made,
    TenantOrder,
    view_of,
)
from openiwd.usecases.tenant_owner import Tenants, existing
from openiwd.usecases.user import hash_secret

FIRST_KEY: Final = "first key"
MART_KEY: Final = "data mart"
MART_PRIVILEGES: Final = ("reporting.read", "categories.view", "agents.view", "attributes.view")


async def first_access(owner: Tenants, tenant: Tenant, order: TenantOrder) -> Made:
    placeholder = view_of(await existing(owner, tenant.id))
    login = await administrator(owner, tenant, order.administrator)
    control = owner.platform.control
    for key in await control.api_keys(tenant.id):
        if key.name in (FIRST_KEY, MART_KEY):
            await control.delete_api_key(tenant.id, key.id)
    api_key = await _key(owner, tenant.id, FIRST_KEY, order.api_key, role=Role.ADMINISTRATOR)
    mart_key = await _key(owner, tenant.id, MART_KEY, order.mart_key, privileges=MART_PRIVILEGES)
    return Made(tenant=placeholder, created=True, administrator=login, api_key=api_key, mart_key=mart_key)


async def administrator(owner: Tenants, tenant: Tenant, wanted: Administrator) -> FirstLogin:
    identities, control = owner.platform.identities, owner.platform.control
    password = wanted.password or secrets.token_urlsafe(12)
    hashed = await identities.hash_password(password)
    known = await control.user(tenant.id, wanted.login)
    user = User(
        id=known.id if known is not None else owner.new_id(), tenant_id=tenant.id, login=wanted.login,
        name=wanted.name, role=Role.ADMINISTRATOR.value, language=wanted.language, time_zone=tenant.time_zone,
        password_hash=hashed,
    )  # fmt: skip
    await control.save_user(user, revision=None)
    await control.end_sessions(user.id)
    return FirstLogin(login=wanted.login, password=password)


async def _key(owner: Tenants, tenant_id: str, name: str, secret: str | None, **rights: Any) -> str:
    if secret is not None:
        known = await owner.platform.control.api_key(hash_secret(secret))
        if known is not None and known.tenant_id != tenant_id:
            raise DuplicateError(
                "this key is in use elsewhere", field="iwd.apiKeys", hint="choose another key"
            )
    made, _ = await owner.platform.identities.create_key(
        owner.new_id(), tenant_id, name, secret=secret, **rights
    )
    return made


async def given_keys(owner: Tenants, tenant_id: str, order: TenantOrder) -> None:
    """Keys that an order brings and that are not known yet replace those of their names."""
    control = owner.platform.control
    rights: tuple[tuple[str, str | None, dict[str, Any]], ...] = (
        (FIRST_KEY, order.api_key, {"role": Role.ADMINISTRATOR}),
        (MART_KEY, order.mart_key, {"privileges": MART_PRIVILEGES}),
    )
    for name, secret, granted in rights:
        if secret is None or (await control.api_key(hash_secret(secret))) is not None:
            continue
        for key in await control.api_keys(tenant_id):
            if key.name == name:
                await control.delete_api_key(tenant_id, key.id)
        await _key(owner, tenant_id, name, secret, **granted)
        owner.platform.identities.forget()


async def save_outside(owner: Tenants, tenant_id: str, order: TenantOrder) -> None:
    if not order.outside and not order.secrets:
        return
    sealed = None
    if order.secrets:
        text = msgspec.json.encode(order.secrets).decode()
        sealed = owner.platform.secrets.seal(text, outside_context(tenant_id))
    await owner.store.save_outside(tenant_id, order.outside, sealed, owner.now())


def outside_context(tenant_id: str) -> str:
    """What the secrets of other systems are sealed for."""
    return f"tenant:{tenant_id}"
