"""Live updates as server-sent events from the log, within the caller's scope; resumable by cursor."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, get
from litestar.datastructures import State
from litestar.params import QueryParameter
from litestar.response import Stream

from openiwd.api.call import CurrentCall, identify
from openiwd.api.metrics import CurrentMetrics
from openiwd.domain.errors import UnavailableError
from openiwd.domain.event import LoggedEvent, concerned
from openiwd.domain.privilege import Caller, Scope
from openiwd.ports.tenant_store import Cursor
from openiwd.usecases.event_log import read_cursor
from openiwd.usecases.platform import TenantServices

HEARTBEAT_SECONDS: Final = 15.0
SOON_MILLISECONDS: Final = 1_000
AskAgain = Callable[[], Awaitable[Caller | None]]
"""Asks anew who holds the session or the key."""
TOPICS: Final = ("items", "offers", "agents", "queues", "ruleSets", "alarms")
_OFFERS: Final = frozenset({"offered", "offerDeclined", "offerTimedOut", "offerWithdrawn", "offerLost"})
_ALARMS: Final = frozenset({"alarmRaised", "alarmChanged", "alarmCleared"})
"""Told without saying of what: the list shows who asks what they may see."""
_encode: Final = msgspec.json.Encoder().encode


def _item_message(event: LoggedEvent) -> dict[str, Any]:
    body = event.body
    changed = body.get("set", {})
    message = {
        "id": event.item_id,
        "event": event.type,
        "at": event.at,
        "actor": event.actor,
        "revision": event.revision,
        "from": body.get("from"),
        "status": body.get("to"),
        "agent": body.get("agent"),
        "toAgent": body.get("toAgent"),
        "reason": body.get("reason"),
        "queue": changed.get("queue_id"),
    }
    return {k: v for k, v in message.items() if v is not None}


def _offer_message(event: LoggedEvent) -> dict[str, Any]:
    told = event.body.get("offer") or {}
    outcome = told.get("outcome")
    return {
        "id": told.get("id"),
        "item": event.item_id,
        "agent": told.get("agent") or event.body.get("agent"),
        "event": event.type,
        "at": event.at,
        "expiresAt": told.get("expiresAt"),
        "outcome": outcome,
        "reason": event.body.get("reason"),
    }


def _agent_message(event: LoggedEvent) -> dict[str, Any]:
    return {
        "id": event.subject_id,
        "event": event.type,
        "at": event.at,
        "states": event.body.get("states"),
        "actor": event.actor,
    }


class _Scoped:
    """What of the log one caller gets to see."""

    def __init__(self, services: TenantServices, caller: Caller, topics: Iterable[str]) -> None:
        self._services = services
        self._caller = caller
        self._scope = caller.require("workitems.read")
        self._topics = frozenset(topics)

    @property
    def own_only(self) -> str | None:
        """The agent whose events alone are seen by this caller, if that is all."""
        sees_agents = "agents" in self._topics and self._caller.may("agents.view")
        return None if self._scope is not Scope.OWN or sees_agents else self._caller.agent_id

    async def messages(self, events: list[LoggedEvent]) -> bytes:
        """The events of one batch as text for the wire; empty when none is for this caller."""
        visible = await self._visible(events)
        parts: list[bytes] = []
        queues: set[str] = set()
        moved = False
        for event in events:
            cursor = str(Cursor(event.generation, event.pos))
            if event.item_id is not None:
                if event.item_number not in visible and not self._concerns(event):
                    continue
                parts += self._of_item(event, cursor)
                moved = True
                queue = event.body.get("set", {}).get("queue_id") or (event.body.get("assignment") or {}).get(
                    "queue"
                )
                if queue:
                    queues.add(queue)
            elif (
                event.type in ("agentStateChanged", "agentChanged")
                and "agents" in self._topics
                and self._sees_agent(event)
            ):
                parts.append(_wire("agents", cursor, _agent_message(event)))
            elif event.type == "ruleSetPublished" and "ruleSets" in self._topics:
                told = {"version": event.body.get("version"), "at": event.at, "actor": event.actor}
                parts.append(_wire("ruleSets", cursor, told))
            elif event.type in _ALARMS and "alarms" in self._topics and self._caller.may("alarms.view"):
                parts.append(_wire("alarms", cursor, {"event": event.type, "at": event.at}))
        if moved and "queues" in self._topics:
            last = events[-1]
            parts.append(
                _wire(
                    "queues",
                    str(Cursor(last.generation, last.pos)),
                    {"at": last.at, "queues": sorted(queues)},
                )
            )
        return b"".join(parts)

    def _of_item(self, event: LoggedEvent, cursor: str) -> list[bytes]:
        parts = []
        if "items" in self._topics:
            parts.append(_wire("items", cursor, _item_message(event)))
        if "offers" in self._topics and (event.type in _OFFERS or event.body.get("offer")):
            parts.append(_wire("offers", cursor, _offer_message(event)))
        return parts

    async def _visible(self, events: list[LoggedEvent]) -> set[int]:
        """Numbers of the items that the caller's scope covers."""
        numbers = {e.item_number for e in events if e.item_number is not None}
        if self._scope is Scope.ALL:
            return numbers
        if self._scope is Scope.OWN or not numbers:
            return set()
        async with self._services.runtime.store.reading() as reading:
            items = await reading.items_by_number(numbers)
        return {n for n, item in items.items() if self._caller.covers(self._scope, item)}

    def _concerns(self, event: LoggedEvent) -> bool:
        return self._caller.agent_id is not None and self._caller.agent_id in concerned(event)

    def _sees_agent(self, event: LoggedEvent) -> bool:
        return self._caller.may("agents.view") or event.subject_id == self._caller.agent_id


