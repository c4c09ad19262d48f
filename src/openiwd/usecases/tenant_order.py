"""A tenant as it is ordered and as it is told of. Checks an order by itself, and against what is there already."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from openiwd.domain.errors import (
    ConflictError,
    DuplicateError,
    InvalidInputError,
)
from openiwd.domain.tenant_life import (
    TenantLimits,
    TenantState,
    check_limits,
    limits_of,
)
from openiwd.ports.provisioning import TenantRecord, TenantUsage
from openiwd.ports.tenant_store import Tenant
from openiwd.usecases.password import MIN_PASSWORD

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


def view_of(record: TenantRecord, usage: TenantUsage | None = None) -> TenantView:
    tenant = record.tenant
    return TenantView(
        id=tenant.id, name=tenant.name, ccid=tenant.ccid, database=tenant.database_name, clock=tenant.clock,
        time_zone=tenant.time_zone, state=record.state, state_at=record.state_at, reason=record.reason,
        delete_after=record.delete_after, created_at=record.created_at, limits=limits_of(tenant.settings),
        outside=record.outside, has_secrets=record.has_secrets, usage=usage,
    )  # fmt: skip


def tenant_of(order: TenantOrder) -> Tenant:
    settings = dict(order.settings or {})
    if order.limits is not None:
        settings["limits"] = msgspec.to_builtins(order.limits)
    return Tenant(
        id=order.id, name=order.name, database_name=order.database_name, clock=order.clock, ccid=order.ccid,
        time_zone=order.time_zone or "UTC", active=False, settings=settings,
    )  # fmt: skip


def check(order: TenantOrder) -> None:
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


def check_same(record: TenantRecord, order: TenantOrder) -> None:
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


def told_of(tenant: Tenant) -> dict[str, Any]:
    return {
        "name": tenant.name,
        "ccid": tenant.ccid,
        "timeZone": tenant.time_zone,
        "settings": tenant.settings,
    }
