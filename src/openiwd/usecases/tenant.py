"""Tenants, by the platform alone: made, changed, suspended, resumed, deleted. Each act can be repeated and is audited.

An act holds the tenant while it runs. What ended early stands in the control database, and the next call carries it on.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from openiwd.domain.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
)
from openiwd.domain.privilege import Caller, system
from openiwd.domain.starter import STARTER
from openiwd.domain.tenant_life import (
    GRACE_DAYS,
    TenantAct,
    TenantState,
    next_state,
)
from openiwd.ports.control_store import AuditEntry
from openiwd.ports.tenant_store import Tenant
from openiwd.usecases.rule_set import publish
from openiwd.usecases.tenant_access import administrator, first_access, given_keys, save_outside
from openiwd.usecases.tenant_order import (
    Administrator,
    FirstLogin,
    Made,
    TenantOrder,
    TenantView,
    check,
    check_same,
    tenant_of,
    told_of,
    view_of,
)
from openiwd.usecases.tenant_owner import Tenants, entry_of, existing


def require_platform(caller: Caller, privilege: str) -> None:
    """The platform's key, with the privilege: a key of a tenant never reaches tenants."""
    if caller.tenant_id is not None:
        raise ForbiddenError(
            "tenants are the platform's", code="forbidden", hint="use the platform's key", privilege=privilege
        )
    caller.require(privilege)


async def tenants(owner: Tenants, caller: Caller) -> list[TenantView]:
    """All tenants, whatever their state."""
    require_platform(caller, "tenants.view")
    return [view_of(record) for record in await owner.store.records()]


async def show(owner: Tenants, caller: Caller, name: str) -> TenantView:
    """A tenant, by id or ccid, with what it uses."""
    require_platform(caller, "tenants.view")
    record = await existing(owner, name)
    usage = await owner.store.usage(record.tenant.id)
    return view_of(record, await owner.databases.fill(record.tenant.database_name, usage))


async def create(owner: Tenants, caller: Caller, order: TenantOrder) -> Made:
    """Makes a tenant: database, rule set, first administrator, key. Again for the same id: what is there.

    A create that ended early is carried on; its secrets, which nobody has seen, are made anew.
    """
    require_platform(caller, "tenants.update")
    check(order)
    async with owner.store.holding(order.id):
        at = owner.now()
        begun = await owner.store.begin(
            tenant_of(order), at, entry_of(owner, caller, "ordered", order.id, name=order.name)
        )
        record = await existing(owner, order.id)
        if record.state is not TenantState.CREATING:
            check_same(record, order)
            return Made(tenant=view_of(record), created=False)
        tenant = record.tenant
        await owner.databases.prepare(tenant.database_name, tenant.id, adopt=order.adopt)
        await _publish_starter(owner, tenant)
        made = await first_access(owner, tenant, order)
        await save_outside(owner, tenant.id, order)
        await owner.store.move(
            tenant.id,
            next_state(record.state, TenantAct.FINISH),
            owner.now(),
            entry_of(owner, caller, "created", tenant.id, database=tenant.database_name, resumed=not begun),
        )
        made.tenant = view_of(await existing(owner, tenant.id))
        return made


async def change(owner: Tenants, caller: Caller, order: TenantOrder) -> Made:
    """Name, ccid, time zone, settings, limits, other systems' addresses and secrets, keys that are given."""
    require_platform(caller, "tenants.update")
    check(order)
    async with owner.store.holding(order.id):
        record = await existing(owner, order.id)
        old = record.tenant
        if order.database_name != old.database_name:
            raise ConflictError(
                "a tenant stays in its database", code="databaseFixed", field="iwd.db.database",
                hint=f"it is '{old.database_name}'",
            )  # fmt: skip
        settings = {**old.settings, **(order.settings or {})}
        if order.limits is not None:
            settings["limits"] = msgspec.to_builtins(order.limits)
        new = replace(
            old,
            name=order.name or old.name,
            ccid=order.ccid or old.ccid,
            time_zone=order.time_zone or old.time_zone,
            settings=settings,
        )
        if new != old:
            before, after = (told_of(each) for each in (old, new))
            await owner.store.change(
                new, entry_of(owner, caller, "changed", new.id, before=before, after=after)
            )
        await save_outside(owner, new.id, order)
        await given_keys(owner, new.id, order)
        return Made(tenant=view_of(await existing(owner, new.id)), created=False)


async def suspend(owner: Tenants, caller: Caller, name: str, reason: str | None = None) -> TenantView:
    """Lets nobody in, and distributes nothing, until it is resumed. Sessions end; data stay."""
    return await _move(owner, caller, name, TenantAct.SUSPEND, "suspended", reason=reason)


