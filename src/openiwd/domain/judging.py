"""Judging: items meet the rules. Creation, update, reclassification, restart, reopening. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from openiwd.domain.aging import delayed, due_is_made, schema_of, set_standing, standing_set
from openiwd.domain.event import EventType, changes, item_event, same
from openiwd.domain.finish import finished, unfinished
from openiwd.domain.hold import released
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.item_input import apply_update, check_submission, priority_input
from openiwd.domain.item_queue import segment_of
from openiwd.domain.judgement import Basis, Facts, Judgement, Outcome, judge
from openiwd.domain.lifecycle import Action, require
from openiwd.domain.reservation import reservation_end
from openiwd.domain.schema import Schema, due_at
from openiwd.domain.source_values import (
    BUSINESS_VALUE,
    DUE,
    PRIORITY_ADJUSTMENT,
    attributes_laid,
    source_view,
    value_at,
    with_made_values,
)
from openiwd.domain.transition import Change, Context, changed, end_holding, unreserved
from openiwd.domain.work_item import DueOrigin, ItemId, ItemSubmission, ItemUpdate, Status, WorkItem


class Reclassify(StrEnum):
    """When an update is judged again: never, when an attribute that a rule uses has changed, or always."""

    NEVER = "never"
    ON_CHANGE = "onChange"
    ALWAYS = "always"


def create(new: ItemSubmission, ctx: Context, item_id: UUID, *, encoded: bytes | None = None) -> Change:
    """A new item: checked, classified and valued, in one step and one event.

    `encoded` is the submission as JSON, where the caller has it already.
    """
    check_submission(new, ctx.now, encoded)
    fixed, adjustment = priority_input(new.priority, new.priority_fixed, new.priority_adjustment)
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
    judged, trace, basis = judged_anew(item, ctx, first=True)
    event = item_event(EventType.CREATED, None, judged, at=ctx.now, actor=ctx.actor, rules=trace or None)
    return Change(judged, event, basis=basis)


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


def judged_anew(item: WorkItem, ctx: Context, *, first: bool = False) -> tuple[WorkItem, list[str], Basis]:
    """Classified from scratch: the item in the status that this leads to, the rules that acted, what it rests on.

    At the `first` time the item is the caller's alone and is judged in place; else the result is a copy.
    """
    judged = item if first else replace(source_view(item))
    if judged.due_origin is not DueOrigin.SOURCE:
        judged.due_at = judged.due_origin = None
    failed_at = ctx.now
    if judged.status is Status.ERRORHELD:
        failed_at = judged.held_at or ctx.now
        judged.held_at = None
    basis = _basis(judged, ctx, first=first)
    verdict = basis.verdict
    judged.rule_set_version = basis.version
    judged.error = None
    trace = list(verdict.trace)
    match verdict.outcome:
        case Outcome.ERRORHELD:
            judged.status = Status.ERRORHELD
            judged.error = verdict.error
            judged.held_at = failed_at
            set_standing(judged, ctx.rules)
        case Outcome.REJECTED:
            _set_values(judged, verdict, ctx)
            judged = finished(judged, Status.REJECTED, ctx.now)
            judged.error = verdict.reject_reason
        case Outcome.CLASSIFIED:
            _set_values(judged, verdict, ctx)
            _enter(judged, verdict, ctx)
    return judged, trace, basis


def _basis(item: WorkItem, ctx: Context, *, first: bool) -> Basis:
    """What the rules make of the item, and whose they are: a new one's side is chosen here, and it stays there."""
    facts, now, canary = facts_of(item), to_micros(ctx.now), ctx.canary
    rules = ctx.rules if first else ctx.rules_of(item)
    if canary is not None and first and canary.takes(item.id):
        if canary.category is not None:
            verdict = judge(ctx.rules, facts, now, ctx.lookups)
            if not canary.covers(verdict.category_path):
                return Basis(facts, ctx.rules.version, verdict)
        rules = canary.rules
    return Basis(facts, rules.version, judge(rules, facts, now, ctx.lookups))


def _enter(item: WorkItem, verdict: Judgement, ctx: Context) -> None:
    """Held by a rule, captured while its activation is ahead, else queued."""
    if verdict.hold is not None:
        listed = ctx.hold_reasons.get(verdict.hold.reason)
        item.status = Status.HELD
        item.held_at = ctx.now
        item.hold_reason = verdict.hold.reason
        item.hold_until = None if verdict.hold.until is None else from_micros(verdict.hold.until)
        item.hold_pauses = listed.pauses_clock if listed is not None else False
        set_standing(item, ctx.rules, item.anchor_at)
    elif item.activation_at is not None and item.activation_at > ctx.now:
        item.status = Status.CAPTURED
    else:
        item.status = Status.QUEUED
        item.queued_at = item.queued_at or ctx.now


