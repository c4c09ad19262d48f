"""Takes records of a capture point: mapped, turned into commands, and written in one transaction with their places
in the source and with the error inbox. A record that came before is known by its place and is not taken again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from openiwd.domain.capture.answer import Answer, Outcome, refused
from openiwd.domain.capture.mapping_compiler import CompiledMapping, compile_mapping
from openiwd.domain.capture.message import Create, GetInfo, Message, Ping, capture_id_of, kind_of
from openiwd.domain.capture.notification import actor_of
from openiwd.domain.capture.place import storable
from openiwd.domain.capture.point import CapturePoint, DuplicatePolicy
from openiwd.domain.errors import (
    DuplicateError,
    FencedError,
    InvalidInputError,
    NotFoundError,
    OpenIwdError,
    UnavailableError,
)
from openiwd.domain.privilege import Caller, Scope
from openiwd.domain.work_item import WorkItem
from openiwd.ports.capture import MAX_RAW, SourceRecord
from openiwd.ports.capture_store import CaptureError
from openiwd.ports.tenant_store import TookTooLongError, Writing
from openiwd.usecases.capture_command import INTERNAL_PRIVILEGES, command_of_message
from openiwd.usecases.command import PRIVILEGE, Command, Done, Result
from openiwd.usecases.item_action import named_agents, wrong_agents
from openiwd.usecases.item_view import item_view
from openiwd.usecases.work_item import ATTEMPTS, apply

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

MAX_KEPT: Final = 64 * 1024
"""Bytes of a record's fields that the inbox keeps; a larger record cannot be tried again from there."""

MOST_OPEN: Final = 10_000
"""Open entries of the inbox that are kept of a capture point, the newest: more are no help, and would fill the disk."""


TOGETHER: Final = 3
"""So often a batch is judged while something is in its way; then its halves are, and only the record at fault waits."""


class OpenedPoint(Struct):
    """A capture point ready to take records."""

    point: CapturePoint
    mapping: CompiledMapping
    caller: Caller


def opened(point: CapturePoint, tenant_id: str) -> OpenedPoint:
    """Compiles the mapping. The point acts with every privilege on items, on its own items only."""
    caller = Caller(
        tenant_id=tenant_id,
        actor=actor_of(point.id),
        name=point.name,
        privileges=dict.fromkeys(INTERNAL_PRIVILEGES, Scope.ALL),
    )
    return OpenedPoint(point, compile_mapping(point), caller)


class Plan(Struct, eq=False):
    """One record on its way: what it says, what is to be done, what came of it."""

    record: SourceRecord
    message: Message | None = None
    command: Command | None = None
    error: OpenIwdError | None = None
    answer: Answer | None = None
    capture_id: str | None = None

    def refuse(self, error: OpenIwdError) -> None:
        self.error, self.command = error, None

    @property
    def known(self) -> dict[str, Any]:
        """What an answer tells whatever comes of it."""
        message = self.message
        return {
            "position": self.record.position,
            "message": None if message is None else kind_of(message),
            "capture_id": self.capture_id if message is None else capture_id_of(message),
        }


def count(services: TenantServices, point: OpenedPoint, answers: Sequence[Answer]) -> None:
    """Tells how many records came to what."""
    for outcome, records in Counter(answer.outcome for answer in answers).items():
        services.captured(point.point.id, outcome, records)


View = Callable[[WorkItem], dict[str, Any]]
Also = Callable[[Writing, Sequence[Plan]], Awaitable[None]]


