"""How people log in, for administrators: identity provider, who becomes what, second factor, session times."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post

from openiwd.domain.errors import InvalidInputError, OpenIwdError
from openiwd.domain.login import Provider, RoleRow
from openiwd.domain.privilege import Role
from openiwd.usecases import login_settings
from openiwd.usecases.login_settings import LoginSettingsInput, LoginSettingsRecord
from openiwd.web.configuration.navigation import show
from openiwd.web.shell.dialog_page import editor_of, typed
from openiwd.web.shell.form import Field, with_errors
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.sent import Sent, as_, sent_by
from openiwd.web.shell.visit import CurrentVisit, Visit, base_of

PATH: Final = "/configuration/login"
CALLBACK: Final = "/login/callback"


def lines_of(rows: list[RoleRow]) -> str:
    """The table as text: `group = role: access group, access group`."""
    return "\n".join(
        f"{r.value} = {r.role}{': ' + ', '.join(r.access_groups) if r.access_groups else ''}" for r in rows
    )


def rows_of(visit: Visit, text: str) -> list[dict[str, Any]]:
    """The text as a table; InvalidInputError with the number of the line that is none."""
    rows = []
    for n, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        value, sign, rest = line.rpartition("=")
        role, _, groups = rest.partition(":")
        if not sign or not value.strip() or not role.strip():
            raise InvalidInputError(visit.t("login_config.bad_line", n=n), field="roles")
        names = [g.strip() for g in groups.split(",") if g.strip()]
        rows.append({"value": value.strip(), "role": role.strip(), "accessGroups": names})
    return rows


def _fields(visit: Visit, record: LoginSettingsRecord) -> dict[str, Field]:
    t, at = visit.t, record.provider or Provider(issuer="", client_id="")
    secret_hint = t("login_config.secret_kept" if record.has_client_secret else "login_config.secret_none")
    roles = [(r.value, t.named("role", r.value)) for r in Role]
    fields = [
        Field("issuer", t("login_config.issuer"), "url", at.issuer, hint=t("login_config.issuer_hint")),
        Field("clientId", t("login_config.client_id"), value=at.client_id),
        Field("clientSecret", t("login_config.client_secret"), "password", hint=secret_hint),
        Field("name", t("login_config.name"), value=at.name),
        Field("scopes", t("login_config.scopes"), value=" ".join(at.scopes)),
        Field(
            "publicUrl",
            t("login_config.public_url"),
            "url",
            record.public_url or "",
            hint=t("login_config.public_url_hint"),
        ),
        Field("loginClaim", t("login_config.login_claim"), value=at.login_claim),
        Field("nameClaim", t("login_config.name_claim"), value=at.name_claim),
        Field("groupsClaim", t("login_config.groups_claim"), value=at.groups_claim),
        Field(
            "roles",
            t("login_config.roles"),
            "textarea",
            lines_of(at.roles),
            hint=t("login_config.roles_hint"),
            rows=6,
        ),
        Field("createUsers", t("login_config.create_users"), "checkbox", at.create_users),
        Field("linkExisting", t("login_config.link_existing"), "checkbox", at.link_existing),
        Field("providerOnly", t("login_config.provider_only"), "checkbox", record.provider_only),
        Field(
            "secondFactorRoles",
            t("login_config.second_factor_roles"),
            "choices",
            record.second_factor_roles,
            roles,
        ),
        Field("idleMinutes", t("login_config.idle"), "number", record.idle_minutes, required=True),
        Field("longestHours", t("login_config.longest"), "number", record.longest_hours, required=True),
    ]
    return {f.name: f for f in fields}


async def _page(
    visit: Visit,
    record: LoginSettingsRecord,
    fields: dict[str, Field] | None = None,
    error: OpenIwdError | None = None,
    said: str = "",
) -> Response[Any]:
    base = await base_of(visit.request, visit.platform, visit.services.tenant.id)
    return show(
        visit,
        "access/login.html",
        "login",
        fields=fields or _fields(visit, record),
        revision=record.revision,
        callback=f"{base}{CALLBACK}",
        has_provider=record.provider is not None,
        can_edit=visit.caller.may("users.update"),
        error=error,
        said=said,
        status=200 if error is None else 422,
    )


@get(PATH)
async def login_settings_page(visit: CurrentVisit) -> Response[Any]:
    """The settings as they are."""
    record = await login_settings.get(editor_of(visit))
    said = visit.t("login_config.saved") if visit.request.query_params.get("saved") == "1" else ""
    return await _page(visit, record, said=said)


def _provider(visit: Visit, sent: Sent) -> dict[str, Any] | None:
    if not sent.text("issuer"):
        return None
    return {
        "issuer": sent.text("issuer"),
        "clientId": sent.text("clientId"),
        "name": sent.text("name"),
        "scopes": sent.text("scopes").split(),
        "loginClaim": sent.text("loginClaim"),
        "nameClaim": sent.text("nameClaim"),
        "groupsClaim": sent.text("groupsClaim"),
        "roles": rows_of(visit, sent.text("roles")),
        "createUsers": sent.flag("createUsers"),
        "linkExisting": sent.flag("linkExisting"),
    }


@post(PATH, status_code=200)
async def save_login_settings(visit: CurrentVisit) -> Response[Any]:
    """Saves them, or says at each field what is wrong."""
    visit.caller.require("users.update")
    sent, editor = await sent_by(visit), editor_of(visit)
    try:
        values = {
            "provider": _provider(visit, sent),
            "clientSecret": sent.raw("clientSecret") or None,
            "providerOnly": sent.flag("providerOnly"),
            "publicUrl": sent.optional("publicUrl"),
            "secondFactorRoles": sent.texts("secondFactorRoles"),
            "idleMinutes": sent.number("idleMinutes"),
            "longestHours": sent.number("longestHours"),
        }
        await login_settings.put(editor, as_(LoginSettingsInput, values), sent.revision())
    except OpenIwdError as error:
        return await _refused(visit, sent, error)
    return redirect(f"{PATH}?saved=1", htmx=visit.is_htmx)


async def _refused(visit: Visit, sent: Sent, error: OpenIwdError) -> Response[Any]:
    record = await login_settings.get(editor_of(visit))
    fields = [typed(f, sent) for f in _fields(visit, record).values()]
    error.field = (error.field or "").removeprefix("provider.") or None
    for each in error.details.get("errors") or ():
        each["field"] = str(each.get("field") or "").removeprefix("provider.")
    return await _page(visit, record, {f.name: f for f in with_errors(fields, error)}, error)


@post(f"{PATH}/test", status_code=200)
async def try_provider(visit: CurrentVisit) -> Response[Any]:
    """Asks the provider that is saved."""
    editor = editor_of(visit)
    record = await login_settings.get(editor)
    try:
        trial = await login_settings.try_provider(editor)
    except OpenIwdError as error:
        return await _page(visit, record, error=error)
    return await _page(visit, record, said=visit.t("login_config.test_ok", address=trial.address))


PAGES: Final[list[Any]] = [login_settings_page, save_login_settings, try_provider]
