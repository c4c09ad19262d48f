"""Logging in at the door: how often somebody may try, from where; whether a password or a code is right is decided
elsewhere. Every attempt counts once, in whichever of its steps it fails.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from openiwd.domain.errors import LimitedError, UnauthenticatedError, UnavailableError
from openiwd.ports.control_store import Session, User
from openiwd.usecases import provider_login
from openiwd.usecases.provider_login import Begun

if TYPE_CHECKING:
    from openiwd.domain.rate_limit import Limit
    from openiwd.usecases.platform import Platform

CODE_NEEDED: Final = "codeNeeded"
ENROLMENT_NEEDED: Final = "enrolmentNeeded"
_HALF: Final = (CODE_NEEDED, ENROLMENT_NEEDED)
"""The password was right: nothing has failed, and nobody is logged in."""


class HalfWay(Struct, frozen=True):
    """Who knows the password, and what is still needed: CODE_NEEDED or ENROLMENT_NEEDED."""

    user: User
    needs: str


async def log_in(
    platform: Platform,
    login: str,
    password: str,
    tenant: str | None = None,
    *,
    code: str | None = None,
    previous: str | None = None,
    device: str = "",
    address: str | None = None,
) -> tuple[str, Session]:
    """Opens a session by all that is needed at once.

    UnauthenticatedError (`wrongLogin`, `codeNeeded`, `wrongCode`, `lockedOut`, `tooManyLogins`) otherwise.
    """
    async with _attempt(platform, _account(tenant, login), address):
        return await platform.identities.login(
            login, password, tenant, code=code, previous=previous, device=device
        )


async def by_password(
    platform: Platform,
    login: str,
    password: str,
    tenant: str | None = None,
    *,
    previous: str | None = None,
    device: str = "",
    address: str | None = None,
) -> tuple[str, Session] | HalfWay:
    """The first of two steps; opens a session where there is no second one."""
    identities = platform.identities
    async with _attempt(platform, _account(tenant, login), address):
        known = await identities.first_step(login, password, tenant)
        try:
            return await identities.second_step(
                known.tenant_id, known.login, "", previous=previous, device=device
            )
        except UnauthenticatedError as error:
            if error.code not in _HALF:
                raise
            return HalfWay(known, error.code)


async def by_code(
    platform: Platform,
    tenant: str,
    login: str,
    code: str,
    *,
    previous: str | None = None,
    device: str = "",
    address: str | None = None,
) -> tuple[str, Session]:
    """The second step of somebody whose password was right a moment ago."""
    async with _attempt(platform, _account(tenant, login), address):
        return await platform.identities.second_step(tenant, login, code, previous=previous, device=device)


async def by_enrolment(
    platform: Platform,
    user: User,
    code: str,
    *,
    previous: str | None = None,
    device: str = "",
    address: str | None = None,
) -> tuple[list[str], str, Session]:
    """The second step of who sets up the app just now: the recovery codes, and the session."""
    async with _attempt(platform, _account(user.tenant_id, user.login), address):
        codes = await platform.identities.confirm_enrolment(user, code)
    token, session = await platform.identities.open_session(user, previous=previous, device=device)
    return codes, token, session


async def by_provider(
    platform: Platform,
    begun: Begun,
    *,
    code: str,
    issuer: str | None,
    previous: str | None = None,
    device: str = "",
    address: str | None = None,
) -> tuple[str, Session]:
    """Back from the identity provider. Who it is only the provider says: the address alone is counted."""
    async with _attempt(platform, None, address):
        return await provider_login.finish(
            platform, begun, code=code, issuer=issuer, previous=previous, device=device
        )


def _account(tenant: str | None, login: str) -> str:
    return f"{tenant or ''}/{login}"


@asynccontextmanager
async def _attempt(platform: Platform, account: str | None, address: str | None) -> AsyncIterator[None]:
    """Attempts are paid for beforehand, so that many at once gain nothing; those that do not fail are given back."""
    limits = platform.limits
    if limits is None or address is None:
        yield
        return
    due: list[tuple[Limit | None, str]] = [(limits.limits.login_address, address)]
    if account is not None:
        due.insert(0, (limits.limits.login, f"{account}@{address}"))
    paid: list[tuple[Limit | None, str]] = []

    async def give_back() -> None:
        for limit, who in paid:
            await limits.give_back(limit, who)

    try:
        for limit, who in due:
            await limits.spend(limit, who)
            paid.append((limit, who))
    except LimitedError as error:
        await give_back()
        raise _refusal(error) from error
    try:
        yield
    except UnauthenticatedError as error:
        if error.code in _HALF:
            await give_back()
        raise
    except UnavailableError:  # nothing was looked at
        await give_back()
        raise
    await give_back()


def _refusal(error: LimitedError) -> UnauthenticatedError:
    seconds = int(error.details["retry_after"])
    return UnauthenticatedError(
        "too many failed log-ins from this address",
        code="tooManyLogins",
        field="login",
        hint=f"wait {seconds} s and try again; passwords and codes are not looked at until then",
        retry_after=seconds,
    )
