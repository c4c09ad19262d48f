"""Seals every stored secret anew under the key that seals now. May be cut short and repeated; nothing is ever unsealed.

While it runs, and until it says that nothing is left, the keys of before stay in the settings of all processes.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from msgspec import Struct

from openiwd.domain.errors import OpenIwdError, RevisionMismatchError, UnavailableError
from openiwd.ports.control_store import ControlStore, SealedSecret
from openiwd.ports.sealed import SealedValue
from openiwd.ports.secret_box import SecretBox
from openiwd.usecases.capture_secret import SEALED, context_of_capture
from openiwd.usecases.email_tool import mark_purpose
from openiwd.usecases.integration import context_of_integration, secret_names
from openiwd.usecases.integration_settings import KIND as INTEGRATION
from openiwd.usecases.login_settings import secret_context
from openiwd.usecases.mailbox import purpose
from openiwd.usecases.mailbox_consent import consent_purpose
from openiwd.usecases.platform import Platform, TenantServices
from openiwd.usecases.tenant_access import outside_context
from openiwd.usecases.webhook_sending import context_of as webhook_context

_POINT: Final = "capture_point"


class Resealed(Struct, kw_only=True):
    """What was found of one kind."""

    where: str
    resealed: int = 0
    current: int = 0
    """Sealed with the key that seals now already."""
    unopened: int = 0
    """No key opens them: the key that sealed them is missing."""
    changed: int = 0
    """Somebody stored another one meanwhile."""


class _Sealer:
    """Counts what becomes of each."""

    def __init__(self, box: SecretBox, where: str) -> None:
        self._box = box
        self.told = Resealed(where=where)

    def anew(self, sealed: bytes, context: str) -> bytes | None:
        """The same secret under the key of now; None when there is nothing to do or no key opens it."""
        if self._box.is_current(sealed):
            self.told.current += 1
            return None
        try:
            secret = self._box.open(sealed, context)
        except UnavailableError:
            self.told.unopened += 1
            return None
        return self._box.seal(secret, context)

    def done(self, *, stored: bool) -> None:
        if stored:
            self.told.resealed += 1
        else:
            self.told.changed += 1


async def rotate(platform: Platform) -> list[Resealed]:
    """All sealed values of the installation: those of the control database, then of each tenant, suspended ones too."""
    box = platform.secrets
    found = [await _of_control(platform.control, box)]
    for tenant in await platform.control.tenants():
        try:
            found.append(await _of_tenant(await platform.apart(tenant), box))
        except OpenIwdError:  # whatever lies there is sealed as before
            found.append(Resealed(where=f"tenant {tenant.id}: its database is away", unopened=1))
    return found


async def _of_control(control: ControlStore, box: SecretBox) -> Resealed:
    sealer = _Sealer(box, "control database")
    for secret in await control.sealed_secrets():
        sealed = sealer.anew(secret.sealed, _control_context(secret))
        if sealed is not None:
            sealer.done(stored=await control.reseal(secret, sealed))
    return sealer.told


def _control_context(secret: SealedSecret) -> str:
    match secret.kind:
        case "user":
            return f"user/{secret.owner}/secondFactor"
        case "login":
            return secret_context(secret.owner)
        case "tenant":
            return outside_context(secret.owner)
        case _:
            return f"session/{secret.name}/idToken"


async def _of_tenant(services: TenantServices, box: SecretBox) -> Resealed:
    tenant_id = services.tenant.id
    sealer = _Sealer(box, f"tenant {tenant_id}")
    async with services.runtime.store.reading() as reading:
        values = await reading.sealed_values()
        points = await reading.objects(_POINT)
        integrations = await reading.objects(INTEGRATION)
    for value in values:
        sealed = sealer.anew(value.sealed, _context(tenant_id, value))
        if sealed is not None:
            async with services.runtime.store.writing() as tx:
                stored = await tx.reseal_value(value, sealed)
            sealer.done(stored=stored)
    for raw in points:
        source = _sealed_anew(sealer, raw["source"], partial(context_of_capture, tenant_id, raw["id"]))
        await _save(services, sealer, _POINT, raw, {"source": {**raw["source"], **source}}, len(source))
    names = secret_names()
    for raw in integrations:
        kept = {stored: raw[stored] for stored in names if stored in raw}
        changed = _sealed_anew(sealer, kept, lambda stored: context_of_integration(tenant_id, names[stored]))
        await _save(services, sealer, INTEGRATION, raw, changed, len(changed))
    return sealer.told


def _context(tenant_id: str, value: SealedValue) -> str:
    match value.kind:
        case "webhook":
            return webhook_context(tenant_id, value.owner)
        case "mailbox":
            return purpose(tenant_id, value.owner, value.name)
        case "consent":
            return consent_purpose(tenant_id, value.owner)
        case _:
            return mark_purpose(tenant_id, value.name)


def _sealed_anew(sealer: _Sealer, holder: Mapping[str, Any], context: Callable[[str], str]) -> dict[str, str]:
    """Of values among others, those that get another seal."""
    found: dict[str, str] = {}
    for name, text in holder.items():
        if not isinstance(text, str) or not text.startswith(SEALED):
            continue
        try:
            held = b64decode(text.removeprefix(SEALED), validate=True)
        except ValueError:  # somebody's text that begins alike
            continue
        sealed = sealer.anew(held, context(name))
        if sealed is not None:
            found[name] = SEALED + b64encode(sealed).decode()
    return found


async def _save(
    services: TenantServices,
    sealer: _Sealer,
    kind: str,
    raw: dict[str, Any],
    changed: dict[str, Any],
    count: int,
) -> None:
    """Some secrets lie within their objects: those are stored again, unless they were changed meanwhile."""
    if not count:
        return
    body = {k: v for k, v in raw.items() if k != "revision"} | changed
    try:
        async with services.runtime.store.writing() as tx:
            await tx.save_object(kind, body, revision=raw["revision"])
    except RevisionMismatchError:
        sealer.told.changed += count
    else:
        sealer.told.resealed += count
