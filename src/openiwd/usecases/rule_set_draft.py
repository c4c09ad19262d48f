"""Drafts of the rule set: a whole document that several people change before it is published.

A draft may hold what does not compile yet; its faults are told, and it cannot be published until there are none.
Every change needs the revision it was made from, or is made on whatever is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from openiwd.domain.errors import ConflictError, NotFoundError, RevisionMismatchError, RuleSetError
from openiwd.domain.rule_set import RuleSetDocument, parse_document
from openiwd.domain.rule_set_diff import ObjectDifference, diff
from openiwd.domain.rule_set_merge import Merged, merge
from openiwd.ports.tenant_store import Reading, Writing
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set import check, read_version
from openiwd.usecases.tenant_runtime import TenantRuntime

KIND: Final = "rule_set_draft"
TRIES: Final = 5
MAX_NAME: Final = 200
TOLD_DIFFERENCES: Final = 50
TOLD_EDITS: Final = 20

DraftName = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]


class Approval(Struct, kw_only=True, rename="camel"):
    """Somebody who did not write the draft agrees to it as it is at this revision; at any other it counts nothing."""

    by: str
    at: datetime
    revision: int
    comment: str | None = None


class Draft(Struct, kw_only=True, rename="camel"):
    """A rule set that is being changed."""

    id: UUID
    name: DraftName
    base: int | None
    """The version that was live when the draft was begun, or last brought up to date; None: there was none."""
    document: dict[str, Any]
    revision: int
    created_at: datetime
    changed_at: datetime
    changed_by: list[str]
    """Who has had a hand in it, who changed it last at the end."""
    approval: Approval | None = None

    @property
    def approved(self) -> Approval | None:
        """The approval, if nothing was changed since."""
        approval = self.approval
        return approval if approval is not None and approval.revision == self.revision else None

    @property
    def parsed(self) -> RuleSetDocument:
        return parse_document(self.document)


class Fault(Struct, kw_only=True, omit_defaults=True):
    """Something that must be mended before the draft can be published."""

    field: str | None
    message: str
    hint: str | None = None


class Edit(Struct, kw_only=True):
    """What an edit did to the plain document."""

    kind: str
    id: str
    path: str
    """Of the object in the changed document: faults below it are told by the object's own field names."""
    before: Any = None
    after: Any = None


Change = Callable[[dict[str, Any]], Edit]
"""Changes the plain document it is given; may be called again on another one."""


async def live_document(runtime: TenantRuntime) -> tuple[int | None, RuleSetDocument]:
    """The live version and its document; an empty document named like the tenant when none is published yet."""
    async with runtime.store.reading() as reading:
        version = await reading.live_version()
        stored = await reading.rule_set(version) if version is not None else None
    if stored is None:
        return None, RuleSetDocument(name=runtime.tenant.name, time_zone=runtime.tenant.time_zone)
    return stored.version, parse_document(stored.document)


async def document_of(editor: Editor, draft_id: UUID | None) -> tuple[int | None, RuleSetDocument]:
    """The draft's revision and document, or without a draft the live version and its document."""
    if draft_id is None:
        return await live_document(editor.services.runtime)
    draft = await get(editor, draft_id)
    return draft.revision, draft.parsed


async def drafts(editor: Editor) -> list[Draft]:
    """All drafts of the tenant, the last changed first."""
    editor.caller.require("categories.view")
    async with editor.services.runtime.store.reading() as reading:
        found = await _all(reading)
    return sorted(found, key=lambda d: (d.changed_at, str(d.id)), reverse=True)


async def _all(reading: Reading) -> list[Draft]:
    return [msgspec.convert(raw, Draft) for raw in await reading.objects(KIND)]


async def get(editor: Editor, draft_id: UUID) -> Draft:
    """One draft; NotFoundError when it is published, discarded or was never there."""
    found = next((d for d in await drafts(editor) if d.id == draft_id), None)
    if found is None:
        raise NotFoundError(
            f"there is no draft {draft_id}",
            field="draft",
            hint="it may have been published or discarded: see the list of drafts",
        )
    return found


