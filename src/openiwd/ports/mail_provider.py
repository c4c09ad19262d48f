"""Needs: a provider of mail: folders read, messages sent. IMAP with SMTP, Gmail and Microsoft Graph fill it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct

from openiwd.domain.email.mailbox import AfterStoring, Mailbox
from openiwd.domain.errors import UnavailableError


class MailProviderError(UnavailableError):
    """The provider cannot be used now; the text says exactly what fails, `field` which step (one of `STEPS`)."""

    code = "mailProvider"


STEPS: Final = ("connection", "tls", "login", "token", "folder", "provider")

AccessTokens = Callable[[str | None], Awaitable[str]]
"""The access token to be used now; told the one that was just refused, another one."""


class FolderState(Struct, kw_only=True):
    """A folder as selected: what its uids stand for, the next one, and the uids asked for, in order.

    With a reader that goes `by_token`, uids count within this answer only, and `token` says where to go on from
    once all of them are taken.
    """

    uid_validity: int
    uid_next: int
    uids: list[int]
    token: str | None = None


class Fetched(Struct, kw_only=True):
    """A message as fetched, unmarked. `full_size` is set when only its beginning is here."""

    uid: int
    raw: bytes
    received_at: datetime | None
    full_size: int | None = None


class SendResult(StrEnum):
    SENT = "sent"
    PUT_OFF = "putOff"
    """Refused for now, or not reached: nothing was handed over."""
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """The content was being handed over when the connection was lost."""


class SendOutcome(Struct, frozen=True, kw_only=True):
    result: SendResult
    reason: str | None = None
    message_id: str | None = None


class Room(Protocol):
    """Leave to hold the bytes of a message: all mailboxes together hold a bounded number of them."""

    async def ask(self, size: int) -> None:
        """Waits until so many may be held, instead of those asked for before: of them nothing may be held any more."""
        ...


class MailReader(Protocol):
    """One connection to read by. Every call has a time-out; MailProviderError says what failed."""

    @property
    def by_token(self) -> bool:
        """Whether the provider says by tokens of its own where to go on, instead of by uids."""
        ...

    @property
    def sent_folder(self) -> str | None:
        """Where the provider itself files what it sends; None: it files nothing."""
        ...

    async def open(self) -> None: ...

    async def look(self, folder: str, first_uid: int | None, token: str | None = None) -> FolderState:
        """What has come since `token`; else the uids from `first_uid` on; with None what is unread or came lately."""
        ...

    async def fetch(self, folder: str, uid: int, max_bytes: int, room: Room) -> Fetched | None:
        """Asks for room before any of it is held. Does not mark it. None when it is gone."""
        ...

    async def settle(self, folder: str, uid: int, after: AfterStoring, move_to: str) -> None:
        """Marks, moves or deletes a message that is stored. Done twice it changes nothing."""
        ...

    async def wait(self, folder: str, seconds: float) -> None:
        """Until something may have come, or so long. A hint only."""
        ...

    async def find(self, folder: str, message_id: str) -> bool:
        """Whether a message of this Message-ID is in the folder."""
        ...

    async def unread(self, folder: str) -> int:
        """How many messages of the folder are unread."""
        ...

    async def file(self, folder: str, raw: bytes) -> None:
        """Files a copy, marked as read."""
        ...

    async def close(self) -> None:
        """Never fails."""
        ...


class MailSender(Protocol):
    """Sends one message at a time."""

    async def send(
        self,
        sender: str,
        recipients: list[str],
        raw: bytes,
        before_content: Callable[[], Awaitable[None]],
    ) -> SendOutcome:
        """Calls `before_content` once all recipients are accepted, right before the content is handed over.

        MailProviderError: the provider cannot be used at all now; nothing was handed over.
        """
        ...

    async def check(self) -> None:
        """Connects and logs in, and nothing more; MailProviderError says what fails."""
        ...

    async def close(self) -> None:
        """Never fails."""
        ...


class MailProvider(Protocol):
    """Makes readers and senders of mailboxes; `tokens` are for those that are not let in by passwords."""

    def reader(self, mailbox: Mailbox, secrets: Mapping[str, str], tokens: AccessTokens) -> MailReader: ...
    def sender(self, mailbox: Mailbox, secrets: Mapping[str, str], tokens: AccessTokens) -> MailSender: ...
