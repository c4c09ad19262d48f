"""Makes the readers and senders of mailboxes at Gmail and Microsoft 365."""

from __future__ import annotations

from openiwd.adapters.cloud_mail.cloud_http import FIRST_PAUSE_SECONDS, TIMEOUT, CloudHttp
from openiwd.adapters.cloud_mail.gmail_reader import GmailReader
from openiwd.adapters.cloud_mail.gmail_sender import GmailSender
from openiwd.adapters.cloud_mail.graph_reader import GraphReader
from openiwd.adapters.cloud_mail.graph_sender import GraphSender
from openiwd.domain.email.cloud import CloudAddresses
from openiwd.domain.email.mailbox import Access, Mailbox
from openiwd.ports.mail_provider import AccessTokens, MailReader, MailSender


class CloudMail:
    """Readers and senders; each has connections of its own. Pauses and time-outs are shorter in tests."""

    def __init__(
        self,
        addresses: CloudAddresses,
        *,
        first_pause: float = FIRST_PAUSE_SECONDS,
        seconds: float | None = None,
    ) -> None:
        self._addresses = addresses
        self._first_pause = first_pause
        self._timeout = TIMEOUT if seconds is None else type(TIMEOUT)(seconds)

    def reader(self, mailbox: Mailbox, tokens: AccessTokens) -> MailReader:
        http = self._http(mailbox, tokens)
        return GmailReader(mailbox, http) if mailbox.access is Access.GMAIL else GraphReader(mailbox, http)

    def sender(self, mailbox: Mailbox, tokens: AccessTokens) -> MailSender:
        http = self._http(mailbox, tokens)
        return GmailSender(mailbox, http) if mailbox.access is Access.GMAIL else GraphSender(mailbox, http)

    def _http(self, mailbox: Mailbox, tokens: AccessTokens) -> CloudHttp:
        is_gmail = mailbox.access is Access.GMAIL
        return CloudHttp(
            "Gmail" if is_gmail else "Microsoft Graph",
            self._addresses.gmail if is_gmail else self._addresses.graph,
            tokens,
            first_pause=self._first_pause,
            timeout=self._timeout,
        )
