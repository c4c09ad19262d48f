"""Sends a tenant's webhooks while this process holds the lease to: one loop plans, one for each receiver sends."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from openiwd.domain.errors import UnavailableError
from openiwd.domain.event import LoggedEvent
from openiwd.processes.loop import forever
from openiwd.usecases.platform import Platform, TenantServices
from openiwd.usecases.webhook_outbox import CHUNK, MovedError, Outbox, Receiver, is_change

log = structlog.get_logger()

LEASE: Final = "webhooks"
HOLD_SECONDS: Final = 1.0
STANDBY_SECONDS: Final = 1.0
LOAD_SECONDS: Final = 5.0
"""How soon what the log does not tell of is seen at the latest."""
PLAN_SECONDS: Final = 1.0
DUE_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 5.0
TIDY_SECONDS: Final = 600.0

attempts = Counter("iwd_webhook_attempts_total", "Attempts of webhook deliveries", ["tenant", "outcome"])
waiting = Gauge("iwd_webhook_deliveries", "Webhook deliveries that are not done", ["tenant", "state"])


class LeaseLostError(Exception):
    """Another process sends now."""


class SendingTenant:
    """Stands by until the tenant's lease is free; then sends, as long as it holds it."""

    def __init__(self, platform: Platform, services: TenantServices) -> None:
        self._platform = platform
        self._services = services
        self._loops: dict[str, asyncio.Task[None]] = {}
        self._loaded_at = 0.0
        self._has_changed = False
        services.feed.tell(self._hear)

    def _hear(self, events: Sequence[LoggedEvent]) -> None:
        self._has_changed |= any(is_change(event) for event in events)

    async def step(self) -> float:
        if not await self._lease():
            return STANDBY_SECONDS
        tenant = self._services.tenant.id
        outbox = Outbox(
            self._services,
            self._platform.outbound,
            self._platform.secrets,
            random.random,
            lambda outcome: attempts.labels(tenant, outcome).inc(),
        )
        await outbox.load()
        try:
            # In a task of its own, as the decider's is.
            await asyncio.get_running_loop().create_task(self._run(outbox), name="sending webhooks")
        except* LeaseLostError:
            log.info("no longer sending webhooks", tenant=tenant)
        except* UnavailableError:
            raise
        return 0.0

    async def _lease(self) -> bool:
        epoch = await self._platform.control.take_lease(
            self._services.tenant.id, LEASE, self._platform.process_id
        )
        return epoch is not None

    async def _run(self, outbox: Outbox) -> None:
        self._loops = {}
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hold_lease())
            group.create_task(forever("webhook planning", lambda: self._plan(outbox, group)))
            group.create_task(forever("webhook tidying", lambda: _tidy(outbox)))

    async def _hold_lease(self) -> None:
        while True:
            if not await self._lease():
                raise LeaseLostError
            await asyncio.sleep(HOLD_SECONDS)

    async def _plan(self, outbox: Outbox, group: asyncio.TaskGroup) -> float:
        """What is new in the log; from time to time also what has changed about the webhooks."""
        if self._has_changed or outbox.is_stale or time.monotonic() - self._loaded_at >= LOAD_SECONDS:
            await self._load(outbox, group)
        head = self._services.feed.head
        try:
            if await outbox.plan():
                return 0.0
        except MovedError:
            await self._load(outbox, group)
            return 0.0
        if head is not None:
            await self._services.feed.wait(head, PLAN_SECONDS)
            return 0.0
        return PLAN_SECONDS

    async def _load(self, outbox: Outbox, group: asyncio.TaskGroup) -> None:
        self._has_changed = False
        await outbox.load()
        self._loaded_at = time.monotonic()
        tenant = self._services.tenant.id
        for state in ("waiting", "failing", "parked"):
            total = sum(getattr(count, state) for count in outbox.counts.values())
            waiting.labels(tenant, state).set(total)
        for gone in self._loops.keys() - outbox.receivers.keys():
            self._loops.pop(gone).cancel()
        for webhook_id in outbox.receivers.keys() - self._loops.keys():
            loop = forever("webhook sending", lambda w=webhook_id: _send(outbox, w))  # type: ignore[misc]
            self._loops[webhook_id] = group.create_task(loop)


async def _send(outbox: Outbox, webhook_id: str) -> float:
    receiver = outbox.receivers.get(webhook_id)
    if receiver is None:
        return IDLE_SECONDS
    seen = receiver.wakeup.count
    if await outbox.send(receiver):
        return 0.0
    await receiver.wakeup.wait(seen, _patience(receiver))
    return 0.0


def _patience(receiver: Receiver) -> float:
    """Something may come due, or be sent again by somebody at another process."""
    return DUE_SECONDS if receiver.waiting else IDLE_SECONDS


async def _tidy(outbox: Outbox) -> float:
    return 1.0 if await outbox.forget() >= CHUNK else TIDY_SECONDS
