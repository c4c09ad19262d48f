"""Erasure of a person's emails: what they wrote and who they are is blanked, with the originals; rows stay."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from openiwd.ports.tenant_store import Writing


async def erase_emails(tx: Writing, contact_id: UUID, addresses: Sequence[str]) -> dict[str, int]:
    """For the erasure of a contact, in its transaction: all emails of the contact's items, what lies aside from the
    contact's addresses, and when those were acknowledged last; how many, by place. What is being handed over in this
    instant is left: erase again when it is done.
    """
    threads = await tx.threads_of_contact(contact_id)
    small = [a.lower() for a in addresses]
    return {
        "emails": len(await tx.erase_emails(small, threads)),
        "automaticMails": await tx.erase_automatic_mails(small),
    }
