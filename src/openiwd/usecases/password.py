"""Passwords: hashed with argon2id, compared, and hashed anew when the parameters have changed. Few at a time."""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from openiwd.domain.errors import InvalidInputError

MIN_PASSWORD: Final = 8
MAX_PASSWORD: Final = 1_000
ROUNDS: Final = 3
KIBIBYTES: Final = 64 * 1024
LANES: Final = 4
"""argon2id with these (RFC 9106, its second choice)."""
AT_ONCE: Final = 2
"""Each hash takes 64 MB: more at once would let logins exhaust the memory."""


class Passwords:
    """Hashes in threads, so that nothing else waits."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(ROUNDS, KIBIBYTES, LANES, type=Type.ID)
        self._hashing = asyncio.Semaphore(AT_ONCE)
        self._no_password: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to store; InvalidInputError for passwords that are too short or too long."""
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise InvalidInputError(
                f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters",
                field="password",
                hint="choose another one",
            )
        return await self.hash_again(password)

    async def hash_again(self, password: str) -> str:
        """Of a password that is one already, however long."""
        async with self._hashing:
            return await asyncio.to_thread(self._hasher.hash, _bytes(password))

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than today's."""
        try:
            return self._hasher.check_needs_rehash(password_hash)
        except InvalidHashError:
            return False

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Takes as long for a login that does not exist as for a wrong password."""
        given = _bytes(password[: MAX_PASSWORD + 1])
        async with self._hashing:
            if password_hash is None:
                if self._no_password is None:
                    self._no_password = await asyncio.to_thread(self._hasher.hash, secrets.token_bytes(16))
                await asyncio.to_thread(self._matches, self._no_password, given)
                return False
            return await asyncio.to_thread(self._matches, password_hash, given)

    def _matches(self, password_hash: str, given: bytes) -> bool:
        try:
            return self._hasher.verify(password_hash, given)
        except (VerificationError, InvalidHashError):
            return False


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
