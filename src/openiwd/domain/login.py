"""How a tenant's people log in: identity provider, which claims make which role, second factors, time-outs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from msgspec import Meta, Struct, field

from openiwd.domain.privilege import Role

IDLE_MINUTES: Final = 12 * 60
LONGEST_HOURS: Final = 72

_Text = Annotated[str, Meta(min_length=1, max_length=300)]


class RoleRow(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Whoever has this value in the groups claim gets this role, limited to these access groups (none: not limited)."""

    value: _Text
    role: str
    access_groups: Annotated[list[str], Meta(max_length=100)] = []


class Provider(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An OpenID Connect provider, as an administrator registers it. Its client secret lies sealed beside it."""

    issuer: Annotated[str, Meta(min_length=8, max_length=500)]
    client_id: _Text
    name: Annotated[str, Meta(max_length=100)] = ""
    """What the button of the log-in page calls it."""
    scopes: Annotated[list[_Text], Meta(max_length=20)] = field(
        default_factory=lambda: ["openid", "profile", "email"]
    )
    login_claim: _Text = "preferred_username"
    name_claim: _Text = "name"
    groups_claim: _Text = "groups"
    roles: Annotated[list[RoleRow], Meta(max_length=200)] = []
    """The first row that fits decides; who fits none is refused."""
    create_users: bool = True
    """Whether somebody unknown becomes a user at the first log-in."""
    link_existing: bool = False
    """Whether a user made here before may be taken over by the provider's user of the same login."""


class LoginSettings(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Of one tenant."""

    provider: Provider | None = None
    provider_only: bool = False
    """Passwords are refused, except those of administrators: for the day when the provider is away."""
    public_url: Annotated[str, Meta(max_length=500)] | None = None
    """Where browsers reach the UI; None = as the request says."""
    second_factor_roles: Annotated[list[str], Meta(max_length=10)] = []
    """Roles that log in with a second factor or not at all."""
    idle_minutes: Annotated[int, Meta(ge=5, le=7 * 24 * 60)] = IDLE_MINUTES
    longest_hours: Annotated[int, Meta(ge=1, le=30 * 24)] = LONGEST_HOURS


def row_of(provider: Provider, claims: Mapping[str, Any]) -> RoleRow | None:
    """The first row that fits the groups of these claims. Values compare exactly; anything but text fits nothing."""
    told = claims.get(provider.groups_claim)
    values = (
        {told}
        if isinstance(told, str)
        else {v for v in told if isinstance(v, str)}
        if isinstance(told, list)
        else set()
    )
    return next((row for row in provider.roles if row.value in values), None)


def claimed(claims: Mapping[str, Any], name: str) -> str | None:
    """The text of a claim, without outer spaces; None when there is none."""
    value = claims.get(name)
    return value.strip()[:200] or None if isinstance(value, str) else None


def faults_of(settings: LoginSettings) -> list[dict[str, str]]:
    """What cannot be right, each with its field."""
    faults: list[dict[str, str]] = []
    roles = tuple(Role)

    def fault(field: str, message: str, hint: str) -> None:
        faults.append({"field": field, "message": message, "hint": hint})

    for i, role in enumerate(settings.second_factor_roles):
        if role not in roles:
            fault(f"secondFactorRoles[{i}]", f"there is no role '{role[:80]}'", f"use {', '.join(roles)}")
    provider = settings.provider
    if provider is None:
        if settings.provider_only:
            fault("providerOnly", "there is no provider to log in with", "set up a provider first")
        return faults
    if not provider.issuer.startswith(("https://", "http://")):
        fault(
            "provider.issuer", "this is no address", "write it as the provider does, beginning with https://"
        )
    if "openid" not in provider.scopes:
        fault(
            "provider.scopes", "'openid' is missing", "without it the provider says nothing about who logs in"
        )
    for i, row in enumerate(provider.roles):
        if row.role not in roles:
            fault(
                f"provider.roles[{i}].role", f"there is no role '{row.role[:80]}'", f"use {', '.join(roles)}"
            )
    return faults
