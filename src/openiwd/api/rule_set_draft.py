"""Drafts of the rule set: begun, looked at, published and discarded. Their objects are changed with `?draft=`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.api.editing import Comment, CurrentEditor, Reclassify, etag, how
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.rule_set_diff import ObjectDifference
from openiwd.usecases import rule_set_draft, rule_set_edit, rule_set_lint
from openiwd.usecases.rule_set_draft import Draft, DraftName, Fault
from openiwd.usecases.rule_set_edit import Published
from openiwd.usecases.rule_set_lint import LintReport

_TAGS: Final = ["configuration"]


class DraftInput(Struct, forbid_unknown_fields=True):
    name: DraftName


class UpdateInput(Struct, forbid_unknown_fields=True):
    """`choices` says `mine` or `theirs` by object, such as `queues/motor_l1`, where both sides have changed it."""

    choices: dict[str, Literal["mine", "theirs"]] = {}


class DraftSummary(Struct, kw_only=True, rename="camel"):
    """A draft without its document."""

    id: UUID
    name: str
    base: int | None
    revision: int
    created_at: datetime
    changed_at: datetime
    changed_by: list[str]


class Drafts(Struct):
    drafts: list[DraftSummary]


class DraftView(DraftSummary, kw_only=True, rename="camel"):
    """A draft with what it changes and what keeps it from being published."""

    document: RuleSetDocument
    differences: list[ObjectDifference]
    faults: list[Fault]


def _summary(draft: Draft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in DraftSummary.__struct_fields__}


@get("/rulesets/drafts", tags=_TAGS, operation_id="listDrafts")
async def list_drafts(editor: CurrentEditor) -> Drafts:
    """All drafts, the last changed first."""
    return Drafts([DraftSummary(**_summary(d)) for d in await rule_set_draft.drafts(editor)])


@post("/rulesets/drafts", tags=_TAGS, operation_id="createDraft", status_code=201)
async def create_draft(editor: CurrentEditor, data: JSONBody[DraftInput]) -> Response[DraftSummary]:
    """A new draft of the live rule set. Change its objects with `?draft=` at their own addresses."""
    made = await rule_set_draft.create(editor, data.name)
    return Response(DraftSummary(**_summary(made)), headers=etag(made.revision))


@get("/rulesets/drafts/{draft_id:uuid}", tags=_TAGS, operation_id="getDraft")
async def get_draft(editor: CurrentEditor, draft_id: FromPath[UUID]) -> Response[DraftView]:
    """A draft in full: its document, what it changes, and its faults."""
    draft = await rule_set_draft.get(editor, draft_id)
    view = DraftView(
        **_summary(draft),
        document=draft.parsed,
        differences=await rule_set_draft.differences(editor, draft),
        faults=await rule_set_draft.faults_of(editor, draft.document),
    )
    return Response(view, headers=etag(draft.revision))


@put("/rulesets/drafts/{draft_id:uuid}", tags=_TAGS, operation_id="renameDraft")
async def rename_draft(
    editor: CurrentEditor, draft_id: FromPath[UUID], data: JSONBody[DraftInput]
) -> Response[DraftSummary]:
    """Gives a draft another name."""
    draft = await rule_set_draft.rename(editor, draft_id, data.name)
    return Response(DraftSummary(**_summary(draft)), headers=etag(draft.revision))


@delete("/rulesets/drafts/{draft_id:uuid}", tags=_TAGS, operation_id="discardDraft", status_code=204)
async def discard_draft(editor: CurrentEditor, draft_id: FromPath[UUID]) -> None:
    """Throws a draft away; the live rule set is not touched."""
    await rule_set_draft.discard(editor, draft_id)


@post("/rulesets/drafts/{draft_id:uuid}/update", tags=_TAGS, operation_id="updateDraft", status_code=200)
async def update_draft(
    call: CurrentCall, editor: CurrentEditor, draft_id: FromPath[UUID], data: JSONBody[UpdateInput]
) -> Response[DraftSummary]:
    """Takes what was published meanwhile into the draft. 409 `changedOnBothSides` with the objects left to choose."""
    draft = await rule_set_draft.bring_up_to_date(editor, draft_id, data.choices, call.if_match)
    return Response(DraftSummary(**_summary(draft)), headers=etag(draft.revision))


@post("/rulesets/drafts/{draft_id:uuid}/publish", tags=_TAGS, operation_id="publishDraft", status_code=201)
async def publish_draft(
    call: CurrentCall,
    editor: CurrentEditor,
    draft_id: FromPath[UUID],
    comment: Comment = None,
    reclassify: Reclassify = "changed",
) -> Response[Published]:
    """Makes the draft the live rule set. 409 `ruleSetChanged` with the differences if another version is live now."""
    done = await rule_set_edit.publish_draft(editor, draft_id, how(call, comment, reclassify))
    return Response(done, headers=etag(done.version))


@get("/rulesets/drafts/{draft_id:uuid}/lint", tags=_TAGS, operation_id="lintDraft")
async def lint_draft(editor: CurrentEditor, draft_id: FromPath[UUID]) -> LintReport:
    """What is odd about a draft: its faults, else what never matches, is never reached, or nobody can take."""
    return await rule_set_lint.of_draft(editor, draft_id)


HANDLERS: Final[list[Any]] = [
    list_drafts,
    create_draft,
    get_draft,
    rename_draft,
    discard_draft,
    update_draft,
    publish_draft,
    lint_draft,
]
