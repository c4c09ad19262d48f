"""Canaries: a draft judges a share of the new items in earnest. Begun, looked at, stopped, rolled back.

Who judges changes under the lock that every intake reads: nothing committed after an answer here was judged otherwise.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from openiwd.domain.calendar import FrozenCalendar
from openiwd.domain.canary import Guards, Sides, Tripped, canary_document, not_tried
from openiwd.domain.errors import ConflictError, InvalidInputError, NotFoundError, RuleSetError
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Scope, system
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.rule_set_compiler import compile_rule_set
from openiwd.domain.rule_set_diff import ObjectDifference
from openiwd.ports.tenant_store import PublishedRuleSet, Writing
from openiwd.ports.trial import CanaryBody, StoredCanary
from openiwd.usecases import rule_set_draft
from openiwd.usecases.command import Command, Done
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set import version_conflict, zone_of
from openiwd.usecases.rule_set_draft import KIND as DRAFT
from openiwd.usecases.rule_set_draft import Draft, live_document
from openiwd.usecases.shadow import require_real_clock
from openiwd.usecases.tenant_runtime import TenantRuntime
from openiwd.usecases.work_item import apply

KIND: Final = "canary"
STOPPED: Final = "stopped"
ROLLED_BACK: Final = "rolledBack"
CHUNK: Final = 200


class CanaryInput(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`share` of the new items (0 to 1), by a hash of their ids; `category`: only what the live rules put there."""

    share: Annotated[float, Meta(gt=0, le=1)]
    category: Annotated[str, Meta(min_length=1, max_length=1_000)] | None = None
    guards: Guards = Guards()


class CanaryView(Struct, kw_only=True, rename="camel"):
    """A canary, running or ended, with both sides. `version` is the `ruleSetVersion` of what it has judged."""

    version: int
    draft: UUID
    name: str
    running: bool
    share: float
    category: str | None
    guards: Guards
    base: int
    started_at: datetime
    started_by: str
    sides: Sides
    ended_at: datetime | None
    ended_by: str | None
    outcome: str | None
    """`stopped`, `rolledBack`, `promoted` or `overtaken` (another version was published)."""
    tripped: list[Tripped]
    """The guards that were passed."""
    judged_again: bool
    """Whether the open items that it had judged are all judged again by the live rules."""
    not_tried: list[ObjectDifference]
    """What the draft changes and only publishing brings into force."""


def shown(stored: StoredCanary, editor: Editor) -> CanaryView:
    """As its reader may see it: who reads the items of some groups only is told no counts of all."""
    body = stored.body
    is_whole = editor.caller.privileges.get("workitems.read") is Scope.ALL
    return CanaryView(
        version=stored.version,
        draft=stored.draft_id,
        name=body.name,
        running=stored.ended_at is None,
        share=body.share,
        category=body.category,
        guards=body.guards,
        base=body.base,
        started_at=stored.started_at,
        started_by=body.started_by,
        sides=stored.sides if is_whole else Sides(),
        ended_at=stored.ended_at,
        ended_by=stored.ended_by,
        outcome=stored.outcome,
        tripped=stored.tripped,
        judged_again=stored.ended_at is not None and stored.left_at is not None,
        not_tried=body.not_tried,
    )


async def find(editor: Editor, draft_id: UUID) -> CanaryView | None:
    """The draft's last canary."""
    editor.caller.require("categories.view")
    async with editor.services.runtime.store.reading() as reading:
        stored = await reading.canary_of(draft_id)
    return None if stored is None else shown(stored, editor)


async def get(editor: Editor, draft_id: UUID) -> CanaryView:
    """As `find`; NotFoundError when there was none."""
    found = await find(editor, draft_id)
    if found is None:
        await rule_set_draft.get(editor, draft_id)
        raise NotFoundError("this draft has no canary", field="draft", hint="start one")
    return found


