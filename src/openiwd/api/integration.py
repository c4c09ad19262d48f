"""Connections to outside systems: GWS and Digital Channels, what was submitted, and what they tell of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post, put
from litestar.datastructures import State
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct

from openiwd.api.call import CurrentCall
from openiwd.api.decoding import decode
from openiwd.api.editing import CurrentEditor, etag
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.gws import SECRETS, GwsSettings
from openiwd.domain.routing import Submission, SubmissionState
from openiwd.ports.digital_channels import TenantSetting
from openiwd.ports.routing import RouterState, SubmissionQuery
from openiwd.usecases import integration, integration_check
from openiwd.usecases.capture_webhook import tenant_of
from openiwd.usecases.integration import Integration
from openiwd.usecases.integration_check import Check

_TAGS: Final = ["integrations"]
_SECRET_NAMES: Final = {
    f.encode_name: f.name for f in msgspec.structs.fields(GwsSettings) if f.name in SECRETS
}


class GwsView(Struct, kw_only=True, rename="camel"):
    """The connection to GWS. Secrets are never shown: `secrets` names those that are set."""

    settings: dict[str, Any]
    secrets: list[str]
    revision: int
    router: RouterState | None
    """How the router has been; null where nobody has spoken to it yet."""
    submissions: dict[str, int]
    """Open submissions by state."""
    waiting: int = 0
    """Items of queues that GWS routes which wait here for their turn."""
    endings: dict[str, int] = {}
    """How submissions of the last 24 hours ended."""


class Submissions(Struct, rename="camel"):
    submissions: list[Submission]
    next_cursor: str | None


class Reached(Struct, rename="camel"):
    who: str
    """Whom GWS takes us for."""


class NewApiKey(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=200)] = "openiwd"
    permissions: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=50)] = []
    """None named: those that submissions need."""


class TenantSettings(Struct, rename="camel"):
    settings: list[TenantSetting]


class Noted(Struct, rename="camel"):
    asked: int
    """So many submissions are asked about at once."""


def _view(found: Integration) -> Response[GwsView]:
    values = msgspec.to_builtins(found.settings)
    names = {own: sent for sent, own in _SECRET_NAMES.items()}
    view = GwsView(
        settings={k: v for k, v in values.items() if k not in _SECRET_NAMES},
        secrets=[names[name] for name in found.secrets],
        revision=found.revision,
        router=found.state,
        submissions=found.counts,
        waiting=found.waiting,
        endings=found.endings,
    )
    return Response(view, headers=etag(found.revision))


@get("/integrations/gws", tags=_TAGS, operation_id="getGws")
async def get_gws(editor: CurrentEditor) -> Response[GwsView]:
    """The connection to GWS and Digital Channels, and how it is. Revision 0: none is configured."""
    return _view(await integration.get(editor))


@put("/integrations/gws", tags=_TAGS, operation_id="putGws")
async def put_gws(
    call: CurrentCall, editor: CurrentEditor, data: JSONBody[dict[str, Any]]
) -> Response[GwsView]:
    """Replaces the connection; live at once. A secret that is left out stays as it is, an empty one is removed."""
    kept = [own for sent, own in _SECRET_NAMES.items() if sent not in data]
    value = decode(msgspec.json.encode(data), GwsSettings)
    return _view(await integration.put(editor, value, kept, call.if_match))


@post("/integrations/gws/test", tags=_TAGS, operation_id="testGws", status_code=200)
async def test_gws(editor: CurrentEditor) -> Reached:
    """Gets a token with the stored settings and asks GWS who we are."""
    return Reached(await integration.try_out(editor))


@post("/integrations/gws/check", tags=_TAGS, operation_id="checkGws", status_code=200)
async def check_gws(editor: CurrentEditor) -> Check:
    """Tries each service of the stored connection: of each whether it works, else what fails and where to look."""
    return await integration_check.check(editor)


@get("/integrations/gws/tenant-settings", tags=_TAGS, operation_id="getDigitalChannelsSettings")
async def get_tenant_settings(editor: CurrentEditor) -> TenantSettings:
    """The service configuration of the contact center, read from Digital Channels."""
    return TenantSettings(list(await integration.tenant_settings(editor)))


@post("/integrations/gws/api-key", tags=_TAGS, operation_id="makeDigitalChannelsKey", status_code=200)
async def make_api_key(editor: CurrentEditor, data: JSONBody[NewApiKey]) -> Response[GwsView]:
    """Makes an API key at Digital Channels and keeps it for submissions; nobody is shown it."""
    return _view(await integration.make_api_key(editor, data.name, data.permissions))


@get("/integrations/gws/submissions", tags=_TAGS, operation_id="listSubmissions")
async def list_submissions(
    editor: CurrentEditor,
    only: Annotated[SubmissionState | None, QueryParameter(name="state", description="Only these.")] = None,
    item: Annotated[UUID | None, QueryParameter(name="item", description="Only of this item.")] = None,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=500)] = 50,
    cursor: Annotated[str | None, QueryParameter(name="cursor", max_length=100)] = None,
) -> Submissions:
    """What was handed over to the router and what came of it, the latest first. Ended ones are kept for 30 days."""
    query = SubmissionQuery(state=only, item_id=item, before=_place(cursor), limit=limit + 1)
    found = await integration.submissions(editor, query)
    more = found[limit - 1] if len(found) > limit else None
    return Submissions(found[:limit], None if more is None else f"{more.begun_at.isoformat()}_{more.id}")


def _place(text: str | None) -> tuple[datetime, UUID] | None:
    if text is None:
        return None
    at, _, last = text.partition("_")
    try:
        begun_at, submission_id = datetime.fromisoformat(at), UUID(last)
    except ValueError:
        begun_at = None
    if begun_at is None or begun_at.tzinfo is None:
        raise InvalidInputError("this is no cursor", field="cursor", hint="use `nextCursor` as it was given")
    return begun_at, submission_id


@post(
    "/integrations/gws/notifications", tags=_TAGS, operation_id="notifyFromDigitalChannels", status_code=200
)
async def take_notification(
    call: CurrentCall,
    request: Request[Any, Any, State],
    tenant: Annotated[
        str | None, QueryParameter(name="tenant", max_length=40, description="Where there are several.")
    ] = None,
) -> Noted:
    """Takes a notification of Digital Channels, signed in `X-Hub-Signature`: what it names is asked about at once."""
    services = await tenant_of(call.platform, tenant)
    signature = request.headers.get("x-hub-signature", "")
    body = await request.body()
    return Noted(await integration.take_notification(call.platform, services, signature, body))


HANDLERS: Final[list[Any]] = [
    get_gws,
    put_gws,
    test_gws,
    check_gws,
    get_tenant_settings,
    make_api_key,
    list_submissions,
    take_notification,
]
