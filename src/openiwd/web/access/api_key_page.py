"""API keys: made with a secret that is shown once, revoked for good."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import NotFoundError, OpenIwdError
from openiwd.ports.control_store import AccessGroup, ApiKey
from openiwd.usecases import api_key
from openiwd.usecases.api_key import ApiKeyInput
from openiwd.usecases.grant import granted, refusal
from openiwd.web.access.grant_view import privilege_options, role_options
from openiwd.web.configuration.navigation import show
from openiwd.web.shell.dialog_page import done, editor_of, refuse_dialog, show_dialog
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.listing import part_of
from openiwd.web.shell.rendering import trigger
from openiwd.web.shell.sent import as_, require, sent_by
from openiwd.web.shell.time_text import Moment
from openiwd.web.shell.visit import CurrentVisit, Visit, now_utc

PATH: Final = "/configuration/api-keys"


class KeyLine(NamedTuple):
    id: str
    name: str
    hint: str
    role: str
    privileges: list[str]
    more: int
    all: str
    groups: str
    agent: str
    created: Moment | None
    last_used: Moment | None
    expires: Moment | None
    expired: bool
    revoke_href: str


def line_of(key: ApiKey, known: list[AccessGroup], visit: Visit) -> KeyLine:
    shown = key.privileges[:3]
    groups = {g.id: g.name for g in known}
    held = granted(key.role, key.privileges, key.access_groups)
    theirs = [g for g in known if g.id in key.access_groups]
    can_end = refusal(visit.caller, held, theirs, key.agent_id) is None
    return KeyLine(
        id=str(key.id),
        name=key.name,
        hint=key.key_hint,
        role=visit.t.named("role", key.role) if key.role else "",
        privileges=shown,
        more=len(key.privileges) - len(shown),
        all=", ".join(key.privileges),
        groups=", ".join(groups.get(g, g) for g in key.access_groups),
        agent=key.agent_id or "",
        created=visit.times.moment(key.created_at),
        last_used=visit.times.ago(key.last_used_at),
        expires=visit.times.moment(key.expires_at),
        expired=key.expires_at is not None and key.expires_at <= now_utc(),
        revoke_href=f"{PATH}/{key.id}/revoke" if can_end else "",
    )


async def _groups(visit: Visit) -> list[AccessGroup]:
    return await visit.platform.control.access_groups(visit.services.tenant.id)


@get(PATH)
async def keys_page(visit: CurrentVisit) -> Response[Any]:
    """All keys, the latest first."""
    query = visit.request.query_params
    q = query.get("q", "").strip()
    keys = await api_key.keys(editor_of(visit))
    found = [k for k in reversed(keys) if q.casefold() in f"{k.name} {k.role} {k.key_hint}".casefold()]
    part, pager = part_of(found, query.get("page"), PATH, {"q": q}, visit.t)
    groups = await _groups(visit)
    return show(
        visit,
        "access/api_keys.html",
        "api_keys",
        lines=[line_of(k, groups, visit) for k in part],
        any_keys=bool(keys),
        q=q,
        pager=pager,
        can_edit=visit.caller.may("apiKeys.update"),
    )


async def _form(visit: Visit) -> Form:
    t = visit.t
    groups = {g.id: g.name for g in await _groups(visit)}
    roles = [("", t("access.single")), *role_options(visit.caller, t)]
    fields = [
        Field("name", t("people.name"), required=True, hint=t("access.key_name_hint")),
        Field("role", t("access.role"), "select", options=roles),
        Field(
            "privileges", t("access.privileges"), "choices", value=[], options=privilege_options(visit.caller)
        ),
        Field(
            "accessGroups", t("conf_nav.access_groups"), "choices", value=[], options=list(groups.items()),
            hint=t("access.key_groups_hint"),
        ),
        Field("agentId", t("access.key_agent"), hint=t("access.key_agent_hint")),
        Field("expiresAt", t("access.expires"), "datetime-local", hint=t("access.expires_hint")),
    ]  # fmt: skip
    if not groups:
        fields = [f for f in fields if f.name != "accessGroups"]
    return Form(
        action=f"{PATH}/-/new",
        title=t("access.key_new"),
        text=t("access.key_text"),
        fields=fields,
        submit=t("access.key_create"),
        roomy=True,
    )


@get(f"{PATH}/-/new")
async def new_dialog(visit: CurrentVisit) -> Response[Any]:
    """What the key shall be able to do."""
    visit.caller.require("apiKeys.update")
    return show_dialog(visit, await _form(visit))


@post(f"{PATH}/-/new", status_code=200)
async def create(visit: CurrentVisit) -> Response[Any]:
    """Makes it, and shows its secret for the only time."""
    visit.caller.require("apiKeys.update")
    sent = await sent_by(visit)
    try:
        require(visit, sent, ["name"])
        expires_at = sent.moment("expiresAt")
        values = {
            "name": sent.text("name"),
            "role": sent.optional("role"),
            "privileges": sent.texts("privileges"),
            "accessGroups": sent.texts("accessGroups"),
            "agentId": sent.optional("agentId"),
            "expiresAt": expires_at.isoformat() if expires_at is not None else None,
        }
        made = await api_key.create(editor_of(visit), as_(ApiKeyInput, values))
    except OpenIwdError as error:
        return refuse_dialog(visit, await _form(visit), sent, error)
    headers = trigger(listChanged={})
    return visit.page("access/api_key_secret.html", secret=made.secret, name=made.key.name, headers=headers)


async def _revoke_form(visit: Visit, key: ApiKey) -> Form:
    t = visit.t
    used = visit.times.ago(key.last_used_at)
    text = t("access.revoke_used", at=used.text) if used is not None else t("access.revoke_unused")
    return Form(
        action=f"{PATH}/{key.id}/revoke",
        title=t("access.revoke_title", name=key.name),
        text=f"{t('access.revoke_text')} {text}",
        fields=[],
        submit=t("access.revoke"),
        danger=True,
    )


@get(f"{PATH}/{{key_id:uuid}}/revoke")
async def revoke_dialog(visit: CurrentVisit, key_id: FromPath[UUID]) -> Response[Any]:
    """What stops working."""
    visit.caller.require("apiKeys.update")
    return show_dialog(visit, await _revoke_form(visit, await api_key.get(editor_of(visit), key_id)))


@post(f"{PATH}/{{key_id:uuid}}/revoke", status_code=200)
async def revoke(visit: CurrentVisit, key_id: FromPath[UUID]) -> Response[Any]:
    """Ends the key for good."""
    editor = editor_of(visit)
    key = await api_key.get(editor, key_id)
    try:
        await api_key.revoke(editor, key_id)
    except NotFoundError:
        raise
    except OpenIwdError as error:
        return refuse_dialog(visit, await _revoke_form(visit, key), await sent_by(visit), error)
    return done(visit, visit.t("access.revoked", name=key.name))


PAGES: Final[list[Any]] = [keys_page, new_dialog, create, revoke_dialog, revoke]
