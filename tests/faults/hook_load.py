"""A receiver of webhooks that fails now and then while everything around it is killed.

Judges in the end: each event of an item has been accepted at least once, and in the item's order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from random import Random

import asyncpg
import httpx

from openiwd.domain.webhook import ITEM_EVENTS
from tests.faults.installation import PREFIX, Site
from tests.servers.receiver import CUT, Received, Receiver, receiving

ACCEPTED = 204
ANSWERS = {ACCEPTED: 94, 503: 3, CUT: 3}
SETTLED_SECONDS = 180.0
EVENTS = "SELECT pos, item_id::text FROM event WHERE item_id IS NOT NULL AND pos > $1 AND type = ANY($2) ORDER BY pos"
Told = tuple[int, str]
"""A place in the log, and the item that its event is of."""


def lost(events: Iterable[Told], accepted: Iterable[Told]) -> list[str]:
    """Which events the receiver was never told of, as far as it knows."""
    found = {pos for pos, _ in accepted}
    return [
        f"the notification of pos {pos} of item {item} is lost" for pos, item in events if pos not in found
    ]


def out_of_order(accepted: Iterable[Told]) -> list[str]:
    """What was accepted for the first time after something later of the same item."""
    wrong = []
    known: set[int] = set()
    last: dict[str, int] = {}
    for pos, item in accepted:
        if pos not in known and pos < last.get(item, 0):
            wrong.append(f"the notification of pos {pos} of item {item} follows pos {last[item]}")
        known.add(pos)
        last[item] = max(pos, last.get(item, 0))
    return wrong


class Hooks:
    """The receiver, and what it has accepted, in its order."""

    def __init__(self, site: Site, opened: AsyncExitStack, receiver: Receiver, random: Random) -> None:
        self._site = site
        self._opened = opened
        self._receiver = receiver
        self._random = random
        self._begun_at = 0
        self._is_calm = False
        self.accepted: list[Told] = []
        receiver.answer = self._answer

    @classmethod
    async def make(cls, site: Site, url: str, seed: int) -> Hooks:
        opened = AsyncExitStack()
        try:
            receiver = await opened.enter_async_context(receiving())
            made = cls(site, opened, receiver, Random(f"{seed}-hooks"))
            await made._set_up(url)
        except BaseException:
            await opened.aclose()
            raise
        return made

    async def _set_up(self, url: str) -> None:
        headers = {"x-api-key": self._site.keys["admin"]}
        body = {"name": "Hooks", "url": self._receiver.url, "content": "reference"}
        async with httpx.AsyncClient(base_url=url + PREFIX, headers=headers, trust_env=False) as http:
            answer = await http.put("/webhooks/hooks", json=body, timeout=30)
            assert answer.is_success, answer.text
        self._begun_at = await self._site.value("SELECT max(pos) FROM event")

    def _answer(self, request: Received) -> int:
        (status,) = self._random.choices(list(ANSWERS), list(ANSWERS.values()))
        if self._is_calm or status == ACCEPTED:
            told = request.json
            self.accepted.append((int(told["event"]["cursor"].partition(".")[2]), told["item"]["id"]))
            return ACCEPTED
        return status

    async def violations(self) -> list[str]:
        """After as long as what failed is tried again, at most."""
        self._is_calm = True
        events: Sequence[Told] = await self._events()
        deadline = time.monotonic() + SETTLED_SECONDS
        while lost(events, self.accepted) and time.monotonic() < deadline:  # noqa: ASYNC110 - told by a server
            await asyncio.sleep(0.2)
        return [*lost(events, self.accepted), *out_of_order(self.accepted)]

    async def _events(self) -> list[Told]:
        connection = await asyncpg.connect(self._site.tenant_dsn)
        try:
            rows = await connection.fetch(EVENTS, self._begun_at, [str(kind) for kind in ITEM_EVENTS])
        finally:
            await connection.close()
        return [(row[0], row[1]) for row in rows]

    def line(self) -> str:
        again = len(self.accepted) - len(set(self.accepted))
        asked = len(self._receiver.requests)
        return f"webhooks: {asked} requests, {len(self.accepted)} accepted, {again} of them again"

    async def close(self) -> None:
        await self._opened.aclose()
