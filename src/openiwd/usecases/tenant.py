"""Tenants, by the platform alone: made, changed, suspended, resumed, deleted. Each act can be repeated and is audited.

An act holds the tenant while it runs. What ended early stands in the control database, and the next call carries it on.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.errors import (
    ConflictError,
    DuplicateError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
)
from openiwd.domain.privilege import Caller, Role, system
from openiwd.domain.starter import STARTER
from openiwd.domain.tenant_life import (
    GRACE_DAYS,
    TenantAct,
    TenantLimits,
    TenantState,
    check_limits,
    limits_of,
    next_state,
)
from openiwd.ports.control_store import AuditEntry, User
from openiwd.ports.holiday_source import HolidaySource
from openiwd.ports.provisioning import ProvisioningStore, TenantDatabases, TenantRecord, TenantUsage
from openiwd.ports.tenant_store import Tenant
from openiwd.usecases.password import MIN_PASSWORD
from openiwd.usecases.platform import Platform
from openiwd.usecases.rule_set import publish
from openiwd.usecases.user import hash_secret

FIRST_KEY: Final = "first key"
MART_KEY: Final = "data mart"
MART_PRIVILEGES: Final = ("reporting.read", "categories.view", "agents.view", "attributes.view")
MIN_KEY: Final = 16
"""Characters of a key that is given; ours have 43 at random."""


class Administrator(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The tenant's first user; without a password one is made up, and told once."""

    login: str = "admin"
    name: str = "Administrator"
    password: str | None = None
    language: str = "en"


class TenantOrder(Struct, kw_only=True):
    """A tenant as it is wanted."""

    id: str
    name: str
    database_name: str
    ccid: str | None = None
    clock: str = "real"
    time_zone: str | None = None
    settings: dict[str, Any] | None = None
    limits: TenantLimits | None = None
    outside: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    """Of other systems; kept sealed, never told."""
    administrator: Administrator = msgspec.field(default_factory=Administrator)
    api_key: str | None = None
    mart_key: str | None = None
    adopt: bool = False
    """Whether a database that is there already, and not empty, may become this tenant's."""


class TenantView(Struct, kw_only=True, rename="camel"):
    """A tenant as the platform tells of it."""

    id: str
    name: str
    ccid: str | None
    database: str
    clock: str
    time_zone: str
    state: TenantState
    state_at: datetime
    reason: str | None
    delete_after: datetime | None
    created_at: datetime
    limits: TenantLimits
    outside: dict[str, Any]
    has_secrets: bool
    usage: TenantUsage | None = None


class FirstLogin(Struct, kw_only=True):
    login: str
    password: str


class Made(Struct, kw_only=True, rename="camel"):
    """What became of an order. Secrets are told by the call that made them, and never again."""

    tenant: TenantView
    created: bool
    administrator: FirstLogin | None = None
    api_key: str | None = None
    mart_key: str | None = None


