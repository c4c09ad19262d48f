"""Sends messages by SMTP with aiosmtplib; tells apart what was refused, what was put off, and what nobody knows."""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Final

from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException, SMTPResponseException

from openiwd.domain.email.mailbox import Mailbox, Outgoing, Security
from openiwd.domain.email.sasl import TokenSignIn, mechanism_of
from openiwd.ports.mail_provider import AccessTokens, MailProviderError, SendOutcome, SendResult

TIMEOUT_SECONDS: Final = 60.0
GOES_ON: Final = 334
"""With it, a server tells why it refuses, and wants a last word."""
REFUSED: Final = b"{}"
LET_IN: Final = 235


class SmtpSender:
    """Implements `openiwd.ports.mail_provider.MailSender`."""

    def __init__(
        self, mailbox: Mailbox, secrets: Mapping[str, str], tokens: AccessTokens | None = None
    ) -> None:
        self._outgoing: Outgoing = mailbox.outgoing
        self._certificate = mailbox.ca_certificate
        self._password = secrets.get("smtpPassword", "")
        self._tokens = tokens if mailbox.oauth is not None else None
        self._address = mailbox.address

    async def check(self) -> None:
        async with self._connected():
            pass

    async def close(self) -> None:
        """Each message has a connection of its own."""

    async def send(
        self,
        sender: str,
        recipients: list[str],
        raw: bytes,
        before_content: Callable[[], Awaitable[None]],
    ) -> SendOutcome:
        handed_over = False
        try:
            async with self._connected() as client:
                refused = await self._envelope(client, sender, recipients, raw)
                if isinstance(refused, SendOutcome):
                    return refused
                await before_content()
                handed_over = True
                await client.data(raw)
                # The server's answer is what counts; how the connection ends does not.
                handed_over = False
                return SendOutcome(result=SendResult.SENT, reason="; ".join(refused) or None)
        except SMTPResponseException as error:
            return _by_code(error.code, str(error.message))
        except (SMTPException, OSError) as error:
            result = SendResult.UNKNOWN if handed_over else SendResult.PUT_OFF
            return SendOutcome(result=result, reason=f"the connection was lost: {error}"[:500])

    async def _envelope(
        self, client: SMTP, sender: str, recipients: list[str], raw: bytes
    ) -> list[str] | SendOutcome:
        """Names sender and recipients; those refused, or the outcome when nothing can be sent.

        One recipient that is put off puts the whole message off: nothing is handed over yet, so none gets it twice.
        """
        options = [f"SIZE={len(raw)}"] if client.supports_extension("size") else []
        foreign = next((a for a in (sender, *recipients) if not a.isascii()), None)
        if foreign is not None:
            if not client.supports_extension("smtputf8"):
                reason = f"the server takes no addresses such as {foreign} (SMTPUTF8)"
                return SendOutcome(result=SendResult.REFUSED, reason=reason)
            options += ["SMTPUTF8", "BODY=8BITMIME"]
        try:
            await client.mail(sender, options=options, encoding="utf-8")
        except SMTPResponseException as error:
            if sender or error.code < 500:
                raise
            # Servers that take no mail without a sender.
            await client.mail(self._address, options=options, encoding="utf-8")
        refused: list[str] = []
        for recipient in recipients:
            try:
                await client.rcpt(recipient, encoding="utf-8")
            except SMTPResponseException as error:
                if error.code < 500:
                    return _by_code(error.code, f"{recipient}: {error.message}")
                refused.append(f"{recipient}: {error.code} {error.message}"[:300])
        if len(refused) == len(recipients):
            return SendOutcome(result=SendResult.REFUSED, reason="; ".join(refused)[:1_000])
        return refused

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[SMTP]:
        client = await self._let_in()
        try:
            yield client
        finally:
            await _leave(client)

    async def _let_in(self) -> SMTP:
        if self._tokens is None:
            return await self._opened(None)
        token = await self._tokens(None)
        try:
            return await self._opened(token)
        except MailProviderError as error:
            if error.field != "login":
                raise
            return await self._opened(await self._tokens(token))

    async def _opened(self, token: str | None) -> SMTP:
        outgoing = self._outgoing
        context = tls_context(self._certificate) if outgoing.security is not Security.NONE else None
        client = SMTP(
            hostname=outgoing.host,
            port=outgoing.port,
            timeout=TIMEOUT_SECONDS,
            use_tls=outgoing.security is Security.TLS,
            start_tls=outgoing.security is Security.STARTTLS,
            tls_context=context,
        )
        try:
            await client.connect()
        except ssl.SSLError as error:
            raise self._failed(f"TLS fails: {error.reason or error}", "tls") from error
        except (SMTPException, OSError) as error:
            raise self._failed(f"no connection: {error}", "connection") from error
        try:
            if token is not None:
                await self._sign_in(client, token)
            elif outgoing.user:
                await client.login(outgoing.user, self._password)
        except SMTPException as error:
            await _leave(client)
            by = "the login" if token is None else "the sign-in by token"
            raise self._failed(f"{by} of '{outgoing.user}' is refused: {error}", "login") from error
        except BaseException:
            client.close()
            raise
        return client

    async def _sign_in(self, client: SMTP, token: str) -> None:
        await client.ehlo()
        offered = client.server_auth_methods
        mechanism = mechanism_of(offered)
        if mechanism is None:
            raise SMTPException(f"the server offers {', '.join(offered) or 'nothing'} only")
        outgoing = self._outgoing
        sign_in = TokenSignIn(
            mechanism=mechanism, user=outgoing.user, token=token, host=outgoing.host, port=outgoing.port
        )
        first = base64.b64encode(sign_in.answer(b""))
        answer = await client.execute_command(b"AUTH", mechanism.value.encode(), first)
        if answer.code == GOES_ON:
            last = base64.b64encode(sign_in.answer(REFUSED))
            answer = await client.execute_command(last)
        if answer.code != LET_IN:
            raise SMTPAuthenticationError(answer.code, answer.message)

    def _failed(self, what: str, step: str) -> MailProviderError:
        place = f"SMTP {self._outgoing.host}:{self._outgoing.port}"
        hint = "check the mailbox's outgoing settings"
        return MailProviderError(f"{place}: {what}"[:1_000], field=step, hint=hint)


async def _leave(client: SMTP) -> None:
    try:
        await client.quit(timeout=2)
    except (SMTPException, OSError):
        client.close()


def _by_code(code: int, message: str) -> SendOutcome:
    """4xx can be tried again, 5xx not."""
    result = SendResult.PUT_OFF if code < 500 else SendResult.REFUSED
    return SendOutcome(result=result, reason=f"{code} {message}"[:1_000])


@lru_cache(maxsize=200)
def tls_context(certificate: str) -> ssl.SSLContext:
    """The usual authorities, and the one that the mailbox names. Reading them takes long: once for each is enough."""
    context = ssl.create_default_context()
    if certificate.strip():
        context.load_verify_locations(cadata=certificate)
    return context