def _wire(topic: str, cursor: str, message: dict[str, Any]) -> bytes:
    return b"event: %s\nid: %s\ndata: %s\n\n" % (topic.encode(), cursor.encode(), _encode(message))


class _Holder:
    """Whether whoever opened a stream is still the same, with the same rights; asked once per heartbeat at most."""

    def __init__(self, caller: Caller, ask: AskAgain, every_seconds: float) -> None:
        self._caller = caller
        self._ask = ask
        self._every = every_seconds
        self._asked = time.monotonic()

    async def is_gone(self) -> bool:
        now = time.monotonic()
        if now - self._asked < self._every:
            return False
        self._asked = now
        try:
            return await self._ask() != self._caller
        except UnavailableError:  # streams outlast a control database that is away for a while
            return False


async def live(
    services: TenantServices,
    caller: Caller,
    after: Cursor | None,
    topics: Iterable[str],
    heartbeat: float = HEARTBEAT_SECONDS,
    ask_again: AskAgain | None = None,
) -> AsyncIterator[bytes]:
    """The stream: what happens, with signs of life in between. An agent's stream keeps the agent present.

    It ends when `ask_again` tells of nobody, or of somebody with other rights: who still may, begins anew.
    """
    holder = _Holder(caller, ask_again, heartbeat) if ask_again is not None else None
    scoped = _Scoped(services, caller, topics)
    own, addressee = caller.agent_id, scoped.own_only
    start = after or services.feed.head
    if addressee is None:
        batches = _with_pauses(services.feed.subscribe(start), heartbeat)
    else:
        batches = services.addressing.follow(addressee, start, heartbeat)
    async with aclosing(batches):
        if own is not None:
            services.presence.seen(own)
        yield b"retry: 2000\n: connected\n\n"
        async for events in batches:
            if holder is not None and await holder.is_gone():
                return
            if own is not None:
                services.presence.seen(own)
            text = await scoped.messages(events) if events else b": heartbeat\n\n"
            if text:
                yield text


def farewell() -> bytes:
    """The last words of a process that ends: come again soon (to another one), but not all at the same instant."""
    return b"retry: %d\n\n" % random.randint(100, SOON_MILLISECONDS)  # noqa: S311


async def _with_pauses(
    batches: AsyncIterator[list[LoggedEvent]], patience_seconds: float
) -> AsyncGenerator[list[LoggedEvent]]:
    """The batches; an empty one says that none has come for so long."""
    waiting = asyncio.ensure_future(anext(batches))
    try:
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=patience_seconds)
            if done:
                try:
                    events = waiting.result()
                except StopAsyncIteration:
                    return
                waiting = asyncio.ensure_future(anext(batches))
                yield events
            else:
                yield []
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


@get("/stream", tags=["workspace"], operation_id="stream", media_type="text/event-stream")
async def get_stream(
    call: CurrentCall,
    request: Request[Any, Any, State],
    metrics: CurrentMetrics,
    topics: Annotated[
        str | None,
        QueryParameter(
            name="topics", description="Of items, offers, agents, queues, ruleSets, alarms; none = all."
        ),
    ] = None,
    after: Annotated[
        str | None,
        QueryParameter(name="after", description="A cursor, where `Last-Event-ID` cannot be sent."),
    ] = None,
) -> Stream:
    """Server-sent events `items`, `offers`, `agents`, `queues`, `ruleSets`, `alarms`.

    `Last-Event-ID` (a cursor) resumes without a gap. `ruleSets` says that a version was published: priorities may be
    others from then on. The stream ends with the session or key that opened it, or when its rights change.
    """
    resumed = request.headers.get("last-event-id") or after
    cursor = read_cursor(resumed, "Last-Event-ID") if resumed else None
    chosen = [t for t in (topics or "").split(",") if t in TOPICS] or list(TOPICS)

    async def ask_again() -> Caller | None:
        # a stream left open is no use of the session: it would never end
        return await identify(call.platform, request.headers, request.cookies, changes=False, prolong=False)

    async def counted() -> AsyncIterator[bytes]:
        metrics.streams.inc()
        call.services.streams += 1
        call.services.wanted.set()
        try:
            async for text in live(call.services, call.caller, cursor, chosen, HEARTBEAT_SECONDS, ask_again):
                yield text
            if call.platform.is_draining:
                yield farewell()
        finally:
            call.services.streams -= 1
            metrics.streams.dec()

    return Stream(
        counted(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
