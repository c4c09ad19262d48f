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

from msgspec.structs import replace

from openiwd.domain.errors import ForbiddenError, InvalidInputError
from openiwd.domain.privilege import Caller, Role, role_privileges
from openiwd.ports.control_store import ApiKey, ControlStore, Session, User
from openiwd.ports.secret_box import SecretBox
from openiwd.usecases.held_privilege import held_privileges, parse_grant
from openiwd.usecases.password import Passwords
from openiwd.usecases.password_login import PasswordLogins, wrong_login
from openiwd.usecases.second_factor import SecondFactors
from openiwd.usecases.session_copies import SessionCopies, SessionCopy

if TYPE_CHECKING:
    from openiwd.usecases.platform import Platform

TOUCH_AFTER: Final = timedelta(minutes=5)
TOUCH_SECONDS: Final = 1.0
ASKING_AT_ONCE: Final = 4
"""So many ask the control database at a time, however many come: the connections are needed by tenants too."""
CACHE_SECONDS: Final = 5.0
CACHE_SIZE: Final = 20_000
KEY_PREFIX: Final = "oiwd_"
MAX_DEVICE: Final = 200


def hash_secret(secret: str) -> bytes:
    """How session tokens and API keys are stored; they are random, so one round is enough."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


class Identities:
    """The callers known to this process, and the doors for logging in and out."""

    def __init__(
        self,
        control: ControlStore,
        *,
        box: SecretBox | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._control = control
        self._now = now
        self._monotonic = monotonic
        self.factors = SecondFactors(control, box)
        self._passwords = Passwords()
        self._logins = PasswordLogins(control, self._passwords, self.factors, now)
        self._asking = tuple(asyncio.Lock() for _ in range(ASKING_AT_ONCE))
        self._known: dict[bytes, tuple[float, Caller | None]] = {}
        self._used: dict[UUID, datetime] = {}
        self._touched = float("-inf")
        self.copies: SessionCopies | None = None
        """Shared with other processes, where they share anything."""
        self.on_change: Callable[[], None] = _nobody_else
        self.on_end: Callable[[bytes], None] = _nobody_else_of
        """Tell other processes, by the hash of a session's token."""

    def now(self) -> datetime:
        return self._now()

    def forget(self) -> None:
        """Users, keys or access groups have changed: ask the control database again."""
        self.forget_known()
        self.on_change()

    def forget_known(self) -> None:
        """As `forget`, of what this process remembers; others are not told."""
        self._known.clear()

    def forget_session(self, token_hash: bytes) -> None:
        self._known.pop(token_hash, None)

    async def hash_password(self, password: str) -> str:
        """The argon2id hash to store; refuses passwords that are too short or too long."""
        return await self._passwords.hash(password)

    # Sessions

    async def login(
        self,
        login: str,
        password: str,
        tenant: str | None = None,
        *,
        code: str | None = None,
        previous: str | None = None,
        device: str = "",
    ) -> tuple[str, Session]:
        """Opens a session: its token (for the cookie) and what belongs to it. `previous` is a token that ends now."""
        async with self._logins.lock(login):  # so that failures are counted one by one
            user = await self._logins.by_password(login, password, tenant)
            await self._logins.pass_code(user, code)
        return await self.open_session(user, previous=previous, device=device)

    async def first_step(self, login: str, password: str, tenant: str | None = None) -> User:
        """Who knows the password; nobody is logged in by it."""
        async with self._logins.lock(login):
            return await self._logins.by_password(login, password, tenant)

    async def second_step(
        self, tenant_id: str, login: str, code: str, *, previous: str | None = None, device: str = ""
    ) -> tuple[str, Session]:
        """The session of somebody whose password was right a moment ago, for a code."""
        async with self._logins.lock(login):
            user = await self._logins.unlocked(login, tenant_id)
            if user is None or not user.active:
                raise wrong_login()
            await self._logins.pass_code(user, code)
        return await self.open_session(user, previous=previous, device=device)

    async def confirm_enrolment(self, user: User, code: str) -> list[str]:
        """The second factor of somebody who may not log in without; wrong codes count like wrong passwords."""
        return await self._logins.confirm_enrolment(user, code)

    async def open_session(
        self,
        user: User,
        *,
        previous: str | None = None,
        device: str = "",
        provider_token: bytes | None = None,
    ) -> tuple[str, Session]:
        """A session for somebody who has shown who it is: always a new token, so that none can be laid out before."""
        await self._require_open(user.tenant_id)
        if previous:
            await self.logout(previous)
        now = self._now()
        settings = (await self._control.login_settings(user.tenant_id)).settings
        token, idle = secrets.token_urlsafe(32), settings.idle_minutes * 60
        over_at = now + timedelta(hours=settings.longest_hours)
        session = Session(
            user=user,
            csrf_token=secrets.token_urlsafe(24),
            expires_at=min(now + timedelta(seconds=idle), over_at),
            over_at=over_at,
            idle_seconds=idle,
            device="".join(c for c in device if c.isprintable())[:MAX_DEVICE],
            provider_token=provider_token,
        )
        await self._control.create_session(hash_secret(token), session)
        return token, session

    async def _require_open(self, tenant_id: str) -> None:
        tenant = await self._control.tenant(tenant_id)
        if tenant is None or not tenant.active:
            raise ForbiddenError(
                "this tenant is suspended", code="tenantSuspended", hint="ask whoever runs the platform"
            )

    async def change_password(self, user: User, old: str, new: str, *, token: str | None) -> None:
        """A new password for who knows the old one; other sessions end, that of `token` goes on.

        Wrong old passwords count as wrong logins, so that nobody guesses them at an open screen.
        """
        if old == new:
            raise InvalidInputError(
                "the new password is the old one", field="password", hint="choose another one"
            )
        async with self._logins.lock(user.login):
            present = await self._logins.with_password(user, old, "oldPassword")
            password_hash = await self.hash_password(new)
            after = replace(present, password_hash=password_hash, failed_logins=0, locked_until=None)
            await self._control.save_user(after, revision=present.revision)
        await self._control.end_sessions(user.id, keep=hash_secret(token) if token else None)
        self.forget()

    async def require_password(self, user: User, password: str) -> None:
        """InvalidInputError when this is not the password of somebody who is logged in; it counts as a wrong login."""
        async with self._logins.lock(user.login):
            await self._logins.with_password(user, password, "password")

    async def end(self, token_hash: bytes) -> None:
        """A session has been ended in the store: this process forgets it at once, the others are told."""
        self.forget_session(token_hash)
        if self.copies is not None:
            await self.copies.end(token_hash)
        self.on_end(token_hash)

    async def logout(self, token: str) -> None:
        """Ends the session; unknown tokens are nothing to tell about."""
        token_hash = hash_secret(token)
        await self._control.end_session(token_hash)
        await self.end(token_hash)

    async def caller_of_session(self, token: str, *, prolong: bool = True) -> Caller | None:
        """Who holds this session; None when it is unknown or over. Each use prolongs it, looking alone does not."""
        token_hash = hash_secret(token)
        known, caller = self._cached(token_hash)
        if known:
            return caller
        caller = await self._copied(token_hash, prolong=prolong)
        if caller is None:
            caller = await self._of_session(token_hash, prolong=prolong)
        return self._keep(token_hash, caller)

    async def _copied(self, token_hash: bytes, *, prolong: bool) -> Caller | None:
        """By a copy, unless the session is to be prolonged: that is for the database."""
        copy = await self.copies.get(token_hash) if self.copies is not None else None
        if copy is None:
            return None
        now = self._now()
        due = prolong and _prolonged(now, copy.expires_at, copy.over_at, copy.idle_seconds) is not None
        return None if due or copy.expires_at <= now else copy.caller

    async def _of_session(self, token_hash: bytes, *, prolong: bool) -> Caller | None:
        generation = self.copies.generation if self.copies is not None else ""
        session = await self._control.session(token_hash)
        now = self._now()
        if session is None or session.expires_at <= now or not session.user.active:
            return None
        caller = await self.caller_of_user(session.user, csrf_token=session.csrf_token)
        expires_at = session.expires_at
        prolonged = _prolonged(now, expires_at, session.over_at, session.idle_seconds) if prolong else None
        if prolonged is not None:
            await self._control.touch_session(token_hash, prolonged)
            expires_at = prolonged
        if self.copies is not None:
            copy = SessionCopy(generation, expires_at, session.over_at, session.idle_seconds, caller)
            await self.copies.keep(token_hash, copy)
        return caller

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


def _prolonged(now: datetime, expires_at: datetime, over_at: datetime, idle_seconds: int) -> datetime | None:
    """Until when a session lasts that is used now; None while that is hardly later than it lasts anyway."""
    prolonged = min(now + timedelta(seconds=idle_seconds), over_at)
    after = min(TOUCH_AFTER, timedelta(seconds=idle_seconds / 10))
    return prolonged if prolonged - expires_at > after else None


def _nobody_else() -> None:
    """There is no other process to be told."""


def _nobody_else_of(_: bytes) -> None:
    """As above."""


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
