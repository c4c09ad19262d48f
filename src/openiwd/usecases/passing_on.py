"""Requests that only the decider can answer are passed on to the process that decides: one hop, for a bounded time.

Authorises nobody: the deciding process does so itself, with the credentials that came with the request.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from uuid import UUID

from msgspec.structs import replace

from openiwd.ports.control_store import ControlStore
from openiwd.ports.peer import (
    DecidingProcess,
    PeerAnswer,
    PeerLostError,
    PeerRequest,
    Peers,
    PeerUnreachedError,
)

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

PASSED_HEADER: Final = "x-openiwd-passed-by"
"""Marks a request that another process has passed on; it is not passed on again."""
UNDECIDED_HEADER: Final = "x-openiwd-undecided"
"""Marks the answer to such a request by a process that does not decide (any more): nothing was done."""
WAIT_SECONDS: Final = 8.0
"""How long a request waits for the next decider: the lease of the last one, and the loading."""
POLL_SECONDS: Final = 0.2
MAX_WAITING: Final = 1_000
"""Requests that wait at the same time; further ones are answered at once."""
_READING: Final = frozenset({"GET", "HEAD"})


class PassingOn:
    """Knows who decides, as far as it was asked a moment ago."""

    def __init__(
        self,
        control: ControlStore,
        peers: Peers,
        process_id: UUID,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._control = control
        self._peers = peers
        self._process_id = process_id
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, DecidingProcess | None]] = {}
        self._waiting = 0
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def answer(
        self, services: TenantServices, request: PeerRequest, *, waits: bool
    ) -> PeerAnswer | None:
        """The deciding process's answer; None when this process is to answer, as the decider or in want of one.

        `waits`: during a takeover the request waits for the new decider.
        """
        services.wanted.set()
        if request.header(PASSED_HEADER) is not None:
            return None if services.decider is not None else _undecided()
        marked = replace(request, headers=[*request.headers, (PASSED_HEADER, str(self._process_id))])
        until = self._monotonic() + WAIT_SECONDS
        while services.decider is None:
            holder = await self._holder(services.tenant.id)
            if holder is None:
                return None
            answer = await self._ask(holder, marked)
            if answer is not None:
                return answer
            if not waits or self._monotonic() >= until or self._waiting >= MAX_WAITING:
                return None
            self._waiting += 1
            try:
                await asyncio.sleep(POLL_SECONDS)
            finally:
                self._waiting -= 1
        return None

    async def _ask(self, holder: DecidingProcess, request: PeerRequest) -> PeerAnswer | None:
        """None: nothing was done there, and the next decider can be asked."""
        if holder.address is None or holder.id == self._process_id:
            return None
        try:
            answer = await self._peers.ask(holder.address, request)
        except PeerUnreachedError:
            return None
        except PeerLostError:
            if request.method in _READING:
                return None
            raise
        return None if answer.header(UNDECIDED_HEADER) is not None else answer

    async def _holder(self, tenant_id: str) -> DecidingProcess | None:
        """Who holds the lease; however many requests wait, the control database is asked once per POLL_SECONDS."""
        async with self._asking[tenant_id]:
            at, holder = self._known.get(tenant_id, (float("-inf"), None))
            if self._monotonic() - at >= POLL_SECONDS:
                holder = await self._control.deciding_process(tenant_id)
                self._known[tenant_id] = (self._monotonic(), holder)
            return holder


def _undecided() -> PeerAnswer:
    return PeerAnswer(status=503, headers=[(UNDECIDED_HEADER, "1"), ("retry-after", "1")], body=b"")
