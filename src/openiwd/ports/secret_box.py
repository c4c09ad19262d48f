"""Needs: secrets sealed for storing, by keys that lie outside of the database."""

from __future__ import annotations

from typing import Protocol

from openiwd.domain.errors import UnavailableError


class SealedWrongError(UnavailableError):
    """What is stored cannot be opened: its key is missing, or it was sealed for something else."""

    code = "secretUnreadable"


class SecretBox(Protocol):
    """Seals and opens. `purpose` names tenant, object and field: what was sealed for one opens for no other."""

    def seal(self, secret: bytes, purpose: str) -> bytes: ...

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """SealedWrongError when that is not possible."""
        ...

    def is_current(self, sealed: bytes) -> bool:
        """Whether it was sealed by the key that is used now; others are to be sealed again."""
        ...
