"""The doctor over HTTP: what is wrong with a tenant, with evidence and the fix."""

from __future__ import annotations

from typing import Any, Final

from litestar import get

from openiwd.api.call import CurrentCall
from openiwd.api.passing_on import by_decider_if_any
from openiwd.usecases.doctor import Report


@get("/doctor", tags=["operations"], operation_id="getDoctor", before_request=by_decider_if_any)
async def get_doctor(call: CurrentCall) -> Report:
    """What the doctor finds, the worst first: what is wrong, the evidence, the fix, and where in the UI it is done.

    Each check has its own time; one that could not be made is a finding itself. A report is kept for ten seconds. Only
    for callers who may see all items; checks of the database, keys and rules need the privilege to see these.
    """
    return await call.platform.doctor.report_for(call.platform, call.services, call.caller)


HANDLERS: Final[list[Any]] = [get_doctor]
