"""Agents as administrators see them: profiles with checked references, states with load, absences. Live at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from openiwd.domain.agent import Absence, Agent, AgentProfile, AgentSkill, AgentState, Capacity, MediaState
from openiwd.domain.errors import InvalidInputError, NotFoundError, RevisionMismatchError
from openiwd.domain.item_queue import weight_of
from openiwd.domain.offer import OfferOutcome
from openiwd.domain.privilege import system
from openiwd.domain.rule_set_reference import Referred
from openiwd.ports.tenant_store import AgentQuery
from openiwd.usecases import agent as agent_use
from openiwd.usecases.agent import ReturnedItems
from openiwd.usecases.configuration import Editor
from openiwd.usecases.live_object import GROUPS, SKILLS, NamedObject, rule_set_uses
from openiwd.usecases.rule_set_draft import live_document
from openiwd.usecases.rule_set_object import in_use

RESERVED: Final = "me"
MAX_ID: Final = 64


class AgentLoad(Struct, kw_only=True):
    """What an agent has in hand."""

    assigned: int = 0
    offered: int = 0
    weight: int = 0
    """Of all of it; the agent's capacity is its limit."""


class AgentRecord(Struct, kw_only=True, rename="camel"):
    """An agent as configured, with states and load. `states` by media type, `*` for all without one of their own."""

    id: str
    name: str
    user_login: str | None
    employee_id: str | None
    active: bool
    groups: list[str]
    skills: list[AgentSkill]
    capacity: Capacity
    time_zone: str
    working_hours: str | None
    absences: list[Absence]
    attributes: dict[str, Any]
    revision: int
    states: dict[str, MediaState]
    logged_in: bool
    load: AgentLoad


def profile_of(agent: Agent) -> AgentProfile:
    """What administrators edit of an agent."""
    values = {f: getattr(agent, f) for f in AgentProfile.__struct_fields__}
    values.update(groups=list(agent.groups), skills=list(agent.skills), absences=list(agent.absences))
    return AgentProfile(**values)


def record_of(agent: Agent, load: AgentLoad) -> AgentRecord:
    profile = profile_of(agent)
    values = {f: getattr(profile, f) for f in AgentProfile.__struct_fields__}
    return AgentRecord(
        **values, revision=agent.revision, states=agent.states, logged_in=agent.logged_in, load=load
    )


async def records(editor: Editor, wanted: AgentQuery, limit: int, offset: int) -> list[AgentRecord]:
    """The agents that match, by name, with states and load; so many from a place on."""
    editor.caller.require("agents.view")
    loads = await _loads(editor)
    async with editor.services.runtime.store.reading() as reading:
        found = await reading.agents_found(wanted, limit, offset)
    return [record_of(a, loads.get(a.id, AgentLoad())) for a in found]


class AgentPart(Struct):
    """A part of the agents that match, and how many match by (active, state for all media)."""

    agents: list[Agent]
    counts: dict[tuple[bool, AgentState], int]


async def find(editor: Editor, wanted: AgentQuery, limit: int, offset: int) -> AgentPart:
    """The agents that match, by name, so many from a place on; the counts look at no state."""
    editor.caller.require("agents.view")
    async with editor.services.runtime.store.reading() as reading:
        counts = {(active, state): n for active, state, n in await reading.agent_counts(wanted)}
        return AgentPart(await reading.agents_found(wanted, limit, offset), counts)


async def get(editor: Editor, agent_id: str) -> AgentRecord:
    """One agent."""
    editor.caller.require("agents.view")
    return await record(editor, await agent_use.get(editor.services, agent_id))


async def record(editor: Editor, agent: Agent) -> AgentRecord:
    """The agent with its present load."""
    return record_of(agent, (await _loads(editor)).get(agent.id, AgentLoad()))


async def _loads(editor: Editor) -> dict[str, AgentLoad]:
    runtime = editor.services.runtime
    async with runtime.store.reading() as reading:
        items = await reading.held_by_agents()
    loads: dict[str, AgentLoad] = {}
    rules = await runtime.rules() if items else None
    for item in items:
        agent_id = item.assigned_to or item.offered_to
        if agent_id is None or rules is None:
            continue
        load = loads.setdefault(agent_id, AgentLoad())
        load.weight += weight_of(item, rules)
        if item.assigned_to is not None:
            load.assigned += 1
        else:
            load.offered += 1
    return loads


# Changing ------------------------------------------------------------------------------------------------------------


class Known(Struct):
    """What profiles may refer to."""

    skills: set[str]
    groups: set[str]
    calendars: set[str]
    media_types: set[str] | None
    """None: no rule set is live yet, nothing can be said."""