async def create(editor: Editor, name: str, document: RuleSetDocument | None = None) -> Draft:
    """A new draft, of the live rule set or of the document given."""
    editor.caller.require("categories.update")
    runtime = editor.services.runtime
    base, live = await live_document(runtime)
    now = runtime.now()
    draft = Draft(
        id=runtime.new_id(),
        name=name,
        base=base,
        document=msgspec.to_builtins(document or live),
        revision=0,
        created_at=now,
        changed_at=now,
        changed_by=[hand_of(editor)],
    )
    made = await save(editor, draft, None)
    await editor.note("created", "ruleSetDraft", str(draft.id), name=name, base=base)
    return made


def hand_of(editor: Editor) -> str:
    """Who edits, as a draft names its hands."""
    return editor.caller.login or editor.caller.actor


def _hands(draft: Draft, editor: Editor) -> list[str]:
    """Who has had a hand in the draft, the editor last."""
    hand = hand_of(editor)
    return [*(who for who in draft.changed_by if who != hand), hand]


async def save(
    editor: Editor,
    draft: Draft,
    revision: int | None,
    differences: Sequence[ObjectDifference] = (),
    *,
    is_change: bool = False,
) -> Draft:
    """Stores a draft that was at this revision (None: a new one), with what the new revision has changed.

    A change is refused while the draft judges items as a canary; an approval is none.
    """
    body = {k: v for k, v in msgspec.to_builtins(draft).items() if k != "revision"}
    async with editor.services.runtime.store.writing() as tx:
        if is_change:
            await _refuse_while_tried(tx, draft)
        stored = await tx.save_object(KIND, {**body, "id": draft.id}, revision=revision)
        if differences:
            told = msgspec.to_builtins(differences[:TOLD_DIFFERENCES])
            edit = {"at": draft.changed_at.isoformat(), "by": hand_of(editor), "differences": told}
            await tx.add_draft_edit(draft.id, stored, edit)
        await editor.tell(tx, KIND, str(draft.id), "created" if revision is None else "updated", stored)
    editor.services.runtime.committed()
    return msgspec.structs.replace(draft, revision=stored)


async def _refuse_while_tried(tx: Writing, draft: Draft) -> None:
    """A draft that judges items as a canary stands still: what its items were judged by must be what is looked at."""
    judging = await tx.share_live_rules()
    canary = None if judging.canary is None else await tx.running_canary()
    if canary is not None and canary.draft_id == draft.id:
        raise ConflictError(
            f"the canary of '{draft.name}' is running: the draft cannot be changed meanwhile",
            code="canaryRunning",
            field="draft",
            hint="stop the canary first, or make the change in another draft",
        )


async def _changed(editor: Editor, draft: Draft, **fields: Any) -> Draft:
    """The draft with these fields, stored: the editor has had a hand in it, and an approval of before is void."""
    after = msgspec.structs.replace(draft, approval=None, **fields)
    differences = diff(draft.parsed, after.parsed)
    stored = await save(editor, after, draft.revision, differences, is_change=True)
    told = [{"kind": d.kind, "id": d.id, "change": d.change} for d in differences[:TOLD_DIFFERENCES]]
    if told:
        await editor.note(
            "updated",
            "ruleSetDraft",
            str(draft.id),
            name=after.name,
            revision=stored.revision,
            differences=told,
        )
    if draft.approved is not None:
        await editor.note(
            "approvalVoided", "ruleSetDraft", str(draft.id), name=after.name, approval=draft.approved
        )
    return stored


async def rename(editor: Editor, draft_id: UUID, name: str) -> Draft:
    """Gives a draft another name."""
    editor.caller.require("categories.update")
    draft = await get(editor, draft_id)
    after = await _changed(editor, draft, name=name)
    await editor.note("renamed", "ruleSetDraft", str(draft.id), {"name": draft.name}, {"name": name})
    return after


