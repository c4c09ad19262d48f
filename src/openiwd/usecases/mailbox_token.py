"""Access tokens of mailboxes that no password lets in. Client secrets, keys and refresh tokens never leave IWD."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from openiwd.domain.email.mailbox import KEPT_BY_IWD, REFRESH_TOKEN, Access, Mailbox
from openiwd.domain.email.server_oauth import SignIn
from openiwd.domain.errors import ConflictError
from openiwd.domain.privilege import Caller
from openiwd.ports.iwd import AccessToken
from openiwd.ports.mail_provider import MailProviderError
from openiwd.ports.oauth import CloudToken
from openiwd.usecases.mailbox import SERVICE, find, opened_secrets, purpose, require_lease

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices


async def access_token(
    services: TenantServices, caller: Caller, mailbox_id: str, holder: UUID, epoch: int
) -> AccessToken:
    """For the holder of the mailbox. MailProviderError says why there is none."""
    caller.require(SERVICE)
    async with services.runtime.store.writing() as tx:
        await require_lease(tx, mailbox_id, holder, epoch)
        mailbox = await find(tx, mailbox_id)
    token = await new_token(services, mailbox)
    return AccessToken(access_token=token.access_token, seconds=token.seconds)


async def new_token(services: TenantServices, mailbox: Mailbox, *, is_known: bool = True) -> CloudToken:
    """Asks the provider; a refresh token that it gives along replaces the one before.

    `is_known` says that the mailbox's secrets were entered for this provider; others are not shown them.
    """
    if mailbox.sign_in is None:
        raise ConflictError("the mailbox needs no token", code="noTokenNeeded", field="access")
    tools = services.email_tools
    secrets = await opened_secrets(services, mailbox.id)
    if not is_known:
        secrets = {name: value for name, value in secrets.items() if name not in KEPT_BY_IWD}
    if mailbox.sign_in is SignIn.APPLICATION:
        name = "serviceAccountKey" if mailbox.access is Access.GMAIL else "clientSecret"
        if name not in secrets:
            raise MailProviderError(
                f"the secret '{name}' is not set", field="token", hint="enter it in the mailbox's settings"
            )
        return await tools.oauth.by_application(mailbox, secrets[name])
    if REFRESH_TOKEN not in secrets:
        raise MailProviderError(
            "nobody has signed in for this mailbox yet", field="token", hint="sign in, and consent"
        )
    token = await tools.oauth.by_refresh(mailbox, secrets.get("clientSecret", ""), secrets[REFRESH_TOKEN])
    if token.refresh_token is not None and token.refresh_token != secrets[REFRESH_TOKEN]:
        await keep_refresh_token(services, mailbox.id, token.refresh_token)
    return token


async def keep_refresh_token(services: TenantServices, mailbox_id: str, refresh_token: str) -> None:
    """Seals and stores it."""
    context = purpose(services.tenant.id, mailbox_id, REFRESH_TOKEN)
    sealed = services.email_tools.box.seal(refresh_token, context)
    async with services.runtime.store.writing() as tx:
        await tx.save_mailbox_secret(mailbox_id, REFRESH_TOKEN, sealed)
