"""Takes out of the router what has come there so late that others have given its submission up meanwhile.

Whoever sent it knows of it alone, so it is tried several times at once. Stores nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from openiwd.domain.routing import RemoteState, Submission
from openiwd.ports.external_router import ExternalRouter, RouterAwayError, RouterRefusedError
from openiwd.ports.tenant_store import TenantStore

ATTEMPTS: Final = 20
PAUSE_SECONDS: Final = 0.5
"""A router that has only promised to take an item shows it a little later."""
OVER: Final = (RemoteState.COMPLETED, RemoteState.CANCELED)


async def stop_stray(
    store: TenantStore, router: ExternalRouter, one: Submission, interaction_id: str | None
) -> bool:
    """Whether it was one. Ends when the router says that it is over; one that is open here is no stray."""
    async with store.reading() as reading:
        if any(known.id == one.id for known in await reading.open_submissions()):
            return False
    for _ in range(ATTEMPTS):
        with suppress(RouterAwayError, RouterRefusedError):
            if interaction_id is not None:
                await router.stop(interaction_id, str(one.id), completed=False)
            found = await router.find(one.service, one.external_id)
            if found is not None and found.state in OVER:
                break
            interaction_id = interaction_id if found is None else found.id
        await asyncio.sleep(PAUSE_SECONDS)
    return True
