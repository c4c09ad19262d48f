"""Judging: items meet the rules. Creation, update, reclassification, restart, reopening. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.event import EventType, changes, item_event
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.judgement import Facts, Judgement, Outcome, judge
from openiwd.domain.lifecycle import Action, require
from openiwd.domain.schema import Anchor, Schema, due_at
from openiwd.domain.transition import (
    Change,
    Context,
    changed,
    end_holding,
    queue_of,
    released,
    reservation_end,
    unreserved,
)
from openiwd.domain.work_item import (
    DueOrigin,
    Ext,
    ItemId,
    ItemSubmission,
    ItemUpdate,
    Status,
    WorkItem,
    check_data,
    check_instant,
    check_text,
    surely_storable,
)

_SIGNED: Final = re.compile(r"[+-]\d{1,9}")


class Reclassify(StrEnum):
    """When an update is judged again: never, when an attribute that a rule uses has changed, or always."""

    NEVER = "never"
    ON_CHANGE = "onChange"
    ALWAYS = "always"


def _priority_input(
    priority: Any, fixed: int | None, adjustment: int | None
) -> tuple[int | None, int | None]:
    """`priority: 50` means priorityFixed 50, `"+10"` means priorityAdjustment 10."""
    if priority is None:
        return fixed, adjustment
    if isinstance(priority, str):
        if not _SIGNED.fullmatch(priority):
            raise InvalidInputError(
                f"priority '{priority}' is neither a number nor a signed text",
                field="priority",
                hint='write 50, "+10" or "-5"',
            )
        if adjustment is not None:
            raise InvalidInputError(
                "priority and priorityAdjustment say the same thing",
                field="priority",
                hint="give one of them",
            )
        return fixed, int(priority)
    if isinstance(priority, float):
        if not priority.is_integer():
            raise InvalidInputError(
                f"priority {priority} is not whole", field="priority", hint="use a whole number"
            )
        priority = int(priority)
    if not -2_147_483_648 <= priority <= 2_147_483_647:
        raise InvalidInputError(
            f"priority {priority} is out of range", field="priority", hint="use a 32-bit number"
        )
    if fixed is not None:
        raise InvalidInputError(
            "priority and priorityFixed say the same thing", field="priority", hint="give one of them"
        )
    return priority, adjustment


def _check_submission(new: ItemSubmission, now: datetime) -> None:
    check_instant(new.created_date_time, now, "createdDateTime", future=False)
    check_instant(new.activation_date_time, now, "activationDateTime")
    check_instant(new.due_date_time, now, "dueDateTime")
    check_instant(new.expiration_date_time, now, "expirationDateTime")
    ext = msgspec.to_builtins(new.ext) if new.ext is not None else {}
    _check_ext_instants(ext, now)
    if not surely_storable(new):
        _check_closely(new, ext)


def _check_closely(new: ItemSubmission, ext: dict[str, Any]) -> None:
    """Finds out which field it is that cannot be stored, if any."""
    texts = {
        "captureId": new.capture_id,
        "capturePoint": new.capture_point,
        "mediaType": new.media_type,
        "channel": new.channel,
        "category": new.category,
        "subject": new.subject,
        "description": new.description,
        "sourceUrl": new.source_url,
    }
    for field, text in texts.items():
        if text is not None:
            check_text(text, field)
    for tag in new.tags:
        check_text(tag, "tags")
    check_data(ext, "ext")
    if new.data:
        check_data(new.data)
    if new.contact is not None:
        check_data(msgspec.to_builtins(new.contact), "contact")


def _check_ext(ext: dict[str, Any], now: datetime) -> None:
    check_data(ext, "ext")
    _check_ext_instants(ext, now)


def _check_ext_instants(ext: dict[str, Any], now: datetime) -> None:
    for name in ("sourceCreatedDateTime", "sourceDueDateTime", "sourceFirstCreatedDateTime"):
        if ext.get(name):
            check_instant(datetime.fromisoformat(ext[name]), now, f"ext.{name}")


def create(new: ItemSubmission, ctx: Context, item_id: UUID) -> Change:
    """A new item: checked, classified and valued, in one step and one event."""
    _check_submission(new, ctx.now)
    fixed, adjustment = _priority_input(new.priority, new.priority_fixed, new.priority_adjustment)
    item = WorkItem(
        id=ItemId(item_id),
        capture_point=new.capture_point,
        capture_id=new.capture_id,
        media_type=new.media_type,
        channel=new.channel,
        named_category=new.category,
        business_value=new.business_value or 0,
        priority_fixed=fixed,
        priority_adjustment=adjustment or 0,
        subject=new.subject,
        description=new.description,
        source_url=new.source_url,
        contact=msgspec.to_builtins(new.contact) if new.contact is not None else None,
        ext=msgspec.to_builtins(new.ext) if new.ext is not None else {},
        data=new.data or {},
        tags=list(dict.fromkeys(new.tags)),
        received_at=ctx.now,
        created_at=new.created_date_time or ctx.now,
        activation_at=new.activation_date_time,
        due_at=new.due_date_time,
        due_origin=DueOrigin.SOURCE if new.due_date_time is not None else None,
        expiration_at=new.expiration_date_time,
    )
    judged, trace = judged_anew(item, ctx, first=True)
    event = item_event(EventType.CREATED, None, judged, at=ctx.now, actor=ctx.actor, rules=trace or None)
    return Change(judged, event)


def source_view(item: WorkItem) -> WorkItem:
    """The item as its source left it: what rules had replaced is put back, what they had made is taken away."""
    base = replace(item, ext=dict(item.ext), data=_deep_copy(item.data), overridden={})
    return _restore(base, item) if item.overridden else base


def _deep_copy(data: dict[str, Any]) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(data)) if data else {}


def _restore(item: WorkItem, original: WorkItem) -> WorkItem:
    updates: dict[str, Any] = {}
    for name, value in original.overridden.items():
        if name.startswith(("data.", "ext.")):
            _set_path(item, name, value)
        elif name == "dueDateTime":
            updates["due_at"] = datetime.fromisoformat(value) if value else None
            updates["due_origin"] = DueOrigin.SOURCE if value else None
        elif name == "businessValue":
            updates["business_value"] = value
        elif name == "priorityAdjustment":
            updates["priority_adjustment"] = value
    return replace(item, **updates) if updates else item


def _set_path(item: WorkItem, path: str, value: Any) -> Any:
    """Sets `data.a.b` or `ext.x` (None removes); returns what was there before."""
    root, _, rest = path.partition(".")
    node: dict[str, Any] = item.data if root == "data" else item.ext
    *parents, leaf = rest.split(".")
    for name in parents:
        inner = node.get(name)
        if not isinstance(inner, dict):
            inner = {}
            node[name] = inner
        node = inner
    before = node.get(leaf)
    if value is None:
        node.pop(leaf, None)
    else:
        node[leaf] = value
    return before


def facts_of(item: WorkItem) -> Facts:
    """What rules may read of an item."""
    return Facts(
        capture_point=item.capture_point,
        capture_id=item.capture_id,
        media_type=item.media_type,
        channel=item.channel,
        category=item.named_category,
        business_value=item.business_value,
        priority_fixed=item.priority_fixed,
        priority_adjustment=item.priority_adjustment,
        subject=item.subject,
        description=item.description,
        source_url=item.source_url,
        contact=item.contact,
        ext=item.ext,
        data=item.data,
        tags=item.tags,
        created_at=to_micros(item.reopened_at or item.created_at),
        activation_at=None if item.activation_at is None else to_micros(item.activation_at),
        due_at=None if item.due_at is None else to_micros(item.due_at),
        expiration_at=None if item.expiration_at is None else to_micros(item.expiration_at),
        reopened=item.reopened_at is not None,
    )


def judged_anew(item: WorkItem, ctx: Context, *, first: bool = False) -> tuple[WorkItem, list[str]]:
    """Classified from scratch: the status that classification leads to, and the rules that acted."""
    base = item if first else source_view(item)
    if base.due_origin is not DueOrigin.SOURCE:
        base = replace(base, due_at=None, due_origin=None)
    now_us = to_micros(ctx.now)
    verdict = judge(ctx.rules, facts_of(base), now_us, ctx.lookups)
    judged = replace(base, rule_set_version=ctx.rules.version, error=None)
    match verdict.outcome:
        case Outcome.ERRORHELD:
            return replace(judged, status=Status.ERRORHELD, error=verdict.error, held_at=ctx.now), list(
                verdict.trace
            )
        case Outcome.REJECTED:
            judged = _valued(judged, verdict, ctx)
            final = replace(judged, status=Status.REJECTED, completed_at=ctx.now, error=verdict.reject_reason)
            return final, list(verdict.trace)
        case Outcome.CLASSIFIED:
            judged = _valued(judged, verdict, ctx)
            return _entered(judged, verdict, ctx), list(verdict.trace)


def _entered(item: WorkItem, verdict: Judgement, ctx: Context) -> WorkItem:
    """Held by a rule, captured while its activation is ahead, else queued."""
    if verdict.hold is not None:
        listed = ctx.hold_reasons.get(verdict.hold.reason)
        pauses = listed.pauses_clock if listed is not None else False
        schema = ctx.rules.schemas.get(item.schema_id) if item.schema_id else None
        return replace(
            item,
            status=Status.HELD,
            held_at=ctx.now,
            hold_reason=verdict.hold.reason,
            hold_until=None if verdict.hold.until is None else from_micros(verdict.hold.until),
            hold_pauses=pauses,
            clock_frozen=schema.clock.elapsed(to_micros(ctx.now)) if pauses and schema is not None else None,
        )
    if item.activation_at is not None and item.activation_at > ctx.now:
        return replace(item, status=Status.CAPTURED)
    return replace(item, status=Status.QUEUED, queued_at=item.queued_at or ctx.now)


def _valued(item: WorkItem, verdict: Judgement, ctx: Context) -> WorkItem:
    """Category, queue, schema, values, due date and requirement as the rules say; keeps what they replaced."""
    overridden: dict[str, Any] = {}
    for path, value in verdict.set_attributes.items():
        overridden[path] = _set_path(item, path, value)
    if verdict.business_value != item.business_value:
        overridden["businessValue"] = item.business_value
    if verdict.priority_adjustment != item.priority_adjustment:
        overridden["priorityAdjustment"] = item.priority_adjustment
    origin = DueOrigin(verdict.due_origin) if verdict.due_origin is not None else None
    if item.due_origin is DueOrigin.SOURCE and origin is DueOrigin.RULE and item.due_at is not None:
        overridden["dueDateTime"] = item.due_at.isoformat()
    judged = replace(
        item,
        category_id=verdict.category_id,
        category_path=verdict.category_path,
        department_id=verdict.department_id,
        process_id=verdict.process_id,
        queue_id=verdict.queue_id,
        schema_id=verdict.schema_id,
        business_value=verdict.business_value,
        priority_fixed=verdict.priority_fixed,
        priority_adjustment=verdict.priority_adjustment,
        due_at=None if verdict.due_at is None else from_micros(verdict.due_at),
        due_origin=origin,
        requirement=verdict.requirement,
        attached_data=verdict.attached_data,
        overridden=overridden,
    )
    return standing_set(replace(judged, segment=_segment(judged, ctx)), ctx)


def _segment(item: WorkItem, ctx: Context) -> str | None:
    queue = queue_of(item, ctx.rules)
    if queue is None or queue.segment_by is None:
        return None
    root, _, rest = queue.segment_by.partition(".")
    value: Any
    if root in ("data", "ext") and rest:
        value = item.data if root == "data" else item.ext
        for name in rest.split("."):
            value = value.get(name) if isinstance(value, dict) else None
    else:
        value = {
            "mediaType": item.media_type,
            "categoryPath": item.category_path,
            "capturePoint": item.capture_point,
            "channel": item.channel,
        }.get(queue.segment_by)
    return None if value is None else str(value)


def anchor_instant(item: WorkItem, schema: Schema) -> datetime:
    """Where the item's age starts on this schema; a reopened item starts anew at its reopening."""
    if schema.anchor is Anchor.DUE:
        return item.due_at or item.reopened_at or item.created_at
    if item.reopened_at is not None:
        return item.reopened_at
    if schema.anchor is Anchor.ACTIVATION:
        return item.activation_at or item.created_at
    if schema.anchor is Anchor.SOURCE_CREATED:
        source = item.ext.get("sourceCreatedDateTime")
        return datetime.fromisoformat(source) if source else item.created_at
    return item.created_at


