"""Mailboxes at Gmail and Microsoft 365: tokens for the email service, a person's consent; tests of connections."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Redirect
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.api.decoding import decode
from openiwd.api.editing import CurrentEditor
from openiwd.domain.email.mailbox import Mailbox, check_mailbox
from openiwd.ports.iwd import AccessToken
from openiwd.usecases import mailbox_connection, mailbox_consent, mailbox_token
from openiwd.usecases.mailbox_connection import ConnectionTest
from openiwd.usecases.rule_set_object import body_named

_TAGS: Final = ["email"]


class TokenRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Who holds the mailbox, and the epoch of its lease."""

    holder: UUID
    epoch: int


class TryRequest(Struct, forbid_unknown_fields=True):
    """Settings that are to be tried before they are stored; without them the stored ones are."""

    mailbox: dict[str, Any] | None = None


class ConsentBegun(Struct):
    """Where the browser is to go."""

    url: str


@post("/mailboxes/{mailbox_id:str}/token", tags=_TAGS, operation_id="getMailboxToken", status_code=200)
async def get_token(
    call: CurrentCall, mailbox_id: FromPath[str], data: JSONBody[TokenRequest]
) -> Response[AccessToken]:
    """For the email service: an access token of a mailbox that it holds. 503 `mailProvider` says why there is none."""
    token = await mailbox_token.access_token(call.services, call.caller, mailbox_id, data.holder, data.epoch)
    return Response(token, headers={"Cache-Control": "no-store"})


@post("/mailboxes/{mailbox_id:str}/test", tags=_TAGS, operation_id="testMailbox", status_code=200)
async def test_mailbox(
    editor: CurrentEditor, mailbox_id: FromPath[str], data: JSONBody[TryRequest]
) -> ConnectionTest:
    """Tries the connections of a mailbox, enabled or not: each step with its result, and what to do about a failure.

    Nothing is sent, and no message is marked.
    """
    draft = None
    if data.mailbox is not None:
        draft = decode(msgspec.json.encode(body_named(data.mailbox, "id", mailbox_id)), Mailbox)
        check_mailbox(draft)
    return await mailbox_connection.try_out(editor, mailbox_id, draft)


@post("/mailboxes/{mailbox_id:str}/consent", tags=_TAGS, operation_id="beginMailboxConsent", status_code=200)
async def begin_consent(
    editor: CurrentEditor, mailbox_id: FromPath[str], request: Request[Any, Any, Any]
) -> ConsentBegun:
    """Where the browser of the person who is logged in is to go to let OpenIWD use the mailbox on their behalf."""
    return ConsentBegun(await mailbox_consent.begin(editor, mailbox_id, str(request.base_url)))


@get("/emails/oauth2/{provider:str}/callback", tags=_TAGS, operation_id="endMailboxConsent")
async def end_consent(
    editor: CurrentEditor,
    provider: FromPath[str],
    consent: Annotated[str, QueryParameter(name="state", max_length=200)],
    code: Annotated[str | None, QueryParameter(name="code", max_length=4_000)] = None,
    error: Annotated[str | None, QueryParameter(name="error", max_length=500)] = None,
) -> Redirect:
    """Where `google` and `microsoft` send the browser back to: once, in the log-in that began it."""
    mailbox_id = await mailbox_consent.finish(editor, provider, consent, code, error)
    return Redirect(f"/configuration/mailboxes/{quote(mailbox_id)}", status_code=303)


HANDLERS: Final[list[Any]] = [get_token, test_mailbox, begin_consent, end_consent]
