"""Who may do what: privileges, roles, scopes. The one table of authorisation; the API and the UI only ask it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from openiwd.domain.errors import ForbiddenError, no_such_item
from openiwd.domain.work_item import WorkItem


class Scope(StrEnum):
    OWN = "own"
    GROUP = "group"
    ALL = "all"


class Role(StrEnum):
    AGENT = "agent"
    VIEWER = "viewer"
    SUPERVISOR = "supervisor"
    BUSINESS = "business"
    ADMINISTRATOR = "administrator"


def _names(prefix: str, *verbs: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{verb}" for verb in verbs)


WORK_ITEMS: Final = _names(
    "workitems", "read", "search", "create", "update", "delete",
    "hold", "resume", "cancel", "complete", "restart", "reopen",
    "activate", "assign", "transfer", "return", "pull", "note", "bulk", "export",
)  # fmt: skip
OF_ITEMS: Final = ("workitems.", "emails.")
"""Privileges over items and what hangs on them; those over anything else reach all of it."""
_CONFIGURED: Final = ("categories", "prioritization", "queues", "mailboxes", "filters", "capturePoints")
_LIVE: Final = (
    "users",
    "apiKeys",
    "webhooks",
    "calendars",
    "attributes",
    "lookupTables",
    "contacts",
    "alarms",
)

PRIVILEGES: Final = frozenset(
    {
        *WORK_ITEMS,
        "dashboard.view",
        *(f"{n}.{v}" for n in (*_CONFIGURED, *_LIVE) for v in ("view", "update")),
        "rulesets.publish",
        *_names("agents", "view", "update", "state"),
        *_names("emails", "send", "review", "merge"),
        *_names("reports", "view", "agents", "schedule"),
        "contacts.erase",
        "reporting.read",
        "email.service",
        "audit.view",
        *_names("tenants", "view", "update"),
        "clock.set",
    }
)

_AGENT: Final = {
    **dict.fromkeys(
        _names(
            "workitems",
            "read",
            "search",
            "update",
            "hold",
            "resume",
            "complete",
            "transfer",
            "return",
            "pull",
            "note",
        ),
        Scope.OWN,
    ),
    "emails.send": Scope.OWN,
}
_VIEWER: Final = dict.fromkeys(
    (
        *_names("workitems", "read", "search"), "dashboard.view", "agents.view", "reports.view", "alarms.view",
        *(f"{n}.view" for n in _CONFIGURED), "calendars.view", "attributes.view", "lookupTables.view", "contacts.view",
    ),
    Scope.ALL,
)  # fmt: skip
_SUPERVISOR: Final = {
    **_VIEWER,
    **dict.fromkeys((n for n in WORK_ITEMS if n != "workitems.delete"), Scope.ALL),
    **dict.fromkeys(
        (
            *("agents.state", "emails.send", "emails.review", "emails.merge", "alarms.update"),
            *_names("reports", "agents", "schedule"),
        ),
        Scope.ALL,
    ),
}
_BUSINESS: Final = {
    **_SUPERVISOR,
    **dict.fromkeys(
        (
            *(f"{n}.update" for n in _CONFIGURED), "calendars.update", "attributes.update", "lookupTables.update",
            "contacts.update", "rulesets.publish", "agents.update", "audit.view",
        ),
        Scope.ALL,
    ),
}  # fmt: skip
_ADMINISTRATOR: Final = dict.fromkeys((p for p in PRIVILEGES if not p.startswith("tenants.")), Scope.ALL)

ROLES: Final[dict[Role, dict[str, Scope]]] = {
    Role.AGENT: _AGENT,
    Role.VIEWER: _VIEWER,
    Role.SUPERVISOR: _SUPERVISOR,
    Role.BUSINESS: _BUSINESS,
    Role.ADMINISTRATOR: _ADMINISTRATOR,
}


class Caller(Struct, kw_only=True):
    """Who asks, and what they may. `actor` is what the event log shows: `agent:…`, `user:…`, `key:…`, `system:…`."""

    tenant_id: str | None
    actor: str
    name: str
    role: Role | None = None
    privileges: dict[str, Scope] = {}
    categories: list[str] = []
    """Category paths of the caller's access groups (scope group): these and all below."""
    queues: list[str] = []
    agent_id: str | None = None
    login: str | None = None
    language: str = "en"
    time_zone: str = "UTC"
    csrf_token: str | None = None
    """Set for browser sessions: state-changing requests must bring it along."""

    def may(self, privilege: str) -> bool:
        return privilege in self.privileges

    def require(self, privilege: str) -> Scope:
        """The scope that the caller has the privilege in, else ForbiddenError naming it."""
        scope = self.privileges.get(privilege)
        if scope is None:
            raise ForbiddenError(
                f"this needs the privilege {privilege}",
                field=None,
                hint="ask an administrator for it",
                privilege=privilege,
            )
        return scope

    def sees(self, privilege: str, item: WorkItem) -> bool:
        """Whether the item is there for one who asks for it with this privilege: it lies within that, or can be read.

        ForbiddenError without the privilege, whatever the item: so that nobody learns from it what there is.
        """
        scope, reading = self.require(privilege), self.privileges.get("workitems.read")
        return self.covers(scope, item) or (reading is not None and self.covers(reading, item))

    def require_item(self, privilege: str, item: WorkItem) -> None:
        """The privilege, for this item: one's own, one of the access group's, or any.

        NotFoundError for an item that is not there for the caller; ForbiddenError only of one that they can read.
        """
        if not self.sees(privilege, item):
            raise no_such_item(item.id)
        if not self.covers(self.require(privilege), item):
            raise self.beyond(privilege)

    @staticmethod
    def beyond(privilege: str) -> ForbiddenError:
        """What is said of an item that is known to be there and lies outside of the privilege."""
        return ForbiddenError(
            f"this item is outside of what {privilege} covers for you",
            hint="only items of your own or of your access groups",
            privilege=privilege,
        )

    def covers(self, scope: Scope, item: WorkItem) -> bool:
        match scope:
            case Scope.ALL:
                return True
            case Scope.OWN:
                return self.agent_id is not None and self.agent_id in (
                    item.assigned_to, item.offered_to, item.reserved_for, item.keep_for,
                )  # fmt: skip
            case Scope.GROUP:
                path = item.category_path or ""
                return item.queue_id in self.queues or any(
                    path == c or path.startswith(f"{c}/") for c in self.categories
                )

    def restriction(self, privilege: str) -> dict[str, Any] | None:
        """What a search must be restricted to for this privilege; None = nothing."""
        match self.require(privilege):
            case Scope.ALL:
                return None
            case Scope.OWN:
                return {"agent": self.agent_id or ""}
            case Scope.GROUP:
                return {"categories": self.categories, "queues": self.queues}


def system(name: str, tenant_id: str | None = None) -> Caller:
    """OpenIWD itself, acting on time or on a rule."""
    return Caller(
        tenant_id=tenant_id,
        actor=f"system:{name}",
        name=name,
        privileges=dict.fromkeys(PRIVILEGES, Scope.ALL),
    )


def role_privileges(role: Role, *, grouped: bool) -> dict[str, Scope]:
    """The default privileges of a role; with access groups, those over items reach only these."""
    granted = dict(ROLES[role])
    if grouped:
        for name, scope in granted.items():
            if name.startswith(OF_ITEMS) and scope is Scope.ALL:
                granted[name] = Scope.GROUP
    return granted
