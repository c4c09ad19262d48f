"""Drafts and versions of the rule set: the lists, beginning a draft, and throwing one away."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import OpenIwdError, RuleSetError
from openiwd.domain.rule_set_diff import diff
from openiwd.usecases import rule_set_approval, rule_set_draft
from openiwd.web.configuration.drafting import (
    CHANGE,
    editor_of,
    hands_text,
    in_draft,
    local_path,
    names_of,
    own_draft,
)
from openiwd.web.configuration.navigation import show
from openiwd.web.configuration.version_page import draft_of_file, version_lines
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.time_text import Moment
from openiwd.web.shell.visit import CurrentVisit, Visit

SHOWN_VERSIONS: Final = 30
MAX_FAULTS: Final = 12
_RUN: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class DraftLine(NamedTuple):
    id: UUID
    name: str
    base: int | None
    outdated: bool
    changes: int
    hands: str
    changed: Moment | None
    trials: list[str]
    """Of shadow and canary, what runs."""


async def draft_lines(visit: Visit, live: int | None, document: Any) -> list[DraftLine]:
    names = await names_of(visit)
    async with visit.services.runtime.store.reading() as reading:
        shadows = {s.draft_id for s in await reading.shadows()}
        canary = await reading.running_canary()
    tried = {"shadow": shadows, "canary": set() if canary is None else {canary.draft_id}}
    return [
        DraftLine(
            d.id,
            d.name,
            d.base,
            d.base != live,
            len(diff(document, d.parsed)),
            hands_text(visit, d, names),
            visit.times.moment(d.changed_at),
            [name for name, of in tried.items() if d.id in of],
        )
        for d in await rule_set_draft.drafts(editor_of(visit))
    ]


async def _page(visit: Visit, error: OpenIwdError | None = None) -> Response[str]:
    """Drafts and versions; `error` is what is wrong with a file."""
    visit.caller.require("categories.view")
    live, document = await rule_set_draft.live_document(visit.services.runtime)
    versions = await version_lines(visit)
    asked = visit.request.query_params
    published = str(asked.get("published") or "")
    run = str(asked.get("run") or "")
    settings, settings_revision = await rule_set_approval.settings(editor_of(visit))
    return show(
        visit,
        "configuration/drafts.html",
        "drafts",
        status=422 if error is not None else 200,
        drafts=await draft_lines(visit, live, document),
        versions=versions if asked.get("all") else versions[:SHOWN_VERSIONS],
        all_versions=versions,
        published=int(published) if published.isdigit() else None,
        run=run if _RUN.fullmatch(run) and visit.caller.may("workitems.bulk") else "",
        four_eyes=settings.four_eyes,
        settings_revision=settings_revision,
        error=error,
        faults=list(error.details.get("errors") or [])[:MAX_FAULTS] if error is not None else [],
    )


@get("/configuration/drafts")
async def drafts_page(visit: CurrentVisit) -> Response[Any]:
    """All drafts of the tenant, and all versions that were published."""
    return await _page(visit)


@post("/configuration/upload", status_code=200)
async def upload(visit: CurrentVisit) -> Response[Any]:
    """Makes a draft of a file, or says where it cannot be read."""
    try:
        draft = await draft_of_file(visit)
    except RuleSetError as error:
        return await _page(visit, error)
    return redirect(f"/configuration/drafts/{draft.id}")


@post("/configuration/draft")
async def edit_in_draft(visit: CurrentVisit) -> Response[Any]:
    """Goes on with the visitor's last draft, or begins one, at the page that asked."""
    visit.caller.require(CHANGE)
    form = await visit.request.form()
    draft = await own_draft(visit)
    return redirect(in_draft(local_path(str(form.get("at") or "")), draft.id))


@get("/configuration/drafts/{draft:uuid}/discard")
async def discard_dialog(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """What would be thrown away."""
    visit.caller.require(CHANGE)
    found = await rule_set_draft.get(editor_of(visit), draft)
    changes = len(await rule_set_draft.differences(editor_of(visit), found))
    form = Form(
        action=f"/configuration/drafts/{draft}/discard",
        title=visit.t("draft.discard_title"),
        text=visit.t("draft.discard_text", name=found.name, n=changes),
        fields=[Field("reason", visit.t("draft.reason"))],
        submit=visit.t("draft.discard_do"),
        danger=True,
    )
    return visit.page("components/dialog.html", form=form, error=None)


@post("/configuration/drafts/{draft:uuid}/discard", status_code=200)
async def discard(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """Throws a draft away."""
    reason = str((await visit.request.form()).get("reason") or "").strip()[:1_000]
    await rule_set_draft.discard(editor_of(visit), draft, reason or None)
    return redirect("/configuration/drafts", htmx=True)


PAGES: Final[list[Any]] = [drafts_page, upload, edit_in_draft, discard_dialog, discard]
