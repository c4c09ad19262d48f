"""Between password and code: who has shown the one keeps that sealed in a cookie for minutes. Opens no session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from litestar.datastructures import Cookie
from msgspec import Struct

from openiwd.domain.errors import OpenIwdError
from openiwd.ports.control_store import User
from openiwd.usecases.platform import Platform
from openiwd.web.shell.visit import AnyRequest, is_secure

COOKIE: Final = "openiwd_half"
PATH: Final = "/login"
LASTS: Final = timedelta(minutes=10)
CONTEXT: Final = "login/half"


class HalfLogin(Struct, kw_only=True):
    """The password was right; it is for this user, and for this password of theirs."""

    tenant_id: str
    login: str
    mark: str
    next_page: str | None
    until: datetime


def mark_of(user: User) -> str:
    """Changes with the password."""
    return (user.password_hash or "")[-16:]


def kept(platform: Platform, request: AnyRequest, user: User, next_page: str | None) -> Cookie:
    half = HalfLogin(
        tenant_id=user.tenant_id,
        login=user.login,
        mark=mark_of(user),
        next_page=next_page,
        until=datetime.now(UTC) + LASTS,
    )
    sealed = platform.secrets.seal(msgspec.json.encode(half).decode(), CONTEXT)
    return cookie(request, COOKIE, sealed.hex())


def cookie(request: AnyRequest, name: str, value: str | None) -> Cookie:
    """Of the log-in pages only, out of reach of scripts."""
    return Cookie(
        key=name,
        value=value or "",
        path=PATH,
        httponly=True,
        samesite="lax",
        secure=is_secure(request),
        max_age=0 if value is None else int(LASTS.total_seconds()),
    )


async def half_of(platform: Platform, request: AnyRequest) -> tuple[HalfLogin, User] | None:
    """Who has shown the password in this browser a moment ago; None when nobody has."""
    text = request.cookies.get(COOKIE)
    if not text:
        return None
    try:
        half = msgspec.json.decode(platform.secrets.open(bytes.fromhex(text), CONTEXT), type=HalfLogin)
    except (ValueError, OpenIwdError):
        return None
    user = await platform.control.user(half.tenant_id, half.login)
    if half.until < datetime.now(UTC) or user is None or not user.active or mark_of(user) != half.mark:
        return None
    return half, user
