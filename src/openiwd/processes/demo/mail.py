"""Email of the demo: a mailbox that nobody reads, threads as if it had been read, and standard responses."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from msgspec.structs import replace

from openiwd.domain.email.mailbox import Incoming, Mailbox, Outgoing
from openiwd.domain.email.outbound import SendingState
from openiwd.domain.email.standard_response import StandardResponse
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller, system
from openiwd.domain.work_item import WorkItem
from openiwd.ports.email import StoredEmail
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.demo import people
from openiwd.processes.wiring import Wiring
from openiwd.usecases import (
    email_intake,
    email_sending,
    email_writing,
    item_action,
    mailbox,
    standard_response,
)
from openiwd.usecases.configuration import Editor
from openiwd.usecases.email_draft import Draft
from openiwd.usecases.email_intake import Arrival
from openiwd.usecases.email_sending import SendingStatus
from openiwd.usecases.item_action import ActionRequest
from openiwd.usecases.platform import TenantServices

BOX: Final = Mailbox(
    id="motor_claims",
    name="Motor claims",
    address="motor-claims@nordhaven.example",
    display_name="Nordhaven Claims",
    enabled=True,
    incoming=Incoming(host="imap.nordhaven.example", user="motor-claims"),
    outgoing=Outgoing(host="smtp.nordhaven.example", user="motor-claims", sent_folder="Sent"),
    category="Claims/Motor/Collision",
    signature="Nordhaven Insurance\nDomstraße 1, 20095 Hamburg",
)
PDF: Final = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
REASON: Final = "the connection broke off after the content was handed over"


class _Service:
    """Plays the email service for as long as the threads are made."""

    def __init__(self, services: TenantServices, caller: Caller) -> None:
        self.services = services
        self.caller = caller
        self.holder = uuid4()
        self.epoch = 0
        self._uid = 0

    async def begin(self) -> None:
        leases = await mailbox.take_leases(self.services, self.caller, self.holder, 1)
        self.epoch = leases[0].epoch

    async def end(self) -> None:
        await mailbox.end_leases(self.services, self.caller, self.holder)

    async def receive(self, raw: bytes) -> UUID | None:
        self._uid += 1
        arrival = Arrival(
            raw=raw, mailbox_id=BOX.id, holder=self.holder, epoch=self.epoch, folder="INBOX", uid_validity=1,
            uid=self._uid,
        )  # fmt: skip
        return (await email_intake.receive(self.services, self.caller, arrival)).item_id

    async def tell(self, email_id: UUID, *states: SendingState) -> None:
        for state in states:
            reason = REASON if state is SendingState.UNKNOWN else None
            told = SendingStatus(status=state, holder=self.holder, epoch=self.epoch, reason=reason)
            await email_sending.tell(self.services, self.caller, email_id, told)


async def load_mail(wiring: Wiring, tenant: Tenant) -> None:
    """Once: a tenant that has a mailbox is left alone."""
    services = await wiring.platform.services(tenant.id)
    caller = system("setup", tenant.id)
    editor = Editor(wiring.platform, services, caller, wiring.holidays)
    if await mailbox.states(editor):
        return
    rows = people.rows("mail.yaml")
    await mailbox.put(editor, replace(BOX, enabled=False), None)
    await mailbox.note_tested(services, BOX)  # there is no server; the demo plays the email service
    await mailbox.put(editor, BOX, None)
    for row in rows["responses"]:
        await standard_response.put(editor, msgspec.convert(row, StandardResponse), None)
    service = _Service(services, caller)
    await service.begin()
    for thread in rows["threads"]:
        await _thread(service, thread)
    await service.end()


async def _thread(service: _Service, thread: dict[str, Any]) -> None:
    services = service.services
    profile = next(p for p in people.agent_profiles() if p.id == thread["agent"])
    agent = people.agent_caller(services.tenant.id, profile.id, profile.name)
    item_id: UUID | None = None
    last: StoredEmail | None = None
    for message in thread["messages"]:
        if "in" in message:
            found = await service.receive(_raw(service, thread, message, last))
            if item_id is None and found is not None:
                item_id = found
                request = ActionRequest(agent=profile.id)
                await item_action.perform(services, Action.ASSIGN, request, service.caller, found)
        elif item_id is not None:
            last = await _write(service, agent, await _item(services, item_id), message)


async def _item(services: TenantServices, item_id: UUID) -> WorkItem:
    async with services.runtime.store.reading() as reading:
        return (await reading.items_by_id([item_id]))[item_id]


async def _write(service: _Service, agent: Caller, item: WorkItem, message: dict[str, Any]) -> StoredEmail:
    email = await email_writing.write(service.services, agent, item, Draft(text=message["out"]))
    end = SendingState(message.get("ends", SendingState.SENT.value))
    await service.tell(email.id, SendingState.SENDING, SendingState.HANDING_OVER, end)
    return email


def _raw(
    service: _Service, thread: dict[str, Any], message: dict[str, Any], last: StoredEmail | None
) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"] = thread["sender"], BOX.address
    mail["Subject"] = thread["subject"] if last is None else f"Re: {thread['subject']}"
    mail["Date"] = format_datetime(service.services.runtime.now())
    mail["Message-ID"] = f"<{uuid4().hex}@mail.example>"
    text = message["in"]
    if last is not None:
        mail["In-Reply-To"] = f"<{last.message_id}>"
        quoted = "\n".join(f"> {line}".rstrip() for line in last.text_new.splitlines())
        text += f"\nOn {format_datetime(last.at)}, Nordhaven Claims wrote:\n{quoted}\n"
    mail.set_content(text)
    if "html" in message:
        mail.add_alternative(message["html"], subtype="html")
    if "file" in message:
        mail.add_attachment(PDF, maintype="application", subtype="pdf", filename=message["file"])
    return mail.as_bytes()
