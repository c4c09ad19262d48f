"""Messages that others post to a capture point: who has its secret is let in, whatever JSON they send is mapped.

What is refused stands in the error inbox: who posts cannot mend it, and would only post it again.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

from openiwd.domain.capture.answer import Answer
from openiwd.domain.capture.outside_source import WebhookSource
from openiwd.domain.capture.point import CapturePoint
from openiwd.domain.errors import ConflictError, ForbiddenError, InvalidInputError, TooLargeError
from openiwd.domain.webhook import is_signed
from openiwd.ports.capture import MAX_RAW, SourceRecord
from openiwd.ports.tenant_store import Writing
from openiwd.usecases.capture_batch import Plan, bound_inbox, count, inbox_entry, opened, planned, run
from openiwd.usecases.capture_point import stored_points
from openiwd.usecases.capture_secret import unsealed

if TYPE_CHECKING:
    from openiwd.usecases.platform import Platform, TenantServices

SIGNATURE: Final = "openiwd-signature"
MOST_RECORDS: Final = 1_000
_decode: Final = msgspec.json.Decoder().decode


async def tenant_of(platform: Platform, named: str | None) -> TenantServices:
    """The tenant that is named, or the only one; the same refusal as for a wrong secret where there is none."""
    tenants = [t.id for t in await platform.control.tenants() if t.active]
    if named is None and len(tenants) > 1:
        raise InvalidInputError(
            "this installation has several tenants", field="tenant", hint="add ?tenant=<id> to the address"
        )
    wanted = named if named is not None else next(iter(tenants), None)
    if wanted is None or wanted not in tenants:
        raise _refused()
    return await platform.services(wanted)


async def receive(
    platform: Platform, services: TenantServices, point_id: str, headers: Mapping[str, str], body: bytes
) -> list[Answer]:
    """Takes what was posted, all of it in one transaction, and answers each record."""
    async with services.runtime.store.reading() as reading:
        point = next((p.point for p in await stored_points(reading) if p.point.id == point_id), None)
    if point is None or not isinstance(point.source, WebhookSource):
        raise _refused()
    now = int(services.runtime.now().timestamp())
    readable = unsealed(platform, services.tenant.id, point).source
    if not isinstance(readable, WebhookSource) or not is_let_in(readable, headers, body, now):
        raise _refused()
    if not point.enabled:
        raise ConflictError(f"'{point.id}' is disabled", code="disabled", hint="enable the capture point")
    ready = opened(point, services.tenant.id)
    plans = [planned(ready, record) for record in records_of(point, body)]

    async def keep(tx: Writing, done: Sequence[Plan]) -> None:
        failed = [inbox_entry(services, ready, p) for p in done if p.answer is not None and p.answer.failed]
        await tx.add_capture_errors(failed)

    await run(services, ready, plans, keep)
    await bound_inbox(services, ready, plans)
    answers = [plan.answer for plan in plans if plan.answer is not None]
    count(services, ready, answers)
    return answers


def _refused() -> ForbiddenError:
    return ForbiddenError(
        "no capture point takes this, or it does not carry the capture point's secret",
        code="notLetIn",
        hint="check the address, the secret and how it is sent",
    )


def is_let_in(source: WebhookSource, headers: Mapping[str, str], body: bytes, now: int) -> bool:
    """Whether the request shows the secret, compared in constant time."""
    secret = source.secret
    if not secret:
        return False
    match source.check:
        case "signature":
            return is_signed(headers.get(SIGNATURE, ""), [secret], now, body)
        case "bearer":
            kind, _, given = headers.get("authorization", "").partition(" ")
            return kind.casefold() == "bearer" and _same(given.strip(), secret)
        case "headerSignature":
            given = headers.get(source.header.casefold(), "").strip()
            wanted = hmac.new(secret.encode(), body, sha256).hexdigest()
            return _same(given.removeprefix("sha256=").casefold(), wanted)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def records_of(point: CapturePoint, body: bytes) -> list[SourceRecord]:
    """The records within the body; what is no object among them is a record with a fault."""
    try:
        found = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInputError(f"this is no JSON: {error}", hint="send JSON") from error
    path = point.source.records if isinstance(point.source, WebhookSource) else ""
    for name in path.split(".") if path else ():
        found = found.get(name) if isinstance(found, dict) else None
    if found is None:
        raise InvalidInputError(
            f"there is nothing at {path}", field=path, hint="see the capture point's records"
        )
    values = found if isinstance(found, list) else [found]
    if len(values) > MOST_RECORDS:
        raise TooLargeError(
            f"{len(values)} records, at most {MOST_RECORDS} are taken", hint="send several requests"
        )
    return [_record(value, n) for n, value in enumerate(values, 1)]


def _record(value: Any, number: int) -> SourceRecord:
    raw = msgspec.json.encode(value).decode()[:MAX_RAW]
    if isinstance(value, dict):
        return SourceRecord(fields=value, position=f"record {number}", raw=raw)
    fault = InvalidInputError("this is no object", hint="a record has names and values", code="noObject")
    return SourceRecord(fields={}, position=f"record {number}", raw=raw, fault=fault)
