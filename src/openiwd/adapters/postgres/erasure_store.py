"""Personal values found and blanked, and rules of how long items are kept. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec.structs import asdict

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.adapters.postgres.rows import containing
from openiwd.ports.erasure import AgedItem, Certificate, HeldItem

_SQL: Final = named_sql("erasure")


class ErasureReading:
    """The part of `Reading` that erasure and retention need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def items_of_contact(self, contact_id: UUID) -> list[HeldItem]:
        found = await self._connection.fetch(_SQL["items_of_contact"], contact_id)
        return [HeldItem(r["id"], r["number"], r["status"]) for r in found]

    async def gone_items_of_contact(self, contact_id: UUID) -> list[UUID]:
        found = await self._connection.fetch(_SQL["gone_items_of_contact"], str(contact_id))
        return [r["item_id"] for r in found]

    async def around_counts(
        self, ids: Sequence[UUID], numbers: Sequence[int], addresses: Sequence[str]
    ) -> dict[str, int]:
        record = await self._connection.fetchrow(
            _SQL["around_counts"], list(ids), list(numbers), [a.lower() for a in addresses]
        )
        return {} if record is None else dict(record.items())

    async def places_of_values(self, values: Sequence[str]) -> dict[str, int]:
        if not values:
            return {}
        found: dict[str, int] = {}
        for value in values:
            patterns = [containing(value)]
            for r in await self._connection.fetch(_SQL["places_of_values"], patterns, value.encode()):
                found[r["place"]] = max(found.get(r["place"], 0), r["n"])
        return found

    async def answers_with(self, values: Sequence[str]) -> list[str]:
        found = await self._connection.fetch(_SQL["answers_with"], [containing(value) for value in values])
        return [r["key"] for r in found]

    async def erasures(self, contact_id: UUID | None, limit: int) -> list[Certificate]:
        found = await self._connection.fetch(_SQL["erasures"], contact_id, limit)
        return [Certificate(**dict(r.items())) for r in found]

    async def is_erased(self, contact_id: UUID) -> bool:
        return bool(
            await self._connection.fetchval(
                "SELECT erased_at IS NOT NULL FROM contact WHERE id = $1", contact_id
            )
        )

    async def retention(self) -> tuple[dict[str, Any], int]:
        record = await self._connection.fetchrow(_SQL["retention"])
        return ({}, 0) if record is None else (record["body"], record["revision"])

    async def kept_too_long(
        self,
        statuses: Sequence[str],
        before: datetime,
        path: str | None,
        earlier: Sequence[tuple[str | None, str | None]],
        limit: int,
    ) -> list[AgedItem]:
        below = (
            None
            if path is None
            else path.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "/%"
        )
        found = await self._connection.fetch(
            _SQL["kept_too_long"], list(statuses), before, path, below,
            [status for status, _ in earlier], [category for _, category in earlier], limit,
        )  # fmt: skip
        return [AgedItem(**dict(r.items())) for r in found]


class ErasureWriting:
    """The part of `Writing` that erasure and retention need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def erase_events(self, ids: Sequence[UUID]) -> int:
        return _count(await self._connection.execute(_SQL["erase_events"], list(ids)))

    async def erase_around(self, numbers: Sequence[int]) -> dict[str, int]:
        counts = dict[str, int]()
        for place in ("notes", "attachments", "records"):
            counts[place] = _count(await self._connection.execute(_SQL[f"erase_{place}"], list(numbers)))
        return counts

    async def erase_answers(self, numbers: Sequence[int], keys: Sequence[str]) -> int:
        return _count(await self._connection.execute(_SQL["erase_answers"], list(numbers), list(keys)))

    async def erase_automatic_mails(self, addresses: Sequence[str]) -> int:
        return _count(await self._connection.execute(_SQL["erase_automatic_mails"], list(addresses)))

    async def emails_on_the_way(self, contact_id: UUID) -> bool:
        return bool(await self._connection.fetchval(_SQL["emails_on_the_way"], contact_id))

    async def erase_contact(self, contact_id: UUID, at: datetime) -> None:
        await self._connection.execute(_SQL["erase_contact"], contact_id, at)

    async def save_erasure(self, certificate: Certificate) -> None:
        await self._connection.execute(_SQL["save_erasure"], *asdict(certificate).values())

    async def save_retention(self, body: dict[str, Any], revision: int | None) -> int | None:
        stored: int | None = await self._connection.fetchval(_SQL["save_retention"], body, revision)
        return stored

    async def erase_personal_of_gone(self, before: datetime, limit: int) -> int:
        count: int = await self._connection.fetchval(_SQL["personal_of_gone"], before, limit)
        return count


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[-1])
