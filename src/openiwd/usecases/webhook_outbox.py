"""Webhooks on their way: plans deliveries from the event log and sends them, each receiver apart from the others.

What is to be sent and what became of it stands in the database; this holds only what can be read again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from openiwd.domain.errors import UnavailableError
from openiwd.domain.event import EventType, LoggedEvent
from openiwd.domain.webhook import BREAKS_AFTER, GIVE_UP_AFTER, Webhook, is_away
from openiwd.ports.outbound import Outbound, OutboundAnswer
from openiwd.ports.secret_box import SecretBox
from openiwd.ports.tenant_store import Cursor, Reading
from openiwd.ports.webhook import Delivery, DeliveryCount, WebhookState
from openiwd.usecases.tenant_runtime import Wakeup
from openiwd.usecases.webhook_body import Bodies, item_of, items_at
from openiwd.usecases.webhook_sending import after, attempt, parked, receiver_after, valid_secrets

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

MOST_WAITING: Final = 10_000
"""Of one webhook: what follows stays in the log until there is room."""
BATCH: Final = 32
AT_ONCE: Final = 8
"""Requests to one receiver at a time."""
SAVE_SECONDS: Final = 5.0
"""How long the place of a webhook that wants nothing may lie behind."""
CHUNK: Final = 1_000
KEPT_DELIVERED: Final = timedelta(days=3)
KEPT_PARKED: Final = timedelta(days=30)
NO_SECRET_PAUSE: Final = timedelta(seconds=60)
EVENT_GONE: Final = "the event is no longer kept in the log"


class Receiver:
    """A webhook in this process."""

    def __init__(self, webhook: Webhook, state: WebhookState, waiting: int) -> None:
        self.webhook = webhook
        self.state = state
        self.place = self.saved = Cursor(state.generation, state.pos)
        self.saved_at = time.monotonic()
        self.waiting = waiting
        self.wakeup = Wakeup()

    def refresh(self, webhook: Webhook, state: WebhookState, waiting: int) -> None:
        """As the database has it; a place that somebody else has moved counts."""
        if waiting > self.waiting:
            self.wakeup.notify()
        self.webhook, self.waiting = webhook, waiting
        stored = Cursor(state.generation, state.pos)
        if stored != self.saved:
            self.place = self.saved = stored
        self.state = state


def is_change(event: LoggedEvent) -> bool:
    """Whether the event tells of a change of webhooks."""
    return event.type == EventType.CONFIGURATION_CHANGED and event.body.get("kind") == "webhook"


class MovedError(Exception):
    """Somebody else has moved a webhook's place: it is to be read again."""