async def running(editor: Editor) -> CanaryView | None:
    """The canary that runs in this tenant, whosoever draft it tries."""
    editor.caller.require("categories.view")
    async with editor.services.runtime.store.reading() as reading:
        stored = await reading.running_canary()
    return None if stored is None else shown(stored, editor)


async def start(editor: Editor, draft_id: UUID, wanted: CanaryInput) -> CanaryView:
    """From now on the draft judges its share of the new items. The draft cannot be changed meanwhile.

    ConflictError `canaryRunning`, `ruleSetChanged` (bring the draft up to date first) or `nothingToTry`;
    RuleSetError where the draft's rules need what only publishing brings.
    """
    editor.caller.require("rulesets.publish")
    require_real_clock(editor)
    runtime = editor.services.runtime
    draft = await rule_set_draft.get(editor, draft_id)
    live, document = await live_document(runtime)
    if live is None:
        raise ConflictError("no rule set is live", code="noRuleSet", hint="publish one first")
    if live != draft.base:
        raise rule_set_draft.outdated(draft, live, await rule_set_draft.published_since(editor, draft))
    async with runtime.store.reading() as reading:
        stored_live = await reading.rule_set(live)
    if stored_live is None:
        raise version_conflict(live, None)
    await _check_category(runtime, wanted.category)
    tried = canary_document(draft.parsed, document)
    if tried == document:
        raise ConflictError(
            "the draft changes no rule, table, category or attribute",
            code="nothingToTry",
            hint="calendars, schemas, queues and media types come into force when it is published",
        )
    _require_compiles(tried, stored_live)
    body = CanaryBody(
        share=wanted.share,
        category=wanted.category,
        guards=wanted.guards,
        name=draft.name,
        draft_revision=draft.revision,
        base=live,
        started_by=editor.caller.actor,
        not_tried=not_tried(draft.parsed, document),
    )
    stored = await _begin(editor, draft, body, tried, stored_live)
    runtime.forget_rules()
    runtime.committed()
    await editor.note(
        "canaryStarted", "ruleSetDraft", str(draft_id), name=draft.name, version=stored.version,
        share=wanted.share, category=wanted.category, guards=msgspec.to_builtins(wanted.guards),
    )  # fmt: skip
    return shown(stored, editor)


async def _begin(
    editor: Editor, draft: Draft, body: CanaryBody, tried: RuleSetDocument, live: PublishedRuleSet
) -> StoredCanary:
    runtime = editor.services.runtime
    async with runtime.store.writing() as tx:
        judging = await tx.lock_live_rules()
        if judging.canary is not None:
            raise await _running_already(tx)
        if judging.version != live.version:
            raise version_conflict(live.version, judging.version)
        await _require_unchanged(tx, draft)
        # Nobody else judges while the lock is held: what is in the log now was judged before, and nothing is under way.
        head = await tx.head()
        stored = StoredCanary(
            version=await tx.last_rule_set() + 1,
            draft_id=draft.id,
            body=body,
            started_at=runtime.now(),
            first_number=await tx.last_number() + 1,
            generation=head.generation,
            pos=head.pos,
            sides=Sides(),
        )
        await tx.start_canary(stored, msgspec.to_builtins(tried), live.calendars)
        await editor.tell(tx, KIND, str(stored.version), "started")
    return stored


async def _require_unchanged(tx: Writing, draft: Draft) -> None:
    now = next((d for d in await tx.objects(DRAFT) if d["id"] == draft.id), None)
    if now is None or now["revision"] != draft.revision:
        raise ConflictError(
            f"'{draft.name}' is being changed at this moment", code="draftChanged", hint="look at it again"
        )


async def _running_already(tx: Writing) -> ConflictError:
    other = await tx.running_canary()
    name = other.body.name if other is not None else "?"
    return ConflictError(
        f"the canary of '{name}' is running",
        code="canaryRunning",
        hint="stop or publish it first: one canary runs at a time",
        draft=None if other is None else str(other.draft_id),
    )


