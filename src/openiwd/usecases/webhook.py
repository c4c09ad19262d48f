"""Webhooks as people configure them: live at once, with secrets that are shown once, and deliveries to look at."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from openiwd.domain.errors import InvalidInputError, NotFoundError
from openiwd.domain.webhook import PING, Webhook
from openiwd.ports.outbound import OutboundAnswer
from openiwd.ports.tenant_store import Reading, Writing
from openiwd.ports.webhook import (
    Delivery,
    DeliveryCount,
    DeliveryQuery,
    DeliveryState,
    StoredSecret,
    WebhookState,
)
from openiwd.usecases.configuration import Editor
from openiwd.usecases.live_object import check_id
from openiwd.usecases.webhook_body import Bodies, ping
from openiwd.usecases.webhook_sending import attempt, context_of, valid_secrets

KIND: Final = "webhook"
SECRET_PREFIX: Final = "oiwh_"  # noqa: S105 - what all secrets begin with
HINT_LENGTH: Final = 9
MOST_WEBHOOKS: Final = 100
CHUNK: Final = 1_000
MOST_OVERLAP_HOURS: Final = 24 * 14


class SecretView(Struct, kw_only=True, rename="camel"):
    """A valid secret as anybody may see it."""

    hint: str
    """How it begins."""
    made_at: datetime
    valid_until: datetime | None
    """None: until it is replaced."""


class Record(Struct, kw_only=True):
    """A webhook with what is known of it."""

    webhook: Webhook
    revision: int
    secrets: list[SecretView] = []
    state: WebhookState | None = None
    count: DeliveryCount

    @property
    def is_paused(self) -> bool:
        """Whether the receiver has failed and not yet answered again."""
        return self.state is not None and self.state.failing_since is not None


class Replay(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What is sent again: certain deliveries, all that are parked, or every event since an instant."""

    deliveries: Annotated[list[UUID], Meta(max_length=1_000)] = []
    parked: bool = False
    since: Annotated[datetime, Meta(tz=True)] | None = None


async def _stored(reading: Reading) -> list[tuple[Webhook, int]]:
    found = []
    for body in await reading.objects(KIND):
        values = {k: v for k, v in body.items() if k != "revision"}
        found.append((msgspec.convert(values, Webhook), body["revision"]))
    return found


def _missing(webhook_id: str) -> NotFoundError:
    return NotFoundError(f"there is no webhook '{webhook_id[:80]}'", field="id", hint="see the list")


def _no_count(webhook_id: str) -> DeliveryCount:
    return DeliveryCount(webhook_id, 0, 0, 0, None)


async def webhooks(editor: Editor) -> list[Record]:
    """All webhooks, with how their receivers are; without secrets."""
    editor.caller.require("webhooks.view")
    async with editor.services.runtime.store.reading() as reading:
        stored = await _stored(reading)
        states, counts = await reading.webhook_states(), await reading.delivery_counts()
    return [
        Record(webhook=w, revision=revision, state=states.get(w.id), count=counts.get(w.id, _no_count(w.id)))
        for w, revision in stored
    ]


async def get(editor: Editor, webhook_id: str) -> Record:
    """One webhook, with what may be seen of its valid secrets."""
    found = next((r for r in await webhooks(editor) if r.webhook.id == webhook_id), None)
    if found is None:
        raise _missing(webhook_id)
    async with editor.services.runtime.store.reading() as reading:
        stored = await reading.webhook_secrets(webhook_id)
    found.secrets = _views(stored, editor.services.runtime.now())
    return found


def _views(stored: Iterable[StoredSecret], now: datetime) -> list[SecretView]:
    return [
        SecretView(hint=s.hint, made_at=s.made_at, valid_until=s.valid_until)
        for s in stored
        if s.valid_until is None or s.valid_until > now
    ]


# Changing ------------------------------------------------------------------------------------------------------------


