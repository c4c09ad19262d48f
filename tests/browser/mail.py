"""Mail for browser tests: a mailbox of the site, messages that arrive in it, and what becomes of those that go out."""

from __future__ import annotations

import uuid
from typing import Any

from msgspec.structs import replace

from openiwd.domain.email.mailbox import Incoming, Mailbox, Outgoing
from openiwd.domain.email.outbound import SendingState
from openiwd.domain.email.standard_response import StandardResponse
from openiwd.domain.lifecycle import Action
from openiwd.ports.email import StoredEmail
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
from openiwd.usecases.email_intake import Arrival, Received
from openiwd.usecases.email_sending import SendingStatus
from openiwd.usecases.item_action import ActionRequest
from tests.browser.site import CALLER, Site
from tests.factories.mail import HOLDER

BOX = Mailbox(
    id="claims",
    name="Claims",
    address="claims@nordhaven.example",
    display_name="Nordhaven Claims",
    enabled=True,
    incoming=Incoming(host="imap.nordhaven.example", user="claims"),
    outgoing=Outgoing(host="smtp.nordhaven.example", user="claims"),
    signature="Nordhaven Insurance\nwww.nordhaven.example",
    category="Claims/Motor/Theft",
)


class Mail:
    """The email service's part, played by hand."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._uid = 0
        site.run(self._set_up())

    async def editor(self) -> Editor:
        return Editor(self._site.platform, await self._site.services(), CALLER, self._site.holidays)

    async def _set_up(self) -> None:
        await self._put(BOX)
        await self._lease()

    async def _put(self, box: Mailbox) -> None:
        """As if its connections had been tested."""
        editor = await self.editor()
        await mailbox.put(editor, replace(box, enabled=False), None)
        await mailbox.note_tested(editor.services, box)
        await mailbox.put(editor, box, None)

    def put(self, box: Mailbox) -> None:
        """An enabled mailbox beside."""
        self._site.run(self._put(box))

    async def _lease(self) -> int:
        services = await self._site.services()
        leases = await mailbox.take_leases(services, CALLER, HOLDER, 10)
        return next(lease.epoch for lease in leases if lease.mailbox_id == BOX.id)

    def arrive(self, raw: bytes) -> Received:
        """One message comes in."""

        async def receive() -> Received:
            self._uid += 1
            arrival = Arrival(
                raw=raw,
                mailbox_id=BOX.id,
                holder=HOLDER,
                epoch=await self._lease(),
                folder="INBOX",
                uid_validity=1,
                uid=self._uid,
            )
            return await email_intake.receive(await self._site.services(), CALLER, arrival)

        return self._site.run(receive())

    def in_hand(self, raw: bytes, agent_id: str = "rossi") -> uuid.UUID:
        """One message comes in, and its item is an agent's; the item's id."""
        item_id = self.arrive(raw).item_id
        assert item_id is not None

        async def assign() -> None:
            request = ActionRequest(agent=agent_id)
            await item_action.perform(await self._site.services(), Action.ASSIGN, request, CALLER, item_id)

        self._site.run(assign())
        return item_id

    def for_review(self, item_id: uuid.UUID, text: str) -> StoredEmail:
        """Somebody answers, and somebody else is to look at it first."""

        async def write() -> StoredEmail:
            services = await self._site.services()
            async with services.runtime.store.reading() as reading:
                item = (await reading.items_by_id([item_id]))[item_id]
            return await email_writing.write(services, CALLER, item, Draft(text=text, review=True))

        return self._site.run(write())

    def emails(self, item_id: uuid.UUID) -> list[StoredEmail]:
        async def read() -> list[StoredEmail]:
            async with (await self._site.services()).runtime.store.reading() as reading:
                item = (await reading.items_by_id([item_id]))[item_id]
                return await reading.emails_of_item(item.number)

        return self._site.run(read())

    def sending(self, email_id: uuid.UUID, *states: SendingState, reason: str | None = None) -> None:
        """The email service tells how the sending goes."""

        async def tell() -> None:
            services = await self._site.services()
            for state in states:
                told = SendingStatus(status=state, holder=HOLDER, epoch=await self._lease(), reason=reason)
                await email_sending.tell(services, CALLER, email_id, told)

        self._site.run(tell())

    def report(self, **directions: str | None) -> None:
        """How the mailbox is doing: an error for each direction, None where all is well."""

        async def tell() -> None:
            reports = [
                mailbox.StatusReport(mailbox_id=BOX.id, direction=name, ok=error is None, error=error)
                for name, error in directions.items()
            ]
            await mailbox.report(await self._site.services(), CALLER, reports)

        self._site.run(tell())

    def respond_with(self, response_id: str, name: str, text: str, **more: Any) -> None:
        """A standard response of the tenant."""

        async def put() -> None:
            value = StandardResponse(id=response_id, name=name, text=text, **more)
            await standard_response.put(await self.editor(), value, None)

        self._site.run(put())
