"""Logging in at the tenant's identity provider: who comes back becomes a user with the role that the claims say.

Nobody is taken for a user made here unless the tenant allows it; what the claims say is applied at every log-in.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.errors import (
    DuplicateError,
    ForbiddenError,
    InvalidInputError,
    OpenIwdError,
    UnauthenticatedError,
)
from openiwd.domain.login import Provider, RoleRow, claimed, row_of
from openiwd.ports.control_store import AuditEntry, Session, User
from openiwd.ports.identity_provider import Attempt, Client, Identified
from openiwd.usecases.login_settings import client_of
from openiwd.usecases.platform import Platform
from openiwd.usecases.tenant_allowance import require_room

LASTS: Final = timedelta(minutes=10)
CONTEXT: Final = "login/attempt"
ACTOR: Final = "system:login"


class Begun(Struct, kw_only=True):
    """A log-in on its way, kept sealed in a cookie of the browser that began it: no other browser can end it."""

    tenant_id: str
    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    next_page: str | None
    until: datetime


async def begin(
    platform: Platform, tenant_id: str, redirect_uri: str, next_page: str | None
) -> tuple[str, str]:
    """Where the browser goes, and what it keeps meanwhile."""
    client = await _client(platform, tenant_id)
    begun = Begun(
        tenant_id=tenant_id,
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        redirect_uri=redirect_uri,
        next_page=next_page,
        until=datetime.now(UTC) + LASTS,
    )
    address = await platform.identity_provider.address(client, _attempt(begun))
    sealed = platform.secrets.seal(msgspec.json.encode(begun).decode(), CONTEXT)
    return address, sealed.hex()


def _attempt(begun: Begun) -> Attempt:
    return Attempt(
        state=begun.state, nonce=begun.nonce, verifier=begun.verifier, redirect_uri=begun.redirect_uri
    )


async def _client(platform: Platform, tenant_id: str) -> Client:
    tenant = await platform.control.tenant(tenant_id)
    client = None
    if tenant is not None and tenant.active:
        stored = await platform.control.login_settings(tenant_id)
        client = client_of(stored, tenant_id, platform.secrets)
    if client is None:
        raise InvalidInputError(
            "this tenant has no provider to log in with", code="noProvider", field="tenant"
        )
    return client


def opened(platform: Platform, kept: str | None, state: str | None) -> Begun:
    """What the browser kept, if it fits the answer: same browser, same log-in, not long ago."""
    try:
        begun = msgspec.json.decode(platform.secrets.open(bytes.fromhex(kept or ""), CONTEXT), type=Begun)
    except (ValueError, OpenIwdError) as error:
        raise _refused("this log-in was not begun in this browser") from error
    if not state or not secrets.compare_digest(begun.state.encode(), state.encode("utf-8", "replace")):
        raise _refused("this answer belongs to another log-in")
    if begun.until < datetime.now(UTC):
        raise _refused("this log-in took too long")
    return begun


async def finish(
    platform: Platform,
    begun: Begun,
    *,
    code: str,
    issuer: str | None,
    previous: str | None,
    device: str,
) -> tuple[str, Session]:
    """Opens the session of whoever the provider says it is."""
    client = await _client(platform, begun.tenant_id)
    identified = await platform.identity_provider.redeem(
        client, _attempt(begun), code=code, issuer=issuer, now=datetime.now(UTC)
    )
    provider = (await platform.control.login_settings(begun.tenant_id)).settings.provider
    if provider is None:
        raise _refused("this tenant has no provider any more")
    user = await _user(platform, begun.tenant_id, provider, identified)
    now = datetime.now(UTC)
    await platform.control.record_login(user.id, failed_logins=0, locked_until=None, at=now)
    token = platform.secrets.seal(identified.id_token, session_context(user))
    return await platform.identities.open_session(
        user, previous=previous, device=device, provider_token=token
    )


def session_context(user: User) -> str:
    """What the sealed token of a session belongs to."""
    return f"session/{user.id}/idToken"


async def _user(platform: Platform, tenant_id: str, provider: Provider, identified: Identified) -> User:
    row = row_of(provider, identified.claims)
    if row is None:
        raise _denied("none of your groups has a role here", "noRole")
    found = await platform.control.user_by_subject(tenant_id, identified.subject)
    if found is None:
        found = await _first_time(platform, tenant_id, provider, identified, row)
    if not found.active:
        raise _denied("this user is switched off", "inactive")
    return await _brought_up_to_date(platform, found, provider, identified, row)


async def _first_time(
    platform: Platform, tenant_id: str, provider: Provider, identified: Identified, row: RoleRow
) -> User:
    login = claimed(identified.claims, provider.login_claim)
    if login is None:
        raise _denied(f"the provider does not say '{provider.login_claim}'", "noLogin")
    if provider.login_claim == "email" and identified.claims.get("email_verified") is not True:
        raise _denied("the provider has not verified this email address", "emailNotVerified")
    known = await platform.control.user(tenant_id, login)
    if known is not None:
        may = provider.link_existing and known.subject is None
        if not may or not await platform.control.link_subject(known, identified.subject):
            raise _denied(f"the login '{login}' belongs to somebody else here", "loginTaken")
        await _note(platform, known, "linked")
        return replace(known, subject=identified.subject, revision=known.revision + 1)
    if not provider.create_users:
        raise _denied(f"there is no user '{login}' here", "unknownUser")
    return await _created(platform, tenant_id, provider, identified, row, login)


async def _created(
    platform: Platform, tenant_id: str, provider: Provider, identified: Identified, row: RoleRow, login: str
) -> User:
    services = await platform.services(tenant_id)
    active = [u for u in await platform.control.users(tenant_id) if u.active]
    require_room(services.limits.users, len(active), "users")
    made = User(
        id=services.runtime.new_id(),
        tenant_id=tenant_id,
        login=login,
        name=claimed(identified.claims, provider.name_claim) or login,
        role=row.role,
        access_groups=row.access_groups,
        time_zone=services.tenant.time_zone,
    )
    try:
        await platform.control.save_user(made, revision=None)
    except DuplicateError as error:
        raise _denied("somebody with this login came at the same moment", "loginTaken") from error
    await platform.control.link_subject(made, identified.subject)
    await _note(platform, made, "created")
    return replace(made, subject=identified.subject, revision=2)


async def _brought_up_to_date(
    platform: Platform, user: User, provider: Provider, identified: Identified, row: RoleRow
) -> User:
    """Name, role and access groups as the provider says today."""
    name = claimed(identified.claims, provider.name_claim) or user.name
    after = replace(user, name=name, role=row.role, access_groups=row.access_groups)
    if after == user:
        return user
    await platform.control.save_user(after, revision=user.revision)
    if (after.role, after.access_groups) != (user.role, user.access_groups):
        await platform.control.end_sessions(user.id)  # opened with rights that are no longer theirs
        before = {"role": user.role, "accessGroups": user.access_groups}
        await _note(platform, after, "updated", before=before)
    platform.identities.forget()
    return replace(after, revision=user.revision + 1)


async def _note(platform: Platform, user: User, action: str, **more: object) -> None:
    detail = {"after": {"role": user.role, "accessGroups": user.access_groups}, **more}
    now = datetime.now(UTC)
    entry = AuditEntry(
        at=now, actor=ACTOR, action=action, object_kind="user", object_id=user.login, detail=detail
    )
    await platform.control.audit(user.tenant_id, [entry])


async def log_out_address(platform: Platform, session: Session, back_to: str) -> str | None:
    """Where the browser goes so that the provider's session ends, too; None when there is nothing to end."""
    if session.provider_token is None:
        return None
    try:
        client = await _client(platform, session.user.tenant_id)
        id_token = platform.secrets.open(session.provider_token, session_context(session.user))
        return await platform.identity_provider.log_out_address(client, id_token, back_to)
    except OpenIwdError:
        return None  # a provider that is away must not keep anybody from logging out here


def _refused(message: str) -> UnauthenticatedError:
    return UnauthenticatedError(message, code="providerRefused", hint="log in once more")


def _denied(message: str, code: str) -> ForbiddenError:
    return ForbiddenError(message, code=code, hint="ask an administrator")