async def put(editor: Editor, value: Webhook, revision: int | None) -> tuple[Record, str | None]:
    """Creates or replaces a webhook; of a new one also its secret, which is never shown again."""
    editor.caller.require("webhooks.update")
    check_id(value.id)
    against = editor.platform.outbound.refusal(value.url)
    if against is not None:
        raise InvalidInputError(against, field="url", hint="see the how-to page on webhooks")
    secret: str | None = None
    async with editor.services.runtime.store.reading() as reading:
        is_new = all(w.id != value.id for w, _ in await _stored(reading))
    if is_new:
        await _drop_deliveries(
            editor, value.id
        )  # of an earlier one of this name, whose removal was cut short
    async with editor.services.runtime.store.writing() as tx:
        found = await _stored(tx)
        before = next(((w, n) for w, n in found if w.id == value.id), None)
        if before is None and len(found) >= MOST_WEBHOOKS:
            raise InvalidInputError(
                f"a tenant has at most {MOST_WEBHOOKS} webhooks", field="id", hint="delete one first"
            )
        stored = await tx.save_object(
            KIND, msgspec.to_builtins(value), revision=None if revision == 0 else revision
        )
        if before is None:
            secret = await _add_secret(editor, tx, value.id)
        if before is None or (value.enabled and not before[0].enabled):
            await tx.begin_webhook(value.id)
        change = "created" if before is None else "updated"
        await editor.tell(tx, KIND, value.id, change, stored)
    editor.committed()
    await editor.note(change, KIND, value.id, before[0] if before else None, value)
    return await get(editor, value.id), secret


async def _add_secret(editor: Editor, tx: Writing, webhook_id: str) -> str:
    secret = SECRET_PREFIX + secrets.token_urlsafe(32)
    context = context_of(editor.tenant_id, webhook_id)
    runtime = editor.services.runtime
    stored = StoredSecret(
        id=runtime.new_id(),
        sealed=editor.platform.secrets.seal(secret, context),
        hint=secret[:HINT_LENGTH],
        made_at=runtime.now(),
    )
    await tx.add_webhook_secret(webhook_id, stored)
    return secret


async def rotate(editor: Editor, webhook_id: str, overlap_hours: int) -> str:
    """A new secret, shown once. The one before signs beside it for so many hours; any older one ends at once."""
    editor.caller.require("webhooks.update")
    if not 0 <= overlap_hours <= MOST_OVERLAP_HOURS:
        raise InvalidInputError(
            f"overlapHours is {overlap_hours}", field="overlapHours", hint=f"use 0 to {MOST_OVERLAP_HOURS}"
        )
    runtime = editor.services.runtime
    async with runtime.store.writing() as tx:
        if all(w.id != webhook_id for w, _ in await _stored(tx)):
            raise _missing(webhook_id)
        secret = await _add_secret(editor, tx, webhook_id)
        newest = (await tx.webhook_secrets(webhook_id))[0]
        await tx.limit_webhook_secrets(webhook_id, newest.id, newest.made_at + timedelta(hours=overlap_hours))
        await editor.tell(tx, KIND, webhook_id, "secretReplaced")
    editor.committed()
    await editor.note("secret replaced", KIND, webhook_id, after={"overlapHours": overlap_hours})
    return secret


async def delete(editor: Editor, webhook_id: str) -> None:
    """Removes a webhook with its secrets and deliveries."""
    editor.caller.require("webhooks.update")
    runtime = editor.services.runtime
    async with runtime.store.writing() as tx:
        before = next((w for w, _ in await _stored(tx) if w.id == webhook_id), None)
        if before is None or not await tx.delete_object(KIND, webhook_id):
            raise _missing(webhook_id)
        await editor.tell(tx, KIND, webhook_id, "deleted")
    editor.committed()
    await editor.note("deleted", KIND, webhook_id, before)
    await _drop_deliveries(editor, webhook_id)


async def _drop_deliveries(editor: Editor, webhook_id: str) -> None:
    dropped = CHUNK
    while dropped >= CHUNK:
        async with editor.services.runtime.store.writing() as tx:
            dropped = await tx.drop_deliveries(webhook_id, CHUNK)


# Deliveries ----------------------------------------------------------------------------------------------------------


