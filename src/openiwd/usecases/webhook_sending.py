"""One attempt of a delivery: its headers, the valid secrets, and what an answer means for it and its receiver."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from openiwd.domain.webhook import (
    BREAKS_AFTER,
    FIRST_BREAK,
    GIVE_UP_AFTER,
    LONGEST_BREAK,
    is_away,
    is_final,
    pause,
    signature,
)
from openiwd.ports.outbound import Outbound, OutboundAnswer
from openiwd.ports.secret_box import SecretBox
from openiwd.ports.webhook import Delivery, DeliveryState, StoredSecret, WebhookState

AGENT: Final = "OpenIWD-Webhooks/1"
ERROR_LENGTH: Final = 300


def context_of(tenant_id: str, webhook_id: str) -> str:
    """What a webhook's secret is sealed for."""
    return f"webhook/{tenant_id}/{webhook_id}"


def valid_secrets(
    box: SecretBox, stored: Sequence[StoredSecret], tenant_id: str, webhook_id: str, now: datetime
) -> list[str]:
    """The secrets that sign now, the latest first."""
    return [
        box.open(s.sealed, context_of(tenant_id, webhook_id))
        for s in stored
        if s.valid_until is None or s.valid_until > now
    ]


async def attempt(
    outbound: Outbound,
    url: str,
    body: bytes,
    secrets: Sequence[str],
    *,
    delivery_id: UUID,
    webhook_id: str,
    event_type: str,
    number: int,
    now: datetime,
) -> OutboundAnswer:
    """Sends once."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "OpenIWD-Delivery": str(delivery_id),
        "OpenIWD-Attempt": str(number),
        "OpenIWD-Webhook": webhook_id,
        "OpenIWD-Event": event_type,
        "OpenIWD-Signature": signature(secrets, int(now.timestamp()), body),
    }
    return await outbound.post(url, headers, body)


def after(delivery: Delivery, answer: OutboundAnswer, now: datetime, roll: float) -> Delivery:
    """The delivery after an attempt: delivered, to be tried again, or parked."""
    tried = replace(
        delivery,
        attempts=delivery.attempts + 1,
        last_at=now,
        last_status=answer.status,
        last_error=None if answer.error is None else answer.error[:ERROR_LENGTH],
        last_milliseconds=answer.milliseconds,
    )
    if answer.is_done:
        return replace(tried, state=DeliveryState.DELIVERED, ended_at=now)
    gives_up_at = delivery.planned_at + GIVE_UP_AFTER
    if is_final(answer.status) or now >= gives_up_at:
        return replace(tried, state=DeliveryState.PARKED, ended_at=now)
    wait = pause(tried.attempts, roll)
    if answer.retry_after is not None:
        wait = max(wait, timedelta(seconds=answer.retry_after))
    return replace(tried, next_at=min(now + wait, gives_up_at))


def parked(delivery: Delivery, error: str, now: datetime) -> Delivery:
    """Given up without an attempt."""
    return replace(delivery, state=DeliveryState.PARKED, ended_at=now, last_error=error)


def receiver_after(
    state: WebhookState, answers: Sequence[OutboundAnswer], now: datetime, roll: float
) -> WebhookState:
    """How the receiver is after these answers: one that is away is left alone, longer each time."""
    for answer in answers:
        if answer.is_done:
            state = replace(
                state, failures=0, failing_since=None, paused_until=None, last_error=None, last_success_at=now
            )
            continue
        state = replace(
            state,
            failing_since=state.failing_since or now,
            last_error=(answer.error or "")[:ERROR_LENGTH],
            failures=state.failures + 1 if is_away(answer.status) else 0,
        )
        if state.failures >= BREAKS_AFTER:
            wait = pause(state.failures - BREAKS_AFTER + 1, roll, FIRST_BREAK, LONGEST_BREAK)
            asked = timedelta(seconds=answer.retry_after or 0.0)
            state = replace(state, paused_until=now + max(wait, asked))
    return state