async def resume(owner: Tenants, caller: Caller, name: str) -> TenantView:
    """Lets people in again; also what was to be deleted, within its time of grace."""
    return await _move(owner, caller, name, TenantAct.RESUME, "resumed")


async def delete(
    owner: Tenants, caller: Caller, name: str, confirm: str | None, grace_days: int | None = None
) -> TenantView | None:
    """To be deleted once the time of grace is over; with none, at once (None). `confirm` repeats the tenant's id."""
    require_platform(caller, "tenants.update")
    record = await existing(owner, name)
    if confirm != record.tenant.id:
        raise InvalidInputError(
            f"deleting tenant '{record.tenant.id}' removes all of its data",
            code="notConfirmed",
            field="confirm",
            hint=f"repeat its id to confirm: confirm={record.tenant.id}",
        )
    days = GRACE_DAYS if grace_days is None else grace_days
    if record.state is TenantState.CREATING:
        days = 0
    after = owner.now() + timedelta(days=days)
    deleting = await _move(
        owner, caller, record.tenant.id, TenantAct.DELETE, "deletion ordered", delete_after=after
    )
    if days > 0:
        return deleting
    await _remove(owner, caller, record.tenant.id)
    return None


async def purge(owner: Tenants, caller: Caller) -> list[str]:
    """Removes the tenants whose time of grace is over; their ids."""
    require_platform(caller, "tenants.update")
    now = owner.now()
    due = [
        r.tenant.id
        for r in await owner.store.records()
        if r.state is TenantState.DELETING and r.delete_after is not None and r.delete_after <= now
    ]
    for tenant_id in due:
        await _remove(owner, caller, tenant_id)
    return due


async def new_administrator(owner: Tenants, caller: Caller, name: str, wanted: Administrator) -> FirstLogin:
    """A tenant's administrator with a new password: the way in when the first one is lost."""
    require_platform(caller, "tenants.update")
    record = await existing(owner, name)
    async with owner.store.holding(record.tenant.id):
        login = await administrator(owner, record.tenant, wanted)
        await owner.store.note(
            entry_of(owner, caller, "administrator reset", record.tenant.id, login=login.login)
        )
    owner.platform.identities.forget()
    return login


async def audit_log(
    owner: Tenants, caller: Caller, before: int | None, limit: int, tenant: str | None
) -> list[tuple[int, AuditEntry]]:
    """The platform's audit, newest first."""
    require_platform(caller, "tenants.view")
    return await owner.store.audit_log(before, limit, tenant)


# Steps


async def _move(
    owner: Tenants,
    caller: Caller,
    name: str,
    act: TenantAct,
    action: str,
    *,
    reason: str | None = None,
    delete_after: datetime | None = None,
) -> TenantView:
    require_platform(caller, "tenants.update")
    tenant_id = (await existing(owner, name)).tenant.id
    async with owner.store.holding(tenant_id):
        record = await existing(owner, tenant_id)
        to = next_state(record.state, act)
        again = to is record.state and (to is not TenantState.DELETING or delete_after == record.delete_after)
        if not again:
            details = {"reason": reason, "deleteAfter": delete_after}
            entry = entry_of(owner, caller, action, tenant_id, before=record.state.value, **details)
            await owner.store.move(
                tenant_id, to, owner.now(), entry, reason=reason, delete_after=delete_after
            )
    owner.platform.identities.forget()
    if to is not TenantState.READY:
        owner.platform.close(tenant_id)
    return view_of(await existing(owner, tenant_id))


async def _remove(owner: Tenants, caller: Caller, tenant_id: str) -> None:
    """The control database last: until its rows are gone, the next purge knows what is left to do."""
    async with owner.store.holding(tenant_id):
        record = await owner.store.record(tenant_id)
        if record is None or record.state is not TenantState.DELETING:
            return
        owner.platform.close(tenant_id)
        await owner.databases.drop(record.tenant.database_name)
        if owner.platform.search_server is not None:
            await owner.platform.search_server.index(tenant_id).drop()
        entry = entry_of(owner, caller, "deleted", tenant_id, database=record.tenant.database_name)
        await owner.store.forget(tenant_id, entry)
    owner.platform.identities.forget()


async def _publish_starter(owner: Tenants, tenant: Tenant) -> None:
    services = await owner.platform.apart(tenant)
    if services.runtime.virtual is not None:
        return
    async with services.runtime.store.reading() as reading:
        if await reading.live_version() is not None:
            return
    by = system("provisioning", tenant.id)
    await publish(services, owner.holidays, STARTER, by, comment="Starter rule set")
