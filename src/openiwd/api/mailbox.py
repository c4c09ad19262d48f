"""Mailboxes: their configuration for people, and leases, secrets and states for the email service."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct

from openiwd.api.call import CurrentCall
from openiwd.api.decoding import decode
from openiwd.api.editing import CurrentEditor, etag
from openiwd.domain.email.junk import JunkFilter
from openiwd.domain.email.mailbox import Mailbox
from openiwd.ports.email import MailboxCursor, MailboxLease, MailboxStatus
from openiwd.usecases import junk_filter, live_object, mailbox
from openiwd.usecases.mailbox import MailboxState, ServedMailbox, StatusReport
from openiwd.usecases.rule_set_object import body_named

_TAGS: Final = ["email"]


class MailboxView(Struct, kw_only=True, rename="camel"):
    """A mailbox: settings, the names of its secrets, who holds it, how it is doing."""

    mailbox: Mailbox
    revision: int
    secrets: list[str]
    statuses: list[MailboxStatus]
    holder: UUID | None


class Mailboxes(Struct, kw_only=True, omit_defaults=True):
    """`mailboxes` for people; `served`, with secrets in the clear, for the email service (`?for=email`)."""

    mailboxes: list[MailboxView] = []
    served: list[ServedMailbox] = []


class Secrets(Struct, rename="camel", forbid_unknown_fields=True):
    """Secrets to be stored; null removes one, what is left out stays."""

    imap_password: str | msgspec.UnsetType | None = msgspec.UNSET
    smtp_password: str | msgspec.UnsetType | None = msgspec.UNSET
    client_secret: str | msgspec.UnsetType | None = msgspec.UNSET
    """Of the app that is registered at Google or Microsoft."""
    service_account_key: str | msgspec.UnsetType | None = msgspec.UNSET
    """Google's JSON file."""


class SecretNames(Struct):
    secrets: list[str]


class LeaseRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Who holds mailboxes, and how many it can hold."""

    holder: UUID
    most: Annotated[int, Meta(ge=0, le=1_000)] = 100


class Leases(Struct):
    leases: list[MailboxLease]


class CursorInput(MailboxCursor, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Up to where a folder has been read, told by the mailbox's holder."""

    holder: UUID
    epoch: int


class StatusReports(Struct, forbid_unknown_fields=True):
    statuses: Annotated[list[StatusReport], Meta(max_length=500)]


class Filters(Struct):
    filters: list[JunkFilter]


def _view(state: MailboxState) -> MailboxView:
    held = state.lease is not None and state.lease.seconds > 0
    return MailboxView(
        mailbox=state.mailbox,
        revision=state.revision,
        secrets=state.secrets,
        statuses=state.statuses,
        holder=state.lease.holder if held and state.lease is not None else None,
    )


@get("/mailboxes", tags=_TAGS, operation_id="listMailboxes")
async def list_mailboxes(
    editor: CurrentEditor,
    wanted_for: Annotated[
        str | None, QueryParameter(name="for", max_length=10, description="`email`: for the email service.")
    ] = None,
) -> Mailboxes:
    """All mailboxes with their state; with `?for=email` the enabled ones as the email service needs them."""
    if wanted_for == "email":
        return Mailboxes(served=await mailbox.serve(editor.services, editor.caller))
    return Mailboxes(mailboxes=[_view(s) for s in await mailbox.states(editor)])


@get("/mailboxes/{mailbox_id:str}", tags=_TAGS, operation_id="getMailbox")
async def get_mailbox(editor: CurrentEditor, mailbox_id: FromPath[str]) -> Response[MailboxView]:
    """One mailbox with its state."""
    state = await mailbox.state(editor, mailbox_id)
    return Response(_view(state), headers=etag(state.revision))


@put("/mailboxes/{mailbox_id:str}", tags=_TAGS, operation_id="putMailbox")
async def put_mailbox(
    call: CurrentCall, editor: CurrentEditor, mailbox_id: FromPath[str], data: JSONBody[dict[str, Any]]
) -> Response[MailboxView]:
    """Creates or replaces a mailbox's settings; its secrets stay. With `If-Match`, only that revision (else 412).

    It can be enabled once its connections have been tested with these settings (else 409 `notTested`). A client's
    secret and a refresh token go when another authorization server is named.
    """
    sent = {k: v for k, v in body_named(data, "id", mailbox_id).items() if k != "revision"}
    value = decode(msgspec.json.encode(sent), Mailbox)
    stored, created = await mailbox.put(editor, value, call.if_match)
    state = await mailbox.state(editor, mailbox_id)
    return Response(_view(state), status_code=201 if created else 200, headers=etag(stored.revision))


