"""Reads contacts: one by id, and lists of those that a text fits."""

from __future__ import annotations

from uuid import UUID

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.ports.tenant_store import Contact

CONTACT_SQL = named_sql("contact")


class ContactReading:
    """The part of `Reading` that is about contacts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def contact(self, contact_id: UUID) -> Contact | None:
        record = await self._connection.fetchrow(CONTACT_SQL["contact"], contact_id)
        return None if record is None else Contact(**dict(record.items()))

    async def contacts(self, text: str | None, after: UUID | None, limit: int) -> list[Contact]:
        pattern = (
            None
            if text is None
            else "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        )
        word = None if text is None else text.strip().lower()
        records = await self._connection.fetch(CONTACT_SQL["contacts"], pattern, word, after, limit)
        return [Contact(**dict(record.items())) for record in records]
