"""What processes call out to each other after a commit: that a tenant's log has grown, that users have changed. Only
hints: whoever misses one finds out by looking, as without them.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from uuid import UUID

from openiwd.domain.errors import UnavailableError
from openiwd.ports.runtime_cache import RuntimeCache

if TYPE_CHECKING:
    from openiwd.usecases.platform import Platform

TOGETHER_SECONDS: Final = 0.005
"""Commits of so short a time are called out once."""
AGAIN_SECONDS: Final = 0.5
_LOG, _USERS, _ENDED = "log", "users", "ended"


class FanOut:
    """The hints of one process: gathers those to be sent, and does what those heard say."""

    def __init__(self, cache: RuntimeCache, platform: Platform, process_id: UUID) -> None:
        self._cache = cache
        self._platform = platform
        self._own = str(process_id)
        self._waiting: dict[str, None] = {}
        self._something = asyncio.Event()

    def log_has_grown(self, tenant_id: str) -> None:
        """To be called after a commit that wrote events."""
        self._put(f"{_LOG} {tenant_id}")

    def users_have_changed(self) -> None:
        """Users, keys, access groups or rights: what is remembered of callers is to be asked again."""
        copies = self._platform.identities.copies
        if copies is not None:
            copies.are_believed = False  # until the others can know
        self._put(_USERS)

    def session_has_ended(self, token_hash: bytes) -> None:
        self._put(f"{_ENDED} {token_hash.hex()}")

    def _put(self, hint: str) -> None:
        self._waiting[hint] = None
        self._something.set()

    async def send(self) -> float:
        """One step of sending: waits for something, and a moment for more. Hints that cannot be sent are dropped."""
        await self._something.wait()
        self._something.clear()
        hints, self._waiting = list(self._waiting), {}
        changed = _USERS in hints
        try:
            if changed:
                await self._cache.renew_generation()
                self._believe_copies()
                hints[hints.index(_USERS)] = f"{_USERS} {self._cache.generation}"
                changed = False
            await self._cache.publish("\n".join([self._own, *hints]).encode())
        except UnavailableError:
            if changed:  # the one that matters for longer than a moment
                self._put(_USERS)
                return AGAIN_SECONDS
        return TOGETHER_SECONDS

    def _believe_copies(self) -> None:
        copies = self._platform.identities.copies
        if copies is not None and _USERS not in self._waiting:
            copies.are_believed = True

    async def listen(self) -> float:
        """One step of listening, until the connection is lost; what was missed before is made up for at once."""
        try:
            await self._cache.listen(self._hear, self._catch_up)
        except UnavailableError:
            return AGAIN_SECONDS
        return 0.0

    def _catch_up(self) -> None:
        self._platform.identities.forget_known()
        for services in self._platform.opened:
            services.runtime.wakeup.notify()

    def _hear(self, message: bytes) -> None:
        sender, *hints = message.decode("utf-8", "replace").split("\n")
        if sender == self._own:
            return
        opened = {services.tenant.id: services for services in self._platform.opened}
        for hint in hints:
            word, _, rest = hint.partition(" ")
            if word == _LOG and rest in opened:
                opened[rest].runtime.wakeup.notify()
            elif word == _USERS:
                self._cache.generation = rest
                self._platform.identities.forget_known()
            elif word == _ENDED:
                with suppress(ValueError):
                    self._platform.identities.forget_session(bytes.fromhex(rest))
