"""Finds or makes the contacts that items name: by customerId, else by the one contact with that address."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.adapters.postgres.rows import json_rows

CONTACT_SQL = named_sql("contact")

_Contact = dict[str, Any]


class ContactWriting:
    """The part of `Writing` that is about contacts. Nothing is ever merged."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def match_contacts(
        self, contacts: Sequence[tuple[int, dict[str, Any]]], now: datetime
    ) -> dict[int, UUID]:
        if not contacts:
            return {}
        by_customer = {n: c for n, c in contacts if c.get("customerId")}
        by_address = {n: c for n, c in contacts if n not in by_customer and _addresses(c)}
        found = await self._by_customer(by_customer, now)
        found |= await self._by_address(by_address, now)
        nameless = {n: (uuid4(), c) for n, c in contacts if n not in found}
        await self._insert(list(nameless.values()), now)
        return found | {n: contact_id for n, (contact_id, _) in nameless.items()}

    async def _by_customer(self, contacts: dict[int, _Contact], now: datetime) -> dict[int, UUID]:
        wanted = {str(c["customerId"]): c for c in contacts.values()}
        known = await self._customers(list(wanted))
        new = sorted(set(wanted) - set(known))
        if new:
            # In one order, so that two intakes with the same new customers never deadlock.
            await self._insert([(uuid4(), wanted[customer]) for customer in new], now)
            known |= await self._customers(new)
        return {n: known[str(c["customerId"])] for n, c in contacts.items()}

    async def _customers(self, ids: list[str]) -> dict[str, UUID]:
        if not ids:
            return {}
        records = await self._connection.fetch(CONTACT_SQL["contacts_by_customer"], ids)
        return {record["customer_id"]: record["id"] for record in records}

    async def _by_address(self, contacts: dict[int, _Contact], now: datetime) -> dict[int, UUID]:
        if not contacts:
            return {}
        emails = sorted({address for c in contacts.values() for address in _emails(c)})
        phones = sorted({address for c in contacts.values() for address in _phones(c)})
        await self._connection.execute(CONTACT_SQL["lock_addresses"], sorted({*emails, *phones}))
        holders: dict[str, set[UUID]] = defaultdict(set)
        for record in await self._connection.fetch(CONTACT_SQL["contacts_by_address"], emails, phones):
            for address in (*record["emails"], *record["phones"]):
                holders[address].add(record["id"])
        found: dict[int, UUID] = {}
        new: list[tuple[UUID, _Contact]] = []
        for n, contact in contacts.items():
            owners = set[UUID]().union(*(holders[address] for address in _addresses(contact)))
            if len(owners) == 1:
                (found[n],) = owners
                continue
            found[n] = uuid4()
            new.append((found[n], contact))
            for address in _addresses(contact):
                holders[address].add(found[n])
        await self._insert(new, now)
        return found

    async def _insert(self, contacts: Sequence[tuple[UUID, _Contact]], now: datetime) -> None:
        if contacts:
            rows = [
                {
                    "id": contact_id,
                    "customer_id": contact.get("customerId"),
                    "name": contact.get("name"),
                    "emails": _emails(contact),
                    "phones": _phones(contact),
                    "language": contact.get("language"),
                }
                for contact_id, contact in contacts
            ]
            await self._connection.execute(CONTACT_SQL["insert_contacts"], json_rows(rows), now)


def _emails(contact: _Contact) -> list[str]:
    """Addresses in lower case: nobody tells mailboxes apart by it."""
    return [address.strip().lower() for address in contact.get("emails") or ()]


def _phones(contact: _Contact) -> list[str]:
    return ["".join(phone.split()) for phone in contact.get("phones") or ()]


def _addresses(contact: _Contact) -> list[str]:
    return [*_emails(contact), *_phones(contact)]
