"""What hangs on items: notes, tags, attachments, links. Allowed on final items too; each tells the log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from openiwd.domain.errors import ConflictError, InvalidInputError, TooLargeError, no_such_item
from openiwd.domain.event import EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller
from openiwd.domain.transition import Change, Context, noted, tag
from openiwd.domain.work_item import WorkItem, check_text
from openiwd.ports.tenant_store import AttachmentInfo, Note, Writing
from openiwd.usecases.command import Command, Done
from openiwd.usecases.tenant_runtime import TenantRuntime
from openiwd.usecases.work_item import apply_one

NOTE: Final = "workitems.note"
MAX_ATTACHMENT: Final = 25 * 1024 * 1024
MAX_TAGS: Final = 32
LINK_KINDS: Final = ("parent", "duplicateOf", "relatesTo", "continues")
MERGED: Final = "merged"
_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}/[a-z0-9][a-z0-9.+-]{0,99}")


async def add_note(
    runtime: TenantRuntime, caller: Caller, item: WorkItem, text: str, note_id: UUID | None = None
) -> Note:
    """Adds an internal note; the log tells that there is one, not what it says.

    With an id of the author's own, the note that is there under it is the answer.
    """
    check_text(text, "text")
    if note_id is not None:
        caller.require_item(NOTE, item)
        async with runtime.store.reading() as reading:
            known = next((n for n in await reading.notes(item.number) if n.id == note_id), None)
        if known is not None:
            return known
    note = Note(id=note_id or runtime.new_id(), at=runtime.now(), author=caller.actor, text=text)

    def change(present: WorkItem, ctx: Context) -> Change:
        return noted(present, ctx, EventType.NOTE_ADDED, note={"id": str(note.id)})

    async def write(tx: Writing, present: WorkItem) -> None:
        if not await tx.add_note(present.number, note):
            raise ConflictError("this note is there already", code="writtenAlready", field="id")

    await apply_one(
        runtime,
        Command(
            action=Action.UPDATE, caller=caller, item_id=item.id, privilege=NOTE, custom=change, along=write
        ),
    )
    return note


async def change_tags(
    runtime: TenantRuntime,
    caller: Caller,
    item: WorkItem,
    add: Sequence[str],
    remove: Sequence[str],
    if_match: int | None = None,
) -> Done:
    """Adds and removes tags."""
    for text in (*add, *remove):
        check_text(text, "add")

    def change(present: WorkItem, ctx: Context) -> Change | None:
        made = tag(present, ctx, add=tuple(add), remove=tuple(remove))
        if made is not None and len(made.item.tags) > MAX_TAGS:
            raise InvalidInputError(f"an item has at most {MAX_TAGS} tags", field="add", hint="remove some")
        return made

    return await apply_one(
        runtime,
        Command(
            action=Action.UPDATE,
            caller=caller,
            item_id=item.id,
            privilege=NOTE,
            custom=change,
            if_match=if_match,
        ),
    )


def clean_file_name(name: str) -> str:
    """The last part of a file name, without what could mislead a screen, a shell or a header."""
    last = re.split(r"[\\/]", name)[-1]
    clean = "".join(c for c in last if c.isprintable() and c not in '"<>|:*?').strip(" .")
    return clean[-200:] or "attachment"


async def add_attachment(
    runtime: TenantRuntime, caller: Caller, item: WorkItem, file_name: str, content_type: str, content: bytes
) -> tuple[AttachmentInfo, Done]:
    """Stores a file with the item; at most 25 MB."""
    if len(content) > MAX_ATTACHMENT:
        raise TooLargeError(
            f"the file has {len(content)} bytes",
            field="file",
            hint=f"at most {MAX_ATTACHMENT} bytes are allowed",
        )
    if not content:
        raise InvalidInputError("the file is empty", field="file", hint="send the file's bytes")
    check_text(file_name, "fileName")
    given = content_type.partition(";")[0].strip().lower()
    info = AttachmentInfo(
        id=runtime.new_id(),
        at=runtime.now(),
        author=caller.actor,
        file_name=clean_file_name(file_name),
        content_type=given if _TYPE.fullmatch(given) else "application/octet-stream",
        size=len(content),
    )

    def change(present: WorkItem, ctx: Context) -> Change:
        told = {"id": str(info.id), "contentType": info.content_type, "size": info.size}
        return noted(present, ctx, EventType.ATTACHMENT_ADDED, attachment=told)

    async def write(tx: Writing, present: WorkItem) -> None:
        await tx.add_attachment(present.number, info, content)

    return info, await apply_one(
        runtime,
        Command(
            action=Action.UPDATE, caller=caller, item_id=item.id, privilege=NOTE, custom=change, along=write
        ),
    )


async def add_link(
    runtime: TenantRuntime, caller: Caller, item: WorkItem, kind: str, other_id: UUID, *, merge: bool = False
) -> Done:
    """Links the item to another one; merging (`duplicateOf`) cancels the item as well, in the same transaction."""
    caller.require_item(NOTE, item)
    caller.require("workitems.read")
    if kind not in LINK_KINDS:
        raise InvalidInputError(
            f"'{kind[:40]}' is no kind of link", field="kind", hint=f"use one of: {', '.join(LINK_KINDS)}"
        )
    if merge and kind != "duplicateOf":
        raise InvalidInputError("only a duplicate can be merged", field="merge", hint="use kind duplicateOf")
    if other_id == item.id:
        raise ConflictError("an item is not linked to itself", code="linkToItself", field="item")
    async with runtime.store.reading() as reading:
        other = (await reading.items_by_id([other_id])).get(other_id)
        present_links = await reading.links(item.number)
    if other is None or not caller.sees("workitems.read", other):
        raise no_such_item(other_id, "item")
    if any(link.kind == kind and link.item_id == other_id and not link.incoming for link in present_links):
        return Done(item=item, changed=False)
    target = other
    at = runtime.now()

    def change(present: WorkItem, ctx: Context) -> Change:
        return noted(present, ctx, EventType.LINKED, link={"kind": kind, "item": str(target.id)})

    async def write(tx: Writing, present: WorkItem) -> None:
        await tx.add_link(present.number, kind, target.number, at, caller.actor)

    if merge:
        return await apply_one(
            runtime, Command(action=Action.CANCEL, caller=caller, item_id=item.id, reason=MERGED, along=write)
        )
    return await apply_one(
        runtime,
        Command(
            action=Action.UPDATE, caller=caller, item_id=item.id, privilege=NOTE, custom=change, along=write
        ),
    )