async def deliveries(editor: Editor, query: DeliveryQuery) -> list[Delivery]:
    """A webhook's deliveries, the latest events first."""
    await get(editor, query.webhook_id)
    async with editor.services.runtime.store.reading() as reading:
        return await reading.deliveries(query)


async def delivery(editor: Editor, webhook_id: str, delivery_id: UUID) -> tuple[Delivery, bytes | None]:
    """One delivery with the body that it is sent with; None where the log no longer has its event."""
    record = await get(editor, webhook_id)
    runtime = editor.services.runtime
    async with runtime.store.reading() as reading:
        found = await reading.delivery(webhook_id, delivery_id)
        if found is None:
            raise NotFoundError(f"there is no delivery {delivery_id}", field="id", hint="see the list")
        bodies = await Bodies.load(runtime, reading, [found])
    return found, bodies.of(found, record.webhook)


async def replay(editor: Editor, webhook_id: str, wanted: Replay) -> int:
    """Lets deliveries wait anew, in the order of the log; how many of those that are stored.

    Since an instant: events that were never planned, or whose deliveries are gone, follow from the log.
    """
    editor.caller.require("webhooks.update")
    chosen = [bool(wanted.deliveries), wanted.parked, wanted.since is not None]
    if sum(chosen) != 1:
        raise InvalidInputError(
            "say what is to be sent again",
            field="deliveries",
            hint="name deliveries, or set parked, or since: one of them",
        )
    await get(editor, webhook_id)
    done = await _wait_anew(editor, webhook_id, wanted)
    async with editor.services.runtime.store.writing() as tx:
        if wanted.since is not None:
            await _go_back(tx, webhook_id, wanted.since)
        await editor.tell(tx, KIND, webhook_id, "sentAgain")
    editor.committed()
    detail = {"parked": wanted.parked, "since": wanted.since, "deliveries": len(wanted.deliveries)}
    await editor.note("sent again", KIND, webhook_id, after={**detail, "waiting": done})
    return done


async def _wait_anew(editor: Editor, webhook_id: str, wanted: Replay) -> int:
    runtime, done, last = editor.services.runtime, 0, CHUNK
    while last >= CHUNK:
        async with runtime.store.writing() as tx:
            last = await tx.replay_deliveries(
                webhook_id,
                runtime.now(),
                CHUNK,
                ids=wanted.deliveries or None,
                since=wanted.since,
                parked=wanted.parked,
            )
        done += last
    return done


async def _go_back(tx: Writing, webhook_id: str, since: datetime) -> None:
    """Moves the webhook's place back to an instant; the one who sends notices that it was moved."""
    state = (await tx.webhook_states()).get(webhook_id)
    place = await tx.place_at(since)
    if state is not None and place < (state.generation, state.pos):
        await tx.move_webhook(webhook_id, (state.generation, state.pos), place)


async def send_ping(editor: Editor, webhook_id: str) -> OutboundAnswer:
    """Sends a `ping` right now; what the receiver answered. It is no delivery and is not repeated."""
    editor.caller.require("webhooks.update")
    record = await get(editor, webhook_id)
    runtime, platform = editor.services.runtime, editor.platform
    now, delivery_id = runtime.now(), runtime.new_id()
    async with runtime.store.reading() as reading:
        stored = await reading.webhook_secrets(webhook_id)
    return await attempt(
        platform.outbound,
        record.webhook.url,
        ping(delivery_id, record.webhook, editor.tenant_id, now, editor.caller.actor),
        valid_secrets(platform.secrets, stored, editor.tenant_id, webhook_id, now),
        delivery_id=delivery_id,
        webhook_id=webhook_id,
        event_type=PING,
        number=1,
        now=now,
    )


def state_of(record: Record) -> str:
    """How a webhook is, in one word: disabled, failing, parked (something was given up) or working."""
    if not record.webhook.enabled:
        return "disabled"
    if record.is_paused:
        return "failing"
    return "parked" if record.count.parked else "working"


__all__ = [
    "DeliveryState",
    "Record",
    "Replay",
    "SecretView",
    "delete",
    "deliveries",
    "delivery",
    "get",
    "put",
    "replay",
    "rotate",
    "send_ping",
    "state_of",
    "webhooks",
]
