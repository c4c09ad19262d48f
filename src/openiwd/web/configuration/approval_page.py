"""Four eyes in the pages: approving a draft, taking that back, and whether the tenant asks for it."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import OpenIwdError
from openiwd.usecases import rule_set_approval
from openiwd.usecases.rule_set_approval import RuleSetSettings
from openiwd.web.configuration.drafting import editor_of
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.visit import CurrentVisit, Visit

PATH: Final = "/configuration/drafts/{draft:uuid}"
ADMINISTERS: Final = "users.update"


def _form(visit: Visit, draft: UUID, act: str, revision: str = "", reason: str = "") -> Form:
    t = visit.t
    return Form(
        action=f"/configuration/drafts/{draft}/{act}",
        title=t(f"approval.{act}_title"),
        text=t(f"approval.{act}_text"),
        fields=[Field("reason", t("approval.reason"), value=reason)],
        submit=t(f"approval.{act}_do"),
        hidden=[("revision", revision)],
        danger=act == "withdraw",
    )


async def _reason(visit: Visit) -> tuple[str, str]:
    form = await visit.request.form()
    return str(form.get("reason") or "").strip()[:1_000], str(form.get("revision") or "")


@get(f"{PATH}/approve")
async def approve_dialog(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """What approving means."""
    visit.caller.require(rule_set_approval.PRIVILEGE)
    revision = str(visit.request.query_params.get("revision") or "")
    form = _form(visit, draft, "approve", revision)
    return visit.page("components/dialog.html", form=form, error=None)


@post(f"{PATH}/approve", status_code=200)
async def approve(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """Approves the draft as it was shown."""
    reason, revision = await _reason(visit)
    try:
        expected = int(revision) if revision.isdigit() else None
        await rule_set_approval.approve(editor_of(visit), draft, expected, reason or None)
    except OpenIwdError as error:
        form = _form(visit, draft, "approve", revision, reason)
        return visit.page("components/dialog.html", status=409, form=form, error=error)
    return redirect(f"/configuration/drafts/{draft}", htmx=True)


@get(f"{PATH}/withdraw")
async def withdraw_dialog(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """What taking back an approval means."""
    visit.caller.require(rule_set_approval.PRIVILEGE)
    return visit.page("components/dialog.html", form=_form(visit, draft, "withdraw"), error=None)


@post(f"{PATH}/withdraw", status_code=200)
async def withdraw(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """Takes back the approval."""
    reason, _ = await _reason(visit)
    try:
        await rule_set_approval.withdraw(editor_of(visit), draft, reason or None)
    except OpenIwdError as error:
        form = _form(visit, draft, "withdraw", reason=reason)
        return visit.page("components/dialog.html", status=409, form=form, error=error)
    return redirect(f"/configuration/drafts/{draft}", htmx=True)


@post("/configuration/drafts/settings", status_code=200)
async def save_settings(visit: CurrentVisit) -> Response[Any]:
    """Whether drafts need a second pair of eyes."""
    visit.caller.require(ADMINISTERS)
    form = await visit.request.form()
    wanted = RuleSetSettings(four_eyes=bool(form.get("fourEyes")))
    revision = str(form.get("revision") or "")
    expected = int(revision) if revision.isdigit() else None
    await rule_set_approval.save_settings(editor_of(visit), wanted, expected)
    return redirect("/configuration/drafts#four-eyes")


PAGES: Final[list[Any]] = [approve_dialog, approve, withdraw_dialog, withdraw, save_settings]
