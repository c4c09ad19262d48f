"""A message at which IWD fails keeps no other from coming in; where nothing of it is taken, its mailbox keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from openiwd.domain.email.mailbox import AfterStoring, Incoming, Mailbox
from openiwd.domain.errors import InvalidInputError, OpenIwdError, UnavailableError
from openiwd.ports.email import MailboxLease, OutboundEmail
from openiwd.ports.iwd import Submitted
from openiwd.ports.mail_provider import (
    Fetched,
    FolderState,
    MailReader,
    MailSender,
    Room,
    SendOutcome,
    SendResult,
)
from openiwd.usecases.byte_budget import ByteBudget
from openiwd.usecases.mail_transfer import MAX_BEGINNING, TRIES, Transfer
from tests.factories.mail_iwd import MemoryIwd
from tests.servers.until import until

BOX = Mailbox(
    id="care",
    name="Care",
    address="care@example.com",
    incoming=Incoming(host="imap", user="x", after_storing=AfterStoring.DELETE, from_beginning=True),
)
BAD = b"Subject: bad\r\n\r\n" + b"x" * (2 * MAX_BEGINNING)
GOOD = b"Subject: good\r\n\r\nHello\r\n"


class Folder:
    """Implements what is used of `openiwd.ports.mail_provider.MailReader`, with two messages in it."""

    by_token = False

    def __init__(self) -> None:
        self.messages = {1: BAD, 2: GOOD}

    async def look(self, folder: str, first_uid: int | None, token: str | None = None) -> FolderState:
        del folder, token
        return FolderState(
            uid_validity=1, uid_next=3, uids=[u for u in self.messages if u >= (first_uid or 1)]
        )

    async def fetch(self, folder: str, uid: int, max_bytes: int, room: Room) -> Fetched | None:
        del folder, max_bytes
        await room.ask(len(self.messages[uid]))
        return Fetched(uid=uid, raw=self.messages[uid], received_at=None)

    async def settle(self, folder: str, uid: int, after: AfterStoring, move_to: str) -> None:
        del folder, after, move_to
        del self.messages[uid]


class FailingIwd(MemoryIwd):
    """Does not take what `wrong` says."""

    def __init__(self, wrong: Callable[[bytes], OpenIwdError | None]) -> None:
        super().__init__(BOX, {})
        self._wrong = wrong

    async def submit(
        self, lease: MailboxLease, folder: str, uid_validity: int, message: Fetched
    ) -> Submitted:
        error = self._wrong(message.raw)
        if error is not None:
            raise error
        return await super().submit(lease, folder, uid_validity, message)


def bad(raw: bytes) -> bool:
    return raw.startswith(b"Subject: bad")


def internal() -> UnavailableError:
    return UnavailableError("something went wrong on our side", code="internal")


async def taken(iwd: FailingIwd, folder: Folder) -> tuple[list[bytes], int]:
    """What was taken in the end, and how often reading broke off before."""
    transfer = Transfer(iwd, iwd.served, iwd.lease)
    broken = 0
    while True:
        try:
            await transfer.read(cast("MailReader", cast("Any", folder)))
        except UnavailableError:
            broken += 1
            assert broken < 10, "it is blocked"
        else:
            return list(iwd.stored), broken


async def test_of_what_is_refused_the_beginning_is_taken() -> None:
    folder = Folder()
    refusal = InvalidInputError("too long")
    iwd = FailingIwd(lambda raw: refusal if bad(raw) and len(raw) > MAX_BEGINNING else None)
    assert await taken(iwd, folder) == ([BAD[:MAX_BEGINNING], GOOD], 0)
    assert folder.messages == {}


@pytest.mark.parametrize(("make", "times"), [(lambda: InvalidInputError("no"), 0), (internal, TRIES - 1)])
async def test_of_what_cannot_be_taken_at_all_only_its_being_there_is(
    make: Callable[[], OpenIwdError], times: int
) -> None:
    folder = Folder()
    (trace, good), broken = await taken(FailingIwd(lambda raw: make() if bad(raw) else None), folder)
    assert (good, broken) == (GOOD, times)
    assert b"could not be taken in" in trace
    assert folder.messages == {1: BAD}, "what was not taken is left where it is"


async def test_an_iwd_that_is_away_is_waited_for() -> None:
    folder, away = Folder(), [UnavailableError("away", code="unavailable") for _ in range(TRIES + 2)]
    iwd = FailingIwd(lambda raw: away.pop() if bad(raw) and away else None)
    assert await taken(iwd, folder) == ([BAD, GOOD], TRIES + 2)
    assert folder.messages == {}


class Post:
    """Implements what is used of `openiwd.ports.mail_provider.MailSender`."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    async def send(
        self, sender: str, recipients: list[str], raw: bytes, before_content: Callable[[], Awaitable[None]]
    ) -> SendOutcome:
        del sender, recipients
        await before_content()
        self.sent.append(raw)
        return SendOutcome(result=SendResult.SENT)


async def test_what_is_taken_back_since_it_was_listed_holds_up_no_other() -> None:
    iwd, post = MemoryIwd(BOX, {}), Post()
    back, other = (iwd.queue(raw, ["a@b.c"], raw.decode(), BOX.address) for raw in (b"back", b"other"))
    listed = await iwd.outbound(iwd.lease)
    iwd.emails[back].state = "withdrawn"

    async def outbound(lease: MailboxLease) -> list[OutboundEmail]:
        del lease
        return listed

    iwd.outbound = outbound  # type: ignore[method-assign]
    transfer = Transfer(iwd, iwd.served, iwd.lease)
    assert await transfer.send(cast("MailSender", cast("Any", post)), None) == 2
    assert (post.sent, iwd.emails[back].state, iwd.emails[other].state) == ([b"other"], "withdrawn", "sent")


async def test_no_more_is_sent_at_once_than_there_is_room_for() -> None:
    """Another mailbox of the process holds it all; then there is room."""
    iwd, post, budget = MemoryIwd(BOX, {}), Post(), ByteBudget(10)
    iwd.queue(b"12345", ["a@b.c"], "m", BOX.address)
    transfer = Transfer(iwd, iwd.served, iwd.lease, budget=budget)
    async with budget.room("other") as room:
        await room.ask(10)
        sending = asyncio.create_task(transfer.send(cast("MailSender", cast("Any", post)), None))
        await until(lambda: budget.waiting)
        assert (post.sent, iwd.told) == ([], [])
    await sending
    assert (post.sent, budget.held, budget.peak) == ([b"12345"], 0, 10)


async def test_a_failure_that_passes_costs_nothing_of_the_message() -> None:
    folder, failing = Folder(), [internal() for _ in range(TRIES - 1)]
    iwd = FailingIwd(lambda raw: failing.pop() if bad(raw) and failing else None)
    assert await taken(iwd, folder) == ([BAD, GOOD], TRIES - 1)
