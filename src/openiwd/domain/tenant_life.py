"""The life of a tenant as the platform sees it: which acts each state allows, names, and the limits of a tenant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec import Struct

from openiwd.domain.errors import InvalidInputError, InvalidTransitionError
from openiwd.domain.rate_limit import Limit

MAX_ID: Final = 40
MAX_NAME: Final = 200
GRACE_DAYS: Final = 30
"""So long a tenant that is to be deleted can be brought back."""
_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_DATABASE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,56}")
"""Room is left for what tells the mart's name within the 63 bytes of a name."""
_OWN: Final = "iwd-"
_FOREIGN: Final = re.compile(r"[^a-z0-9]+")


class TenantState(StrEnum):
    CREATING = "creating"
    """Ordered, not ready: a create that ended early is carried on by the next one."""
    READY = "ready"
    SUSPENDED = "suspended"
    """Nobody is let in, nothing is distributed; all data stay."""
    DELETING = "deleting"
    """As suspended, until the time of grace is over."""


class TenantAct(StrEnum):
    FINISH = "finish"
    SUSPEND = "suspend"
    RESUME = "resume"
    DELETE = "delete"


_ALLOWED: Final[dict[TenantAct, tuple[frozenset[TenantState], TenantState]]] = {
    TenantAct.FINISH: (frozenset({TenantState.CREATING}), TenantState.READY),
    TenantAct.SUSPEND: (frozenset({TenantState.READY, TenantState.SUSPENDED}), TenantState.SUSPENDED),
    TenantAct.RESUME: (
        frozenset({TenantState.READY, TenantState.SUSPENDED, TenantState.DELETING}),
        TenantState.READY,
    ),
    TenantAct.DELETE: (frozenset(TenantState), TenantState.DELETING),
}


def next_state(state: TenantState, act: TenantAct) -> TenantState:
    """The state after an act; one that has been done already leads nowhere else. Else InvalidTransitionError."""
    allowed, to = _ALLOWED[act]
    if state not in allowed:
        raise InvalidTransitionError(
            f"a tenant that is {state.value} cannot be {_DONE[act]}",
            code="invalidTransition",
            hint="see the tenant's state",
            state=state.value,
        )
    return to


_DONE: Final = {
    TenantAct.FINISH: "finished",
    TenantAct.SUSPEND: "suspended",
    TenantAct.RESUME: "resumed",
    TenantAct.DELETE: "deleted",
}


class TenantLimits(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a tenant may use at most; None: no limit of its own."""

    requests_per_second: float | None = None
    """Of its API keys and sessions together; a burst of two seconds is let through."""
    users: int | None = None
    api_keys: int | None = None


NO_LIMITS: Final = TenantLimits()
BURST_SECONDS: Final = 2.0


def limits_of(settings: Mapping[str, Any]) -> TenantLimits:
    """The limits among a tenant's settings."""
    found = settings.get("limits")
    return msgspec.convert(found, TenantLimits) if found else NO_LIMITS


def request_limit(limits: TenantLimits) -> Limit | None:
    """How many requests all who belong to the tenant may send together; None: as many as each of them may."""
    rate = limits.requests_per_second
    return None if rate is None else Limit("tenant", rate, max(1, round(rate * BURST_SECONDS)))


def check_limits(limits: TenantLimits) -> TenantLimits:
    """The limits; InvalidInputError for one that would lock everybody out."""
    for name in ("requests_per_second", "users", "api_keys"):
        value = getattr(limits, name)
        if value is not None and value < 1:
            raise InvalidInputError(
                f"the limit {name} is {value}", field=f"limits.{name}", hint="at least 1, or null for none"
            )
    return limits


def tenant_id_of(named: str) -> str:
    """An id as we write it: small letters, digits and hyphens, beginning with a letter.

    Ids of other systems, UUIDs say, are made to fit: `t-` before what begins with a digit.
    """
    made = _FOREIGN.sub("-", named.strip().lower()).strip("-")
    if made and not made[0].isalpha():
        made = f"t-{made}"
    if not _ID.fullmatch(made):
        raise InvalidInputError(
            f"'{named[:60]}' is no id of a tenant",
            field="tenant.id",
            hint=f"small letters, digits and hyphens, at most {MAX_ID}, beginning with a letter",
        )
    return made


def database_name_of(tenant_id: str, named: str | None = None) -> str:
    """The tenant's database: the one that is named, else `iwd-<id>`."""
    name = named or f"{_OWN}{tenant_id}"
    if not _DATABASE.fullmatch(name):
        raise InvalidInputError(
            f"'{name[:80]}' is no name of a database",
            field="iwd.db.database",
            hint="letters, digits, _ and -, at most 57 of them",
        )
    return name


def mart_database_of(database: str) -> str:
    """The data mart beside a tenant's database: `iwddm-<id>` for `iwd-<id>`, else the name with `-iwddm` after it.

    Two tenants never share one, as their databases differ.
    """
    own = database.removeprefix(_OWN)
    return f"iwddm-{own}" if own != database else f"{database}-iwddm"
