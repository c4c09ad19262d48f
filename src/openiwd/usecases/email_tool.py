"""What use cases of email need beside the store: secrets, harmless HTML, languages, the key of the tenant's marks."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from openiwd.domain.email.cloud import CloudAddresses
from openiwd.domain.email.language import language_if_sure, words_of
from openiwd.ports.html_cleaner import HtmlCleaner
from openiwd.ports.language_guesser import LanguageGuesser
from openiwd.ports.mail_provider import MailProvider
from openiwd.ports.oauth import OAuth
from openiwd.ports.secret_box import SecretBox

if TYPE_CHECKING:
    from openiwd.usecases.tenant_runtime import TenantRuntime

MARK_KEY: Final = "emailMarks"


def mark_purpose(tenant_id: str, name: str) -> str:
    """What a secret of the tenant itself is sealed for."""
    return f"{tenant_id}/{name}"


class EmailTools:
    """Built once per process."""

    def __init__(
        self,
        box: SecretBox,
        cleaner: HtmlCleaner,
        provider: MailProvider,
        oauth: OAuth,
        addresses: CloudAddresses,
        guesser: LanguageGuesser,
    ) -> None:
        self.box = box
        self.cleaner = cleaner
        self.provider = provider
        """For trying connections out; mail is moved by the email service."""
        self.oauth = oauth
        self.addresses = addresses
        self.guesser = guesser
        self._keys: dict[str, bytes] = {}

    def language_of(self, text: str) -> str | None:
        """The language of a text, where it is long and plain enough to tell. Not for the event loop."""
        words = words_of(text)
        return None if words is None else language_if_sure(*self.guesser.guess(words))

    async def mark_key(self, runtime: TenantRuntime) -> bytes:
        """The tenant's key for Message-IDs and tokens; made at the first use, the same for all processes."""
        tenant_id = runtime.tenant.id
        known = self._keys.get(tenant_id)
        if known is not None:
            return known
        purpose = mark_purpose(tenant_id, MARK_KEY)
        async with runtime.store.reading() as reading:
            sealed = await reading.tenant_secret(MARK_KEY)
        if sealed is None:
            fresh = self.box.seal(secrets.token_hex(32), purpose)
            async with runtime.store.writing() as tx:
                sealed = await tx.keep_tenant_secret(MARK_KEY, fresh)
        self._keys[tenant_id] = bytes.fromhex(self.box.open(sealed, purpose))
        return self._keys[tenant_id]
