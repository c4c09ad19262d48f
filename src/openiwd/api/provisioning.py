"""Tenants by the platform's key: made, shown, changed, suspended, resumed, deleted. Takes the known body as it is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct, field

from openiwd.api.call import Call, CurrentCall
from openiwd.domain.errors import InvalidInputError, UnavailableError
from openiwd.domain.tenant_life import TenantLimits, database_name_of, tenant_id_of
from openiwd.ports.control_store import AuditEntry
from openiwd.usecases import tenant as tenant_use
from openiwd.usecases.tenant_order import Administrator, FirstLogin, Made, TenantOrder, TenantView
from openiwd.usecases.tenant_owner import Tenants

_TAGS: Final = ["provisioning"]
_UNSTORED: Final = {"Cache-Control": "no-store"}
Short = Annotated[str, Meta(max_length=300)]
Url = Annotated[str, Meta(max_length=2_000)]


class GwsData(Struct, kw_only=True):
    auth_url: Url | None = field(name="authUrl", default=None)
    odd_redirect_url: Url | None = field(name="authredircetUrl", default=None)
    """So it is spelt where it comes from; the right spelling is taken too."""
    redirect_url: Url | None = field(name="authRedirectUrl", default=None)


class GwsSecret(Struct, kw_only=True, rename="camel"):
    client_id: Short | None = None
    client_secret: Short | None = None
    apikey: Short | None = None
    username: Short | None = None
    token: Annotated[str, Meta(max_length=4_000)] | None = None


class Gws(Struct, kw_only=True, rename="camel"):
    gws_url: Url | None = None
    data: GwsData = field(default_factory=GwsData)
    secret: GwsSecret = field(default_factory=GwsSecret)


class TenantInput(Struct, kw_only=True, rename="camel"):
    id: Annotated[str, Meta(min_length=1, max_length=200)]
    name: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    ccid: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    api_key: Short | None = None
    """Of Digital Channels, for this tenant."""
    gws: Gws = field(default_factory=Gws)
    time_zone: Annotated[str, Meta(max_length=60)] | None = None
    clock: Annotated[str, Meta(pattern="^(real|virtual)$")] = "real"
    limits: TenantLimits | None = None


class Database(Struct, kw_only=True):
    """Tenants lie on the installation's own server: of these only the name chooses."""

    host: Short | None = None
    port: int | None = None
    database: Short | None = None
    user: Short | None = None
    password: Short | None = None
    ssl: Any = None


class GivenKeys(Struct, kw_only=True):
    tenant: Short | None = field(name="IWD_APIKEY_TENANT", default=None)
    mart: Short | None = field(name="IWD_APIKEY_IWDDM", default=None)


class Iwd(Struct, kw_only=True, rename="camel"):
    url: Url | None = None
    db: Database = field(default_factory=Database)
    api_keys: GivenKeys = field(default_factory=GivenKeys)


class IwdEmail(Struct, kw_only=True):
    url: Url | None = None


class Provisioning(Struct, kw_only=True, rename="camel"):
    """A tenant as it is wanted. Secrets are kept sealed, and never told."""

    tenant: TenantInput
    iwd: Iwd = field(default_factory=Iwd)
    iwd_email: IwdEmail = field(default_factory=IwdEmail)
    administrator: Administrator = field(default_factory=Administrator)
    adopt: bool = False
    """Whether the database that is named may be there already, with tables of its own."""


class TenantList(Struct):
    tenants: list[TenantView]


class Reason(Struct):
    reason: Annotated[str, Meta(max_length=1_000)] | None = None


class PlatformAuditRecord(Struct, rename="camel"):
    id: int
    at: datetime
    actor: str
    action: str
    tenant: str | None
    detail: dict[str, Any]


class PlatformAudit(Struct, rename="camel"):
    """A page, newest first; go on with `?before=` the value of `nextBefore`."""

    entries: list[PlatformAuditRecord]
    next_before: int | None


def owner_of(call: Call) -> Tenants:
    if call.platform.tenants is None:
        raise UnavailableError("this process makes no tenants", code="noProvisioning")
    return call.platform.tenants


def order_of(data: Provisioning) -> TenantOrder:
    """The known body as an order."""
    wanted, gws = data.tenant, data.tenant.gws
    tenant_id = tenant_id_of(wanted.id)
    outside = {
        "gwsUrl": gws.gws_url,
        "authUrl": gws.data.auth_url,
        "authRedirectUrl": gws.data.redirect_url or gws.data.odd_redirect_url,
        "iwdUrl": data.iwd.url,
        "iwdEmailUrl": data.iwd_email.url,
    }
    secrets = {**msgspec.to_builtins(gws.secret), "digitalChannelsApiKey": wanted.api_key}
    return TenantOrder(
        id=tenant_id,
        name=wanted.name or wanted.id,
        database_name=database_name_of(tenant_id, data.iwd.db.database),
        ccid=wanted.ccid,
        clock=wanted.clock,
        time_zone=wanted.time_zone,
        limits=wanted.limits,
        outside={k: v for k, v in outside.items() if v is not None},
        secrets={k: v for k, v in secrets.items() if v is not None},
        administrator=data.administrator,
        api_key=data.iwd.api_keys.tenant,
        mart_key=data.iwd.api_keys.mart,
        adopt=data.adopt,
    )


