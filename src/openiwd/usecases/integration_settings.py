"""The stored settings of connections to outside systems, with their secrets sealed."""

from __future__ import annotations

from typing import Final

import msgspec

from openiwd.domain.gws import GwsSettings
from openiwd.ports.tenant_store import Reading

KIND: Final = "integration"
GWS: Final = "gws"


async def stored_settings(reading: Reading) -> tuple[GwsSettings, int] | None:
    """The settings with their secrets sealed, and their revision."""
    found = next((o for o in await reading.objects(KIND) if o["id"] == GWS), None)
    if found is None:
        return None
    values = {k: v for k, v in found.items() if k not in ("id", "revision")}
    return msgspec.convert(values, GwsSettings), found["revision"]
