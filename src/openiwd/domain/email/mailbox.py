"""A mailbox as it is configured: where its mail is read and sent, and what becomes of it. Secrets lie apart."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final

from msgspec import Meta, Struct, field, json

from openiwd.domain.email.address import is_address, normal
from openiwd.domain.email.retry_policy import RetryPolicy
from openiwd.domain.email.server_oauth import ServerOAuth, SignIn, check_server_oauth
from openiwd.domain.email.standard_response import unknown_placeholders
from openiwd.domain.errors import InvalidInputError

SECRETS: Final = ("imapPassword", "smtpPassword", "clientSecret", "serviceAccountKey")
"""The names under which a mailbox's secrets are stored."""
REFRESH_TOKEN: Final = "refreshToken"  # noqa: S105 - a name
"""The secret that a person's consent leaves behind; nobody enters it."""
KEPT_BY_IWD: Final = frozenset({"clientSecret", "serviceAccountKey", REFRESH_TOKEN})
"""Secrets that never leave IWD: the email service gets access tokens instead."""
MAX_MAILBOXES: Final = 100
PROGRAMS: Final = (
    *(
        "bat",
        "cmd",
        "com",
        "cpl",
        "exe",
        "hta",
        "jar",
        "js",
        "jse",
        "lnk",
        "msi",
        "pif",
        "ps1",
        "scr",
        "vbe",
        "vbs",
    ),
    "wsf",
)
"""What runs when it is opened: blocked unless a mailbox says otherwise."""
Host = Annotated[str, Meta(max_length=255, pattern=r"^[A-Za-z0-9._:-]*$")]
Port = Annotated[int, Meta(ge=1, le=65_535)]
Folder = Annotated[str, Meta(min_length=1, max_length=255)]


class Security(StrEnum):
    """How a connection is protected; `none` is for servers on the same machine."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class AfterStoring(StrEnum):
    """What becomes of a message in the mailbox once it is stored here."""

    KEEP = "keep"
    MARK_SEEN = "markSeen"
    MOVE = "move"
    DELETE = "delete"


class Access(StrEnum):
    """By what a mailbox is read and sent."""

    IMAP = "imap"
    """IMAP and SMTP."""
    GMAIL = "gmail"
    MICROSOFT = "microsoft365"


class Cloud(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Gmail or Microsoft 365. Folders, polling and what becomes of messages are told by `incoming`."""

    sign_in: SignIn = SignIn.APPLICATION
    directory: Annotated[str, Meta(pattern=r"^[A-Za-z0-9.-]{0,100}$")] = ""
    """Microsoft's tenant id or domain."""
    client_id: Annotated[str, Meta(max_length=200)] = ""
    user: Annotated[str, Meta(max_length=320)] = ""
    """Whose mailbox it is; empty: the mailbox's address."""
    reads: bool = True
    sends: bool = True


