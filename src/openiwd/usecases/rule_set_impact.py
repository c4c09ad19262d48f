"""What publishing a draft would do to the open items: begun, looked at, canceled, and the items behind the numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from openiwd.domain.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from openiwd.domain.privilege import Scope
from openiwd.domain.rule_effect import Comparison
from openiwd.domain.rule_impact import NO_BAND, Counts
from openiwd.ports.rule_change import ImpactPart, StoredImpact
from openiwd.usecases import rule_set_draft
from openiwd.usecases.configuration import Editor
from openiwd.usecases.reclassification import ACTOR
from openiwd.usecases.rule_set import check
from openiwd.usecases.rule_set_draft import Draft
from openiwd.usecases.rule_set_impact_run import CANCELED, FAILED, RUNNING, ImpactRun

LOST_AFTER: Final = timedelta(seconds=20)
"""A run that has told nothing for so long has lost its process."""
MAX_WAIT: Final = 30.0
CHANGES: Final[Mapping[str, Callable[[Mapping[str, Any]], bool]]] = {
    "any": lambda _: True,
    "differs": lambda b: bool(b["differs"]),
    "category": lambda b: b["statusAfter"] != "rejected" and b["categoryBefore"] != b["categoryAfter"],
    "queue": lambda b: b["statusAfter"] != "rejected" and b["queueBefore"] != b["queueAfter"],
    "band": lambda b: b["statusAfter"] != "rejected" and b["bandBefore"] != b["bandAfter"],
    "rejected": lambda b: b["statusAfter"] == "rejected",
    "errorheld": lambda b: b["statusAfter"] == "errorheld" != b["statusBefore"],
}


class Impact(Struct, kw_only=True, rename="camel"):
    """What publishing the draft with `reclassify: changed` would do to the items that are open now."""

    status: str
    """`running`, `done`, `canceled` or `failed`."""
    progress: float
    at: datetime
    """The instant that everything is judged at."""
    revision: int
    """Of the draft that was looked at."""
    base: int
    """The live version that it is compared with."""
    outdated: bool
    """The draft, or what is live, has changed since."""
    judged: int = 0
    """So many items were judged to know of all."""
    counts: Counts | None = None
    error: str | None = None


class ImpactItem(Struct, kw_only=True, rename="camel"):
    """An item that something becomes of."""

    id: UUID
    capture_id: str
    subject: str | None
    status_before: str
    status_after: str
    category_before: str | None
    category_after: str | None
    queue_before: str | None
    queue_after: str | None
    band_before: int | None
    """From 1, the lowest; null: no priority."""
    band_after: int | None


class ImpactItems(Struct, kw_only=True, rename="camel"):
    """A page of them; go on with `?cursor=`."""

    items: list[ImpactItem]
    next_cursor: str | None


def _require(editor: Editor) -> None:
    """Numbers and lists of all open items are for those whose reach is all of them."""
    editor.caller.require("categories.view")
    if editor.caller.require("workitems.search") is not Scope.ALL:
        raise ForbiddenError(
            "the impact tells of all open items",
            code="forbidden",
            hint="it takes workitems.search for all items",
        )


async def start(editor: Editor, draft_id: UUID, *, reason: str | None = None, wait: float = 0.0) -> Impact:
    """Begins to count, in place of the last count; answers as it stands after `wait` seconds at most."""
    _require(editor)
    runtime = editor.services.runtime
    draft = await rule_set_draft.get(editor, draft_id)
    rules = await check(runtime, editor.holidays, draft.document)
    now, live = runtime.now(), await runtime.rules()
    comparison = Comparison(
        await runtime.context(ACTOR, now, rules=live), await runtime.context(ACTOR, now, rules=rules)
    )
    stored = StoredImpact(
        run_id=runtime.new_id(),
        status=RUNNING,
        body={
            "progress": 0.0,
            "at": now.isoformat(),
            "revision": draft.revision,
            "base": live.version,
            "print": _fingerprint(draft),
        },
        moved_at=now,
    )
    async with runtime.store.writing() as tx:
        await tx.begin_impact(draft_id, stored)
    await editor.note(
        "impactCounted",
        "ruleSetDraft",
        str(draft.id),
        name=draft.name,
        revision=draft.revision,
        reason=reason,
    )
    task = editor.services.impact_runs.start(
        ImpactRun(runtime.store, comparison, draft_id, stored, runtime.now)
    )
    if wait > 0:
        await asyncio.wait({task}, timeout=min(wait, MAX_WAIT))
    return await get(editor, draft_id)


async def get(editor: Editor, draft_id: UUID) -> Impact:
    """The last count; NotFoundError when there was none."""
    _require(editor)
    draft = await rule_set_draft.get(editor, draft_id)
    found = await last(editor, draft)
    if found is None:
        raise NotFoundError(
            "the impact of this draft has not been counted",
            field="draft",
            code="noImpact",
            hint="POST to this address",
        )
    return found


async def last(editor: Editor, draft: Draft) -> Impact | None:
    """The last count of a draft, if any."""
    _require(editor)
    async with editor.services.runtime.store.reading() as reading:
        stored = await reading.impact(draft.id)
        live = await reading.live_version()
    if stored is None:
        return None
    body = dict(stored.body)
    status = stored.status
    if status == RUNNING and editor.services.runtime.now() - stored.moved_at > LOST_AFTER:
        status, body["error"] = FAILED, "the process that counted has ended: count again"
    outdated = body["print"] != _fingerprint(draft) or body["base"] != live
    return msgspec.convert({**body, "status": status, "outdated": outdated}, Impact)


def _fingerprint(draft: Draft) -> str:
    """Of the document: approving or renaming the draft changes its revision alone."""
    return blake2b(msgspec.json.encode(draft.document, order="sorted"), digest_size=12).hexdigest()


async def cancel(editor: Editor, draft_id: UUID) -> Impact:
    """Ends a count that is running."""
    _require(editor)
    runtime = editor.services.runtime
    draft = await rule_set_draft.get(editor, draft_id)
    async with runtime.store.writing() as tx:
        stored = await tx.impact(draft_id)
        ended = stored is not None and await tx.move_impact(
            draft_id, msgspec.structs.replace(stored, status=CANCELED, moved_at=runtime.now())
        )
    if not ended:
        raise ConflictError(
            "no count is running", code="impactEnded", field="draft", hint="see how the last one ended"
        )
    await editor.note("impactCanceled", "ruleSetDraft", str(draft.id), name=draft.name)
    return await get(editor, draft_id)


async def items(
    editor: Editor,
    draft_id: UUID,
    *,
    change: str = "any",
    origin: str | None = None,
    target: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> ImpactItems:
    """The items that something becomes of, by groups that go the same way; `origin` and `target` are categories."""
    _require(editor)
    editor.caller.require("workitems.read")
    wanted = CHANGES.get(change)
    if wanted is None:
        raise InvalidInputError(
            f"change is '{change[:40]}'", field="change", hint=f"use one of {', '.join(CHANGES)}"
        )
    await get(editor, draft_id)
    async with editor.services.runtime.store.reading() as reading:
        parts = [
            p
            for p in await reading.impact_parts(draft_id)
            if wanted(p.body)
            and (origin is None or p.body["categoryBefore"] == (origin or None))
            and (target is None or p.body["categoryAfter"] == (target or None))
        ]
        numbered, following = await _page(reading, draft_id, parts, _place(cursor), limit)
        found = await reading.items_by_number([n for n, _ in numbered])
    told = [
        ImpactItem(id=item.id, capture_id=item.capture_id, subject=item.subject, **_told(part.body))
        for number, part in numbered
        if (item := found.get(number)) is not None
    ]
    return ImpactItems(items=told, next_cursor=following)


async def _page(
    reading: Any, draft_id: UUID, parts: Sequence[ImpactPart], place: tuple[int, int], limit: int
) -> tuple[list[tuple[int, ImpactPart]], str | None]:
    """(number, part) of so many items from a place on, and the place after them."""
    found: list[tuple[int, ImpactPart]] = []
    at, offset = place
    for part in parts:
        if part.part < at:
            continue
        start = offset if part.part == at else 0
        numbers = await reading.impact_numbers(draft_id, part.part, start, limit - len(found))
        found += [(n, part) for n in numbers]
        if len(found) == limit:
            reached = start + len(numbers)
            more = reached < part.size or part is not parts[-1]
            return found, f"{part.part}.{reached}" if more else None
    return found, None


def _place(cursor: str | None) -> tuple[int, int]:
    part, _, offset = (cursor or "0.0").partition(".")
    if not (
        part.isascii() and part.isdigit() and offset.isascii() and offset.isdigit() and len(cursor or "") < 20
    ):
        raise InvalidInputError(
            "this is no cursor", field="cursor", hint="use the nextCursor of the page before"
        )
    return int(part), int(offset)


def _told(body: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        name: body[_camel(name)]
        for name in (
            "status_before", "status_after", "category_before", "category_after", "queue_before", "queue_after",
        )
    }  # fmt: skip
    for side in ("before", "after"):
        band = body[f"band{side.capitalize()}"]
        told[f"band_{side}"] = None if band == NO_BAND else band + 1
    return told


def _camel(name: str) -> str:
    first, second = name.split("_")
    return first + second.capitalize()
