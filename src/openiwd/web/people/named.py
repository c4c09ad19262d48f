"""Names of skills and groups by id, as pages of people show them. Reads only."""

from __future__ import annotations

from openiwd.usecases.live_object import GROUPS, SKILLS, LiveKind
from openiwd.web.shell.visit import Visit


async def names_of(visit: Visit, kind: LiveKind) -> dict[str, str]:
    """By name, so that selects are in order."""
    async with visit.services.runtime.store.reading() as reading:
        found = await reading.objects(kind.stored)
    return dict(sorted(((o["id"], o["name"]) for o in found), key=lambda pair: pair[1].casefold()))


async def groups_and_skills(visit: Visit) -> tuple[dict[str, str], dict[str, str]]:
    return await names_of(visit, GROUPS), await names_of(visit, SKILLS)
