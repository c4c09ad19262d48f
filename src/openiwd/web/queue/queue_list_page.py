"""The queues as a list: what waits in each now, and the first of its live order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from litestar import Response, get

from openiwd.domain.queue import Queue
from openiwd.usecases import search
from openiwd.usecases.search import Place, QueueCount
from openiwd.web.item.directory import shown_by
from openiwd.web.item.row_view import Shown, priority_text
from openiwd.web.queue.queue_filter import QueueFilter
from openiwd.web.shell.passing_on import by_decider_if_any
from openiwd.web.shell.visit import CurrentVisit

FIRST = 3


class FirstItem(NamedTuple):
    id: str
    subject: str
    priority: str


class QueueLine(NamedTuple):
    name: str
    href: str
    waiting: int
    waiting_href: str
    assigned: int
    held: int
    overdue: int
    overdue_href: str
    delivery: str
    groups: str
    hours: str
    first: list[FirstItem]


def groups_text(queue: Queue, names: Mapping[str, str], shown: Shown) -> str:
    """Which groups the queue serves, and from when on."""
    if not queue.groups:
        return shown.t("queues.everybody")
    return ", ".join(
        name if not delay else f"{name} (+{shown.times.round_duration(delay / 1_000_000)})"
        for name, delay in ((names.get(g.group, g.group), g.delay) for g in queue.groups)
    )


def _line(
    queue: Queue,
    counts: Sequence[QueueCount],
    places: Sequence[Place],
    groups: Mapping[str, str],
    shown: Shown,
) -> QueueLine:
    chosen = QueueFilter(queue=queue.id)
    waiting = chosen._replace(status=("queued",))
    mine = [c for c in counts if c.queue == queue.id]

    def count(*statuses: str) -> int:
        return sum(c.count for c in mine if c.status in statuses)

    first = [
        FirstItem(
            str(place.item.id),
            place.item.subject or shown.t("queue.no_subject"),
            priority_text(place.item.priority) if place.item.priority is not None else "–",
        )
        for place in places
    ]
    calendars = {c.id: c.name for c in shown.rules.document.calendars} if shown.rules is not None else {}
    return QueueLine(
        name=queue.name,
        href=chosen.address(),
        waiting=count("queued"),
        waiting_href=waiting.address(),
        assigned=count("assigned"),
        held=count("held", "errorheld"),
        overdue=sum(c.overdue for c in mine),
        overdue_href=chosen._replace(overdue=True).address(),
        delivery=queue.delivery.value,
        groups=groups_text(queue, groups, shown),
        hours=calendars.get(queue.hours, queue.hours) if queue.hours else shown.t("queues.always"),
        first=first,
    )


@get("/queues", before_request=by_decider_if_any)
async def queues_page(visit: CurrentVisit) -> Response[Any]:
    """Each queue with what waits in it now: one count for all, and the first of each live order."""
    visit.caller.require("queues.view")
    shown = await shown_by(visit)
    queues = list(shown.rules.queues.values()) if shown.rules is not None else []
    counts = await search.queue_counts(visit.services, visit.caller) if queues else []
    lines = []
    async with visit.services.runtime.store.reading() as reading:
        groups = {str(g["id"]): str(g["name"]) for g in await reading.objects("agent_group")}
    for queue in queues:
        order = await search.order(visit.services, visit.caller, queue.id, FIRST)
        lines.append(_line(queue, counts, order.places, groups, shown))
    return visit.page("queue/queues.html", active="queues", queues=lines)


PAGES: Final[list[Any]] = [queues_page]