def _set_values(item: WorkItem, verdict: Judgement, ctx: Context) -> None:
    """Category, queue, schema, values, due date and requirement as the rules say; keeps what they replaced."""
    laid, overridden = attributes_laid(item, verdict.set_attributes)
    if verdict.business_value != item.business_value:
        overridden[BUSINESS_VALUE] = item.business_value
    if verdict.priority_adjustment != item.priority_adjustment:
        overridden[PRIORITY_ADJUSTMENT] = item.priority_adjustment
    origin = verdict.due_origin
    if item.due_origin is DueOrigin.SOURCE and origin is DueOrigin.RULE and item.due_at is not None:
        overridden[DUE] = item.due_at.isoformat()
    item.data = laid.data
    item.ext = laid.ext
    item.category_id = verdict.category_id
    item.category_path = verdict.category_path
    item.department_id = verdict.department_id
    item.process_id = verdict.process_id
    item.queue_id = verdict.queue_id
    item.schema_id = verdict.schema_id
    item.business_value = verdict.business_value
    item.priority_fixed = verdict.priority_fixed
    item.priority_adjustment = verdict.priority_adjustment
    item.due_at = None if verdict.due_at is None else from_micros(verdict.due_at)
    item.due_origin = origin
    item.requirement = verdict.requirement
    item.attached_data = verdict.attached_data
    item.overridden = overridden
    item.segment = segment_of(item, ctx.rules)
    anchor = None if verdict.anchor_at is None else from_micros(verdict.anchor_at)
    set_standing(item, ctx.rules, anchor)
    if item.pauses:
        _delay_by_pauses(item, verdict, ctx)


def _delay_by_pauses(item: WorkItem, verdict: Judgement, ctx: Context) -> None:
    """Holds that stopped the clock have moved a made due date; one counted from now is not touched by the past."""
    schema = schema_of(item, ctx.rules)
    if schema is None or item.due_at is None or not due_is_made(item) or verdict.due_from_now:
        return
    item.due_at = delayed(item.due_at, schema, item.pauses)


def _rejudged(
    before: WorkItem, updated: WorkItem, ctx: Context
) -> tuple[WorkItem, list[str], list[str], Basis]:
    """The changed item judged again in flight (item, rules that acted, warnings, basis). Agents keep what they have."""
    fresh, trace, basis = judged_anew(updated, ctx)
    if before.status not in (Status.ASSIGNED, Status.HELD):
        return fresh, trace, [], basis
    if fresh.status in (Status.ERRORHELD, Status.REJECTED):
        warning = f"kept its category: {fresh.error or 'the rules would reject it'}"
        return standing_set(with_made_values(before, updated), ctx.rules), trace, [warning], basis
    kept = replace(
        fresh, status=before.status, queued_at=before.queued_at, held_at=before.held_at, error=None,
        hold_reason=before.hold_reason, hold_until=before.hold_until, hold_wakes_on=before.hold_wakes_on,
        hold_pauses=before.hold_pauses, keep_for=before.keep_for,
    )  # fmt: skip
    if before.status is Status.ASSIGNED:
        kept = replace(kept, queue_id=before.queue_id, segment=before.segment)
    return standing_set(kept, ctx.rules, kept.anchor_at), trace, [], basis


def _ended_if_left(
    before: WorkItem, after: WorkItem, ctx: Context, kind: EventType, trace: list[str], warnings: list[str]
) -> Change:
    """The change; an open offer ends with the item's waiting. Whether it still fits its agent, the decider sees."""
    ended = None
    if before.offer_id is not None and after.status is not Status.QUEUED:
        ended = end_holding(after, ctx, reason=kind.value)
        after = ended.item
    if after.status is not Status.QUEUED:
        after = unreserved(after)
    return changed(kind, before, after, ctx, ended=ended, rules=trace or None, warnings=warnings or None)


def reclassify(item: WorkItem, ctx: Context) -> Change | None:
    """Judged again by the live rules (after publishing). None when the item is final or nothing changes."""
    if item.status.is_final:
        return None
    after, trace, warnings, _ = _rejudged(item, source_view(item), ctx)
    public, personal = changes(item, after)
    if not personal and not warnings and not set(public) - {"rule_set_version"}:
        return None
    return _ended_if_left(item, after, ctx, EventType.RECLASSIFIED, trace, warnings)


def resume_unclassified(
    item: WorkItem, ctx: Context, *, because: str | None = None, comment: str | None = None
) -> Change:
    """An errorheld or never classified item is processed again."""
    require(Action.RESUME, item.status)
    fresh, trace, basis = judged_anew(replace(released(item, ctx), keep_for=None), ctx)
    if item.keep_for is not None and fresh.status is Status.QUEUED:
        fresh = replace(fresh, reserved_for=item.keep_for, reserved_until=reservation_end(fresh, ctx))
    done = changed(EventType.RESUMED, item, fresh, ctx, rules=trace or None, because=because, comment=comment)
    return done._replace(basis=basis)


