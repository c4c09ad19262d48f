"""Erasure of a contact's personal values: in items, events, notes, files, emails and records; with a certificate.

In chunks, each of them whole: what was cut off is finished by the next call. The mart follows at its next run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from msgspec import Meta, Struct

from openiwd.domain.errors import ConflictError, NotFoundError, OpenIwdError
from openiwd.domain.event import Event, EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller
from openiwd.domain.transition import erase
from openiwd.ports.erasure import Certificate, HeldItem
from openiwd.ports.tenant_store import Contact, Reading, Writing
from openiwd.usecases.command import Command, Result
from openiwd.usecases.configuration import Editor
from openiwd.usecases.email_erasure import erase_emails
from openiwd.usecases.work_item import apply

CHUNK: Final = 50
FINAL: Final = frozenset({"completed", "canceled", "rejected"})
MIN_VALUE: Final = 4
"""Shorter values are found everywhere, and prove nothing."""


class ErasureInput(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Why, and whether open items are to be emptied as well."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    open_items: bool = False
    dry_run: bool = False


class ErasurePlan(Struct, kw_only=True, rename="camel"):
    """What an erasure would blank, by place."""

    contact_id: UUID
    items: int
    open_items: int
    counts: dict[str, int]


async def plan(editor: Editor, contact_id: UUID) -> ErasurePlan:
    """What there is of a contact; changes nothing."""
    editor.caller.require("contacts.erase")
    async with editor.services.runtime.store.reading() as reading:
        contact = await _contact(reading, contact_id)
        items = await reading.items_of_contact(contact_id)
        gone = await reading.gone_items_of_contact(contact_id)
        counts = await reading.around_counts(
            [*(i.id for i in items), *gone], [i.number for i in items], contact.emails
        )
    open_items = sum(i.status not in FINAL for i in items)
    return ErasurePlan(
        contact_id=contact_id, items=len(items), open_items=open_items, counts={**counts, "gone": len(gone)}
    )


async def erase_contact(editor: Editor, contact_id: UUID, data: ErasureInput) -> Certificate:
    """Blanks what there is of the contact; again for one that is erased: its certificate.

    ConflictError `openItems` while it has open items, unless those are to be emptied too.
    """
    editor.caller.require("contacts.erase")
    runtime = editor.services.runtime
    async with runtime.store.reading() as reading:
        if await reading.is_erased(contact_id):
            return (await reading.erasures(contact_id, 1))[0]
        contact = await _contact(reading, contact_id)
        items = await reading.items_of_contact(contact_id)
        gone = await reading.gone_items_of_contact(contact_id)
    open_items = [i for i in items if i.status not in FINAL]
    if open_items and not data.open_items:
        raise ConflictError(
            f"{len(open_items)} items of this contact are open",
            code="openItems",
            field="openItems",
            hint="finish them first, or say openItems: true to empty them as well",
            items=len(open_items),
        )
    counts = Counter[str]()
    for start in range(0, len(items), CHUNK):
        counts += await _erase_items(editor, items[start : start + CHUNK], editor.caller)
    for start in range(0, len(gone), CHUNK):
        async with runtime.store.writing() as tx:
            counts["events"] += await tx.erase_events(gone[start : start + CHUNK])
    return await _finish(editor, contact, data.reason, counts, gone, [i.number for i in items])


async def _erase_items(editor: Editor, items: Sequence[HeldItem], caller: Caller) -> Counter[str]:
    """One transaction: the items, their earlier events, and what lies around them."""
    counts = Counter[str]()

    async def around(tx: Writing, results: Sequence[Result]) -> None:
        counts.clear()
        failed = next((r for r in results if isinstance(r, OpenIwdError)), None)
        if failed is not None:
            raise failed
        counts["items"] = len(items)
        counts["events"] = await tx.erase_events([i.id for i in items])
        counts.update(await tx.erase_around([i.number for i in items]))

    commands = [
        Command(action=Action.UPDATE, caller=caller, item_id=i.id, internal=True, custom=erase) for i in items
    ]
    await apply(editor.services.runtime, commands, also=around, always=True)
    return counts


async def _finish(
    editor: Editor,
    contact: Contact,
    reason: str,
    counts: Counter[str],
    gone: Sequence[UUID],
    numbers: Sequence[int],
) -> Certificate:
    """The contact itself, the proof, and the certificate; last, so that a call that was cut off finds its way back."""
    runtime, now = editor.services.runtime, editor.services.runtime.now()
    async with runtime.store.reading() as reading:
        answers = await reading.answers_with(values_of(contact))
    async with runtime.store.writing() as tx:
        counts["answers"] = await tx.erase_answers(numbers, answers)
        counts.update(await erase_emails(tx, contact.id, contact.emails))
        if await tx.emails_on_the_way(contact.id):
            raise ConflictError(
                "an email of this contact is just being sent",
                code="emailOnTheWay",
                hint="ask again in a moment: what is erased already stays so",
            )
        await tx.erase_contact(contact.id, now)
        # Items that are gone have no event of their own: the data mart finds them here.
        body = {"kind": "contact", "id": str(contact.id), "items": [str(i) for i in gone]}
        event = Event(
            type=EventType.CONTACT_ERASED, at=now, actor=editor.caller.actor, subject_id=str(contact.id),
            body=body,
        )  # fmt: skip
        await tx.append_events([event])
    runtime.committed()
    async with runtime.store.reading() as reading:
        remaining = await reading.places_of_values(values_of(contact))
    certificate = Certificate(
        id=runtime.new_id(), contact_id=contact.id, at=now, actor=editor.caller.actor, reason=reason,
        counts={place: n for place, n in counts.items() if n}, remaining=remaining,
    )  # fmt: skip
    async with runtime.store.writing() as tx:
        await tx.save_erasure(certificate)
    await editor.note("erased", "contact", str(contact.id), after=certificate)
    return certificate


async def certificates(editor: Editor, contact_id: UUID | None, limit: int) -> list[Certificate]:
    """Certificates of erasures, newest first."""
    editor.caller.require("contacts.erase")
    async with editor.services.runtime.store.reading() as reading:
        return await reading.erasures(contact_id, limit)


async def find_values(editor: Editor, values: Sequence[str]) -> dict[str, int]:
    """The proof by itself: where some values are found now, by place. Reads all of the tenant's database."""
    editor.caller.require("contacts.erase")
    async with editor.services.runtime.store.reading() as reading:
        return await reading.places_of_values([v for v in values if len(v) >= MIN_VALUE])


def values_of(contact: Contact) -> list[str]:
    """The values that tell who a contact is, those long enough to be looked for."""
    named: list[Any] = [contact.customer_id, contact.name, *contact.emails, *contact.phones]
    return [str(v) for v in named if v and len(str(v)) >= MIN_VALUE]


async def _contact(reading: Reading, contact_id: UUID) -> Contact:
    found = await reading.contact(contact_id)
    if found is None:
        raise NotFoundError(f"there is no contact {contact_id}", field="id")
    return found
