"""Merges and splits of email threads by people, and their undoing. Emails move whole; a record says who and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from openiwd.domain.errors import ConflictError, NotFoundError, OpenIwdError
from openiwd.domain.event import EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller, Scope
from openiwd.domain.transition import Change, Context, noted
from openiwd.domain.work_item import ContactInput, ItemSubmission, Status, WorkItem, check_text
from openiwd.ports.email import EmailMove, StoredEmail
from openiwd.ports.tenant_store import TransactionRetryError, Writing
from openiwd.usecases.command import Command, Done, Result
from openiwd.usecases.email_item import CAPTURE_POINT, MAX_DESCRIPTION
from openiwd.usecases.item_note import MERGED
from openiwd.usecases.work_item import apply

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

MERGE: Final = "emails.merge"
UNDONE: Final = "splitUndone"


async def merge(
    services: TenantServices, caller: Caller, item: WorkItem, into: WorkItem, reason: str | None = None
) -> list[EmailMove]:
    """Moves all emails of an item to another one's thread; the emptied item is canceled as merged, and linked."""
    for one in (item, into):
        caller.require_item(MERGE, one)
    if item.id == into.id:
        raise ConflictError("an item is not merged with itself", code="linkToItself", field="into")
    check_text(reason or "", "reason")
    runtime = services.runtime
    async with runtime.store.reading() as reading:
        emails = await reading.emails_of_item(item.number)
        target = next(iter(await reading.threads_of_item(into.number)), None)
    if not emails:
        raise ConflictError("the item has no emails", code="noEmails", field="id")
    target_thread = target or runtime.new_id()
    moves = [
        _move(
            services,
            caller,
            "merge",
            [e.id for e in emails if e.thread_id == thread],
            thread,
            target_thread,
            reason,
        )
        for thread in dict.fromkeys(e.thread_id for e in emails if e.thread_id is not None)
    ]

    async def also(tx: Writing, _: Sequence[Result]) -> None:
        if target is None:
            await tx.add_email_thread(target_thread, into.number, runtime.now())
        await _carry_out(tx, moves)
        await tx.add_link(item.number, "duplicateOf", into.number, runtime.now(), caller.actor)

    commands = [_noting(caller, into, moves, reason)]
    if item.status.is_final:
        commands.append(_noting(caller, item, moves, reason))
    else:
        commands.append(
            Command(action=Action.CANCEL, caller=caller, item_id=item.id, reason=MERGED, internal=True)
        )
    await _apply(services, commands, also)
    return moves


async def split(
    services: TenantServices,
    caller: Caller,
    item: WorkItem,
    email_ids: Sequence[UUID],
    reason: str | None = None,
) -> tuple[WorkItem, EmailMove]:
    """Moves some emails of an item to a new one, which is judged as if they had come by themselves."""
    caller.require_item(MERGE, item)
    check_text(reason or "", "reason")
    runtime = services.runtime
    async with runtime.store.reading() as reading:
        emails = await reading.emails_of_item(item.number)
    chosen = [e for e in emails if e.id in set(email_ids)]
    if not chosen or len(chosen) != len(set(email_ids)):
        raise NotFoundError("the item has no such email", field="emails", hint="see its emails")
    threads = {e.thread_id for e in chosen}
    if len(chosen) == len(emails) or len(threads) != 1:
        raise ConflictError(
            "some emails of one thread can be split off, not all of them",
            code="nothingLeft",
            field="emails",
            hint="leave at least one with the item",
        )
    from_thread, new_thread = chosen[0].thread_id, runtime.new_id()
    if from_thread is None:
        raise ConflictError("the emails are in no thread", code="noThread", field="emails")
    move = _move(services, caller, "split", [e.id for e in chosen], from_thread, new_thread, reason)

    async def also(tx: Writing, results: Sequence[Result]) -> None:
        created = next(r.item for r in results if isinstance(r, Done) and r.created)
        await tx.add_email_thread(new_thread, created.number, runtime.now())
        await _carry_out(tx, [move])
        await tx.add_link(created.number, "relatesTo", item.number, runtime.now(), caller.actor)

    submission = _submission(item, chosen, move.id)
    creating = Command(action=Action.CREATE, caller=_may_create(caller), submission=submission)
    done = await _apply(services, [creating, _noting(caller, item, [move], reason)], also)
    return done[0].item, move


def _may_create(caller: Caller) -> Caller:
    """Splitting is a privilege of its own: it makes an item of what is there already."""
    scope = caller.require(MERGE)
    return Caller(
        tenant_id=caller.tenant_id,
        actor=caller.actor,
        name=caller.name,
        privileges={"workitems.create": scope},
    )