def standing_set(item: WorkItem, ctx: Context) -> WorkItem:
    """The anchor and its place on the schema's clock, pauses taken out."""
    schema = ctx.rules.schemas.get(item.schema_id) if item.schema_id else None
    if schema is None:
        return replace(item, anchor_at=None, clock_id=None, clock_origin=None, clock_frozen=None)
    anchor = anchor_instant(item, schema)
    clock = schema.clock
    paused = sum(clock.between(to_micros(a), to_micros(b)) for a, b in item.pauses)
    frozen = item.clock_frozen
    if item.hold_pauses and item.held_at is not None:
        frozen = clock.elapsed(to_micros(item.held_at))
    return replace(
        item,
        anchor_at=anchor,
        clock_id=clock.id,
        clock_origin=clock.elapsed(to_micros(anchor)) + paused,
        clock_frozen=frozen,
    )


def _rejudged(item: WorkItem, ctx: Context) -> tuple[WorkItem, list[str], list[str]]:
    """The changed item judged again in flight: (item, rules that acted, warnings). Agents keep what they have."""
    fresh, trace = judged_anew(item, ctx)
    warnings: list[str] = []
    if item.status is Status.ASSIGNED:
        if fresh.status in (Status.ERRORHELD, Status.REJECTED):
            warnings.append(f"kept its category: {fresh.error or 'the rules would reject it'}")
            return replace(item, rule_set_version=ctx.rules.version), trace, warnings
        kept = replace(
            fresh, status=Status.ASSIGNED, queue_id=item.queue_id, queued_at=item.queued_at, segment=item.segment,
            held_at=None, hold_reason=None, hold_until=None, hold_pauses=False, clock_frozen=None,
        )  # fmt: skip
        return kept, trace, warnings
    if item.status is Status.HELD:
        if fresh.category_id is None or fresh.status is Status.ERRORHELD:
            warnings.append(f"kept its category: {fresh.error}")
            return replace(item, rule_set_version=ctx.rules.version), trace, warnings
        kept = replace(
            fresh, status=Status.HELD, held_at=item.held_at, hold_reason=item.hold_reason, hold_until=item.hold_until,
            hold_wakes_on=item.hold_wakes_on, hold_pauses=item.hold_pauses, keep_for=item.keep_for, completed_at=None,
            queued_at=item.queued_at, error=None,
        )  # fmt: skip
        return standing_set(kept, ctx), trace, warnings
    return fresh, trace, warnings