async def take(
    services: TenantServices, point: OpenedPoint, records: Sequence[SourceRecord], epoch: int
) -> list[Answer]:
    """The answers to the records, in order, once all is committed; FencedError when another process reads now.

    What cannot be taken is in the error inbox then, and never stands in the way of the others.
    """
    before = await _taken_before(services, point, records)
    plans = [planned(point, record) for record in records]
    fresh = [plan for plan, is_known in zip(plans, before, strict=True) if not is_known]

    async def also(tx: Writing, written: Sequence[Plan]) -> None:
        await tx.hold_capture_epoch(point.point.id, epoch)
        await _keep_places(tx, point, written)
        await tx.add_capture_errors([inbox_entry(services, point, p) for p in written if _has_failed(p)])

    if fresh:
        placed = all(r.offset is not None or r.key is not None for r in records)
        await run(services, point, fresh, also, in_parts=placed)
        await bound_inbox(services, point, fresh)
    await _answer_again(services, point, [p for p in plans if p.answer is None])
    return [plan.answer for plan in plans if plan.answer is not None]


async def bound_inbox(services: TenantServices, point: OpenedPoint, done: Sequence[Plan]) -> None:
    """Makes room for what failed. Apart from the transaction that took it, which would wait for others here."""
    if any(_has_failed(plan) for plan in done):
        async with services.runtime.store.writing() as tx:
            await tx.trim_capture_errors(point.point.id, MOST_OPEN)


def planned(point: OpenedPoint, record: SourceRecord) -> Plan:
    """The record's message and command, or what is wrong with it."""
    plan = Plan(record)
    if record.fault is not None:
        plan.refuse(record.fault)
        return plan
    try:
        plan.message = point.mapping.message(record.fields, record.message)
        if not isinstance(plan.message, Ping):
            policy = point.point.on_duplicate
            plan.command = command_of_message(
                plan.message, point.point.id, point.caller, update=policy is DuplicatePolicy.UPDATE
            )
    except OpenIwdError as error:
        plan.refuse(error)
        plan.capture_id = point.mapping.capture_id(record.fields)
    except (RecursionError, UnicodeError) as error:
        plan.refuse(InvalidInputError(f"the record cannot be read: {error}", hint="correct it in the source"))
    return plan


async def run(
    services: TenantServices,
    point: OpenedPoint,
    plans: Sequence[Plan],
    also: Also,
    *,
    in_parts: bool = False,
) -> None:
    """Carries out the plans in order and answers each; a value that the database refuses is found out by halves.

    `in_parts`: so is what others stand in the way of. A part may be committed then when UnavailableError is raised, so
    this is for records that are known by their places when they come again.
    """
    await _check(services, point, plans)
    commands = [p.command for p in plans if p.command is not None]

    async def record(tx: Writing, results: Sequence[Result]) -> None:
        told, view = iter(results), await _viewing(services, plans)
        for plan in plans:
            plan.answer = _answer(point, plan, None if plan.command is None else next(told), view)
        await also(tx, plans)

    alone = len(plans) == 1
    attempts = TOGETHER if in_parts and not alone else ATTEMPTS
    try:
        await apply(services.runtime, commands, also=record, always=True, attempts=attempts)
    except FencedError:
        raise
    except OpenIwdError as error:
        if isinstance(error, UnavailableError) and not (in_parts and not alone and _is_of_size(error)):
            raise
        if not alone:
            # Those before the one at fault are through then; those after it have to wait, for the order's sake.
            half = len(plans) // 2
            await run(services, point, plans[:half], also, in_parts=in_parts)
            await run(services, point, plans[half:], also, in_parts=in_parts)
        elif plans[0].command is not None:
            plans[0].refuse(error)
            await run(services, point, plans, also, in_parts=in_parts)
        else:
            raise


def _is_of_size(error: UnavailableError) -> bool:
    """Whether fewer records may get through: others change some of the items, or there is too much for the time."""
    return error.code == "busy" or isinstance(error, TookTooLongError)


