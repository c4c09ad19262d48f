"""The audit log, and the table of privileges and roles. Reads only."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import get
from litestar.params import QueryParameter
from msgspec import Struct

from openiwd.api.call import instant
from openiwd.api.editing import CurrentEditor
from openiwd.domain.privilege import PRIVILEGES, ROLES
from openiwd.ports.control_store import AuditFilter
from openiwd.usecases.configuration import AuditRecord, audit_log


class Audit(Struct, rename="camel"):
    """A page, newest first; go on with `?before=` the value of `nextBefore`."""

    entries: list[AuditRecord]
    next_before: int | None


class Privileges(Struct):
    privileges: list[str]


class RoleView(Struct):
    """A role and the scope of each of its privileges: own, group or all."""

    role: str
    privileges: dict[str, str]


class Roles(Struct):
    roles: list[RoleView]


@get("/audit", tags=["configuration"], operation_id="readAudit")
async def read_audit(
    editor: CurrentEditor,
    before: Annotated[int | None, QueryParameter(name="before", ge=1, le=2**63 - 1)] = None,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=1_000)] = 100,
    actor: Annotated[str | None, QueryParameter(name="actor", max_length=200)] = None,
    action: Annotated[str | None, QueryParameter(name="action", max_length=100)] = None,
    kind: Annotated[str | None, QueryParameter(name="kind", max_length=100)] = None,
    object_id: Annotated[str | None, QueryParameter(name="object", max_length=200)] = None,
    since: Annotated[str | None, QueryParameter(name="from", max_length=60)] = None,
    until: Annotated[str | None, QueryParameter(name="to", max_length=60)] = None,
) -> Audit:
    """Who changed what in the configuration and in privileges: before and after, without secrets.

    `actor` and `object` are parts of names; `action` and `kind` are exact; `from` and `to` are instants with an offset.
    """
    wanted = AuditFilter(
        actor=actor,
        action=action,
        object_kind=kind,
        object_id=object_id,
        since=instant(since, "from") if since else None,
        until=instant(until, "to") if until else None,
    )
    found = await audit_log(editor, before, limit, wanted)
    return Audit(found, found[-1].id if len(found) == limit else None)


@get("/privileges", tags=["users"], operation_id="listPrivileges")
async def list_privileges() -> Privileges:
    """All privileges by name."""
    return Privileges(sorted(PRIVILEGES))


@get("/roles", tags=["users"], operation_id="listRoles")
async def list_roles() -> Roles:
    """The roles with their privileges. With access groups, item privileges of scope all become group."""
    return Roles([
        RoleView(role.value, {n: s.value for n, s in sorted(granted.items())}) for role, granted in ROLES.items()
    ])  # fmt: skip


HANDLERS: Final[list[Any]] = [read_audit, list_privileges, list_roles]
