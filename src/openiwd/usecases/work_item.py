"""Changes of work items: commands run in order on items in memory, then one transaction writes what came of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace

from openiwd.domain import judging
from openiwd.domain.errors import (
    ConflictError,
    DuplicateError,
    InvalidInputError,
    OpenIwdError,
    RevisionMismatchError,
    UnavailableError,
)
from openiwd.domain.event import EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.transition import Context, with_focus
from openiwd.domain.work_item import WorkItem
from openiwd.ports.tenant_store import Writing
from openiwd.usecases.command import PRIVILEGE, Command, Done, Result
from openiwd.usecases.item_batch import Batch, missing, write
from openiwd.usecases.item_change import change_of
from openiwd.usecases.submission import as_update, hash_of, submission_text
from openiwd.usecases.tenant_runtime import TenantRuntime

ATTEMPTS: Final = 20
"""How often a batch is tried again when somebody else changed one of its items meanwhile."""


async def apply(
    runtime: TenantRuntime,
    commands: Sequence[Command],
    *,
    checkpoint: tuple[str, Any] | None = None,
    also: Callable[[Writing, Sequence[Result]], Awaitable[None]] | None = None,
    always: bool = False,
    atomic: bool = False,
    attempts: int = ATTEMPTS,
) -> list[Result]:
    """Runs the commands in order and writes all that succeeded in one transaction; a failed one leaves no trace.

    When another writer changes one of the items between reading and writing, everything is read and run again;
    so each command is judged on the state that it really meets. `checkpoint` is stored in the same transaction,
    and `also` writes in it what belongs to the results (not called when there is nothing to write, unless
    `always`). With `atomic`, nothing at all is written when one of them fails.
    """
    for _ in range(attempts):
        batch = await _load(runtime, commands)
        results, clock_at = await _run(runtime, commands, batch)
        if atomic and any(isinstance(r, OpenIwdError) for r in results):
            return all_failed(results)
        if not batch.events and checkpoint is None and not always:
            return results
        if await write(runtime, batch, results, checkpoint, also, clock_at):
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


async def _load(runtime: TenantRuntime, commands: Sequence[Command]) -> Batch:
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
    return Batch(items, by_capture)


async def _run(
    runtime: TenantRuntime, commands: Sequence[Command], batch: Batch
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
        batch.judged_by.add(ctx.judged_by)
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


def _execute(command: Command, ctx: Context, batch: Batch, runtime: TenantRuntime) -> Done:
    if command.action is Action.CREATE:
        return _create(command, ctx, batch, runtime)
    privilege = None if command.internal else command.privilege or PRIVILEGE.get(command.action)
    if privilege is not None:  # before the item is looked for: who lacks it learns nothing of what there is
        command.caller.require(privilege)
    item = batch.find(command)
    if privilege is not None:
        if not command.caller.sees(privilege, item):
            raise missing(command)
        command.caller.require_item(privilege, item)
    if command.if_match is not None and command.if_match != item.revision:
        raise RevisionMismatchError(
            f"the item is at revision {item.revision}, not {command.if_match}",
            field="If-Match",
            hint="read it again and merge",
            revision=item.revision,
        )
    change = command.custom(item, ctx) if command.custom is not None else change_of(command, item, ctx)
    if change is None:
        return Done(item=item, changed=False)
    if command.focus_seconds is not None:
        change = with_focus(change, command.focus_seconds)
    batch.take(change)
    if command.along is not None:
        batch.along.append((item.id, command.along))
    if change.event.type is EventType.DELETED:
        batch.deleted.add(item.id)
        batch.by_capture.pop((item.capture_point, item.capture_id), None)
    return Done(item=change.item, warnings=change.warnings)


def _create(command: Command, ctx: Context, batch: Batch, runtime: TenantRuntime) -> Done:
    new = command.submission
    if new is None:
        raise InvalidInputError("an item is needed", field="item", hint="give the item's fields")
    command.caller.require("workitems.create")
    key = (new.capture_point, new.capture_id)
    text = submission_text(new)
    digest = hash_of(text)
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
        if not command.caller.covers(command.caller.require("workitems.update"), item):
            raise command.caller.beyond("workitems.update")  # that the captureId is taken cannot be hidden
        change = judging.update(item, as_update(new), ctx)
        if change is None:
            return Done(item=item, changed=False)
        batch.take(change)
        return Done(item=change.item, warnings=change.warnings)
    change = judging.create(new, ctx, runtime.new_id(), encoded=text)
    batch.take(change)
    batch.created[change.item.id] = digest
    batch.by_capture[key] = (change.item.id, digest)
    return Done(item=change.item, created=True)


def _renumbered(results: list[Result], batch: Batch) -> list[Result]:
    for result in results:
        if isinstance(result, Done) and result.item.number == 0:
            result.item.number = batch.items[result.item.id].number
    return results
