"""Connections to outside systems as a tenant configures them: secrets sealed, never shown; tried on request."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import fields, replace

from openiwd.domain.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from openiwd.domain.gws import SECRETS, GwsSettings, is_signed_by
from openiwd.domain.routing import Submission
from openiwd.ports.digital_channels import TenantSetting
from openiwd.ports.routing import RouterState, SubmissionQuery
from openiwd.usecases.configuration import Editor
from openiwd.usecases.dashboard import live_rules
from openiwd.usecases.integration_settings import GWS, KIND, stored_settings

if TYPE_CHECKING:
    from openiwd.usecases.platform import Platform, TenantServices

SEALED: Final = "sealed:"
LATELY: Final = timedelta(hours=24)
MOST_ENTITIES: Final = 1_000
PERMISSIONS: Final = ("nexus:consumer:*",)


class Integration(Struct, kw_only=True):
    """The connection as it is shown: `secrets` names those that are set."""

    settings: GwsSettings
    secrets: list[str]
    revision: int
    state: RouterState | None = None
    counts: dict[str, int] = {}
    waiting: int = 0
    """Items of its queues that wait here for their turn."""
    endings: dict[str, int] = {}
    """How submissions of the last 24 hours ended."""


def context_of_integration(tenant_id: str, name: str) -> str:
    """What a connection's secret is sealed for."""
    return f"integration/{tenant_id}/{GWS}/{name}"


def secret_names() -> dict[str, str]:
    """The fields that are sealed, by the names that they are stored under."""
    return {field.encode_name: field.name for field in fields(GwsSettings) if field.name in SECRETS}


def unsealed(platform: Platform, tenant_id: str, settings: GwsSettings) -> GwsSettings:
    """With secrets readable; UnavailableError when no key of the installation opens them."""
    opened = {
        name: platform.secrets.open(
            b64decode(text.removeprefix(SEALED)), context_of_integration(tenant_id, name)
        )
        for name in SECRETS
        if (text := getattr(settings, name)).startswith(SEALED)
    }
    return replace(settings, **opened)


def _sealed(platform: Platform, tenant_id: str, settings: GwsSettings) -> GwsSettings:
    closed = {
        name: SEALED
        + b64encode(platform.secrets.seal(text, context_of_integration(tenant_id, name))).decode()
        for name in SECRETS
        if (text := getattr(settings, name)) and not text.startswith(SEALED)
    }
    return replace(settings, **closed)


def _shown(settings: GwsSettings, revision: int) -> Integration:
    present = [name for name in SECRETS if getattr(settings, name)]
    hidden = replace(settings, **dict.fromkeys(SECRETS, ""))
    return Integration(settings=hidden, secrets=present, revision=revision)


async def get(editor: Editor) -> Integration:
    """The connection and how it is; without secrets. Revision 0 where none is configured."""
    editor.caller.require("webhooks.view")
    async with editor.services.runtime.store.reading() as reading:
        found = await stored_settings(reading)
        shown = _shown(*found) if found is not None else _shown(GwsSettings(), 0)
        shown.state = await reading.router_state(GWS)
        shown.counts = await reading.submission_counts()
        shown.endings = await reading.submission_endings(editor.services.runtime.now() - LATELY)
        shown.waiting = (
            await reading.waiting_for_router(await _routed_queues(editor)) if found is not None else 0
        )
    return shown


async def _routed_queues(editor: Editor) -> list[str]:
    rules = await live_rules(editor.services)
    return [] if rules is None else [q.id for q in rules.queues.values() if not q.is_native]


async def put(editor: Editor, value: GwsSettings, kept: Sequence[str], revision: int | None) -> Integration:
    """Replaces the settings; live at once. Secrets named in `kept` stay as they are."""
    editor.caller.require("webhooks.update")
    _check(editor, value)
    async with editor.services.runtime.store.writing() as tx:
        found = await stored_settings(tx)
        if found is not None:
            value = replace(value, **{name: getattr(found[0], name) for name in kept if name in SECRETS})
        value = _sealed(editor.platform, editor.tenant_id, value)
        body = {"id": GWS, **msgspec.to_builtins(value)}
        stored = await tx.save_object(KIND, body, revision=None if revision == 0 else revision)
        change = "created" if found is None else "updated"
        await editor.tell(tx, KIND, GWS, change, stored)
    editor.committed()
    before = None if found is None else _shown(*found).settings
    await editor.note(change, KIND, GWS, before, _shown(value, stored).settings)
    return await get(editor)


