"""One holder's life of a mailbox: reads and sends once, and dies after so many steps, in whatever way it is told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from openiwd.adapters.imap.imap_reader import ImapReader
from openiwd.adapters.iwd_http.http_iwd import HttpIwd
from openiwd.adapters.smtp.smtp_sender import SmtpSender
from openiwd.domain.email.mailbox import Mailbox
from openiwd.usecases.mail_transfer import Transfer

IWD_STEPS = frozenset({"submit", "save_cursor", "outbound", "content", "tell"})
READER_STEPS = frozenset({"look", "fetch", "settle", "find", "file"})


class Steps:
    """So many steps, then death. Before a call is the same to all others as after the last: `every` counts both."""

    def __init__(self, count: int, die: Callable[[], None], *, every: bool = True) -> None:
        self._left = count
        self._die = die
        self._every = every

    def before(self) -> None:
        if self._every:
            self.after()

    def after(self) -> None:
        self._left -= 1
        if self._left < 0:
            self._die()


class Dying:
    """A port whose process dies before or after one of its calls, counted over all of them."""

    def __init__(self, inner: Any, steps: Steps, *, names: frozenset[str]) -> None:
        self._inner, self._steps, self._names = inner, steps, names

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in self._names:
            return method

        async def call(*arguments: Any, **more: Any) -> Any:
            self._steps.before()
            if name == "send":  # the step within: between the envelope and the content
                sender, recipients, raw, before = arguments

                async def before_content() -> None:
                    await before()
                    self._steps.after()

                answer = await method(sender, recipients, raw, before_content)
            else:
                answer = await method(*arguments, **more)
            self._steps.after()
            return answer

        return call


async def _no_token(_: str | None) -> str:
    raise AssertionError


def _reader(mailbox: Mailbox, secrets: Mapping[str, str], steps: Steps) -> Any:
    return Dying(ImapReader(mailbox, secrets, _no_token), steps, names=READER_STEPS)


async def live(real: HttpIwd, holder: UUID, steps: Steps) -> None:
    """The whole life. Its lease is not given back: it runs out, or somebody ends it."""
    readers: list[Any] = []
    try:
        (lease,) = await real.take_leases(holder, 10)
        (served,) = await real.mailboxes()
        iwd: Any = Dying(real, steps, names=IWD_STEPS)
        transfer = Transfer(iwd, served, lease)
        readers = [_reader(served.mailbox, served.secrets, steps) for _ in range(2)]
        for reader in readers:
            await reader.open()
        await transfer.read(readers[0])
        sender: Any = Dying(SmtpSender(served.mailbox, served.secrets), steps, names=frozenset({"send"}))
        await transfer.send(sender, readers[1])
    finally:
        for reader in readers:
            await reader.close()
