"""Whether somebody is who they say: by password and code, one attempt at a time. Failures lock the login for a while.

Opens no session; says who it is, or why not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from openiwd.domain.errors import ForbiddenError, InvalidInputError, UnauthenticatedError
from openiwd.domain.privilege import Role
from openiwd.ports.control_store import AuditEntry, ControlStore, User
from openiwd.usecases.password import Passwords
from openiwd.usecases.second_factor import SecondFactors

MAX_FAILURES: Final = 10
LOCKED_FOR: Final = timedelta(minutes=15)


class PasswordLogins:
    """Checks passwords and codes, and counts what was wrong. Callers hold the login's lock."""

    def __init__(
        self, control: ControlStore, passwords: Passwords, factors: SecondFactors, now: Callable[[], datetime]
    ) -> None:
        self._control = control
        self._passwords = passwords
        self._factors = factors
        self._now = now
        self._locks = tuple(asyncio.Lock() for _ in range(64))

    async def confirm_enrolment(self, user: User, code: str) -> list[str]:
        """The second factor of somebody who may not log in without; wrong codes count like wrong passwords."""
        async with self.lock(user.login):
            present = await self.unlocked(user.login, user.tenant_id)
            if present is None or not present.active:
                raise wrong_login()
            now = self._now()
            try:
                codes = await self._factors.confirm(present, code, now)
            except UnauthenticatedError:
                await self._failed(present, now)
                raise
            await self._control.record_login(user.id, failed_logins=0, locked_until=None, at=now)
        entry = AuditEntry(
            at=now, actor="system:login", action="secondFactorSet", object_kind="user", object_id=user.login
        )
        await self._control.audit(user.tenant_id, [entry])
        return codes

    def lock(self, login: str) -> asyncio.Lock:
        return self._locks[hash(login) % len(self._locks)]

    async def unlocked(self, login: str, tenant: str | None) -> User | None:
        user = await self._control.user(tenant, login)
        now = self._now()
        if user is not None and user.locked_until is not None and user.locked_until > now:
            raise UnauthenticatedError(
                "too many wrong passwords: this login is locked for a while",
                code="lockedOut",
                field="login",
                hint="wait, or ask an administrator",
                retry_after=int((user.locked_until - now).total_seconds()) + 1,
            )
        return user

    async def by_password(self, login: str, password: str, tenant: str | None) -> User:
        user = await self.unlocked(login, tenant)
        right = await self._passwords.verify(user.password_hash if user is not None else None, password)
        if user is None or not right or not user.active:
            if user is not None:
                await self._failed(user, self._now())
            raise wrong_login()
        settings = (await self._control.login_settings(user.tenant_id)).settings
        if settings.provider_only and user.role != Role.ADMINISTRATOR:
            raise UnauthenticatedError(
                "passwords are not used here",
                code="providerOnly",
                field="login",
                hint="log in at the provider",
            )
        return await self._hashed_anew(user, password)

    async def _hashed_anew(self, user: User, password: str) -> User:
        """Takes today's parameters where the hash was made with others: only now is the password known."""
        before = user.password_hash
        if before is None or not self._passwords.is_outdated(before):
            return user
        after = await self._passwords.hash_again(password)
        await self._control.replace_password_hash(user.id, before, after)
        return replace(user, password_hash=after)

    async def pass_code(self, user: User, code: str | None) -> None:
        """The second factor, where there is one; wrong codes count like wrong passwords."""
        now = self._now()
        settings = (await self._control.login_settings(user.tenant_id)).settings
        try:
            await self._factors.require(user, code, settings, now)
        except UnauthenticatedError as error:
            if error.code == "wrongCode":
                await self._failed(user, now)
            raise
        await self._control.record_login(user.id, failed_logins=0, locked_until=None, at=now)

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

    async def with_password(self, user: User, password: str, field: str) -> User:
        now = self._now()
        present = await self._control.user(user.tenant_id, user.login)
        if present is None or (present.locked_until is not None and present.locked_until > now):
            raise ForbiddenError(
                "too many wrong passwords: this login is locked for a while",
                code="lockedOut",
                hint="wait, or ask an administrator",
            )
        if not await self._passwords.verify(present.password_hash, password):
            await self._failed(present, now)
            old = "old " if field == "oldPassword" else ""
            raise InvalidInputError(
                f"the {old}password is wrong", field=field, code="wrongPassword", hint="try again"
            )
        return present


def wrong_login() -> UnauthenticatedError:
    return UnauthenticatedError(
        "login or password is wrong", code="wrongLogin", field="login", hint="try again"
    )
