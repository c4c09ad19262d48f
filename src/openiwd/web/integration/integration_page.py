"""The connection to GWS and Digital Channels: how it is, its settings, a test of each service, what was handed over."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post

from openiwd.domain.errors import ForbiddenError, OpenIwdError
from openiwd.domain.gws import GwsSettings
from openiwd.domain.routing import SubmissionState
from openiwd.ports.routing import SubmissionQuery
from openiwd.usecases import integration, integration_check
from openiwd.web.configuration.navigation import show
from openiwd.web.integration.integration_form import LEFT, SECRET_NAMES, FieldGroup, groups, values_of
from openiwd.web.integration.integration_view import (
    PATH,
    choices,
    endings,
    status_of,
    step_lines,
    submission_lines,
)
from openiwd.web.shell.catalogue import number
from openiwd.web.shell.dialog_page import done, editor_of, refuse_dialog, show_dialog, typed
from openiwd.web.shell.form import Field, Form, with_errors
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.sent import Sent, as_, require, sent_by
from openiwd.web.shell.visit import CurrentVisit, Visit

SHOWN: Final = 50
UPDATE: Final = "webhooks.update"


def _shown_state(visit: Visit) -> SubmissionState | None:
    asked = visit.request.query_params.get("state")
    return next((s for s in SubmissionState if s.value == asked), None)


async def _page(visit: Visit, sent: Sent | None = None, error: OpenIwdError | None = None) -> Response[Any]:
    editor, t = editor_of(visit), visit.t
    found = await integration.get(editor)
    state = _shown_state(visit)
    listed = await integration.submissions(editor, SubmissionQuery(state=state, limit=SHOWN + 1))
    fields = groups(found.settings, frozenset(found.secrets), t)
    if sent is not None and error is not None:
        fields = {key: _again(group, sent, error) for key, group in fields.items()}
    return show(
        visit,
        "integration/integrations.html",
        "integrations",
        found=found,
        state=status_of(found, t, visit.times),
        waiting=number(found.waiting),
        choices=choices(found, state, t),
        endings=endings(found, t),
        lines=submission_lines(listed[:SHOWN], t, visit.times),
        has_more=len(listed) > SHOWN,
        most=SHOWN,
        left=[fields[key] for key in LEFT],
        right=[group for key, group in fields.items() if key not in LEFT],
        path=PATH,
        error=error,
        saved=visit.request.query_params.get("saved") == "1" and error is None,
        can_edit=visit.caller.may(UPDATE),
        status=422 if error is not None else 200,
    )


def _again(group: FieldGroup, sent: Sent, error: OpenIwdError) -> FieldGroup:
    return group._replace(fields=with_errors([typed(f, sent) for f in group.fields], error))


@get(PATH)
async def integrations_page(visit: CurrentVisit) -> Response[Any]:
    """How the connection is, and everything about it."""
    return await _page(visit)


@post(PATH, status_code=200)
async def save_integration(visit: CurrentVisit) -> Response[Any]:
    """Replaces the settings; a secret that is left empty stays as it is."""
    visit.caller.require(UPDATE)
    sent = await sent_by(visit)
    try:
        if sent.flag("enabled"):
            require(visit, sent, ["authUrl", "clientId", "service"])
        values = values_of(sent)
        kept = [own for name, own in SECRET_NAMES.items() if name not in values]
        await integration.put(editor_of(visit), as_(GwsSettings, values), kept, sent.revision())
    except OpenIwdError as error:
        if isinstance(error, ForbiddenError) and error.code == "forbidden":
            raise
        return await _page(visit, sent, error)
    return redirect(f"{PATH}?saved=1", htmx=visit.is_htmx)


@post(f"{PATH}/-/test", status_code=200)
async def try_out(visit: CurrentVisit) -> Response[Any]:
    """Tries each service of the stored connection; hands nothing over."""
    visit.caller.require(UPDATE)
    found = await integration_check.check(editor_of(visit))
    return visit.page("integration/check.html", found=found, steps=step_lines(found.steps, visit.t))


@get(f"{PATH}/-/tenant-settings")
async def tenant_settings(visit: CurrentVisit) -> Response[Any]:
    """The service configuration of the contact center, read now."""
    try:
        found = await integration.tenant_settings(editor_of(visit))
    except OpenIwdError as error:
        if isinstance(error, ForbiddenError):
            raise
        return visit.page("integration/tenant_settings.html", found=[], error=error)
    return visit.page("integration/tenant_settings.html", found=found, error=None)


def _key_form(visit: Visit) -> Form:
    t = visit.t
    return Form(
        action=f"{PATH}/-/api-key",
        title=t("integration.key_title"),
        text=t("integration.key_text"),
        fields=[Field("name", t("people.name"), value="openiwd", required=True)],
        submit=t("integration.key_make"),
    )


@get(f"{PATH}/-/api-key")
async def key_dialog(visit: CurrentVisit) -> Response[Any]:
    """What a new key is for."""
    visit.caller.require(UPDATE)
    return show_dialog(visit, _key_form(visit))


@post(f"{PATH}/-/api-key", status_code=200)
async def make_key(visit: CurrentVisit) -> Response[Any]:
    """Makes a key at Digital Channels and keeps it, sealed."""
    sent = await sent_by(visit)
    try:
        require(visit, sent, ["name"])
        await integration.make_api_key(editor_of(visit), sent.text("name"), [])
    except OpenIwdError as error:
        return refuse_dialog(visit, _key_form(visit), sent, error)
    return done(visit, "", to=f"{PATH}?saved=1")


PAGES: Final[list[Any]] = [
    integrations_page,
    save_integration,
    try_out,
    tenant_settings,
    key_dialog,
    make_key,
]
