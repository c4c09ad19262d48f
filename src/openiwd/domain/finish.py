"""The end of an item: completed, canceled, deleted; and how it is undone. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from openiwd.domain.errors import ConflictError, InvalidInputError
from openiwd.domain.event import Event, EventType
from openiwd.domain.hold import released
from openiwd.domain.lifecycle import Action, require
from openiwd.domain.offer import AssignmentOutcome
from openiwd.domain.transition import Change, Context, Ending, changed, end_holding, unreserved
from openiwd.domain.work_item import DEFAULT_EXPIRATION_DAYS, Status, WorkItem


def finished(item: WorkItem, status: Status, now: datetime) -> WorkItem:
    """Final from now on; without an expiration of the source's it stays for the default time."""
    expiration = item.expiration_at or now + timedelta(days=DEFAULT_EXPIRATION_DAYS)
    return replace(item, status=status, completed_at=now, expiration_at=expiration, excluded=[])


def unfinished(item: WorkItem) -> WorkItem:
    """No longer final: the default expiration counts anew from the next finish."""
    expiration = item.expiration_at
    if item.completed_at is not None and expiration == item.completed_at + timedelta(
        days=DEFAULT_EXPIRATION_DAYS
    ):
        expiration = None
    return replace(item, completed_at=None, expiration_at=expiration)


def _finish(
    item: WorkItem, ctx: Context, status: Status, outcome: AssignmentOutcome
) -> tuple[WorkItem, Ending]:
    ended = end_holding(item, ctx, assignment=outcome, reason=status.value)
    after = unreserved(ended.item)
    if item.status.is_held:
        after = released(after, ctx)
    return finished(replace(after, keep_for=None), status, ctx.now), ended


def cancel(item: WorkItem, ctx: Context, *, reason: str | None = None, comment: str | None = None) -> Change:
    """Taken out by the source or a supervisor."""
    require(Action.CANCEL, item.status)
    after, ended = _finish(item, ctx, Status.CANCELED, AssignmentOutcome.WITHDRAWN)
    return changed(EventType.CANCELED, item, after, ctx, comment=comment, ended=ended, reason=reason)


def complete(
    item: WorkItem,
    ctx: Context,
    *,
    reason: str | None = None,
    result_code: str | None = None,
    comment: str | None = None,
    agent_id: str | None = None,
) -> Change:
    """Finished: by its agent (`agent_id`), else by source or supervisor. Checks the category's dispositions."""
    require(Action.COMPLETE, item.status)
    if agent_id is not None and item.assigned_to != agent_id:
        raise ConflictError(
            f"the item is not assigned to {agent_id}",
            code="notYourItem",
            field="agent",
            hint="only its agent can complete it here",
        )
    code = result_code if result_code is not None else item.ext.get("resultCode")
    _check_disposition(item, ctx, code, by_agent=agent_id is not None)
    ext = item.ext if code is None else {**item.ext, "resultCode": code}
    outcome = AssignmentOutcome.COMPLETED if agent_id is not None else AssignmentOutcome.WITHDRAWN
    after, ended = _finish(replace(item, ext=ext), ctx, Status.COMPLETED, outcome)
    return changed(
        EventType.COMPLETED, item, after, ctx, comment=comment, ended=ended, reason=reason, agent=agent_id
    )


def _check_disposition(item: WorkItem, ctx: Context, code: str | None, *, by_agent: bool) -> None:
    node = ctx.rules_of(item).categories.get(item.category_id) if item.category_id else None
    if node is None:
        return
    if code is None:
        if node.disposition_required and by_agent:
            raise InvalidInputError(
                "a disposition is needed",
                field="resultCode",
                hint=f"one of: {', '.join(node.dispositions)}",
                code="dispositionRequired",
            )
    elif node.dispositions and code not in node.dispositions:
        raise InvalidInputError(
            f"'{code}' is no disposition of {item.category_path}",
            field="resultCode",
            hint=f"one of: {', '.join(node.dispositions)}",
        )


def delete(item: WorkItem, ctx: Context, *, reason: str | None = None) -> Change:
    """Removed from the live store; the event log keeps its record until its own retention."""
    require(Action.DELETE, item.status)
    after = replace(item, revision=item.revision + 1)
    event = Event(
        type=EventType.DELETED,
        at=ctx.now,
        actor=ctx.actor,
        item_id=item.id,
        item_number=item.number,
        revision=after.revision,
        body={"from": item.status, "to": None, **({"reason": reason} if reason else {})},
    )
    return Change(after, event)
