"""What acts on tenants stand on: the stores, the platform of this process, a record that must be there, the audit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from openiwd.domain.errors import (
    NotFoundError,
)
from openiwd.domain.privilege import Caller
from openiwd.ports.control_store import AuditEntry
from openiwd.ports.holiday_source import HolidaySource
from openiwd.ports.provisioning import ProvisioningStore, TenantDatabases, TenantRecord
from openiwd.usecases.platform import Platform


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


async def existing(owner: Tenants, name: str) -> TenantRecord:
    record = await owner.store.record(name)
    if record is None:
        raise NotFoundError(
            f"there is no tenant '{name[:80]}'", field="tenant", hint="see the list of tenants"
        )
    return record


def entry_of(owner: Tenants, caller: Caller, action: str, tenant_id: str, **detail: Any) -> AuditEntry:
    told = {k: msgspec.to_builtins(v) for k, v in detail.items() if v is not None}
    return AuditEntry(
        at=owner.now(), actor=caller.actor, action=action, object_kind="tenant", object_id=tenant_id,
        detail=told,
    )  # fmt: skip