def _ended_if_left(
    before: WorkItem, after: WorkItem, ctx: Context, kind: EventType, trace: list[str], warnings: list[str]
) -> Change:
    """The change; an open offer ends with the item's waiting. Whether it still fits its agent, the decider sees."""
    ended = None
    if before.offer_id is not None and after.status is not Status.QUEUED:
        ended = end_holding(after, ctx, reason=kind.value)
        after = ended.item
    if after.status in (Status.REJECTED, Status.ERRORHELD):
        after = unreserved(after)
    return changed(kind, before, after, ctx, ended=ended, rules=trace or None, warnings=warnings or None)


def reclassify(item: WorkItem, ctx: Context) -> Change | None:
    """Judged again by the live rules (after publishing). None when the item is final or nothing changes."""
    if item.status.is_final:
        return None
    after, trace, warnings = _rejudged(item, ctx)
    public, personal = changes(item, after)
    if not personal and not warnings and not set(public) - {"rule_set_version"}:
        return None
    return _ended_if_left(item, after, ctx, EventType.RECLASSIFIED, trace, warnings)


def resume_unclassified(
    item: WorkItem, ctx: Context, *, because: str | None = None, comment: str | None = None
) -> Change:
    """An errorheld or never classified item is processed again."""
    require(Action.RESUME, item.status)
    fresh, trace = judged_anew(replace(released(item, ctx), keep_for=None), ctx)
    if item.keep_for is not None and fresh.status is Status.QUEUED:
        fresh = replace(fresh, reserved_for=item.keep_for, reserved_until=reservation_end(fresh, ctx))
    return changed(EventType.RESUMED, item, fresh, ctx, rules=trace or None, because=because, comment=comment)


