"""The agents of the configuration: the list, and the whole of it as CSV."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get

from openiwd.usecases.agent_import import export_all
from openiwd.web.configuration.navigation import show
from openiwd.web.item.directory import shown_by
from openiwd.web.people.agent_filter import AgentFilter, choices_of, filter_of
from openiwd.web.people.agent_finder import find_agents
from openiwd.web.people.agent_view import line_of
from openiwd.web.people.named import groups_and_skills
from openiwd.web.shell.dialog_page import editor_of
from openiwd.web.shell.rendering import HEADERS
from openiwd.web.shell.visit import CurrentVisit, Visit

PATH: Final = "/configuration/agents"


def csv_file(content: bytes, name: str) -> Response[bytes]:
    """A file to keep."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(content, media_type="text/csv", headers={**HEADERS, **disposition})


def today_of(visit: Visit) -> str:
    return visit.times.local(visit.now).strftime("%Y-%m-%d")


@get(PATH)
async def agent_list(visit: CurrentVisit) -> Response[Any]:
    """All agents, inactive ones too."""
    visit.caller.require("agents.view")
    wanted = filter_of(visit.request.query_params)
    found = await find_agents(visit, wanted, PATH, active_only=False)
    everybody = (
        found if not wanted.query() else await find_agents(visit, AgentFilter(), PATH, active_only=False)
    )
    shown = await shown_by(visit, found.agents)
    groups, skills = await groups_and_skills(visit)
    total = everybody.active + everybody.inactive
    return show(
        visit,
        "people/agent_list.html",
        "agents",
        agents=[line_of(a, 0, groups, skills, shown) for a in found.agents],
        any_agents=total > 0,
        summary=visit.t("people.summary", n=total, inactive=everybody.inactive),
        wanted=wanted,
        choices=choices_of(wanted, groups, skills, visit.t, states=True),
        pager=found.pager,
        can_edit=visit.caller.may("agents.update"),
    )


@get(f"{PATH}/-/export.csv")
async def agent_export(visit: CurrentVisit) -> Response[bytes]:
    """All agents as the import reads them."""
    return csv_file(await export_all(editor_of(visit)), f"agents-{today_of(visit)}")


PAGES: Final[list[Any]] = [agent_list, agent_export]
