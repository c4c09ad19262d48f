"""`Idempotency-Key`: the same request again gets the first one's answer; another request under the key is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from openiwd.api.call import Call
from openiwd.api.raw import Answer
from openiwd.domain.errors import ConflictError, InvalidInputError
from openiwd.ports.tenant_store import Writing

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


Keep = Callable[[Writing, Answer], Awaitable[None]]
"""Keeps an answer in the transaction of the act that it tells of."""


class _Key(NamedTuple):
    """Under what an answer is kept, and of which request it is."""

    name: str
    request_hash: bytes


async def once(
    call: Call, route: str, body: bytes, run: Callable[[], Awaitable[Answer]], about: int | None = None
) -> Answer:
    """Runs, or answers as the first request under the same key was answered. Failed requests are not kept.

    The answer is kept after the act. So what is run must find by itself what it did before: by captureId, or by
    `made_id`.

    `about`: the number of the item that the answer tells of, where it tells more than its id and state.
    """
    return await once_together(call, route, body, lambda _: run(), about)


async def once_together(
    call: Call,
    route: str,
    body: bytes,
    run: Callable[[Keep | None], Awaitable[Answer]],
    about: int | None = None,
) -> Answer:
    """As `once`, for acts that do not find by themselves what they did before: what is run keeps its answer itself.

    It is given how (None without a key), and does so in each transaction in which it acts: either both are there
    or neither. What has not kept its answer has done nothing, or finds it; then it is kept afterwards.
    """
    key = _key_of(call, route, body)
    if key is None:
        return await run(None)
    store = call.services.runtime.store
    async with store.reading() as reading:
        known = await reading.idempotent(key.name)
    if known is not None:
        return _replayed(key, *known)
    is_kept = False

    async def keep(tx: Writing, answer: Answer) -> None:
        nonlocal is_kept
        await _save(tx, key, answer, about)
        is_kept = True

    answer = await run(keep)
    if not is_kept:
        async with store.writing() as tx:
            await _save(tx, key, answer, about)
    return answer


def _key_of(call: Call, route: str, body: bytes) -> _Key | None:
    key = call.headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise InvalidInputError(
            f"an Idempotency-Key has 1 to {MAX_KEY} printable characters",
            field="Idempotency-Key",
            hint="send for example a UUID",
        )
    return _Key(f"{call.caller.actor} {route} {key}", blake2b(body, digest_size=16).digest())


def _replayed(key: _Key, request_hash: bytes, status: int, response: Any) -> Answer:
    if request_hash != key.request_hash:
        raise InvalidInputError(
            "this Idempotency-Key came with another request before",
            field="Idempotency-Key",
            code="idempotencyMismatch",
            hint="use a new key for a new request",
        )
    if response is None:
        raise ConflictError(
            "this request was carried out; its answer was erased with the contact it told of",
            field="Idempotency-Key",
            code="gone",
            hint="read the item instead",
        )
    headers = {**response["headers"], "idempotent-replayed": "true"}
    return Answer(status, msgspec.json.encode(response["body"]), headers)


async def _save(tx: Writing, key: _Key, answer: Answer, about: int | None) -> None:
    headers = {k: v for k, v in answer.headers.items() if k in KEPT_HEADERS}
    kept = {"body": msgspec.json.decode(answer.body), "headers": headers}
    await tx.save_idempotent(key.name, key.request_hash, answer.status, kept, about)
