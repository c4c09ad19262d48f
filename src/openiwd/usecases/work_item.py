"""Changes of work items: commands run in order on items in memory, then one transaction writes what came of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain import judging, transition
from openiwd.domain.errors import (
    ConflictError,
    DuplicateError,
    InvalidInputError,
    NotFoundError,
    OpenIwdError,
    RevisionMismatchError,
    UnavailableError,
)
from openiwd.domain.event import Event, EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.offer import ClosedOffer, OfferOutcome, WrapUp
from openiwd.domain.privilege import Caller
from openiwd.domain.transition import Change, Context
from openiwd.domain.work_item import ItemId, ItemSubmission, ItemUpdate, Status, WorkItem
from openiwd.ports.tenant_store import TransactionRetryError, Writing
from openiwd.usecases.tenant_runtime import TenantRuntime

ATTEMPTS: Final = 20
"""How often a batch is tried again when somebody else changed one of its items meanwhile."""


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


def submission_hash(submission: ItemSubmission) -> bytes:
    """Equality of hand-overs: the source-set fields as first received."""
    return hash_of(submission_text(submission))


def submission_text(submission: ItemSubmission) -> bytes:
    """The submission as JSON, equal ones alike to the byte."""
    return _encode(submission)


def hash_of(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).digest()


_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class _Batch:
    """The items of a batch in memory, and everything that its commands have made of them."""

    def __init__(
        self, items: dict[UUID, WorkItem], by_capture: dict[tuple[str, str], tuple[UUID, bytes]]
    ) -> None:
        self.items = items
        self.by_capture = by_capture
        self.base: dict[UUID, int] = {i.id: i.revision for i in items.values()}
        self.created: dict[UUID, bytes] = {}
        self.events: list[Event] = []
        self.closed: list[ClosedOffer] = []
        self.wrap_ups: list[tuple[UUID, WrapUp]] = []
        self.deleted: set[UUID] = set()
        self.along: list[tuple[UUID, Callable[[Writing, WorkItem], Awaitable[None]]]] = []
        self.judged_by: set[int] = set()
        """Rule-set versions that the commands ran by: more than one when the rules changed between two of them."""

    def take(self, change: Change) -> None:
        self.items[change.item.id] = change.item
        self.events.append(change.event)
        if change.closed_offer is not None:
            self.closed.append(change.closed_offer)
        if change.wrap_up is not None:
            self.wrap_ups.append((change.item.id, change.wrap_up))

    def find(self, command: Command) -> WorkItem:
        item_id = command.item_id
        if item_id is None and command.capture is not None:
            found = self.by_capture.get(command.capture)
            item_id = found[0] if found else None
        item = self.items.get(item_id) if item_id is not None else None
        if item is None or item.id in self.deleted:
            named = command.item_id or (command.capture[1] if command.capture else "?")
            raise NotFoundError(
                f"there is no item {named}",
                field="id",
                hint="check the id, and the capture point of a captureId",
            )
        return item


async def apply(
    runtime: TenantRuntime,
    commands: Sequence[Command],
    *,
    checkpoint: tuple[str, Any] | None = None,
    also: Callable[[Writing, Sequence[Result]], Awaitable[None]] | None = None,
    atomic: bool = False,
) -> list[Result]:
    """Runs the commands in order and writes all that succeeded in one transaction; a failed one leaves no trace.

    When another writer changes one of the items between reading and writing, everything is read and run again;
    so each command is judged on the state that it really meets. `checkpoint` is stored in the same transaction,
    and `also` writes in it what belongs to the results (not called when there is nothing to write). With
    `atomic`, nothing at all is written when one of them fails.
    """
    for _ in range(ATTEMPTS):
        batch = await _load(runtime, commands)
        results, clock_at = await _run(runtime, commands, batch)
        if atomic and any(isinstance(r, OpenIwdError) for r in results):
            return all_failed(results)
        if not batch.events and checkpoint is None:
            return results
        if await _write(runtime, batch, results, checkpoint, also, clock_at):
            if runtime.virtual is not None and clock_at is not None:
                runtime.virtual.reach(clock_at)
            runtime.committed()
            return _renumbered(results, batch)
    raise UnavailableError(
        "the items changed again and again meanwhile",
        code="busy",
        hint="try again; nothing was written",
        retry_after=1,
    )


def all_failed(results: Sequence[object]) -> list[Result]:
    """The results of a batch that is not written because one of them failed."""
    return [r if isinstance(r, OpenIwdError) else _not_done() for r in results]


def _not_done() -> OpenIwdError:
    return ConflictError(
        "not done: another operation of the same request failed",
        code="notDone",
        hint="see the others' errors",
    )


async def apply_one(runtime: TenantRuntime, command: Command) -> Done:
    """One command; raises what went wrong."""
    (result,) = await apply(runtime, [command])
    if isinstance(result, OpenIwdError):
        raise result
    return result


async def _load(runtime: TenantRuntime, commands: Sequence[Command]) -> _Batch:
    ids = {c.item_id for c in commands if c.item_id is not None}
    keys = {c.capture for c in commands if c.capture is not None}
    keys |= {
        (c.submission.capture_point, c.submission.capture_id) for c in commands if c.submission is not None
    }
    items: dict[UUID, WorkItem] = {}
    by_capture: dict[tuple[str, str], tuple[UUID, bytes]] = {}
    if ids or keys:
        async with runtime.store.reading() as reading:
            if ids:
                items.update(await reading.items_by_id(ids))
            if keys:
                for key, stored in (await reading.items_by_capture(keys)).items():
                    items.setdefault(stored.item.id, stored.item)
                    by_capture[key] = (stored.item.id, stored.submission_hash)
    return _Batch(items, by_capture)


async def _run(
    runtime: TenantRuntime, commands: Sequence[Command], batch: _Batch
) -> tuple[list[Result], datetime | None]:
    """The results, and where a virtual clock stands after them: it moves only once they are written."""
    results: list[Result] = []
    contexts: dict[str, Context] = {}
    start = runtime.virtual
    clock_at = start.now() if start is not None and start.started else None
    for command in commands:
        actor = command.caller.actor
        ctx = contexts.get(actor)
        now = _instant_of(command, runtime, clock_at)
        if start is not None:
            if clock_at is not None and now < clock_at:
                results.append(_backwards(clock_at, now))
                continue
            clock_at = now
        if ctx is None:
            ctx = contexts[actor] = await runtime.context(actor, now)
        elif ctx.now != now:
            ctx = contexts[actor] = replace(ctx, now=now)
        batch.judged_by.add(ctx.rules.version)
        try:
            results.append(_execute(command, ctx, batch, runtime))
        except OpenIwdError as error:
            results.append(error)
    return results, clock_at


def _instant_of(command: Command, runtime: TenantRuntime, clock_at: datetime | None) -> datetime:
    if runtime.virtual is None:
        return runtime.now()
    return command.at or clock_at or runtime.now()


def _backwards(clock_at: datetime, now: datetime) -> OpenIwdError:
    return InvalidInputError(
        f"{now.isoformat()} is before the clock's {clock_at.isoformat()}",
        field="at",
        code="clockBackwards",
        hint="send in order",
    )


def _execute(command: Command, ctx: Context, batch: _Batch, runtime: TenantRuntime) -> Done:
    if command.action is Action.CREATE:
        return _create(command, ctx, batch, runtime)
    item = batch.find(command)
    if not command.internal:
        privilege = command.privilege or PRIVILEGE.get(command.action)
        if privilege is not None:
            command.caller.require_item(privilege, item)
    if command.if_match is not None and command.if_match != item.revision:
        raise RevisionMismatchError(
            f"the item is at revision {item.revision}, not {command.if_match}",
            field="If-Match",
            hint="read it again and merge",
            revision=item.revision,
        )
    change = command.custom(item, ctx) if command.custom is not None else _change(command, item, ctx)
    if change is None:
        return Done(item=item, changed=False)
    batch.take(change)
    if command.along is not None:
        batch.along.append((item.id, command.along))
    if change.event.type is EventType.DELETED:
        batch.deleted.add(item.id)
        batch.by_capture.pop((item.capture_point, item.capture_id), None)
    return Done(item=change.item, warnings=change.warnings)


def _create(command: Command, ctx: Context, batch: _Batch, runtime: TenantRuntime) -> Done:
    new = command.submission
    if new is None:
        raise InvalidInputError("an item is needed", field="item", hint="give the item's fields")
    command.caller.require("workitems.create")
    key = (new.capture_point, new.capture_id)
    digest = submission_hash(new)
    known = batch.by_capture.get(key)
    if known is not None:
        item = batch.items[known[0]]
        if known[1] == digest:
            return Done(item=item, changed=False)
        if not command.on_duplicate_update:
            raise DuplicateError(
                f"captureId '{new.capture_id}' exists with other content",
                field="captureId",
                item_id=str(item.id),
                hint="send ?onDuplicate=update to update it, or use PUT",
            )
        command.caller.require_item("workitems.update", item)
        change = judging.update(item, as_update(new), ctx)
        if change is None:
            return Done(item=item, changed=False)
        batch.take(change)
        return Done(item=change.item, warnings=change.warnings)
    change = judging.create(new, ctx, runtime.new_id())
    batch.take(change)
    batch.created[change.item.id] = digest
    batch.by_capture[key] = (change.item.id, digest)
    return Done(item=change.item, created=True)


def as_update(new: ItemSubmission) -> ItemUpdate:
    """A repeated hand-over as an update: what it names replaces, what it leaves out stays."""
    raw = msgspec.to_builtins(new)
    for name in ("captureId", "capturePoint", "mediaType", "createdDateTime"):
        raw.pop(name, None)
    return msgspec.convert({k: v for k, v in raw.items() if v not in (None, [])}, ItemUpdate)


def _change(command: Command, item: WorkItem, ctx: Context) -> Change | None:  # one line per action
    c = command
    match c.action:
        case Action.UPDATE:
            return judging.update(item, c.update or ItemUpdate(), ctx, c.reclassify)
        case Action.CLASSIFY:
            return judging.reclassify(item, ctx)
        case Action.HOLD:
            return transition.hold(
                item,
                ctx,
                c.reason or "other",
                until=c.hold_until,
                wakes_on=c.wakes_on,
                keep_for=c.keep_for,
                comment=c.comment,
            )
        case Action.RESUME:
            if item.status is Status.ERRORHELD or (item.status is Status.HELD and item.category_id is None):
                return judging.resume_unclassified(item, ctx, because=c.because, comment=c.comment)
            return transition.resume(item, ctx, because=c.because, comment=c.comment)
        case Action.CANCEL:
            return transition.cancel(item, ctx, reason=c.reason, comment=c.comment)
        case Action.COMPLETE:
            return transition.complete(
                item, ctx, reason=c.reason, result_code=c.result_code, comment=c.comment, agent_id=c.agent_id
            )
        case Action.RESTART:
            return judging.restart(item, ctx, c.update, reason=c.reason)
        case Action.REOPEN:
            return judging.reopen(item, ctx, reason=c.reason, comment=c.comment)
        case Action.ACTIVATE:
            return transition.activate(item, ctx)
        case Action.ASSIGN:
            if c.agent_id is None:
                raise InvalidInputError("an agent is needed", field="agent", hint="name the agent's id")
            return transition.assign(item, ctx, c.agent_id, comment=c.comment)
        case Action.TRANSFER:
            if c.agent_id is not None:
                return transition.transfer_to_agent(
                    item, ctx, c.agent_id, sender=c.caller.agent_id, comment=c.comment
                )
            return transition.transfer_to_queue(item, ctx, c.queue_id, comment=c.comment)
        case Action.RETURN:
            return transition.return_to_queue(item, ctx, reason=c.reason, comment=c.comment)
        case Action.ACCEPT:
            if c.offer_id is None or c.agent_id is None:
                raise InvalidInputError("an offer is needed", field="offer")
            return transition.accept(item, ctx, c.offer_id, c.agent_id)
        case Action.DECLINE | Action.TIME_OUT | Action.LOSE | Action.WITHDRAW:
            if c.offer_id is None or c.outcome is None:
                raise InvalidInputError("an offer is needed", field="offer")
            return transition.end_offer(
                item, ctx, c.offer_id, c.outcome, agent_id=c.agent_id, reason=c.reason
            )
        case Action.END_RESERVATION:
            return transition.expire(item, ctx)
        case Action.DELETE:
            return transition.delete(item, ctx, reason=c.reason)
        case Action.CREATE | Action.REJECT | Action.OFFER | Action.PULL:
            raise InvalidInputError(f"{c.action.value} is not done this way", field="action")


class _MovedError(Exception):
    """Somebody else changed an item of the batch: roll back, read again."""


async def _write(
    runtime: TenantRuntime,
    batch: _Batch,
    results: Sequence[Result],
    checkpoint: tuple[str, Any] | None,
    also: Callable[[Writing, Sequence[Result]], Awaitable[None]] | None,
    clock_at: datetime | None,
) -> bool:
    """Writes everything or nothing. False when an item or the rules have moved on meanwhile."""
    try:
        async with runtime.store.writing() as tx:
            live = await tx.share_live_version()
            if batch.events:  # a checkpoint alone was judged by no rules
                _require_same(live, batch.judged_by)
            await _write_items(batch, tx)
            for item_id, along in batch.along:
                await along(tx, batch.items[item_id])
            if batch.closed:
                await tx.close_offers(batch.closed)
            if batch.wrap_ups:
                numbered = [replace(w, item_number=batch.items[i].number) for i, w in batch.wrap_ups]
                await tx.add_wrap_ups(numbered)
            if clock_at is not None:
                await tx.set_virtual_now(clock_at)
            if checkpoint is not None:
                await tx.save_checkpoint(*checkpoint)
            if also is not None:
                await also(tx, results)
            if batch.events:
                await tx.append_events(batch.events)
    except (_MovedError, TransactionRetryError):
        runtime.forget_rules()
        return False
    return True


def _require_same(live: int | None, judged_by: set[int]) -> None:
    if judged_by != {live}:
        raise _MovedError


async def _write_items(batch: _Batch, tx: Writing) -> None:
    await _delete(tx, [(batch.base[i], batch.items[i]) for i in batch.deleted if i in batch.base])
    new = [batch.items[i] for i in batch.created]
    if new:
        new.sort(key=lambda i: (i.capture_point, i.capture_id))
        await match_contacts(tx, new, batch.events)
        numbers = await tx.insert_items(new, [batch.created[i.id] for i in new])
        if len(numbers) != len(new):
            raise _MovedError
        for item in new:
            item.number = numbers[item.id]
        for event in batch.events:
            if event.item_id in numbers:
                event.item_number = numbers[event.item_id]
    moved = [
        (batch.base[i.id], i)
        for i in batch.items.values()
        if i.id in batch.base and i.revision != batch.base[i.id] and i.id not in batch.deleted
    ]
    if moved:
        await match_contacts(tx, [i for _, i in moved], batch.events)
        written = await tx.update_items(moved)
        if len(written) != len(moved):
            raise _MovedError
    fleeting = [batch.items[i] for i in batch.deleted if i in batch.created]
    await _delete(tx, [(i.revision, i) for i in fleeting])


async def _delete(tx: Writing, gone: list[tuple[int, WorkItem]]) -> None:
    if gone and len(await tx.delete_items(gone)) != len(gone):
        raise _MovedError


async def match_contacts(tx: Writing, items: Sequence[WorkItem], events: Sequence[Event]) -> None:
    """Finds or makes the contacts of items that name one but are not tied to one yet; their events tell of it."""
    wanted = [(n, i.contact) for n, i in enumerate(items) if i.contact and i.contact_id is None]
    if not wanted:
        return
    found = await tx.match_contacts(wanted, events[-1].at)
    for n, contact_id in found.items():
        items[n].contact_id = contact_id
    tied: dict[ItemId, UUID] = {items[n].id: contact_id for n, contact_id in found.items()}
    last: dict[ItemId, Event] = {e.item_id: e for e in events if e.item_id in tied}
    for item_id, event in last.items():
        event.body.setdefault("set", {})["contact_id"] = str(tied[item_id])


def _renumbered(results: list[Result], batch: _Batch) -> list[Result]:
    for result in results:
        if isinstance(result, Done) and result.item.number == 0:
            result.item.number = batch.items[result.item.id].number
    return results
