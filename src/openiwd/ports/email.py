"""Needs: mailboxes and emails of one tenant's database: their state, leases, places, originals and threads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol
from uuid import UUID

from msgspec import Meta, Struct

from openiwd.domain.email.address import Address
from openiwd.domain.email.message import AttachedFile, EmailKind
from openiwd.domain.email.thread import KnownEmail, KnownThread, Suggestion

STORED = "stored"
QUARANTINED = "quarantined"
DROPPED = "dropped"


class People(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """Who an email names beside its sender."""

    to: list[Address] = []
    cc: list[Address] = []
    bcc: list[Address] = []
    reply_to: list[Address] = []


class StoredEmail(Struct, kw_only=True):
    """An email as stored. `state` is stored, quarantined or dropped for inbound ones, else that of its sending."""

    id: UUID
    thread_id: UUID | None
    mailbox_id: str
    direction: str
    kind: EmailKind
    state: str
    at: datetime
    dated_at: datetime | None = None
    message_id: str | None = None
    in_reply_to: list[str] = []
    refs: list[str] = []
    sender_name: str | None = None
    sender: str | None = None
    people: People
    subject: str
    text_new: str
    text_signature: str = ""
    text_quoted: str = ""
    html: str | None = None
    language: str | None = None
    """As detected; None where the text does not tell."""
    files: list[AttachedFile] = []
    headers: dict[str, str] = {}
    notes: list[str] = []
    size: int
    sha256: bytes
    evidence: str | None = None
    suggestions: list[Suggestion] = []
    duplicate_of: UUID | None = None
    filter_id: str | None = None
    reports_on: UUID | None = None
    author: str | None = None
    recipients: list[str] = []
    queued_at: datetime | None = None
    """Since when it is to be sent: tries count from here."""
    attempts: int = 0
    attempt_epoch: int | None = None
    attempt_at: datetime | None = None
    next_try_at: datetime | None = None
    sent_at: datetime | None = None
    error: str | None = None
    deliveries: list[dict[str, Any]] = []
    revision: int = 1


class OutboundEmail(Struct, kw_only=True, rename="camel"):
    """An email that waits to be sent, or that an earlier holder of the mailbox has begun to send."""

    id: UUID
    mailbox_id: str
    state: str
    message_id: str
    sender: str
    recipients: list[str]
    size: int
    attempts: int
    attempt_epoch: int | None
    kind: str = ""
    since: datetime | None = None
    """Since when it has been to be sent."""


class MailboxStatus(Struct, kw_only=True, rename="camel"):
    """How one direction of a mailbox is doing, since when."""

    mailbox_id: str
    direction: str
    ok: bool
    error: str | None = None
    since: datetime
    at: datetime


class MailboxLease(Struct, kw_only=True, rename="camel"):
    """Who holds a mailbox; `seconds` are left of it by the database's clock (below zero: over)."""

    mailbox_id: str
    holder: UUID
    epoch: int
    seconds: float


