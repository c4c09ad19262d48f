"""Needs: IWD as the email service asks it, over its API. A lost lease is a ConflictError `leaseLost`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from openiwd.domain.email.mailbox import Mailbox
from openiwd.domain.email.outbound import SendingState
from openiwd.ports.email import MailboxCursor, MailboxLease, OutboundEmail
from openiwd.ports.mail_provider import Fetched


class Served(Struct, kw_only=True, rename="camel"):
    """A mailbox with its secrets, and up to where its folders were read."""

    mailbox: Mailbox
    revision: int
    secrets: dict[str, str]
    cursors: list[MailboxCursor]
    tenant: str = ""


class Submitted(Struct, kw_only=True, rename="camel"):
    """What became of an inbound email."""

    id: UUID
    outcome: str
    item_id: UUID | None = None
    kind: str = ""
    blocked_files: int = 0


class AccessToken(Struct, kw_only=True, rename="camel"):
    """A token of the mailbox's provider, and for how long it is good."""

    access_token: str
    seconds: int


class MailboxReport(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """How one direction of a mailbox is doing."""

    mailbox_id: str
    direction: str
    ok: bool
    error: str | None = None


class Iwd(Protocol):
    """One tenant of an IWD installation. UnavailableError: away for the moment, nothing is known to be done."""

    async def mailboxes(self) -> list[Served]: ...
    async def take_leases(self, holder: UUID, most: int) -> list[MailboxLease]: ...
    async def end_leases(self, holder: UUID) -> None: ...
    async def report(self, reports: Sequence[MailboxReport]) -> None: ...

    async def submit(
        self, lease: MailboxLease, folder: str, uid_validity: int, message: Fetched
    ) -> Submitted:
        """Stores a message durably; once it returns, the message may leave the mailbox."""
        ...

    async def save_cursor(
        self, lease: MailboxLease, folder: str, uid_validity: int, last_uid: int, *, token: str | None = None
    ) -> None: ...

    async def access_token(self, lease: MailboxLease) -> AccessToken:
        """For a mailbox that is not let in by passwords. MailProviderError: there is none to be had, and why."""
        ...

    async def outbound(self, lease: MailboxLease) -> list[OutboundEmail]: ...
    async def content(self, email_id: UUID) -> bytes: ...
    async def tell(
        self,
        lease: MailboxLease,
        email_id: UUID,
        status: SendingState,
        reason: str | None = None,
        message_id: str | None = None,
    ) -> str:
        """One step of sending; the status afterwards."""
        ...

    async def close(self) -> None: ...