@delete("/mailboxes/{mailbox_id:str}", tags=_TAGS, operation_id="deleteMailbox", status_code=204)
async def delete_mailbox(editor: CurrentEditor, mailbox_id: FromPath[str]) -> None:
    """Removes a mailbox with its secrets; its emails stay with their items."""
    await mailbox.delete(editor, mailbox_id)


@put("/mailboxes/{mailbox_id:str}/secrets", tags=_TAGS, operation_id="putMailboxSecrets")
async def put_secrets(
    editor: CurrentEditor, mailbox_id: FromPath[str], data: JSONBody[Secrets]
) -> SecretNames:
    """Stores passwords of a mailbox, sealed. They are never shown again; answers the names of those that are set."""
    return SecretNames(await mailbox.put_secrets(editor, mailbox_id, msgspec.to_builtins(data)))


@post("/mailboxes/leases", tags=_TAGS, operation_id="takeMailboxLeases", status_code=200)
async def take_leases(call: CurrentCall, data: JSONBody[LeaseRequest]) -> Leases:
    """For the email service: prolongs its leases and takes free mailboxes; those that it holds now."""
    return Leases(await mailbox.take_leases(call.services, call.caller, data.holder, data.most))


@delete("/mailboxes/leases/{holder:uuid}", tags=_TAGS, operation_id="endMailboxLeases", status_code=204)
async def end_leases(call: CurrentCall, holder: FromPath[UUID]) -> None:
    """For the email service: gives its mailboxes back, so that another process takes them at once."""
    await mailbox.end_leases(call.services, call.caller, holder)


@post("/mailboxes/cursors", tags=_TAGS, operation_id="saveMailboxCursor", status_code=204)
async def save_cursor(call: CurrentCall, data: JSONBody[CursorInput]) -> None:
    """For the email service: up to where it has gone through a folder that it has met for the first time."""
    await mailbox.save_cursor(call.services, call.caller, data, data.holder, data.epoch)


@post("/mailboxes/status", tags=_TAGS, operation_id="reportMailboxStatus", status_code=204)
async def report_status(call: CurrentCall, data: JSONBody[StatusReports]) -> None:
    """For the email service: how mailboxes are doing, with what exactly fails."""
    await mailbox.report(call.services, call.caller, data.statuses)


@get("/filters", tags=_TAGS, operation_id="listFilters")
async def list_filters(editor: CurrentEditor) -> Filters:
    """The junk filters, in no particular order: `order` says which is asked first."""
    return Filters([stored.value for stored in await live_object.objects(editor, junk_filter.KIND)])


@put("/filters/{filter_id:str}", tags=_TAGS, operation_id="putFilter")
async def put_filter(
    call: CurrentCall, editor: CurrentEditor, filter_id: FromPath[str], data: JSONBody[dict[str, Any]]
) -> Response[JunkFilter]:
    """Creates or replaces a junk filter; live at once. Its condition and its mailboxes are checked."""
    value = decode(msgspec.json.encode(body_named(data, "id", filter_id)), JunkFilter)
    stored, created = await junk_filter.put(editor, value, call.if_match)
    return Response(value, status_code=201 if created else 200, headers=etag(stored.revision))


@delete("/filters/{filter_id:str}", tags=_TAGS, operation_id="deleteFilter", status_code=204)
async def delete_filter(editor: CurrentEditor, filter_id: FromPath[str]) -> None:
    """Removes a junk filter."""
    await live_object.delete(editor, junk_filter.KIND, filter_id)


HANDLERS: Final[list[Any]] = [
    list_mailboxes,
    get_mailbox,
    put_mailbox,
    delete_mailbox,
    put_secrets,
    take_leases,
    end_leases,
    save_cursor,
    report_status,
    list_filters,
    put_filter,
    delete_filter,
]
