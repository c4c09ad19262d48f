"""Needs: tenants as the platform makes and removes them: their rows in the control database, and their databases."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from openiwd.domain.tenant_life import TenantState
from openiwd.ports.control_store import AuditEntry
from openiwd.ports.tenant_store import Tenant


class TenantRecord(Struct, kw_only=True):
    """A tenant with what the platform knows of it."""

    tenant: Tenant
    created_at: datetime
    state: TenantState
    state_at: datetime
    reason: str | None = None
    delete_after: datetime | None = None
    outside: dict[str, Any] = {}
    """Addresses of other systems that serve this tenant."""
    has_secrets: bool = False


class TenantUsage(Struct, kw_only=True, rename="camel"):
    """What a tenant uses now. `items` is an estimate; `database_bytes` None: the database does not answer."""

    users: int = 0
    api_keys: int = 0
    last_used_at: datetime | None = None
    database_bytes: int | None = None
    mart_bytes: int | None = None
    open_items: int | None = None
    items: int | None = None
    events: int | None = None
    agents: int | None = None


class ProvisioningStore(Protocol):
    """The platform's part of the control database. Each change is one transaction with its audit entry."""

    def holding(self, tenant_id: str) -> AbstractAsyncContextManager[None]:
        """One act on a tenant at a time, in all processes; it ends with the process. ConflictError `tenantBusy`."""
        ...

    async def records(self) -> list[TenantRecord]: ...
    async def record(self, name: str) -> TenantRecord | None:
        """By id, else by ccid."""
        ...

    async def begin(self, tenant: Tenant, at: datetime, entry: AuditEntry) -> bool:
        """A tenant that is to be made; False when its id is there. DuplicateError: its ccid or database is taken."""
        ...

    async def change(self, tenant: Tenant, entry: AuditEntry) -> None:
        """Name, ccid, time zone and settings."""
        ...

    async def save_outside(
        self, tenant_id: str, outside: dict[str, Any], sealed: bytes | None, at: datetime
    ) -> None: ...

    async def sealed(self, tenant_id: str) -> bytes | None: ...

    async def move(
        self,
        tenant_id: str,
        state: TenantState,
        at: datetime,
        entry: AuditEntry,
        *,
        reason: str | None = None,
        delete_after: datetime | None = None,
    ) -> None:
        """To another state; sessions end where nobody is let in any more."""
        ...

    async def forget(self, tenant_id: str, entry: AuditEntry) -> None:
        """Removes all that the control database knows of the tenant."""
        ...

    async def note(self, entry: AuditEntry) -> None:
        """An entry of the platform's audit by itself."""
        ...

    async def audit_log(
        self, before: int | None, limit: int, tenant_id: str | None = None
    ) -> list[tuple[int, AuditEntry]]:
        """The platform's audit, newest first."""
        ...

    async def usage(self, tenant_id: str) -> TenantUsage:
        """What the control database knows."""
        ...

    async def note_use(self, tenant_ids: Sequence[str]) -> None:
        """Tells other processes that these tenants are in use."""
        ...

    async def used_lately(self, seconds: float) -> set[str]:
        """Tenants that any process has told of."""
        ...


class TenantDatabases(Protocol):
    """The server's databases. `name` is a tenant's own; its mart lies beside it."""

    async def prepare(self, name: str, tenant_id: str, *, adopt: bool) -> None:
        """Makes the database if need be and brings it up to date; carries on what ended early.

        ConflictError `databaseTaken` when it is there and is another's, unless it may be adopted.
        """
        ...

    async def drop(self, name: str) -> None:
        """Removes the database and the mart's; what is gone already is no error."""
        ...

    async def fill(self, name: str, usage: TenantUsage) -> TenantUsage:
        """The usage with what the databases tell; without, where they do not answer."""
        ...
