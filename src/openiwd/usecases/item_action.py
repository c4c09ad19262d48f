"""Actions that people and sources ask for on items: turned into commands, with the agents that they name checked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from openiwd.domain import finish
from openiwd.domain.errors import ConflictError, InvalidInputError, OpenIwdError
from openiwd.domain.judging import Reclassify
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller, Scope
from openiwd.domain.transition import Change, Context
from openiwd.domain.work_item import AwareDateTime, CaptureId, ItemUpdate, Name, ShortText, WorkItem
from openiwd.ports.tenant_store import Writing
from openiwd.usecases.command import Command, Done, Result
from openiwd.usecases.tenant_runtime import TenantRuntime
from openiwd.usecases.work_item import all_failed, apply, apply_one

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

LongReason = Annotated[str, Meta(max_length=4_000)]
Seconds = Annotated[int, Meta(ge=0, le=1_000_000_000)]
ACTIONS: Final = (
    Action.HOLD,
    Action.RESUME,
    Action.CANCEL,
    Action.COMPLETE,
    Action.REOPEN,
    Action.RESTART,
    Action.ACTIVATE,
    Action.ASSIGN,
    Action.TRANSFER,
    Action.RETURN,
)


class ActionRequest(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What may come with an action; each action reads what concerns it."""

    reason: ShortText | None = None
    """Why; for `hold` one of the listed hold reasons."""
    comment: LongReason | None = None
    actor: Name | None = None
    """Who acted in the source system; the log shows it beside the API key."""
    agent: Name | None = None
    """For `assign` and `transfer`: to whom; for `complete`: the agent who completed it."""
    queue: Name | None = None
    """For `transfer`: to which queue."""
    result_code: ShortText | None = None
    """For `complete`: the disposition."""
    focus_seconds: Seconds | None = None
    """Where an assignment ends: for how long its agent had the item in front of them, as their desk has measured."""
    hold_until: AwareDateTime | None = None
    wakes_on: Name | None = None
    """For `hold`: `customerReply` or `linkedItems`."""
    keep_for: Name | None = None
    """For `hold`: the agent for whom it is reserved on waking."""
    item: ItemUpdate | None = None
    """For `restart`: changes that come with it."""


def acting(caller: Caller, actor: str | None) -> Caller:
    """The caller, with whom it acts for."""
    return caller if actor is None else replace(caller, actor=f"{caller.actor}/{actor}")


def command_of(
    action: Action,
    request: ActionRequest,
    caller: Caller,
    *,
    item_id: UUID | None = None,
    capture: tuple[str, str] | None = None,
    if_match: int | None = None,
    at: datetime | None = None,
) -> Command:
    """The command of an action as asked for."""
    return Command(
        action=action,
        caller=acting(caller, request.actor),
        item_id=item_id,
        capture=capture,
        if_match=if_match,
        at=at,
        update=request.item,
        reason=request.reason,
        comment=request.comment,
        agent_id=request.agent,
        queue_id=request.queue,
        result_code=request.result_code,
        focus_seconds=request.focus_seconds,
        hold_until=request.hold_until,
        wakes_on=request.wakes_on,
        keep_for=request.keep_for,
        custom=_completion(request, caller) if action is Action.COMPLETE else None,
    )


def _completion(request: ActionRequest, caller: Caller) -> Any:
    """Agents complete what they have; others complete for a named agent, or for the source."""

    def complete(item: WorkItem, ctx: Context) -> Change:
        agent_id = request.agent
        if agent_id is None and caller.agent_id is not None:
            own = caller.privileges.get("workitems.complete") is Scope.OWN
            agent_id = caller.agent_id if own or item.assigned_to == caller.agent_id else None
        return finish.complete(
            item,
            ctx,
            reason=request.reason,
            result_code=request.result_code,
            comment=request.comment,
            agent_id=agent_id,
        )

    return complete


async def perform(
    services: TenantServices,
    action: Action,
    request: ActionRequest,
    caller: Caller,
    item_id: UUID,
    if_match: int | None = None,
) -> Done:
    """One action on one item."""
    command = command_of(action, request, caller, item_id=item_id, if_match=if_match)
    await check_agents(services.runtime, named_agents([command]))
    return await services.actions.perform(command)


def named_agents(commands: Collection[Command]) -> dict[str, str]:
    """Agents that commands hand items to, with the field that names them."""
    named: dict[str, str] = {}
    for command in commands:
        if command.action in (Action.ASSIGN, Action.TRANSFER) and command.agent_id is not None:
            named[command.agent_id] = "agent"
        if command.keep_for is not None:
            named[command.keep_for] = "keepFor"
    return named


async def check_agents(runtime: TenantRuntime, named: dict[str, str]) -> None:
    """Refuses agents that do not exist or are not active."""
    errors = await wrong_agents(runtime, named)
    for error in errors.values():
        raise error


