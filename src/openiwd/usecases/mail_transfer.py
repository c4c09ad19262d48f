"""One mailbox's mail in and out, for the process that holds its lease. Every step can be the last one: the next holder
goes on where it is safe to, stores nothing twice, and sends nothing again whose outcome is unknown.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final
from uuid import UUID

from msgspec import Struct

from openiwd.domain.email.mailbox import AfterStoring
from openiwd.domain.email.outbound import SendingState
from openiwd.domain.errors import (
    ConflictError,
    InvalidInputError,
    OpenIwdError,
    TooLargeError,
    UnavailableError,
)
from openiwd.ports.email import MailboxLease, OutboundEmail
from openiwd.ports.iwd import Iwd, Served
from openiwd.ports.mail_provider import Fetched, MailProviderError, MailReader, MailSender, SendResult
from openiwd.usecases.byte_budget import ByteBudget

REFUSED_BY_US: Final = (InvalidInputError, TooLargeError)
INTERNAL: Final = "internal"
"""What IWD answers where something is wrong with itself."""
TRIES: Final = 3
"""So often such an answer to the same message is taken for a passing one."""


_STATUS: Final = {
    SendResult.SENT: SendingState.SENT,
    SendResult.PUT_OFF: SendingState.QUEUED,
    SendResult.REFUSED: SendingState.FAILED,
    SendResult.UNKNOWN: SendingState.UNKNOWN,
}
MAX_BEGINNING: Final = 32 * 1024


def _beginning(message: Fetched) -> Fetched:
    """What is left of a message that is refused as a whole, so that no message blocks its box."""
    return Fetched(
        uid=message.uid,
        raw=message.raw[:MAX_BEGINNING],
        received_at=message.received_at,
        full_size=message.full_size or len(message.raw),
    )


def _trace(message: Fetched) -> Fetched:
    """What tells of a message of which nothing at all is taken; each of them is another one."""
    mark = sha256(message.raw).hexdigest()
    size = message.full_size or len(message.raw)
    text = f"A message of {size} bytes could not be taken in. It lies in the mailbox as it came."
    head = f"Subject: (a message that cannot be taken in)\r\nX-OpenIWD-Message: {mark}\r\n\r\n"
    return Fetched(uid=message.uid, raw=f"{head}{text}\r\n".encode(), received_at=message.received_at)


class FolderPlace(Struct):
    """Up to where a folder has been read in this run."""

    uid_validity: int
    last_uid: int


class Ending(Struct, frozen=True):
    """How the sending of an email has ended, still to be told."""

    status: SendingState
    reason: str | None = None
    message_id: str | None = None


NOT_BEGUN: Final = Ending(SendingState.QUEUED, "IWD was away before the message was handed over")


class Transfer:
    """The transfer of one mailbox under one lease. `untold` outlives it: what IWD could not be told."""

    def __init__(
        self,
        iwd: Iwd,
        served: Served,
        lease: MailboxLease,
        untold: dict[UUID, Ending] | None = None,
        budget: ByteBudget | None = None,
    ) -> None:
        self._iwd = iwd
        self._served = served
        self.lease = lease
        self._untold = {} if untold is None else untold
        self._budget = ByteBudget() if budget is None else budget
        self._box = f"{served.tenant}/{lease.mailbox_id}"
        self._places: dict[str, FolderPlace] = {}
        self._known = {c.folder: FolderPlace(c.uid_validity, c.last_uid) for c in served.cursors}
        self._tokens = {c.folder: c.token for c in served.cursors if c.token is not None}
        self._failures: dict[tuple[str, int], int] = {}
        """By folder and uid, how often IWD has failed at a message."""

    async def read(self, reader: MailReader, most: int = 100) -> int:
        """Takes in what is new in all folders, `most` messages of each; how many there were."""
        taken = 0
        for folder in self._served.mailbox.incoming.folders:
            if reader.by_token:
                taken += await self._read_by_token(reader, folder)
            else:
                taken += await self._read_folder(reader, folder, most)
        return taken

    async def _read_by_token(self, reader: MailReader, folder: str) -> int:
        """One page. The token moves on after all of it is stored; until then all of it is gone through again, and
        what is stored already is known again by its content.
        """
        token = self._tokens.get(folder)
        state = await reader.look(folder, self._first(), token)
        for uid in state.uids:
            await self._take(reader, folder, state.uid_validity, uid, moves_on=False)
        if state.token is not None and state.token != token:
            await self._iwd.save_cursor(
                self.lease, folder, state.uid_validity, len(state.uids), token=state.token
            )
            self._tokens[folder] = state.token
        return len(state.uids)

    async def _read_folder(self, reader: MailReader, folder: str, most: int) -> int:
        place = self._places.get(folder)
        if place is None:
            return await self._begin(reader, folder)
        state = await reader.look(folder, place.last_uid + 1)
        if state.uid_validity != place.uid_validity:
            del self._places[folder]
            self._known.pop(folder, None)
            return await self._begin(reader, folder)
        for uid in state.uids[:most]:
            await self._take(reader, folder, state.uid_validity, uid, moves_on=True)
            place.last_uid = uid
        return min(len(state.uids), most)

    async def _begin(self, reader: MailReader, folder: str) -> int:
        """The first look of this run. The last message stored is looked at again: it may still lie unsettled.

        A folder never read before, or one whose uids stand for something else now, is gone through for what is
        unread or new (or for all of it, where wanted); what is stored already is known again by its content.
        """
        known = self._known.get(folder)
        state = await reader.look(folder, (known.last_uid or 1) if known is not None else self._first())
        anew = known is None or known.uid_validity != state.uid_validity
        if anew and known is not None:
            state = await reader.look(folder, self._first())
        for uid in state.uids:
            await self._take(reader, folder, state.uid_validity, uid, moves_on=not anew)
        last = (
            max([state.uid_next - 1, *state.uids])
            if anew
            else max([known.last_uid if known else 0, *state.uids])
        )
        if anew:
            await self._iwd.save_cursor(self.lease, folder, state.uid_validity, last)
        self._places[folder] = FolderPlace(state.uid_validity, last)
        return len(state.uids)

    def _first(self) -> int | None:
        return 1 if self._served.mailbox.incoming.from_beginning else None

    async def _take(
        self, reader: MailReader, folder: str, uid_validity: int, uid: int, *, moves_on: bool
    ) -> None:
        """Fetch, store, and only then mark. The place moves on in the transaction that stores."""
        mailbox = self._served.mailbox
        is_taken = await self._store(reader, folder, uid_validity, uid, moves_on=moves_on)
        if is_taken and mailbox.incoming.after_storing is not AfterStoring.KEEP:
            await reader.settle(folder, uid, mailbox.incoming.after_storing, mailbox.incoming.move_to)

    async def _store(
        self, reader: MailReader, folder: str, uid_validity: int, uid: int, *, moves_on: bool
    ) -> bool:
        """Whether the message is there and any of it was taken. Its bytes are held in here only."""
        async with self._budget.room(self._box) as room:
            message = await reader.fetch(folder, uid, self._served.mailbox.max_bytes, room)
            if message is None:
                return False
            room.keep(len(message.raw))
            if not moves_on:
                message = Fetched(
                    uid=0, raw=message.raw, received_at=message.received_at, full_size=message.full_size
                )
            return await self._hand_over(folder, uid, uid_validity, message)

    async def _hand_over(self, folder: str, uid: int, uid_validity: int, message: Fetched) -> bool:
        """Of what IWD refuses, or fails at again and again, less is handed over: the beginning, and then only that it
        is there, so that no message blocks its box. Whether any of it was taken.
        """
        parts = (message, _beginning(message), _trace(message))
        for part in parts:
            try:
                await self._iwd.submit(self.lease, folder, uid_validity, part)
            except OpenIwdError as error:
                if part is parts[-1] or not self._is_its_fault(error, (folder, uid)):
                    raise
            else:
                self._failures.pop((folder, uid), None)
                return part is not parts[-1]
        return False

    def _is_its_fault(self, error: OpenIwdError, message: tuple[str, int]) -> bool:
        """Whether the message is at fault, and not its time."""
        if isinstance(error, REFUSED_BY_US):
            return True
        if not isinstance(error, UnavailableError) or error.code != INTERNAL:
            return False
        self._failures[message] = self._failures.get(message, 0) + 1
        return self._failures[message] >= TRIES

    async def send(self, sender: MailSender, reader: MailReader | None) -> int:
        """Sends what is due; `reader` files copies and looks for what an earlier holder may have sent."""
        for email_id in list(self._untold):
            await self._tell_ending(email_id)
        emails = await self._iwd.outbound(self.lease)
        for email in emails:
            if email.state == SendingState.HANDING_OVER.value:
                await self._clear_up(email, reader)
            else:
                async with self._budget.room(self._box) as room:
                    await room.ask(email.size)
                    await self._send_one(email, sender, reader)
        return len(emails)

    async def _clear_up(self, email: OutboundEmail, reader: MailReader | None) -> None:
        """Begun by a holder that is gone. A copy in the folder of sent mail proves it; else people decide."""
        folder = (
            reader.sent_folder if reader is not None else None
        ) or self._served.mailbox.outgoing.sent_folder
        try:
            is_proven = reader is not None and bool(folder) and await reader.find(folder, email.message_id)
        except MailProviderError:
            is_proven = False
        if is_proven:
            await self._iwd.tell(self.lease, email.id, SendingState.SENT)
            return
        reason = "the process that sent it was lost before the server's answer: whether it has arrived cannot be proven"
        await self._iwd.tell(self.lease, email.id, SendingState.UNKNOWN, reason)

    async def _send_one(self, email: OutboundEmail, sender: MailSender, reader: MailReader | None) -> None:
        """Until the content is handed over, every end means that nothing was sent."""
        self._untold[email.id] = NOT_BEGUN
        try:
            await self._iwd.tell(self.lease, email.id, SendingState.SENDING)
        except ConflictError as error:
            if error.code != "invalidSendingState":
                raise
            del self._untold[email.id]  # taken back, or settled by somebody, since it was listed
            return
        raw = await self._iwd.content(email.id)

        async def before_content() -> None:
            await self._iwd.tell(self.lease, email.id, SendingState.HANDING_OVER)
            self._untold[email.id] = Ending(SendingState.UNKNOWN, "the sending was broken off")

        try:
            outcome = await sender.send(email.sender, email.recipients, raw, before_content)
        except MailProviderError as error:
            self._untold[email.id] = Ending(SendingState.QUEUED, error.message)
            await self._tell_ending(email.id)
            raise
        self._untold[email.id] = Ending(_STATUS[outcome.result], outcome.reason, outcome.message_id)
        if outcome.result is SendResult.SENT:
            await self._file(raw, reader)
        await self._tell_ending(email.id)

    async def _tell_ending(self, email_id: UUID) -> None:
        ending = self._untold[email_id]
        try:
            await self._iwd.tell(self.lease, email_id, ending.status, ending.reason, ending.message_id)
        except ConflictError as error:
            if error.code != "invalidSendingState":
                raise
            # It was not begun, or has been settled by somebody: there is nothing to tell any more.
        del self._untold[email_id]

    async def _file(self, raw: bytes, reader: MailReader | None) -> None:
        """A copy of what was sent. Its failure is none of the sending."""
        folder = self._served.mailbox.outgoing.sent_folder
        if reader is None or not folder or reader.sent_folder is not None:
            return
        try:
            await reader.file(folder, raw)
        except MailProviderError:
            return
