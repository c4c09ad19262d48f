"""Webhooks: receivers of events, their secrets, their deliveries, and sending again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.api.decoding import decode
from openiwd.api.editing import CurrentEditor, etag
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.webhook import Webhook
from openiwd.ports.webhook import Delivery, DeliveryQuery, DeliveryState
from openiwd.usecases import webhook as webhook_use
from openiwd.usecases.rule_set_object import body_named
from openiwd.usecases.webhook import Record, Replay, SecretView, state_of

_TAGS: Final = ["webhooks"]


class WebhookView(Struct, kw_only=True, rename="camel"):
    """A webhook with how its receiver is. Secrets are shown by their first characters only."""

    id: str
    name: str
    description: str
    url: str
    enabled: bool
    events: list[str]
    statuses: list[str]
    capture_points: list[str]
    categories: list[str]
    content: str
    revision: int
    state: str
    """disabled, failing (it has not answered since its last failure), parked (something was given up) or working."""
    waiting: int
    failing: int
    """Of those that wait: tried in vain so far."""
    parked: int
    failing_since: datetime | None
    paused_until: datetime | None
    """It is left alone until then: it has failed several times one after the other."""
    last_error: str | None
    last_success_at: datetime | None
    secrets: list[SecretView] = []
    secret: str | None = None
    """Only in the answer that made it: it is never shown again."""


class Webhooks(Struct, rename="camel"):
    webhooks: list[WebhookView]


class Deliveries(Struct, rename="camel"):
    deliveries: list[Delivery]
    next_cursor: str | None


class DeliveryView(Struct, rename="camel"):
    delivery: Delivery
    body: Any
    """What is sent; null where the log no longer has the event."""


class NewSecret(Struct, rename="camel"):
    secret: str
    """It is never shown again."""


class RotateSecret(Struct, rename="camel", forbid_unknown_fields=True):
    overlap_hours: int = 24
    """So long the secret before signs as well; 0 ends it at once."""


class Tried(Struct, rename="camel"):
    """What the receiver answered to a `ping`."""

    ok: bool
    status: int | None
    error: str | None
    milliseconds: int


class Replayed(Struct, rename="camel"):
    waiting: int
    """So many stored deliveries wait anew; since an instant, more may follow from the log."""


def _view(record: Record, secret: str | None = None) -> WebhookView:
    w, state = record.webhook, record.state
    return WebhookView(
        id=w.id,
        name=w.name,
        description=w.description,
        url=w.url,
        enabled=w.enabled,
        events=[e.value for e in w.events],
        statuses=[s.value for s in w.statuses],
        capture_points=w.capture_points,
        categories=w.categories,
        content=w.content.value,
        revision=record.revision,
        state=state_of(record),
        waiting=record.count.waiting,
        failing=record.count.failing,
        parked=record.count.parked,
        failing_since=state.failing_since if state else None,
        paused_until=state.paused_until if state else None,
        last_error=state.last_error if state else None,
        last_success_at=state.last_success_at if state else None,
        secrets=record.secrets,
        secret=secret,
    )


@get("/webhooks", tags=_TAGS, operation_id="listWebhooks")
async def list_webhooks(editor: CurrentEditor) -> Webhooks:
    """All webhooks, with how many deliveries wait and were given up."""
    return Webhooks([_view(r) for r in await webhook_use.webhooks(editor)])


@get("/webhooks/{object_id:str}", tags=_TAGS, operation_id="getWebhook")
async def get_webhook(editor: CurrentEditor, object_id: FromPath[str]) -> Response[WebhookView]:
    """One webhook."""
    record = await webhook_use.get(editor, object_id)
    return Response(_view(record), headers=etag(record.revision))


@put("/webhooks/{object_id:str}", tags=_TAGS, operation_id="putWebhook")
async def put_webhook(
    call: CurrentCall, editor: CurrentEditor, object_id: FromPath[str], data: JSONBody[dict[str, Any]]
) -> Response[WebhookView]:
    """Creates or replaces a webhook; live at once. The answer to the first `PUT` has its secret, and no other has.

    It is told of events from its creation on, or from when it was last enabled. With `If-Match`, only that revision.
    """
    sent = {k: v for k, v in body_named(data, "id", object_id).items() if k not in _READ_ONLY}
    value = decode(msgspec.json.encode(sent), Webhook)
    record, secret = await webhook_use.put(editor, value, call.if_match)
    return Response(
        _view(record, secret), status_code=200 if secret is None else 201, headers=etag(record.revision)
    )


_READ_ONLY: Final = frozenset(f.encode_name for f in msgspec.structs.fields(WebhookView)) - frozenset(
    f.encode_name for f in msgspec.structs.fields(Webhook)
)


@delete("/webhooks/{object_id:str}", tags=_TAGS, operation_id="deleteWebhook", status_code=204)
async def delete_webhook(editor: CurrentEditor, object_id: FromPath[str]) -> None:
    """Removes a webhook with its secrets and deliveries, those that wait too."""
    await webhook_use.delete(editor, object_id)


@post("/webhooks/{object_id:str}/secret", tags=_TAGS, operation_id="rotateWebhookSecret", status_code=200)
async def rotate_secret(
    editor: CurrentEditor, object_id: FromPath[str], data: JSONBody[RotateSecret]
) -> NewSecret:
    """A new secret. The one before goes on signing beside it for `overlapHours`; two are valid at most."""
    return NewSecret(await webhook_use.rotate(editor, object_id, data.overlap_hours))


@post("/webhooks/{object_id:str}/ping", tags=_TAGS, operation_id="pingWebhook", status_code=200)
async def ping_webhook(editor: CurrentEditor, object_id: FromPath[str]) -> Tried:
    """Sends a signed `ping` right now and says what the receiver answered."""
    answer = await webhook_use.send_ping(editor, object_id)
    return Tried(answer.is_done, answer.status, answer.error, answer.milliseconds)


@get("/webhooks/{object_id:str}/deliveries", tags=_TAGS, operation_id="listWebhookDeliveries")
async def list_deliveries(
    editor: CurrentEditor,
    object_id: FromPath[str],
    only: Annotated[DeliveryState | None, QueryParameter(name="state", description="Only these.")] = None,
    failing: Annotated[
        bool, QueryParameter(name="failing", description="Only those that were tried in vain.")
    ] = False,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=500)] = 50,
    cursor: Annotated[str | None, QueryParameter(name="cursor", max_length=40)] = None,
) -> Deliveries:
    """A webhook's deliveries, the latest events first. Delivered ones are kept for 3 days, parked ones for 30."""
    query = DeliveryQuery(
        webhook_id=object_id, state=only, failing=failing, limit=limit + 1, before=read_place(cursor)
    )
    found = await webhook_use.deliveries(editor, query)
    return Deliveries(found[:limit], place_text(found[limit - 1]) if len(found) > limit else None)


