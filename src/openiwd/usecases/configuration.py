"""A hand at the configuration: who changes it, where, and how a change is told to the log and to the audit.

Every change of live data writes its event in the transaction of the change, and its audit entry right after the commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from openiwd.domain.errors import UnavailableError
from openiwd.domain.event import Event, EventType
from openiwd.domain.privilege import Caller
from openiwd.ports.control_store import AuditEntry, AuditFilter
from openiwd.ports.holiday_source import HolidaySource
from openiwd.ports.tenant_store import Writing

SECRET: Final = frozenset({"passwordHash", "password_hash", "password", "secret", "keyHash", "key_hash"})

if TYPE_CHECKING:
    from openiwd.usecases.platform import Platform, TenantServices


class Editor:
    """Somebody who reads and changes the configuration of one tenant."""

    def __init__(
        self,
        platform: Platform,
        services: TenantServices,
        caller: Caller,
        holidays: HolidaySource | None = None,
    ) -> None:
        self.platform = platform
        self.services = services
        self.caller = caller
        self._holidays = holidays

    @property
    def tenant_id(self) -> str:
        return self.services.tenant.id

    @property
    def holidays(self) -> HolidaySource:
        if self._holidays is None:
            raise UnavailableError("rule sets are not published by this process", code="noHolidaySource")
        return self._holidays

    async def tell(
        self, tx: Writing, kind: str, object_id: str, change: str, revision: int | None = None
    ) -> None:
        """The event of a change of live data: other processes read it again. Last in its transaction."""
        runtime = self.services.runtime
        now = runtime.now()
        if runtime.virtual is not None:
            await tx.set_virtual_now(now)
        body = {"kind": kind, "id": object_id, "change": change, "revision": revision}
        event = Event(
            type=EventType.CONFIGURATION_CHANGED,
            at=now,
            actor=self.caller.actor,
            subject_id=object_id,
            body={k: v for k, v in body.items() if v is not None},
        )
        await tx.append_events([event])

    def committed(self) -> None:
        """After the commit of live data: this process reads it again at once."""
        self.services.runtime.forget_live_data()
        self.services.runtime.committed()

    async def note(
        self,
        action: str,
        kind: str,
        object_id: str | None,
        before: Any = None,
        after: Any = None,
        **more: Any,
    ) -> None:
        """One entry of the audit log: what was before and what is after, without secrets."""
        detail = {
            name: without_secrets(msgspec.to_builtins(value, str_keys=True))
            for name, value in {"before": before, "after": after, **more}.items()
            if value is not None
        }
        entry = AuditEntry(
            at=datetime.now(UTC),  # real time, whatever clock the tenant has
            actor=self.caller.actor,
            action=action,
            object_kind=kind,
            object_id=object_id,
            detail=detail,
        )
        await self.platform.control.audit(self.tenant_id, [entry])


def without_secrets(value: Any) -> Any:
    """The value without what nobody may read back."""
    if isinstance(value, Mapping):
        return {k: without_secrets(v) for k, v in value.items() if k not in SECRET}
    if isinstance(value, list | tuple):
        return [without_secrets(v) for v in value]
    return value


class AuditRecord(Struct, rename="camel"):
    """An entry of the audit log. `detail` has `before` and `after` of what was changed."""

    id: int
    at: datetime
    actor: str
    action: str
    object_kind: str
    object_id: str | None
    detail: dict[str, Any]


async def audit_log(
    editor: Editor, before: int | None, limit: int, wanted: AuditFilter | None = None
) -> list[AuditRecord]:
    """The audit log, newest first, before an entry."""
    editor.caller.require("audit.view")
    found = await editor.platform.control.audit_log(editor.tenant_id, before, limit, wanted)
    return [AuditRecord(n, e.at, e.actor, e.action, e.object_kind, e.object_id, e.detail) for n, e in found]


async def audit_kinds(editor: Editor) -> list[str]:
    """The kinds of objects that the log tells of, to choose from."""
    editor.caller.require("audit.view")
    return await editor.platform.control.audit_kinds(editor.tenant_id)
