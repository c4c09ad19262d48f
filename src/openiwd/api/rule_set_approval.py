"""Four eyes: approving drafts, and what a tenant asks for before something goes live."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.api.editing import Comment, CurrentEditor, Reason, etag
from openiwd.usecases import rule_set_approval
from openiwd.usecases.rule_set_approval import RuleSetSettings
from openiwd.usecases.rule_set_draft import Approval

_TAGS: Final = ["configuration"]
_PATH: Final = "/rulesets/drafts/{draft_id:uuid}/approval"


class Approved(Struct):
    """`approval` null: nobody has approved the draft as it is now."""

    approval: Approval | None


@get("/rulesets/settings", tags=_TAGS, operation_id="getRuleSetSettings")
async def get_settings(editor: CurrentEditor) -> Response[RuleSetSettings]:
    """What the tenant asks for before a rule set goes live."""
    found, revision = await rule_set_approval.settings(editor)
    return Response(found, headers=etag(revision))


@put("/rulesets/settings", tags=_TAGS, operation_id="putRuleSetSettings")
async def put_settings(
    call: CurrentCall, editor: CurrentEditor, data: JSONBody[RuleSetSettings], reason: Reason = None
) -> Response[RuleSetSettings]:
    """Changes it. With `fourEyes` a draft needs the approval of somebody who did not write it, and nothing else goes
    live but an earlier version by rollback. For administrators; audited.
    """
    revision = await rule_set_approval.save_settings(editor, data, call.if_match, reason)
    return Response(data, headers=etag(revision))


@post(_PATH, tags=_TAGS, operation_id="approveDraft", status_code=200)
async def approve(
    call: CurrentCall, editor: CurrentEditor, draft_id: FromPath[UUID], comment: Comment = None
) -> Response[Approved]:
    """Approves the draft as it is (with `If-Match`: only if that is its revision). Any change voids the approval.

    403 `ownDraft` for whoever has changed it, `approvalByKey` for an API key.
    """
    done = await rule_set_approval.approve(editor, draft_id, call.if_match, comment)
    return Response(Approved(done.approved), headers=etag(done.revision))


@delete(_PATH, tags=_TAGS, operation_id="withdrawApproval", status_code=204)
async def withdraw(editor: CurrentEditor, draft_id: FromPath[UUID], reason: Reason = None) -> None:
    """Takes back the approval of a draft."""
    await rule_set_approval.withdraw(editor, draft_id, reason)


HANDLERS: Final[list[Any]] = [get_settings, put_settings, approve, withdraw]
