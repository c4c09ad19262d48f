"""Taking a whole document into a draft, or only saying how it differs from what is live. Nothing goes live here."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec import Struct

from openiwd.domain.errors import RuleSetError
from openiwd.domain.rule_set import parse_document
from openiwd.domain.rule_set_diff import ObjectDifference, diff
from openiwd.usecases import rule_set_draft
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set_draft import Fault, faults_in, live_document


class Imported(Struct, kw_only=True):
    """A document that was taken in, or looked at (`draft` null): what it changes of the live one, and its faults."""

    draft: UUID | None = None
    revision: int | None = None
    base: int | None
    """The live version that it is compared with."""
    differences: list[ObjectDifference]
    faults: list[Fault]


async def look(editor: Editor, raw: Any) -> Imported:
    """How a document differs from the live one. A document that cannot be read has its faults and no differences."""
    editor.caller.require("categories.update")
    base, live = await live_document(editor.services.runtime)
    try:
        document = parse_document(raw)
    except RuleSetError as error:
        return Imported(base=base, differences=[], faults=faults_in(error))
    return Imported(
        base=base, differences=diff(live, document), faults=await rule_set_draft.faults_of(editor, raw)
    )


async def take(
    editor: Editor,
    raw: Any,
    *,
    name: str | None = None,
    draft_id: UUID | None = None,
    expected: int | None = None,
) -> Imported:
    """Makes a draft of a document, or replaces that of a draft. RuleSetError when it cannot be read."""
    document = parse_document(raw)
    if draft_id is not None:
        draft = await rule_set_draft.replace_document(editor, draft_id, document, expected)
    else:
        draft = await rule_set_draft.create(editor, name or f"Import of {document.name}"[:200], document)
    told = await look(editor, draft.document)
    told.draft, told.revision = draft.id, draft.revision
    return told
