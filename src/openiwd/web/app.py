"""Builds the UI: all pages behind one visit (session, CSRF, tenant), one answer to each error, strict headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from litestar import Litestar, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp

from openiwd.domain.errors import OpenIwdError
from openiwd.ports.holiday_source import HolidaySource
from openiwd.usecases.platform import Platform, TenantServices
from openiwd.web import (
    act_page,
    agent_page,
    bulk_page,
    configuration_page,
    item_page,
    login_page,
    queue_list_page,
    queue_page,
    workspace_page,
)
from openiwd.web.static_page import static_file
from openiwd.web.visit import (
    AnyRequest,
    LoginNeededError,
    Visit,
    answer_error,
    answer_login_needed,
    answer_unknown,
    open_visit,
)

MAX_BODY: Final = 5 * 1024 * 1024
"""A rule set that is uploaded may have 4 MB."""
PAGES: Final[list[Any]] = [
    login_page.login_page,
    login_page.log_in,
    login_page.log_out,
    queue_page.queue_page,
    queue_page.queue_rows,
    queue_page.queue_refresh,
    queue_page.find_item,
    item_page.item_page,
    item_page.item_tab,
    item_page.add_note,
    act_page.act_dialog,
    act_page.act,
    bulk_page.bulk_dialog,
    bulk_page.start_bulk,
    bulk_page.bulk_progress,
    workspace_page.workspace_page,
    workspace_page.workspace_left,
    workspace_page.workspace_item,
    workspace_page.set_state,
    workspace_page.heartbeat,
    workspace_page.accept_offer,
    workspace_page.decline_dialog,
    workspace_page.decline_offer,
    workspace_page.pull_next,
    workspace_page.take_item,
    queue_list_page.queues_page,
    agent_page.agents_page,
    agent_page.set_agent_state,
    configuration_page.configuration_start,
    configuration_page.configuration_page,
    configuration_page.publish,
    static_file,
]


def create_web(
    platform: Platform, holidays: HolidaySource | None, start_bulk: Callable[[TenantServices, UUID], None]
) -> ASGIApp:
    """The UI as an ASGI app. `start_bulk` begins a stored bulk run in this process."""

    async def provide_platform() -> Platform:
        return platform

    async def provide_visit(request: AnyRequest) -> Visit:
        return await open_visit(request, platform, holidays, start_bulk)

    return Litestar(
        route_handlers=PAGES,
        dependencies={"platform": Provide(provide_platform), "visit": Provide(provide_visit)},
        exception_handlers={
            LoginNeededError: answer_login_needed,
            OpenIwdError: answer_error,
            HTTPException: answer_http,
        },
        openapi_config=None,
        logging_config=None,
        request_max_body_size=MAX_BODY,
        debug=False,
        state=State({"platform": platform}),
    )


def answer_http(request: AnyRequest, error: HTTPException) -> Response[Any]:
    """What the framework refuses: unknown addresses, wrong parameters, bodies that are too large."""
    return answer_unknown(request, error.status_code, error.detail)
