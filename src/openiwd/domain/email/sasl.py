"""What is said to IMAP and SMTP servers that let in by access tokens: XOAUTH2, and OAUTHBEARER (RFC 7628)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class TokenMechanism(StrEnum):
    """The standard one first: where a server offers both, it is taken."""

    OAUTHBEARER = "OAUTHBEARER"
    XOAUTH2 = "XOAUTH2"


def mechanism_of(offered: Iterable[str]) -> TokenMechanism | None:
    """The one to be used with a server that offers these; None: it takes no tokens."""
    known = {name.upper() for name in offered}
    return next((m for m in TokenMechanism if m.value in known), None)


class TokenSignIn(Struct, frozen=True, kw_only=True):
    """One try to be let in. Nothing in it is encoded yet."""

    mechanism: TokenMechanism
    user: str
    token: str
    host: str
    port: int

    def answer(self, challenge: bytes) -> bytes:
        """The first word to an empty challenge. Any other tells why it is refused, and ends with the second answer."""
        is_standard = self.mechanism is TokenMechanism.OAUTHBEARER
        if challenge:
            return b"\x01" if is_standard else b""
        if is_standard:
            name = self.user.replace("=", "=3D").replace(",", "=2C")
            place = f"host={self.host}\x01port={self.port}\x01"
            return f"n,a={name},\x01{place}auth=Bearer {self.token}\x01\x01".encode()
        return f"user={self.user}\x01auth=Bearer {self.token}\x01\x01".encode()
