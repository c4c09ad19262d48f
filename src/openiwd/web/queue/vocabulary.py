"""The attributes that the list can be filtered by, shown and sorted by: their types, words, choices. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from openiwd.domain.attribute import MEDIA_TYPES, AttributeConfig, AttributeType
from openiwd.domain.category import CategoryConfig
from openiwd.domain.hold_reason import HoldReason
from openiwd.domain.work_item import Ext, Status
from openiwd.web.item.row_view import Shown, media_name

TEXT, NUMBER, DATE, BOOLEAN, LIST, CHOICE = "text", "number", "date", "boolean", "list", "choice"

_BUILT_IN: Final[Mapping[str, Mapping[str, str]]] = {
    "item": {
        "status": CHOICE, "categoryPath": CHOICE, "queue": CHOICE, "subject": TEXT, "description": TEXT,
        "mediaType": CHOICE, "channel": TEXT, "capturePoint": TEXT, "captureId": TEXT, "tags": LIST,
        "businessValue": NUMBER, "priority": NUMBER, "priorityFixed": NUMBER, "priorityAdjustment": NUMBER,
        "holdReason": CHOICE, "segment": TEXT, "error": TEXT,
    },
    "date": {
        "dueDateTime": DATE, "overdue": BOOLEAN, "createdDateTime": DATE, "receivedDateTime": DATE,
        "queuedDateTime": DATE, "assignedDateTime": DATE, "heldDateTime": DATE, "holdUntil": DATE,
        "activationDateTime": DATE, "completedDateTime": DATE, "reopenedDateTime": DATE, "expirationDateTime": DATE,
    },
    "agent": {
        "assignedToUser": CHOICE, "offeredTo": CHOICE, "reservedFor": CHOICE, "keepFor": CHOICE, "lastAgent": CHOICE,
    },
    "contact": {
        "contact.name": TEXT, "contact.customerId": TEXT, "contact.emails": LIST, "contact.phones": LIST,
        "contact.language": TEXT,
    },
}  # fmt: skip
_DECLARED: Final = {
    AttributeType.STRING: TEXT,
    AttributeType.INTEGER: NUMBER,
    AttributeType.DECIMAL: NUMBER,
    AttributeType.BOOLEAN: BOOLEAN,
    AttributeType.DATE: DATE,
    AttributeType.LIST: LIST,
}
_UNSORTED: Final = frozenset({"tags", "ext.requestedSkill"})


class Known(NamedTuple):
    """One attribute. `options` are its choices as (value, text)."""

    name: str
    label: str
    type: str
    group: str
    options: Sequence[tuple[str, str]] = ()

    @property
    def is_sortable(self) -> bool:
        """Whether a search can order by it."""
        return self.name not in _UNSORTED and not self.name.startswith(("data.", "contact."))


def vocabulary(shown: Shown, hold_reasons: Mapping[str, HoldReason] | None = None) -> dict[str, Known]:
    """All attributes by name: built-in ones, extended ones, and those that the live rule set declares."""
    options = _options(shown, hold_reasons or {})
    found = [
        Known(name, label_of(name, shown), kind, group, options.get(name, ()))
        for group, names in _BUILT_IN.items()
        for name, kind in names.items()
    ]
    extended = [f"ext.{name}" for name in Ext.__struct_encode_fields__]
    found += [
        Known(name, label_of(name, shown), DATE if name.endswith("DateTime") else TEXT, "ext")
        for name in extended
    ]
    declared = shown.rules.document.attributes if shown.rules is not None else []
    found += [_declared(one) for one in declared]
    return {one.name: one for one in found}


def _declared(one: AttributeConfig) -> Known:
    kind = _DECLARED[one.type]
    if one.allowed and kind == TEXT:
        return Known(
            f"data.{one.name}", one.label or one.name, CHOICE, "data", [(str(v), str(v)) for v in one.allowed]
        )
    return Known(f"data.{one.name}", one.label or one.name, kind, "data")


def label_of(name: str, shown: Shown) -> str:
    """What people call an attribute; its name where nobody has said."""
    key = f"uq.attribute.{name}"
    if shown.t.has(key):
        return shown.t(key)
    if name.startswith("data.") and shown.rules is not None:
        found = next((a for a in shown.rules.document.attributes if f"data.{a.name}" == name), None)
        if found is not None:
            return found.label or found.name
    return name.partition(".")[2] if name.startswith(("data.", "ext.")) else name


def _options(shown: Shown, hold_reasons: Mapping[str, HoldReason]) -> dict[str, Sequence[tuple[str, str]]]:
    t, rules = shown.t, shown.rules
    people = sorted(shown.agents.items(), key=lambda found: found[1].casefold())
    media = [m.id for m in MEDIA_TYPES] if rules is None else list(rules.media_types)
    return {
        "status": [(s.value, t.named("status", s.value)) for s in Status],
        "queue": [(q.id, q.name) for q in rules.queues.values()] if rules is not None else [],
        "categoryPath": _paths(rules.document.categories, "") if rules is not None else [],
        "mediaType": [(m, media_name(m, rules, t)) for m in media],
        "holdReason": [(r.id, r.name) for r in hold_reasons.values()],
        **dict.fromkeys(_BUILT_IN["agent"], people),
    }


def _paths(categories: Sequence[CategoryConfig], parent: str) -> list[tuple[str, str]]:
    found = []
    for one in categories:
        path = f"{parent}/{one.name}" if parent else one.name
        found.append((path, path.replace("/", " › ")))
        found += _paths(one.children, path)
    return found


def as_data(known: Mapping[str, Known]) -> list[dict[str, Any]]:
    """For the builder in the page."""
    return [
        {"name": k.name, "label": k.label, "type": k.type, "group": k.group, "options": list(k.options)}
        for k in known.values()
    ]
