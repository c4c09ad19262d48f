"""Tries the connection to GWS and Digital Channels step by step, and says of each what fails and how to mend it.

Nothing is handed over and nothing is changed there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from openiwd.domain.errors import OpenIwdError
from openiwd.domain.gws import GwsSettings
from openiwd.usecases.configuration import Editor
from openiwd.usecases.integration import opened

UNKNOWN_ID: Final = "openiwd-connection-test"
"""Asked for at the open media service: that there is none is the right answer."""


class CheckStep(Struct, kw_only=True, rename="camel"):
    """`name`: signIn (Auth service), submissions (open media service of Digital Channels), settings (Environment)."""

    name: str
    address: str
    ok: bool
    about: str = ""
    """Whom GWS takes us for, or how many settings there are."""
    code: str = ""
    error: str = ""
    field: str = ""
    """The setting to look at first."""


class Check(Struct, kw_only=True):
    """All steps, whatever failed before: they are of different hosts and secrets."""

    ok: bool
    steps: list[CheckStep]


async def check(editor: Editor) -> Check:
    """Goes through the stored connection, enabled or not."""
    editor.caller.require("webhooks.update")
    settings = await opened(editor)
    router = editor.platform.connect_router(settings)

    async def submissions() -> str:
        await router.find(settings.service, UNKNOWN_ID)
        return settings.service

    async def tenant_settings() -> str:
        found = await editor.platform.connect_channels(settings).settings(settings.contact_center_id)
        return str(len(found))

    try:
        steps = [await _step("signIn", settings.auth_url, router.check, settings)]
        if settings.service:
            steps.append(await _step("submissions", settings.nexus, submissions, settings))
        if settings.contact_center_id:
            steps.append(await _step("settings", settings.workspace, tenant_settings, settings))
    finally:
        await router.close()
    return Check(ok=all(s.ok for s in steps), steps=steps)


async def _step(
    name: str, address: str, act: Callable[[], Awaitable[str]], settings: GwsSettings
) -> CheckStep:
    try:
        about = await act()
    except OpenIwdError as error:
        field = _field(name, error.code, settings)
        return CheckStep(
            name=name, address=address, ok=False, code=error.code, error=error.message, field=field
        )
    return CheckStep(name=name, address=address, ok=True, about=about)


def _field(name: str, code: str, settings: GwsSettings) -> str:
    """The likely cause: a wrong secret where we were not let in, else a wrong address."""
    if code == "notLetIn":
        secret = "password" if settings.grant == "password" else "clientSecret"
        return "apiKey" if name == "submissions" else secret
    return {"signIn": "authUrl", "submissions": "nexusUrl", "settings": "gwsUrl"}[name]