async def undo(services: TenantServices, caller: Caller, move_id: UUID) -> EmailMove:
    """Moves the emails back; a merged item is reopened, and one that a split has made is canceled. Once."""
    runtime, scope = services.runtime, caller.require(MERGE)
    missing = NotFoundError(f"there is no move {move_id}", field="id", hint="see the item's emails")
    async with runtime.store.reading() as reading:
        move = await reading.email_move(move_id)
        if move is None:
            raise missing
        threads = await reading.known_threads([move.from_thread, move.to_thread], [])
        items = await reading.items_by_id([t.item_id for t in threads.values()])
    if not all(caller.sees(MERGE, one) for one in items.values()) or not (items or scope is Scope.ALL):
        raise missing
    before, after = threads.get(move.from_thread), threads.get(move.to_thread)
    if before is None or after is None:
        raise ConflictError("one of the items is gone", code="itemGone", field="id")
    source, target = items[before.item_id], items[after.item_id]
    for one in (source, target):
        caller.require_item(MERGE, one)

    async def also(tx: Writing, _: Sequence[Result]) -> None:
        if not await tx.end_email_move(move.id, runtime.now(), caller.actor):
            raise ConflictError("it is undone already", code="undoneAlready", field="id")
        await tx.move_emails(move.emails, move.to_thread, move.from_thread)

    commands = [_noting(caller, source, [move], None), _noting(caller, target, [move], None)]
    if move.kind == "merge" and source.status is Status.CANCELED:
        commands[0] = Command(
            action=Action.REOPEN, caller=caller, item_id=source.id, reason="mergeUndone", internal=True
        )
    if move.kind == "split" and not target.status.is_final:
        commands[1] = Command(
            action=Action.CANCEL, caller=caller, item_id=target.id, reason=UNDONE, internal=True
        )
    await _apply(services, commands, also)
    move.undone_at, move.undone_by = runtime.now(), caller.actor
    return move


def _move(
    services: TenantServices,
    caller: Caller,
    kind: str,
    emails: list[UUID],
    from_thread: UUID,
    to_thread: UUID,
    reason: str | None,
) -> EmailMove:
    return EmailMove(
        id=services.runtime.new_id(),
        at=services.runtime.now(),
        actor=caller.actor,
        kind=kind,
        emails=emails,
        from_thread=from_thread,
        to_thread=to_thread,
        reason=reason,
    )


async def _carry_out(tx: Writing, moves: Sequence[EmailMove]) -> None:
    for move in moves:
        if await tx.move_emails(move.emails, move.from_thread, move.to_thread) != len(move.emails):
            raise TransactionRetryError("somebody else has moved these emails meanwhile")
        await tx.add_email_move(move)


def _noting(caller: Caller, item: WorkItem, moves: Sequence[EmailMove], reason: str | None) -> Command:
    def change(present: WorkItem, ctx: Context) -> Change:
        told: dict[str, Any] = {
            "moves": [str(m.id) for m in moves],
            "kind": moves[0].kind,
            "emails": sum(len(m.emails) for m in moves),
        }
        return noted(present, ctx, EventType.EMAIL_MOVED, email=told, reason=reason)

    return Command(action=Action.UPDATE, caller=caller, item_id=item.id, internal=True, custom=change)


async def _apply(services: TenantServices, commands: list[Command], also: Any) -> list[Done]:
    results = await apply(services.runtime, commands, also=also, atomic=True)
    for result in results:
        if isinstance(result, OpenIwdError) and result.code != "notDone":
            raise result
    return [r for r in results if isinstance(r, Done)]


def _submission(item: WorkItem, emails: Sequence[StoredEmail], move_id: UUID) -> ItemSubmission:
    first = next((e for e in emails if e.direction == "in"), emails[0])
    sender = first.sender if first.direction == "in" else None
    return ItemSubmission(
        capture_id=f"split/{move_id}",
        capture_point=CAPTURE_POINT,
        media_type="email",
        channel="email",
        category=item.named_category,
        subject=first.subject or None,
        description=first.text_new.strip()[:MAX_DESCRIPTION] or None,
        contact=ContactInput(name=first.sender_name or None, emails=[sender]) if sender else None,
        data={
            "email": {
                "id": str(first.id),
                "mailbox": first.mailbox_id,
                "kind": first.kind.value,
                "from": first.sender,
                "attachments": len(first.files),
                "size": first.size,
            }
        },
    )
