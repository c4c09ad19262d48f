"""Needs: one tenant's database. Reading sees committed state; writing is one transaction, committed at its end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from msgspec import Struct

from openiwd.domain.backlog_batch import BacklogBatch
from openiwd.domain.event import Event, LoggedEvent
from openiwd.domain.hold_reason import HoldReason
from openiwd.domain.offer import ClosedOffer, Offer, WrapUp
from openiwd.domain.work_item import ItemId, ItemNumber, WorkItem
from openiwd.ports.agent import AgentQuery, AgentReading, AgentWriting
from openiwd.ports.alarm import AlarmReading, AlarmWriting
from openiwd.ports.bulk import BulkReading, BulkWriting
from openiwd.ports.capture_store import CaptureReading, CaptureWriting
from openiwd.ports.contact import Contact, ContactReading, ContactWriting
from openiwd.ports.dashboard import DashboardReading, DashboardWriting
from openiwd.ports.doctor import DoctorReading
from openiwd.ports.email import EmailReading, EmailWriting
from openiwd.ports.erasure import ErasureReading, ErasureWriting
from openiwd.ports.figure import FigureReading
from openiwd.ports.item_note import AttachmentInfo, Link, Note, NoteReading, NoteWriting
from openiwd.ports.queue_stay import StayReading, StayWriting
from openiwd.ports.report_schedule import ReportScheduleReading, ReportScheduleWriting
from openiwd.ports.routing import RoutingReading, RoutingWriting
from openiwd.ports.rule_change import RuleChangeReading, RuleChangeWriting
from openiwd.ports.rule_set import PublishedRuleSet, RuleSetReading, RuleSetWriting
from openiwd.ports.sealed import SealedReading, SealedWriting
from openiwd.ports.search import (
    Among,
    Candidates,
    Leading,
    Matching,
    OpenCount,
    SearchPage,
    SearchQuery,
    SearchReading,
)
from openiwd.ports.tenant_rest import RestReading
from openiwd.ports.transaction import RejectedRowsError, TookTooLongError, TransactionRetryError
from openiwd.ports.trial import TrialReading, TrialWriting
from openiwd.ports.webhook import WebhookReading, WebhookWriting


class Tenant(Struct, frozen=True, kw_only=True):
    """A tenant as the control database knows it. `pushes` false: nothing is offered (a replay decides)."""

    id: str
    name: str
    database_name: str
    clock: str = "real"
    pushes: bool = True
    time_zone: str = "UTC"
    ccid: str | None = None
    active: bool = True
    settings: dict[str, Any] = {}


class Cursor(NamedTuple):
    """A place in the event log; the text form is `generation.pos`."""

    generation: int
    pos: int

    def __str__(self) -> str:
        return f"{self.generation}.{self.pos}"


class StoredSubmission(NamedTuple):
    """An item found by its captureId, with the hash of what the source first sent."""

    item: WorkItem
    submission_hash: bytes


class Grant(NamedTuple):
    """What the claims of one call have in common; kind is push, pull or pick."""

    kind: str
    at: datetime
    actor: str


class Claim(NamedTuple):
    """One item for one agent. `revision` is the one that the item must have now."""

    number: int
    revision: int
    agent_id: str
    offer_id: UUID
    assignment_id: UUID | None
    """None for a push, which assigns nothing."""
    lasts: int
    """Microseconds until a push offer expires."""
    decision: bytes
    """The packed record."""
    body: str
    """The event's body as JSON text on one line."""


