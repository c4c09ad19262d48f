"""A person's consent to a mailbox that no password lets in: begun and ended in one log-in, once, with PKCE."""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from openiwd.domain.email.mailbox import Access, Mailbox
from openiwd.domain.email.server_oauth import SignIn, check_server_oauth
from openiwd.domain.errors import ConflictError, ForbiddenError, InvalidInputError
from openiwd.domain.privilege import Caller
from openiwd.ports.email import MailboxConsent
from openiwd.ports.mail_provider import MailProviderError
from openiwd.ports.oauth import ConsentRequest
from openiwd.usecases import live_object
from openiwd.usecases.configuration import Editor
from openiwd.usecases.mailbox import KIND, find, opened_secrets
from openiwd.usecases.mailbox_token import keep_refresh_token

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

MINUTES: Final = timedelta(minutes=10)
PROVIDERS: Final = {Access.GMAIL: "google", Access.MICROSOFT: "microsoft", Access.IMAP: "imap"}
"""As the callback's address names them."""


class _Sealed(Struct):
    verifier: str
    redirect_uri: str


async def begin(editor: Editor, mailbox_id: str, base_url: str) -> str:
    """The address that the person's browser is to go to. `base_url`: under which it reaches this installation."""
    editor.caller.require(KIND.update)
    services = editor.services
    mailbox = (await live_object.get(editor, KIND, mailbox_id)).value
    session = _session(editor.caller)
    if mailbox.sign_in is not SignIn.USER:
        raise ConflictError(
            "this mailbox is not used on behalf of a person",
            code="noConsentNeeded",
            field="cloud.signIn",
            hint="choose sign-in by a user first",
        )
    _check(services, mailbox)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    base = _public(services) or base_url.rstrip("/")
    redirect_uri = f"{base}/iwd/v3/emails/oauth2/{PROVIDERS[mailbox.access]}/callback"
    sealed = services.email_tools.box.seal(
        msgspec.json.encode(_Sealed(verifier, redirect_uri)).decode(),
        consent_purpose(services.tenant.id, mailbox_id),
    )
    now = services.runtime.now()
    consent = MailboxConsent(
        state=sha256(state.encode()).digest(),
        mailbox_id=mailbox_id,
        actor=editor.caller.actor,
        session=session,
        sealed=sealed,
        expires_at=now + MINUTES,
    )
    async with services.runtime.store.writing() as tx:
        await tx.add_mailbox_consent(consent, now)
    challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return services.email_tools.oauth.consent_url(mailbox, redirect_uri, state, challenge)


def _check(services: TenantServices, mailbox: Mailbox) -> None:
    """What a consent needs is there, and leads where the installation lets it lead."""
    if mailbox.access is Access.IMAP and mailbox.oauth is not None:
        check_server_oauth(mailbox.oauth)
        against = services.email_tools.oauth.refusal(mailbox)
        if against is not None:
            raise InvalidInputError(f"the token address cannot be used: {against}", field="oauth.tokenUrl")
    elif not mailbox.client_id:
        raise InvalidInputError(
            "the client id is missing", field="cloud.clientId", hint="copy it from the app's registration"
        )


async def finish(editor: Editor, provider: str, state: str, code: str | None, error: str | None) -> str:
    """Redeems what the provider sent the browser back with, and keeps the refresh token; the mailbox's id."""
    editor.caller.require(KIND.update)
    services, session = editor.services, _session(editor.caller)
    now = services.runtime.now()
    async with services.runtime.store.writing() as tx:
        consent = await tx.take_mailbox_consent(sha256(state.encode()).digest(), now)
        mailbox = None if consent is None else await find(tx, consent.mailbox_id)
    if (
        consent is None
        or mailbox is None
        or not hmac.compare_digest(consent.session, session)
        or PROVIDERS.get(mailbox.access) != provider
    ):
        raise ForbiddenError(
            "this sign-in was not begun here, or has ended", code="consentUnknown", hint="begin it again"
        )
    if error is not None or not code:
        raise ConflictError(
            f"the provider does not let us in: {(error or 'no code')[:300]}",
            code="consentRefused",
            hint="begin it again, and agree",
        )
    await _redeem(services, mailbox, consent, code)
    editor.committed()
    await editor.note("consentGiven", KIND.noun, mailbox.id)
    return mailbox.id


async def _redeem(services: TenantServices, mailbox: Mailbox, consent: MailboxConsent, code: str) -> None:
    opened = services.email_tools.box.open(consent.sealed, consent_purpose(services.tenant.id, mailbox.id))
    kept = msgspec.json.decode(opened, type=_Sealed)
    known = await opened_secrets(services, mailbox.id)
    request = ConsentRequest(code=code, verifier=kept.verifier, redirect_uri=kept.redirect_uri)
    token = await services.email_tools.oauth.redeem(mailbox, known.get("clientSecret", ""), request)
    if token.refresh_token is None:
        raise MailProviderError(
            "the provider gives no token that lasts",
            field="token",
            hint="allow access while you are away, too",
        )
    await keep_refresh_token(services, mailbox.id, token.refresh_token)


def _session(caller: Caller) -> bytes:
    """Which log-in it is; an API key has none."""
    if caller.csrf_token is None:
        raise ForbiddenError(
            "only a person who is logged in can consent", code="sessionNeeded", hint="do it in the browser"
        )
    return sha256(caller.csrf_token.encode()).digest()


def consent_purpose(tenant_id: str, mailbox_id: str) -> str:
    """What the verifier of a consent on its way is sealed for."""
    return f"{tenant_id}/mailbox/{mailbox_id}/consent"


def _public(services: TenantServices) -> str:
    return services.email_tools.addresses.public.rstrip("/")
