"""What the tests of the people pages need in the tenant: skills and groups that exist, many agents, a table."""

from __future__ import annotations

from openiwd.domain.agent import AgentProfile
from openiwd.domain.privilege import Caller, Role, Scope, role_privileges
from openiwd.usecases import agent as agent_use
from openiwd.usecases import live_object
from openiwd.usecases.configuration import Editor
from openiwd.usecases.live_object import GROUPS, SKILLS, LiveKind, NamedObject
from tests.browser.site import AGENTS, CALLER, Site

SKILL_NAMES = {"motor_claims": "Motor claims", "german": "German", "english": "English"}
GROUP_NAMES = {"motor": "Motor team", "service": "Service team"}


def administrator(login: str = "ada") -> Caller:
    privileges: dict[str, Scope] = role_privileges(Role.ADMINISTRATOR, grouped=False)
    return Caller(
        tenant_id="main", actor=f"user:{login}", name=login, role=Role.ADMINISTRATOR, privileges=privileges
    )


async def editor(site: Site) -> Editor:
    return Editor(site.platform, await site.services(), administrator())


def furnish(site: Site) -> None:
    """Skills, groups, and the agents as they were: each test may change them."""

    async def make() -> None:
        by = await editor(site)
        for kind, names in ((SKILLS, SKILL_NAMES), (GROUPS, GROUP_NAMES)):
            for object_id, name in names.items():
                await _put(by, kind, NamedObject(id=object_id, name=name))
        await agent_use.save_profiles(by.services, AGENTS, CALLER)

    site.run(make())


async def _put(by: Editor, kind: LiveKind, value: NamedObject) -> None:
    await live_object.put(by, kind, value, None)


def add_agents(site: Site, count: int) -> list[str]:
    """Many of them, with names that sort; their ids, to be removed."""
    profiles = [
        AgentProfile(id=f"extra{n:04}", name=f"Zoe Extra {n:04}", groups=["service"]) for n in range(count)
    ]

    async def make() -> None:
        await agent_use.save_profiles(await site.services(), profiles, CALLER)

    site.run(make())
    return [p.id for p in profiles]


def remove_agents(site: Site, ids: list[str]) -> None:
    async def remove() -> None:
        services = await site.services()
        for agent_id in ids:
            await agent_use.delete(services, agent_id, CALLER)

    site.run(remove())
