"""Which items belong to a share: by a hash of the id, the same in every process and at any time. Pure."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final
from uuid import UUID

_BYTES: Final = 8
_WHOLE: Final = 1 << (8 * _BYTES)


def place_of(item_id: UUID) -> int:
    """The item's place between 0 and 2^64: the first 8 bytes of BLAKE2b of the id's 16 bytes."""
    return int.from_bytes(blake2b(item_id.bytes, digest_size=_BYTES).digest())


def limit_of(share: float) -> int:
    """Where a share (0 to 1) ends: the items whose place is below it belong to it."""
    return min(int(share * _WHOLE), _WHOLE)


def is_within(item_id: UUID, limit: int) -> bool:
    """Whether an item belongs to the share. Who belongs to a share belongs to every larger one."""
    return limit >= _WHOLE or place_of(item_id) < limit