async def change(
    editor: Editor, draft_id: UUID, expected: int | None, edit: Change
) -> tuple[Draft, Edit, bool]:
    """Applies an edit to a draft; the draft after it, what was done, and whether anything changed.

    `expected` is the revision that the edit was made from: RevisionMismatchError when it is another one. Faults of the
    object that was edited are refused (RuleSetError, by its own field names); faults elsewhere stay and are told.
    """
    for attempt in range(TRIES):
        draft = await get(editor, draft_id)
        if expected is not None and expected != draft.revision:
            raise await changed_meanwhile(editor, draft, expected)
        raw = msgspec.to_builtins(draft.document)
        done = edit(raw)
        try:
            document = parse_document(raw)
        except RuleSetError as error:
            raise own_fields(error, done.path) from error
        if document == draft.parsed:
            return draft, done, False
        await _refuse_own_faults(editor, raw, done)
        try:
            after = await _changed(
                editor,
                draft,
                document=msgspec.to_builtins(document),
                changed_at=editor.services.runtime.now(),
                changed_by=_hands(draft, editor),
            )
        except RevisionMismatchError:
            if expected is not None or attempt == TRIES - 1:
                now = await get(editor, draft_id)
                raise await changed_meanwhile(editor, now, expected or draft.revision) from None
            continue
        return after, done, True
    raise AssertionError


async def changed_meanwhile(editor: Editor, draft: Draft, expected: int) -> RevisionMismatchError:
    """The refusal to overwrite what others have changed since a revision, with what that is, by whom and when."""
    async with editor.services.runtime.store.reading() as reading:
        edits = await reading.draft_edits(draft.id, expected)
    return RevisionMismatchError(
        f"'{draft.name}' was changed by {draft.changed_by[-1]} since you loaded it",
        field="If-Match",
        hint="load it again, and repeat the change on it",
        current_revision=draft.revision,
        expected_revision=expected,
        edits=edits[-TOLD_EDITS:],
    )


async def _refuse_own_faults(editor: Editor, raw: dict[str, Any], done: Edit) -> None:
    found = await faults_of(editor, raw)
    own = [f for f in found if done.path and f.field is not None and _is_own(f.field, done.path)]
    if own:
        first = own[0]
        faults = [msgspec.to_builtins(f) for f in own]
        whole = RuleSetError(first.message, field=first.field, hint=first.hint, errors=faults)
        raise own_fields(whole, done.path)


def _is_own(field: str, path: str) -> bool:
    """Whether the field belongs to the object at the path itself, not to one of its children or to a longer number."""
    rest = field.removeprefix(path)
    return field.startswith(path) and rest[:1] in ("", ".", "[") and not rest.startswith(".children[")


async def faults_of(editor: Editor, raw: dict[str, Any]) -> list[Fault]:
    """What keeps a document from being published; empty when nothing does."""
    try:
        await check(editor.services.runtime, editor.holidays, raw)
    except RuleSetError as error:
        return faults_in(error)
    return []


def faults_in(error: RuleSetError) -> list[Fault]:
    """All faults that an error tells of."""
    listed = error.details.get("errors") or [
        {"field": error.field, "message": error.message, "hint": error.hint}
    ]
    return [Fault(field=e.get("field"), message=str(e.get("message")), hint=e.get("hint")) for e in listed]


async def differences(editor: Editor, draft: Draft) -> list[ObjectDifference]:
    """From the live rule set to the draft."""
    _, live = await live_document(editor.services.runtime)
    return diff(live, draft.parsed)


def outdated(draft: Draft, live: int | None, since: list[ObjectDifference]) -> ConflictError:
    """Somebody has published since the draft was begun; publishing it would take that back."""
    return ConflictError(
        f"version {live} is live, and the draft was made from version {draft.base}",
        code="ruleSetChanged",
        field="draft",
        hint="bring the draft up to date, look at what changed, and publish it then",
        current_version=live,
        differences=msgspec.to_builtins(since),
    )


async def document_at(editor: Editor, version: int | None) -> RuleSetDocument:
    """The document of a version; before the first one an empty one named like the tenant."""
    if version is None:
        tenant = editor.services.tenant
        return RuleSetDocument(name=tenant.name, time_zone=tenant.time_zone)
    return parse_document((await read_version(editor.services, version)).document)


