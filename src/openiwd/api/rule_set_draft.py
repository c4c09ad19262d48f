"""Drafts of the rule set: begun, looked at, published and discarded. Their objects are changed with `?draft=`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.api.editing import (
    LARGE,
    Comment,
    CurrentEditor,
    DespiteTests,
    DryRun,
    Reason,
    Reclassify,
    etag,
    how,
)
from openiwd.api.rule_set import YAML, read_body
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.rule_set_diff import ObjectDifference
from openiwd.usecases import rule_set, rule_set_draft, rule_set_edit, rule_set_import, rule_set_lint
from openiwd.usecases.rule_set_draft import Approval, Draft, DraftName, Fault
from openiwd.usecases.rule_set_edit import Published
from openiwd.usecases.rule_set_import import Imported
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
    approval: Approval | None
    """Null: nobody has approved the draft as it is."""


class Drafts(Struct):
    drafts: list[DraftSummary]


class DraftView(DraftSummary, kw_only=True, rename="camel"):
    """A draft with what it changes and what keeps it from being published."""

    document: RuleSetDocument
    differences: list[ObjectDifference]
    faults: list[Fault]


def _summary(draft: Draft) -> dict[str, Any]:
    values = {name: getattr(draft, name) for name in DraftSummary.__struct_fields__}
    return {**values, "approval": draft.approved}


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
async def discard_draft(editor: CurrentEditor, draft_id: FromPath[UUID], reason: Reason = None) -> None:
    """Throws a draft away; the live rule set is not touched."""
    await rule_set_draft.discard(editor, draft_id, reason)


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
    despite_tests: DespiteTests = None,
) -> Response[Published]:
    """Makes the draft the live rule set. 409 `ruleSetChanged` with the differences if another version is live now,
    `testsFailed` when its tests fail, `approvalNeeded` where the tenant asks for four eyes.

    Open items are judged again by the bulk run that `reclassification` names.
    """
    told = how(call, comment, reclassify, None, despite_tests)
    done = await rule_set_edit.publish_draft(editor, draft_id, told)
    return Response(done, headers=etag(done.version))


@get("/rulesets/drafts/{draft_id:uuid}/lint", tags=_TAGS, operation_id="lintDraft")
async def lint_draft(editor: CurrentEditor, draft_id: FromPath[UUID]) -> LintReport:
    """What is odd about a draft: its faults, else what never matches, is never reached, or nobody can take."""
    return await rule_set_lint.of_draft(editor, draft_id)


@get("/rulesets/drafts/{draft_id:uuid}/file", tags=_TAGS, operation_id="exportDraft")
async def export_draft(editor: CurrentEditor, draft_id: FromPath[UUID]) -> Response[bytes]:
    """The draft's document as YAML. Imported again it is the same document, and exported again the same bytes."""
    draft = await rule_set_draft.get(editor, draft_id)
    return Response(rule_set.to_yaml(draft.parsed).encode(), media_type=YAML, headers=etag(draft.revision))


@post(
    "/rulesets/drafts/import",
    tags=_TAGS,
    operation_id="importDraft",
    status_code=201,
    request_max_body_size=LARGE,
)
async def import_draft(
    call: CurrentCall,
    editor: CurrentEditor,
    request: Request[Any, Any, Any],
    name: Annotated[str | None, QueryParameter(name="name", min_length=1, max_length=200)] = None,
    draft: Annotated[
        UUID | None,
        QueryParameter(
            name="draft", description="The draft whose document is replaced; left out: a new draft."
        ),
    ] = None,
    dry_run: DryRun = False,
) -> Response[Imported]:
    """Takes a whole document (YAML, or JSON) into a draft. With `dryRun` answers 200 with how it differs from what is
    live and what is wrong with it, and stores nothing.
    """
    raw, _ = read_body(await request.body(), request.headers.get("content-type"))
    if dry_run:
        return Response(await rule_set_import.look(editor, raw), status_code=200)
    done = await rule_set_import.take(editor, raw, name=name, draft_id=draft, expected=call.if_match)
    return Response(done, status_code=201 if draft is None else 200, headers=etag(done.revision))


HANDLERS: Final[list[Any]] = [
    list_drafts,
    create_draft,
    get_draft,
    rename_draft,
    discard_draft,
    update_draft,
    publish_draft,
    lint_draft,
    export_draft,
    import_draft,
]
