"""Needs: all sealed values of a tenant, to seal them anew under another key."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class SealedValue(Struct, kw_only=True):
    """A sealed value and where it lies."""

    kind: str
    """`webhook`, `mailbox`, `consent` or `tenant`."""
    owner: str
    name: str
    sealed: bytes


class SealedReading(Protocol):
    """Looks them up."""

    async def sealed_values(self) -> list[SealedValue]:
        """All but those of capture points and connections, which lie within their objects."""
        ...


class SealedWriting(Protocol):
    """Puts another seal on the same secret."""

    async def reseal_value(self, value: SealedValue, sealed: bytes) -> bool:
        """False when it was changed meanwhile."""
        ...