async def wrong_agents(runtime: TenantRuntime, named: dict[str, str]) -> dict[str, OpenIwdError]:
    """For each agent that cannot be given items: why."""
    if not named:
        return {}
    async with runtime.store.reading() as reading:
        known = await reading.agents(list(named))
    wrong: dict[str, OpenIwdError] = {}
    for agent_id, field in named.items():
        agent = known.get(agent_id)
        if agent is None:
            wrong[agent_id] = InvalidInputError(
                f"there is no agent '{agent_id}'", field=field, hint="name the id of an agent"
            )
        elif not agent.active:
            wrong[agent_id] = ConflictError(
                f"agent '{agent_id}' is not active", code="agentInactive", field=field
            )
    return wrong


READ_ONLY: Final = frozenset(
    {
        "id",
        "revision",
        "status",
        "categoryPath",
        "categoryId",
        "departmentId",
        "processId",
        "queue",
        "schemaId",
        "contactId",
        "receivedDateTime",
        "dueOrigin",
        "overdue",
        "queuedDateTime",
        "assignedToUser",
        "assignedDateTime",
        "completedDateTime",
        "reopenedDateTime",
        "heldDateTime",
        "holdReason",
        "holdUntil",
        "wakesOn",
        "keepFor",
        "reservedFor",
        "reservedUntil",
        "offeredTo",
        "offerId",
        "offerExpiresDateTime",
        "lastAgent",
        "requires",
        "segment",
        "attachedData",
        "error",
        "ruleSetVersion",
        "actions",
    }
)
"""Fields of an item's answer that may be sent back and are not read."""
UNCHANGING: Final = {
    "captureId": "capture_id",
    "capturePoint": "capture_point",
    "mediaType": "media_type",
    "createdDateTime": "created_at",
}


def update_values(sent: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what changes, what must be as it was): an item's own answer can be sent back with changes in it."""
    made_due = sent.get("dueOrigin") in ("schema", "rule")
    changing = {
        k: v
        for k, v in sent.items()
        if k not in READ_ONLY and k not in UNCHANGING and not (made_due and k == "dueDateTime")
    }
    return changing, {k: v for k, v in sent.items() if k in UNCHANGING}


def check_unchanged(item: WorkItem, values: dict[str, Any]) -> None:
    """Refuses to change what identifies an item."""
    for name, value in values.items():
        present = getattr(item, UNCHANGING[name])
        if isinstance(present, datetime):
            try:
                value = msgspec.convert(value, datetime)
            except msgspec.ValidationError as error:
                raise InvalidInputError(str(error), field=name, hint="leave it out") from error
        if value != present:
            raise InvalidInputError(
                f"{name} never changes", field=name, code="unchangeable", hint="leave it out"
            )


async def update(
    runtime: TenantRuntime,
    change: ItemUpdate,
    caller: Caller,
    item_id: UUID,
    *,
    if_match: int | None = None,
    reclassify: Reclassify = Reclassify.ON_CHANGE,
    actor: str | None = None,
) -> Done:
    """Merges the change into the item."""
    return await apply_one(
        runtime,
        Command(
            action=Action.UPDATE,
            caller=acting(caller, actor),
            item_id=item_id,
            update=change,
            if_match=if_match,
            reclassify=reclassify,
        ),
    )


class Checkpoint(Struct, forbid_unknown_fields=True):
    """Where a reader of an outside source stands; stored with what it brought."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    value: Any


class ItemKey(Struct, rename="camel"):
    """How an operation names its item."""

    id: UUID | None = None
    capture_id: CaptureId | None = None
    capture_point: Name = "rest"


async def run_operations(
    runtime: TenantRuntime,
    operations: Sequence[Command | OpenIwdError],
    checkpoint: Checkpoint | None,
    caller: Caller,
    *,
    atomic: bool = False,
    keep: Callable[[Writing, Sequence[Result]], Awaitable[None]] | None = None,
) -> list[Result]:
    """Runs the operations in order in one transaction; what could not be read stays an error at its place.

    With `atomic`, all of them are done or none. `keep` is given what became of them, in that same transaction.
    """
    if checkpoint is not None:
        caller.require("workitems.create")
    wrong = await wrong_agents(runtime, named_agents([o for o in operations if isinstance(o, Command)]))
    prepared = [_unless_wrong(o, wrong) for o in operations]
    commands = [o for o in prepared if isinstance(o, Command)]
    saved = (checkpoint.name, checkpoint.value) if checkpoint is not None else None
    if atomic and len(commands) < len(prepared):
        return all_failed(prepared)
    if not commands and saved is None:
        return _placed(prepared, [])

    async def kept(tx: Writing, done: Sequence[Result]) -> None:
        if keep is not None:
            await keep(tx, _placed(prepared, done))

    done = await apply(runtime, commands, checkpoint=saved, also=kept, always=keep is not None, atomic=atomic)
    return _placed(prepared, done)


def _placed(prepared: Sequence[Command | OpenIwdError], done: Sequence[Result]) -> list[Result]:
    """What became of the commands, among what could not be read."""
    results = iter(done)
    return [next(results) if isinstance(o, Command) else o for o in prepared]


def _unless_wrong(
    operation: Command | OpenIwdError, wrong: dict[str, OpenIwdError]
) -> Command | OpenIwdError:
    if isinstance(operation, Command) and wrong:
        for named in named_agents([operation]):
            if named in wrong:
                return wrong[named]
    return operation
