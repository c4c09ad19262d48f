"""The control database: tenants, users, sessions, keys, processes, leases and the audit log. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec.structs import asdict

from openiwd.adapters.postgres.login_store import CONTROL_SQL, LoginStore
from openiwd.adapters.postgres.rows import containing, json_rows
from openiwd.domain.doctor.system_check import ProcessFact
from openiwd.domain.errors import DuplicateError, NotFoundError, RevisionMismatchError
from openiwd.ports.control_store import AccessGroup, ApiKey, AuditEntry, AuditFilter, User
from openiwd.ports.peer import DecidingProcess
from openiwd.ports.tenant_store import Tenant


class PostgresControlStore(LoginStore):
    """Implements `openiwd.ports.control_store.ControlStore`."""

    # Tenants

    async def tenants(self) -> list[Tenant]:
        return [Tenant(**dict(r.items())) for r in await self._fetch("tenants")]

    async def tenant(self, tenant_id: str) -> Tenant | None:
        record = await self._fetchrow("tenant", tenant_id)
        return None if record is None else Tenant(**dict(record.items()))

    async def save_tenant(self, tenant: Tenant) -> None:
        await self._execute("save_tenant", *asdict(tenant).values())

    # Users

    async def user(self, tenant_id: str | None, login: str) -> User | None:
        records = await self._fetch("users_by_login", login, tenant_id)
        return User(**dict(records[0].items())) if len(records) == 1 else None

    async def users(self, tenant_id: str) -> list[User]:
        return [User(**dict(r.items())) for r in await self._fetch("users", tenant_id)]

    async def save_user(self, user: User, *, revision: int | None) -> None:
        try:
            async with self._connection() as connection:
                stored = await connection.fetchval(
                    CONTROL_SQL["save_user"],
                    *(user.id, user.tenant_id, user.login, user.name, user.role, user.access_groups),
                    *(user.agent_id, user.language, user.time_zone, user.active, user.failed_logins),
                    *(user.locked_until, user.password_hash, revision),
                )
        except Exception as error:
            if isinstance(error.__cause__, asyncpg.UniqueViolationError):
                raise DuplicateError(f"the login '{user.login}' is taken", field="login") from error
            raise
        if stored is None:
            raise RevisionMismatchError(
                f"user '{user.login}' is no longer at revision {revision}",
                field="revision",
                hint="load it again and repeat the change",
            )

    async def record_login(
        self, user_id: UUID, *, failed_logins: int, locked_until: datetime | None, at: datetime
    ) -> None:
        await self._execute("record_login", user_id, failed_logins, locked_until, at)

    # API keys

    async def api_key(self, key_hash: bytes) -> ApiKey | None:
        record = await self._fetchrow("api_key", key_hash)
        return None if record is None else ApiKey(**dict(record.items()))

    async def api_keys(self, tenant_id: str | None) -> list[ApiKey]:
        return [ApiKey(**dict(r.items())) for r in await self._fetch("api_keys", tenant_id)]

    async def ending_api_keys(self, tenant_id: str) -> list[ApiKey]:
        return [ApiKey(**dict(r.items())) for r in await self._fetch("ending_api_keys", tenant_id)]

    async def save_api_key(self, key: ApiKey, key_hash: bytes | None) -> None:
        if key_hash is not None:
            record = await self._fetchrow("insert_api_key", *asdict(key).values(), key_hash)
        else:
            record = await self._fetchrow(
                "update_api_key",
                *(key.id, key.tenant_id, key.name, key.key_hint, key.role, key.privileges),
                *(key.access_groups, key.agent_id, key.expires_at, key.active),
            )
        if record is None:
            raise NotFoundError("there is no such API key", field="id")

    async def touch_api_keys(self, used: Sequence[tuple[UUID, datetime]]) -> None:
        if used:
            ids, instants = zip(*sorted(dict(sorted(used)).items()), strict=True)
            await self._execute("touch_api_keys", ids, instants)

    async def delete_api_key(self, tenant_id: str | None, key_id: UUID) -> bool:
        return await self._fetchrow("delete_api_key", tenant_id, key_id) is not None

    # Access groups

    async def access_groups(self, tenant_id: str) -> list[AccessGroup]:
        return [AccessGroup(**dict(r.items())) for r in await self._fetch("access_groups", tenant_id)]

    async def save_access_group(self, tenant_id: str, group: AccessGroup, revision: int | None = None) -> int:
        values = (group.id, group.name, group.categories, group.queues, revision)
        record = await self._fetchrow("save_access_group", tenant_id, *values)
        if record is None:
            raise RevisionMismatchError(
                f"access group '{group.id}' is no longer at revision {revision}",
                field="revision",
                hint="load it again and repeat the change",
            )
        stored: int = record["revision"]
        return stored

    async def delete_access_group(self, tenant_id: str, group_id: str) -> bool:
        return await self._fetchrow("delete_access_group", tenant_id, group_id) is not None

    # Processes and leases

    async def renew_process(
        self,
        process_id: UUID,
        kind: str,
        address: str | None,
        seconds: float,
        clock: datetime | None = None,
    ) -> None:
        await self._execute("renew_process", process_id, kind, address, seconds, clock)

    async def process_facts(self) -> list[ProcessFact]:
        return [ProcessFact(**dict(record.items())) for record in await self._fetch("process_facts")]

    async def end_process(self, process_id: UUID) -> None:
        await self._execute("end_process", process_id)

    async def forget_processes(self, seconds: float) -> None:
        await self._execute("forget_processes", seconds)

    async def live_processes(self) -> set[UUID]:
        return {record["id"] for record in await self._fetch("live_processes")}

    async def prepare(self, tenant_id: str, preparation_id: UUID, process_id: UUID) -> bool:
        return await self._fetchrow("prepare", tenant_id, preparation_id, process_id) is not None

    async def preparations(self, process_id: UUID) -> dict[UUID, str]:
        return {r["id"]: r["tenant_id"] for r in await self._fetch("preparations", process_id)}

    async def acknowledge_preparation(
        self, preparation_id: UUID, process_id: UUID, version: int, fault: str | None
    ) -> None:
        await self._execute("acknowledge_preparation", preparation_id, process_id, version, fault)

    async def unprepared(self, preparation_id: UUID, process_id: UUID) -> dict[UUID, str | None]:
        return {r["id"]: r["fault"] for r in await self._fetch("unprepared", preparation_id, process_id)}

    async def end_preparation(self, preparation_id: UUID) -> None:
        await self._execute("end_preparation", preparation_id)

    async def take_decider_lease(self, tenant_id: str, process_id: UUID) -> int | None:
        record = await self._fetchrow("take_decider_lease", tenant_id, process_id)
        return None if record is None else record["epoch"]

    async def deciding_process(self, tenant_id: str) -> DecidingProcess | None:
        record = await self._fetchrow("deciding_process", tenant_id)
        return None if record is None else DecidingProcess(record["id"], record["address"])

    async def give_up_decider_leases(self, process_id: UUID, tenant_id: str | None = None) -> None:
        await self._execute("give_up_decider_leases", process_id, tenant_id)

    async def take_lease(self, tenant_id: str, name: str, process_id: UUID) -> int | None:
        record = await self._fetchrow("take_lease", tenant_id, name, process_id)
        return None if record is None else record["epoch"]

    # Audit

    async def audit(self, tenant_id: str | None, entries: Sequence[AuditEntry]) -> None:
        if entries:
            await self._execute("audit", tenant_id, json_rows([asdict(entry) for entry in entries]))

    async def audit_log(
        self, tenant_id: str, before: int | None, limit: int, wanted: AuditFilter | None = None
    ) -> list[tuple[int, AuditEntry]]:
        entries = []
        w = wanted or AuditFilter()
        arguments = (
            tenant_id,
            before,
            limit,
            *(containing(w.actor), w.action, w.object_kind, containing(w.object_id), w.since, w.until),
        )
        for record in await self._fetch("audit_log", *arguments):
            values = dict(record.items())
            entries.append((values.pop("id"), AuditEntry(**values)))
        return entries

    async def audit_kinds(self, tenant_id: str) -> list[str]:
        return [record["object_kind"] for record in await self._fetch("audit_kinds", tenant_id)]
