"""Published versions of the rule set: what each changed, as a file, and going back to one; files into drafts."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath

from openiwd.domain.errors import OpenIwdError, RuleSetError
from openiwd.domain.rule_set import RuleSetDocument, parse_document
from openiwd.domain.rule_set_diff import diff
from openiwd.usecases import rule_set, rule_set_draft, rule_set_edit
from openiwd.usecases.rule_set_draft import Draft
from openiwd.usecases.rule_set_edit import How
from openiwd.web.configuration.difference_view import changes_of
from openiwd.web.configuration.drafting import CHANGE, editor_of, names_of
from openiwd.web.configuration.navigation import show
from openiwd.web.item.directory import shown_by
from openiwd.web.item.history_view import actor_name
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.rendering import HEADERS, redirect
from openiwd.web.shell.time_text import Moment
from openiwd.web.shell.visit import CurrentVisit, Visit

PATH: Final = "/configuration/versions"


class VersionLine(NamedTuple):
    version: int
    live: bool
    moment: Moment | None
    by: str
    comment: str


async def version_lines(visit: Visit) -> list[VersionLine]:
    """All versions, newest first."""
    shown = await shown_by(visit)
    names = await names_of(visit)
    return [
        VersionLine(
            v.version,
            v.live,
            visit.times.moment(v.published_at),
            names.get(v.published_by.removeprefix("user:")) or actor_name(v.published_by, shown),
            v.comment or "",
        )
        for v in await rule_set.versions(visit.services)
    ]


async def _document(visit: Visit, version: str) -> tuple[int, RuleSetDocument]:
    stored = await rule_set.read_version(visit.services, version)
    return stored.version, parse_document(stored.document)


@get(f"{PATH}/diff")
async def differences_page(visit: CurrentVisit) -> Response[Any]:
    """What differs between any two versions."""
    visit.caller.require("categories.view")
    asked = visit.request.query_params
    new, after = await _document(visit, asked.get("to") or "live")
    if asked.get("from") == "0":
        old, before = 0, RuleSetDocument(name=after.name, time_zone=after.time_zone)
    else:
        old, before = await _document(visit, asked.get("from") or str(max(new - 1, 1)))
    return show(
        visit,
        "configuration/version_diff.html",
        "drafts",
        old=old,
        new=new,
        changes=changes_of(diff(before, after), before, after, visit.t),
        versions=await version_lines(visit),
    )


@get(f"{PATH}/{{version:int}}/file")
async def version_file(visit: CurrentVisit, version: FromPath[int]) -> Response[str]:
    """A version as YAML, to keep or to edit elsewhere."""
    visit.caller.require("categories.view")
    number, document = await _document(visit, str(version))
    return yaml_file(document, f"rule-set-{number}")


@get("/configuration/drafts/{draft:uuid}/file")
async def draft_file(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[str]:
    """A draft as YAML."""
    found = await rule_set_draft.get(editor_of(visit), draft)
    return yaml_file(found.parsed, "rule-set-draft")


def yaml_file(document: RuleSetDocument, name: str) -> Response[str]:
    return Response(
        rule_set.to_yaml(document),
        media_type="application/yaml; charset=utf-8",
        headers={**HEADERS, "Content-Disposition": f'attachment; filename="{name}.yaml"'},
    )


@get(f"{PATH}/{{version:int}}/rollback")
async def rollback_dialog(visit: CurrentVisit, version: FromPath[int]) -> Response[Any]:
    """What going back would change."""
    visit.caller.require("rulesets.publish")
    return visit.page("components/dialog.html", form=await _rollback_form(visit, version, ""), error=None)


async def _rollback_form(visit: Visit, version: int, comment: str) -> Form:
    t = visit.t
    live, now = await rule_set_draft.live_document(visit.services.runtime)
    _, then = await _document(visit, str(version))
    options = [(r, t(f"reclassify.{r}")) for r in rule_set.RECLASSIFY]
    return Form(
        action=f"{PATH}/{version}/rollback",
        title=t("version.rollback_title", version=version),
        text=t("version.rollback_text", n=len(diff(now, then)), live=live or 0),
        fields=[
            Field("comment", t("configuration.comment"), value=comment),
            Field("reclassify", t("review.reclassify"), "select", "changed", options),
        ],
        submit=t("version.rollback_do"),
        hidden=[("live", str(live or ""))],
        danger=True,
    )


@post(f"{PATH}/{{version:int}}/rollback", status_code=200)
async def roll_back(visit: CurrentVisit, version: FromPath[int]) -> Response[Any]:
    """Makes an earlier version's rules live again, as a new version."""
    form = dict(await visit.request.form())
    live = str(form.get("live") or "")
    comment = str(form.get("comment") or "").strip()
    try:
        how = How(
            expected=int(live) if live.isdigit() else None,
            comment=comment or visit.t("version.rollback_comment", version=version),
            reclassify=str(form.get("reclassify") or "changed"),
        )
        done = await rule_set_edit.roll_back(editor_of(visit), str(version), how)
    except OpenIwdError as error:
        again = await _rollback_form(visit, version, comment)
        return visit.page("components/dialog.html", status=422, form=again, error=error)
    run = f"&run={done.reclassification}" if done.reclassification is not None else ""
    return redirect(f"/configuration/drafts?published={done.version}{run}", htmx=True)


async def draft_of_file(visit: Visit) -> Draft:
    """A draft of what an uploaded file says; RuleSetError with the place where it cannot be read."""
    visit.caller.require(CHANGE)
    upload = (await visit.request.form()).get("file")
    if not isinstance(upload, UploadFile):
        raise RuleSetError(visit.t("version.no_file"), field="file", hint="")
    try:
        source = (await upload.read()).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RuleSetError(visit.t("version.not_text"), field="file", hint="") from error
    document = parse_document(rule_set.read_source(source))
    name = visit.t("version.uploaded", file=(upload.filename or "YAML")[:120])
    return await rule_set_draft.create(editor_of(visit), name, document)


PAGES: Final[list[Any]] = [differences_page, version_file, draft_file, rollback_dialog, roll_back]