async def _check(services: TenantServices, point: OpenedPoint, plans: Sequence[Plan]) -> None:
    """Refuses agents that are none, and items of other capture points."""
    wrong = await wrong_agents(services.runtime, named_agents([p.command for p in plans if p.command]))
    ids: set[UUID] = {p.command.item_id for p in plans if p.command and p.command.item_id}
    items: dict[UUID, WorkItem] = {}
    if ids:
        async with services.runtime.store.reading() as reading:
            items = await reading.items_by_id(ids)
    for plan in plans:
        command = plan.command
        if command is None:
            continue
        for agent in named_agents([command]):
            if agent in wrong:
                plan.refuse(wrong[agent])
        if command.item_id is not None and _is_foreign(point, command, items.get(command.item_id)):
            plan.refuse(
                NotFoundError(
                    f"there is no item {command.item_id} of this capture point",
                    field="id",
                    hint="check the id; items of other capture points are out of reach",
                )
            )


def _is_foreign(point: OpenedPoint, command: Command, item: WorkItem | None) -> bool:
    """Whether it is as if there were no such item; who lacks the privilege is told that, of every id."""
    privilege = command.privilege or PRIVILEGE[command.action]
    if not command.caller.may(privilege):
        return False
    return item is None or item.capture_point != point.point.id or not command.caller.sees(privilege, item)


async def _viewing(services: TenantServices, plans: Sequence[Plan]) -> View | None:
    """Shows items as the API does, where any of the plans asks for one."""
    if not any(isinstance(plan.message, GetInfo) for plan in plans):
        return None
    runtime = services.runtime
    rules, now = await runtime.rules(), runtime.now()
    return lambda item: msgspec.to_builtins(item_view(item, rules, now))


def _answer(point: OpenedPoint, plan: Plan, result: Result | None, view: View | None) -> Answer:
    if plan.error is not None:
        return refused(plan.error, **plan.known)
    match result:
        case None:
            return Answer(outcome=Outcome.PONG, **plan.known)
        case DuplicateError() if point.point.on_duplicate is DuplicatePolicy.KEEP:
            return Answer(outcome=Outcome.EXISTING, id=UUID(str(result.details["item_id"])), **plan.known)
        case OpenIwdError():
            return refused(result, **plan.known)
        case Done():
            return _of_item(plan, result, view)


def _of_item(plan: Plan, done: Done, view: View | None, *, again: bool = False) -> Answer:
    item, message = done.item, plan.message
    if isinstance(message, GetInfo):
        outcome = Outcome.INFO
    elif done.created:
        outcome = Outcome.CREATED
    elif isinstance(message, Create) and not done.changed:
        outcome = Outcome.EXISTING
    else:
        outcome = Outcome.DONE if done.changed or again else Outcome.UNCHANGED
    return Answer(
        outcome=outcome,
        message=None if message is None else kind_of(message),
        position=plan.record.position,
        id=item.id,
        capture_id=item.capture_id,
        status=item.status.value,
        revision=item.revision,
        category_path=item.category_path,
        queue=item.queue_id,
        warnings=list(done.warnings),
        item=view(item) if view is not None and outcome is Outcome.INFO else None,
    )


def _has_failed(plan: Plan) -> bool:
    return plan.answer is not None and plan.answer.failed


async def _keep_places(tx: Writing, point: OpenedPoint, plans: Sequence[Plan]) -> None:
    offsets: dict[str, int] = {}
    keys: list[tuple[str, str]] = []
    for record in (plan.record for plan in plans):
        if record.offset is not None:
            offsets[record.stream] = max(record.offset, offsets.get(record.stream, record.offset))
        elif record.key is not None:
            keys.append((record.stream, record.key))
    await tx.save_capture_offsets(point.point.id, offsets)
    await tx.save_capture_keys(point.point.id, keys)