def place_text(delivery: Delivery) -> str:
    return f"{delivery.generation}.{delivery.pos}"


def read_place(text: str | None) -> tuple[int, int] | None:
    """Where a page of deliveries ended."""
    if text is None:
        return None
    generation, _, pos = text.partition(".")
    if all(p.isascii() and p.isdigit() for p in (generation, pos)) and len(generation) < 9 and len(pos) < 19:
        return int(generation), int(pos)
    raise InvalidInputError("this is no cursor", field="cursor", hint="use `nextCursor` as it was given")


@get("/webhooks/{object_id:str}/deliveries/{delivery_id:uuid}", tags=_TAGS, operation_id="getWebhookDelivery")
async def get_delivery(
    editor: CurrentEditor, object_id: FromPath[str], delivery_id: FromPath[UUID]
) -> DeliveryView:
    """One delivery with its body."""
    found, body = await webhook_use.delivery(editor, object_id, delivery_id)
    return DeliveryView(found, None if body is None else msgspec.json.decode(body))


@post("/webhooks/{object_id:str}/replay", tags=_TAGS, operation_id="replayWebhook", status_code=200)
async def replay_deliveries(
    editor: CurrentEditor, object_id: FromPath[str], data: JSONBody[Replay]
) -> Replayed:
    """Sends again: certain deliveries, all parked ones, or every event since an instant; under their old ids."""
    return Replayed(await webhook_use.replay(editor, object_id, data))


HANDLERS: Final[list[Any]] = [
    list_webhooks,
    get_webhook,
    put_webhook,
    delete_webhook,
    rotate_secret,
    ping_webhook,
    list_deliveries,
    get_delivery,
    replay_deliveries,
]