def _check(editor: Editor, value: GwsSettings) -> None:
    for name in ("auth_url", "gws_url", "nexus_url"):
        address = getattr(value, name)
        against = editor.platform.outbound.refusal(address) if address else None
        if against is not None:
            raise InvalidInputError(against, field=_camel(name), hint="see docs/operations/gws.md")
    if value.enabled and not value.auth_url:
        raise InvalidInputError("an address is needed", field="authUrl", hint="the host of the Auth service")
    if value.enabled and not value.service:
        raise InvalidInputError("a service is needed", field="service", hint="name the open media service")


def _camel(name: str) -> str:
    return next(f.encode_name for f in msgspec.structs.fields(GwsSettings) if f.name == name)


async def opened(editor: Editor) -> GwsSettings:
    """The stored settings with their secrets readable."""
    async with editor.services.runtime.store.reading() as reading:
        found = await stored_settings(reading)
    if found is None:
        raise NotFoundError("GWS is not configured", field="id", hint="PUT /integrations/gws first")
    if not found[0].auth_url:
        raise ConflictError(
            "the connection has no address yet",
            code="noAddress",
            field="authUrl",
            hint="PUT /integrations/gws with the host of the Auth service",
        )
    return unsealed(editor.platform, editor.tenant_id, found[0])


async def try_out(editor: Editor) -> str:
    """Gets a token and asks who we are there. RouterAwayError, RouterRefusedError with what went wrong."""
    editor.caller.require("webhooks.update")
    router = editor.platform.connect_router(await opened(editor))
    try:
        return await router.check()
    finally:
        await router.close()


async def submissions(editor: Editor, query: SubmissionQuery) -> list[Submission]:
    """What was handed over, the latest first."""
    editor.caller.require("webhooks.view")
    async with editor.services.runtime.store.reading() as reading:
        return await reading.submissions(query)


# Digital Channels ---------------------------------------------------------------------------------------------------


async def tenant_settings(editor: Editor) -> Sequence[TenantSetting]:
    """The service configuration of the contact center, as Digital Channels has it."""
    editor.caller.require("webhooks.view")
    settings = await opened(editor)
    if not settings.contact_center_id:
        raise ConflictError(
            "the contact center is not named", code="noContactCenter", field="contactCenterId",
            hint="set contactCenterId",
        )  # fmt: skip
    return await editor.platform.connect_channels(settings).settings(settings.contact_center_id)


async def make_api_key(editor: Editor, name: str, permissions: Sequence[str]) -> Integration:
    """Makes an API key at Digital Channels and keeps it, sealed, for submissions. It is shown to nobody."""
    editor.caller.require("webhooks.update")
    settings = await opened(editor)
    made = await editor.platform.connect_channels(settings).make_api_key(
        settings.contact_center_id, name, list(permissions) or list(PERMISSIONS)
    )
    async with editor.services.runtime.store.writing() as tx:
        found = await stored_settings(tx)
        if found is None:
            raise NotFoundError("GWS is not configured any more", field="id")
        value = _sealed(editor.platform, editor.tenant_id, replace(found[0], api_key=made.key))
        stored = await tx.save_object(KIND, {"id": GWS, **msgspec.to_builtins(value)}, revision=found[1])
        await editor.tell(tx, KIND, GWS, "updated", stored)
    editor.committed()
    await editor.note("api key made", KIND, GWS, after={"name": made.name})
    return await get(editor)


# What Digital Channels tells ----------------------------------------------------------------------------------------


async def take_notification(platform: Platform, services: TenantServices, signature: str, body: bytes) -> int:
    """A signed notification: those that it names are asked about at once; how many. Nothing is believed unasked."""
    async with services.runtime.store.reading() as reading:
        found = await stored_settings(reading)
    settings = None if found is None else unsealed(platform, services.tenant.id, found[0])
    if settings is None or not settings.enabled or not is_signed_by(settings.webhook_secret, signature, body):
        raise ForbiddenError(
            "this is not signed with the secret of the connection",
            code="notLetIn",
            hint="check webhookSecret and X-Hub-Signature",
        )
    named = _named(body)
    if not named:
        return 0
    async with services.runtime.store.writing() as tx:
        return await tx.hint_submissions(named, services.runtime.now())


def _named(body: bytes) -> list[str]:
    """Ids of interactions and external ids that a notification names."""
    try:
        told: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInputError(f"this is no JSON: {error}", hint="send JSON") from error
    data = told.get("data") if isinstance(told, dict) else None
    entities = data.get("entities") if isinstance(data, dict) else None
    if not isinstance(entities, list) or len(entities) > MOST_ENTITIES:
        raise InvalidInputError(
            "there are no entities", field="data.entities", hint="see docs/operations/gws.md"
        )
    found = []
    for one in entities:
        entity = one.get("entity") if isinstance(one, dict) else None
        if isinstance(entity, dict):
            found += [str(entity[name]) for name in ("id", "externalId") if entity.get(name)]
    return found