class Outbox:
    """The deliveries of one tenant. `roll` gives numbers from 0 to 1; `tell` hears of each attempt's outcome."""

    def __init__(
        self,
        services: TenantServices,
        outbound: Outbound,
        box: SecretBox,
        roll: Callable[[], float],
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._services = services
        self._outbound = outbound
        self._box = box
        self._roll = roll
        self._tell = tell
        self.is_stale = False
        """Whether the log tells of a change of webhooks that is to be read before anything after it is planned."""
        self.receivers: dict[str, Receiver] = {}
        self.counts: dict[str, DeliveryCount] = {}

    async def load(self) -> None:
        """Reads the webhooks that are enabled, where they stand, and how much waits."""
        self.is_stale = False
        async with self._services.runtime.store.reading() as reading:
            stored = await reading.objects("webhook")
            states = await reading.webhook_states()
            self.counts = await reading.delivery_counts()
        found: dict[str, Receiver] = {}
        for body in stored:
            webhook = msgspec.convert({k: v for k, v in body.items() if k != "revision"}, Webhook)
            state = states.get(webhook.id)
            if state is None or not webhook.enabled:
                continue
            count = self.counts.get(webhook.id)
            waiting = 0 if count is None else count.waiting
            known = self.receivers.get(webhook.id)
            if known is None:
                known = Receiver(webhook, state, waiting)
            else:
                known.refresh(webhook, state, waiting)
            found[webhook.id] = known
        self.receivers = found

    # Planning ---------------------------------------------------------------------------------------------------

    async def plan(self) -> bool:
        """Takes what is new in the log into the deliveries; True when there may be more."""
        more = False
        for receiver in list(self.receivers.values()):
            if receiver.waiting < MOST_WAITING:
                more |= await self._plan(receiver)
        return more

    async def _plan(self, receiver: Receiver) -> bool:
        events = self._up_to_change(await self._services.feed.after(receiver.place))
        if events:
            wanted = await self._wanted(receiver.webhook, events)
            last = Cursor(events[-1].generation, events[-1].pos)
            if wanted:
                await self._store(receiver, wanted, last)
            receiver.place = last
        if receiver.place != receiver.saved and (
            len(events) >= CHUNK or time.monotonic() - receiver.saved_at >= SAVE_SECONDS
        ):
            await self._store(receiver, [], receiver.place)
        return bool(events)

    def _up_to_change(self, events: Sequence[LoggedEvent]) -> Sequence[LoggedEvent]:
        """What follows a change of webhooks is judged by what they are then."""
        for n, event in enumerate(events):
            if is_change(event):
                self.is_stale = True
                return events[: n + 1]
        return events

    async def _wanted(self, webhook: Webhook, events: Sequence[LoggedEvent]) -> list[LoggedEvent]:
        told = [e for e in events if webhook.wants(e)]
        if not told or not webhook.looks_at_items:
            return told
        async with self._services.runtime.store.reading() as reading:
            items = await items_at(reading, told)
        found = []
        for event in told:
            item = item_of(event, items)
            if item is not None and webhook.wants_item(item.capture_point, item.category_path):
                found.append(event)
        return found

    async def _store(self, receiver: Receiver, wanted: Sequence[LoggedEvent], last: Cursor) -> None:
        """Deliveries and place in one transaction: an event is planned once, whoever plans."""
        runtime, webhook_id = self._services.runtime, receiver.webhook.id
        now = runtime.now()
        planned = [
            Delivery(
                id=runtime.new_id(),
                webhook_id=webhook_id,
                generation=e.generation,
                pos=e.pos,
                subject=str(e.item_id or e.subject_id),
                event_type=e.type,
                event_at=e.at,
                item_number=e.item_number,
                revision=e.revision,
                planned_at=now,
                next_at=now,
            )
            for e in wanted
        ]
        async with runtime.store.writing() as tx:
            stored = await tx.plan_deliveries(planned)
            if not await tx.move_webhook(webhook_id, receiver.saved, last):
                raise MovedError(webhook_id)
        receiver.saved, receiver.saved_at = last, time.monotonic()
        receiver.waiting += stored
        if stored:
            receiver.wakeup.notify()

    # Sending ----------------------------------------------------------------------------------------------------

    async def send(self, receiver: Receiver) -> int:
        """Sends what is due to one receiver; how many attempts were made."""
        runtime, webhook = self._services.runtime, receiver.webhook
        now, state = runtime.now(), receiver.state
        if state.paused_until is not None and now < state.paused_until:
            return 0
        room = 1 if state.failures >= BREAKS_AFTER else BATCH
        async with runtime.store.reading() as reading:
            due = await reading.due_deliveries(webhook.id, now, room)
            if not due:
                return 0
            secrets = await self._secrets(reading, receiver, now)
            bodies = await Bodies.load(runtime, reading, due)
        if secrets is None:
            return 0
        batch = _Batch(self._outbound, receiver, secrets, runtime.now)
        outcomes = await asyncio.gather(*(batch.send(d, bodies.of(d, webhook)) for d in due))
        tried = [(d, a) for d, a in zip(due, outcomes, strict=True) if a is not None]
        await self._record(receiver, tried)
        return len(tried)

    async def _secrets(self, reading: Reading, receiver: Receiver, now: datetime) -> list[str] | None:
        """Without a secret nothing is sent; the receiver's line says why."""
        webhook_id = receiver.webhook.id
        try:
            stored = await reading.webhook_secrets(webhook_id)
            return valid_secrets(self._box, stored, self._services.tenant.id, webhook_id, now)
        except UnavailableError as error:
            if error.code not in ("noSecretKey", "secretNotOpened"):
                raise
            receiver.state = msgspec.structs.replace(
                receiver.state, last_error=error.message, paused_until=now + NO_SECRET_PAUSE
            )
            async with self._services.runtime.store.writing() as tx:
                await tx.save_receiver(receiver.state)
            return None

    async def _record(self, receiver: Receiver, tried: Sequence[tuple[Delivery, OutboundAnswer]]) -> None:
        now = self._services.runtime.now()
        gone = OutboundAnswer(error=EVENT_GONE, status=410)
        told = [
            parked(d, EVENT_GONE, now) if a.error == EVENT_GONE else after(d, a, now, self._roll())
            for d, a in tried
        ]
        answers = [a for _, a in tried if a != gone]
        state = receiver_after(receiver.state, answers, now, self._roll())
        async with self._services.runtime.store.writing() as tx:
            await tx.record_deliveries(told)
            if state != receiver.state:
                await tx.save_receiver(state)
        receiver.state = state
        receiver.waiting = max(0, receiver.waiting - sum(d.state != "waiting" for d in told))
        for delivery in told:
            self._tell("failed" if delivery.state == "waiting" else delivery.state.value)
        if state.failing_since is not None and now - state.failing_since >= GIVE_UP_AFTER:
            await self._park_expired(receiver, now)

    async def _park_expired(self, receiver: Receiver, now: datetime) -> None:
        """The receiver has been away for as long as anything is tried: what is older is given up with it."""
        more = CHUNK
        while more >= CHUNK:
            async with self._services.runtime.store.writing() as tx:
                more = await tx.park_expired(receiver.webhook.id, now - GIVE_UP_AFTER, now, CHUNK)
            receiver.waiting = max(0, receiver.waiting - more)
            for _ in range(more):
                self._tell("parked")

    async def forget(self) -> int:
        """Removes what was delivered or parked long ago; how many."""
        now = self._services.runtime.now()
        async with self._services.runtime.store.writing() as tx:
            return await tx.forget_deliveries(now - KEPT_DELIVERED, now - KEPT_PARKED, CHUNK)


class _Batch:
    """Attempts side by side. When the receiver turns out to be away, those not begun are left for later."""

    def __init__(
        self, outbound: Outbound, receiver: Receiver, secrets: Sequence[str], now: Callable[[], datetime]
    ) -> None:
        self._outbound = outbound
        self._webhook = receiver.webhook
        self._secrets = secrets
        self._now = now
        self._room = asyncio.Semaphore(AT_ONCE)
        self._failures = receiver.state.failures

    async def send(self, delivery: Delivery, body: bytes | None) -> OutboundAnswer | None:
        """None: not tried."""
        if body is None:
            return OutboundAnswer(error=EVENT_GONE, status=410)
        begun = self._failures
        async with self._room:
            if self._failures >= BREAKS_AFTER and self._failures > begun:
                return None
            answer = await attempt(
                self._outbound,
                self._webhook.url,
                body,
                self._secrets,
                delivery_id=delivery.id,
                webhook_id=self._webhook.id,
                event_type=delivery.event_type,
                number=delivery.attempts + 1,
                now=self._now(),
            )
        self._failures = 0 if answer.is_done else self._failures + is_away(answer.status)
        return answer
