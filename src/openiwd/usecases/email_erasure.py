"""Erasure of a person's emails: what they wrote and who they are is blanked, with the originals; rows stay."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from openiwd.ports.tenant_store import Writing


async def erase_emails(tx: Writing, contact_id: UUID, addresses: Sequence[str]) -> int:
    """For the erasure of a contact, in its transaction: all emails of the contact's items, and what lies aside from the
    contact's addresses; how many. What is being handed over in this instant is left: erase again when it is done.
    """
    threads = await tx.threads_of_contact(contact_id)
    return len(await tx.erase_emails([a.lower() for a in addresses], threads))
