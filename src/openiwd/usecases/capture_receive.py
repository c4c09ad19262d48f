"""Messages that are sent to a capture point rather than read by it: answered at once, refused ones with their
reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from openiwd.domain.capture.answer import Answer
from openiwd.domain.errors import ConflictError, NotFoundError
from openiwd.domain.privilege import Caller
from openiwd.ports.capture import SourceRecord
from openiwd.ports.tenant_store import Writing
from openiwd.usecases.capture_batch import OpenedPoint, Plan, count, opened, planned, run
from openiwd.usecases.capture_point import stored_points

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

RECEIVES = frozenset({"rest"})
"""Kinds of capture points that are sent messages by the API."""


async def point_for(services: TenantServices, point_id: str, kinds: frozenset[str] = RECEIVES) -> OpenedPoint:
    """The capture point, ready to take what is sent to it; ConflictError when it is disabled or of another kind."""
    async with services.runtime.store.reading() as reading:
        found = next((p.point for p in await stored_points(reading) if p.point.id == point_id), None)
    if found is None:
        raise NotFoundError(f"there is no capture point '{point_id[:80]}'", field="id", hint="see the list")
    if found.kind not in kinds:
        raise ConflictError(
            f"'{point_id}' reads from {found.kind}", code="notReceiving", hint="send to a point of kind rest"
        )
    if not found.enabled:
        raise ConflictError(f"'{point_id}' is disabled", code="disabled", hint="enable the capture point")
    return opened(found, services.tenant.id)


async def receive(
    services: TenantServices, point: OpenedPoint, records: Sequence[SourceRecord], caller: Caller | None
) -> list[Answer]:
    """Takes the records in order in one transaction and answers each; with a caller, within what they may do."""
    if caller is not None:
        point = replace(point, caller=caller)
    plans = [planned(point, record) for record in records]

    async def nothing_more(_: Writing, __: Sequence[Plan]) -> None:
        return None

    await run(services, point, plans, nothing_more)
    answers = [plan.answer for plan in plans if plan.answer is not None]
    count(services, point, answers)
    return answers
