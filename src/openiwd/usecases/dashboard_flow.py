"""Dashboards of the flow: what came in and was finished span by span, in time or not, and from which capture point."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from openiwd.domain.dashboard import Flow, Period, covered, lies_below, spans, total_flow
from openiwd.domain.privilege import Caller, Scope
from openiwd.ports.dashboard import Arrival, Finish
from openiwd.usecases.dashboard import reach, zone_of

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices


class CapturePointLine(Struct, kw_only=True, rename="camel"):
    """What came from a capture point in the period."""

    id: str
    name: str | None
    arrived: int
    last_at: datetime | None
    by_span: list[int]


class FlowBoard(Struct, kw_only=True, rename="camel"):
    """What came in and was finished, span by span."""

    at: datetime
    start: datetime
    end: datetime
    period: Period
    total: Flow
    spans: list[Flow]
    capture_points: list[CapturePointLine]


class _Moved(Struct):
    at: datetime
    spans: list[datetime]
    arrivals: list[Arrival]
    finished: list[Finish]


async def _moved(services: TenantServices, period: Period) -> _Moved:
    async def count() -> _Moved:
        now = services.runtime.now()
        between = spans(period, now, zone_of(services))
        async with services.runtime.store.reading() as reading:
            return _Moved(now, between, await reading.arrivals(between), await reading.finished(between))

    return await services.counts.get(("flow", period), count)


async def flow(
    services: TenantServices, caller: Caller, period: Period = Period.TODAY, department: str | None = None
) -> FlowBoard:
    """What came in and was finished in the period, within the caller's scope."""
    scope = reach(caller)
    moved = await _moved(services, period)
    lines = [Flow(start=at) for at in moved.spans[:-1]]
    points: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(lines))
    last: dict[str, datetime] = {}
    for row in moved.arrivals:
        if lies_below(row.category_path, department) and covered(
            caller, scope, row.category_path, row.queue_id
        ):
            lines[row.span].arrived += row.items
            points[row.capture_point][row.span] += row.items
            last[row.capture_point] = max(row.last_at, last.get(row.capture_point, row.last_at))
    for done in moved.finished:
        if lies_below(done.category_path, department) and covered(
            caller, scope, done.category_path, done.queue_id
        ):
            line = lines[done.span]
            line.finished += done.items
            line.measured += done.measured
            line.in_time += done.in_time
    return FlowBoard(
        at=moved.at,
        start=moved.spans[0],
        end=moved.spans[-1],
        period=period,
        total=total_flow(lines, moved.spans[0]),
        spans=lines,
        capture_points=await _capture_points(services, points, last, len(lines), whole=scope is Scope.ALL),
    )


async def _capture_points(
    services: TenantServices,
    points: dict[str, list[int]],
    last: dict[str, datetime],
    count: int,
    *,
    whole: bool,
) -> list[CapturePointLine]:
    """Those configured, even if nothing came from them, and those that items came from."""

    async def read() -> dict[str, str]:
        async with services.runtime.store.reading() as reading:
            return {o["id"]: o["name"] for o in await reading.objects("capture_point")}

    names = await services.counts.get("capture_points", read)
    shown = {*points, *(names if whole else ())}
    return [
        CapturePointLine(
            id=point,
            name=names.get(point),
            arrived=sum(points.get(point, ())),
            last_at=last.get(point),
            by_span=points.get(point) or [0] * count,
        )
        for point in sorted(shown, key=lambda p: ((names.get(p) or p).casefold(), p))
    ]
