"""Changing the rule set: publishing a document, one object of it, or an earlier version again.

Editing one object publishes a new version at once: read the live document, change it, compile it whole, publish it.
Nothing is stored unless the whole compiles; when somebody else publishes meanwhile, the change is repeated on theirs.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from openiwd.domain.errors import ConflictError, InvalidInputError, RuleSetError
from openiwd.domain.hold_reason import with_defaults
from openiwd.domain.rule_set import RuleSetDocument, parse_document
from openiwd.domain.rule_set_diff import ObjectDifference, diff
from openiwd.domain.rule_set_reference import Referred, references
from openiwd.usecases import rule_set_approval, rule_set_draft, rule_set_test
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set import (
    RECLASSIFY,
    StoredVersion,
    check,
    read_version,
    store_version,
    version_conflict,
)
from openiwd.usecases.rule_set_draft import Change, Draft, live_document, own_fields

TRIES: Final = 5
AUDITED_DIFFERENCES: Final = 200
MAX_COMMENT: Final = 1_000


class How(Struct, kw_only=True):
    """How a change of the rule set is to be published."""

    expected: int | None = None
    """The version that must be live; None: whatever is."""
    comment: str | None = None
    reclassify: str = "changed"
    draft: UUID | None = None
    """The draft that is changed (`expected` is its revision then) or published; None: published at once."""
    despite_tests: str | None = None
    """Why it is published although tests fail."""

    def __post_init__(self) -> None:
        if self.reclassify not in RECLASSIFY:
            raise InvalidInputError(
                f"reclassify is '{self.reclassify[:40]}'",
                field="reclassify",
                hint=f"use one of {', '.join(RECLASSIFY)}",
            )
        if self.comment is not None and len(self.comment) > MAX_COMMENT:
            raise InvalidInputError(
                f"the comment is longer than {MAX_COMMENT} characters", field="comment", hint="shorten it"
            )
        if self.despite_tests is not None and not 0 < len(self.despite_tests.strip()) <= MAX_COMMENT:
            raise InvalidInputError(
                f"a reason has 1 to {MAX_COMMENT} characters", field="despiteTests", hint="say why"
            )


class Published(Struct, kw_only=True, rename="camel"):
    """What publishing came to. With `dryRun` nothing was stored, and `version` is the live one."""

    version: int | None
    dry_run: bool = False
    differences: list[ObjectDifference] = []
    """From the version that was live before."""
    reclassification: UUID | None = None
    """The bulk run that judges open items again: see /jobs/{id}."""
    warnings: list[str] = []
    """What the document names and nobody has created yet."""


class Unresolved(Struct, kw_only=True, omit_defaults=True):
    """A reference of the rule set to a live object that does not exist."""

    kind: str
    name: str
    field: str


async def unresolved(editor: Editor, document: RuleSetDocument) -> list[Unresolved]:
    """The skills, groups, agents, tables and hold reasons that the document names and that do not exist."""
    async with editor.services.runtime.store.reading() as reading:
        known = {
            Referred.SKILL: {o["id"] for o in await reading.objects("skill")},
            Referred.GROUP: {o["id"] for o in await reading.objects("agent_group")},
            Referred.LOOKUP_TABLE: set(await reading.lookup_tables()),
            Referred.HOLD_REASON: set(with_defaults(await reading.hold_reasons())),
            Referred.AGENT: set(await reading.agents()),
        }
    return [
        Unresolved(kind=r.kind.value, name=r.name, field=r.path)
        for r in references(document)
        if r.name not in known[r.kind]
    ]


def _warnings(missing: list[Unresolved]) -> list[str]:
    return [f"{m.field}: there is no {m.kind} '{m.name}' yet" for m in missing[:AUDITED_DIFFERENCES]]


async def publish_document(
    editor: Editor, raw: Any, how: How, *, source: str | None = None, dry_run: bool = False
) -> Published:
    """Makes a whole document live, or only says what would come of it."""
    editor.caller.require("rulesets.publish")
    runtime = editor.services.runtime
    if dry_run:
        live, before = await live_document(runtime)
        if how.expected is not None and how.expected != live:
            raise version_conflict(how.expected, live)
        document = (await check(runtime, editor.holidays, raw)).document
        return Published(
            version=live,
            dry_run=True,
            differences=diff(before, document),
            warnings=_warnings(await unresolved(editor, document)),
        )
    granted = await _granted(editor, raw, how, None)
    return await _publish(editor, raw, how, "published", source=source, **granted)


async def _granted(editor: Editor, raw: Any, how: How, draft: Draft | None) -> dict[str, Any]:
    """What stands behind the publication, to be audited: the approval, and why failed tests were no obstacle.

    ConflictError `approvalNeeded` or `testsFailed` when something stands against it.
    """
    approval = await rule_set_approval.require_approved(editor, draft)
    failed = await rule_set_test.require_passed(editor, raw, how.despite_tests)
    return {"approval": approval, "despiteTests": failed}


async def roll_back(editor: Editor, version: str, how: How) -> Published:
    """Publishes an earlier version's document again, as a new version: at once, without tests and approval."""
    editor.caller.require("rulesets.publish")
    stored = await read_version(editor.services, version)
    comment = how.comment or f"rollback to version {stored.version}"
    again = How(expected=how.expected, comment=comment, reclassify=how.reclassify)
    return await _publish(editor, stored.document, again, "rolledBack", source=stored.source)


