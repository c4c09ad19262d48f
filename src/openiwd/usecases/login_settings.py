"""How a tenant's people log in: read, changed and tried by administrators. Secrets go in and never come out."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from openiwd.domain.errors import ForbiddenError, InvalidInputError
from openiwd.domain.login import LoginSettings, faults_of
from openiwd.domain.privilege import Scope
from openiwd.ports.control_store import StoredLoginSettings
from openiwd.ports.identity_provider import Attempt, Client
from openiwd.ports.secret_box import SecretBox
from openiwd.usecases.agent_profile import raise_faults
from openiwd.usecases.configuration import Editor
from openiwd.usecases.grant import access_groups, granted, require_grantable


class LoginSettingsInput(LoginSettings, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The settings, and a client secret where it changes."""

    client_secret: Annotated[str, Meta(min_length=1, max_length=1_000)] | None = None
    """None leaves the stored one as it is; a provider that is taken away takes its secret along."""


class LoginSettingsRecord(LoginSettings, kw_only=True, rename="camel"):
    """The settings as administrators see them."""

    has_client_secret: bool = False
    revision: int = 0


class ProviderTrial(Struct, kw_only=True, rename="camel"):
    """What came of asking the provider."""

    address: str
    """Where browsers would be sent."""


def secret_context(tenant_id: str) -> str:
    """What the sealed client secret belongs to."""
    return f"login/{tenant_id}/clientSecret"


def client_of(stored: StoredLoginSettings, tenant_id: str, box: SecretBox) -> Client | None:
    """What we are to the tenant's provider, the secret opened; None without a provider."""
    provider = stored.settings.provider
    if provider is None:
        return None
    secret = stored.client_secret
    return Client(
        issuer=provider.issuer,
        client_id=provider.client_id,
        client_secret=None if secret is None else box.open(secret, secret_context(tenant_id)),
        scopes=tuple(provider.scopes),
    )


def _record(stored: StoredLoginSettings) -> LoginSettingsRecord:
    values = {f: getattr(stored.settings, f) for f in LoginSettings.__struct_fields__}
    return LoginSettingsRecord(
        **values, has_client_secret=stored.client_secret is not None, revision=stored.revision
    )


async def get(editor: Editor) -> LoginSettingsRecord:
    """The settings; those that a tenant begins with where none were saved."""
    editor.caller.require("users.view")
    return _record(await editor.platform.control.login_settings(editor.tenant_id))


async def put(editor: Editor, data: LoginSettingsInput, revision: int | None) -> LoginSettingsRecord:
    """Replaces the settings. Nobody lets a provider grant more than they have themselves."""
    _require_unlimited(editor)
    settings = LoginSettings(**{f: getattr(data, f) for f in LoginSettings.__struct_fields__})
    await _check(editor, settings)
    control, box = editor.platform.control, editor.platform.secrets
    before = await control.login_settings(editor.tenant_id)
    sealed = before.client_secret if _same_client(before.settings, settings) else None
    if data.client_secret is not None and settings.provider is not None:
        sealed = box.seal(data.client_secret, secret_context(editor.tenant_id))
    after = StoredLoginSettings(settings=settings, client_secret=sealed)
    stored = await control.save_login_settings(editor.tenant_id, after, revision=revision)
    editor.platform.identities.forget()
    record = _record(replace(after, revision=stored))
    await editor.note("updated", "loginSettings", editor.tenant_id, _record(before), record)
    return record


def _same_client(before: LoginSettings, after: LoginSettings) -> bool:
    """A secret is only sent where it was entered for: another issuer would learn it."""
    old, new = before.provider, after.provider
    return old is not None and new is not None and (old.issuer, old.client_id) == (new.issuer, new.client_id)


def _require_unlimited(editor: Editor) -> None:
    editor.caller.require("users.update")
    if any(scope is not Scope.ALL for scope in editor.caller.privileges.values()):
        raise ForbiddenError(
            "how everybody logs in is changed by administrators whom no access group limits",
            code="notGrantable",
            hint="ask one of them",
        )


async def _check(editor: Editor, settings: LoginSettings) -> None:
    faults: list[dict[str, Any]] = list(faults_of(settings))
    provider = settings.provider
    if provider is not None:
        against = editor.platform.outbound.refusal(provider.issuer)
        if against is not None:
            faults.append(
                {"field": "provider.issuer", "message": against, "hint": "use the provider's address"}
            )
        for i, row in enumerate(provider.roles):
            unknown: list[dict[str, Any]] = []
            await access_groups(editor, row.access_groups, unknown)
            faults += [{**f, "field": f"provider.roles[{i}].{f['field']}"} for f in unknown]
    if settings.public_url is not None and not settings.public_url.startswith(("https://", "http://")):
        faults.append(
            {"field": "publicUrl", "message": "this is no address", "hint": "begin it with https://"}
        )
    raise_faults(faults)
    for row in provider.roles if provider is not None else ():
        require_grantable(editor, granted(row.role, (), row.access_groups))


async def try_provider(editor: Editor) -> ProviderTrial:
    """Asks the provider for its description and keys, as a log-in would."""
    editor.caller.require("users.update")
    stored = await editor.platform.control.login_settings(editor.tenant_id)
    client = client_of(stored, editor.tenant_id, editor.platform.secrets)
    if client is None:
        raise InvalidInputError("there is no provider", field="provider", hint="save one first")
    attempt = Attempt(state="trial", nonce="trial", verifier="trial", redirect_uri="trial")
    address = await editor.platform.identity_provider.address(client, attempt)
    return ProviderTrial(address=address.partition("?")[0])
