"""Needs: the control database: tenants, users, sessions, keys, processes, leases, audit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct

from openiwd.domain.doctor.system_check import ProcessFact
from openiwd.domain.login import LoginSettings
from openiwd.ports.peer import DecidingProcess
from openiwd.ports.tenant_store import Tenant


class User(Struct, kw_only=True, rename="camel"):
    id: UUID
    tenant_id: str
    login: str
    name: str
    role: str
    access_groups: list[str] = []
    agent_id: str | None = None
    language: str = "en"
    time_zone: str = "UTC"
    active: bool = True
    failed_logins: int = 0
    locked_until: datetime | None = None
    last_login_at: datetime | None = None
    revision: int = 1
    password_hash: str | None = None
    """Never leaves the use cases."""
    subject: str | None = None
    """Issuer and subject, where an identity provider vouches for the user."""
    second_factor_at: datetime | None = None
    """When the second factor was confirmed; None: there is none."""


class Session(Struct, kw_only=True):
    user: User
    csrf_token: str
    expires_at: datetime
    over_at: datetime
    """Whatever is done in it, it ends then."""
    idle_seconds: int
    device: str = ""
    """What the browser calls itself."""
    provider_token: bytes | None = None
    """Sealed: what the identity provider said at the log-in, for logging out there as well."""


class SessionLine(Struct, kw_only=True, rename="camel"):
    """A session as its user sees it."""

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    device: str
    is_current: bool


class SecondFactor(Struct, kw_only=True):
    """What codes are checked with."""

    sealed: bytes | None
    confirmed_at: datetime | None
    step: int
    """Of the last code that was taken."""
    recovery_codes: int
    """How many are left."""


class StoredLoginSettings(Struct, kw_only=True):
    settings: LoginSettings
    client_secret: bytes | None = None
    """Sealed."""
    revision: int = 0


class SealedSecret(Struct, kw_only=True):
    """A sealed value of the control database, and where it lies."""

    kind: str
    """`user`, `login`, `tenant` or `session`."""
    owner: str
    name: str
    sealed: bytes


class ApiKey(Struct, kw_only=True, rename="camel"):
    """A key as stored: the secret itself is only known to its holder."""

    id: UUID
    tenant_id: str | None
    """None: the platform key."""
    name: str
    key_hint: str
    role: str | None = None
    privileges: list[str] = []
    access_groups: list[str] = []
    agent_id: str | None = None
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    active: bool = True


class AccessGroup(Struct, kw_only=True, rename="camel"):
    id: str
    name: str
    categories: list[str] = []
    queues: list[str] = []
    revision: int = 0


class AuditEntry(Struct, kw_only=True, rename="camel"):
    at: datetime
    actor: str
    action: str
    object_kind: str
    object_id: str | None = None
    detail: dict[str, Any] = {}


class AuditFilter(Struct, kw_only=True):
    """Which entries of the audit log are wanted; what is None is not looked at."""

    actor: str | None = None
    """A part of the actor's name, upper or lower case."""
    action: str | None = None
    object_kind: str | None = None
    object_id: str | None = None
    """A part of it."""
    since: datetime | None = None
    until: datetime | None = None
    """Up to, not including."""


