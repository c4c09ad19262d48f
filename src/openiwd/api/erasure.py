"""Erasure of a contact's personal values with its certificate, the proof, and the rules of retention."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct

from openiwd.api.call import CurrentCall
from openiwd.api.editing import CurrentEditor, etag
from openiwd.ports.erasure import Certificate
from openiwd.usecases import erasure, retention
from openiwd.usecases.erasure import ErasureInput, ErasurePlan
from openiwd.usecases.retention import Retention, RetentionEffect

_TAGS: Final = ["contacts"]


class Certificates(Struct):
    erasures: list[Certificate]


class Values(Struct, forbid_unknown_fields=True):
    values: Annotated[list[Annotated[str, Meta(min_length=4, max_length=300)]], Meta(max_length=20)]


class Found(Struct):
    """In how many rows of each place one of the values is found; empty: nowhere."""

    places: dict[str, int]


@post("/contacts/{contact_id:uuid}/erase", tags=_TAGS, operation_id="eraseContact", status_code=200)
async def erase_contact(
    editor: CurrentEditor, contact_id: FromPath[UUID], data: JSONBody[ErasureInput]
) -> Certificate | ErasurePlan:
    """Blanks a contact's personal values in its items, their history, notes, files and emails; items and events stay.

    With `dryRun`, says what there is. 409 `openItems` while items are open, unless `openItems` is true; 409
    `emailOnTheWay` while an email is just being sent. The answer is the certificate, with where the values were still
    found. The data mart follows at its next run.
    """
    if data.dry_run:
        return await erasure.plan(editor, contact_id)
    return await erasure.erase_contact(editor, contact_id, data)


@get("/erasures", tags=_TAGS, operation_id="listErasures")
async def list_erasures(
    editor: CurrentEditor,
    contact: Annotated[UUID | None, QueryParameter(name="contact")] = None,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=1_000)] = 100,
) -> Certificates:
    """Certificates of erasures, newest first. They hold no personal values."""
    return Certificates(await erasure.certificates(editor, contact, limit))


@post("/erasures/proof", tags=_TAGS, operation_id="proveErasure", status_code=200)
async def prove_erasure(editor: CurrentEditor, data: JSONBody[Values]) -> Found:
    """Looks for values in everything that the tenant's database holds. Slow: it reads all of it."""
    return Found(await erasure.find_values(editor, data.values))


@get("/retention", tags=_TAGS, operation_id="getRetention")
async def get_retention(editor: CurrentEditor) -> Response[Retention]:
    """How long final items are kept, by status and category."""
    found, revision = await retention.get(editor)
    return Response(found, headers=etag(revision))


@put("/retention", tags=_TAGS, operation_id="putRetention")
async def put_retention(
    call: CurrentCall, editor: CurrentEditor, data: JSONBody[Retention]
) -> Response[Retention]:
    """Stores the rules. What they let go is deleted by the next round of the deciding process: try them first."""
    revision = await retention.put(editor, data, call.if_match)
    return Response(data, headers=etag(revision))


@post("/retention/test", tags=_TAGS, operation_id="tryRetention", status_code=200)
async def try_retention(editor: CurrentEditor, data: JSONBody[Retention]) -> RetentionEffect:
    """A dry run: how many items these rules would delete now, by rule, with examples."""
    return await retention.effect(editor, data)


HANDLERS: Final[list[Any]] = [
    erase_contact,
    list_erasures,
    prove_erasure,
    get_retention,
    put_retention,
    try_retention,
]
