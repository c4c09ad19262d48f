"""Second factors of local accounts: codes of an authenticator app, and recovery codes for the day the phone is lost.

Secrets lie sealed, recovery codes hashed. Each code is good once, whichever process takes it.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import sha256
from typing import Final
from urllib.parse import quote
from uuid import UUID

from msgspec import Struct

from openiwd.domain.errors import ConflictError, UnauthenticatedError, UnavailableError
from openiwd.domain.login import LoginSettings
from openiwd.domain.one_time_code import DIGITS, STEP_SECONDS, matching_step, secret_text
from openiwd.ports.control_store import ControlStore, SecondFactor, User
from openiwd.ports.secret_box import SecretBox

SECRET_BYTES: Final = 20
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 10
"""80 bits of chance: too many to try, so one round of hashing is enough."""
ISSUER: Final = "OpenIWD"


class Enrolment(Struct, kw_only=True, rename="camel"):
    """What an authenticator app is set up with, shown once."""

    secret: str
    address: str
    """The `otpauth://` address that a QR code carries."""


class SecondFactors:
    """Begins, confirms, checks and ends them."""

    def __init__(self, control: ControlStore, box: SecretBox | None) -> None:
        self._control = control
        self._box = box

    @property
    def box(self) -> SecretBox:
        if self._box is None:
            raise UnavailableError("this process keeps no secrets", code="noSecretKey")
        return self._box

    async def begin(self, user: User) -> Enrolment:
        """A new secret, which counts once a code of it was confirmed."""
        secret = secrets.token_bytes(SECRET_BYTES)
        sealed = self.box.seal(secret.hex(), context_of(user.id))
        if not await self._control.begin_second_factor(user.id, sealed):
            raise ConflictError(
                "there is a second factor already", code="secondFactorExists", hint="end it first"
            )
        return enrolment(user, secret)

    async def pending(self, user: User) -> Enrolment:
        """The secret that waits to be confirmed, begun if there is none: reloading the page keeps it."""
        factor = await self._control.second_factor(user.id)
        if factor.sealed is None or factor.confirmed_at is not None:
            return await self.begin(user)
        return enrolment(user, self._secret(user.id, factor.sealed))

    async def confirm(self, user: User, code: str, now: datetime) -> list[str]:
        """From now on it is asked for; the recovery codes, which are never shown again."""
        factor = await self._control.second_factor(user.id)
        if factor.confirmed_at is not None or factor.sealed is None:
            raise ConflictError(
                "there is nothing to confirm", code="nothingToConfirm", hint="begin with a new secret"
            )
        step = matching_step(self._secret(user.id, factor.sealed), code, now.timestamp())
        if step is None:
            raise wrong_code()
        codes, hashes = new_recovery_codes()
        if not await self._control.confirm_second_factor(user.id, now, step, hashes, factor.sealed):
            raise ConflictError("somebody else has changed it meanwhile", hint="begin again")
        return codes

    async def renew_recovery_codes(self, user: User) -> list[str]:
        codes, hashes = new_recovery_codes()
        if not await self._control.replace_recovery_codes(user.id, hashes):
            raise ConflictError("there is no second factor", code="noSecondFactor", hint="set one up first")
        return codes

    async def require(self, user: User, code: str | None, settings: LoginSettings, now: datetime) -> None:
        """UnauthenticatedError: `codeNeeded`, `wrongCode`, or `enrolmentNeeded` where the role may not do without."""
        if user.second_factor_at is None:
            if user.role in settings.second_factor_roles:
                raise UnauthenticatedError(
                    "this role logs in with a second factor, and none is set up",
                    code="enrolmentNeeded",
                    field="code",
                    hint="log in with the browser once: it leads through",
                )
            return
        if not code:
            raise UnauthenticatedError(
                "a code of the authenticator app is needed as well",
                code="codeNeeded",
                field="code",
                hint="send it as `code`; a recovery code does, too",
            )
        if not await self._takes(user, await self._control.second_factor(user.id), code, now):
            raise wrong_code()

    async def _takes(self, user: User, factor: SecondFactor, code: str, now: datetime) -> bool:
        if factor.sealed is None:
            return False
        step = matching_step(self._secret(user.id, factor.sealed), code, now.timestamp())
        if step is not None:
            return await self._control.spend_step(user.id, step)
        given = recovery_hash(code)
        return given is not None and await self._control.spend_recovery_code(user.id, given)

    def _secret(self, user_id: UUID, sealed: bytes) -> bytes:
        return bytes.fromhex(self.box.open(sealed, context_of(user_id)))


def context_of(user_id: UUID) -> str:
    """What a sealed secret belongs to."""
    return f"user/{user_id}/secondFactor"


def enrolment(user: User, secret: bytes) -> Enrolment:
    label = quote(f"{ISSUER}:{user.login}", safe="")
    text = secret_text(secret)
    query = f"secret={text}&issuer={ISSUER}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
    return Enrolment(secret=text, address=f"otpauth://totp/{label}?{query}")


def new_recovery_codes() -> tuple[list[str], list[bytes]]:
    texts = [secret_text(secrets.token_bytes(RECOVERY_BYTES)).lower() for _ in range(RECOVERY_CODES)]
    codes = ["-".join(text[at : at + 4] for at in range(0, len(text), 4)) for text in texts]
    return codes, [sha256(text.encode()).digest() for text in texts]


def recovery_hash(code: str) -> bytes | None:
    """How a recovery code is stored; None when the text cannot be one."""
    text = "".join(c for c in code.lower() if c.isalnum())
    if len(text) != RECOVERY_BYTES * 8 // 5 or not text.isascii():
        return None
    return sha256(text.encode()).digest()


def wrong_code() -> UnauthenticatedError:
    return UnauthenticatedError(
        "the code is wrong, or was used already", code="wrongCode", field="code", hint="wait for the next one"
    )
