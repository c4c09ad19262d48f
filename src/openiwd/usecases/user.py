"""Who asks: logins with passwords, browser sessions and API keys, each turned into a Caller with its privileges.

Secrets are stored hashed only. Callers are cached for seconds, so that a request costs no control-database query.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec.structs import replace

from openiwd.domain.errors import ForbiddenError, InvalidInputError, UnauthenticatedError
from openiwd.domain.privilege import PRIVILEGES, Caller, Role, Scope, role_privileges
from openiwd.ports.control_store import ApiKey, AuditEntry, ControlStore, Session, User

if TYPE_CHECKING:
    from openiwd.usecases.platform import Platform

SESSION_HOURS: Final = 12
TOUCH_AFTER: Final = timedelta(minutes=5)
MAX_FAILURES: Final = 10
LOCKED_FOR: Final = timedelta(minutes=15)
TOUCH_SECONDS: Final = 1.0
ASKING_AT_ONCE: Final = 4
"""So many ask the control database at a time, however many come: the connections are needed by tenants too."""
CACHE_SECONDS: Final = 5.0
CACHE_SIZE: Final = 20_000
KEY_PREFIX: Final = "oiwd_"
SCOPED: Final = ("workitems.", "emails.")
"""Privileges over items; those over anything else reach all of it."""
MIN_PASSWORD: Final = 8
MAX_PASSWORD: Final = 1_000
HASHING_AT_ONCE: Final = 2
"""Each hash takes 64 MB: more at once would let logins exhaust the memory."""


def hash_secret(secret: str) -> bytes:
    """How session tokens and API keys are stored; they are random, so one round is enough."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


