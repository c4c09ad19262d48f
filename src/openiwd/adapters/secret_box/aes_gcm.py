"""Seals secrets with AES-256-GCM. Several keys may open; the first one seals, so that keys can be changed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from openiwd.domain.errors import UnavailableError

FORM: Final = b"\x01"
MARK_BYTES: Final = 4
NONCE_BYTES: Final = 12
_HEAD: Final = len(FORM) + MARK_BYTES + NONCE_BYTES


class AesGcmBox:
    """Implements `openiwd.ports.secret_box.SecretBox`. A sealed text begins with the mark of the key that sealed it."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys` are texts of at least 32 characters, made at random."""
        self._keys = [(sha256(b"mark" + k.encode()).digest()[:MARK_BYTES], _cipher(k)) for k in keys]

    def seal(self, secret: str, context: str) -> bytes:
        if not self._keys:
            raise UnavailableError(
                "this installation has no key to keep secrets with",
                code="noSecretKey",
                hint="set OPENIWD_SECRET_KEY for all processes, to at least 32 random characters",
            )
        mark, cipher = self._keys[0]
        nonce = os.urandom(NONCE_BYTES)
        return FORM + mark + nonce + cipher.encrypt(nonce, secret.encode(), context.encode())

    def is_current(self, sealed: bytes) -> bool:
        return bool(self._keys) and sealed[: len(FORM) + MARK_BYTES] == FORM + self._keys[0][0]

    def open(self, sealed: bytes, context: str) -> str:
        mark, nonce = sealed[len(FORM) : len(FORM) + MARK_BYTES], sealed[len(FORM) + MARK_BYTES : _HEAD]
        for own, cipher in self._keys:
            if own == mark:
                try:
                    return cipher.decrypt(nonce, sealed[_HEAD:], context.encode()).decode()
                except InvalidTag as error:
                    raise _not_opened() from error
        raise _not_opened()


def _cipher(key: str) -> AESGCM:
    return AESGCM(sha256(b"seal" + key.encode()).digest())


def _not_opened() -> UnavailableError:
    return UnavailableError(
        "a stored secret cannot be opened with this installation's keys",
        code="secretNotOpened",
        hint="add the key that it was stored with to OPENIWD_SECRET_KEY, or make a new secret",
    )
