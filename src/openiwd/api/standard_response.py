"""Standard responses: kept in the configuration, filled for an item. Emails that wait are taken back here too."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.api.decoding import decode
from openiwd.api.editing import CurrentEditor, etag
from openiwd.api.item import CapturePoint
from openiwd.domain.email.standard_response import StandardResponse
from openiwd.usecases import email_view, email_withdrawal, item_detail, live_object, standard_response
from openiwd.usecases.email_view import EmailView
from openiwd.usecases.rule_set_object import body_named
from openiwd.usecases.standard_response import FilledResponse

_TAGS: Final = ["email"]


class StandardResponses(Struct, rename="camel"):
    standard_responses: list[StandardResponse]


@get("/standard-responses", tags=_TAGS, operation_id="listStandardResponses")
async def list_responses(editor: CurrentEditor) -> StandardResponses:
    """All standard responses, with their placeholders as written."""
    found = await live_object.objects(editor, standard_response.KIND)
    return StandardResponses([stored.value for stored in found])


@put("/standard-responses/{response_id:str}", tags=_TAGS, operation_id="putStandardResponse")
async def put_response(
    call: CurrentCall, editor: CurrentEditor, response_id: FromPath[str], data: JSONBody[dict[str, Any]]
) -> Response[StandardResponse]:
    """Creates or replaces a standard response; placeholders that will never have a value are refused."""
    value = decode(msgspec.json.encode(body_named(data, "id", response_id)), StandardResponse)
    stored, created = await standard_response.put(editor, value, call.if_match)
    return Response(value, status_code=201 if created else 200, headers=etag(stored.revision))


@delete("/standard-responses/{response_id:str}", tags=_TAGS, operation_id="deleteStandardResponse")
async def delete_response(editor: CurrentEditor, response_id: FromPath[str]) -> None:
    """Removes a standard response; emails that were written with it stay as they are."""
    await live_object.delete(editor, standard_response.KIND, response_id)


@get(
    "/items/{item_id:str}/standard-responses/{response_id:str}",
    tags=_TAGS,
    operation_id="fillStandardResponse",
)
async def fill_response(
    call: CurrentCall,
    item_id: FromPath[str],
    response_id: FromPath[str],
    mailbox: Annotated[str | None, QueryParameter(name="mailbox", max_length=64)] = None,
    capture_point: CapturePoint = None,
) -> FilledResponse:
    """A standard response with the values of an item; `missing` names the placeholders that have none."""
    item = await item_detail.read(call.services, call.caller, item_id, capture_point)
    return await standard_response.filled(call.services, call.caller, item, response_id, mailbox)


@post(
    "/items/{item_id:str}/emails/{email_id:uuid}/withdraw",
    tags=_TAGS,
    operation_id="withdrawEmail",
    status_code=200,
)
async def withdraw_email(
    call: CurrentCall, item_id: FromPath[str], email_id: FromPath[UUID], capture_point: CapturePoint = None
) -> EmailView:
    """Takes back an email that still waits to be sent; 409 `sentAlready` once sending has begun."""
    item = await item_detail.read(call.services, call.caller, item_id, capture_point)
    return email_view.email_view(await email_withdrawal.withdraw(call.services, call.caller, item, email_id))


HANDLERS: Final[list[Any]] = [list_responses, put_response, delete_response, fill_response, withdraw_email]
