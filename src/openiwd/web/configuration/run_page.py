"""How far the run is that judges open items again after rules have gone live; stopping it."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.usecases import bulk
from openiwd.web.shell.visit import CurrentVisit

PATH: Final = "/configuration/runs/{run:uuid}"


@get(PATH)
async def look(visit: CurrentVisit, run: FromPath[UUID]) -> Response[Any]:
    """A line that follows the run."""
    found = await bulk.get(visit.services, visit.caller, run)
    return visit.page("configuration/run.html", run=found)


@post(f"{PATH}/cancel", status_code=200)
async def cancel(visit: CurrentVisit, run: FromPath[UUID]) -> Response[Any]:
    """Stops after what it is at; what is judged stays judged."""
    found = await bulk.get(visit.services, visit.caller, run)
    if found.status == "running":
        await bulk.cancel(visit.services, visit.caller, run)
        found = await bulk.get(visit.services, visit.caller, run)
    return visit.page("configuration/run.html", run=found)


PAGES: Final[list[Any]] = [look, cancel]
