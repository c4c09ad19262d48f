"""What lies around a tenant's items on a real database: notes, contacts, the clock, places, answers kept, bulk runs."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.domain.errors import ConflictError
from openiwd.ports.tenant_store import (
    AttachmentInfo,
    Note,
    TransactionRetryError,
)
from tests.factories.stored_item import (
    LATE,
    START,
    store_items,
    stored_item,
)

# Around an item


async def test_notes_attachments_and_links(store: PostgresTenantStore) -> None:
    one, two = await store_items(store, [stored_item("a", subject="A"), stored_item("b", subject="B")])
    note = Note(id=uuid4(), at=START, author="anna", text="look")
    info = AttachmentInfo(
        id=uuid4(), at=START, author="anna", file_name="x.pdf", content_type="application/pdf", size=3
    )
    async with store.writing() as tx:
        await tx.add_note(one.number, note)
        await tx.add_attachment(one.number, info, b"\x00\x01\x02")
        await tx.add_link(one.number, "duplicateOf", two.number, START, "anna")
        await tx.add_link(one.number, "duplicateOf", two.number, START, "anna")
    async with store.reading() as reading:
        assert await reading.notes(one.number) == [note]
        assert await reading.attachments(one.number) == [info]
        assert await reading.attachment(one.number, info.id) == (info, b"\x00\x01\x02")
        assert await reading.attachment(two.number, info.id) is None, "of that item only"
        (out,), (back,) = await reading.links(one.number), await reading.links(two.number)
    assert (out.kind, out.item_id, out.subject, out.incoming) == ("duplicateOf", two.id, "B", False)
    assert (back.kind, back.item_id, back.subject, back.incoming) == ("duplicateOf", one.id, "A", True)


# Contacts


async def match(store: PostgresTenantStore, *contacts: dict[str, Any]) -> list[UUID]:
    async with store.writing() as tx:
        found = await tx.match_contacts(list(enumerate(contacts)), START)
    return [found[n] for n in range(len(contacts))]


async def test_a_contact_is_matched_by_customer_then_by_one_address(store: PostgresTenantStore) -> None:
    anna, bob = await match(
        store,
        {"customerId": "c1", "name": "Anna", "emails": ["anna@x.example"]},
        {"emails": ["bob@x.example"], "phones": ["+49 40 1"]},
    )
    assert anna != bob
    assert await match(store, {"customerId": "c1"}, {"emails": ["BOB@X.example"]}) == [anna, bob]
    assert await match(store, {"phones": ["+49401"]}) == [bob]
    assert await match(store, {"emails": ["anna@x.example"]}) == [anna]
    (both,) = await match(store, {"emails": ["anna@x.example", "bob@x.example"]})
    assert both not in (anna, bob), "two have these addresses: never merged"
    (other,) = await match(store, {"customerId": "c2", "emails": ["anna@x.example"]})
    assert other != anna
    nameless = await match(store, {"name": "N."}, {"name": "N."}, {})
    assert len(set(nameless)) == 3
    assert await match(store) == []


async def test_new_contacts_of_a_batch_are_one_each(store: PostgresTenantStore) -> None:
    found = await match(
        store,
        {"customerId": "c"},
        {"customerId": "c"},
        {"emails": ["a@b.example"]},
        {"emails": ["A@b.example"]},
    )
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert found[0] != found[2]


async def test_intakes_at_once_make_a_new_contact_once(store: PostgresTenantStore) -> None:
    names = [{"customerId": f"c{n}"} for n in range(20)] + [
        {"emails": [f"e{n}@x.example"]} for n in range(20)
    ]
    found = await asyncio.gather(*(match(store, *names[::step]) for step in (1, -1) * 4))
    for n, one in enumerate(found):
        assert one[:: -1 if n % 2 else 1] == found[0]


# Clock, places, idempotency, jobs


async def test_the_virtual_clock_never_goes_back(store: PostgresTenantStore) -> None:
    async with store.writing() as tx:
        assert await tx.virtual_now() is None
        assert await tx.set_virtual_now(LATE) == LATE
        assert await tx.set_virtual_now(START) == LATE
    async with store.reading() as reading:
        assert await reading.virtual_now() == LATE


async def test_a_checkpoint_moves_with_its_transaction(store: PostgresTenantStore) -> None:
    async with store.writing() as tx:
        await tx.save_checkpoint("replay", {"row": 5})
        await tx.save_checkpoint("list", [1, [2]])
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - all of it is one transaction
        async with store.writing() as tx:
            await tx.save_checkpoint("replay", {"row": 9})
            raise ZeroDivisionError
    async with store.reading() as reading:
        assert await reading.checkpoint("replay") == {"row": 5}
        assert await reading.checkpoint("list") == [1, [2]]
        assert await reading.checkpoint("none") is None


async def test_an_idempotency_key_has_one_answer(store: PostgresTenantStore) -> None:
    async with store.writing() as tx:
        await tx.save_idempotent("k", b"hash", 201, {"id": 1})
    with pytest.raises(ConflictError):
        async with store.writing() as tx:
            await tx.save_idempotent("k", b"other", 200, None)
    async with store.reading() as reading:
        assert await reading.idempotent("k") == (b"hash", 201, {"id": 1})
        assert await reading.idempotent("none") is None


async def test_a_bulk_job_is_worked_off(store: PostgresTenantStore) -> None:
    items = await store_items(store, [stored_item(f"c{n}") for n in range(4)])
    job_id = uuid4()
    job = {
        "id": job_id,
        "action": "hold",
        "request": {"x": 1},
        "actor": "user:a",
        "dry_run": False,
        "created_at": START,
    }
    async with store.writing() as tx:
        await tx.create_bulk_job(job, [i.number for i in items])
    async with store.reading() as reading:
        assert await reading.unfinished_bulk_jobs() == [job_id]
        assert await reading.bulk_waiting(job_id, 2) == [(1, items[0].number), (2, items[1].number)]
    async with store.writing() as tx:
        await tx.record_bulk(job_id, [(1, "done", {"a": 1}), (2, "error", [1]), (3, "unchanged", None)])
        await tx.record_bulk(job_id, [])
    with pytest.raises(TransactionRetryError):  # another process was quicker: its answers stand
        async with store.writing() as tx:
            await tx.record_bulk(job_id, [(4, "done", None), (1, "error", None)])
    async with store.reading() as reading:
        assert await reading.bulk_waiting(job_id, 9) == [(4, items[3].number)]
        results = await reading.bulk_results(job_id, 1, 10)
        found = await reading.bulk_job(job_id)
    assert [(r["ordinal"], r["itemNumber"], r["outcome"], r["detail"]) for r in results] == [
        (2, items[1].number, "error", [1]),
        (3, items[2].number, "unchanged", None),
    ]
    assert found is not None
    assert (found["total"], found["done"], found["failed"], found["createdAt"]) == (4, 3, 1, START)
    async with store.writing() as tx:
        await tx.finish_bulk_job(job_id, "canceled", None, LATE)
        await tx.finish_bulk_job(job_id, "done", None, LATE)
    async with store.reading() as reading:
        (listed,) = await reading.bulk_jobs(10)
        assert (listed["status"], listed["finishedAt"]) == ("canceled", LATE)
        assert await reading.unfinished_bulk_jobs() == []
        assert await reading.bulk_job(uuid4()) is None
