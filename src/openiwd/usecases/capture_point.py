"""Capture points as configuration: live at once, checked as a whole, without anybody reading a secret back."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

from openiwd.domain.capture.mapping_compiler import compile_mapping
from openiwd.domain.capture.point import CapturePoint, shown, with_kept_secrets
from openiwd.domain.errors import ConflictError, InvalidInputError, NotFoundError
from openiwd.ports.tenant_store import Reading
from openiwd.usecases.capture_secret import sealed
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set_object import in_use, open_items

STORED: Final = "capture_point"
NOUN: Final = "capture point"


class StoredPoint(Struct):
    """A capture point with its revision. Its secrets are in it: show it by `shown`."""

    point: CapturePoint
    revision: int


async def stored_points(reading: Reading) -> list[StoredPoint]:
    """All capture points of a tenant."""
    return [
        StoredPoint(
            msgspec.convert({k: v for k, v in raw.items() if k != "revision"}, CapturePoint), raw["revision"]
        )
        for raw in await reading.objects(STORED)
    ]


async def points(editor: Editor) -> list[StoredPoint]:
    editor.caller.require("capturePoints.view")
    async with editor.services.runtime.store.reading() as reading:
        return await stored_points(reading)


async def get(editor: Editor, point_id: str) -> StoredPoint:
    found = next((p for p in await points(editor) if p.point.id == point_id), None)
    if found is None:
        raise missing(point_id)
    return found


def missing(point_id: str) -> NotFoundError:
    return NotFoundError(f"there is no capture point '{point_id[:80]}'", field="id", hint="see the list")


async def put(editor: Editor, sent: CapturePoint, revision: int | None) -> tuple[StoredPoint, bool]:
    """Creates or replaces a capture point; whether it is new. With `revision`, only if it still has that.

    Its kind stays: places in a source mean nothing in another.
    """
    editor.caller.require("capturePoints.update")
    async with editor.services.runtime.store.writing() as tx:
        before = next((p for p in await stored_points(tx) if p.point.id == sent.id), None)
        point = with_kept_secrets(sent, before.point if before else None)
        point = sealed(editor.platform, editor.tenant_id, point)
        compile_mapping(point)
        if before is not None and before.point.kind not in (point.kind, "rest"):
            raise ConflictError(
                f"'{point.id}' reads from {before.point.kind} and stays so",
                field="source",
                code="kindStays",
                hint="make another capture point for the other source",
            )
        _check_folder(point, await stored_points(tx))
        if before is not None and before.point == point and revision in (None, before.revision):
            return before, False
        stored = await tx.save_object(
            STORED, msgspec.to_builtins(point), revision=None if revision == 0 else revision
        )
        change = "created" if before is None else "updated"
        if point.is_read and not (before is not None and before.point.is_read):
            await tx.announce_capture(point.id)
        await editor.tell(tx, STORED, point.id, change, stored)
    editor.committed()
    await editor.note(change, NOUN, point.id, shown(before.point) if before else None, shown(point))
    return StoredPoint(point, stored), before is None


def _check_folder(point: CapturePoint, others: list[StoredPoint]) -> None:
    """Two capture points never share a folder: each file has one reader."""
    own = getattr(point.source, "folder", None)
    if own is None:
        return
    for other in others:
        theirs = getattr(other.point.source, "folder", None)
        if other.point.id == point.id or theirs is None:
            continue
        if f"{own}/".startswith(f"{theirs}/") or f"{theirs}/".startswith(f"{own}/"):
            raise InvalidInputError(
                f"the folder '{theirs}' belongs to capture point '{other.point.id}'",
                field="source.folder",
                hint="choose a folder of its own, not inside another one's",
            )


async def delete(editor: Editor, point_id: str) -> None:
    """Removes a capture point with its inbox; ConflictError `inUse` while open items came from it."""
    editor.caller.require("capturePoints.update")
    before = await get(editor, point_id)
    found = await uses(editor, point_id)
    if found:
        raise in_use(NOUN, point_id, found)
    async with editor.services.runtime.store.writing() as tx:
        if not await tx.delete_object(STORED, point_id):
            raise missing(point_id)
        await tx.forget_capture_point(point_id)
        await editor.tell(tx, STORED, point_id, "deleted")
    editor.committed()
    await editor.note("deleted", NOUN, point_id, shown(before.point))


async def uses(editor: Editor, point_id: str) -> list[dict[str, Any]]:
    """What stands against removing a capture point, in words."""
    await get(editor, point_id)
    count = await open_items(editor, "capturePoint", point_id)
    if not count:
        return []
    return [
        {
            "field": None,
            "message": f"{count} open items came from it",
            "hint": "wait until they are finished, or disable it",
        }
    ]
