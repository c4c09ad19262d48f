"""Needs: one tenant's database. Reading sees committed state; writing is one transaction, committed at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from msgspec import Struct, field

from openiwd.domain.agent import Agent, AgentProfile, AgentState
from openiwd.domain.backlog_batch import BacklogBatch
from openiwd.domain.errors import InvalidInputError, UnavailableError
from openiwd.domain.event import Event, LoggedEvent
from openiwd.domain.hold_reason import HoldReason
from openiwd.domain.offer import ClosedOffer, Offer, WrapUp
from openiwd.domain.work_item import ItemId, ItemNumber, WorkItem
from openiwd.ports.alarm import AlarmReading, AlarmWriting
from openiwd.ports.capture_store import CaptureReading, CaptureWriting
from openiwd.ports.dashboard import DashboardReading, DashboardWriting
from openiwd.ports.doctor import DoctorReading
from openiwd.ports.email import EmailReading, EmailWriting
from openiwd.ports.erasure import ErasureReading, ErasureWriting
from openiwd.ports.figure import FigureReading
from openiwd.ports.queue_stay import StayReading, StayWriting
from openiwd.ports.report_schedule import ReportScheduleReading, ReportScheduleWriting
from openiwd.ports.routing import RoutingReading, RoutingWriting
from openiwd.ports.rule_change import RuleChangeReading, RuleChangeWriting
from openiwd.ports.sealed import SealedReading, SealedWriting
from openiwd.ports.tenant_rest import RestReading
from openiwd.ports.trial import TrialReading, TrialWriting
from openiwd.ports.webhook import WebhookReading, WebhookWriting


class RejectedRowsError(InvalidInputError):
    """The database refused a value of some row of the batch (it is halved until that row stands alone)."""

    code = "rejectedByStore"


class TransactionRetryError(UnavailableError):
    """Another transaction was in the way (deadlock, serialization, lock time-out): nothing was written; try again."""

    code = "retry"


class TookTooLongError(UnavailableError):
    """The database ended it: more was to be done than the time allows."""


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


class PublishedRuleSet(Struct, kw_only=True):
    """A rule-set version as stored: the document in plain JSON values, calendars frozen."""

    version: int
    document: dict[str, Any]
    calendars: dict[str, Any]
    source: str | None
    comment: str | None
    published_at: datetime
    published_by: str
    preparation: UUID | None = None
    """What it was before it went live, where processes have it compiled since then."""


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


class Note(Struct, kw_only=True, rename="camel"):
    id: UUID
    at: datetime
    author: str
    text: str


class AttachmentInfo(Struct, kw_only=True, rename="camel"):
    id: UUID
    at: datetime
    author: str
    file_name: str
    content_type: str
    size: int


class Link(Struct, kw_only=True, rename="camel"):
    kind: str
    item_id: UUID
    subject: str | None
    status: str | None
    """None, and no subject, where the reader may not read the other item."""
    incoming: bool
    """True when the other item names this one."""


class Contact(Struct, kw_only=True, rename="camel"):
    id: UUID
    customer_id: str | None
    name: str | None
    emails: list[str]
    phones: list[str]
    language: str | None
    created_at: datetime


class OpenCount(NamedTuple):
    """So many open items of one category in one queue and status; so many of them are overdue."""

    category_path: str | None
    queue_id: str | None
    status: str
    items: int
    overdue: int


class SearchPage(Struct, kw_only=True):
    items: list[WorkItem]
    next_cursor: str | None
    count: int
    count_exact: bool


class AgentQuery(Struct, kw_only=True):
    """Which agents are wanted; what is None is not looked at."""

    text: str | None = None
    """A part of the name, id, employee id or login."""
    group: str | None = None
    skill: str | None = None
    active: bool | None = None
    state: AgentState | None = None
    """The one that counts for all media."""


class Reading(
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

    async def live_version(self) -> int | None: ...
    async def rule_set(self, version: int) -> PublishedRuleSet | None: ...
    async def prepared_rules(self, preparation_id: UUID) -> PublishedRuleSet | None:
        """What is about to go live; None when it has, or was given up."""
        ...

    async def rule_set_versions(self) -> list[PublishedRuleSet]:
        """All versions, newest first, without documents' bodies (document and calendars empty)."""
        ...

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

    async def agents(self, ids: Collection[str] | None = None) -> dict[str, Agent]: ...
    async def agent_names(self) -> dict[str, str]:
        """The name of every agent by id, without the rest of the profile."""
        ...

    async def agents_found(self, wanted: AgentQuery, limit: int, offset: int = 0) -> list[Agent]:
        """A part of the agents that match, by name."""
        ...

    async def agent_counts(self, wanted: AgentQuery) -> list[tuple[bool, AgentState, int]]:
        """(active, state for all media, how many) of those that match by text, group and skill."""
        ...

    async def wrap_ups(self, agents: Collection[str] | None = None) -> list[WrapUp]:
        """Of these agents, or of all."""
        ...

    async def last_services(self, contacts: Collection[UUID]) -> dict[UUID, tuple[str, datetime]]:
        """Who last had an item of each of these contacts, and since when."""
        ...

    async def offers_of_item(self, number: int, limit: int = 50) -> list[Offer]: ...
    async def offer(self, offer_id: UUID) -> Offer | None: ...
    async def stranded_agents(self, live: Collection[UUID]) -> dict[str, str]:
        """Agents logged in whose stream was with a process that is none of these: agent id → that process."""
        ...

    async def last_busy(self, events: int) -> dict[str, datetime]:
        """When each agent last gave an item out of hand, as far as the last so many events tell."""
        ...

    async def epoch(self) -> int: ...
    async def virtual_now(self) -> datetime | None: ...

    async def search(self, query: SearchQuery) -> SearchPage: ...
    async def count(self, query: SearchQuery, most: int) -> int:
        """How many match, counted to `most` and no further."""
        ...

    async def matching(self, query: SearchQuery, most: int, few: int) -> Matching:
        """As `count`, with the numbers of the matches where they are no more than `few`."""
        ...

    async def matching_by_status(self, query: SearchQuery) -> dict[str, int]:
        """How many match, all of them counted, by status."""
        ...

    async def matching_numbers(self, query: SearchQuery, most: int) -> list[int]:
        """The numbers of all that match, in order; at most so many."""
        ...

    def scan(self, query: SearchQuery, chunk: int = 500) -> AsyncIterator[list[WorkItem]]:
        """All matches, streamed in number order (exports, bulk)."""
        ...

    async def open_counts(self, now: datetime) -> list[OpenCount]:
        """Open items by category, queue and status."""
        ...

    async def status_counts(self) -> dict[str, int]: ...

    async def notes(self, number: int) -> list[Note]: ...
    async def attachments(self, number: int) -> list[AttachmentInfo]: ...
    async def attachment(self, number: int, attachment_id: UUID) -> tuple[AttachmentInfo, bytes] | None: ...
    async def links(self, number: int) -> list[Link]: ...

    async def objects(self, kind: str) -> list[dict[str, Any]]:
        """Live configuration objects: skill, agent_group, hold_reason, capture_point, lookup_table, saved_view,
        webhook; each with its `revision`.
        """
        ...

    async def contact(self, contact_id: UUID) -> Contact | None: ...
    async def contacts(self, text: str | None, after: UUID | None, limit: int) -> list[Contact]:
        """Contacts whose customerId or name holds the text, or that have it as an address; by id, after `after`."""
        ...

    async def checkpoint(self, name: str) -> Any: ...
    async def idempotent(self, key: str) -> tuple[bytes, int, Any] | None:
        """(request hash, status, response) recorded under the key; the response is None when it was erased."""
        ...

    async def bulk_job(self, job_id: UUID) -> dict[str, Any] | None: ...
    async def bulk_jobs(self, limit: int, actor: str | None = None) -> list[dict[str, Any]]:
        """The latest, newest first; of one actor only where it is named."""
        ...

    async def bulk_results(
        self, job_id: UUID, after: int, limit: int, outcome: str | None = None
    ) -> list[dict[str, Any]]:
        """Outcomes after an ordinal, in order; of one kind only where it is named."""
        ...

    async def bulk_waiting(self, job_id: UUID, limit: int) -> list[tuple[int, int]]:
        """(ordinal, item number) of the next items of a bulk job that have no outcome yet."""
        ...

    async def unfinished_bulk_jobs(self) -> list[UUID]: ...


