"""The HTML of an email for the eye: its own pictures in it, those from elsewhere only when asked for. Reads only."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from openiwd.domain.email.reading import file_bytes, read_email
from openiwd.ports.email import StoredEmail
from openiwd.usecases.email_view import original

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
MAX_PICTURES: Final = 12 * 1024 * 1024
"""Bytes of pictures that are shown inside of one email."""
_BARE: Final = re.compile(r"<img\b(?![^>]*\bsrc=)", re.IGNORECASE)


class Picture(Struct, frozen=True):
    content_type: str
    content: bytes


class ShownHtml(Struct, frozen=True):
    """Harmless HTML, and the pictures that its `cid:` addresses stand for."""

    html: str
    pictures: dict[str, Picture]


def blocked_pictures(html: str | None) -> int:
    """How many pictures of stored HTML are not shown because they lie elsewhere."""
    return 0 if html is None else len(_BARE.findall(html))


async def shown_html(services: TenantServices, email: StoredEmail, *, elsewhere: bool) -> ShownHtml:
    """The HTML of an email that the caller may read; with `elsewhere`, pictures from other servers too."""
    html = email.html or ""
    inside = [f for f in email.files if f.content_id and f.content_type in PICTURES]
    if not elsewhere and not inside:
        return ShownHtml(html, {})
    raw = await original(services, email)
    if elsewhere:
        parsed = await asyncio.to_thread(read_email, raw)
        html = services.email_tools.cleaner.clean_with_pictures(parsed.html or html)
    return ShownHtml(html, await asyncio.to_thread(_pictures, raw, email))


def _pictures(raw: bytes, email: StoredEmail) -> dict[str, Picture]:
    found: dict[str, Picture] = {}
    room = MAX_PICTURES
    for file in email.files:
        if not file.content_id or file.content_type not in PICTURES or file.size > room:
            continue
        content = file_bytes(raw, file.ordinal)
        if content is not None:
            room -= len(content)
            found[file.content_id.strip("<>")] = Picture(file.content_type, content)
    return found
