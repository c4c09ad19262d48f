"""Changing the key of stored secrets, by the databases alone: no server need run, and any may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from openiwd.domain.errors import InvalidInputError
from openiwd.processes.settings import Settings
from openiwd.processes.wiring import Wiring
from openiwd.usecases.secret_rotation import Resealed, rotate

BUDGET: Final = 5
"""Connections that it takes for itself."""


async def rotate_all(settings: Settings) -> Sequence[Resealed]:
    """Of the installation whose databases the settings name."""
    if settings.database_url is None:
        raise InvalidInputError("there is no database to look into", hint="set OPENIWD_DATABASE_URL")
    if not settings.secret_keys:
        raise InvalidInputError(
            "there is no key to seal with",
            field="OPENIWD_SECRET_KEY",
            hint="set the new key and then the old ones, with commas between them",
        )
    wiring = Wiring(settings.database_url, budget=BUDGET, secret_keys=settings.secret_keys)
    try:
        return await rotate(wiring.platform)
    finally:
        await wiring.close()
