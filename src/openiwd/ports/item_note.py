"""Needs: notes, attachments and links of items."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct


class Note(Struct, kw_only=True, rename="camel"):
    id: UUID
    at: datetime
    author: str
    text: str


class AttachmentInfo(Struct, kw_only=True, rename="camel"):
    id: UUID
    at: datetime
    author: str
    file_name: str
    content_type: str
    size: int


class Link(Struct, kw_only=True, rename="camel"):
    kind: str
    item_id: UUID
    subject: str | None
    status: str | None
    """None, and no subject, where the reader may not read the other item."""
    incoming: bool
    """True when the other item names this one."""


class NoteReading(Protocol):
    """The part of `Reading` that notes, attachments and links need."""

    async def notes(self, number: int) -> list[Note]: ...
    async def attachments(self, number: int) -> list[AttachmentInfo]: ...
    async def attachment(self, number: int, attachment_id: UUID) -> tuple[AttachmentInfo, bytes] | None: ...
    async def links(self, number: int) -> list[Link]: ...


class NoteWriting(Protocol):
    """The part of `Writing` that notes, attachments and links need."""

    async def add_note(self, number: int, note: Note) -> bool:
        """False, and nothing done, where a note of this id is there."""
        ...

    async def add_attachment(self, number: int, info: AttachmentInfo, content: bytes) -> None: ...
    async def add_link(self, number: int, kind: str, other: int, at: datetime, author: str) -> None: ...
