"""Drafts on trial: shadows, which decide without effect, and canaries, which judge a share of the new items."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from openiwd.api.editing import CurrentEditor
from openiwd.domain.shadow import DivergenceKind
from openiwd.usecases import canary, shadow
from openiwd.usecases.canary import CanaryInput, CanaryView
from openiwd.usecases.shadow import PAGE, ShadowInput, ShadowView

_TAGS: Final = ["configuration"]

Before = Annotated[
    int | None, QueryParameter(name="before", ge=1, description="The `next` of the answer before.")
]
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=500)]
Kind = Annotated[
    DivergenceKind | None, QueryParameter(name="kind", description="Only items that differ in this.")
]
Category = Annotated[
    str | None,
    QueryParameter(
        name="category",
        max_length=1_000,
        description="Only items that the live rules put here; empty: nowhere.",
    ),
]
JudgeAgain = Annotated[
    bool,
    QueryParameter(
        name="judgeAgain",
        description="Whether open items that the canary has judged are judged again by the live rules.",
    ),
]


class RunningCanary(Struct):
    """The canary that runs, if one does."""

    canary: CanaryView | None


@post("/rulesets/drafts/{draft_id:uuid}/shadow", tags=_TAGS, operation_id="setShadow", status_code=200)
async def set_shadow(
    editor: CurrentEditor, draft_id: FromPath[UUID], data: JSONBody[ShadowInput]
) -> ShadowView:
    """Starts or stops the draft's shadow. Started, it judges what the live rules judge, and nothing comes of it."""
    if data.on:
        return await shadow.start(editor, draft_id, data.sample)
    return await shadow.stop(editor, draft_id)


@get("/rulesets/drafts/{draft_id:uuid}/shadow", tags=_TAGS, operation_id="getShadow")
async def get_shadow(
    editor: CurrentEditor,
    draft_id: FromPath[UUID],
    before: Before = None,
    limit: Limit = PAGE,
    kind: Kind = None,
    category: Category = None,
) -> ShadowView:
    """What the shadow has found since `countedFrom`: sums, by category, and the items that diverge, latest first."""
    return await shadow.view(editor, draft_id, before, limit, kind=kind, category=category)


@post("/rulesets/drafts/{draft_id:uuid}/canary", tags=_TAGS, operation_id="startCanary", status_code=201)
async def start_canary(
    editor: CurrentEditor, draft_id: FromPath[UUID], data: JSONBody[CanaryInput]
) -> CanaryView:
    """Lets the draft judge a share of the new items. It rolls itself back when one of the guards is passed.

    The draft's calendars, schemas, queues and media types are not tried (`notTried`): they come with publishing.
    """
    return await canary.start(editor, draft_id, data)


@get("/rulesets/drafts/{draft_id:uuid}/canary", tags=_TAGS, operation_id="getCanary")
async def get_canary(editor: CurrentEditor, draft_id: FromPath[UUID]) -> CanaryView:
    """The draft's last canary, running or ended, with both sides. To promote it, publish the draft."""
    return await canary.get(editor, draft_id)


@delete("/rulesets/drafts/{draft_id:uuid}/canary", tags=_TAGS, operation_id="stopCanary", status_code=200)
async def stop_canary(
    editor: CurrentEditor, draft_id: FromPath[UUID], judge_again: JudgeAgain = True
) -> CanaryView:
    """Stops the canary: the live rules judge everything again."""
    return await canary.stop(editor, draft_id, judge_again=judge_again)


@get("/rulesets/canary", tags=_TAGS, operation_id="getRunningCanary")
async def running_canary(editor: CurrentEditor) -> RunningCanary:
    """The canary that runs in this tenant, if one does."""
    return RunningCanary(await canary.running(editor))


HANDLERS: Final[list[Any]] = [
    set_shadow,
    get_shadow,
    start_canary,
    get_canary,
    stop_canary,
    running_canary,
]