class Acknowledgement(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The automatic answer to new mail. Both texts may have placeholders."""

    enabled: bool = False
    subject: Annotated[str, Meta(max_length=500)] = ""
    """Empty: that of the email, with `Re:`."""
    text: Annotated[str, Meta(max_length=20_000)] = ""


class Incoming(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """IMAP. An empty host: nothing is read."""

    host: Host = ""
    port: Port = 993
    security: Security = Security.TLS
    user: Annotated[str, Meta(max_length=320)] = ""
    folders: Annotated[list[Folder], Meta(min_length=1, max_length=20)] = field(
        default_factory=lambda: ["INBOX"]
    )
    poll_seconds: Annotated[int, Meta(ge=1, le=3_600)] = 30
    after_storing: AfterStoring = AfterStoring.MARK_SEEN
    move_to: Annotated[str, Meta(max_length=255)] = ""
    from_beginning: bool = False
    """Whether mail that was there before the mailbox was enabled is read too."""


class Outgoing(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """SMTP. An empty host: nothing is sent. An empty user: no login."""

    host: Host = ""
    port: Port = 587
    security: Security = Security.STARTTLS
    user: Annotated[str, Meta(max_length=320)] = ""
    sent_folder: Annotated[str, Meta(max_length=255)] = ""
    """Where a copy of what was sent is filed by IMAP, and looked for when an outcome is unknown."""


class Mailbox(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One mailbox of a tenant."""

    id: Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    address: Annotated[str, Meta(min_length=3, max_length=320)]
    aliases: Annotated[list[Annotated[str, Meta(max_length=320)]], Meta(max_length=50)] = []
    display_name: Annotated[str, Meta(max_length=200)] = ""
    enabled: bool = False
    incoming: Incoming = field(default_factory=Incoming)
    outgoing: Outgoing = field(default_factory=Outgoing)
    access: Access = Access.IMAP
    cloud: Cloud = field(default_factory=Cloud)
    oauth: ServerOAuth | None = None
    """How IMAP and SMTP servers let in by access tokens; None: by passwords."""
    secret_expires_on: date | None = None
    """When the client's secret ends at the provider, as people have been told there: they are warned before."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    acknowledgement: Acknowledgement = field(default_factory=Acknowledgement)
    review: bool = False
    """Whether what agents write is looked at by somebody else before it is sent."""
    category: Annotated[str, Meta(max_length=512)] = ""
    """A category by path that new items get, unless empty."""
    reopen_days: Annotated[int, Meta(ge=0, le=365)] = 30
    """For so long a reply reopens a completed item; later it makes a new one, linked to it."""
    signature: Annotated[str, Meta(max_length=4_000)] = ""
    reply_all: bool = False
    max_bytes: Annotated[int, Meta(ge=1_000, le=50 * 1024 * 1024)] = 25 * 1024 * 1024
    blocked_extensions: Annotated[list[Annotated[str, Meta(max_length=20)]], Meta(max_length=200)] = field(
        default_factory=lambda: list(PROGRAMS)
    )
    ca_certificate: Annotated[str, Meta(max_length=20_000)] = ""
    """PEM of an authority of one's own that has signed the servers' certificates."""

    @property
    def own_addresses(self) -> frozenset[str]:
        return frozenset(normal(a) for a in (self.address, *self.aliases))

    @property
    def reads(self) -> bool:
        return bool(self.incoming.host) if self.access is Access.IMAP else self.cloud.reads

    @property
    def sends(self) -> bool:
        return bool(self.outgoing.host) if self.access is Access.IMAP else self.cloud.sends

    @property
    def cloud_user(self) -> str:
        return normal(self.cloud.user or self.address)

    @property
    def sign_in(self) -> SignIn | None:
        """Who is let in by access tokens; None: passwords do it."""
        if self.access is not Access.IMAP:
            return self.cloud.sign_in
        return None if self.oauth is None else self.oauth.sign_in

    @property
    def signs_in_as(self) -> str:
        """Whose mailbox it is at the provider."""
        if self.access is not Access.IMAP:
            return self.cloud_user
        return self.incoming.user or self.outgoing.user or self.address

    @property
    def client_id(self) -> str:
        if self.access is Access.IMAP and self.oauth is not None:
            return self.oauth.client_id
        return self.cloud.client_id

    @property
    def token_place(self) -> str:
        """Whom a client's secret and a refresh token are shown to."""
        if self.access is Access.IMAP and self.oauth is not None:
            return self.oauth.token_url
        return self.access.value


def connection_digest(mailbox: Mailbox) -> bytes:
    """Stands for everything that a test of the connections depends on, but secrets."""
    incoming = mailbox.incoming
    parts = (
        mailbox.access,
        mailbox.cloud,
        mailbox.cloud_user if mailbox.access is not Access.IMAP else "",
        mailbox.oauth,
        (incoming.host, incoming.port, incoming.security, incoming.user),
        (incoming.folders, incoming.move_to if incoming.after_storing is AfterStoring.MOVE else ""),
        mailbox.outgoing,
        mailbox.ca_certificate.strip(),
    )
    return sha256(json.encode(parts)).digest()


def check_mailbox(mailbox: Mailbox) -> None:
    """InvalidInputError naming the first setting that cannot be meant so."""
    for where, address in (("address", mailbox.address), *(("aliases", a) for a in mailbox.aliases)):
        if not is_address(normal(address)):
            raise InvalidInputError(
                f"'{address[:80]}' is no address", field=where, hint="such as care@example.com"
            )
    incoming = mailbox.incoming
    if mailbox.enabled and not mailbox.reads and not mailbox.sends:
        raise InvalidInputError(
            "an enabled mailbox reads or sends", field="incoming.host", hint="name a server, or disable it"
        )
    _check_cloud(mailbox)
    _check_acknowledgement(mailbox)
    if (
        mailbox.access is Access.IMAP
        and mailbox.oauth is not None
        and mailbox.outgoing.host
        and not mailbox.outgoing.user
    ):
        raise InvalidInputError(
            "SMTP needs a user to sign in by token", field="outgoing.user", hint="name the login"
        )
    if mailbox.access is Access.IMAP and incoming.host and not incoming.user:
        raise InvalidInputError("IMAP needs a user", field="incoming.user", hint="name the login")
    if incoming.after_storing is AfterStoring.MOVE and not incoming.move_to:
        raise InvalidInputError(
            "the folder to move to is missing", field="incoming.moveTo", hint="name a folder"
        )
    if incoming.move_to and incoming.move_to in incoming.folders:
        raise InvalidInputError(
            "messages cannot be moved into a folder that is read",
            field="incoming.moveTo",
            hint="name another folder",
        )


def _check_cloud(mailbox: Mailbox) -> None:
    cloud = mailbox.cloud
    if cloud.user and not is_address(normal(cloud.user)):
        raise InvalidInputError("the user is no address", field="cloud.user", hint="such as care@example.com")
    if not mailbox.enabled:
        return
    if mailbox.access is Access.IMAP:
        if mailbox.oauth is not None:
            check_server_oauth(mailbox.oauth)
        return
    if not cloud.client_id and (mailbox.access is Access.MICROSOFT or cloud.sign_in is SignIn.USER):
        raise InvalidInputError(
            "the client id is missing", field="cloud.clientId", hint="copy it from the app's registration"
        )
    if mailbox.access is Access.MICROSOFT and not cloud.directory:
        raise InvalidInputError(
            "the directory is missing",
            field="cloud.directory",
            hint="give the tenant id, or a domain of it",
        )


def _check_acknowledgement(mailbox: Mailbox) -> None:
    answer = mailbox.acknowledgement
    for field_name, text in (("subject", answer.subject), ("text", answer.text)):
        unknown = unknown_placeholders(text)
        if unknown:
            raise InvalidInputError(
                f"there is no placeholder '{unknown[0]}'",
                field=f"acknowledgement.{field_name}",
                hint="such as {{contact.name}} or {{item.subject}}",
            )
    if answer.enabled and not answer.text.strip():
        raise InvalidInputError(
            "the acknowledgement has no text",
            field="acknowledgement.text",
            hint="write what senders shall read",
        )
    if answer.enabled and mailbox.enabled and not mailbox.sends:
        raise InvalidInputError(
            "a mailbox that sends nothing acknowledges nothing",
            field="acknowledgement.enabled",
            hint="set up its outgoing side too",
        )


def is_blocked(mailbox: Mailbox, file_name: str) -> bool:
    """Whether a file of this name is not handed out."""
    suffix = file_name.rpartition(".")[2].lower() if "." in file_name else ""
    return suffix in {e.lower().lstrip(".") for e in mailbox.blocked_extensions}
