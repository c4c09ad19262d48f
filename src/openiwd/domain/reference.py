"""Reference pages that are made from the tables in the code, so that they cannot be out of date. Pure text."""

from __future__ import annotations

from openiwd.domain import lifecycle, mart_dictionary, setting_key
from openiwd.domain.doctor.wording import WORDING
from openiwd.domain.event import EventType
from openiwd.domain.privilege import PRIVILEGES, ROLES, Role

_MADE = "Made from `{module}` by `openiwd reference`; do not edit."

_OF_ITEMS = (
    "`from`, `to` (statuses), `set` (changed fields with their new values), and where it applies `offer`, "
    "`assignment`, `assignmentStarted`, `agent`, `reason`, `rules`, `warnings`"
)
_ROLES = (
    "A user has one role, an API key a role or single privileges. With access groups, item privileges that reach "
    "all items reach those of the access groups only; so do those over emails. `own` means items assigned to, offered "
    "to or reserved for the agent. An item out of reach is answered as one that is not there (404); 403 means that a "
    "privilege is missing, or does not go as far as reading does."
)
_LOG = (
    "The log is append-only. Each event has `generation`, `pos` (dense, in commit order), `at`, `type`, `actor`, and "
    "for an item its `item`, `itemNumber` and `revision`: one event per revision, so that an item's state at any "
    "revision or instant is the fold of its events. Values of persons (subject, description, contact, data, "
    "ext.customerId, comments) lie apart under the same position; erasure blanks them and keeps the event."
)


def roles() -> str:
    """Privileges by role, with their scope."""
    names = list(Role)
    lines = [
        "# Roles and privileges",
        "",
        _MADE.format(module="openiwd.domain.privilege"),
        "",
        _ROLES,
        "",
        f"| privilege | {' | '.join(names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    for privilege in sorted(PRIVILEGES):
        scopes = [ROLES[role].get(privilege) for role in names]
        lines.append(f"| `{privilege}` | {' | '.join('' if s is None else s.value for s in scopes)} |")
    lines += ["", "`tenants.*` belong to the platform key alone.", ""]
    return "\n".join(lines)


def events() -> str:
    """The event types and what their bodies hold."""
    lines = [
        "# Events",
        "",
        _MADE.format(module="openiwd.domain.event"),
        "",
        _LOG,
        "",
        f"Body of an item's event: {_OF_ITEMS}.",
        "",
        "| type | of |",
        "|---|---|",
    ]
    other = {
        EventType.AGENT_CHANGED: "an agent's profile",
        EventType.AGENT_STATE_CHANGED: "an agent's states",
        EventType.RULE_SET_PUBLISHED: "the rule set: a version has become live",
        EventType.CONFIGURATION_CHANGED: "live configuration (lookup tables, hold reasons, …)",
        EventType.DECIDER_CHANGED: "the decider: another process has taken over",
        EventType.ALARM_RAISED: "an alarm: its cause has begun",
        EventType.ALARM_CHANGED: "an alarm: acknowledged, owned or given back",
        EventType.ALARM_CLEARED: "an alarm: its cause has ended",
        EventType.CONTACT_ERASED: "a contact: its personal values are erased",
        EventType.BACKLOG_SAMPLED: "the backlog: how many items wait, by queue and range of priority",
    }
    lines += [f"| `{kind.value}` | {other.get(kind, 'an item')} |" for kind in EventType]
    return "\n".join([*lines, ""])


def doctor() -> str:
    """The findings of the doctor with their sentences."""
    lines = [
        "# Findings of the doctor",
        "",
        _MADE.format(module="openiwd.domain.doctor.wording"),
        "",
        "| finding | what | fix |",
        "|---|---|---|",
    ]
    return "\n".join(
        [*lines, *(f"| `{code}` | {what} | {fix} |" for code, (what, fix) in WORDING.items()), ""]
    )


PAGES = {
    "states.md": lifecycle.documentation,
    "roles.md": roles,
    "events.md": events,
    "doctor.md": doctor,
    "data-mart.md": mart_dictionary.documentation,
    "configuration.md": setting_key.documentation,
}
"""File name -> what makes it."""
