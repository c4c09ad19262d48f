"""The numbers of the dashboards, as the UI shows them: backlog, flow, agents."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import get
from litestar.params import QueryParameter

from openiwd.api.call import CurrentCall
from openiwd.domain.dashboard import Period
from openiwd.usecases import dashboard, dashboard_agent, dashboard_flow
from openiwd.usecases.dashboard import BacklogBoard
from openiwd.usecases.dashboard_agent import AgentBoard
from openiwd.usecases.dashboard_flow import FlowBoard

_TAGS: Final = ["dashboards"]
Department = Annotated[
    str | None,
    QueryParameter(
        name="department",
        max_length=1_000,
        description="A category path: it and all below it; lines are then those one level below.",
    ),
]


@get("/dashboards/backlog", tags=_TAGS, operation_id="getBacklogBoard")
async def get_backlog(call: CurrentCall, department: Department = None) -> BacklogBoard:
    """Open items as of `at`: waiting, assigned, held, overdue, due within an hour and today; by category, by queue.

    Waiting, assigned and held (with errorheld) add up to all open items; lines add up to the sum. `samples` are the
    same numbers at the quarters of an hour of the tenant's day so far.
    """
    return await dashboard.backlog(call.services, call.caller, department)


@get("/dashboards/flow", tags=_TAGS, operation_id="getFlowBoard")
async def get_flow(
    call: CurrentCall,
    period: Annotated[
        Period, QueryParameter(name="period", description="The last hour, today, or seven days with today.")
    ] = Period.TODAY,
    department: Department = None,
) -> FlowBoard:
    """Items in and out span by span, how many were completed in time, and what came from which capture point.

    Spans are 5 minutes (`hour`), 15 minutes (`today`) or a quarter of a local day (`week`) in the tenant's zone.
    """
    return await dashboard_flow.flow(call.services, call.caller, period, department)


@get("/dashboards/agents", tags=_TAGS, operation_id="getAgentBoard")
async def get_agents(call: CurrentCall, department: Department = None) -> AgentBoard:
    """Active agents: state and since when, capacity used, completed today, mean time from assignment to completion."""
    return await dashboard_agent.agents(call.services, call.caller, department)


HANDLERS: Final[list[Any]] = [get_backlog, get_flow, get_agents]
