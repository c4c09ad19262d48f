"""Shadows: drafts that decide beside the live rules, without effect. Begun, stopped, and what they found.

One revision of the draft beside one live version is counted; a change of either begins the counts anew.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta, Struct

from openiwd.domain.dashboard import covered
from openiwd.domain.errors import ConflictError, NotFoundError, RuleSetError, UnavailableError
from openiwd.domain.privilege import Scope
from openiwd.domain.shadow import Divergence, DivergenceKind
from openiwd.ports.trial import StoredShadow
from openiwd.usecases import rule_set_draft
from openiwd.usecases.configuration import Editor

KIND: Final = "shadow"
MOST_SHADOWS: Final = 3
"""At a time: they share what the shadow may take of the processor."""
PAGE: Final = 50
LOOKED: Final = "looked"
DIVERGED: Final = "diverged"


class ShadowInput(Struct, kw_only=True, forbid_unknown_fields=True):
    """`sample` is the share of the items looked at, by a hash of their ids."""

    on: bool
    sample: Annotated[float, Meta(gt=0, le=1)] = 1.0


class ShadowCategory(Struct, kw_only=True, rename="camel"):
    """Counts of the items that the live rules put into one category; `category` is empty where they found none."""

    category: str
    looked: int
    diverged: int
    kinds: dict[str, int]


class ListedDivergence(Struct, kw_only=True, rename="camel"):
    """An item of which the draft would have made something else, and its place in the list."""

    number: int
    divergence: Divergence


class ShadowView(Struct, kw_only=True, rename="camel"):
    """A draft's shadow. Counts begin anew when the draft or the live rules change: they are since `countedFrom`."""

    on: bool
    sample: float
    started_at: datetime
    started_by: str
    stopped_at: datetime | None
    draft_revision: int
    live_version: int
    counted_from: datetime
    looked: int
    diverged: int
    shed: int
    """Items that came too fast to be looked at as well: intake goes first."""
    fault: str | None
    """Why the draft cannot be compiled at present; nothing is looked at then."""
    kinds: dict[str, int]
    categories: list[ShadowCategory]
    divergences: list[ListedDivergence]
    next: int | None
    """Ask on with `before`; None: there are no more."""


async def start(editor: Editor, draft_id: UUID, sample: float = 1.0) -> ShadowView:
    """From now on the draft decides beside the live rules; what an earlier shadow of it has found is gone."""
    editor.caller.require("categories.update")
    require_real_clock(editor)
    runtime = editor.services.runtime
    draft = await rule_set_draft.get(editor, draft_id)
    faults = await rule_set_draft.faults_of(editor, draft.document)
    if faults:
        raise RuleSetError(
            f"the draft has {len(faults)} faults",
            field=faults[0].field,
            hint="mend them first: it could judge nothing",
            errors=[{"field": f.field, "message": f.message, "hint": f.hint} for f in faults],
        )
    live, _ = await rule_set_draft.live_document(runtime)
    if live is None:
        raise ConflictError("no rule set is live", code="noRuleSet", hint="publish one first")
    now = runtime.now()
    shadow = StoredShadow(
        draft_id=draft_id,
        sample=sample,
        started_at=now,
        started_by=editor.caller.login or editor.caller.actor,
        stopped_at=None,
        draft_revision=draft.revision,
        live_version=live,
        counted_from=now,
        looked=0,
        diverged=0,
        shed=0,
        fault=None,
    )
    async with runtime.store.writing() as tx:
        running = [s.draft_id for s in await tx.shadows()]
        if draft_id not in running and len(running) >= MOST_SHADOWS:
            raise ConflictError(
                f"{len(running)} drafts have a shadow already",
                code="tooManyShadows",
                hint="stop one of them",
                drafts=[str(d) for d in running],
            )
        await tx.save_shadow(shadow)
        await editor.tell(tx, KIND, str(draft_id), "started")
    runtime.committed()
    await editor.note("shadowStarted", "ruleSetDraft", str(draft_id), name=draft.name, sample=sample)
    return await view(editor, draft_id)


