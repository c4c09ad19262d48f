"""Needs: secrets sealed for the database, opened only to be used."""

from __future__ import annotations

from typing import Protocol


class SecretBox(Protocol):
    """Seals texts. `context` says what a secret belongs to: sealed for one thing, it does not open for another."""

    def seal(self, secret: str, context: str) -> bytes:
        """UnavailableError `noSecretKey` when the installation has no key to seal with."""
        ...

    def is_current(self, sealed: bytes) -> bool:
        """Whether the key that seals now has sealed it."""
        ...

    def open(self, sealed: bytes, context: str) -> str:
        """UnavailableError `secretNotOpened` when none of the installation's keys opens it."""
        ...
