"""The queues as a list: what waits in each now, and the first of its live order."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from litestar import Response, get

from openiwd.domain.queue import Queue
from openiwd.ports.tenant_store import SearchQuery
from openiwd.usecases import search
from openiwd.web.configuration.configuration_view import groups_text
from openiwd.web.item.directory import shown_by
from openiwd.web.item.row_view import Shown, priority_view, subject_of
from openiwd.web.queue.queue_filter import QueueFilter
from openiwd.web.shell.visit import CurrentVisit, Visit

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


async def _count(visit: Visit, chosen: QueueFilter) -> int:
    query: SearchQuery = chosen.query(limit=1, cursor=None, count=True)
    return (await search.search(visit.services, visit.caller, query)).page.count


async def _line(visit: Visit, queue: Queue, shown: Shown) -> QueueLine:
    chosen = QueueFilter(queue=queue.id)
    waiting = chosen._replace(status=("queued",))
    found = await search.search(
        visit.services, visit.caller, waiting.query(limit=FIRST, cursor=None, count=True)
    )
    first = []
    for item in found.page.items:
        priority = priority_view(item, shown)
        first.append(
            FirstItem(str(item.id), subject_of(item, shown.t), priority.text if priority is not None else "–")
        )
    calendars = {c.id: c.name for c in shown.rules.document.calendars} if shown.rules is not None else {}
    return QueueLine(
        name=queue.name,
        href=chosen.address(),
        waiting=found.page.count,
        waiting_href=waiting.address(),
        assigned=await _count(visit, chosen._replace(status=("assigned",))),
        held=await _count(visit, chosen._replace(status=("held", "errorheld"))),
        overdue=await _count(visit, chosen._replace(overdue=True)),
        overdue_href=chosen._replace(overdue=True).address(),
        delivery=queue.delivery.value,
        groups=groups_text(queue, shown),
        hours=calendars.get(queue.hours, queue.hours) if queue.hours else shown.t("queues.always"),
        first=first,
    )


@get("/queues")
async def queues_page(visit: CurrentVisit) -> Response[Any]:
    """Each queue with what waits in it now."""
    visit.caller.require("queues.view")
    shown = await shown_by(visit)
    queues = list(shown.rules.queues.values()) if shown.rules is not None else []
    return visit.page(
        "queue/queues.html", active="queues", queues=[await _line(visit, q, shown) for q in queues]
    )


PAGES: Final[list[Any]] = [queues_page]
