"""Webhooks of others: any JSON, mapped by a capture point, let in by its secret rather than by an API key."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Request, post
from litestar.datastructures import State
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.domain.capture.answer import Answer
from openiwd.usecases import capture_webhook


class Taken(Struct):
    answers: list[Answer]
    """One for each record, in order; what was refused is in the error inbox as well."""


@post("/capture/{point_id:str}", tags=["capture"], operation_id="postToCapturePoint", status_code=200)
async def take_posted(
    call: CurrentCall,
    request: Request[Any, Any, State],
    point_id: FromPath[str],
    tenant: Annotated[
        str | None, QueryParameter(name="tenant", max_length=40, description="Where there are several.")
    ] = None,
) -> Taken:
    """Takes any JSON for a capture point of kind `webhook`: one record, a list of them, or a list within the body.

    It carries the capture point's secret: a signature as our own webhooks have it, a bearer token, or a signature in a
    header of its own. A record that is refused is answered with its reason and fails none beside it.
    """
    services = await capture_webhook.tenant_of(call.platform, tenant)
    body = await request.body()
    return Taken(await capture_webhook.receive(call.platform, services, point_id, request.headers, body))


HANDLERS: Final[list[Any]] = [take_posted]
