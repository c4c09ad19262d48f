"""Logging in, as the control database keeps it: sessions, second factors, the tenant's settings. Decides nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.driver_errors import driver_errors
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.adapters.postgres.pools import CONTROL, TenantPools
from openiwd.domain.errors import RevisionMismatchError
from openiwd.domain.login import LoginSettings
from openiwd.ports.control_store import (
    ApiKey,
    SealedSecret,
    SecondFactor,
    Session,
    SessionLine,
    StoredLoginSettings,
    User,
)
from openiwd.ports.tenant_store import Tenant

_USER: Final = User.__struct_fields__
CONTROL_SQL: Final = named_sql(
    "control",
    tenant_columns=", ".join(Tenant.__struct_fields__),
    user_columns=", ".join(f"u.{name}" for name in _USER),
    key_columns=", ".join(ApiKey.__struct_fields__),
)


class LoginStore:
    """The part of `openiwd.ports.control_store.ControlStore` that logging in needs, and how its queries are run."""

    def __init__(self, pools: TenantPools) -> None:
        self._pools = pools

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with driver_errors():
            async with self._pools.acquire(CONTROL) as connection:
                yield connection

    async def _fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        async with self._connection() as connection:
            return await connection.fetch(CONTROL_SQL[query], *arguments)

    async def _fetchrow(self, query: str, *arguments: Any) -> asyncpg.Record | None:
        async with self._connection() as connection:
            return await connection.fetchrow(CONTROL_SQL[query], *arguments)

    async def _execute(self, query: str, *arguments: Any) -> None:
        async with self._connection() as connection:
            await connection.execute(CONTROL_SQL[query], *arguments)

    # Sessions

    async def create_session(self, token_hash: bytes, session: Session) -> None:
        await self._execute(
            "create_session",
            *(token_hash, session.user.id, session.user.tenant_id, session.csrf_token, session.expires_at),
            *(session.over_at, session.idle_seconds, session.device, session.provider_token),
        )

    async def session(self, token_hash: bytes) -> Session | None:
        record = await self._fetchrow("session", token_hash)
        if record is None:
            return None
        values = dict(record.items())
        user = User(**{name: values.pop(name) for name in _USER})
        return Session(user=user, **values)

    async def sessions_of_user(
        self, user_id: UUID, current: bytes | None, now: datetime
    ) -> list[SessionLine]:
        records = await self._fetch("sessions_of_user", user_id, current or b"", now)
        return [SessionLine(**dict(r.items())) for r in records]

    async def end_session_of_user(self, user_id: UUID, session_id: UUID) -> bytes | None:
        record = await self._fetchrow("end_session_of_user", user_id, session_id)
        return None if record is None else bytes(record["token_hash"])

    async def touch_session(self, token_hash: bytes, expires_at: datetime) -> None:
        await self._execute("touch_session", token_hash, expires_at)

    async def end_session(self, token_hash: bytes) -> None:
        await self._execute("end_session", token_hash)

    async def end_sessions(self, user_id: UUID, *, keep: bytes | None = None) -> None:
        await self._execute("end_sessions", user_id, keep)

    async def forget_sessions(self, over_at: datetime) -> None:
        await self._execute("forget_sessions", over_at)

    # Passwords and identity providers

    async def replace_password_hash(self, user_id: UUID, before: str, after: str) -> None:
        await self._execute("replace_password_hash", user_id, before, after)

    async def user_by_subject(self, tenant_id: str, subject: str) -> User | None:
        record = await self._fetchrow("user_by_subject", tenant_id, subject)
        return None if record is None else User(**dict(record.items()))

    async def link_subject(self, user: User, subject: str) -> bool:
        return await self._fetchrow("link_subject", user.tenant_id, user.id, subject) is not None

    # Second factors

    async def second_factor(self, user_id: UUID) -> SecondFactor:
        record = await self._fetchrow("second_factor", user_id)
        if record is None:
            return SecondFactor(sealed=None, confirmed_at=None, step=0, recovery_codes=0)
        return SecondFactor(**dict(record.items()))

    async def begin_second_factor(self, user_id: UUID, sealed: bytes) -> bool:
        return await self._fetchrow("begin_second_factor", user_id, sealed) is not None

    async def confirm_second_factor(
        self, user_id: UUID, at: datetime, step: int, recovery_hashes: Sequence[bytes], sealed: bytes
    ) -> bool:
        arguments = (user_id, at, step, list(recovery_hashes), sealed)
        return await self._fetchrow("confirm_second_factor", *arguments) is not None

    async def spend_step(self, user_id: UUID, step: int) -> bool:
        return await self._fetchrow("spend_step", user_id, step) is not None

    async def spend_recovery_code(self, user_id: UUID, code_hash: bytes) -> bool:
        return await self._fetchrow("spend_recovery_code", user_id, code_hash) is not None

    async def replace_recovery_codes(self, user_id: UUID, hashes: Sequence[bytes]) -> bool:
        return await self._fetchrow("replace_recovery_codes", user_id, list(hashes)) is not None

    async def end_second_factor(self, user_id: UUID) -> None:
        await self._execute("end_second_factor", user_id)

    # Settings

    async def login_settings(self, tenant_id: str) -> StoredLoginSettings:
        record = await self._fetchrow("login_settings", tenant_id)
        if record is None:
            return StoredLoginSettings(settings=LoginSettings())
        settings = msgspec.convert(record["settings"], LoginSettings)
        return StoredLoginSettings(
            settings=settings, client_secret=record["client_secret"], revision=record["revision"]
        )

    async def save_login_settings(
        self, tenant_id: str, stored: StoredLoginSettings, *, revision: int | None
    ) -> int:
        body = msgspec.to_builtins(stored.settings)
        record = await self._fetchrow("save_login_settings", tenant_id, body, stored.client_secret, revision)
        if record is None:
            raise RevisionMismatchError(
                f"the log-in settings are no longer at revision {revision}",
                field="revision",
                hint="load them again and repeat the change",
            )
        return int(record["revision"])

    # Sealed values

    async def sealed_secrets(self) -> list[SealedSecret]:
        return [SealedSecret(**dict(r.items())) for r in await self._fetch("sealed_secrets")]

    async def reseal(self, secret: SealedSecret, sealed: bytes) -> bool:
        return await self._fetchrow(f"reseal_{secret.kind}", secret.owner, secret.sealed, sealed) is not None
