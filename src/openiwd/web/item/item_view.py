"""One item as shown beside the list, on its own page and in the workspace: facts, acts, contact."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from openiwd.domain.category import Category
from openiwd.domain.hold_reason import HoldReason
from openiwd.domain.lifecycle import Action, allowed
from openiwd.domain.privilege import Caller
from openiwd.domain.work_item import Status, WorkItem
from openiwd.ports.tenant_store import Note
from openiwd.usecases.command import PRIVILEGE
from openiwd.web.item.history_view import actor_name
from openiwd.web.item.row_view import (
    PriorityView,
    Shown,
    SlaView,
    icon_of,
    long_path,
    media_name,
    priority_view,
    sla_view,
    subject_of,
)
from openiwd.web.shell.time_text import Moment
from openiwd.web.shell.visit import initials

ACTS: Final = (
    (Action.ASSIGN, "a", False),
    (Action.HOLD, "h", False),
    (Action.RESUME, None, False),
    (Action.COMPLETE, None, False),
    (Action.TRANSFER, "t", False),
    (Action.RETURN, None, False),
    (Action.ACTIVATE, None, False),
    (Action.REOPEN, None, False),
    (Action.RESTART, None, False),
    (Action.CANCEL, None, True),
)


class ActView(NamedTuple):
    action: str
    text: str
    key: str | None
    danger: bool


class ContactView(NamedTuple):
    name: str
    initials: str
    lines: list[str]


class ItemCard(NamedTuple):
    """The head of an item, and what can be done with it."""

    id: str
    revision: int
    subject: str
    status: str
    offered: bool
    icon: str
    media_type: str
    priority: PriorityView | None
    sla: SlaView | None
    category_path: str
    capture_id: str
    capture_point: str
    source_url: str | None
    source_host: str
    error: str | None
    acts: list[ActView]
    mine: bool
    can_take: bool
    contact: ContactView | None
    from_text: str
    dispositions: tuple[str, ...]
    disposition_required: bool


class Fact(NamedTuple):
    name: str
    value: str
    mono: bool = False
    moment: Moment | None = None
    href: str | None = None


class FactGroup(NamedTuple):
    name: str
    facts: list[Fact]


class Details(NamedTuple):
    facts: list[Fact]
    groups: list[FactGroup]
    description: str | None
    tags: list[str]


class NoteView(NamedTuple):
    author: str
    initials: str
    moment: Moment | None
    text: str


def category_of(item: WorkItem, shown: Shown) -> Category | None:
    return (
        shown.rules.categories.get(item.category_id) if shown.rules is not None and item.category_id else None
    )


def acts_of(item: WorkItem, caller: Caller, shown: Shown) -> list[ActView]:
    """What the lifecycle allows in this status and the caller may do with this item."""
    acts = []
    for action, key, danger in ACTS:
        privilege = PRIVILEGE[action]
        scope = caller.privileges.get(privilege)
        if scope is not None and caller.covers(scope, item) and allowed(action, item.status):
            acts.append(ActView(action.value, shown.t(f"act.{action.value}"), key, danger))
    return acts


def with_modify(card: ItemCard, item: WorkItem, caller: Caller, shown: Shown) -> ItemCard:
    """The card with the act that changes fields, where the caller may; the workspace has it not."""
    scope = caller.privileges.get(PRIVILEGE[Action.UPDATE])
    if scope is None or not caller.covers(scope, item) or not allowed(Action.UPDATE, item.status):
        return card
    act = ActView(Action.UPDATE.value, shown.t("uq.act.update"), "m", danger=False)
    return card._replace(acts=[*card.acts[:3], act, *card.acts[3:]])


def item_card(item: WorkItem, caller: Caller, shown: Shown) -> ItemCard:
    t, times = shown.t, shown.times
    contact = contact_view(item.contact)
    told = []
    if contact is not None:
        told.append(t("workspace.from", name=contact.name))
    moment = times.moment(item.created_at)
    if moment is not None and item.status not in (Status.COMPLETED, Status.CANCELED, Status.REJECTED):
        told.append(t("workspace.waiting_since", at=moment.text))
    node = category_of(item, shown)
    me = caller.agent_id
    return ItemCard(
        id=str(item.id),
        revision=item.revision,
        subject=subject_of(item, t),
        status=item.status.value,
        offered=item.offer_id is not None,
        icon=icon_of(item.media_type),
        media_type=media_name(item.media_type, shown.rules, t),
        priority=priority_view(item, shown),
        sla=sla_view(item, times),
        category_path=long_path(item.category_path, t),
        capture_id=item.capture_id,
        capture_point=item.capture_point,
        source_url=item.source_url,
        source_host=urlsplit(item.source_url or "").hostname or item.capture_point,
        error=item.error,
        acts=acts_of(item, caller, shown),
        mine=me is not None and item.assigned_to == me,
        can_take=me is not None
        and item.status is Status.QUEUED
        and item.reserved_for == me
        and item.offer_id is None,
        contact=contact,
        from_text=", ".join(told),
        dispositions=node.dispositions if node is not None else (),
        disposition_required=node.disposition_required if node is not None else False,
    )


def contact_view(contact: dict[str, Any] | None) -> ContactView | None:
    if not contact:
        return None
    lines = [
        contact.get("customerId"),
        *contact.get("emails", []),
        *contact.get("phones", []),
        contact.get("language"),
    ]
    known = [str(line) for line in lines if line]
    name = contact.get("name") or (known[0] if known else None)
    return ContactView(str(name), initials(str(name)), [x for x in known if x != name]) if name else None


def requirement_text(item: WorkItem, shown: Shown) -> str:
    t, need = shown.t, item.requirement
    parts = [t("field.skill", skill=skill, level=str(level)) for skill, level in need.skills]
    parts += [
        t("field.agent_only" if need.agents_only else "field.agent", name=shown.agent(a)) for a in need.agents
    ]
    parts += [t("field.group_only" if need.groups_only else "field.group", name=g) for g in need.groups]
    return ", ".join(parts)


def details_of(
    item: WorkItem, shown: Shown, hold_reasons: dict[str, HoldReason], *, brief: bool = False
) -> Details:
    """All that is known of the item, empty fields left out; `brief` for the workspace."""
    t, times = shown.t, shown.times
    facts: list[Fact] = []

    def fact(key: str, value: Any, *, mono: bool = False, href: str | None = None) -> None:
        if value not in (None, "", 0):
            facts.append(Fact(t(f"field.{key}"), str(value), mono, None, href))

    def instant(key: str, at: Any, extra: str = "") -> None:
        moment = times.moment(at)
        if moment is not None:
            facts.append(Fact(t(f"field.{key}"), extra, moment=moment))

    fact("queue", shown.queue(item.queue_id) if item.queue_id else None)
    if not brief:
        fact("assigned", shown.agent(item.assigned_to))
        fact("offered", shown.agent(item.offered_to) if item.offer_id is not None else None)
    fact("reserved", shown.agent(item.reserved_for))
    reason = hold_reasons.get(item.hold_reason) if item.hold_reason else None
    fact("hold", reason.name if reason is not None else item.hold_reason)
    instant("hold_until", item.hold_until)
    fact("value", item.business_value)
    fact("fixed", item.priority_fixed)
    fact("adjustment", item.priority_adjustment)
    fact("requires", requirement_text(item, shown))
    origin = (
        t("field.due_by", origin=t.named("origin", item.due_origin.value))
        if item.due_origin and not brief
        else ""
    )
    instant("due", item.due_at, origin)
    instant(
        "created",
        item.created_at,
        times.t("time.ago", span=times.since(item.created_at)) if not brief else "",
    )
    instant("activation", item.activation_at)
    instant("finished", item.completed_at)
    fact("result", item.ext.get("resultCode"))
    if not brief:
        fact("source", item.capture_point if item.source_url else None, href=item.source_url)
        fact("capture_point", item.capture_point)
    fact("capture_id", item.capture_id, mono=True)
    if not brief:
        fact("media", media_name(item.media_type, shown.rules, shown.t))
        fact("channel", item.channel)
        fact("schema", _schema_name(item, shown))
        fact("version", item.rule_set_version)
        fact("revision", item.revision)
        fact("id", item.id, mono=True)
    return Details(facts, _groups(item, shown, brief=brief), item.description, item.tags)


def without_email(details: Details) -> Details:
    """For a page that shows the emails themselves: without what rules know of the first one."""
    groups = [
        g._replace(facts=[f for f in g.facts if not f.name.startswith("email.")]) for g in details.groups
    ]
    return details._replace(groups=[g for g in groups if g.facts])


def _schema_name(item: WorkItem, shown: Shown) -> str | None:
    if shown.rules is None or item.schema_id is None:
        return item.schema_id
    return next((s.name for s in shown.rules.document.schemas if s.id == item.schema_id), item.schema_id)


def _groups(item: WorkItem, shown: Shown, *, brief: bool) -> list[FactGroup]:
    t = shown.t
    labels = {a.name: a.label for a in shown.rules.document.attributes} if shown.rules is not None else {}
    groups = []
    if item.data:
        groups.append(
            FactGroup(t("item.data"), [Fact(labels.get(k) or k, _value(v)) for k, v in _flat(item.data)])
        )
    ext = {k: v for k, v in item.ext.items() if v not in (None, "", [])}
    if ext:
        groups.append(FactGroup(t("item.ext"), [Fact(k, _value(v)) for k, v in sorted(ext.items())]))
    contact = contact_view(item.contact)
    if contact is not None and not brief:
        groups.append(
            FactGroup(t("item.contact"), [Fact(contact.name, "\n".join(contact.lines) or t("item.none"))])
        )
    return groups


def _flat(data: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in data.items():
        if isinstance(value, dict) and value:
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_value(v) for v in value)
    if isinstance(value, bool):
        return "✓" if value else "✗"
    return "–" if value is None else str(value)


def note_views(notes: list[Note], shown: Shown) -> list[NoteView]:
    """Newest first."""
    found = []
    for note in sorted(notes, key=lambda n: n.at, reverse=True):
        author = actor_name(note.author, shown)
        found.append(NoteView(author, initials(author), shown.times.moment(note.at), note.text))
    return found