def restart(
    item: WorkItem, ctx: Context, update: ItemUpdate | None = None, *, reason: str | None = None
) -> Change:
    """New, with or without changes, and classified at once. Whoever had it loses it; age goes on."""
    require(Action.RESTART, item.status)
    ended = end_holding(item, ctx, reason="restarted")
    base = unreserved(ended.item)
    if item.status.is_held:
        base = released(base, ctx)
    base = replace(unfinished(base), keep_for=None, excluded=[], declines=0, error=None, queued_at=None)
    if update is not None:
        base = apply_update(base, update, ctx.now)
    fresh, trace, basis = judged_anew(base, ctx)
    done = changed(EventType.RESTARTED, item, fresh, ctx, ended=ended, rules=trace or None, reason=reason)
    return done._replace(basis=basis)


def reopen(item: WorkItem, ctx: Context, *, reason: str | None = None, comment: str | None = None) -> Change:
    """Back into its queue: the age starts anew now, the last agent is preferred, made due dates are made again."""
    require(Action.REOPEN, item.status)
    base = replace(
        unfinished(item),
        reopened_at=ctx.now,
        pauses=[],
        excluded=[],
        declines=0,
        queued_at=ctx.now,
        activation_at=None,
    )
    schema = schema_of(item, ctx.rules)
    if schema is None or item.queue_id not in ctx.rules.queues:
        fresh, trace, _ = judged_anew(base, ctx)
        return changed(
            EventType.REOPENED, item, fresh, ctx, reason=reason, comment=comment, rules=trace or None
        )
    if due_is_made(item):
        base = _due_anew(base, schema, ctx)
    after = standing_set(replace(base, status=Status.QUEUED), ctx.rules)
    return changed(EventType.REOPENED, item, after, ctx, reason=reason, comment=comment)


def _due_anew(base: WorkItem, schema: Schema, ctx: Context) -> WorkItem:
    """The made due date counted from now: by the rules once more, else the schema's SLA."""
    fresh, _, _ = judged_anew(base, ctx)
    if fresh.due_at is not None and fresh.due_origin is not DueOrigin.SOURCE:
        return replace(base, due_at=fresh.due_at, due_origin=fresh.due_origin)
    due = due_at(schema, to_micros(ctx.now))
    return replace(
        base,
        due_at=None if due is None else from_micros(due),
        due_origin=None if due is None else DueOrigin.SCHEMA,
    )


def update(
    item: WorkItem, change: ItemUpdate, ctx: Context, mode: Reclassify = Reclassify.ON_CHANGE
) -> Change | None:
    """Merges the change and, where rules may see a difference, judges again. None when nothing changes."""
    require(Action.UPDATE, item.status)
    updated = apply_update(item, change, ctx.now)
    source = source_view(item)
    public, personal = changes(source, updated)
    if not public and not personal and mode is not Reclassify.ALWAYS:
        return None
    if mode is Reclassify.NEVER or (
        mode is Reclassify.ON_CHANGE and not _rules_see(source, updated, item, ctx)
    ):
        kept = with_made_values(item, updated)
        after = standing_set(kept, ctx.rules) if {"activation_at", "ext", "due_at"} & public.keys() else kept
        after = _activation_changed(item, after, ctx)
        return _ended_if_left(item, after, ctx, EventType.UPDATED, [], [])
    after, trace, warnings, basis = _rejudged(item, updated, ctx)
    return _ended_if_left(item, after, ctx, EventType.UPDATED, trace, warnings)._replace(basis=basis)


_ATTRIBUTES: Final = {
    "named_category": "category", "business_value": "businessValue", "due_at": "dueDateTime",
    "due_origin": "dueDateTime", "activation_at": "activationDateTime", "source_url": "sourceUrl",
    "expiration_at": "expirationDateTime", "priority_adjustment": "priorityAdjustment",
    "priority_fixed": "priorityFixed",
}  # fmt: skip
_ALWAYS_SEEN: Final = frozenset({"category", "businessValue", "dueDateTime"})


def _rules_see(source: WorkItem, updated: WorkItem, before: WorkItem, ctx: Context) -> bool:
    """Whether a rule, requirement, anchor or segment may read what has changed of the source's values."""
    public, personal = changes(source, updated)
    used = ctx.rules_of(before).attributes_used
    for name in public.keys() | personal.keys():
        if name in ("data", "ext"):
            old, new = getattr(source, name), getattr(updated, name)
            paths = [u.partition(".")[2] for u in used if u.startswith(f"{name}.")]
            if any(not same(value_at(old, path), value_at(new, path)) for path in paths):
                return True
            continue
        attribute = _ATTRIBUTES.get(name, name)
        if attribute in _ALWAYS_SEEN or attribute in before.overridden:
            return True
        if any(u == attribute or u.startswith(f"{attribute}.") for u in used):
            return True
    return False


def _activation_changed(before: WorkItem, after: WorkItem, ctx: Context) -> WorkItem:
    """A new activationDateTime moves a waiting item between captured and queued."""
    if before.activation_at == after.activation_at or before.status not in (Status.CAPTURED, Status.QUEUED):
        return after
    if after.activation_at is not None and after.activation_at > ctx.now:
        return replace(after, status=Status.CAPTURED)
    return replace(after, status=Status.QUEUED, queued_at=after.queued_at or ctx.now)
