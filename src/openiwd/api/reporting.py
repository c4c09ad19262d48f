"""The event log for the data mart and other readers: NDJSON, by cursor, gap-free."""

from __future__ import annotations

import asyncio
import gzip
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.params import QueryParameter

from openiwd.api.call import CurrentCall
from openiwd.usecases import event_log

GZIP_LEVEL: Final = 3
_encode: Final = msgspec.json.Encoder().encode


@get("/reporting/events", tags=["reporting"], operation_id="readEvents", media_type="application/x-ndjson")
async def read_events(
    call: CurrentCall,
    request: Request[Any, Any, State],
    after: Annotated[
        str | None,
        QueryParameter(name="after", max_length=40, description="The cursor of the last event read."),
    ] = None,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=event_log.MAX_LIMIT)] = 10_000,
    personal: Annotated[
        bool,
        QueryParameter(name="personal", description="With personal values (needs workitems.read for all)."),
    ] = False,
) -> Response[bytes]:
    """The events after a cursor, one JSON object a line, in the order of their commits; none is ever skipped.

    `X-OpenIWD-Next` is the cursor to go on from, `X-OpenIWD-Head` the end of the log. A cursor of another generation
    or past the head goes on from the common point; one below the retention is 410. Personal values are left out unless
    asked for.
    """
    page = await event_log.read(call.services, call.caller, after, limit, personal=personal)
    body = b"".join(_encode(e) + b"\n" for e in page.entries)
    headers = {
        "X-OpenIWD-Next": str(page.next),
        "X-OpenIWD-Head": str(page.head),
        "Cache-Control": "no-store",
        "Vary": "Accept-Encoding",
    }
    if body and "gzip" in request.headers.get("accept-encoding", ""):
        body = await asyncio.to_thread(gzip.compress, body, GZIP_LEVEL)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/x-ndjson", headers=headers)
