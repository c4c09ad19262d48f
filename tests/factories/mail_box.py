"""One mailbox at a provider, the same for tests whatever the provider: Dovecot with Postfix, Gmail, Graph."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import msgspec

from openiwd.adapters.cloud_mail.provider import CloudMail
from openiwd.domain.email.cloud import CloudAddresses
from openiwd.domain.email.mailbox import Access, Cloud, Incoming, Mailbox, Outgoing
from openiwd.ports.mail_provider import MailReader, MailSender
from openiwd.processes.mail_provider import MailProviders
from tests.servers.cloud import CloudServer
from tests.servers.gmail import GmailServer
from tests.servers.gmail import read as read_message
from tests.servers.graph import GraphServer
from tests.servers.mail import MailServer

FIRST_PAUSE = 0.01
ANSWER_SECONDS = 2.0


def addresses(server: CloudServer) -> CloudAddresses:
    """A contract server stands for everything."""
    return CloudAddresses(
        gmail=server.url,
        graph=f"{server.url}/v1.0",
        google_token=f"{server.url}/token",
        google_consent=f"{server.url}/consent",
        microsoft_login=server.url,
    )


class Box(Protocol):
    """What a contract test does at the provider's end, and the adapters under test."""

    mailbox: Mailbox
    secrets: dict[str, str]
    provider: MailProviders

    async def tokens(self, refused: str | None = None) -> str: ...
    async def put(self, raw: bytes, *, seen: bool = False) -> None: ...
    async def folder(self, name: str) -> list[bytes]: ...
    async def unread(self) -> int: ...
    async def sent(self) -> list[bytes]: ...
    async def recipients(self, names: list[str]) -> list[str]:
        """Which of these have got the last message that was sent."""
        ...


class _Both:
    def __init__(self) -> None:
        self._senders: list[MailSender] = []

    mailbox: Mailbox
    secrets: dict[str, str]
    provider: MailProviders

    async def tokens(self, refused: str | None = None) -> str:
        raise NotImplementedError

    def reader(self) -> MailReader:
        return self.provider.reader(self.mailbox, self.secrets, self.tokens)

    def sender(self) -> MailSender:
        self._senders.append(self.provider.sender(self.mailbox, self.secrets, self.tokens))
        return self._senders[-1]

    async def close(self) -> None:
        for sender in self._senders:
            await sender.close()

    def change(self, **incoming: Any) -> None:
        settings = msgspec.structs.replace(self.mailbox.incoming, **incoming)
        self.mailbox = msgspec.structs.replace(self.mailbox, incoming=settings)


class ImapBox(_Both):
    """Dovecot and Postfix."""

    def __init__(self, server: MailServer) -> None:
        super().__init__()
        self.server = server
        self.address = server.account("care")
        self.mailbox = Mailbox(
            id="care",
            name="Care",
            address=self.address,
            ca_certificate=server.certificate,
            incoming=Incoming(host=server.host, port=server.imaps, user=self.address, poll_seconds=1),
            outgoing=Outgoing(host=server.host, port=server.smtp, user=self.address, sent_folder="Sent"),
        )
        self.secrets = {"imapPassword": server.password, "smtpPassword": server.password}
        self.provider = MailProviders()

    async def start(self) -> None:
        for folder in ("Done", "Sent"):
            await asyncio.to_thread(self.server.make_folder, self.address, folder)

    async def put(self, raw: bytes, *, seen: bool = False) -> None:
        flags = r"(\Seen)" if seen else ""
        await asyncio.to_thread(self.server.put, self.address, raw, "INBOX", flags)

    async def folder(self, name: str) -> list[bytes]:
        return await asyncio.to_thread(self.server.messages, self.address, name)

    async def unread(self) -> int:
        lines = await asyncio.to_thread(self.server.flags, self.address)
        return sum(1 for line in lines if b"Seen" not in line)

    async def sent(self) -> list[bytes]:
        return await self.folder("Sent")

    async def recipients(self, names: list[str]) -> list[str]:
        return [n for n in names if await asyncio.to_thread(self.server.messages, n)]


class CloudBox(_Both):
    """At a contract server."""

    access: Access

    def __init__(self, server: CloudServer) -> None:
        super().__init__()
        self.server = server
        self.address = "care@example.com"
        self.secrets = {}
        self.mailbox = Mailbox(
            id="care",
            name="Care",
            address=self.address,
            access=self.access,
            cloud=Cloud(directory="example.com", client_id="app-1"),
            incoming=Incoming(poll_seconds=1),
        )
        cloud = CloudMail(addresses(server), first_pause=FIRST_PAUSE, seconds=ANSWER_SECONDS)
        self.provider = MailProviders(cloud=cloud)
        self._token: str | None = None

    async def start(self) -> None:
        return

    async def tokens(self, refused: str | None = None) -> str:
        if self._token is None or self._token == refused:
            self._token = self.server.new_token()
        return self._token


class GmailBox(CloudBox):
    access = Access.GMAIL
    server: GmailServer

    async def put(self, raw: bytes, *, seen: bool = False) -> None:
        self.server.put(raw, "INBOX", *([] if seen else ["UNREAD"]))

    async def folder(self, name: str) -> list[bytes]:
        return [m.raw for m in self.server.in_label(name)]

    async def unread(self) -> int:
        return sum(1 for m in self.server.in_label("INBOX") if "UNREAD" in m.labels)

    async def sent(self) -> list[bytes]:
        return await self.folder("SENT")

    async def recipients(self, names: list[str]) -> list[str]:
        return _named((await self.sent())[-1], names)


class GraphBox(CloudBox):
    access = Access.MICROSOFT
    server: GraphServer

    async def put(self, raw: bytes, *, seen: bool = False) -> None:
        self.server.put(raw, is_read=seen)

    async def folder(self, name: str) -> list[bytes]:
        return [m.raw for m in self.server.in_folder(name.lower() if name == "INBOX" else name)]

    async def unread(self) -> int:
        return sum(1 for m in self.server.in_folder("inbox") if not m.is_read)

    async def sent(self) -> list[bytes]:
        return await self.folder("sentitems")

    async def recipients(self, names: list[str]) -> list[str]:
        return _named((await self.sent())[-1], names)


def _named(raw: bytes, names: list[str]) -> list[str]:
    message = read_message(raw)
    told = {a.addr_spec for n in ("To", "Cc", "Bcc") for h in message.get_all(n, []) for a in h.addresses}
    return [n for n in names if n in told]


AnyBox = ImapBox | GmailBox | GraphBox


@asynccontextmanager
async def cloud_box(provider: str) -> AsyncIterator[GmailBox | GraphBox]:
    """A mailbox at the contract server of `gmail` or `graph`, which runs as long."""
    server = GmailServer() if provider == "gmail" else GraphServer()
    await server.start()
    made = GmailBox(server) if isinstance(server, GmailServer) else GraphBox(server)
    yield made
    await made.close()
    await server.stop()