def restart(
    item: WorkItem, ctx: Context, update: ItemUpdate | None = None, *, reason: str | None = None
) -> Change:
    """New, with or without changes, and classified at once. Whoever had it loses it; age goes on."""
    require(Action.RESTART, item.status)
    ended = end_holding(item, ctx, reason="restarted")
    base = unreserved(ended.item)
    if item.status.is_held:
        base = released(base, ctx)
    base = replace(
        base, completed_at=None, keep_for=None, excluded=[], declines=0, error=None, queued_at=None
    )
    if update is not None:
        base = apply_update(base, update, ctx.now)
    fresh, trace = judged_anew(base, ctx)
    return changed(EventType.RESTARTED, item, fresh, ctx, ended=ended, rules=trace or None, reason=reason)


def reopen(item: WorkItem, ctx: Context, *, reason: str | None = None, comment: str | None = None) -> Change:
    """Back into its queue: the age starts anew now, the last agent is preferred, made due dates are made again."""
    require(Action.REOPEN, item.status)
    base = replace(
        item,
        reopened_at=ctx.now,
        completed_at=None,
        pauses=[],
        excluded=[],
        declines=0,
        queued_at=ctx.now,
        activation_at=None,
    )
    schema = ctx.rules.schemas.get(item.schema_id) if item.schema_id else None
    if schema is None or item.queue_id not in ctx.rules.queues:
        fresh, trace = judged_anew(base, ctx)
        return changed(
            EventType.REOPENED, item, fresh, ctx, reason=reason, comment=comment, rules=trace or None
        )
    if item.due_origin is not None and item.due_origin is not DueOrigin.SOURCE:
        base = _due_anew(base, schema, ctx)
    after = standing_set(replace(base, status=Status.QUEUED), ctx)
    return changed(EventType.REOPENED, item, after, ctx, reason=reason, comment=comment)


