"""Copies of sessions that all processes share, so that few of them ask the control database. Sealed, believed for
seconds, and only while nothing has changed; the database alone says who holds a session.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from openiwd.domain.errors import UnavailableError
from openiwd.domain.privilege import Caller
from openiwd.ports.runtime_cache import RuntimeCache
from openiwd.ports.secret_box import SecretBox

KEPT_SECONDS: Final = 10.0
"""How long a copy can outlive its original when the process that ended it could not say so."""
ENDED_SECONDS: Final = 20.0
"""So long a process that had read the original before its end is kept from making a copy of it."""


class SessionCopy(Struct, frozen=True):
    """Who holds a session, as of the generation in which it was read."""

    generation: str
    expires_at: datetime
    over_at: datetime
    idle_seconds: int
    """By these two it is seen when a use prolongs it: that is for the database."""
    caller: Caller


class SessionCopies:
    """Nothing here fails a request: what cannot be asked is not there."""

    def __init__(self, cache: RuntimeCache, box: SecretBox) -> None:
        self._cache = cache
        self._box = box
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(SessionCopy)
        self.outcomes: Counter[str] = Counter()
        """`hit`, `miss`, `outdated`, `unusable` and `away`, since the start."""
        self.are_believed = True
        """False while users have changed here and other processes may not know yet."""

    async def get(self, token_hash: bytes) -> SessionCopy | None:
        if not self.are_believed:
            return None
        key = token_hash.hex()
        try:
            sealed = await self._cache.copy_of(f"session:{key}")
        except UnavailableError:
            self.outcomes["away"] += 1
            return None
        if sealed is None:
            self.outcomes["miss"] += 1
            return None
        try:
            copy = self._decoder.decode(self._box.open(sealed, f"session:{key}"))
        except (UnavailableError, msgspec.MsgspecError):  # of other keys, or of another version of OpenIWD
            self.outcomes["unusable"] += 1
            return None
        if copy.generation != self._cache.generation or not self.are_believed:
            self.outcomes["outdated"] += 1
            return None
        self.outcomes["hit"] += 1
        return copy

    @property
    def generation(self) -> str:
        """To be read before the original is: what changes meanwhile makes the copy an old one."""
        return self._cache.generation

    async def keep(self, token_hash: bytes, copy: SessionCopy) -> None:
        if not copy.generation or not self.are_believed:
            return
        key = token_hash.hex()
        try:
            sealed = self._box.seal(self._encoder.encode(copy).decode(), f"session:{key}")
            await self._cache.keep_copy(f"session:{key}", sealed, KEPT_SECONDS)
        except UnavailableError:
            self.outcomes["away"] += 1

    async def end(self, token_hash: bytes) -> None:
        """The session is over."""
        try:
            await self._cache.end_copy(f"session:{token_hash.hex()}", ENDED_SECONDS)
        except UnavailableError:
            self.outcomes["away"] += 1
