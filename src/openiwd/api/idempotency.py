"""`Idempotency-Key`: the same request again gets the first one's answer; another request under the key is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Final
from uuid import UUID

import msgspec

from openiwd.api.call import Call
from openiwd.api.raw import Answer
from openiwd.domain.errors import ConflictError, InvalidInputError

HEADER: Final = "idempotency-key"
MAX_KEY: Final = 200
KEPT_HEADERS: Final = ("location", "etag")


def made_id(call: Call, route: str, body: bytes) -> UUID | None:
    """The id of what the request makes: the same for the same request under the same key; None without a key.

    What the first request has made is found by it though its answer was not kept, or is not yet: the process may
    end in between, the connection may be lost, and two may come at once.
    """
    key = call.headers.get(HEADER)
    if key is None:
        return None
    told = "\0".join((call.caller.tenant_id or "", call.caller.actor, route, key)).encode()
    return UUID(bytes=blake2b(told + b"\0" + body, digest_size=16).digest(), version=4)


async def once(
    call: Call, route: str, body: bytes, run: Callable[[], Awaitable[Answer]], about: int | None = None
) -> Answer:
    """Runs, or answers as the first request under the same key was answered. Failed requests are not kept.

    The answer is kept after the act. So what is run must find by itself what it did before: by captureId, or by
    `made_id`.

    `about`: the number of the item that the answer tells of, where it tells more than its id and state.
    """
    key = call.headers.get(HEADER)
    if key is None:
        return await run()
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise InvalidInputError(
            f"an Idempotency-Key has 1 to {MAX_KEY} printable characters",
            field="Idempotency-Key",
            hint="send for example a UUID",
        )
    stored_key = f"{call.caller.actor} {route} {key}"
    request_hash = blake2b(body, digest_size=16).digest()
    store = call.services.runtime.store
    async with store.reading() as reading:
        known = await reading.idempotent(stored_key)
    if known is not None:
        if known[0] != request_hash:
            raise InvalidInputError(
                "this Idempotency-Key came with another request before",
                field="Idempotency-Key",
                code="idempotencyMismatch",
                hint="use a new key for a new request",
            )
        if known[2] is None:
            raise ConflictError(
                "this request was carried out; its answer was erased with the contact it told of",
                field="Idempotency-Key",
                code="gone",
                hint="read the item instead",
            )
        return Answer(
            known[1],
            msgspec.json.encode(known[2]["body"]),
            {**known[2]["headers"], "idempotent-replayed": "true"},
        )
    answer = await run()
    async with store.writing() as tx:
        kept = {k: v for k, v in answer.headers.items() if k in KEPT_HEADERS}
        await tx.save_idempotent(
            stored_key,
            request_hash,
            answer.status,
            {"body": msgspec.json.decode(answer.body), "headers": kept},
            about,
        )
    return answer
