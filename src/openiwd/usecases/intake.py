"""Durable intake at speed: what arrives while a transaction runs is written by the next one (group commit)."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from msgspec import Struct

from openiwd.domain import judging
from openiwd.domain.errors import DuplicateError, OpenIwdError, UnavailableError
from openiwd.domain.event import Event
from openiwd.domain.judgement import Basis
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller
from openiwd.domain.shadow import Judged
from openiwd.domain.work_item import ItemSubmission, WorkItem
from openiwd.ports.tenant_store import RejectedRowsError, StoredSubmission, TransactionRetryError, Writing
from openiwd.usecases.command import Command, Done, Result
from openiwd.usecases.item_batch import match_contacts
from openiwd.usecases.submission import hash_of, submission_text
from openiwd.usecases.tenant_runtime import TenantRuntime
from openiwd.usecases.work_item import ATTEMPTS, apply

MAX_FLUSH: Final = 1_000
MAX_WAITING: Final = 20_000
FLUSHERS: Final = 2


class _Entry(Struct, eq=False):
    submission: ItemSubmission
    caller: Caller
    text: bytes
    digest: bytes
    item: WorkItem | None = None
    event: Event | None = None
    basis: Basis | None = None


def _entry(submission: ItemSubmission, caller: Caller) -> _Entry:
    text = submission_text(submission)
    return _Entry(submission, caller, text, hash_of(text))


async def _create(runtime: TenantRuntime, entries: list[_Entry]) -> list[Result]:
    try:
        return await _attempt(runtime, entries)
    except RejectedRowsError as error:
        if len(entries) == 1:
            return [error]
        half = len(entries) // 2
        return [*await _create(runtime, entries[:half]), *await _create(runtime, entries[half:])]


async def _attempt(runtime: TenantRuntime, entries: list[_Entry]) -> list[Result]:
    for _ in range(ATTEMPTS):
        results, first, judged_by = await _judge(runtime, entries)
        try:
            written = await _write(runtime, list(first.values()), judged_by)
        except TransactionRetryError:
            continue
        if written is None:
            continue
        existing = await _read_existing(runtime, first, written)
        for n, entry in enumerate(entries):
            if results[n] is None:
                results[n] = _answer(entry, first[_key(entry)], existing)
        return [r for r in results if r is not None]
    raise UnavailableError(
        "the rules changed again and again meanwhile", code="busy", hint="try again", retry_after=1
    )


def _key(entry: _Entry) -> tuple[str, str]:
    return (entry.submission.capture_point, entry.submission.capture_id)


async def _judge(
    runtime: TenantRuntime, entries: list[_Entry]
) -> tuple[list[Result | None], dict[tuple[str, str], _Entry], set[tuple[int, int | None]]]:
    """Judges each once, and by which rules; repeats within the batch are folded onto the first in order of arrival."""
    results: list[Result | None] = [None] * len(entries)
    first: dict[tuple[str, str], _Entry] = {}
    judged_by: set[tuple[int, int | None]] = set()
    ctx = None
    for n, entry in enumerate(entries):
        if ctx is None or ctx.actor != entry.caller.actor:
            ctx = await runtime.context(entry.caller.actor)
            judged_by.add(ctx.judged_by)
        key = _key(entry)
        if key in first:
            continue
        began = time.perf_counter()
        try:
            entry.caller.require("workitems.create")
            change = judging.create(entry.submission, ctx, runtime.new_id(), encoded=entry.text)
        except OpenIwdError as error:
            results[n] = error
            continue
        runtime.classifications += 1
        runtime.classification_seconds += time.perf_counter() - began
        entry.item, entry.event, entry.basis = change.item, change.event, change.basis
        first[key] = entry
    return results, first, judged_by


async def _write(
    runtime: TenantRuntime, entries: list[_Entry], judged_by: set[tuple[int, int | None]]
) -> set[int] | None:
    """Inserts what is new, with its events. The numbers inserted; None when the rules have changed meanwhile."""
    if not entries:
        return set()
    entries.sort(key=_key)
    items = [e.item for e in entries if e.item is not None]
    events = [e.event for e in entries if e.event is not None]
    async with runtime.store.writing() as tx:
        if judged_by != {await tx.share_live_rules()}:  # more than one: published between two callers
            runtime.forget_rules()
            return None
        await match_contacts(tx, items, events)
        numbers = await tx.insert_items(items, [e.digest for e in entries])
        written = []
        for item, event in zip(items, events, strict=True):
            number = numbers.get(item.id)
            if number is not None:
                item.number = number
                event.item_number = number
                written.append(event)
        if runtime.virtual is not None:
            await tx.set_virtual_now(runtime.now())
        if written:
            await tx.append_events(written)
    if written:
        runtime.committed()
        if runtime.on_judged is not None:
            runtime.judged(
                [
                    Judged(e.item, e.item.received_at, e.basis)
                    for e in entries
                    if e.item is not None and e.basis is not None and e.item.id in numbers
                ]
            )
    return set(numbers.values())


async def _read_existing(
    runtime: TenantRuntime, first: dict[tuple[str, str], _Entry], written: set[int]
) -> dict[tuple[str, str], StoredSubmission]:
    missed = [k for k, e in first.items() if e.item is not None and e.item.number not in written]
    if not missed:
        return {}
    async with runtime.store.reading() as reading:
        return await reading.items_by_capture(missed)


def _answer(entry: _Entry, first: _Entry, existing: dict[tuple[str, str], StoredSubmission]) -> Result:
    stored = existing.get(_key(entry))
    if stored is None and entry is first and entry.item is not None:
        return Done(item=entry.item, created=True)
    item = stored.item if stored is not None else first.item
    digest = stored.submission_hash if stored is not None else first.digest
    if item is None:
        return UnavailableError("the item vanished meanwhile", code="busy", hint="try again", retry_after=1)
    if digest == entry.digest:
        return Done(item=item, changed=False)
    return DuplicateError(
        f"captureId '{entry.submission.capture_id}' exists with other content",
        field="captureId",
        item_id=str(item.id),
        hint="send ?onDuplicate=update to update it, or use PUT",
    )


class _Request(Struct, eq=False):
    """What was handed over together and is answered together."""

    entries: list[_Entry]
    answered: asyncio.Future[list[Result]]


class Intake:
    """The waiting line of a tenant in this process: what comes by many requests is written by few transactions."""

    def __init__(self, runtime: TenantRuntime) -> None:
        self._runtime = runtime
        self._waiting: deque[_Request] = deque()
        self._running = 0
        self._flushes: set[asyncio.Task[None]] = set()

    async def submit(
        self,
        submission: ItemSubmission,
        caller: Caller,
        *,
        on_duplicate_update: bool = False,
        also: Callable[[Writing, Sequence[Result]], Awaitable[None]] | None = None,
    ) -> Done:
        """Returns once the item is committed. The caller going away does not cancel the write.

        `also` writes what belongs to an update in the update's transaction. (A creation is found by its captureId.)
        """
        if len(self._waiting) >= MAX_WAITING:
            raise UnavailableError(
                "intake is full", code="overloaded", hint="slow down and try again", retry_after=1
            )
        (result,) = await self.submit_all([submission], caller)
        if isinstance(result, DuplicateError) and on_duplicate_update:
            command = Command(
                action=Action.CREATE, caller=caller, submission=submission, on_duplicate_update=True
            )
            (result,) = await apply(self._runtime, [command], also=also, always=also is not None)
        if isinstance(result, OpenIwdError):
            raise result
        return result

    async def submit_all(self, submissions: Sequence[ItemSubmission], caller: Caller) -> list[Result]:
        """Answers each on its own, in order, once all are committed. One bad item never fails the others.

        An item that exists with equal content is answered as it is, with other content as DuplicateError.
        """
        answered: asyncio.Future[list[Result]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request([_entry(s, caller) for s in submissions], answered))
        if self._running < FLUSHERS:
            self._start()
        return await asyncio.shield(answered)

    def _start(self) -> None:
        self._running += 1
        flush = asyncio.get_running_loop().create_task(self._flush())
        self._flushes.add(flush)
        flush.add_done_callback(self._flushes.discard)

    async def _flush(self) -> None:
        try:
            while self._waiting:
                await self._write(self._taken())
        finally:
            self._running -= 1

    def _taken(self) -> list[_Request]:
        """What waits, up to a flush's size; a larger request goes alone."""
        taken = [self._waiting.popleft()]
        size = len(taken[0].entries)
        while self._waiting and (size := size + len(self._waiting[0].entries)) <= MAX_FLUSH:
            taken.append(self._waiting.popleft())
        return taken

    async def _write(self, requests: list[_Request]) -> None:
        try:
            results = await _create(
                self._runtime, [entry for request in requests for entry in request.entries]
            )
        except OpenIwdError as error:
            results = [error] * sum(len(request.entries) for request in requests)
        except BaseException as error:
            for request in requests:
                if not request.answered.done():
                    request.answered.set_exception(error)
            raise
        start = 0
        for request in requests:
            end = start + len(request.entries)
            if not request.answered.done():
                request.answered.set_result(results[start:end])
            start = end