class Identities:
    """The callers known to this process, and the doors for logging in and out."""

    def __init__(
        self,
        control: ControlStore,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._control = control
        self._now = now
        self._monotonic = monotonic
        self._hasher = PasswordHasher()
        self._hashing = asyncio.Semaphore(HASHING_AT_ONCE)
        self._no_password: str | None = None
        self._login_locks = tuple(asyncio.Lock() for _ in range(64))
        self._asking = tuple(asyncio.Lock() for _ in range(ASKING_AT_ONCE))
        self._known: dict[bytes, tuple[float, Caller | None]] = {}
        self._used: dict[UUID, datetime] = {}
        self._touched = float("-inf")

    def forget(self) -> None:
        """Users, keys or access groups have changed: ask the control database again."""
        self._known.clear()

    # Passwords

    async def hash_password(self, password: str) -> str:
        """The argon2id hash to store; refuses passwords that are too short or too long."""
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise InvalidInputError(
                f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters",
                field="password",
                hint="choose another one",
            )
        async with self._hashing:
            return await asyncio.to_thread(self._hasher.hash, password.encode("utf-8", "surrogatepass"))

    async def _verify(self, password_hash: str | None, password: str) -> bool:
        """Takes as long for a login that does not exist as for a wrong password."""
        given = password[: MAX_PASSWORD + 1].encode("utf-8", "surrogatepass")
        async with self._hashing:
            if password_hash is None:
                if self._no_password is None:
                    self._no_password = await asyncio.to_thread(self._hasher.hash, secrets.token_bytes(16))
                await asyncio.to_thread(self._matches, self._no_password, given)
                return False
            return await asyncio.to_thread(self._matches, password_hash, given)

    def _matches(self, password_hash: str, given: bytes) -> bool:
        try:
            return self._hasher.verify(password_hash, given)
        except (VerificationError, InvalidHashError):
            return False

    # Sessions

    async def login(
        self, login: str, password: str, tenant: str | None = None, *, previous: str | None = None
    ) -> tuple[str, Session]:
        """Opens a session: its token (for the cookie) and what belongs to it. `previous` is a token that ends now."""
        now = self._now()
        async with self._login_locks[
            hash(login) % len(self._login_locks)
        ]:  # so that failures are counted one by one
            user = await self._control.user(tenant, login)
            if user is not None and user.locked_until is not None and user.locked_until > now:
                raise UnauthenticatedError(
                    "too many wrong passwords: this login is locked for a while",
                    code="lockedOut",
                    field="login",
                    hint="wait, or ask an administrator",
                    retry_after=int((user.locked_until - now).total_seconds()) + 1,
                )
            right = await self._verify(user.password_hash if user is not None else None, password)
            if user is None or not right or not user.active:
                if user is not None:
                    await self._failed(user, now)
                raise UnauthenticatedError(
                    "login or password is wrong", code="wrongLogin", field="login", hint="try again"
                )
            await self._control.record_login(user.id, failed_logins=0, locked_until=None, at=now)
        await self._require_open(user.tenant_id)
        if previous:
            await self.logout(previous)
        token, csrf_token = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
        expires_at = now + timedelta(hours=SESSION_HOURS)
        await self._control.create_session(hash_secret(token), user, csrf_token, expires_at)
        return token, Session(user=user, csrf_token=csrf_token, expires_at=expires_at)

    async def _require_open(self, tenant_id: str) -> None:
        tenant = await self._control.tenant(tenant_id)
        if tenant is None or not tenant.active:
            raise ForbiddenError(
                "this tenant is suspended", code="tenantSuspended", hint="ask whoever runs the platform"
            )

    async def _failed(self, user: User, now: datetime) -> None:
        failures = user.failed_logins + 1
        locked_until = now + LOCKED_FOR if failures >= MAX_FAILURES else None
        await self._control.record_login(
            user.id, failed_logins=0 if locked_until else failures, locked_until=locked_until, at=now
        )
        if locked_until is not None:
            entry = AuditEntry(
                at=now, actor="system:login", action="locked", object_kind="user", object_id=user.login
            )
            await self._control.audit(user.tenant_id, [entry])

    async def change_password(self, user: User, old: str, new: str, *, token: str | None) -> None:
        """A new password for who knows the old one; other sessions end, that of `token` goes on.

        Wrong old passwords count as wrong logins, so that nobody guesses them at an open screen.
        """
        now = self._now()
        if old == new:
            raise InvalidInputError(
                "the new password is the old one", field="password", hint="choose another one"
            )
        async with self._login_locks[hash(user.login) % len(self._login_locks)]:
            present = await self._control.user(user.tenant_id, user.login)
            if present is None or (present.locked_until is not None and present.locked_until > now):
                raise ForbiddenError(
                    "too many wrong passwords: this login is locked for a while",
                    code="lockedOut",
                    hint="wait, or ask an administrator",
                )
            if not await self._verify(present.password_hash, old):
                await self._failed(present, now)
                raise InvalidInputError(
                    "the old password is wrong", field="oldPassword", code="wrongPassword", hint="try again"
                )
            password_hash = await self.hash_password(new)
            after = replace(present, password_hash=password_hash, failed_logins=0, locked_until=None)
            await self._control.save_user(after, revision=present.revision)
        await self._control.end_sessions(user.id, keep=hash_secret(token) if token else None)
        self.forget()

    async def logout(self, token: str) -> None:
        """Ends the session; unknown tokens are nothing to tell about."""
        token_hash = hash_secret(token)
        self._known.pop(token_hash, None)
        await self._control.end_session(token_hash)

    async def caller_of_session(self, token: str, *, prolong: bool = True) -> Caller | None:
        """Who holds this session; None when it is unknown or over. Each use prolongs it, looking alone does not."""
        token_hash = hash_secret(token)
        known, caller = self._cached(token_hash)
        if known:
            return caller
        session = await self._control.session(token_hash)
        now = self._now()
        caller = None
        if session is not None and session.expires_at > now and session.user.active:
            caller = await self.caller_of_user(session.user, csrf_token=session.csrf_token)
            prolonged = now + timedelta(hours=SESSION_HOURS)
            if prolong and prolonged - session.expires_at > TOUCH_AFTER:
                await self._control.touch_session(token_hash, prolonged)
        return self._keep(token_hash, caller)

    async def caller_of_user(self, user: User, *, csrf_token: str | None = None) -> Caller:
        """What this user may do, by role and access groups."""
        categories, queues = await self._reach(user.tenant_id, user.access_groups)
        role = Role(user.role)
        return Caller(
            tenant_id=user.tenant_id,
            actor=f"agent:{user.agent_id}" if user.agent_id else f"user:{user.login}",
            name=user.name,
            role=role,
            privileges=role_privileges(role, grouped=bool(user.access_groups)),
            categories=categories,
            queues=queues,
            agent_id=user.agent_id,
            login=user.login,
            language=user.language,
            time_zone=user.time_zone,
            csrf_token=csrf_token,
        )

    # API keys

    async def create_key(
        self,
        key_id: UUID,
        tenant_id: str | None,
        name: str,
        *,
        role: Role | None = None,
        privileges: Iterable[str] = (),
        access_groups: Iterable[str] = (),
        agent_id: str | None = None,
        expires_at: datetime | None = None,
        secret: str | None = None,
    ) -> tuple[str, ApiKey]:
        """A new key: the secret, which is never seen again, and what is stored of it."""
        secret = secret or KEY_PREFIX + secrets.token_urlsafe(32)
        for privilege in (granted := list(privileges)):
            parse_grant(privilege)
        key = ApiKey(
            id=key_id,
            tenant_id=tenant_id,
            name=name,
            key_hint=f"{secret[:9]}…",
            role=role.value if role else None,
            privileges=granted,
            access_groups=list(access_groups),
            agent_id=agent_id,
            created_at=self._now(),
            expires_at=expires_at,
        )
        await self._control.save_api_key(key, hash_secret(secret))
        return secret, key

    async def caller_of_key(self, key: str) -> Caller | None:
        """Who holds this API key; None when it is unknown, switched off or expired."""
        key_hash = hash_secret(key)
        known, caller = self._cached(key_hash)
        if known:
            return caller
        # A source sends hundreds of requests at once with one key: the first of them asks for all.
        async with self._asking[key_hash[0] % ASKING_AT_ONCE]:
            known, caller = self._cached(key_hash)
            return caller if known else self._keep(key_hash, await self._ask(key_hash))

    async def _ask(self, key_hash: bytes) -> Caller | None:
        found = await self._control.api_key(key_hash)
        now = self._now()
        caller = None
        if found is not None and found.active and (found.expires_at is None or found.expires_at > now):
            caller = await self._caller_of(found)
            if found.last_used_at is None or now - found.last_used_at > timedelta(minutes=1):
                await self._note_use(found.id, now)
        return caller

    async def _note_use(self, key_id: UUID, now: datetime) -> None:
        """Written at most once per TOUCH_SECONDS, for all keys together: the last of a rush wait for the next use."""
        self._used[key_id] = now
        if self._monotonic() - self._touched >= TOUCH_SECONDS:
            self._touched = self._monotonic()
            used, self._used = self._used, {}
            await self._control.touch_api_keys(list(used.items()))

    async def _caller_of(self, key: ApiKey) -> Caller:
        privileges = held_privileges(key.role, key.privileges, grouped=bool(key.access_groups))
        categories, queues = (
            ([], []) if key.tenant_id is None else await self._reach(key.tenant_id, key.access_groups)
        )
        return Caller(
            tenant_id=key.tenant_id,
            actor=f"agent:{key.agent_id}" if key.agent_id else f"key:{key.name}",
            name=key.name,
            role=Role(key.role) if key.role else None,
            privileges=privileges,
            categories=categories,
            queues=queues,
            agent_id=key.agent_id,
        )

    async def _reach(self, tenant_id: str, group_ids: list[str]) -> tuple[list[str], list[str]]:
        if not group_ids:
            return [], []
        groups = [g for g in await self._control.access_groups(tenant_id) if g.id in group_ids]
        return [c for g in groups for c in g.categories], [q for g in groups for q in g.queues]

    # The cache

    def _cached(self, secret_hash: bytes) -> tuple[bool, Caller | None]:
        entry = self._known.get(secret_hash)
        if entry is None or entry[0] < self._monotonic():
            return False, None
        return True, entry[1]

    def _keep(self, secret_hash: bytes, caller: Caller | None) -> Caller | None:
        if len(self._known) >= CACHE_SIZE:
            self._known.clear()
        self._known[secret_hash] = (self._monotonic() + CACHE_SECONDS, caller)
        return caller


def parse_grant(grant: str) -> tuple[str, Scope | None]:
    """`workitems.read` or `workitems.read:own` as written with an API key."""
    name, _, scope = grant.partition(":")
    if name not in PRIVILEGES:
        raise InvalidInputError(
            f"there is no privilege '{name}'", field="privileges", hint="see the list of privileges"
        )
    if not scope:
        return name, None
    if scope not in tuple(Scope):
        raise InvalidInputError(f"'{scope}' is no scope", field="privileges", hint="use own, group or all")
    if scope != Scope.ALL and not name.startswith(SCOPED):
        raise InvalidInputError(
            f"{name} has no scope: it would reach everything",
            field="privileges",
            hint=f"leave ':{scope}' out; only privileges of items and e-mails can be narrowed",
        )
    return name, Scope(scope)


def held_privileges(role: str | None, grants: Iterable[str], *, grouped: bool) -> dict[str, Scope]:
    """What a role and single grants come to. A stored grant that could not be made today gives nothing."""
    found = role_privileges(Role(role), grouped=grouped) if role else {}
    for grant in grants:
        try:
            name, scope = parse_grant(grant)
        except InvalidInputError:
            continue
        limited = Scope.GROUP if grouped and name.startswith("workitems.") else Scope.ALL
        found[name] = scope or limited
    return found


async def login(
    platform: Platform, login: str, password: str, tenant: str | None = None
) -> tuple[str, Session]:
    """Opens a session; UnauthenticatedError (wrongLogin, lockedOut) otherwise."""
    return await platform.identities.login(login, password, tenant)


async def logout(platform: Platform, token: str) -> None:
    """Ends a session."""
    await platform.identities.logout(token)


async def caller_of_session(platform: Platform, token: str) -> Caller | None:
    """Who holds this session token."""
    return await platform.identities.caller_of_session(token)


async def caller_of_key(platform: Platform, key: str) -> Caller | None:
    """Who holds this API key."""
    return await platform.identities.caller_of_key(key)
