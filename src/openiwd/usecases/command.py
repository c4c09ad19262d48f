"""Commands: what is wanted of a work item, what it needs, and what came of it. Pure values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from openiwd.domain import judging
from openiwd.domain.errors import OpenIwdError
from openiwd.domain.lifecycle import Action
from openiwd.domain.offer import OfferOutcome
from openiwd.domain.privilege import Caller
from openiwd.domain.transition import Change, Context
from openiwd.domain.work_item import ItemSubmission, ItemUpdate, WorkItem
from openiwd.ports.tenant_store import Writing


class Command(Struct, kw_only=True):
    """One wanted change. The item is named by `item_id` or by (capture point, captureId)."""

    action: Action
    caller: Caller
    item_id: UUID | None = None
    capture: tuple[str, str] | None = None
    if_match: int | None = None
    at: datetime | None = None
    """Only for tenants with a virtual clock: the instant of this change."""
    submission: ItemSubmission | None = None
    update: ItemUpdate | None = None
    on_duplicate_update: bool = False
    reclassify: judging.Reclassify = judging.Reclassify.ON_CHANGE
    reason: str | None = None
    comment: str | None = None
    agent_id: str | None = None
    queue_id: str | None = None
    result_code: str | None = None
    focus_seconds: int | None = None
    """For how long the agent whose assignment ends had the item in front of them."""
    offer_id: UUID | None = None
    outcome: OfferOutcome | None = None
    hold_until: datetime | None = None
    wakes_on: str | None = None
    keep_for: str | None = None
    because: str | None = None
    custom: Callable[[WorkItem, Context], Change | None] | None = None
    """A change of another use case (note, tag, link…) that shall share this path; `action` is not looked at then."""
    along: Callable[[Writing, WorkItem], Awaitable[None]] | None = None
    """Written in the same transaction, after the item (a note's text, an attachment's bytes)."""
    privilege: str | None = None
    """Overrides the privilege that the action needs."""
    internal: bool = False
    """OpenIWD's own doing (timers, decider): no privilege is asked for."""


class Done(Struct, kw_only=True):
    """What became of a command: the item afterwards, whether it was created or changed, and what to tell."""

    item: WorkItem
    created: bool = False
    changed: bool = True
    warnings: tuple[str, ...] = ()


Result = Done | OpenIwdError


PRIVILEGE: Final[dict[Action, str]] = {
    Action.CREATE: "workitems.create",
    Action.UPDATE: "workitems.update",
    Action.HOLD: "workitems.hold",
    Action.RESUME: "workitems.resume",
    Action.CANCEL: "workitems.cancel",
    Action.COMPLETE: "workitems.complete",
    Action.RESTART: "workitems.restart",
    Action.REOPEN: "workitems.reopen",
    Action.ACTIVATE: "workitems.activate",
    Action.ASSIGN: "workitems.assign",
    Action.TRANSFER: "workitems.transfer",
    Action.RETURN: "workitems.return",
    Action.DELETE: "workitems.delete",
    Action.CLASSIFY: "rulesets.publish",
}
