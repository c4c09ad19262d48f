"""The events of an item in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from openiwd.usecases.item_detail import HistoryEntry
from openiwd.web.item.row_view import Shown, long_path
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.time_text import Moment

ICONS: Final = {
    "created": "plus",
    "classified": "tree",
    "reclassified": "tree",
    "activated": "play",
    "updated": "edit",
    "held": "pause",
    "resumed": "play",
    "canceled": "st-canceled",
    "completed": "check",
    "reopened": "undo",
    "restarted": "rotate",
    "deleted": "trash",
    "offered": "bell",
    "assigned": "user",
    "offerDeclined": "x",
    "offerTimedOut": "clock",
    "offerWithdrawn": "undo",
    "offerLost": "alert",
    "returned": "undo",
    "transferred": "forward",
    "reservationEnded": "users",
    "routed": "send",
    "routingEnded": "undo",
    "noteAdded": "edit",
    "tagged": "flag",
    "attachmentAdded": "clip",
    "linked": "link",
    "emailReceived": "mail",
    "emailWritten": "edit",
    "emailSent": "mail",
    "emailFailed": "alert",
    "emailMoved": "forward",
    "personalDataErased": "trash",
}
TOLD: Final = frozenset(
    {
        "status",
        "categoryPath",
        "categoryId",
        "departmentId",
        "processId",
        "queue",
        "schemaId",
        "segment",
        "assignedToUser",
        "assignmentId",
        "assignedDateTime",
        "offerId",
        "offeredTo",
        "offeredDateTime",
        "offerExpiresDateTime",
        "queuedDateTime",
        "heldDateTime",
        "holdReason",
        "holdPauses",
        "completedDateTime",
        "lastAgent",
        "ruleSetVersion",
        "anchorDateTime",
        "receivedDateTime",
        "createdDateTime",
        "contactId",
        "excluded",
        "declines",
        "expirationDateTime",
        "reservedFor",
        "reservedUntil",
        "reservedBy",
        "keepFor",
        "captureId",
        "capturePoint",
        "mediaType",
        "requires",
        "attachedData",
        "category",
        "reopenedDateTime",
        "revision",
        "dueOrigin",
    }
)
"""Fields that the event's own sentence already says, or that are bookkeeping."""
LONGEST: Final = 120


class Entry(NamedTuple):
    moment: Moment
    icon: str
    title: str
    lines: list[str]


def history_entries(entries: Sequence[HistoryEntry], shown_by: Shown) -> list[Entry]:
    """Newest first."""
    state: dict[str, Any] = {}
    told: list[Entry] = []
    for entry in entries:
        before = dict(state)
        state.update(entry.changes)
        told.append(_entry(entry, before, state, shown_by))
    return told[::-1]


def _entry(entry: HistoryEntry, before: dict[str, Any], state: dict[str, Any], shown_by: Shown) -> Entry:
    t = shown_by.t
    moment = shown_by.times.moment(entry.at)
    if moment is None:
        raise ValueError(entry.at)
    who = _agent(entry, before, state)
    title = (
        t(f"event.{entry.type}", agent=shown_by.agent(who) or "–")
        if t.has(f"event.{entry.type}")
        else entry.type
    )
    return Entry(moment, ICONS.get(entry.type, "history"), title, _lines(entry, before, state, shown_by, who))


def _agent(entry: HistoryEntry, before: dict[str, Any], state: dict[str, Any]) -> str | None:
    offer, assignment = entry.details.get("offer"), entry.details.get("assignment")
    if entry.type.startswith("offer") and isinstance(offer, dict):
        return offer.get("agent")
    if entry.type == "offered":
        return state.get("offeredTo")
    if entry.type == "assigned":
        return state.get("assignedToUser")
    if isinstance(assignment, dict):
        return assignment.get("agent")
    return before.get("offeredTo")


def _lines(
    entry: HistoryEntry, before: dict[str, Any], state: dict[str, Any], shown_by: Shown, who: str | None
) -> list[str]:
    t, lines = shown_by.t, []
    changes = entry.changes
    first = []
    if entry.actor != f"agent:{who}":
        first.append(t("event.by", actor=actor_name(entry.actor, shown_by)))
    if entry.from_status and entry.to_status and entry.from_status != entry.to_status:
        first.append(
            t(
                "event.status",
                **{"from": t.named("status", entry.from_status), "to": t.named("status", entry.to_status)},
            )
        )
    if first:
        lines.append(" · ".join(first))
    if "categoryPath" in changes and state.get("categoryPath"):
        path = long_path(state["categoryPath"], t)
        lines.append(t("event.into", category=path, queue=shown_by.queue(state.get("queue"))))
    elif "queue" in changes and state.get("queue"):
        lines.append(t("event.in_queue", queue=shown_by.queue(state["queue"])))
    if changes.get("reservedFor"):
        lines.append(t("event.reserved", agent=shown_by.agent(changes["reservedFor"])))
    email = entry.details.get("email")
    if isinstance(email, dict) and email.get("status") == "withdrawn":
        lines.append(t("mail_state.withdrawn"))
    reason = entry.details.get("reason") or (changes.get("holdReason") if entry.type == "held" else None)
    if reason:
        lines.append(t("event.reason", reason=reason))
    if entry.comment:
        lines.append(t("event.reason", reason=entry.comment))
    if changes.get("error"):
        lines.append(str(changes["error"]))
    if entry.type != "created":
        lines += _changed(changes, before, t, shown_by.times.moment)
    lines += [str(w) for w in entry.details.get("warnings") or ()]
    return lines


def _changed(
    changes: dict[str, Any],
    before: dict[str, Any],
    t: Catalogue,
    moment: Callable[[datetime | None], Moment | None],
) -> list[str]:
    lines: list[str] = []
    for name, after in changes.items():
        if name in TOLD or name == "error":
            continue
        if name in ("data", "ext") and isinstance(after, dict):
            old = before.get(name) if isinstance(before.get(name), dict) else {}
            for key in sorted(set(after) | set(old or {})):
                was, is_now = (old or {}).get(key), after.get(key)
                if was != is_now:
                    lines.append(
                        t("event.change", name=key, before=_short(was, moment), after=_short(is_now, moment))
                    )
            continue
        lines.append(
            t("event.change", name=name, before=_short(before.get(name), moment), after=_short(after, moment))
        )
    return lines


def _short(value: Any, moment: Callable[[datetime | None], Moment | None]) -> str:
    if value is None or value in ("", [], {}):
        return "–"
    text = str(value)
    if isinstance(value, str) and len(value) >= 19 and value[4:5] == "-" and value[10:11] == "T":
        try:
            shown = moment(datetime.fromisoformat(value))
        except ValueError:
            shown = None
        text = shown.text if shown is not None else text
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def actor_name(actor: str, shown_by: Shown) -> str:
    """`agent:rossi` → the agent's name, `key:claims` → claims (API key)."""
    kind, _, name = actor.partition(":")
    t = shown_by.t
    if kind == "agent":
        name = shown_by.agent(name)
    return t(f"actor.{kind}", name=name) if t.has(f"actor.{kind}") else actor
