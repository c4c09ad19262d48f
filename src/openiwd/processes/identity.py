"""New identities: UUIDv7, so that ids sort by the time of their making."""

from __future__ import annotations

import os
import threading
import time
from uuid import UUID

_BYTES = 10
_AT_ONCE = 256
"""Random bits for so many ids are asked for together: asking takes longer than all else."""


class _Randomness(threading.local):
    """Random numbers of ten bytes from the operating system, each given once: threads and forks have their own."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._bytes = b""
        self._at = 0

    def take(self) -> int:
        at = self._at
        if at == len(self._bytes):
            self._bytes, at = os.urandom(_AT_ONCE * _BYTES), 0
        self._at = at + _BYTES
        return int.from_bytes(self._bytes[at : at + _BYTES], "big")


_randomness = _Randomness()
os.register_at_fork(after_in_child=_randomness.forget)


def new_id() -> UUID:
    """A UUIDv7: milliseconds since 1970, then random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = _randomness.take()
    value = (
        (milliseconds & 0xFFFF_FFFF_FFFF) << 80
        | 0x7 << 76
        | (random >> 62 & 0xFFF) << 64
        | 0b10 << 62
        | random & (1 << 62) - 1
    )
    return UUID(int=value)
