"""Logging in at the door: how often somebody may try, from where; whether a password is right is decided elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openiwd.domain.errors import LimitedError, UnauthenticatedError
from openiwd.ports.control_store import Session

if TYPE_CHECKING:
    from openiwd.domain.rate_limit import Limit
    from openiwd.usecases.platform import Platform


async def log_in(
    platform: Platform,
    login: str,
    password: str,
    tenant: str | None = None,
    *,
    previous: str | None = None,
    address: str | None = None,
) -> tuple[str, Session]:
    """Opens a session; UnauthenticatedError (`wrongLogin`, `lockedOut`, `tooManyLogins`) otherwise.

    Attempts are paid for beforehand, so that many at once gain nothing; those that succeed are given back.
    """
    limits = platform.limits
    if limits is None or address is None:
        return await platform.identities.login(login, password, tenant, previous=previous)
    account = f"{tenant or ''}/{login}@{address}"
    paid: list[tuple[Limit | None, str]] = []
    try:
        for limit, who in ((limits.limits.login, account), (limits.limits.login_address, address)):
            await limits.spend(limit, who)
            paid.append((limit, who))
    except LimitedError as error:
        for limit, who in paid:
            await limits.give_back(limit, who)
        raise _refusal(error) from error
    session = await platform.identities.login(login, password, tenant, previous=previous)
    for limit, who in paid:
        await limits.give_back(limit, who)
    return session


def _refusal(error: LimitedError) -> UnauthenticatedError:
    seconds = int(error.details["retry_after"])
    return UnauthenticatedError(
        "too many failed log-ins from this address",
        code="tooManyLogins",
        field="login",
        hint=f"wait {seconds} s and try again; passwords are not looked at until then",
        retry_after=seconds,
    )