class Writing(
    Reading,
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
    async def add_wrap_ups(self, wrap_ups: Sequence[WrapUp]) -> None: ...
    async def end_wrap_ups(self, agent_id: str | None, now: datetime) -> None:
        """Removes wrap-ups of the agent, or all that are over by `now`."""
        ...

    async def match_contacts(
        self, contacts: Sequence[tuple[int, dict[str, Any]]], now: datetime
    ) -> dict[int, UUID]:
        """Contact ids for contact inputs (by position): by customerId, else the only one at that address, else new."""
        ...

    async def save_agent(self, profile: AgentProfile, *, revision: int | None) -> Agent:
        """Inserts or replaces; with `revision`, only if the stored one is that (RevisionMismatchError)."""
        ...

    async def lock_agent(self, agent_id: str) -> Agent | None:
        """The agent, kept from changing until this transaction ends; None if there is none."""
        ...

    async def save_agent_state(self, agent: Agent) -> None: ...
    async def agents_seen(self, ids: Sequence[str], process_id: UUID) -> None:
        """Notes which process holds these agents' streams."""
        ...

    async def delete_agent(self, agent_id: str) -> bool: ...
    async def save_object(self, kind: str, body: Mapping[str, Any], *, revision: int | None) -> int: ...
    async def delete_object(self, kind: str, object_id: str | UUID) -> bool: ...
    async def add_note(self, number: int, note: Note) -> bool:
        """False, and nothing done, where a note of this id is there."""
        ...

    async def add_attachment(self, number: int, info: AttachmentInfo, content: bytes) -> None: ...
    async def add_link(self, number: int, kind: str, other: int, at: datetime, author: str) -> None: ...
    async def prepare_rules(self, preparation_id: UUID, rule_set: PublishedRuleSet) -> None:
        """Keeps what is about to go live, for all processes to compile."""
        ...

    async def forget_prepared(self, preparation_id: UUID) -> None: ...
    async def publish(
        self, rule_set: PublishedRuleSet, *, expected: int | None, draft: UUID | None = None
    ) -> None:
        """Stores the version and makes it live; `expected` is the version that must be live now.

        A running canary ends with it: promoted if it tries this draft, else overtaken.
        """
        ...

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

    async def create_bulk_job(self, job: Mapping[str, Any], numbers: Sequence[int]) -> bool:
        """False, and nothing done, where a job of this id is there."""
        ...

    async def record_bulk(self, job_id: UUID, results: Sequence[tuple[int, str, Any]]) -> None:
        """(ordinal, outcome, detail) of items done; counts move with them."""
        ...

    async def finish_bulk_job(self, job_id: UUID, status: str, error: str | None, now: datetime) -> None: ...


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


class Candidates(Struct, frozen=True, kw_only=True):
    """The best waiting items by the decider's order. All other waiting items have at most the priority `above`."""

    numbers: list[int]
    above: Fraction


class Leading(Struct, frozen=True, kw_only=True):
    """About the best so many of the open items in these statuses, none of which is that of waiting items."""

    statuses: list[str]
    items: int


class Matching(Struct, frozen=True):
    """How many items match, and which where these are few (else None)."""

    count: int
    numbers: list[int] | None = None


class Among(Struct, frozen=True, kw_only=True):
    """The only items to look at, as an index has found them.

    `before`: of these only what sorts before this place of the first sort keys, in the form of a cursor's values: a
    page that is full is then the page of the whole search.
    """

    numbers: list[int]
    before: list[str | None] | None = None


class SearchQuery(Struct, kw_only=True, rename="camel"):
    """A search: what matches, which order, where to go on. `now` is the instant that priorities are computed for."""

    filter: dict[str, Any] | None = None
    """Filter tree: {all|any|not: …} over {attribute, operator, value}, the language of criteria."""
    text: str | None = None
    sort: list[str] = field(default_factory=lambda: ["-priority"])
    """Attributes, '-' for descending; ties always by priority order, then id."""
    limit: int = 100
    cursor: str | None = None
    now: datetime | None = None
    category: str | None = None
    """Category path: it and all below it."""
    scope: dict[str, Any] | None = None
    """Added by authorisation: {agent: id} for own items, {categories: […], queues: […]} for an access group."""
    schemas: dict[str, Any] = {}
    """Compiled schemas by id, from the live rule set; filled in by the use case."""
    with_count: bool = True
    candidates: Candidates | None = None
    """Only these of the waiting items are looked at, and of all items only those above their priority: a page that is
    full is then the page of the whole search.
    """
    leading: Leading | None = None
    """Only these are looked at: a page that is full is then the page of the whole search, whose statuses they are."""
    among: Among | None = None


__all__ = [
    "AgentQuery",
    "Among",
    "AttachmentInfo",
    "Candidates",
    "Claim",
    "ClosedOffer",
    "Cursor",
    "Grant",
    "ItemId",
    "Leading",
    "Link",
    "Matching",
    "Note",
    "Offer",
    "PublishedRuleSet",
    "Reading",
    "RejectedRowsError",
    "SearchPage",
    "SearchQuery",
    "StoredSubmission",
    "Tenant",
    "TenantStore",
    "TransactionRetryError",
    "WrapUp",
    "Writing",
]
