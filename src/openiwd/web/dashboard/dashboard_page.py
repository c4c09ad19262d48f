"""The dashboards: one page, read again as a whole when something has happened."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get
from litestar.params import FromQuery

from openiwd.domain.dashboard import Period
from openiwd.usecases import dashboard, dashboard_agent, dashboard_flow
from openiwd.web.dashboard.activity_view import agents_view, flow_view, points_view
from openiwd.web.dashboard.dashboard_view import Board, address, department_choices, period_choices
from openiwd.web.item.row_view import Shown, scale_of
from openiwd.web.shell.time_text import TimeText
from openiwd.web.shell.visit import CurrentVisit, Visit


async def _context(visit: Visit, period: Period, department: str | None) -> dict[str, Any]:
    services, caller, t = visit.services, visit.caller, visit.t
    backlog = await dashboard.backlog(services, caller, department)
    flow = await dashboard_flow.flow(services, caller, period, department)
    names = await dashboard.departments(services, caller)
    # A dashboard's days are the tenant's, whatever zone its reader sits in.
    times = TimeText(t, services.tenant.time_zone, backlog.at)
    board = Board(backlog, department, times)
    agents = None
    ready = None
    if caller.may("agents.view"):
        found = await dashboard_agent.agents(services, caller, department)
        rules = await dashboard.live_rules(services)
        agents = agents_view(found, department, Shown(t, times, rules, {}, scale_of(rules)))
        ready = sum(1 for a in found.agents if a.state.value == "ready")
    local = times.local(backlog.at)
    return {
        "active": "dashboard",
        "as_of": t(
            "dashboard.as_of",
            day=f"{times.weekday(local)} {times.date(local)}",
            time=f"{local:%H:%M}",
            zone=local.tzname() or "",
        ),
        "exact": times.exact(backlog.at),
        "tiles": board.tiles(flow, ready),
        "open": backlog.counts.open,
        "categories": board.categories(),
        "queues": board.queues(),
        "flow": flow_view(flow, department, times),
        "points": points_view(flow, department, times),
        "agents": agents,
        "periods": period_choices(period, department, t),
        "departments": department_choices(names, period, department, t),
        "department": department,
        "refresh": address(period, department),
    }


@get("/dashboards")
async def dashboard_page(
    visit: CurrentVisit, period: FromQuery[str] = "today", department: FromQuery[str] = ""
) -> Response[Any]:
    """Operations as of now; for htmx only what changes."""
    visit.caller.require("dashboard.view")
    chosen = Period(period) if period in set(Period) else Period.TODAY
    context = await _context(visit, chosen, department[:1_000] or None)
    return visit.page(
        "dashboard/dashboard_body.html" if visit.is_htmx else "dashboard/dashboard.html", **context
    )


PAGES: Final[list[Any]] = [dashboard_page]
