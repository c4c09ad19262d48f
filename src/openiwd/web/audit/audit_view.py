"""Entries of the audit log as lines: who, what, when, what differs, and where the object is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote
from uuid import UUID

from openiwd.usecases.configuration import AuditRecord
from openiwd.web.people.difference_view import Change, changes_of, changes_of_rows, value_text
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.time_text import Moment, TimeText

ROOMS: Final[Mapping[str, str]] = {
    "agent": "/configuration/agents/{id}",
    "skill": "/configuration/skills?q={id}",
    "group": "/configuration/groups?q={id}",
    "hold reason": "/configuration/hold-reasons?q={id}",
    "lookup table": "/configuration/lookup-tables/{id}",
    "user": "/configuration/users?q={id}",
    "access group": "/configuration/access-groups/{id}",
    "API key": "/configuration/api-keys?q={id}",
    "capture point": "/configuration/capture-points?q={id}",
    "report schedule": "/reports/schedules/{id}",
    "webhook": "/configuration/webhooks/{id}",
    "mailbox": "/configuration/mailboxes/{id}",
    "standard response": "/configuration/standard-responses/{id}",
    "filter": "/configuration/filters/{id}",
    "ruleSet": "/configuration/drafts#versions",
    "ruleSetDraft": "/configuration/drafts",
    "category": "/configuration/categories#{id}",
    "schema": "/configuration/schemas#{id}",
    "queue": "/configuration/queues#{id}",
    "calendar": "/configuration/calendars#{id}",
    "rule": "/configuration/rules#{id}",
}
"""Where an object of a kind is found. What was deleted has no address."""
GONE: Final = frozenset({"deleted", "revoked", "discarded"})
SHOWN: Final = 12


class AuditLine(NamedTuple):
    id: int
    moment: Moment | None
    ago: str
    actor: str
    actor_query: str
    action: str
    css: str
    kind: str
    object_id: str
    name: str
    """What people call it: an id that nobody can read stands behind it."""
    href: str
    changes: list[Change]
    more: int


def line_of(entry: AuditRecord, t: Catalogue, times: TimeText, name_of: Callable[[str], str]) -> AuditLine:
    """One entry; long changes are cut, the export has all of them."""
    changes = all_changes(entry)
    ago = times.ago(entry.at)
    return AuditLine(
        id=entry.id,
        moment=times.moment(entry.at),
        ago=ago.text if ago is not None else "",
        actor=name_of(entry.actor),
        actor_query=entry.actor,
        action=t.named("audit_action", entry.action),
        css=_css(entry.action),
        kind=kind_name(entry.object_kind, t),
        object_id=entry.object_id or "",
        name=name_of_object(entry),
        href=href_of(entry),
        changes=changes[:SHOWN],
        more=max(0, len(changes) - SHOWN),
    )


def _css(action: str) -> str:
    if action in GONE or action == "deactivated":
        return "bad"
    return "ok" if action in ("created", "published") else "accent"


def kind_name(kind: str, t: Catalogue) -> str:
    return t.named("audit_kind", kind.replace(" ", "_"))


def name_of_object(entry: AuditRecord) -> str:
    """Its id; of a UUID the name that the entry tells."""
    object_id = entry.object_id or ""
    try:
        UUID(object_id)
    except ValueError:
        return object_id
    told = (entry.detail.get("after"), entry.detail.get("before"), entry.detail)
    names = (one.get("name") for one in told if isinstance(one, Mapping))
    return next((name for name in names if isinstance(name, str) and name), object_id)


def href_of(entry: AuditRecord) -> str:
    pattern = ROOMS.get(entry.object_kind)
    if pattern is None or entry.object_id is None or entry.action in GONE:
        return ""
    return pattern.format(id=quote(entry.object_id, safe=""))


def all_changes(entry: AuditRecord) -> list[Change]:
    """What differs between before and after, then what else the entry tells."""
    detail = entry.detail
    before, after = detail.get("before"), detail.get("after")
    changes = changes_of(before, after) if isinstance(before, Mapping) or isinstance(after, Mapping) else []
    rows = detail.get("rows")
    if isinstance(rows, list):
        changes += changes_of_rows([r for r in rows if isinstance(r, Mapping)])
    changes += [
        Change(name, None, value_text(value))
        for name, value in detail.items()
        if name not in ("before", "after", "rows") and value is not None
    ]
    return changes


def cells_of(entry: AuditRecord) -> list[Any]:
    """One line of the export."""
    told = "; ".join(
        f"{c.field}: {c.before if c.before is not None else ''} → {c.after if c.after is not None else ''}"
        for c in all_changes(entry)
    )
    return [
        str(entry.id),
        entry.at.isoformat(),
        entry.actor,
        entry.action,
        entry.object_kind,
        entry.object_id or "",
        told,
    ]
