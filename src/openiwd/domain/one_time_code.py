"""Six-digit codes of authenticator apps (RFC 6238: HMAC-SHA-1, steps of 30 seconds). Knows no clock, stores nothing."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator
from typing import Final

STEP_SECONDS: Final = 30
DIGITS: Final = 6
DRIFT: Final = 1
"""A phone's clock may be one step off, either way."""


def code_at(secret: bytes, step: int) -> str:
    """The code of one step of time (RFC 4226, dynamic truncation)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    at = digest[-1] & 0x0F
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_of(seconds: float) -> int:
    """The step that an instant (seconds since 1970) lies in."""
    return int(seconds // STEP_SECONDS)


def matching_step(secret: bytes, code: str, seconds: float) -> int | None:
    """The step around an instant whose code this is; None when it is none of them."""
    given = "".join(code.split())
    if len(given) != DIGITS or not (given.isascii() and given.isdigit()):
        return None
    found = None
    for step in _around(step_of(seconds)):
        if hmac.compare_digest(code_at(secret, step), given):
            found = step
    return found


def _around(step: int) -> Iterator[int]:
    yield from range(max(0, step - DRIFT), step + DRIFT + 1)


def secret_text(secret: bytes) -> str:
    """The secret as apps take it by hand: base 32 without padding."""
    return base64.b32encode(secret).decode().rstrip("=")
