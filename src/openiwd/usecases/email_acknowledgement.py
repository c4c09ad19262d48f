"""The automatic answer to new mail: prepared beside the intake, written in its transaction, never in a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from openiwd.domain.email.acknowledgement import QUIET, loop_count, refusal
from openiwd.domain.email.address import Address, domain_of, normal
from openiwd.domain.email.mailbox import Mailbox
from openiwd.domain.email.message import EmailKind, ParsedEmail
from openiwd.domain.email.outbound import Composition, SendingState, compose, reply_references, reply_subject
from openiwd.domain.email.standard_response import fill
from openiwd.domain.email.token import message_id_for
from openiwd.domain.privilege import system
from openiwd.ports.email import StoredEmail
from openiwd.ports.tenant_store import Writing
from openiwd.usecases.email_writing import stored_outbound

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

AUTHOR: Final = system("email").actor


class Prepared(NamedTuple):
    """An acknowledgement that is to go out, whole."""

    email: StoredEmail
    raw: bytes
    to: str

    async def write(self, tx: Writing, thread_id: UUID) -> bool:
        """Queues it; False when another one to the same address came in between."""
        if not await tx.claim_automatic_mail(self.to, self.email.at, self.email.at - QUIET):
            return False
        self.email.thread_id = thread_id
        await tx.keep_email_content(self.email.sha256, self.raw)
        return await tx.add_email(self.email)


async def prepare(
    services: TenantServices,
    mailbox: Mailbox,
    own_addresses: Collection[str],
    parsed: ParsedEmail,
    kind: EmailKind,
) -> Prepared | str | None:
    """The acknowledgement, or why there is none; None where the mailbox wants none."""
    if not mailbox.acknowledgement.enabled or not mailbox.sends:
        return None
    runtime = services.runtime
    sender = parsed.sender
    last = None
    if sender is not None:
        async with runtime.store.reading() as reading:
            last = await reading.last_automatic_mail(sender.address)
    why_not = refusal(parsed, kind, own_addresses, last, runtime.now())
    if why_not is None and (sender is None or not sender.address.isascii()):
        why_not = "the sender's address cannot be written to"
    if why_not is not None or sender is None:
        return why_not
    email_id = runtime.new_id()
    composition = await _composition(services, mailbox, parsed, sender, email_id)
    raw = await asyncio.to_thread(compose, composition)
    email = await stored_outbound(
        runtime, AUTHOR, composition, mailbox.id, raw, email_id, SendingState.QUEUED
    )
    return Prepared(email, raw, sender.address)


async def _composition(
    services: TenantServices, mailbox: Mailbox, parsed: ParsedEmail, sender: Address, email_id: UUID
) -> Composition:
    runtime = services.runtime
    values = {
        "contact.name": sender.name,
        "contact.email": sender.address,
        "item.subject": parsed.subject,
        "item.received": runtime.now().strftime("%Y-%m-%d %H:%M %Z"),
        "mailbox.name": mailbox.display_name or mailbox.name,
        "mailbox.address": mailbox.address,
    }
    answer = mailbox.acknowledgement
    own_subject = fill(answer.subject, values).text.strip()
    return Composition(
        kind=EmailKind.OUTBOUND_ACKNOWLEDGEMENT,
        message_id=message_id_for(
            email_id, domain_of(normal(mailbox.address)), await services.email_tools.mark_key(runtime)
        ),
        date=runtime.now().replace(microsecond=0),
        sender=Address(mailbox.display_name or mailbox.name, normal(mailbox.address)),
        to=[sender],
        subject=own_subject or reply_subject(parsed.subject),
        text=fill(answer.text, values).text,
        in_reply_to=parsed.message_id,
        references=reply_references(parsed),
        loops=loop_count(parsed),
    )
