"""The hash of a password that many users of tests have: made once in a process, with the parameters of production."""

from __future__ import annotations

from typing import Final

from openiwd.usecases.password import Passwords

_made: Final[dict[str, str]] = {}


async def hashed(password: str) -> dict[str, str]:
    """By the password itself."""
    if password not in _made:
        _made[password] = await Passwords().hash(password)
    return {password: _made[password]}
