"""How an item's priority moves: its curve, and the instants at which something happens on it. Reads only."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Final
from uuid import UUID

from msgspec import Struct

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.privilege import Caller
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.schema import Schema, Standing, next_bend_at, priority_at, samples, shown
from openiwd.domain.work_item import Status, WorkItem
from openiwd.ports.tenant_store import SearchQuery
from openiwd.usecases.item_detail import read
from openiwd.usecases.item_view import standing_of

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

MAX_CURVE: Final = timedelta(days=3_660)
MAX_BENDS: Final = 500
NEIGHBOURS: Final = 50
"""How many of the queue's first items are looked at for meetings."""
MAX_MEETINGS: Final = 200


class CurvePoint(Struct, rename="camel"):
    at: datetime
    priority: int | float


class Crossing(Struct, rename="camel"):
    """An instant at which something happens on the curve."""

    at: datetime
    kind: str
    """`bend` (the curve changes), `due` (the due date), `overtakes` or `overtakenBy` (another item of the queue)."""
    priority: int | float
    item: UUID | None = None


class Curve(Struct, kw_only=True, rename="camel"):
    """The item's priority between two instants: straight lines join the points."""

    id: UUID
    schema_id: str | None
    points: list[CurvePoint]
    crossings: list[Crossing]


async def curve(
    services: TenantServices,
    caller: Caller,
    reference: str,
    start: datetime | None,
    end: datetime | None,
    capture_point: str | None = None,
) -> Curve:
    """The priority curve of an item, with bends, due date and the neighbours in the queue that it meets."""
    item = await read(services, caller, reference, capture_point)
    runtime = services.runtime
    rules, now = await runtime.rules(), runtime.now()
    start = start or item.anchor_at or item.created_at
    end = end or max(now + (now - start), now + timedelta(days=1))
    if end <= start:
        raise InvalidInputError(
            "the curve would end before it begins", field="to", hint="name a later instant"
        )
    if end - start > MAX_CURVE:
        raise InvalidInputError(
            "the time asked for is too long", field="to", hint=f"at most {MAX_CURVE.days} days"
        )
    stands = standing_of(item, rules)
    if stands is None:
        fixed = item.priority_fixed
        points = [] if fixed is None else [CurvePoint(start, fixed), CurvePoint(end, fixed)]
        return Curve(id=item.id, schema_id=None, points=points, crossings=[])
    schema, standing = stands
    drawn = samples(schema, standing, to_micros(start), to_micros(end))
    crossings = _bends(schema, standing, to_micros(start), to_micros(end))
    if item.due_at is not None and start <= item.due_at <= end:
        crossings.append(
            Crossing(item.due_at, "due", shown(priority_at(schema, standing, to_micros(item.due_at))))
        )
    if item.status is Status.QUEUED and end > now:
        neighbours = await _neighbours(services, caller, rules, item, now)
        crossings += _meetings(schema, standing, neighbours, to_micros(max(start, now)), to_micros(end))
    crossings.sort(key=lambda c: c.at)
    return Curve(
        id=item.id,
        schema_id=schema.id,
        points=[CurvePoint(from_micros(at), shown(p)) for at, p in drawn],
        crossings=crossings,
    )


def _bends(schema: Schema, standing: Standing, start: int, end: int) -> list[Crossing]:
    found: list[Crossing] = []
    at = next_bend_at(schema, standing, start)
    while at is not None and at <= end and len(found) < MAX_BENDS:
        found.append(Crossing(from_micros(at), "bend", shown(priority_at(schema, standing, at))))
        at = next_bend_at(schema, standing, at)
    return found


async def _neighbours(
    services: TenantServices, caller: Caller, rules: CompiledRuleSet, item: WorkItem, now: datetime
) -> list[tuple[UUID | None, Schema, Standing]]:
    """The first items of the same queue, with what their priorities are made of; those out of reach without an id."""
    waiting = {
        "all": [
            {"attribute": "queue", "operator": "eq", "value": item.queue_id},
            {"attribute": "status", "operator": "eq", "value": "queued"},
        ]
    }
    query = SearchQuery(
        filter=waiting, limit=NEIGHBOURS, with_count=False, schemas=dict(rules.schemas), now=now
    )
    async with services.runtime.store.reading() as reading:
        page = await reading.search(query)
    found: list[tuple[UUID | None, Schema, Standing]] = []
    for other in page.items:
        stands = standing_of(other, rules)
        if other.id != item.id and stands is not None:
            found.append((other.id if caller.sees("workitems.read", other) else None, *stands))
    return found


def _meetings(
    schema: Schema,
    standing: Standing,
    others: list[tuple[UUID | None, Schema, Standing]],
    start: int,
    end: int,
) -> list[Crossing]:
    """Where the item's line crosses those of others: between two instants of both drawings, all lines are straight."""
    own = _instants(schema, standing, start, end)
    met: list[Crossing] = []
    for other_id, other_schema, other in others:
        instants = sorted(own | _instants(other_schema, other, start, end))
        lead: Fraction | None = None
        last = start
        for at in instants:
            ahead = priority_at(schema, standing, at) - priority_at(other_schema, other, at)
            if lead is not None and lead != 0 and ahead != 0 and (lead < 0) != (ahead < 0):
                meeting = last + int((at - last) * lead / (lead - ahead))
                kind = "overtakes" if ahead > 0 else "overtakenBy"
                value = shown(priority_at(schema, standing, meeting))
                met.append(Crossing(from_micros(meeting), kind, value, other_id))
            if ahead != 0:
                lead, last = ahead, at
    return sorted(met, key=lambda c: c.at)[:MAX_MEETINGS]


def _instants(schema: Schema, standing: Standing, start: int, end: int) -> set[int]:
    """Where the drawing bends, and the microsecond before, so that a jump is no slope."""
    drawn = {at for at, _ in samples(schema, standing, start, end)}
    return drawn | {at - 1 for at in drawn if at > start}
