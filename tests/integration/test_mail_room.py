"""How much of messages the email service holds at once, counted on a real Dovecot; small mails pass large ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from msgspec.structs import replace

from openiwd.ports.email import MailboxLease
from openiwd.ports.iwd import Submitted
from openiwd.ports.mail_provider import Fetched, Room
from openiwd.usecases.byte_budget import ByteBudget
from openiwd.usecases.mail_transfer import Transfer
from tests.factories.mail_box import ImapBox
from tests.factories.mail_iwd import MemoryIwd
from tests.servers.mail import MailServer
from tests.servers.until import until

MEGABYTE = 1024 * 1024
BOXES, EACH, SMALL = 5, 3, 12


def letter(number: int, size: int) -> bytes:
    head = (
        f"From: ada@example.org\r\nSubject: {number}\r\nMessage-ID: <{number}@example.org>\r\n\r\n".encode()
    )
    line = b"x" * 76 + b"\r\n"
    return head + line * ((size - len(head)) // len(line))


class Hall:
    """Where IWD takes its time over large messages; counts what has been fetched and is not yet taken."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.inside = 0
        self.held = 0
        self.peak = 0

    def bring(self, message: Fetched) -> None:
        self.held += len(message.raw)
        self.peak = max(self.peak, self.held)

    def take(self, message: Fetched) -> None:
        self.held -= len(message.raw)


class SlowIwd(MemoryIwd):
    def __init__(self, box: ImapBox, hall: Hall) -> None:
        super().__init__(box.mailbox, box.secrets)
        self._hall = hall

    async def submit(
        self, lease: MailboxLease, folder: str, uid_validity: int, message: Fetched
    ) -> Submitted:
        self._hall.inside += 1
        if len(message.raw) > MEGABYTE // 2:
            await self._hall.opened.wait()
        told = await super().submit(lease, folder, uid_validity, message)
        self._hall.take(message)
        return told


class Counted:
    """A reader, its fetched bytes counted by somebody who knows of no budget."""

    def __init__(self, inner: Any, hall: Hall) -> None:
        self._inner = inner
        self._hall = hall

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def fetch(self, folder: str, uid: int, max_bytes: int, room: Room) -> Fetched | None:
        message: Fetched | None = await self._inner.fetch(folder, uid, max_bytes, room)
        if message is not None:
            self._hall.bring(message)
        return message


async def _box(server: MailServer, name: str, sizes: list[int]) -> ImapBox:
    box = ImapBox(server)
    box.mailbox = replace(box.mailbox, id=name)
    for number, size in enumerate(sizes):
        await box.put(letter(number, size))
    return box


@asynccontextmanager
async def _reading(box: ImapBox, hall: Hall, budget: ByteBudget) -> AsyncIterator[SlowIwd]:
    """One mailbox that is gone through once."""
    iwd = SlowIwd(box, hall)
    reader: Any = Counted(box.reader(), hall)
    await reader.open()
    task = asyncio.create_task(Transfer(iwd, iwd.served, iwd.lease, budget=budget).read(reader))
    try:
        yield iwd
        await task
    finally:
        task.cancel()
        await reader.close()


async def _run(server: MailServer, budget: ByteBudget, *, small: bool) -> Hall:
    """Large messages of many mailboxes come in at once; before any of them is taken, all of a small mailbox's are."""
    hall = Hall()
    boxes = [await _box(server, f"large{n}", [MEGABYTE] * EACH) for n in range(BOXES)]
    async with AsyncExitStack() as stack:
        iwds = [await stack.enter_async_context(_reading(box, hall, budget)) for box in boxes]
        await until(lambda: hall.inside + budget.waiting == BOXES)
        if small:
            async with _reading(await _box(server, "small", [2_000] * SMALL), hall, budget) as iwd:
                await until(lambda: len(iwd.stored) == SMALL)
        hall.opened.set()
    assert [len(iwd.stored) for iwd in iwds] == [EACH] * BOXES
    assert (hall.held, budget.held, budget.waiting) == (0, 0, 0)
    return hall


async def test_without_a_bound_a_message_of_each_mailbox_is_held(mail_server: MailServer) -> None:
    hall = await _run(mail_server, ByteBudget(1_000 * MEGABYTE), small=False)
    assert hall.peak > (BOXES - 1) * MEGABYTE


async def test_what_is_held_is_bounded_and_small_mails_pass(mail_server: MailServer) -> None:
    """Two large ones fit. The others wait, and a mailbox of small ones does not wait behind them."""
    budget = ByteBudget(5 * MEGABYTE // 2)
    hall = await _run(mail_server, budget, small=True)
    assert MEGABYTE < hall.peak <= 5 * MEGABYTE // 2
    assert budget.peak <= 5 * MEGABYTE // 2


async def test_one_that_is_larger_than_the_bound_passes_alone(mail_server: MailServer) -> None:
    budget = ByteBudget(MEGABYTE // 2)
    hall = await _run(mail_server, budget, small=False)
    assert MEGABYTE // 2 < hall.peak < 2 * MEGABYTE
