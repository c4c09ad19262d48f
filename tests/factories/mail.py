"""Builders: raw messages, mailboxes, and what the email service says to the API."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import msgspec

from openiwd.domain.email.mailbox import Mailbox
from openiwd.usecases.mailbox import note_tested
from tests.factories.api import World

HOLDER = uuid.UUID(int=1)


def raw_email(
    text: str = "Hello, my parcel has not arrived.\n",
    *,
    sender: str = "Ada <ada@example.org>",
    to: str = "care@example.com",
    subject: str = "My parcel",
    message_id: str | None = None,
    **headers: str,
) -> bytes:
    """A message with a Message-ID of its own, unless told otherwise (an empty one: none)."""
    identity = f"{uuid.uuid4().hex}@example.org" if message_id is None else message_id
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}"]
    if identity:
        lines.append(f"Message-ID: <{identity}>")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", text.replace("\n", "\r\n")]).encode()


def mailbox(address: str = "care@example.com", **fields: Any) -> dict[str, Any]:
    """An enabled mailbox as JSON."""
    return {
        "name": "Care",
        "address": address,
        "enabled": True,
        "incoming": {"host": "imap.example.com", "user": address},
        "outgoing": {"host": "smtp.example.com", "user": address},
        **fields,
    }


async def set_up_mailbox(api: World, mailbox_id: str, body: dict[str, Any]) -> httpx.Response:
    """A mailbox as if its connections had been tested; the answer to its last PUT."""
    value = msgspec.convert({**body, "id": mailbox_id}, Mailbox)
    if (await api.get(f"/mailboxes/{mailbox_id}")).status_code == 404:
        made = await api.call("PUT", f"/mailboxes/{mailbox_id}", json={**body, "enabled": False})
        assert made.status_code == 201, made.text
    await note_tested(await api.services(), value)
    return await api.call("PUT", f"/mailboxes/{mailbox_id}", json=body)


class ServiceCalls:
    """What the email service asks of the API, for one mailbox."""

    def __init__(self, api: World, mailbox_id: str = "care", holder: uuid.UUID = HOLDER) -> None:
        self.api = api
        self.mailbox_id = mailbox_id
        self.holder = holder
        self.epoch = 0
        self.uid = 0

    async def set_up(self, **fields: Any) -> None:
        """Makes the mailbox and takes its lease."""
        answer = await set_up_mailbox(self.api, self.mailbox_id, mailbox(**fields))
        assert answer.status_code in (200, 201), answer.text
        await self.take()

    async def take(self) -> None:
        answer = await self.api.post("/mailboxes/leases", {"holder": str(self.holder)})
        assert answer.status_code == 200, answer.text
        leases = {lease["mailboxId"]: lease for lease in answer.json()["leases"]}
        self.epoch = leases[self.mailbox_id]["epoch"]

    @property
    def named(self) -> dict[str, Any]:
        return {"mailbox": self.mailbox_id, "holder": str(self.holder), "epoch": self.epoch}

    async def submit(self, raw: bytes, **query: Any) -> httpx.Response:
        self.uid += 1
        params = {**self.named, "uid": self.uid, "uidValidity": 1, "folder": "INBOX", **query}
        return await self.api.call(
            "POST", "/emails", params=params, content=raw, headers={"content-type": "message/rfc822"}
        )

    async def received(self, raw: bytes, **query: Any) -> dict[str, Any]:
        answer = await self.submit(raw, **query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def outbound(self) -> list[dict[str, Any]]:
        answer = await self.api.get("/emails/outbound", params=self.named)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["emails"])

    async def tell(self, email_id: str, status: str, **more: Any) -> httpx.Response:
        body = {"status": status, "holder": str(self.holder), "epoch": self.epoch, **more}
        return await self.api.post(f"/emails/{email_id}/sending-status", body)

    async def sent(self, email_id: str) -> None:
        for status in ("sending", "handingOver", "sent"):
            answer = await self.tell(email_id, status)
            assert answer.status_code == 200, answer.text
