"""The items that a batch of commands works on in memory, and the one transaction that writes what came of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from openiwd.domain.errors import NotFoundError
from openiwd.domain.event import Event
from openiwd.domain.offer import ClosedOffer, WrapUp
from openiwd.domain.shadow import Judged
from openiwd.domain.transition import Change
from openiwd.domain.work_item import ItemId, WorkItem
from openiwd.ports.tenant_store import TransactionRetryError, Writing
from openiwd.ports.trial import LiveRules
from openiwd.usecases.command import Command, Result
from openiwd.usecases.tenant_runtime import TenantRuntime


class Batch:
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
        self.judged_by: set[tuple[int, int | None]] = set()
        """Rule-set versions that the commands ran by: more than one when the rules changed between two of them."""
        self.judged: list[Judged] = []

    def take(self, change: Change) -> None:
        self.items[change.item.id] = change.item
        self.events.append(change.event)
        if change.basis is not None:
            self.judged.append(Judged(change.item, change.event.at, change.basis))
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
            raise missing(command)
        return item


def missing(command: Command) -> NotFoundError:
    """What is said of a command's item that is not there, or not for its caller."""
    named = command.item_id or (command.capture[1] if command.capture else "?")
    return NotFoundError(
        f"there is no item {named}", field="id", hint="check the id, and the capture point of a captureId"
    )


class _MovedError(Exception):
    """Somebody else changed an item of the batch: roll back, read again."""


async def write(
    runtime: TenantRuntime,
    batch: Batch,
    results: Sequence[Result],
    checkpoint: tuple[str, Any] | None,
    also: Callable[[Writing, Sequence[Result]], Awaitable[None]] | None,
    clock_at: datetime | None,
) -> bool:
    """Writes everything or nothing. False when an item or the rules have moved on meanwhile."""
    try:
        async with runtime.store.writing() as tx:
            live = await tx.share_live_rules()
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
    runtime.judged(batch.judged)
    return True


def _require_same(live: LiveRules, judged_by: set[tuple[int, int | None]]) -> None:
    if judged_by != {live}:
        raise _MovedError


async def _write_items(batch: Batch, tx: Writing) -> None:
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