async def _taken_before(
    services: TenantServices, point: OpenedPoint, records: Sequence[SourceRecord]
) -> list[bool]:
    """Of each record whether its place was committed before, or stands in the batch already."""
    streams = {r.stream for r in records if r.offset is not None}
    keys = {(r.stream, r.key) for r in records if r.offset is None and r.key is not None}
    async with services.runtime.store.reading() as reading:
        last = await reading.capture_offsets(point.point.id, streams) if streams else {}
        seen = await reading.capture_keys(point.point.id, keys) if keys else set()
    before = []
    for record in records:
        if record.offset is not None:
            before.append(record.offset <= last.get(record.stream, record.offset - 1))
            last[record.stream] = max(record.offset, last.get(record.stream, record.offset))
        elif record.key is not None:
            before.append((record.stream, record.key) in seen)
            seen.add((record.stream, record.key))
        else:
            before.append(False)
    return before


async def _answer_again(services: TenantServices, point: OpenedPoint, plans: Sequence[Plan]) -> None:
    """Answers what was committed before a crash, by the inbox and by how the items stand now."""
    if not plans:
        return
    places = {(p.record.stream, p.record.place) for p in plans}
    keys = {(point.point.id, c) for p in plans if (c := p.known["capture_id"]) is not None}
    ids = {i for p in plans if (i := getattr(p.message, "id", None)) is not None}
    async with services.runtime.store.reading() as reading:
        failures = await reading.capture_failures(point.point.id, places)
        by_capture = await reading.items_by_capture(keys) if keys else {}
        by_id = await reading.items_by_id(ids) if ids else {}
        dropped = await reading.capture_errors_dropped()
    view = await _viewing(services, plans)
    for plan in plans:
        failure = failures.get((plan.record.stream, plan.record.place))
        if failure is not None:
            error = OpenIwdError(failure.reason, code=failure.code, field=failure.field, hint=failure.hint)
            plan.answer = refused(error, **plan.known)
            continue
        stored = by_capture.get((point.point.id, plan.known["capture_id"] or ""))
        item = (
            stored.item if stored is not None else by_id.get(getattr(plan.message, "id", None) or UUID(int=0))
        )
        if item is not None and item.capture_point == point.point.id:
            plan.answer = _of_item(plan, Done(item=item, changed=False), view, again=True)
        elif point.point.id in dropped and not isinstance(plan.message, Ping):
            plan.answer = refused(plan.error or _refused_before(), **plan.known)
        else:
            outcome = Outcome.PONG if isinstance(plan.message, Ping) else Outcome.DONE
            plan.answer = Answer(outcome=outcome, **plan.known)


def _refused_before() -> OpenIwdError:
    return OpenIwdError(
        "this was refused before; the reason had to make room in the error inbox",
        code="refusedBefore",
        hint="send it again to see the reason",
    )


def inbox_entry(services: TenantServices, point: OpenedPoint, plan: Plan) -> CaptureError:
    """A refused record as the error inbox keeps it: bounded, and without what the database cannot store."""
    record, answer = plan.record, plan.answer
    error = answer.error if answer is not None else None
    fields: dict[str, Any] | None = None
    if record.fault is None:
        plain = _storable(msgspec.to_builtins(record.fields, str_keys=True))
        fields = plain if len(msgspec.json.encode(plain)) <= MAX_KEPT else None
    return CaptureError(
        id=services.runtime.new_id(),
        capture_point=point.point.id,
        stream=storable(record.stream)[:200],
        place=storable(record.place)[:500],
        position=storable(record.position)[:500],
        at=services.runtime.now(),
        message=plan.known["message"],
        named=None if record.message is None else storable(record.message),
        capture_id=storable(str(plan.known["capture_id"] or ""))[:256] or None,
        fields=fields,
        raw=storable(record.raw)[:MAX_RAW],
        code=error.code if error is not None else "error",
        reason=storable(error.message if error is not None else "")[:2_000],
        field=storable(error.field)[:200] if error is not None and error.field else None,
        hint=storable(error.hint)[:500] if error is not None and error.hint else None,
    )


def _storable(value: Any) -> Any:
    """The same JSON value without texts that cannot be stored."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(name)): _storable(inner) for name, inner in value.items()}
    return [_storable(inner) for inner in value] if isinstance(value, list) else value