class Reading(
    RuleSetReading,
    AgentReading,
    SearchReading,
    NoteReading,
    ContactReading,
    BulkReading,
    DashboardReading,
    AlarmReading,
    StayReading,
    DoctorReading,
    CaptureReading,
    TrialReading,
    RuleChangeReading,
    WebhookReading,
    EmailReading,
    RoutingReading,
    FigureReading,
    SealedReading,
    RestReading,
    ErasureReading,
    ReportScheduleReading,
    Protocol,
):
    """Committed state of one tenant."""

    async def lookup_tables(self) -> dict[str, dict[str, Any]]:
        """Id -> key -> values."""
        ...

    async def hold_reasons(self) -> dict[str, HoldReason]: ...

    async def items_by_id(self, ids: Collection[UUID]) -> dict[UUID, WorkItem]: ...
    async def items_by_number(self, numbers: Collection[int]) -> dict[int, WorkItem]: ...
    async def items_by_capture(
        self, keys: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], StoredSubmission]:
        """Items by (capture point, captureId)."""
        ...

    async def items_by_capture_id(self, capture_id: str) -> list[WorkItem]:
        """Items with this captureId at any capture point (at most 20)."""
        ...

    async def backlog_rows(
        self, after: int, limit: int, *, prefers_last: Collection[str], seed: int
    ) -> BacklogBatch:
        """Queued items after a number, as columns. `prefers_last`: the queues that prefer who served the contact.

        `seed` (any 64 bits, the same for all batches of a load) goes into their likeness.
        """
        ...

    async def held_by_agents(self) -> list[WorkItem]:
        """Items assigned to or offered to somebody: what agents' capacity is used by."""
        ...

    async def held_numbers(self) -> list[int]:
        """The numbers of the items assigned to or offered to somebody."""
        ...

    async def due_timers(self, now: datetime, limit: int) -> list[WorkItem]:
        """Items whose activation, hold, offer or reservation time has come by `now`."""
        ...

    async def woken_holds(self, limit: int) -> list[WorkItem]:
        """Held items that wait for linked items or for a customer's reply, which has come."""
        ...

    async def next_timer(self) -> datetime | None:
        """The earliest instant at which `due_timers` will have something."""
        ...

    async def items_of_agent(self, agent_id: str) -> list[WorkItem]:
        """Assigned to, offered to, or reserved / kept for the agent (queued or held)."""
        ...

    async def expired_items(self, now: datetime, limit: int) -> list[WorkItem]: ...

    async def history(self, item_id: UUID) -> list[LoggedEvent]:
        """All events of one item, oldest first, with their personal parts."""
        ...

    async def head(self) -> Cursor: ...
    async def events(self, after: Cursor, limit: int, *, personal: bool = False) -> list[LoggedEvent]:
        """The log after a cursor, in order; another generation, or past the head: from the common point."""
        ...

    async def oldest(self) -> Cursor:
        """The cursor before the oldest event kept: reading from below it is `410 gone`."""
        ...

    async def offers_of_item(self, number: int, limit: int = 50) -> list[Offer]: ...
    async def offer(self, offer_id: UUID) -> Offer | None: ...
    async def epoch(self) -> int: ...
    async def virtual_now(self) -> datetime | None: ...

    async def objects(self, kind: str) -> list[dict[str, Any]]:
        """Live configuration objects: skill, agent_group, hold_reason, capture_point, lookup_table, saved_view,
        webhook; each with its `revision`.
        """
        ...

    async def checkpoint(self, name: str) -> Any: ...
    async def idempotent(self, key: str) -> tuple[bytes, int, Any] | None:
        """(request hash, status, response) recorded under the key; the response is None when it was erased."""
        ...


class Writing(
    Reading,
    RuleSetWriting,
    AgentWriting,
    NoteWriting,
    ContactWriting,
    BulkWriting,
    DashboardWriting,
    AlarmWriting,
    StayWriting,
    CaptureWriting,
    TrialWriting,
    RuleChangeWriting,
    WebhookWriting,
    EmailWriting,
    RoutingWriting,
    SealedWriting,
    ErasureWriting,
    ReportScheduleWriting,
    Protocol,
):
    """One transaction. Events are appended last; the lock that this takes is held until commit."""

    async def insert_items(
        self, items: Sequence[WorkItem], hashes: Sequence[bytes]
    ) -> dict[UUID, ItemNumber]:
        """Inserts, skipping captureIds that exist; the numbers of those inserted."""
        ...

    async def update_items(self, items: Sequence[tuple[int, WorkItem]]) -> set[ItemNumber]:
        """Compare-and-set: each with the revision it must have now. Returns the numbers that were written."""
        ...

    async def delete_items(self, items: Sequence[tuple[int, WorkItem]]) -> set[ItemNumber]: ...
    async def append_events(self, events: Sequence[Event]) -> int: ...
    async def close_offers(self, closed: Sequence[ClosedOffer]) -> None: ...
    async def save_object(self, kind: str, body: Mapping[str, Any], *, revision: int | None) -> int: ...
    async def delete_object(self, kind: str, object_id: str | UUID) -> bool: ...
    async def set_virtual_now(self, now: datetime) -> datetime:
        """Moves the virtual clock forward, never back; the clock's value afterwards."""
        ...

    async def save_checkpoint(self, name: str, value: Any) -> None: ...
    async def forget_idempotent(self, before: datetime, limit: int) -> int:
        """Removes answers recorded before an instant, so many at most; how many."""
        ...

    async def save_idempotent(
        self, key: str, request_hash: bytes, status: int, response: Any, item_number: int | None = None
    ) -> None:
        """Keeps an answer, with the item that it tells of: it is erased with the item's contact."""
        ...


class TenantStore(Protocol):
    """One tenant's database."""

    tenant: Tenant

    def reading(self) -> AbstractAsyncContextManager[Reading]: ...
    def writing(self) -> AbstractAsyncContextManager[Writing]: ...
    def examining(self, seconds: float) -> AbstractAsyncContextManager[Reading]:
        """As `reading`, but of one instant, and no statement takes longer than so many seconds (UnavailableError)."""
        ...

    async def claim(self, epoch: int, grant: Grant, claims: Sequence[Claim]) -> set[ItemNumber]:
        """Grants in one autocommitted statement. The numbers granted; FencedError when the epoch is over."""
        ...

    async def take_over(self, process_id: UUID) -> int:
        """Raises the epoch, waiting for running claims; the new epoch."""
        ...


__all__ = [
    "AgentQuery",
    "Among",
    "AttachmentInfo",
    "Candidates",
    "Claim",
    "ClosedOffer",
    "Contact",
    "Cursor",
    "Grant",
    "ItemId",
    "Leading",
    "Link",
    "Matching",
    "Note",
    "Offer",
    "OpenCount",
    "PublishedRuleSet",
    "Reading",
    "RejectedRowsError",
    "SearchPage",
    "SearchQuery",
    "StoredSubmission",
    "Tenant",
    "TenantStore",
    "TookTooLongError",
    "TransactionRetryError",
    "WrapUp",
    "Writing",
]
