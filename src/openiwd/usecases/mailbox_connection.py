"""Tries a mailbox's connections, enabled or not: each step with its result and remedy. Moves no message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from openiwd.domain.email.mailbox import AfterStoring, Mailbox
from openiwd.domain.errors import OpenIwdError, UnavailableError
from openiwd.ports.mail_provider import AccessTokens, MailProvider, MailProviderError, MailReader
from openiwd.usecases import live_object
from openiwd.usecases.access_tokens import KeptToken
from openiwd.usecases.configuration import Editor
from openiwd.usecases.mailbox import KIND, all_mailboxes, may_be_shown, note_tested, opened_secrets
from openiwd.usecases.mailbox_token import new_token

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

SECONDS: Final = 45.0
"""For all steps of one direction together."""
REMEDIES: Final = {
    "connection": "check host name and port, and whether a firewall lets this installation through",
    "tls": "check the kind of encryption; a certificate of your own authority goes into the mailbox's settings",
    "login": "check user and password; many providers want a password for apps, or a sign-in instead",
    "token": "sign in again, or check client id, secret and directory, and that the rights were granted",
    "folder": "check the folder's name, letter by letter, or make the folder",
    "provider": "see the provider's own status, and try again",
}


class ConnectionStep(Struct, kw_only=True, rename="camel"):
    """One step of a test. `name`: token, incoming, folder, moveTo, outgoing, sentFolder."""

    direction: str
    name: str
    about: str | None = None
    """The folder, where the step is about one."""
    ok: bool
    failed_at: str | None = None
    """connection, tls, login, token, folder or provider."""
    detail: str | None = None
    remedy: str | None = None


class ConnectionTest(Struct, kw_only=True):
    """All steps in the order in which they were gone; after a failed one, those that build on it are left out."""

    ok: bool
    steps: list[ConnectionStep]


async def try_out(editor: Editor, mailbox_id: str, draft: Mailbox | None = None) -> ConnectionTest:
    """Tries the stored mailbox, or settings that are not stored yet with its secrets. Once all of it works, it can be
    enabled with these settings.
    """
    editor.caller.require(KIND.update)
    services = editor.services
    async with services.runtime.store.reading() as reading:
        stored = (await all_mailboxes(reading)).get(mailbox_id)
    mailbox = draft or stored or (await live_object.get(editor, KIND, mailbox_id)).value
    found = await _gone_through(services, mailbox, stored)
    if stored is not None and found.ok:
        await note_tested(services, mailbox)
    return found


async def _gone_through(services: TenantServices, mailbox: Mailbox, stored: Mailbox | None) -> ConnectionTest:
    secrets = await opened_secrets(services, mailbox.id)
    is_known = stored is not None and may_be_shown(stored, mailbox)

    async def ask() -> tuple[str, int]:
        token = await new_token(services, mailbox, is_known=is_known)
        return token.access_token, token.seconds

    tokens = KeptToken(ask)
    steps: list[ConnectionStep] = []
    is_by_token = mailbox.sign_in is not None
    if is_by_token and not await _step(steps, "token", "token", lambda: tokens(None)):
        return ConnectionTest(ok=False, steps=steps)
    provider = services.email_tools.provider
    if mailbox.reads:
        await _incoming(steps, provider, mailbox, secrets, tokens)
    if mailbox.sends:
        sender = provider.sender(mailbox, secrets, tokens)
        try:
            await _step(steps, "outgoing", "outgoing", sender.check)
        finally:
            await sender.close()
    return ConnectionTest(ok=bool(steps) and all(s.ok for s in steps), steps=steps)


async def _incoming(
    steps: list[ConnectionStep],
    provider: MailProvider,
    mailbox: Mailbox,
    secrets: dict[str, str],
    tokens: AccessTokens,
) -> None:
    reader = provider.reader(mailbox, secrets, tokens)
    incoming = mailbox.incoming
    try:
        if not await _step(steps, "incoming", "incoming", reader.open):
            return
        folders = [("folder", f) for f in incoming.folders]
        if incoming.after_storing is AfterStoring.MOVE:
            folders.append(("moveTo", incoming.move_to))
        if mailbox.sends and mailbox.outgoing.sent_folder and reader.sent_folder is None:
            folders.append(("sentFolder", mailbox.outgoing.sent_folder))
        for name, folder in folders:
            await _step(steps, "incoming", name, _looking(reader, folder), about=folder)
    finally:
        await reader.close()


def _looking(reader: MailReader, folder: str) -> Callable[[], Awaitable[object]]:
    return lambda: reader.look(folder, None)


async def _step(
    steps: list[ConnectionStep],
    direction: str,
    name: str,
    call: Callable[[], Awaitable[object]],
    *,
    about: str | None = None,
) -> bool:
    failure: OpenIwdError | None = None
    try:
        async with asyncio.timeout(SECONDS):
            await call()
    except TimeoutError:
        failure = MailProviderError("no answer in time", field="connection")
    except UnavailableError as error:
        failure = error
    failed_at = None if failure is None else failure.field or "provider"
    steps.append(
        ConnectionStep(
            direction=direction,
            name=name,
            about=about,
            ok=failure is None,
            failed_at=failed_at,
            detail=None if failure is None else failure.message,
            remedy=None if failed_at is None else REMEDIES.get(failed_at, REMEDIES["provider"]),
        )
    )
    return failure is None