def _due_anew(base: WorkItem, schema: Schema, ctx: Context) -> WorkItem:
    """The made due date counted from now: by the rules once more, else the schema's SLA."""
    fresh, _ = judged_anew(base, ctx)
    if fresh.due_at is not None and fresh.due_origin is not DueOrigin.SOURCE:
        return replace(base, due_at=fresh.due_at, due_origin=fresh.due_origin)
    due = due_at(schema, to_micros(ctx.now))
    return replace(
        base, due_at=None if due is None else from_micros(due), due_origin=DueOrigin.SCHEMA if due else None
    )


_PLAIN: Final = {
    "category": "named_category",
    "channel": "channel",
    "subject": "subject",
    "description": "description",
    "source_url": "source_url",
    "activation_date_time": "activation_at",
    "expiration_date_time": "expiration_at",
}


def apply_update(item: WorkItem, update: ItemUpdate, now: datetime) -> WorkItem:
    """The source view of the item with the update merged in: absent = unchanged, null = cleared."""
    item = source_view(item)
    values: dict[str, Any] = {}
    for name, target in _PLAIN.items():
        value = getattr(update, name)
        if value is UNSET:
            continue
        if isinstance(value, str):
            check_text(value, name)
        elif isinstance(value, datetime):
            check_instant(
                value, now, "activationDateTime" if name.startswith("activation") else "expirationDateTime"
            )
        values[target] = value
    if update.business_value is not UNSET:
        values["business_value"] = update.business_value or 0
    if update.due_date_time is not UNSET:
        check_instant(update.due_date_time, now, "dueDateTime")
        values["due_at"] = update.due_date_time
        values["due_origin"] = DueOrigin.SOURCE if update.due_date_time is not None else None
    values.update(_priority_update(update))
    if update.contact is not UNSET:
        contact = None if update.contact is None else msgspec.to_builtins(update.contact)
        if contact is not None:
            check_data(contact, "contact")
        values["contact"] = contact
        values["contact_id"] = None
    if update.tags is not UNSET:
        values["tags"] = list(dict.fromkeys(update.tags or []))
    if update.data is not UNSET:
        values["data"] = _merged(item.data, update.data)
        check_data(values["data"])
    if update.ext is not UNSET:
        values["ext"] = _merged_ext(item.ext, update.ext, now)
    return replace(item, **values)


def _priority_update(update: ItemUpdate) -> dict[str, Any]:
    """The priority fields of an update; a `priority` that comes with `priorityAt` is our own answer: ignored."""
    values: dict[str, Any] = {}
    if update.priority_fixed is not UNSET:
        values["priority_fixed"] = update.priority_fixed
    if update.priority_adjustment is not UNSET:
        values["priority_adjustment"] = update.priority_adjustment or 0
    echoed = update.priority_at is not UNSET and update.priority_at is not None
    if update.priority is UNSET or echoed:
        return values
    if update.priority is None:
        values["priority_fixed"] = None
        return values
    fixed, adjustment = _priority_input(
        update.priority, values.get("priority_fixed"), values.get("priority_adjustment")
    )
    if fixed is not None:
        values["priority_fixed"] = fixed
    if adjustment is not None:
        values["priority_adjustment"] = adjustment
    return values


