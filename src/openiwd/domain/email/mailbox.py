"""A mailbox as it is configured: where its mail is read and sent, and what becomes of it. Secrets lie apart."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from openiwd.domain.email.address import is_address, normal
from openiwd.domain.errors import InvalidInputError

SECRETS: Final = ("imapPassword", "smtpPassword")
"""The names under which a mailbox's secrets are stored."""
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
        return bool(self.incoming.host)

    @property
    def sends(self) -> bool:
        return bool(self.outgoing.host)


def check_mailbox(mailbox: Mailbox) -> None:
    """InvalidInputError naming the first setting that cannot be meant so."""
    for where, address in (("address", mailbox.address), *(("aliases", a) for a in mailbox.aliases)):
        if not is_address(normal(address)):
            raise InvalidInputError(
                f"'{address[:80]}' is no address", field=where, hint="such as care@example.com"
            )
    incoming, outgoing = mailbox.incoming, mailbox.outgoing
    if mailbox.enabled and not incoming.host and not outgoing.host:
        raise InvalidInputError(
            "an enabled mailbox reads or sends", field="incoming.host", hint="name a server, or disable it"
        )
    if incoming.host and not incoming.user:
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


def is_blocked(mailbox: Mailbox, file_name: str) -> bool:
    """Whether a file of this name is not handed out."""
    suffix = file_name.rpartition(".")[2].lower() if "." in file_name else ""
    return suffix in {e.lower().lstrip(".") for e in mailbox.blocked_extensions}
