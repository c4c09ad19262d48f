"""What the form of the connection to GWS asks for, and how its answers are read. Pure."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final, NamedTuple

import msgspec

from openiwd.domain.gws import SECRETS, GwsSettings
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.form import Field
from openiwd.web.shell.sent import Sent

SECRET_NAMES: Final = {
    f.encode_name: f.name for f in msgspec.structs.fields(GwsSettings) if f.name in SECRETS
}
ADDRESSES: Final = ("authUrl", "nexusUrl", "gwsUrl")
NUMBERS: Final = ("limit", "pullSeconds", "timeoutSeconds")
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "addresses": ("enabled", *ADDRESSES),
    "sign_in": ("grant", "clientId", "clientSecret", "username", "password"),
    "channels": ("service", "apiKey", "contactCenterId", "webhookSecret"),
    "submissions": (*NUMBERS, "snapshotCondition"),
}
LEFT: Final = ("addresses", "submissions")
REQUIRED: Final = ("authUrl", "clientId", "service")


class FieldGroup(NamedTuple):
    """Fields under one heading."""

    title: str
    fields: list[Field]


def groups(settings: GwsSettings, stored: frozenset[str], t: Catalogue) -> dict[str, FieldGroup]:
    """Secrets are never shown: whether one is set is said instead."""
    values = msgspec.to_builtins(settings)
    return {
        key: FieldGroup(t(f"integration.group_{key}"), [_field(n, values, stored, t) for n in names])
        for key, names in GROUPS.items()
    }


def _field(name: str, values: dict[str, Any], stored: frozenset[str], t: Catalogue) -> Field:
    label = t.named("integration_field", name)
    if name in SECRET_NAMES:
        is_set = SECRET_NAMES[name] in stored
        return Field(
            name, label, "password", hint=t("mailbox.secret_set" if is_set else "mailbox.secret_missing")
        )
    hint = t.named("integration_hint", name)
    if name == "enabled":
        return Field(name, label, "checkbox", values[name], hint=hint)
    if name == "grant":
        options = [(g, t.named("integration_grant", g)) for g in ("client_credentials", "password")]
        return Field(name, label, "select", values[name], options, hint=hint)
    kind = "url" if name in ADDRESSES else "text"
    value = f"{values[name]:g}" if name in NUMBERS else values[name]
    return Field(name, label, kind, value, required=name in REQUIRED, hint=hint)


def values_of(sent: Sent) -> dict[str, Any]:
    """As the API takes them. Secrets that are left empty are not among them."""
    found: dict[str, Any] = {"enabled": sent.flag("enabled")}
    for name in (n for names in GROUPS.values() for n in names if n not in found):
        if name in SECRET_NAMES:
            if sent.raw(name):
                found[name] = sent.raw(name)
            continue
        found[name] = sent.text(name)
        if name in NUMBERS:
            with suppress(ValueError):
                found[name] = int(sent.text(name)) if name == "limit" else float(sent.text(name))
    return found