class MailboxCursor(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """Up to where a folder has been read: by uid, or by the provider's own `token`."""

    mailbox_id: str
    folder: str
    uid_validity: Annotated[int, Meta(ge=0, lt=2**53)]
    last_uid: Annotated[int, Meta(ge=0, lt=2**53)]
    token: Annotated[str, Meta(max_length=16_000)] | None = None


class MailboxConsent(Struct, kw_only=True):
    """A person's way to the provider and back: begun, to be ended once, by the same session."""

    state: bytes
    """SHA-256 of what goes along."""
    mailbox_id: str
    actor: str
    session: bytes
    sealed: bytes
    expires_at: datetime


class EmailHolder(Struct, kw_only=True):
    """A process of the email service that asks for mailboxes, and how many it can hold."""

    holder: UUID
    most: int


class EmailMove(Struct, kw_only=True, rename="camel"):
    """Emails moved from one thread to another by a person."""

    id: UUID
    at: datetime
    actor: str
    kind: str
    emails: list[UUID]
    from_thread: UUID
    to_thread: UUID
    reason: str | None = None
    undone_at: datetime | None = None
    undone_by: str | None = None


class EmailReading(Protocol):
    """The part of `Reading` that mailboxes and emails need."""

    async def mailbox_secrets(self) -> dict[tuple[str, str], bytes]:
        """Sealed, by mailbox and name."""
        ...

    async def tenant_secret(self, name: str) -> bytes | None: ...
    async def mailbox_statuses(self) -> list[MailboxStatus]: ...
    async def mailbox_tests(self) -> dict[str, bytes]:
        """By mailbox, the digest of the settings that its connections last worked with."""
        ...

    async def mailbox_leases(self) -> list[MailboxLease]: ...
    async def mailbox_cursors(self) -> list[MailboxCursor]: ...
    async def email_holders(self, seconds: float) -> list[EmailHolder]:
        """Those that have asked within so long."""
        ...

    async def email(self, email_id: UUID) -> StoredEmail | None: ...
    async def emails_of_item(self, number: int) -> list[StoredEmail]:
        """All emails of all threads of an item, oldest first."""
        ...

    async def emails_aside(self, state: str, limit: int) -> list[StoredEmail]:
        """The latest in quarantine, dropped, or of unknown outcome."""
        ...

    async def emails_in_review(self, limit: int) -> list[StoredEmail]:
        """Oldest first."""
        ...

    async def last_automatic_mail(self, address: str) -> datetime | None: ...
    async def threads_of_contact(self, contact_id: UUID) -> list[UUID]: ...
    async def email_content(self, sha256: bytes) -> bytes | None: ...
    async def inbound_email(
        self, mailbox_id: str, sha256: bytes, message_id: str | None
    ) -> StoredEmail | None:
        """One that is stored already: the very same, else one of the same Message-ID that is not in quarantine."""
        ...

    async def known_emails(
        self, ids: Collection[UUID], message_ids: Collection[str]
    ) -> tuple[dict[UUID, KnownEmail], dict[str, KnownEmail]]:
        """Emails of threads by id and by Message-ID."""
        ...

    async def known_threads(self, ids: Collection[UUID], own: Collection[str]) -> dict[UUID, KnownThread]:
        """Threads with the addresses that have a part in them, those of `own` mailboxes left out."""
        ...

    async def threads_of_item(self, number: int) -> list[UUID]:
        """Oldest first."""
        ...

    async def outbound_emails(
        self, mailbox_id: str, epoch: int, now: datetime, limit: int
    ) -> list[OutboundEmail]:
        """Due ones, and those that holders before this epoch have left in between."""
        ...

    async def email_move(self, move_id: UUID) -> EmailMove | None: ...
    async def email_moves(self, thread_ids: Sequence[UUID]) -> list[EmailMove]:
        """Newest first."""
        ...


class EmailWriting(Protocol):
    """The part of `Writing` that mailboxes and emails need."""

    async def save_mailbox_secret(self, mailbox_id: str, name: str, sealed: bytes | None) -> None:
        """None removes it."""
        ...

    async def keep_tenant_secret(self, name: str, sealed: bytes) -> bytes:
        """Stores it unless there is one; the one that is stored."""
        ...

    async def save_mailbox_status(
        self, mailbox_id: str, direction: str, *, ok: bool, error: str | None, now: datetime
    ) -> None: ...
    async def take_mailbox_leases(
        self, holder: UUID, mailbox_ids: Sequence[str], seconds: float
    ) -> list[MailboxLease]:
        """Takes those that are free or over, and prolongs own ones; those that the holder has now."""
        ...

    async def end_mailbox_leases(self, holder: UUID) -> None:
        """Gives back all that it has; it asks no more."""
        ...

    async def note_mailbox_test(self, mailbox_id: str, settings: bytes, now: datetime) -> None:
        """Nothing, of a mailbox that is not there."""
        ...

    async def note_email_holder(self, holder: UUID, most: int) -> None: ...
    async def add_mailbox_consent(self, consent: MailboxConsent, now: datetime) -> None:
        """Forgets those that are over."""
        ...

    async def take_mailbox_consent(self, state: bytes, now: datetime) -> MailboxConsent | None:
        """Once; None when there is none, or it is over."""
        ...

    async def claim_automatic_mail(self, address: str, now: datetime, quiet_since: datetime) -> bool:
        """Notes that the address gets an automatic mail now; False when it got one after `quiet_since`."""
        ...

    async def release_email(self, email: StoredEmail) -> bool:
        """Compare-and-set: one that lay aside belongs to a thread now."""
        ...

    async def age_emails(self, dropped_before: datetime, quarantined_before: datetime, most: int) -> int:
        """Removes what has lain aside since before; how many."""
        ...

    async def erase_emails(self, addresses: Sequence[str], thread_ids: Sequence[UUID]) -> list[UUID]:
        """Blanks what persons wrote and who they are, in these threads and in what lies aside from these addresses."""
        ...

    async def share_mailbox_lease(self, mailbox_id: str) -> MailboxLease | None:
        """The lease, kept from changing until this transaction ends."""
        ...

    async def save_mailbox_cursor(self, cursor: MailboxCursor) -> None:
        """Forward only, within one UIDVALIDITY."""
        ...

    async def keep_email_content(self, sha256: bytes, content: bytes) -> None: ...
    async def add_email_thread(self, thread_id: UUID, item_number: int, now: datetime) -> None: ...
    async def add_email(self, email: StoredEmail) -> bool:
        """False when the same one is stored already (nothing is written then)."""
        ...

    async def lock_email(self, email_id: UUID) -> StoredEmail | None: ...
    async def update_email(self, email: StoredEmail) -> bool:
        """Compare-and-set on `revision`, which is raised: state, sending, reports, thread."""
        ...

    async def move_emails(self, ids: Sequence[UUID], from_thread: UUID, to_thread: UUID) -> int: ...
    async def add_email_move(self, move: EmailMove) -> None: ...
    async def end_email_move(self, move_id: UUID, now: datetime, by: str) -> bool:
        """False when it has been undone already."""
        ...
