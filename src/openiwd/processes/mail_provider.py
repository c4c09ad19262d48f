"""Which adapter reads and sends a mailbox, by its access: for the email service, and for tests of connections."""

from __future__ import annotations

from collections.abc import Mapping

from openiwd.adapters.cloud_mail.provider import CloudMail
from openiwd.adapters.imap.imap_reader import ImapReader
from openiwd.adapters.smtp.smtp_sender import SmtpSender
from openiwd.domain.email.cloud import CloudAddresses
from openiwd.domain.email.mailbox import Access, Mailbox
from openiwd.ports.mail_provider import AccessTokens, MailReader, MailSender


class MailProviders:
    """Implements `openiwd.ports.mail_provider.MailProvider`."""

    def __init__(self, addresses: CloudAddresses | None = None, *, cloud: CloudMail | None = None) -> None:
        self._cloud = cloud or CloudMail(addresses or CloudAddresses())

    def reader(self, mailbox: Mailbox, secrets: Mapping[str, str], tokens: AccessTokens) -> MailReader:
        if mailbox.access is Access.IMAP:
            return ImapReader(mailbox, secrets, tokens)
        return self._cloud.reader(mailbox, tokens)

    def sender(self, mailbox: Mailbox, secrets: Mapping[str, str], tokens: AccessTokens) -> MailSender:
        if mailbox.access is Access.IMAP:
            return SmtpSender(mailbox, secrets, tokens)
        return self._cloud.sender(mailbox, tokens)
