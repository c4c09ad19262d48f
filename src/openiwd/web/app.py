"""Builds the UI: all pages behind one visit (session, CSRF, tenant), one answer to each error, strict headers."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from litestar import Litestar, Response
from litestar.di import Provide
from litestar.exceptions import HTTPException

from openiwd.api.call import PatientRequest
from openiwd.api.process import process_of
from openiwd.api.routes import Routes
from openiwd.domain.errors import OpenIwdError
from openiwd.usecases.platform import Platform
from openiwd.web.access import (
    access_group_page,
    api_key_page,
    role_page,
    security_page,
    settings_page,
    user_page,
)
from openiwd.web.access import login_page as login_settings_page
from openiwd.web.alarm import alarm_page
from openiwd.web.audit import audit_page
from openiwd.web.capture import inbox_page, point_page
from openiwd.web.configuration import (
    approval_page,
    calendar_page,
    category_page,
    draft_page,
    findings_page,
    impact_page,
    listed_page,
    queue_editor_page,
    review_page,
    rule_test_page,
    run_page,
    schema_page,
    trial_page,
    version_page,
    words_page,
)
from openiwd.web.dashboard import dashboard_page
from openiwd.web.doctor import doctor_page
from openiwd.web.email import aside_page, editor_page, junk_page, mailbox_page, response_page
from openiwd.web.gallery import gallery_page
from openiwd.web.integration import integration_page
from openiwd.web.item import act_page, around_page, item_page, thread_page
from openiwd.web.login import login_page, provider_page, second_page
from openiwd.web.people import (
    absence_page,
    agent_desk_page,
    agent_edit_page,
    agent_import_page,
    agent_list_page,
    agent_page,
    lookup_import_page,
    lookup_page,
    named_page,
)
from openiwd.web.queue import (
    bulk_page,
    column_page,
    export_page,
    filter_page,
    modify_page,
    past_page,
    queue_list_page,
    queue_page,
    view_page,
)
from openiwd.web.report import report_page, schedule_page
from openiwd.web.shell.admission import LoginNeededError, admit
from openiwd.web.shell.static_page import static_file
from openiwd.web.shell.visit import (
    AnyRequest,
    Visit,
    answer_error,
    answer_login_needed,
    answer_unknown,
    open_visit,
)
from openiwd.web.webhook import delivery_page, webhook_page
from openiwd.web.workspace import workspace_page

MAX_BODY: Final = 5 * 1024 * 1024
"""A rule set that is uploaded may have 4 MB."""
PAGES: Final[list[Any]] = [
    *login_page.PAGES,
    *provider_page.PAGES,
    *second_page.PAGES,
    *queue_page.PAGES,
    *item_page.PAGES,
    *act_page.PAGES,
    *around_page.PAGES,
    *filter_page.PAGES,
    *view_page.PAGES,
    *column_page.PAGES,
    *export_page.PAGES,
    *modify_page.PAGES,
    *bulk_page.PAGES,
    *workspace_page.PAGES,
    *thread_page.PAGES,
    *editor_page.PAGES,
    *mailbox_page.PAGES,
    *response_page.PAGES,
    *junk_page.PAGES,
    *aside_page.PAGES,
    *queue_list_page.PAGES,
    *dashboard_page.PAGES,
    *alarm_page.PAGES,
    *doctor_page.PAGES,
    *past_page.PAGES,
    *agent_page.PAGES,
    *agent_desk_page.PAGES,
    *agent_list_page.PAGES,
    *agent_edit_page.PAGES,
    *agent_import_page.PAGES,
    *named_page.PAGES,
    *absence_page.PAGES,
    *lookup_page.PAGES,
    *lookup_import_page.PAGES,
    *user_page.PAGES,
    *role_page.PAGES,
    *access_group_page.PAGES,
    *api_key_page.PAGES,
    *settings_page.PAGES,
    *security_page.PAGES,
    *login_settings_page.PAGES,
    *audit_page.PAGES,
    *webhook_page.PAGES,
    *integration_page.PAGES,
    *delivery_page.PAGES,
    *point_page.PAGES,
    *inbox_page.PAGES,
    *report_page.PAGES,
    *schedule_page.PAGES,
    *calendar_page.PAGES,
    *category_page.PAGES,
    *queue_editor_page.PAGES,
    *schema_page.PAGES,
    *draft_page.PAGES,
    *listed_page.PAGES,
    *review_page.PAGES,
    *trial_page.PAGES,
    *rule_test_page.PAGES,
    *impact_page.PAGES,
    *approval_page.PAGES,
    *findings_page.PAGES,
    *run_page.PAGES,
    *version_page.PAGES,
    *words_page.PAGES,
    *gallery_page.PAGES,
    static_file,
]


async def provide_platform(request: AnyRequest) -> Platform:
    return process_of(request).platform


async def provide_visit(request: AnyRequest) -> Visit:
    process = process_of(request)
    return await open_visit(request, process.platform, process.holidays, process.start_bulk)


@cache
def create_web() -> Litestar:
    """The UI as an ASGI app: the same one, however often one asks; each request brings its process along."""
    return Litestar(
        route_handlers=[Routes("/", route_handlers=PAGES)],
        dependencies={"platform": Provide(provide_platform), "visit": Provide(provide_visit)},
        guards=[admit],
        exception_handlers={
            LoginNeededError: answer_login_needed,
            OpenIwdError: answer_error,
            HTTPException: answer_http,
        },
        request_class=PatientRequest,
        openapi_config=None,
        logging_config=None,
        request_max_body_size=MAX_BODY,
        debug=False,
    )


def answer_http(request: AnyRequest, error: HTTPException) -> Response[Any]:
    """What the framework refuses: unknown addresses, wrong parameters, bodies that are too large."""
    return answer_unknown(request, error.status_code, error.detail)
