"""Many operations on items in one transaction, in order, with a checkpoint: for replays and capture points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath
from msgspec import Meta, Struct

from openiwd.api.authorisation import PREFIX
from openiwd.api.call import Call, CurrentCall
from openiwd.api.decoding import check_texts, decode_with, require_json
from openiwd.api.errors import problem_of
from openiwd.api.idempotency import Keep, once_together
from openiwd.api.metrics import Metrics
from openiwd.api.raw import Answer, json_answer
from openiwd.domain.errors import InvalidInputError, NotFoundError, OpenIwdError, TooLargeError
from openiwd.domain.judging import Reclassify
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller
from openiwd.domain.work_item import AwareDateTime, ItemSubmission, ItemUpdate, Name, ShortText
from openiwd.ports.tenant_store import Writing
from openiwd.usecases.command import Command, Done, Result
from openiwd.usecases.item_action import (
    ActionRequest,
    Checkpoint,
    ItemKey,
    acting,
    command_of,
    run_operations,
)

OPERATIONS: Final = f"POST {PREFIX}/items/operations"
MAX_OPERATIONS: Final = 1_000

Verb = Literal[
    "create",
    "update",
    "hold",
    "resume",
    "complete",
    "cancel",
    "reopen",
    "restart",
    "activate",
    "assign",
    "return",
    "transfer",
]


class Operation(ItemKey, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One operation on one item, named by `id` or by `captureId` and `capturePoint`."""

    op: Verb
    at: AwareDateTime | None = None
    """The instant of the operation; only for tenants with a virtual clock."""
    item: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    """For `create` the whole item; for `update` and `restart` what changes."""
    revision: Annotated[int, Meta(ge=1)] | None = None
    """The revision that the item must have."""
    reclassify: Reclassify = Reclassify.ON_CHANGE
    on_duplicate: Literal["refuse", "update"] = "refuse"
    reason: ShortText | None = None
    comment: Annotated[str, Meta(max_length=4_000)] | None = None
    actor: Name | None = None
    agent: Name | None = None
    queue: Name | None = None
    result_code: ShortText | None = None
    hold_until: AwareDateTime | None = None
    wakes_on: Name | None = None
    keep_for: Name | None = None


class OperationsRequest(Struct, forbid_unknown_fields=True):
    operations: list[msgspec.Raw]
    checkpoint: Checkpoint | None = None
    atomic: bool = False
    """All operations are done, or none (and the checkpoint stays)."""


class OperationResult(Struct, rename="camel", omit_defaults=True):
    """What became of one operation."""

    index: int
    outcome: Literal["created", "existing", "done", "unchanged", "error"]
    id: UUID | None = None
    status: str | None = None
    revision: int | None = None
    warnings: list[str] = []
    error: dict[str, Any] | None = None


class OperationsAnswer(Struct, rename="camel"):
    done: int
    failed: int
    results: list[OperationResult]


class CheckpointView(Struct):
    name: str
    value: Any


_decode_request: Final = msgspec.json.Decoder(OperationsRequest).decode
_decode_operation: Final = msgspec.json.Decoder(Operation).decode
_decode_item: Final = msgspec.json.Decoder(ItemSubmission).decode
_decode_update: Final = msgspec.json.Decoder(ItemUpdate).decode