async def _publish(
    editor: Editor, raw: Any, how: How, action: str, *, source: str | None = None, **audited: Any
) -> Published:
    services = editor.services
    stored = await store_version(
        services,
        editor.holidays,
        raw,
        editor.caller,
        source=source,
        comment=how.comment,
        expected=how.expected,
        reclassify=how.reclassify,
        draft=how.draft,
    )
    before = stored.before or RuleSetDocument(name=stored.document.name, time_zone=stored.document.time_zone)
    differences = diff(before, stored.document)
    await editor.note(
        action,
        "ruleSet",
        str(stored.version),
        comment=how.comment,
        changes=[{"kind": d.kind, "id": d.id, "change": d.change} for d in differences[:AUDITED_DIFFERENCES]],
        reclassify=how.reclassify,
        **audited,
    )
    _begin(editor, stored)
    return Published(
        version=stored.version,
        differences=differences,
        reclassification=stored.reclassification,
        warnings=_warnings(await unresolved(editor, stored.document)),
    )


def _begin(editor: Editor, stored: StoredVersion) -> None:
    """Begins to judge open items again, where that was asked for."""
    if stored.reclassification is not None:
        editor.services.bulk_runs.start(stored.reclassification)


class Edited(Struct):
    """A change of one object, published or made in a draft."""

    version: int | None
    """The live version after it; of a draft, its revision."""
    created: bool
    changed: bool
    document: RuleSetDocument


async def edit(editor: Editor, how: How, change: Change) -> Edited:
    """Applies a change to the draft, or to the live document's plain form and publishes that; it may run again."""
    if how.draft is not None:
        return await _edit_draft(editor, how.draft, how, change)
    editor.caller.require("rulesets.publish")
    runtime = editor.services.runtime
    for attempt in range(TRIES):
        live, document = await live_document(runtime)
        if how.expected is not None and how.expected != live:
            raise version_conflict(how.expected, live)
        raw = msgspec.to_builtins(document)
        done = change(raw)
        try:
            if parse_document(raw) == document:
                return Edited(live, created=False, changed=False, document=document)
            granted = await _granted(editor, raw, how, None)
            stored = await store_version(
                editor.services,
                editor.holidays,
                raw,
                editor.caller,
                comment=how.comment or f"{done.kind} {done.id}",
                expected=live,
                reclassify=how.reclassify,
            )
        except RuleSetError as error:
            raise own_fields(error, done.path) from error
        except ConflictError as error:
            if error.code != "ruleSetChanged" or how.expected is not None or attempt == TRIES - 1:
                raise
            continue
        action = "created" if done.before is None else "deleted" if done.after is None else "updated"
        await editor.note(
            action, done.kind, done.id, done.before, done.after, version=stored.version, **granted
        )
        _begin(editor, stored)
        return Edited(stored.version, created=done.before is None, changed=True, document=stored.document)
    raise AssertionError


async def _edit_draft(editor: Editor, draft_id: UUID, how: How, change: Change) -> Edited:
    done, before, after = await rule_set_draft.change(editor, draft_id, how.expected, change)
    return Edited(done.revision, created=before.before is None, changed=after, document=done.parsed)


async def publish_draft(editor: Editor, draft_id: UUID, how: How) -> Published:
    """Makes a draft the live rule set, if what it was made from is still live; the draft is gone then, unless somebody
    has changed it in this very moment: their change is not lost, the draft stays and has to be brought up to date.

    ConflictError `ruleSetChanged` with the differences when somebody published meanwhile.
    """
    editor.caller.require("rulesets.publish")
    draft = await rule_set_draft.get(editor, draft_id)
    if how.expected is not None and how.expected != draft.revision:
        raise await rule_set_draft.changed_meanwhile(editor, draft, how.expected)
    live, _ = await live_document(editor.services.runtime)
    if live != draft.base:
        raise rule_set_draft.outdated(draft, live, await rule_set_draft.published_since(editor, draft))
    comment = how.comment or draft.name
    granted = await _granted(editor, draft.document, how, draft)
    how = How(expected=draft.base, comment=comment, reclassify=how.reclassify, draft=draft_id)
    done = await _publish(editor, draft.document, how, "published", draft=draft.name, **granted)
    await rule_set_draft.remove(editor, draft)
    return done