def _merged(present: dict[str, Any], patch: dict[str, Any] | None) -> dict[str, Any]:
    """JSON merge patch (RFC 7396): null removes, objects merge, anything else replaces."""
    if patch is None:
        return {}
    result = dict(present)
    for name, value in patch.items():
        inner = result.get(name)
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = _merged(inner if isinstance(inner, dict) else {}, value)
        else:
            result[name] = value
    return result


def _merged_ext(present: dict[str, Any], patch: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    merged = _merged(present, patch)
    try:
        checked: dict[str, Any] = msgspec.to_builtins(msgspec.convert(merged, Ext, strict=True))
    except msgspec.ValidationError as error:
        text = str(error)
        path = text.rpartition(" - at `$")[2].rstrip("`") if " - at `$" in text else ""
        raise InvalidInputError(
            text, field=f"ext{path}", hint="see the extended attributes in the reference"
        ) from error
    _check_ext(checked, now)
    return checked


def update(
    item: WorkItem, change: ItemUpdate, ctx: Context, mode: Reclassify = Reclassify.ON_CHANGE
) -> Change | None:
    """Merges the change and, where rules may see a difference, judges again. None when nothing changes."""
    require(Action.UPDATE, item.status)
    updated = apply_update(item, change, ctx.now)
    public, personal = changes(source_view(item), updated)
    if not public and not personal and mode is not Reclassify.ALWAYS:
        return None
    if mode is Reclassify.NEVER or (mode is Reclassify.ON_CHANGE and not _rules_see(public, personal, ctx)):
        kept = _with_made_values(item, updated)
        after = standing_set(kept, ctx) if {"activation_at", "ext", "due_at"} & public.keys() else kept
        after = _activation_changed(item, after, ctx)
        return _ended_if_left(item, after, ctx, EventType.UPDATED, [], [])
    after, trace, warnings = _rejudged(updated, ctx)
    if item.status is Status.ERRORHELD and after.status is Status.ERRORHELD:
        after = replace(after, held_at=item.held_at)
    return _ended_if_left(item, after, ctx, EventType.UPDATED, trace, warnings)


def _rules_see(public: dict[str, Any], personal: dict[str, Any], ctx: Context) -> bool:
    """Whether a rule, requirement, anchor or segment may read what has changed."""
    names = {"named_category": "category", "business_value": "businessValue", "due_at": "dueDateTime",
             "due_origin": "dueDateTime", "activation_at": "activationDateTime", "source_url": "sourceUrl",
             "expiration_at": "expirationDateTime", "priority_adjustment": "priorityAdjustment",
             "priority_fixed": "priorityFixed"}  # fmt: skip
    used = ctx.rules.attributes_used
    for name in public.keys() | personal.keys():
        attribute = names.get(name, name)
        if attribute == "category" or any(u == attribute or u.startswith(f"{attribute}.") for u in used):
            return True
    return "due_at" in public or "business_value" in public or "ext" in public.keys() | personal.keys()


def _with_made_values(before: WorkItem, updated: WorkItem) -> WorkItem:
    """The update laid under what the rules had made of the item before."""
    result = replace(updated, overridden=dict(before.overridden))
    for name in before.overridden:
        if name.startswith(("data.", "ext.")):
            root, _, rest = name.partition(".")
            made: Any = before.data if root == "data" else before.ext
            for part in rest.split("."):
                made = made.get(part) if isinstance(made, dict) else None
            result.overridden[name] = _set_path(result, name, made)
    if "businessValue" in before.overridden:
        result.overridden["businessValue"] = updated.business_value
        result = replace(result, business_value=before.business_value)
    if "priorityAdjustment" in before.overridden:
        result.overridden["priorityAdjustment"] = updated.priority_adjustment
        result = replace(result, priority_adjustment=before.priority_adjustment)
    if "dueDateTime" in before.overridden:
        result = replace(result, due_at=before.due_at, due_origin=before.due_origin)
    return result


def _activation_changed(before: WorkItem, after: WorkItem, ctx: Context) -> WorkItem:
    """A new activationDateTime moves a waiting item between captured and queued."""
    if before.activation_at == after.activation_at or before.status not in (Status.CAPTURED, Status.QUEUED):
        return after
    if after.activation_at is not None and after.activation_at > ctx.now:
        return replace(after, status=Status.CAPTURED)
    return replace(after, status=Status.QUEUED, queued_at=after.queued_at or ctx.now)
