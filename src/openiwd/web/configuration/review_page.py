"""Reviewing a draft: what it changes, what keeps it back, bringing it up to date, and publishing it."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import ConflictError, InvalidInputError, OpenIwdError
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.rule_set_diff import diff
from openiwd.domain.rule_set_merge import MINE, THEIRS
from openiwd.usecases import rule_set_approval, rule_set_draft, rule_set_edit, rule_set_impact
from openiwd.usecases.rule_set import RECLASSIFY
from openiwd.usecases.rule_set_draft import Draft
from openiwd.usecases.rule_set_edit import How, Published
from openiwd.web.configuration import impact_page
from openiwd.web.configuration.difference_view import changes_of, choices_of, fault_lines
from openiwd.web.configuration.drafting import CHANGE, editor_of, hands_text, names_of
from openiwd.web.configuration.navigation import show
from openiwd.web.configuration.version_page import version_lines
from openiwd.web.shell.form import Field, Form, with_errors
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.visit import CurrentVisit, Visit

CHOICE: Final = "choice:"
SHOWN_VERSIONS: Final = 4
PATH: Final = "/configuration/drafts"


def reclassify_options(visit: Visit) -> list[tuple[str, str]]:
    return [(r, visit.t(f"reclassify.{r}")) for r in RECLASSIFY]


async def _page(
    visit: Visit, draft: Draft, *, error: OpenIwdError | None = None, sent: dict[str, Any] | None = None
) -> Response[str]:
    visit.caller.require("categories.view")
    editor, t = editor_of(visit), visit.t
    live, document = await rule_set_draft.live_document(visit.services.runtime)
    outdated = draft.base != live
    choices = {k.removeprefix(CHOICE): str(v) for k, v in (sent or {}).items() if k.startswith(CHOICE)}
    inside = f"?draft={draft.id}"
    base = await rule_set_draft.document_at(editor, draft.base) if outdated else document
    faults = await rule_set_draft.faults_of(editor, draft.document)
    return show(
        visit,
        "configuration/review.html",
        "drafts",
        status=409 if error is not None else 200,
        draft=draft,
        hands=hands_text(visit, draft, await names_of(visit)),
        live=live,
        outdated=outdated,
        changes=changes_of(diff(base, draft.parsed), base, draft.parsed, t, inside),
        faults=fault_lines(faults, draft.parsed, t, inside),
        since=changes_of(diff(base, document), base, document, t) if outdated else [],
        choices=await _choices(visit, draft, document, choices) if outdated else [],
        reclassify=Field(
            "reclassify",
            t("review.reclassify"),
            "select",
            str((sent or {}).get("reclassify") or "changed"),
            reclassify_options(visit),
        ),
        comment=str((sent or {}).get("comment") or ""),
        versions=(await version_lines(visit))[:SHOWN_VERSIONS],
        error=error,
        failed_tests=error is not None and error.code == "testsFailed",
        despite_tests=str((sent or {}).get("despiteTests") or ""),
        **await _before_publishing(visit, draft),
    )


async def _before_publishing(visit: Visit, draft: Draft) -> dict[str, Any]:
    """What else the way to live has: the last count of the impact, and the approval."""
    editor = editor_of(visit)
    settings, _ = await rule_set_approval.settings(editor)
    may_count = impact_page.may_count(visit)
    impact = await rule_set_impact.last(editor, draft) if may_count else None
    approval = draft.approved
    names = await names_of(visit) if approval is not None else {}
    return {
        "four_eyes": settings.four_eyes,
        "may_approve": rule_set_approval.may_approve(editor, draft),
        "approved_by": names.get(approval.by, approval.by) if approval is not None else "",
        "approved_at": visit.times.moment(approval.at) if approval is not None else None,
        "impact": await impact_page.view_of(visit, draft, impact),
        "impact_at": visit.times.moment(impact.at) if impact is not None else None,
        "impact_error": None,
        "impact_may": may_count,
        "draft_id": draft.id,
    }


async def _choices(visit: Visit, draft: Draft, live: RuleSetDocument, choices: dict[str, str]) -> list[Any]:
    merged = await rule_set_draft.merged_with_live(editor_of(visit), draft, choices)
    return choices_of(merged.twice, draft.parsed, live, visit.t)


def published_path(done: Published) -> str:
    """The list of versions, with what was published and the run that judges open items again."""
    run = f"&run={done.reclassification}" if done.reclassification is not None else ""
    return f"{PATH}?published={done.version}{run}"


async def _draft(visit: Visit, draft: UUID) -> Draft:
    return await rule_set_draft.get(editor_of(visit), draft)


@get(f"{PATH}/{{draft:uuid}}")
async def review(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """What a draft changes, and the way to make it live."""
    return await _page(visit, await _draft(visit, draft))


@post(f"{PATH}/{{draft:uuid}}/publish", status_code=200)
async def publish(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """Makes a draft live; when something stands against it, the page says what."""
    visit.caller.require("rulesets.publish")
    form = dict(await visit.request.form())
    revision = str(form.get("revision") or "")
    try:
        how = How(
            expected=int(revision) if revision.isdigit() else None,
            comment=str(form.get("comment") or "").strip() or None,
            reclassify=str(form.get("reclassify") or "changed"),
            despite_tests=str(form.get("despiteTests") or "").strip() or None,
        )
        done = await rule_set_edit.publish_draft(editor_of(visit), draft, how)
    except OpenIwdError as error:
        return await _page(visit, await _draft(visit, draft), error=error, sent=form)
    return redirect(published_path(done))


@post(f"{PATH}/{{draft:uuid}}/update", status_code=200)
async def update(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """Takes what was published meanwhile into the draft."""
    form = dict(await visit.request.form())
    choices = {
        k.removeprefix(CHOICE): str(v)
        for k, v in form.items()
        if k.startswith(CHOICE) and v in (MINE, THEIRS)
    }
    revision = str(form.get("revision") or "")
    expected = int(revision) if revision.isdigit() else None
    try:
        await rule_set_draft.bring_up_to_date(editor_of(visit), draft, choices, expected)
    except ConflictError as error:
        return await _page(visit, await _draft(visit, draft), error=error, sent=form)
    return redirect(f"{PATH}/{draft}")


def _rename_form(visit: Visit, draft: Draft, name: str) -> Form:
    return Form(
        action=f"{PATH}/{draft.id}/rename",
        title=visit.t("review.rename"),
        text="",
        fields=[Field("name", visit.t("draft.name"), value=name, required=True)],
        submit=visit.t("review.rename_do"),
    )


@get(f"{PATH}/{{draft:uuid}}/rename")
async def rename_dialog(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """Asks for another name."""
    visit.caller.require(CHANGE)
    found = await _draft(visit, draft)
    return visit.page("components/dialog.html", form=_rename_form(visit, found, found.name), error=None)


@post(f"{PATH}/{{draft:uuid}}/rename", status_code=200)
async def rename(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """Gives a draft another name."""
    name = str((await visit.request.form()).get("name") or "").strip()
    if not 0 < len(name) <= rule_set_draft.MAX_NAME:
        form = _rename_form(visit, await _draft(visit, draft), name)
        error = InvalidInputError(visit.t("review.name_length"), field="name", hint="")
        told = form._replace(fields=with_errors(form.fields, error))
        return visit.page("components/dialog.html", status=422, form=told, error=None)
    await rule_set_draft.rename(editor_of(visit), draft, name)
    return redirect(f"{PATH}/{draft}", htmx=True)


PAGES: Final[list[Any]] = [review, publish, update, rename_dialog, rename]
