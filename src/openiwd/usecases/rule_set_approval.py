"""Four eyes: where a tenant asks for it, a draft goes live only once somebody who did not write it has approved it.

An approval belongs to one revision of a draft: any change voids it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from openiwd.domain.errors import ConflictError, ForbiddenError
from openiwd.usecases import rule_set_draft
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set_draft import Approval, Draft, changed_meanwhile, hand_of

PRIVILEGE = "rulesets.publish"


class RuleSetSettings(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What the tenant asks for before a rule set goes live."""

    four_eyes: bool = False


async def settings(editor: Editor) -> tuple[RuleSetSettings, int]:
    """The settings and their revision (0: the defaults)."""
    editor.caller.require("categories.view")
    return await _settings(editor)


async def _settings(editor: Editor) -> tuple[RuleSetSettings, int]:
    async with editor.services.runtime.store.reading() as reading:
        body, revision = await reading.rule_set_setting()
    return msgspec.convert(body, RuleSetSettings), revision


async def save_settings(
    editor: Editor, wanted: RuleSetSettings, expected: int | None, reason: str | None = None
) -> int:
    """Changes the settings: for administrators, not for those whom they bind."""
    editor.caller.require("users.update")
    before, _ = await _settings(editor)
    async with editor.services.runtime.store.writing() as tx:
        revision = await tx.save_rule_set_setting(msgspec.to_builtins(wanted), revision=expected)
        await editor.tell(tx, "rule_set_setting", "rule_set", "updated", revision)
    editor.services.runtime.committed()
    await editor.note("updated", "ruleSetSetting", "rule_set", before, wanted, reason=reason)
    return revision


def may_approve(editor: Editor, draft: Draft) -> bool:
    """Whether the caller is somebody else than those who wrote the draft; a key is nobody."""
    return (
        editor.caller.may(PRIVILEGE)
        and editor.caller.login is not None
        and hand_of(editor) not in draft.changed_by
    )


async def approve(editor: Editor, draft_id: UUID, expected: int | None, comment: str | None = None) -> Draft:
    """Approves the draft as it is, or as it was at the revision `expected`, if it still is that one."""
    editor.caller.require(PRIVILEGE)
    draft = await rule_set_draft.get(editor, draft_id)
    if expected is not None and expected != draft.revision:
        raise await changed_meanwhile(editor, draft, expected)
    if editor.caller.login is None:
        raise ForbiddenError(
            "a key does not approve", code="approvalByKey", hint="log in as a user: a person approves"
        )
    if hand_of(editor) in draft.changed_by:
        raise ForbiddenError(
            "who wrote a draft does not approve it",
            code="ownDraft",
            field="draft",
            hint="ask somebody who has not changed it",
        )
    approval = Approval(
        by=hand_of(editor), at=editor.services.runtime.now(), revision=draft.revision + 1, comment=comment
    )
    approved = await rule_set_draft.save(
        editor, msgspec.structs.replace(draft, approval=approval), draft.revision
    )
    await _note(editor, "approved", approved, comment)
    return approved


async def withdraw(editor: Editor, draft_id: UUID, reason: str | None = None) -> Draft:
    """Takes back an approval: who gave it, or anybody who may give one."""
    editor.caller.require(PRIVILEGE)
    draft = await rule_set_draft.get(editor, draft_id)
    if draft.approved is None:
        raise ConflictError(
            "the draft is not approved", code="notApproved", field="draft", hint="see the draft"
        )
    after = await rule_set_draft.save(editor, msgspec.structs.replace(draft, approval=None), draft.revision)
    await _note(editor, "approvalWithdrawn", after, reason)
    return after


async def _note(editor: Editor, action: str, draft: Draft, reason: str | None) -> None:
    await editor.note(
        action, "ruleSetDraft", str(draft.id), name=draft.name, revision=draft.revision, reason=reason
    )


async def require_approved(editor: Editor, draft: Draft | None) -> dict[str, Any] | None:
    """Refuses what goes live without the approval that the tenant asks for; what is to be audited of it.

    `draft` None: a change that is live at once, which nobody can have approved.
    """
    wanted, _ = await _settings(editor)
    approval = draft.approved if draft is not None else None
    if approval is None and wanted.four_eyes:
        raise ConflictError(
            "somebody else must approve this first",
            code="approvalNeeded",
            field="draft",
            hint="ask for an approval of the draft"
            if draft is not None
            else "change it in a draft, and have that approved",
        )
    return None if approval is None else msgspec.to_builtins(approval)