async def published_since(editor: Editor, draft: Draft) -> list[ObjectDifference]:
    """What others have made live since the draft was begun, or last brought up to date."""
    _, live = await live_document(editor.services.runtime)
    return diff(await document_at(editor, draft.base), live)


async def merged_with_live(editor: Editor, draft: Draft, choices: Mapping[str, str]) -> Merged:
    """What bringing the draft up to date would make of it."""
    _, live = await live_document(editor.services.runtime)
    return merge(await document_at(editor, draft.base), draft.parsed, live, choices)


async def bring_up_to_date(
    editor: Editor, draft_id: UUID, choices: Mapping[str, str], expected: int | None = None
) -> Draft:
    """Takes what was published meanwhile into the draft, which is then made from the live version.

    `choices` says `mine` or `theirs` for each object (`queues/motor_l1`) that both have changed; ConflictError
    `changedOnBothSides` with these objects while any of them is not chosen.
    """
    editor.caller.require("categories.update")
    draft = await get(editor, draft_id)
    if expected is not None and expected != draft.revision:
        raise await changed_meanwhile(editor, draft, expected)
    live, document = await live_document(editor.services.runtime)
    if live == draft.base:
        return draft
    merged = merge(await document_at(editor, draft.base), draft.parsed, document, choices)
    if merged.open:
        raise ConflictError(
            f"{len(merged.open)} objects were changed here and in version {live}",
            code="changedOnBothSides",
            field="choices",
            hint="choose mine or theirs for each of them",
            current_version=live,
            objects=msgspec.to_builtins(merged.open),
        )
    return await _changed(
        editor,
        draft,
        base=live,
        document=msgspec.to_builtins(merged.document),
        changed_at=editor.services.runtime.now(),
        changed_by=_hands(draft, editor),
    )


async def replace_document(
    editor: Editor, draft_id: UUID, document: RuleSetDocument, expected: int | None
) -> Draft:
    """Makes the draft say what a document says, whole."""
    editor.caller.require("categories.update")
    draft = await get(editor, draft_id)
    if expected is not None and expected != draft.revision:
        raise await changed_meanwhile(editor, draft, expected)
    return await _changed(
        editor,
        draft,
        document=msgspec.to_builtins(document),
        changed_at=editor.services.runtime.now(),
        changed_by=_hands(draft, editor),
    )


async def discard(editor: Editor, draft_id: UUID, reason: str | None = None) -> None:
    """Throws a draft away; the live rule set is not touched."""
    editor.caller.require("categories.update")
    draft = await get(editor, draft_id)
    if not await remove(editor, draft):
        raise await changed_meanwhile(editor, await get(editor, draft_id), draft.revision)
    await editor.note(
        "discarded", "ruleSetDraft", str(draft.id), name=draft.name, base=draft.base, reason=reason
    )


async def remove(editor: Editor, draft: Draft) -> bool:
    """Takes a draft that is published or discarded out of the list; not if somebody has changed it meanwhile."""
    body = {k: v for k, v in msgspec.to_builtins(draft).items() if k != "revision"}
    try:
        async with editor.services.runtime.store.writing() as tx:
            await _refuse_while_tried(tx, draft)
            await tx.save_object(KIND, {**body, "id": draft.id}, revision=draft.revision)
            await tx.delete_object(KIND, draft.id)
            await editor.tell(tx, KIND, str(draft.id), "deleted")
    except RevisionMismatchError:
        return False
    editor.services.runtime.committed()
    return True


def own_fields(error: RuleSetError, path: str) -> RuleSetError:
    """The same error, with the fields below an object's path as the object itself has them."""

    def own(field: str | None) -> str | None:
        if field is None or not path or not field.startswith(path):
            return field
        rest = field.removeprefix(path)
        return rest.removeprefix(".") if rest[:1] in ("", ".", "[") else field

    details = dict(error.details)
    if "errors" in details:
        details["errors"] = [{**e, "field": own(e.get("field"))} for e in details["errors"]]
    return RuleSetError(error.message, code=error.code, field=own(error.field), hint=error.hint, **details)
