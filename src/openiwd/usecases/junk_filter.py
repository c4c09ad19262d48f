"""Junk filters: kept by people, asked by the intake of emails from the next message on. Judges no email itself."""

from __future__ import annotations

from typing import Final

from openiwd.domain.email.junk import JunkFilter, compile_filter
from openiwd.ports.tenant_store import Writing
from openiwd.usecases import live_object
from openiwd.usecases.configuration import Editor
from openiwd.usecases.live_object import LiveKind, Stored
from openiwd.usecases.mailbox import require_mailboxes

KIND: Final = LiveKind(
    stored="email_filter", noun="filter", type=JunkFilter, view="filters.view", update="filters.update"
)


async def put(editor: Editor, value: JunkFilter, revision: int | None) -> tuple[Stored, bool]:
    """Creates or replaces one; whether it is new. Its condition, its value and its mailboxes are checked."""
    editor.caller.require(KIND.update)
    compile_filter(value)

    async def check(tx: Writing, before: JunkFilter | None) -> None:
        del before
        await require_mailboxes(tx, value.mailboxes, "mailboxes")

    return await live_object.put(editor, KIND, value, revision, also=check)


async def in_order(editor: Editor) -> list[Stored]:
    """All filters as they are asked: by their order, then by their ids."""
    found = await live_object.objects(editor, KIND)
    return sorted(found, key=lambda s: (s.value.order, s.value.id))