class ControlStore(Protocol):
    """What is known across tenants. Times of leases are the database's."""

    async def tenants(self) -> list[Tenant]: ...
    async def tenant(self, tenant_id: str) -> Tenant | None: ...
    async def save_tenant(self, tenant: Tenant) -> None: ...

    async def user(self, tenant_id: str | None, login: str) -> User | None:
        """By login; without a tenant only if the login is unique among all."""
        ...

    async def users(self, tenant_id: str) -> list[User]: ...
    async def save_user(self, user: User, *, revision: int | None) -> None: ...
    async def record_login(
        self, user_id: UUID, *, failed_logins: int, locked_until: datetime | None, at: datetime
    ) -> None: ...

    async def user_by_subject(self, tenant_id: str, subject: str) -> User | None: ...
    async def link_subject(self, user: User, subject: str) -> bool:
        """False when the user is somebody's already."""
        ...

    async def replace_password_hash(self, user_id: UUID, before: str, after: str) -> None:
        """Only if the stored one is still that of before."""
        ...

    async def second_factor(self, user_id: UUID) -> SecondFactor: ...
    async def begin_second_factor(self, user_id: UUID, sealed: bytes) -> bool:
        """False when one is confirmed already."""
        ...

    async def confirm_second_factor(
        self, user_id: UUID, at: datetime, step: int, recovery_hashes: Sequence[bytes], sealed: bytes
    ) -> bool: ...
    async def spend_step(self, user_id: UUID, step: int) -> bool:
        """False when a code of that step or a later one was taken already, by whichever process."""
        ...

    async def spend_recovery_code(self, user_id: UUID, code_hash: bytes) -> bool: ...
    async def replace_recovery_codes(self, user_id: UUID, hashes: Sequence[bytes]) -> bool: ...
    async def end_second_factor(self, user_id: UUID) -> None: ...

    async def login_settings(self, tenant_id: str) -> StoredLoginSettings: ...
    async def save_login_settings(
        self, tenant_id: str, stored: StoredLoginSettings, *, revision: int | None
    ) -> int: ...

    async def sealed_secrets(self) -> list[SealedSecret]: ...
    async def reseal(self, secret: SealedSecret, sealed: bytes) -> bool:
        """The same secret sealed anew; False when it was changed meanwhile."""
        ...

    async def create_session(self, token_hash: bytes, session: Session) -> None: ...
    async def sessions_of_user(
        self, user_id: UUID, current: bytes | None, now: datetime
    ) -> list[SessionLine]: ...
    async def end_session_of_user(self, user_id: UUID, session_id: UUID) -> bytes | None:
        """The hash of the ended session's token."""
        ...

    async def session(self, token_hash: bytes) -> Session | None: ...
    async def touch_session(self, token_hash: bytes, expires_at: datetime) -> None: ...
    async def end_session(self, token_hash: bytes) -> None: ...
    async def end_sessions(self, user_id: UUID, *, keep: bytes | None = None) -> None:
        """Ends a user's sessions, except the one of this token hash."""
        ...

    async def forget_sessions(self, over_at: datetime) -> None:
        """Removes the sessions that were over at an instant."""
        ...

    async def api_key(self, key_hash: bytes) -> ApiKey | None: ...
    async def api_keys(self, tenant_id: str | None) -> list[ApiKey]: ...

    async def ending_api_keys(self, tenant_id: str) -> list[ApiKey]:
        """The tenant's active keys that end by themselves one day, or have."""
        ...

    async def save_api_key(self, key: ApiKey, key_hash: bytes | None) -> None: ...
    async def touch_api_keys(self, used: Sequence[tuple[UUID, datetime]]) -> None: ...
    async def delete_api_key(self, tenant_id: str | None, key_id: UUID) -> bool: ...

    async def access_groups(self, tenant_id: str) -> list[AccessGroup]: ...
    async def save_access_group(self, tenant_id: str, group: AccessGroup, revision: int | None = None) -> int:
        """Its new revision. With a revision only if it still has that (0: if it is not there yet)."""
        ...

    async def delete_access_group(self, tenant_id: str, group_id: str) -> bool: ...

    async def renew_process(
        self,
        process_id: UUID,
        kind: str,
        address: str | None,
        seconds: float,
        clock: datetime | None = None,
    ) -> None:
        """Registers the process or prolongs its lease, by the database's clock. `clock`: what its own says now."""
        ...

    async def process_facts(self) -> list[ProcessFact]:
        """All processes that are known, those whose lease is over too."""
        ...

    async def end_process(self, process_id: UUID) -> None: ...
    async def live_processes(self) -> set[UUID]: ...
    async def forget_processes(self, seconds: float) -> None:
        """Removes processes whose lease has been over for so long."""
        ...

    async def prepare(self, tenant_id: str, preparation_id: UUID, process_id: UUID) -> bool:
        """Announces what is about to go live in a tenant; False while another live process does so."""
        ...

    async def preparations(self, process_id: UUID) -> dict[UUID, str]:
        """What other processes are about to make live, with its tenant."""
        ...

    async def acknowledge_preparation(
        self, preparation_id: UUID, process_id: UUID, version: int, fault: str | None
    ) -> None:
        """The process has it ready, or says why it has not."""
        ...

    async def unprepared(self, preparation_id: UUID, process_id: UUID) -> dict[UUID, str | None]:
        """Other live processes that judge or decide and have not got it ready, with what they say."""
        ...

    async def end_preparation(self, preparation_id: UUID) -> None: ...

    async def take_decider_lease(self, tenant_id: str, process_id: UUID) -> int | None:
        """The lease's epoch if this process holds it now (already, or because the holder's lease is over), else None.
        A new holder gets a raised epoch.
        """
        ...

    async def deciding_process(self, tenant_id: str) -> DecidingProcess | None:
        """Who holds the tenant's decider lease; None when nobody ever has."""
        ...

    async def give_up_decider_leases(self, process_id: UUID, tenant_id: str | None = None) -> None:
        """All that the process holds, or that of one tenant."""
        ...

    async def take_lease(self, tenant_id: str, name: str, process_id: UUID) -> int | None:
        """As `take_decider_lease`, of whatever else one process at a time does for a tenant."""
        ...

    async def audit(self, tenant_id: str | None, entries: Sequence[AuditEntry]) -> None: ...
    async def audit_log(
        self, tenant_id: str, before: int | None, limit: int, wanted: AuditFilter | None = None
    ) -> list[tuple[int, AuditEntry]]: ...
    async def audit_kinds(self, tenant_id: str) -> list[str]:
        """The kinds of objects that the audit log tells of."""
        ...
