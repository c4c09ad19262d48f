"""How many bytes of mail a process holds at once: a message waits for room before it is fetched. Fair to all mailboxes
by bytes, so that large mails of some hold up nobody's small ones. Fetches nothing itself.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

DEFAULT_BYTES: Final = 128 * 1024 * 1024
PASSED: Final = 4
"""Others pass the first one that waits up to one in so many of all bytes."""


class _Waiting(Struct, order=True):
    """`start`: the bytes that its mailbox has had, as far as that counts; who had the least is let in first."""

    start: int
    size: int
    number: int
    mailbox: str
    is_let_in: asyncio.Future[None]
    passed: int = 0
    """Bytes of others that were let in past it."""


class ByteBudget:
    """Bytes for all mailboxes of a process. What is larger than all of it passes alone.

    Who waits is let in by start times (start-time fair queuing): a mailbox starts where its last message ended; how far
    it may lie behind the others is bounded, so that one that had nothing for long does not keep them out for long.
    It does lie behind them: a mailbox asks for one message after the other, and small ones would wait for a large one
    of each other mailbox again and again. Past the first one that waits others are let in that fit where it does not,
    up to a part of all bytes: it gets its turn.
    """

    def __init__(self, limit: int = DEFAULT_BYTES) -> None:
        self._limit = limit
        self._held = 0
        self._peak = 0
        self._now = 0
        self._number = 0
        self._following: dict[str, int] = {}
        """Where a mailbox starts next."""
        self._waiting: list[_Waiting] = []

    @property
    def held(self) -> int:
        return self._held

    @property
    def peak(self) -> int:
        """The most that was ever held."""
        return self._peak

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @asynccontextmanager
    async def room(self, mailbox: str) -> AsyncIterator[BudgetRoom]:
        """For one message of a mailbox, and as long as it is held."""
        room = BudgetRoom(self, mailbox)
        try:
            yield room
        finally:
            room.give_back()

    async def let_in(self, mailbox: str, size: int) -> None:
        """Waits until so many bytes may be held."""
        start = max(self._now - self._limit, self._following.get(mailbox, 0))
        self._number += 1
        one = _Waiting(start, size, self._number, mailbox, asyncio.get_running_loop().create_future())
        insort(self._waiting, one)
        self._serve()
        try:
            await one.is_let_in
        except BaseException:
            if one.is_let_in.done() and not one.is_let_in.cancelled():
                self.change(-size)
            else:
                self._serve()
            raise

    def correct(self, mailbox: str, size: int) -> None:
        """A mailbox holds so many bytes more, or fewer, than it has asked for."""
        if mailbox in self._following:
            self._following[mailbox] += size
        self.change(size)

    def change(self, size: int) -> None:
        """So many bytes more are held; or less, which lets others in."""
        self._held += size
        self._peak = max(self._peak, self._held)
        if size < 0:
            self._serve()

    def _serve(self) -> None:
        self._waiting = [one for one in self._waiting if not one.is_let_in.cancelled()]
        while (one := self._next()) is not None:
            self._waiting.remove(one)
            self._now = max(self._now, one.start)
            behind = self._now - self._limit
            self._following = {m: start for m, start in self._following.items() if start > behind}
            self._following[one.mailbox] = one.start + one.size
            self.change(one.size)
            one.is_let_in.set_result(None)

    def _next(self) -> _Waiting | None:
        if not self._waiting:
            return None
        first = self._waiting[0]
        if not self._held or self._held + first.size <= self._limit:
            return first
        for other in self._waiting[1:]:
            is_little = first.passed + other.size <= self._limit // PASSED
            if is_little and self._held + other.size <= self._limit:
                first.passed += other.size
                return other
        return None


class BudgetRoom:
    """Implements `openiwd.ports.mail_provider.Room`."""

    def __init__(self, budget: ByteBudget, mailbox: str) -> None:
        self._budget = budget
        self._mailbox = mailbox
        self._size = 0

    async def ask(self, size: int) -> None:
        self.give_back()
        await self._budget.let_in(self._mailbox, size)
        self._size = size

    def keep(self, size: int) -> None:
        """So many are held in truth, now that the message is here."""
        change, self._size = size - self._size, size
        self._budget.correct(self._mailbox, change)

    def give_back(self) -> None:
        size, self._size = self._size, 0
        self._budget.change(-size)