@post("/provisioning", tags=_TAGS, operation_id="createTenant", status_code=201)
async def create_tenant(call: CurrentCall, data: JSONBody[Provisioning]) -> Response[Made]:
    """Makes a tenant: database, rule set, first administrator and keys. 200 when it is there already.

    Password and keys are told by this answer and never again. A create that was cut off is carried on by the next call.
    """
    made = await tenant_use.create(owner_of(call), call.caller, order_of(data))
    return Response(made, status_code=201 if made.created else 200, headers=_UNSTORED)


@put("/provisioning", tags=_TAGS, operation_id="putTenant")
async def put_tenant(call: CurrentCall, data: JSONBody[Provisioning]) -> Response[Made]:
    """Changes a tenant: name, ccid, time zone, limits, addresses, secrets, keys. What is left out stays."""
    order = order_of(data)
    known = await tenant_use.show(owner_of(call), call.caller, order.id)
    order.name = data.tenant.name or known.name
    if data.iwd.db.database is None:
        order.database_name = known.database
    made = await tenant_use.change(owner_of(call), call.caller, order)
    return Response(made, headers=_UNSTORED)


@get("/provisioning", tags=_TAGS, operation_id="listTenants")
async def list_tenants(call: CurrentCall) -> TenantList:
    """All tenants, whatever their state."""
    return TenantList(await tenant_use.tenants(owner_of(call), call.caller))


@get("/provisioning/audit", tags=_TAGS, operation_id="readPlatformAudit")
async def read_platform_audit(
    call: CurrentCall,
    before: Annotated[int | None, QueryParameter(name="before", ge=1, le=2**63 - 1)] = None,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=1_000)] = 100,
    tenant: Annotated[str | None, QueryParameter(name="tenant", max_length=200)] = None,
) -> PlatformAudit:
    """What was done with tenants, and by whom; entries outlast the tenant."""
    found = await tenant_use.audit_log(owner_of(call), call.caller, before, limit, tenant)
    entries = [_told(number, entry) for number, entry in found]
    return PlatformAudit(entries, entries[-1].id if len(entries) == limit else None)


def _told(number: int, entry: AuditEntry) -> PlatformAuditRecord:
    return PlatformAuditRecord(number, entry.at, entry.actor, entry.action, entry.object_id, entry.detail)


@get("/provisioning/{ccid:str}", tags=_TAGS, operation_id="getTenant")
async def get_tenant(call: CurrentCall, ccid: FromPath[str]) -> TenantView:
    """One tenant, by ccid or id, with what it uses."""
    return await tenant_use.show(owner_of(call), call.caller, ccid)


@delete("/provisioning/{ccid:str}", tags=_TAGS, operation_id="deleteTenant", status_code=200)
async def delete_tenant(
    call: CurrentCall,
    ccid: FromPath[str],
    confirm: Annotated[
        str | None, QueryParameter(name="confirm", max_length=200, description="The tenant's id, once more.")
    ] = None,
    grace_days: Annotated[
        int | None,
        QueryParameter(
            name="graceDays", ge=0, le=3_650, description="Until then it can be resumed; 0: at once."
        ),
    ] = None,
) -> Response[TenantView | None]:
    """Shuts a tenant and orders its removal: databases, users, keys. 204 when it is gone at once."""
    left = await tenant_use.delete(owner_of(call), call.caller, ccid, confirm, grace_days)
    return Response(left, status_code=204 if left is None else 200)


@post("/provisioning/{ccid:str}/suspend", tags=_TAGS, operation_id="suspendTenant", status_code=200)
async def suspend_tenant(call: CurrentCall, ccid: FromPath[str], data: JSONBody[Reason]) -> TenantView:
    """Lets nobody in and distributes nothing until it is resumed; sessions end, data stay."""
    return await tenant_use.suspend(owner_of(call), call.caller, ccid, data.reason)


@post("/provisioning/{ccid:str}/resume", tags=_TAGS, operation_id="resumeTenant", status_code=200)
async def resume_tenant(call: CurrentCall, ccid: FromPath[str]) -> TenantView:
    """Lets people in again; brings back what was to be deleted, within its time of grace."""
    return await tenant_use.resume(owner_of(call), call.caller, ccid)


@post(
    "/provisioning/{ccid:str}/administrator", tags=_TAGS, operation_id="resetAdministrator", status_code=200
)
async def reset_administrator(
    call: CurrentCall, ccid: FromPath[str], data: JSONBody[Administrator]
) -> Response[FirstLogin]:
    """Gives a tenant's administrator a new password, told here once; makes the user if need be."""
    if not data.login:
        raise InvalidInputError("the login is empty", field="login", hint="name one, for example admin")
    login = await tenant_use.new_administrator(owner_of(call), call.caller, ccid, data)
    return Response(login, headers=_UNSTORED)


HANDLERS: Final[list[Any]] = [
    create_tenant,
    put_tenant,
    list_tenants,
    read_platform_audit,
    get_tenant,
    delete_tenant,
    suspend_tenant,
    resume_tenant,
    reset_administrator,
]