class Tenants:
    """What acts on tenants need: the control database, the databases, the platform of this process."""

    def __init__(
        self,
        store: ProvisioningStore,
        databases: TenantDatabases,
        platform: Platform,
        holidays: HolidaySource,
        new_id: Callable[[], UUID],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.databases = databases
        self.platform = platform
        self.holidays = holidays
        self.new_id = new_id
        self.now = now


def require_platform(caller: Caller, privilege: str) -> None:
    """The platform's key, with the privilege: a key of a tenant never reaches tenants."""
    if caller.tenant_id is not None:
        raise ForbiddenError(
            "tenants are the platform's", code="forbidden", hint="use the platform's key", privilege=privilege
        )
    caller.require(privilege)


def view_of(record: TenantRecord, usage: TenantUsage | None = None) -> TenantView:
    tenant = record.tenant
    return TenantView(
        id=tenant.id, name=tenant.name, ccid=tenant.ccid, database=tenant.database_name, clock=tenant.clock,
        time_zone=tenant.time_zone, state=record.state, state_at=record.state_at, reason=record.reason,
        delete_after=record.delete_after, created_at=record.created_at, limits=limits_of(tenant.settings),
        outside=record.outside, has_secrets=record.has_secrets, usage=usage,
    )  # fmt: skip


async def tenants(owner: Tenants, caller: Caller) -> list[TenantView]:
    """All tenants, whatever their state."""
    require_platform(caller, "tenants.view")
    return [view_of(record) for record in await owner.store.records()]


async def show(owner: Tenants, caller: Caller, name: str) -> TenantView:
    """A tenant, by id or ccid, with what it uses."""
    require_platform(caller, "tenants.view")
    record = await _existing(owner, name)
    usage = await owner.store.usage(record.tenant.id)
    return view_of(record, await owner.databases.fill(record.tenant.database_name, usage))


async def create(owner: Tenants, caller: Caller, order: TenantOrder) -> Made:
    """Makes a tenant: database, rule set, first administrator, key. Again for the same id: what is there.

    A create that ended early is carried on; its secrets, which nobody has seen, are made anew.
    """
    require_platform(caller, "tenants.update")
    _check(order)
    async with owner.store.holding(order.id):
        at = owner.now()
        begun = await owner.store.begin(
            _ordered(order), at, _entry(owner, caller, "ordered", order.id, name=order.name)
        )
        record = await _existing(owner, order.id)
        if record.state is not TenantState.CREATING:
            _check_same(record, order)
            return Made(tenant=view_of(record), created=False)
        tenant = record.tenant
        await owner.databases.prepare(tenant.database_name, tenant.id, adopt=order.adopt)
        await _publish_starter(owner, tenant)
        made = await _first_access(owner, tenant, order)
        await _save_outside(owner, tenant.id, order)
        await owner.store.move(
            tenant.id,
            next_state(record.state, TenantAct.FINISH),
            owner.now(),
            _entry(owner, caller, "created", tenant.id, database=tenant.database_name, resumed=not begun),
        )
        made.tenant = view_of(await _existing(owner, tenant.id))
        return made


async def change(owner: Tenants, caller: Caller, order: TenantOrder) -> Made:
    """Name, ccid, time zone, settings, limits, other systems' addresses and secrets, keys that are given."""
    require_platform(caller, "tenants.update")
    _check(order)
    async with owner.store.holding(order.id):
        record = await _existing(owner, order.id)
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
            before, after = (_told(each) for each in (old, new))
            await owner.store.change(
                new, _entry(owner, caller, "changed", new.id, before=before, after=after)
            )
        await _save_outside(owner, new.id, order)
        await _given_keys(owner, new.id, order)
        return Made(tenant=view_of(await _existing(owner, new.id)), created=False)


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
    record = await _existing(owner, name)
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
    record = await _existing(owner, name)
    async with owner.store.holding(record.tenant.id):
        login = await _administrator(owner, record.tenant, wanted)
        await owner.store.note(
            _entry(owner, caller, "administrator reset", record.tenant.id, login=login.login)
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
    tenant_id = (await _existing(owner, name)).tenant.id
    async with owner.store.holding(tenant_id):
        record = await _existing(owner, tenant_id)
        to = next_state(record.state, act)
        again = to is record.state and (to is not TenantState.DELETING or delete_after == record.delete_after)
        if not again:
            details = {"reason": reason, "deleteAfter": delete_after}
            entry = _entry(owner, caller, action, tenant_id, before=record.state.value, **details)
            await owner.store.move(
                tenant_id, to, owner.now(), entry, reason=reason, delete_after=delete_after
            )
    owner.platform.identities.forget()
    if to is not TenantState.READY:
        owner.platform.close(tenant_id)
    return view_of(await _existing(owner, tenant_id))


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
        entry = _entry(owner, caller, "deleted", tenant_id, database=record.tenant.database_name)
        await owner.store.forget(tenant_id, entry)
    owner.platform.identities.forget()


async def _existing(owner: Tenants, name: str) -> TenantRecord:
    record = await owner.store.record(name)
    if record is None:
        raise NotFoundError(
            f"there is no tenant '{name[:80]}'", field="tenant", hint="see the list of tenants"
        )
    return record


def _ordered(order: TenantOrder) -> Tenant:
    settings = dict(order.settings or {})
    if order.limits is not None:
        settings["limits"] = msgspec.to_builtins(order.limits)
    return Tenant(
        id=order.id, name=order.name, database_name=order.database_name, clock=order.clock, ccid=order.ccid,
        time_zone=order.time_zone or "UTC", active=False, settings=settings,
    )  # fmt: skip


def _check(order: TenantOrder) -> None:
    if order.limits is not None:
        check_limits(order.limits)
    for field, key in (("IWD_APIKEY_TENANT", order.api_key), ("IWD_APIKEY_IWDDM", order.mart_key)):
        if key is not None and len(key) < MIN_KEY:
            raise InvalidInputError(
                f"the key has fewer than {MIN_KEY} characters", field=f"iwd.apiKeys.{field}",
                hint="leave it out to have one made",
            )  # fmt: skip
    password = order.administrator.password
    if password is not None and len(password) < MIN_PASSWORD:
        raise InvalidInputError(
            f"a password has at least {MIN_PASSWORD} characters", field="administrator.password",
            hint="leave it out to have one made",
        )  # fmt: skip


def _check_same(record: TenantRecord, order: TenantOrder) -> None:
    """A second order must not silently be for another thing."""
    tenant = record.tenant
    if record.state is TenantState.DELETING:
        raise ConflictError(
            f"tenant '{tenant.id}' is to be deleted after {record.delete_after}", code="tenantDeleting",
            hint="resume it, or delete it at once and make it anew",
        )  # fmt: skip
    differing = [
        name
        for name, is_other in (
            ("name", tenant.name != order.name),
            ("ccid", order.ccid is not None and tenant.ccid != order.ccid),
            ("database", tenant.database_name != order.database_name),
            ("clock", tenant.clock != order.clock),
        )
        if is_other
    ]
    if differing:
        raise DuplicateError(
            f"tenant '{tenant.id}' is there with another {' and '.join(differing)}", field="tenant.id",
            hint="change it with PUT, or choose another id", differing=differing,
        )  # fmt: skip


async def _publish_starter(owner: Tenants, tenant: Tenant) -> None:
    services = await owner.platform.apart(tenant)
    if services.runtime.virtual is not None:
        return
    async with services.runtime.store.reading() as reading:
        if await reading.live_version() is not None:
            return
    by = system("provisioning", tenant.id)
    await publish(services, owner.holidays, STARTER, by, comment="Starter rule set")


async def _first_access(owner: Tenants, tenant: Tenant, order: TenantOrder) -> Made:
    placeholder = view_of(await _existing(owner, tenant.id))
    login = await _administrator(owner, tenant, order.administrator)
    control = owner.platform.control
    for key in await control.api_keys(tenant.id):
        if key.name in (FIRST_KEY, MART_KEY):
            await control.delete_api_key(tenant.id, key.id)
    api_key = await _key(owner, tenant.id, FIRST_KEY, order.api_key, role=Role.ADMINISTRATOR)
    mart_key = await _key(owner, tenant.id, MART_KEY, order.mart_key, privileges=MART_PRIVILEGES)
    return Made(tenant=placeholder, created=True, administrator=login, api_key=api_key, mart_key=mart_key)


async def _administrator(owner: Tenants, tenant: Tenant, wanted: Administrator) -> FirstLogin:
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


async def _given_keys(owner: Tenants, tenant_id: str, order: TenantOrder) -> None:
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


async def _save_outside(owner: Tenants, tenant_id: str, order: TenantOrder) -> None:
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


def _told(tenant: Tenant) -> dict[str, Any]:
    return {
        "name": tenant.name,
        "ccid": tenant.ccid,
        "timeZone": tenant.time_zone,
        "settings": tenant.settings,
    }


def _entry(owner: Tenants, caller: Caller, action: str, tenant_id: str, **detail: Any) -> AuditEntry:
    told = {k: msgspec.to_builtins(v) for k, v in detail.items() if v is not None}
    return AuditEntry(
        at=owner.now(), actor=caller.actor, action=action, object_kind="tenant", object_id=tenant_id,
        detail=told,
    )  # fmt: skip
