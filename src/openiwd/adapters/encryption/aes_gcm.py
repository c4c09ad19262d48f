"""Seals secrets with AES-256-GCM. Keys come from the settings; the first seals, all of them open."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from openiwd.domain.errors import InvalidInputError
from openiwd.ports.secret_box import SealedWrongError

KEY_BYTES: Final = 32
_FORM: Final = b"\x01"
_ID: Final = 8
_NONCE: Final = 12


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


class AesGcmBox:
    """Implements `openiwd.ports.secret_box.SecretBox`. Sealed: form, id of the key, nonce, ciphertext with its tag."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise InvalidInputError(
                f"a key for secrets has {KEY_BYTES} bytes",
                field="OPENIWD_SECRET_KEYS",
                hint="make one with: openssl rand -base64 32",
            )
        self._keys = {_id_of(key): AESGCM(key) for key in keys}
        self._current = _id_of(keys[0])

    def seal(self, secret: bytes, purpose: str) -> bytes:
        nonce = os.urandom(_NONCE)
        head = _FORM + self._current
        sealed = self._keys[self._current].encrypt(nonce, secret, head + purpose.encode())
        return head + nonce + sealed

    def open(self, sealed: bytes, purpose: str) -> bytes:
        head, nonce = sealed[: 1 + _ID], sealed[1 + _ID : 1 + _ID + _NONCE]
        key = self._keys.get(head[1:])
        if key is None or head[:1] != _FORM:
            raise SealedWrongError(
                "a secret was sealed by a key that is not set here",
                field="OPENIWD_SECRET_KEYS",
                hint="set the former key behind the new one",
            )
        try:
            return key.decrypt(nonce, sealed[1 + _ID + _NONCE :], head + purpose.encode())
        except InvalidTag as error:
            raise SealedWrongError("a stored secret is damaged", hint="enter it again") from error

    def is_current(self, sealed: bytes) -> bool:
        return sealed[1 : 1 + _ID] == self._current


def _id_of(key: bytes) -> bytes:
    return sha256(b"openiwd key id" + key).digest()[:_ID]