def require_real_clock(editor: Editor) -> None:
    if editor.services.runtime.virtual is not None:
        raise ConflictError(
            "a tenant with a virtual clock has no live traffic",
            code="virtualClock",
            hint="use another tenant",
        )


async def stop(editor: Editor, draft_id: UUID) -> ShadowView:
    """The draft decides beside the live rules no longer; what was found stays until it is published or discarded."""
    editor.caller.require("categories.update")
    runtime = editor.services.runtime
    await editor.services.shadows.flush()
    async with runtime.store.writing() as tx:
        stopped = await tx.stop_shadow(draft_id, runtime.now())
        if stopped:
            await editor.tell(tx, KIND, str(draft_id), "stopped")
    if stopped:
        runtime.committed()
        await editor.note("shadowStopped", "ruleSetDraft", str(draft_id))
    return await view(editor, draft_id)


async def find(editor: Editor, draft_id: UUID) -> StoredShadow | None:
    """The draft's shadow, running or stopped."""
    editor.caller.require("categories.view")
    async with editor.services.runtime.store.reading() as reading:
        return await reading.shadow(draft_id)


async def view(
    editor: Editor,
    draft_id: UUID,
    before: int | None = None,
    limit: int = PAGE,
    *,
    kind: DivergenceKind | None = None,
    category: str | None = None,
) -> ShadowView:
    """What the shadow has found so far: sums, counts by category, and the latest items that diverge.

    Counts and items are of those that the caller may read; NotFoundError when the draft has no shadow.
    """
    stored = await find(editor, draft_id)
    if stored is None:
        await rule_set_draft.get(editor, draft_id)
        raise NotFoundError("this draft has no shadow", field="draft", hint="start one")
    if stored.stopped_at is None:
        with suppress(UnavailableError):  # what is not written yet is told a moment later
            await editor.services.shadows.flush()
    async with editor.services.runtime.store.reading() as reading:
        stored = await reading.shadow(draft_id) or stored
        counts = await reading.shadow_counts(draft_id)
        found = await reading.shadow_divergences(
            draft_id, before, limit + 1, kind=None if kind is None else kind.value, category=category
        )
    scope = editor.caller.privileges.get("workitems.read")
    categories = [c for c in _categories(counts) if _may_see(editor, scope, c.category, None)]
    kinds = {k.value: sum(c.kinds.get(k.value, 0) for c in categories) for k in DivergenceKind}
    is_whole = scope is Scope.ALL
    page = found[:limit]
    return ShadowView(
        on=stored.stopped_at is None,
        sample=stored.sample,
        started_at=stored.started_at,
        started_by=stored.started_by,
        stopped_at=stored.stopped_at,
        draft_revision=stored.draft_revision,
        live_version=stored.live_version,
        counted_from=stored.counted_from,
        looked=stored.looked if is_whole else sum(c.looked for c in categories),
        diverged=stored.diverged if is_whole else sum(c.diverged for c in categories),
        shed=stored.shed if is_whole else 0,
        fault=stored.fault,
        kinds=kinds,
        categories=categories,
        divergences=[
            ListedDivergence(number=n, divergence=d)
            for n, d in page
            if _may_see(editor, scope, d.live.category_path, d.live.queue)
        ],
        next=page[-1][0] if len(found) > limit else None,
    )


def _may_see(editor: Editor, scope: Scope | None, path: str | None, queue: str | None) -> bool:
    return scope is not None and covered(editor.caller, scope, path, queue)


def _categories(counts: dict[tuple[str, str], int]) -> list[ShadowCategory]:
    """By category, those with the most divergences first."""
    found = [
        ShadowCategory(
            category=path,
            looked=counts.get((path, LOOKED), 0),
            diverged=counts.get((path, DIVERGED), 0),
            kinds={k.value: counts[path, k.value] for k in DivergenceKind if (path, k.value) in counts},
        )
        for path in {path for path, _ in counts}
    ]
    return sorted(found, key=lambda c: (-c.diverged, -c.looked, c.category))
