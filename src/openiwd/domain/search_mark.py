"""Where a page of a search has ended, in the form that callers hand back to go on after it."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from openiwd.domain.instant import from_micros


class Mark(NamedTuple):
    """Where a page has ended: for which search, at which instant, on which scale, after which sort values."""

    search: str
    now: int
    scale: int
    values: list[str | None]


def fingerprint_of(content: list[Any]) -> str:
    """The same for the same search only."""
    return blake2b(msgspec.json.encode(content, order="sorted"), digest_size=9).hexdigest()


def encode_mark(mark: Mark) -> str:
    """Text for an address."""
    return urlsafe_b64encode(msgspec.json.encode(mark)).decode().rstrip("=")


def decode_mark(text: str) -> Mark | None:
    """The mark of a text; None for any other text."""
    try:
        mark = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Mark)
        from_micros(mark.now)
    except (msgspec.MsgspecError, Base64Error, ValueError, OverflowError, UnicodeError):
        return None
    return mark
