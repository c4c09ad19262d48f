"""The metrics of the email service, and its ports passed through, counted and timed. Decides nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from msgspec import Struct
from prometheus_client import Counter, Gauge, Summary

from openiwd.domain.email.mailbox import Access, AfterStoring, Mailbox
from openiwd.domain.email.outbound import SendingState
from openiwd.domain.errors import ConflictError, InvalidInputError, OpenIwdError, TooLargeError
from openiwd.ports.email import MailboxLease, OutboundEmail
from openiwd.ports.iwd import AccessToken, Iwd, MailboxReport, Served, Submitted
from openiwd.ports.mail_provider import (
    Fetched,
    FolderState,
    MailReader,
    MailSender,
    Room,
    SendOutcome,
    SendResult,
)

_OF: Final = ["tenant", "mailbox", "protocol"]
_KIND: Final = [*_OF, "subtype"]

held = Gauge("iwd_email_mailboxes_held", "Mailboxes that this process holds")
taken_in = Counter("iwd_email_received_total", "Messages taken in", _OF)
sent_out = Counter("iwd_email_sending_total", "Messages gone through, whatever came of them", _OF)
failures = Counter("iwd_email_failures_total", "Failures of a mailbox's direction", [*_OF, "direction"])
unread = Gauge("iwd_email_unread", "Unread messages in the folders that are read", _OF)

processed = Counter("iwd_email_inbound_processed_total", "Messages that became items, or joined one", _KIND)
blocked = Counter("iwd_email_inbound_blocked_total", "Messages put aside: dropped, or in quarantine", _KIND)
refused = Counter("iwd_email_inbound_failed_total", "Messages of which only the beginning was taken", _OF)
repeated = Counter("iwd_email_inbound_to_retry_total", "Times that taking a message in broke off", _OF)
blocked_files = Counter("iwd_email_blocked_attachments_total", "Attachments that are not handed out", _KIND)
bytes_held = Gauge("iwd_email_bytes_held", "Bytes of messages that this process holds at once")
boxes_waiting = Gauge("iwd_email_waiting_for_room", "Messages that wait until fewer bytes are held")
received_bytes = Counter("iwd_email_inbound_bytes_total", "Bytes of messages taken in", _KIND)
received_wait = Summary(
    "iwd_email_inbound_waiting_seconds", "From the arrival in the mailbox to being stored", _KIND
)
received_work = Summary("iwd_email_inbound_processing_seconds", "Time for storing a message", _KIND)

sent = Counter("iwd_email_outbound_sent_total", "Emails sent", _KIND)
not_sent = Counter("iwd_email_outbound_failed_total", "Emails that were not sent, for good", _KIND)
put_off = Counter("iwd_email_outbound_to_retry_total", "Tries to send that were put off", _KIND)
unknown = Counter("iwd_email_outbound_unknown_total", "Sendings that broke off without proof", _KIND)
sent_bytes = Counter("iwd_email_outbound_bytes_total", "Bytes of emails sent", _KIND)
sent_wait = Summary("iwd_email_outbound_waiting_seconds", "From being queued to being sent", _KIND)

calls = Summary("iwd_email_call_duration_seconds", "Calls of mail servers, providers and IWD", [*_OF, "call"])
call_failures = Counter("iwd_email_call_failures_total", "Of them, those that failed", [*_OF, "call"])

PROTOCOLS: Final = {
    Access.IMAP: ("imap", "smtp"),
    Access.GMAIL: ("gmail", "gmail"),
    Access.MICROSOFT: ("graph", "graph"),
}
"""By which a mailbox is read, and by which it is sent."""
_REFUSED: Final = (InvalidInputError, TooLargeError)
_ASIDE: Final = frozenset({"dropped", "quarantined"})


class Labels(Struct, frozen=True):
    """Of which mailbox something is told."""

    tenant: str
    mailbox: str
    incoming: str
    outgoing: str

    @classmethod
    def of(cls, tenant: str, mailbox: Mailbox) -> Labels:
        return cls(tenant, mailbox.id, *PROTOCOLS[mailbox.access])

    @property
    def inbound(self) -> tuple[str, str, str]:
        return self.tenant, self.mailbox, self.incoming

    @property
    def outbound(self) -> tuple[str, str, str]:
        return self.tenant, self.mailbox, self.outgoing

    @property
    def of_iwd(self) -> tuple[str, str, str]:
        return self.tenant, self.mailbox, "iwd"


class _TimedRoom:
    """Implements `openiwd.ports.mail_provider.Room` by another one: waiting for room is no time of the mail server."""

    def __init__(self, inner: Room) -> None:
        self._inner = inner
        self.seconds = 0.0

    async def ask(self, size: int) -> None:
        began = time.monotonic()
        try:
            await self._inner.ask(size)
        finally:
            self.seconds += time.monotonic() - began


@asynccontextmanager
async def timed(
    labels: tuple[str, str, str], call: str, waited: _TimedRoom | None = None
) -> AsyncIterator[None]:
    """One call, however it ends, less what it waited for room."""
    began = time.monotonic()
    try:
        yield
    except OpenIwdError:
        call_failures.labels(*labels, call).inc()
        raise
    finally:
        seconds = time.monotonic() - began - (waited.seconds if waited is not None else 0.0)
        calls.labels(*labels, call).observe(max(0.0, seconds))


class MeasuredReader:
    """Implements `openiwd.ports.mail_provider.MailReader` by another one."""

    def __init__(self, inner: MailReader, labels: Labels) -> None:
        self._inner = inner
        self._labels = labels

    @property
    def by_token(self) -> bool:
        return self._inner.by_token

    @property
    def sent_folder(self) -> str | None:
        return self._inner.sent_folder

    async def open(self) -> None:
        async with timed(self._labels.inbound, "open"):
            await self._inner.open()

    async def look(self, folder: str, first_uid: int | None, token: str | None = None) -> FolderState:
        async with timed(self._labels.inbound, "look"):
            return await self._inner.look(folder, first_uid, token)

    async def fetch(self, folder: str, uid: int, max_bytes: int, room: Room) -> Fetched | None:
        waited = _TimedRoom(room)
        try:
            async with timed(self._labels.inbound, "fetch", waited):
                return await self._inner.fetch(folder, uid, max_bytes, waited)
        except OpenIwdError:
            repeated.labels(*self._labels.inbound).inc()
            raise

    async def settle(self, folder: str, uid: int, after: AfterStoring, move_to: str) -> None:
        async with timed(self._labels.inbound, "settle"):
            await self._inner.settle(folder, uid, after, move_to)

    async def wait(self, folder: str, seconds: float) -> None:
        await self._inner.wait(folder, seconds)

    async def find(self, folder: str, message_id: str) -> bool:
        async with timed(self._labels.inbound, "find"):
            return await self._inner.find(folder, message_id)

    async def unread(self, folder: str) -> int:
        async with timed(self._labels.inbound, "unread"):
            return await self._inner.unread(folder)

    async def file(self, folder: str, raw: bytes) -> None:
        async with timed(self._labels.inbound, "file"):
            await self._inner.file(folder, raw)

    async def close(self) -> None:
        await self._inner.close()


class MeasuredSender:
    """Implements `openiwd.ports.mail_provider.MailSender` by another one."""

    def __init__(self, inner: MailSender, labels: Labels) -> None:
        self._inner = inner
        self._labels = labels

    async def send(
        self,
        sender: str,
        recipients: list[str],
        raw: bytes,
        before_content: Callable[[], Awaitable[None]],
    ) -> SendOutcome:
        async with timed(self._labels.outbound, "send"):
            outcome = await self._inner.send(sender, recipients, raw, before_content)
        if outcome.result is not SendResult.SENT:
            call_failures.labels(*self._labels.outbound, "send").inc()
        return outcome

    async def check(self) -> None:
        async with timed(self._labels.outbound, "check"):
            await self._inner.check()

    async def close(self) -> None:
        await self._inner.close()


class MeasuredIwd:
    """Implements `openiwd.ports.iwd.Iwd` for one mailbox by another one; counts what becomes of its emails."""

    def __init__(self, inner: Iwd, labels: Labels) -> None:
        self._inner = inner
        self._labels = labels
        self._known: dict[UUID, OutboundEmail] = {}

    async def mailboxes(self) -> list[Served]:
        return await self._inner.mailboxes()

    async def take_leases(self, holder: UUID, most: int) -> list[MailboxLease]:
        return await self._inner.take_leases(holder, most)

    async def end_leases(self, holder: UUID) -> None:
        await self._inner.end_leases(holder)

    async def report(self, reports: Sequence[MailboxReport]) -> None:
        async with timed(self._labels.of_iwd, "bulkReportConnectionStatus"):
            await self._inner.report(reports)

    async def submit(
        self, lease: MailboxLease, folder: str, uid_validity: int, message: Fetched
    ) -> Submitted:
        began = time.monotonic()
        try:
            async with timed(self._labels.of_iwd, "submitWorkItem"):
                told = await self._inner.submit(lease, folder, uid_validity, message)
        except _REFUSED:
            refused.labels(*self._labels.inbound).inc()
            raise
        except ConflictError:
            raise
        except OpenIwdError:
            repeated.labels(*self._labels.inbound).inc()
            raise
        self._count(message, told, time.monotonic() - began)
        return told

    def _count(self, message: Fetched, told: Submitted, seconds: float) -> None:
        if told.outcome == "duplicate":
            return
        labels = (*self._labels.inbound, told.kind)
        (blocked if told.outcome in _ASIDE else processed).labels(*labels).inc()
        received_bytes.labels(*labels).inc(message.full_size or len(message.raw))
        received_work.labels(*labels).observe(seconds)
        if told.blocked_files:
            blocked_files.labels(*labels).inc(told.blocked_files)
        if message.received_at is not None:
            received_wait.labels(*labels).observe(_seconds_since(message.received_at))

    async def save_cursor(
        self, lease: MailboxLease, folder: str, uid_validity: int, last_uid: int, *, token: str | None = None
    ) -> None:
        async with timed(self._labels.of_iwd, "saveCursor"):
            await self._inner.save_cursor(lease, folder, uid_validity, last_uid, token=token)

    async def access_token(self, lease: MailboxLease) -> AccessToken:
        async with timed(self._labels.of_iwd, "getOAuth2Tokens"):
            return await self._inner.access_token(lease)

    async def outbound(self, lease: MailboxLease) -> list[OutboundEmail]:
        async with timed(self._labels.of_iwd, "queryOutboundQueue"):
            emails = await self._inner.outbound(lease)
        self._known.update((email.id, email) for email in emails)
        return emails

    async def content(self, email_id: UUID) -> bytes:
        async with timed(self._labels.of_iwd, "getEmail"):
            return await self._inner.content(email_id)

    async def tell(
        self,
        lease: MailboxLease,
        email_id: UUID,
        status: SendingState,
        reason: str | None = None,
        message_id: str | None = None,
    ) -> str:
        async with timed(self._labels.of_iwd, "reportEmailSendingStatus"):
            after = await self._inner.tell(lease, email_id, status, reason, message_id)
        if status not in (SendingState.SENDING, SendingState.HANDING_OVER):
            self._ended(email_id, after)
        return after

    def _ended(self, email_id: UUID, after: str) -> None:
        """IWD's word counts: what was put off for the last time has failed."""
        email = self._known.pop(email_id, None)
        labels = (*self._labels.outbound, "" if email is None else email.kind)
        match after:
            case SendingState.SENT.value:
                sent.labels(*labels).inc()
                if email is not None:
                    sent_bytes.labels(*labels).inc(email.size)
                    if email.since is not None:
                        sent_wait.labels(*labels).observe(_seconds_since(email.since))
            case SendingState.FAILED.value:
                not_sent.labels(*labels).inc()
            case SendingState.UNKNOWN.value:
                unknown.labels(*labels).inc()
            case _:
                put_off.labels(*labels).inc()

    async def close(self) -> None:
        await self._inner.close()


def _seconds_since(at: datetime) -> float:
    return max(0.0, (datetime.now(UTC) - at).total_seconds())
