"""The doctor's page: all findings with evidence, fix and the way there; live."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get

from openiwd.usecases.doctor import KEPT_SECONDS
from openiwd.web.doctor.doctor_view import check_views, chosen_severity, finding_views, shades
from openiwd.web.shell.passing_on import by_decider_if_any
from openiwd.web.shell.visit import CurrentVisit


@get("/doctor", before_request=by_decider_if_any)
async def doctor_page(visit: CurrentVisit) -> Response[Any]:
    """What is wrong, the worst first; `severity` narrows it, `again` has the checks made anew."""
    parameters, t = visit.request.query_params, visit.t
    chosen = chosen_severity(parameters.get("severity"))
    within = 0.0 if parameters.get("again") == "1" else KEPT_SECONDS
    report = await visit.platform.doctor.report_for(visit.platform, visit.services, visit.caller, within)
    own = f"/doctor?severity={chosen.value}" if chosen is not None else "/doctor"
    context: dict[str, Any] = {
        "active": "doctor",
        "shades": shades(report, chosen, t),
        "findings": finding_views(report.findings, chosen, visit.times, t),
        "any_findings": bool(report.findings),
        "checks": check_views(report, t),
        "at": visit.times.moment(report.at),
        "refresh": own,
        "again": f"{own}{'&' if '?' in own else '?'}again=1",
    }
    return visit.page("doctor/doctor_list.html" if visit.is_htmx else "doctor/doctor.html", **context)


PAGES: Final[list[Any]] = [doctor_page]