async def _check_category(runtime: TenantRuntime, category: str | None) -> None:
    if category is not None and category not in (await runtime.rules()).by_path:
        raise InvalidInputError(
            f"there is no category '{category[:100]}' in the live rule set",
            field="category",
            hint="name the path of a live category",
        )


def _require_compiles(tried: RuleSetDocument, live: PublishedRuleSet) -> None:
    calendars = {name: msgspec.convert(frozen, FrozenCalendar) for name, frozen in live.calendars.items()}
    try:
        compile_rule_set(tried, 0, calendars, zone_of(tried))
    except RuleSetError as error:
        raise RuleSetError(
            f"the draft's rules cannot be tried with the live queues, schemas and calendars: {error.message}",
            code="needsPublishing",
            field=error.field,
            hint="publish the new queues, schemas and calendars first; a canary tries rules and categories alone",
            **error.details,
        ) from error


async def stop(editor: Editor, draft_id: UUID, *, judge_again: bool = True) -> CanaryView:
    """The live rules judge alone again; open items that the canary has judged are judged again by them, if wanted."""
    editor.caller.require("rulesets.publish")
    found = await get(editor, draft_id)
    if not found.running:
        raise ConflictError("this draft's canary does not run", code="noCanary", hint="start one")
    runtime, version = editor.services.runtime, found.version
    async with runtime.store.writing() as tx:
        judging = await tx.lock_live_rules()
        ended = judging.canary == version
        if ended:
            now = runtime.now()
            await tx.end_canary(version, STOPPED, editor.caller.actor, now, [])
            if not judge_again:
                await tx.left_canary(version, now)
            await editor.tell(tx, KIND, str(version), STOPPED)
    if ended:
        _ended(runtime)
        await editor.note("canaryStopped", "ruleSetDraft", str(draft_id), name=found.name, version=version)
        await judge_again_left(editor)
    return await get(editor, draft_id)


def _ended(runtime: TenantRuntime) -> None:
    runtime.forget_rules()
    runtime.committed()


async def roll_back(editor: Editor, stored: StoredCanary, tripped: list[Tripped]) -> bool:
    """Ends a canary whose guards were passed; False when somebody else has ended it meanwhile."""
    runtime, version = editor.services.runtime, stored.version
    async with runtime.store.writing() as tx:
        judging = await tx.lock_live_rules()
        if judging.canary != version:
            return False
        await tx.end_canary(version, ROLLED_BACK, editor.caller.actor, runtime.now(), tripped)
        await editor.tell(tx, KIND, str(version), ROLLED_BACK)
    _ended(runtime)
    await editor.note(
        "canaryRolledBack", "ruleSetDraft", str(stored.draft_id), name=stored.body.name, version=version,
        guards=msgspec.to_builtins(tripped),
    )  # fmt: skip
    return True


async def judge_again_left(editor: Editor) -> int:
    """Judges the open items of ended canaries again by the live rules, in chunks; how many changed."""
    runtime = editor.services.runtime
    changed = 0
    while True:
        async with runtime.store.reading() as reading:
            ended = await reading.unfinished_canary()
        if ended is None:
            return changed
        # This process may not have heard of the end yet: judged by the canary once more, nothing would change.
        runtime.forget_rules()
        after = ended.first_number - 1
        while True:
            async with runtime.store.reading() as reading:
                items = await reading.judged_by(ended.version, after, CHUNK)
            if not items:
                break
            after = items[-1][0]
            commands: list[Any] = [
                Command(action=Action.CLASSIFY, caller=system("canary"), item_id=i, internal=True)
                for _, i in items
            ]
            changed += sum(1 for r in await apply(runtime, commands) if isinstance(r, Done) and r.changed)
        async with runtime.store.writing() as tx:
            await tx.left_canary(ended.version, runtime.now())