async def known(editor: Editor) -> Known:
    runtime = editor.services.runtime
    version, document = await live_document(runtime)
    async with runtime.store.reading() as reading:
        skills = {o["id"] for o in await reading.objects(SKILLS.stored)}
        groups = {o["id"] for o in await reading.objects(GROUPS.stored)}
    media = None if version is None else set((await runtime.rules()).media_types)
    return Known(skills, groups, {c.id for c in document.calendars}, media)


def faults_of(profile: AgentProfile, about: Known) -> list[dict[str, Any]]:
    """Everything wrong with a profile that its form does not say."""
    faults: list[dict[str, Any]] = []

    def add(field: str, message: str, hint: str) -> None:
        faults.append({"field": field, "message": message, "hint": hint})

    if profile.id == RESERVED or "/" in profile.id or profile.id != profile.id.strip():
        add("id", f"'{profile.id}' cannot be an agent's id", "use another id, without '/' or outer spaces")
    for i, group in enumerate(profile.groups):
        if group not in about.groups:
            add(f"groups[{i}]", f"there is no group '{group[:80]}'", "create it first: PUT /groups/{id}")
    for i, skill in enumerate(profile.skills):
        if skill.skill not in about.skills:
            add(
                f"skills[{i}].skill",
                f"there is no skill '{skill.skill[:80]}'",
                "create it first: PUT /skills/{id}",
            )
        if skill.until is not None and skill.until.tzinfo is None:
            add(f"skills[{i}].until", "the instant has no offset", "write 2026-03-01T09:00:00+01:00")
    for field, names in (("groups", profile.groups), ("skills", [s.skill for s in profile.skills])):
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            add(field, f"'{twice[0][:80]}' comes twice", "name it once")
    if profile.working_hours is not None and profile.working_hours not in about.calendars:
        add(
            "workingHours",
            f"there is no calendar '{profile.working_hours[:80]}'",
            "name one of the rule set's",
        )
    for media in profile.capacity.media:
        if about.media_types is not None and media not in about.media_types:
            add(
                f"capacity.media.{media}",
                f"there is no media type '{media[:80]}'",
                "see the list of media types",
            )
    if not is_time_zone(profile.time_zone):
        add("timeZone", f"'{profile.time_zone[:80]}' is not a time zone", "name one such as Europe/Berlin")
    for i, absence in enumerate(profile.absences):
        if absence.start.tzinfo is None or absence.end.tzinfo is None:
            add(f"absences[{i}]", "an instant has no offset", "write 2026-03-01T09:00:00+01:00")
        elif absence.end <= absence.start:
            add(f"absences[{i}].end", "the absence ends before it begins", "correct the instants")
    return faults


