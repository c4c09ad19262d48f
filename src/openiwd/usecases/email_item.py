"""The item that an email becomes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from openiwd.domain.email.address import Address
from openiwd.domain.work_item import ContactInput, ItemSubmission
from openiwd.ports.email import StoredEmail
from openiwd.usecases.command import Done, Result

CAPTURE_POINT: Final = "email"
MAX_DESCRIPTION: Final = 8_000
MAX_NAMED: Final = 50
MAX_NAMED_BYTES: Final = 8_000
"""Of the addresses in each list: with them, the data of an item stays within its limit."""


def created_number(results: Sequence[Result]) -> int | None:
    """The number of the item that was created; what was done to it afterwards knows it."""
    done = [r for r in results if isinstance(r, Done)]
    created = next((r.item.id for r in done if r.created), None)
    return None if created is None else max(r.item.number for r in done if r.item.id == created)


def submission_of(
    email: StoredEmail, *, category: str, created: datetime | None, adjustment: int | None = None
) -> ItemSubmission:
    """The item that an email becomes. The same email makes one item, whoever asks."""
    contact = None
    if email.sender is not None:
        contact = ContactInput(name=email.sender_name or None, emails=[email.sender])
    return ItemSubmission(
        capture_id=f"{email.mailbox_id}/{email.sha256.hex()[:40]}",
        capture_point=CAPTURE_POINT,
        media_type="email",
        channel="email",
        category=category or None,
        priority_adjustment=adjustment,
        created_date_time=created,
        subject=email.subject or None,
        description=email.text_new.strip()[:MAX_DESCRIPTION] or None,
        contact=contact,
        data={
            "email": {
                "id": str(email.id),
                "mailbox": email.mailbox_id,
                "kind": email.kind.value,
                "from": email.sender,
                "to": _named(email.people.to),
                "cc": _named(email.people.cc),
                "attachments": len(email.files),
                "size": email.size,
                **({"language": email.language} if email.language else {}),
            }
        },
    )


def _named(people: Sequence[Address]) -> list[str]:
    """The first of them, for rules; the email itself has all."""
    found, left = [], MAX_NAMED_BYTES
    for person in people[:MAX_NAMED]:
        left -= len(person.address.encode())
        if left < 0:
            break
        found.append(person.address)
    return found