class OperationRoutes:
    """The route of operations."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def run(self, call: Call, _: Mapping[str, str], body: bytes) -> Answer:
        """Runs up to 1,000 operations in order in one transaction; each is answered on its own."""
        require_json(call.headers.get("content-type"))
        return await once_together(call, OPERATIONS, body, lambda keep: self._run(call, body, keep))

    async def _run(self, call: Call, body: bytes, keep: Keep | None) -> Answer:
        request = decode_with(_decode_request, body, OperationsRequest, texts=False)
        if request.checkpoint is not None:
            check_texts(msgspec.to_builtins(request.checkpoint), "checkpoint")
        if len(request.operations) > MAX_OPERATIONS:
            raise TooLargeError(
                f"{len(request.operations)} operations, at most {MAX_OPERATIONS} are allowed",
                field="operations",
                hint="send several requests",
            )
        virtual = call.services.runtime.virtual is not None
        commands = [_read(raw, n, call.caller, virtual=virtual) for n, raw in enumerate(request.operations)]

        async def kept(tx: Writing, done: Sequence[Result]) -> None:
            if keep is not None:
                await keep(tx, _answered(done))

        results = await run_operations(
            call.services.runtime, commands, request.checkpoint, call.caller, atomic=request.atomic,
            keep=None if keep is None else kept,
        )  # fmt: skip
        for result in results:
            if isinstance(result, Done) and result.created:
                self._metrics.item_created(call.services.tenant.id, result.item.capture_point)
        return _answered(results)


def _answered(results: Sequence[Result]) -> Answer:
    told = [_told(n, r) for n, r in enumerate(results)]
    failed = sum(1 for t in told if t.outcome == "error")
    return json_answer(200, OperationsAnswer(len(told) - failed, failed, told))


def _read(raw: msgspec.Raw, index: int, caller: Caller, *, virtual: bool) -> Command | OpenIwdError:
    prefix = f"operations[{index}]"
    try:
        operation = decode_with(_decode_operation, bytes(raw), Operation, prefix)
        return _command(operation, caller, prefix, virtual=virtual)
    except OpenIwdError as error:
        return error


def _command(operation: Operation, caller: Caller, prefix: str, *, virtual: bool) -> Command:
    if operation.at is not None:
        if not virtual:
            raise InvalidInputError(
                "this tenant's clock is real", field=f"{prefix}.at", code="clockIsReal", hint="leave it out"
            )
        caller.require("clock.set")
    item = bytes(operation.item)
    if operation.op == "create":
        submission = decode_with(_decode_item, item, ItemSubmission, f"{prefix}.item")
        return Command(
            action=Action.CREATE,
            caller=acting(caller, operation.actor),
            submission=submission,
            at=operation.at,
            on_duplicate_update=operation.on_duplicate == "update",
        )
    if operation.id is None and operation.capture_id is None:
        raise InvalidInputError(
            "the operation names no item", field=f"{prefix}.id", hint="give id, or captureId and capturePoint"
        )
    capture = (
        (operation.capture_point, operation.capture_id)
        if operation.id is None and operation.capture_id
        else None
    )
    update = decode_with(_decode_update, item, ItemUpdate, f"{prefix}.item") if item else None
    request = ActionRequest(
        reason=operation.reason,
        comment=operation.comment,
        actor=operation.actor,
        agent=operation.agent,
        queue=operation.queue,
        result_code=operation.result_code,
        hold_until=operation.hold_until,
        wakes_on=operation.wakes_on,
        keep_for=operation.keep_for,
        item=update,
    )
    command = command_of(
        Action(operation.op),
        request,
        caller,
        item_id=operation.id,
        capture=capture,
        if_match=operation.revision,
        at=operation.at,
    )
    command.reclassify = operation.reclassify
    return command


def _told(index: int, result: Result) -> OperationResult:
    if isinstance(result, OpenIwdError):
        problem = problem_of(result)
        field = problem.get("field")
        if field is not None and not field.startswith("operations["):
            problem["field"] = f"operations[{index}].{field}"
        return OperationResult(index, "error", error=problem)
    item = result.item
    outcome: Literal["created", "existing", "done", "unchanged"]
    if result.created:
        outcome = "created"
    elif result.changed:
        outcome = "done"
    else:
        outcome = "unchanged"
    return OperationResult(index, outcome, item.id, item.status.value, item.revision, list(result.warnings))


@get("/checkpoints/{name:str}", tags=["items"], operation_id="getCheckpoint")
async def get_checkpoint(call: CurrentCall, name: FromPath[str]) -> CheckpointView:
    """Where a reader of an outside source stands, as its last operations stored it."""
    async with call.services.runtime.store.reading() as reading:
        value = await reading.checkpoint(name)
    if value is None:
        raise NotFoundError(
            f"there is no checkpoint '{name}'",
            field="name",
            hint="nothing has been stored under this name yet",
        )
    return CheckpointView(name, value)