def is_time_zone(name: str) -> bool:
    """Whether this is an IANA time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def raise_faults(faults: Sequence[dict[str, Any]]) -> None:
    """One error that lists all faults, if there are any."""
    if faults:
        first = faults[0]
        raise InvalidInputError(
            first["message"], field=first["field"], hint=first["hint"], errors=list(faults[:100])
        )


async def put(editor: Editor, profile: AgentProfile, revision: int | None) -> tuple[Agent, bool]:
    """Creates or replaces an agent; whether it is new. A deactivated agent is logged out and its items return."""
    editor.caller.require("agents.update")
    raise_faults(faults_of(profile, await known(editor)))
    saved, before = await save(editor, [profile], revision)
    return saved[0], before[0] is None


async def save(
    editor: Editor,
    profiles: Sequence[AgentProfile],
    revision: int | None = None,
    create: Iterable[tuple[str, str]] = (),
) -> tuple[list[Agent], list[AgentProfile | None]]:
    """Stores profiles that have been checked; also what they had been before, None for new ones.

    `create` are (kind, id) of skills and groups to make before. An agent deactivated by this loses its items.
    """
    services = editor.services
    async with services.runtime.store.reading() as reading:
        stored = await reading.agents([p.id for p in profiles])
    if revision is not None and not stored:
        raise RevisionMismatchError(
            f"there is no agent '{profiles[0].id}' yet",
            field="revision",
            hint="leave If-Match out to create it",
        )
    for kind, object_id in create:
        async with services.runtime.store.writing() as tx:
            value = msgspec.to_builtins(NamedObject(id=object_id, name=object_id))
            made = await tx.save_object(kind, value, revision=None)
            await editor.tell(tx, kind, object_id, "created", made)
        await editor.note("created", "skill" if kind == SKILLS.stored else "group", object_id, after=value)
    saved = await agent_use.save_profiles(services, profiles, editor.caller, revision=revision)
    before = [profile_of(stored[p.id]) if p.id in stored else None for p in profiles]
    for old, new in zip(before, profiles, strict=True):
        if old != new:
            await editor.note("created" if old is None else "updated", "agent", new.id, old, new)
    for old, new in zip(before, profiles, strict=True):
        if old is not None and old.active and not new.active:
            await _retire(editor, new.id)
    return saved, before


async def _retire(editor: Editor, agent_id: str) -> None:
    """Logged out, offers withdrawn, assigned items back in their queues.

    It follows from the profile: items that the caller does not reach must not stay with somebody who is gone.
    """
    services = editor.services
    await agent_use.end_offers(services, agent_id, OfferOutcome.WITHDRAWN, "deactivated")
    if (await agent_use.get(services, agent_id)).logged_in:
        await _log_out(editor, agent_id)
    await agent_use.return_all(services, agent_id, system("agents", editor.tenant_id), "agent deactivated")


async def _log_out(editor: Editor, agent_id: str) -> None:
    caller = msgspec.structs.replace(editor.caller, agent_id=agent_id)  # whoever may deactivate may log out
    await agent_use.set_state(
        editor.services, agent_id, AgentState.LOGGED_OUT, caller=caller, reason="deactivated"
    )


async def delete(editor: Editor, agent_id: str) -> None:
    """Removes an agent that has no items, no login, and whom no rule names."""
    editor.caller.require("agents.update")
    before = profile_of(await agent_use.get(editor.services, agent_id))
    faults = await rule_set_uses(editor, Referred.AGENT, agent_id)
    users = await editor.platform.control.users(editor.tenant_id)
    keys = await editor.platform.control.api_keys(editor.tenant_id)
    holders = [f"the user '{u.login}'" for u in users if u.agent_id == agent_id]
    holders += [f"the API key '{k.name}'" for k in keys if k.agent_id == agent_id]
    faults += [{"field": None, "message": f"{h} is this agent", "hint": "change it first"} for h in holders]
    mine = await agent_use.my_items(editor.services, agent_id)
    count = len(mine.assigned) + len(mine.reserved) + len(mine.held) + len(mine.offers)
    if count:
        faults.append(
            {"field": None, "message": f"{count} items are on this desk", "hint": "return or reassign them"}
        )
    if faults:
        raise in_use("agent", agent_id, faults)
    await agent_use.delete(editor.services, agent_id, editor.caller)
    await editor.note("deleted", "agent", agent_id, before)


async def return_items(editor: Editor, agent_id: str, reason: str | None) -> ReturnedItems:
    """Returns the assigned items of an agent that the caller may return to their queues, open offers too."""
    caller = editor.caller
    caller.require("agents.state")
    scope = caller.require("workitems.return")
    await agent_use.get(editor.services, agent_id)
    reason = reason or "returned by a supervisor"
    await agent_use.end_offers(
        editor.services, agent_id, OfferOutcome.WITHDRAWN, reason, among=lambda i: caller.covers(scope, i)
    )
    return await agent_use.return_all(editor.services, agent_id, caller, reason)


# Absences ------------------------------------------------------------------------------------------------------------


class AgentAbsences(Struct, kw_only=True):
    """The absences of one agent."""

    agent: str
    revision: int
    """The agent's."""
    absences: list[Absence]


async def absences(editor: Editor, agent_id: str | None = None) -> list[AgentAbsences]:
    """The absences of all agents that have any, or of one agent."""
    editor.caller.require("agents.view")
    found = await agent_use.all_agents(editor.services)
    told = [
        AgentAbsences(agent=a.id, revision=a.revision, absences=sorted(a.absences, key=lambda b: b.start))
        for a in found
        if (a.absences if agent_id is None else a.id == agent_id)
    ]
    if agent_id is not None and not told:
        raise NotFoundError(
            f"there is no agent '{agent_id[:80]}'", field="agent", hint="see the list of agents"
        )
    return told


async def put_absences(
    editor: Editor, agent_id: str, planned: list[Absence], revision: int | None
) -> AgentAbsences:
    """Replaces the absences of an agent."""
    agent = await agent_use.get(editor.services, agent_id)
    profile = msgspec.structs.replace(profile_of(agent), absences=planned)
    expected = (
        revision if revision is not None else agent.revision
    )  # what else the profile has must not be undone
    saved, _ = await put(editor, profile, expected)
    return AgentAbsences(agent=saved.id, revision=saved.revision, absences=list(saved.absences))
