"""IWD as the transfer of one mailbox asks it, in memory: what is stored, where reading goes on, what is sent."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from openiwd.domain.email.mailbox import Mailbox
from openiwd.domain.email.outbound import SendingState, require_step
from openiwd.ports.email import MailboxCursor, MailboxLease, OutboundEmail
from openiwd.ports.iwd import AccessToken, MailboxReport, Served, Submitted
from openiwd.ports.mail_provider import Fetched


class MemoryIwd:
    """Implements `openiwd.ports.iwd.Iwd` for one mailbox. The same content is stored once."""

    def __init__(self, mailbox: Mailbox, secrets: dict[str, str]) -> None:
        self.mailbox = mailbox
        self.secrets = secrets
        self.lease = MailboxLease(mailbox_id=mailbox.id, holder=uuid4(), epoch=1, seconds=15)
        self.submitted: list[Fetched] = []
        self.stored: dict[bytes, Fetched] = {}
        self.cursors: dict[str, MailboxCursor] = {}
        self.raws: dict[UUID, bytes] = {}
        self.emails: dict[UUID, OutboundEmail] = {}
        self.told: list[tuple[SendingState, str | None, str | None]] = []

    @property
    def served(self) -> Served:
        return Served(
            mailbox=self.mailbox, revision=1, secrets=self.secrets, cursors=list(self.cursors.values())
        )

    def queue(self, raw: bytes, recipients: list[str], message_id: str, sender: str) -> UUID:
        email = OutboundEmail(
            id=uuid4(), mailbox_id=self.mailbox.id, state="queued", message_id=message_id, sender=sender,
            recipients=recipients, size=len(raw), attempts=0, attempt_epoch=None,
        )  # fmt: skip
        self.emails[email.id], self.raws[email.id] = email, raw
        return email.id

    async def mailboxes(self) -> list[Served]:
        return [self.served]

    async def take_leases(self, holder: UUID, most: int) -> list[MailboxLease]:
        del holder, most
        return [self.lease]

    async def end_leases(self, holder: UUID) -> None:
        del holder

    async def report(self, reports: Sequence[MailboxReport]) -> None:
        del reports

    async def submit(
        self, lease: MailboxLease, folder: str, uid_validity: int, message: Fetched
    ) -> Submitted:
        self.submitted.append(message)
        known = message.raw in self.stored
        self.stored.setdefault(message.raw, message)
        if message.uid:
            await self.save_cursor(lease, folder, uid_validity, message.uid)
        return Submitted(id=uuid4(), outcome="duplicate" if known else "created")

    async def access_token(self, lease: MailboxLease) -> AccessToken:
        raise NotImplementedError

    async def save_cursor(
        self, lease: MailboxLease, folder: str, uid_validity: int, last_uid: int, *, token: str | None = None
    ) -> None:
        self.cursors[folder] = MailboxCursor(
            mailbox_id=lease.mailbox_id,
            folder=folder,
            uid_validity=uid_validity,
            last_uid=last_uid,
            token=token,
        )

    async def outbound(self, lease: MailboxLease) -> list[OutboundEmail]:
        return [
            e
            for e in self.emails.values()
            if e.state == "queued"
            or (
                e.attempt_epoch is not None
                and e.attempt_epoch < lease.epoch
                and e.state in ("sending", "handingOver")
            )
        ]

    async def content(self, email_id: UUID) -> bytes:
        return self.raws[email_id]

    async def tell(
        self,
        lease: MailboxLease,
        email_id: UUID,
        status: SendingState,
        reason: str | None = None,
        message_id: str | None = None,
    ) -> str:
        email = self.emails[email_id]
        require_step(SendingState(email.state), status)
        email.state = "putOff" if status is SendingState.QUEUED else status.value
        email.attempt_epoch = lease.epoch
        self.told.append((status, reason, message_id))
        return status.value

    async def close(self) -> None:
        return
