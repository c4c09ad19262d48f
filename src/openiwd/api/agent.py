"""Agents for administrators and supervisors: profiles, states, absences, CSV import."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from openiwd.api.call import CurrentCall, instant
from openiwd.api.decoding import decode
from openiwd.api.editing import CSV, LARGE, CurrentEditor, DryRun, etag
from openiwd.api.workspace import StateInput
from openiwd.domain.agent import Absence, AgentProfile, AgentState
from openiwd.domain.work_item import ShortText
from openiwd.ports.tenant_store import AgentQuery
from openiwd.usecases import agent as agent_use
from openiwd.usecases import agent_import, agent_profile, past
from openiwd.usecases.agent import ReturnedItems
from openiwd.usecases.agent_import import AgentImport
from openiwd.usecases.agent_profile import AgentAbsences, AgentRecord
from openiwd.usecases.past import PastAgent
from openiwd.usecases.rule_set_object import body_named

READ_ONLY: Final = frozenset({"revision", "states", "loggedIn", "load"})
_TAGS: Final = ["agents"]


class Agents(Struct):
    agents: list[AgentRecord]


class Absences(Struct):
    absences: list[AgentAbsences]


class AbsencesInput(Struct, forbid_unknown_fields=True):
    absences: list[Absence]


class ReturnInput(Struct, forbid_unknown_fields=True):
    reason: ShortText | None = None


@get("/agents", tags=_TAGS, operation_id="listAgents")
async def list_agents(
    editor: CurrentEditor,
    text: Annotated[str | None, QueryParameter(name="q", max_length=200)] = None,
    group: Annotated[str | None, QueryParameter(name="group", max_length=64)] = None,
    skill: Annotated[str | None, QueryParameter(name="skill", max_length=64)] = None,
    in_state: Annotated[AgentState | None, QueryParameter(name="state")] = None,
    active: Annotated[bool | None, QueryParameter(name="active")] = None,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=10_000)] = 10_000,
    offset: Annotated[int, QueryParameter(name="offset", ge=0, le=1_000_000)] = 0,
) -> Agents:
    """Agents by name, with their states and what they have in hand; of those that match, `limit` from `offset` on.

    `q` is a part of name, id, employee id or login; `state` the one that counts for all media types.
    """
    wanted = AgentQuery(text=text, group=group, skill=skill, state=in_state, active=active)
    return Agents(await agent_profile.records(editor, wanted, limit, offset))


@get("/agents/{agent_id:str}", tags=_TAGS, operation_id="getAgent")
async def get_agent(
    editor: CurrentEditor,
    agent_id: FromPath[str],
    at: Annotated[
        str | None,
        QueryParameter(
            name="at", description="An instant with offset: profile and states as they were then."
        ),
    ] = None,
) -> Response[AgentRecord | PastAgent]:
    """One agent; with `at`, as it was at that instant (then as `PastAgent`)."""
    if at is not None:
        return Response(await past.agent_at(editor.services, editor.caller, agent_id, instant(at, "at")))
    found = await agent_profile.get(editor, agent_id)
    return Response(found, headers=etag(found.revision))


@put("/agents/{agent_id:str}", tags=_TAGS, operation_id="putAgent")
async def put_agent(
    call: CurrentCall, editor: CurrentEditor, agent_id: FromPath[str], data: JSONBody[dict[str, Any]]
) -> Response[AgentRecord]:
    """Creates or replaces an agent; live at once. Groups, skills and the calendar named must exist.

    The answer may be sent back with changes: states and load are not read. A deactivated agent is logged out, and
    its items return to their queues. With `If-Match`, only if the agent still has that revision (else 412).
    """
    sent = {k: v for k, v in body_named(data, "id", agent_id).items() if k not in READ_ONLY}
    profile: AgentProfile = decode(msgspec.json.encode(sent), AgentProfile)
    saved, created = await agent_profile.put(editor, profile, call.if_match)
    found = await agent_profile.record(editor, await agent_use.get(editor.services, saved.id))
    return Response(found, status_code=201 if created else 200, headers=etag(found.revision))


@delete("/agents/{agent_id:str}", tags=_TAGS, operation_id="deleteAgent", status_code=204)
async def delete_agent(editor: CurrentEditor, agent_id: FromPath[str]) -> None:
    """Removes an agent without items; 409 `inUse` while a user, a key, a rule or an item refers to it."""
    await agent_profile.delete(editor, agent_id)


@post("/agents/import", tags=_TAGS, operation_id="importAgents", status_code=200, request_max_body_size=LARGE)
async def import_agents(
    editor: CurrentEditor,
    request: Request[Any, Any, Any],
    dry_run: DryRun = False,
    create: Annotated[
        str | None,
        QueryParameter(name="create", description="skills, groups: create those that do not exist yet."),
    ] = None,
) -> AgentImport:
    """Creates and updates agents from CSV: all rows or none, every fault with its line; tells what differs per agent.

    Columns: id, name, userLogin, employeeId, active, groups (`a|b`), skills (`motor:7|german:10`, with an
    end `motor:7@2026-12-31T18:00:00+01:00`), capacity (`3|email:2`), timeZone, workingHours. Columns that are left
    out stay as they are.
    """
    wanted = frozenset(p.strip() for p in (create or "").split(",") if p.strip())
    return await agent_import.import_csv(editor, await request.body(), dry_run=dry_run, create=wanted)


@get("/agents/export", tags=_TAGS, operation_id="exportAgents")
async def export_agents(editor: CurrentEditor) -> Response[bytes]:
    """All agents as CSV, in the columns that the import reads: importing the file changes nothing."""
    return Response(await agent_import.export_all(editor), media_type=CSV)


@post("/agents/{agent_id:str}/state", tags=_TAGS, operation_id="setAgentState", status_code=200)
async def set_agent_state(
    call: CurrentCall, editor: CurrentEditor, agent_id: FromPath[str], data: JSONBody[StateInput]
) -> AgentRecord:
    """Sets an agent's state as a supervisor; open offers of an agent who is no longer ready return."""
    agent = await agent_use.set_state(
        call.services,
        agent_id,
        data.state,
        caller=call.caller,
        reason=data.reason,
        media_type=data.media_type,
        after_current=data.after_current,
    )
    return await agent_profile.record(editor, agent)


@post("/agents/{agent_id:str}/return", tags=_TAGS, operation_id="returnAgentItems", status_code=200)
async def return_items(
    editor: CurrentEditor, agent_id: FromPath[str], data: JSONBody[ReturnInput | None] = None
) -> ReturnedItems:
    """Returns all assigned items of an agent to their queues; place and age stay.

    `refused` counts those that stay where they are: you may not return them, or they have changed meanwhile.
    """
    return await agent_profile.return_items(editor, agent_id, data.reason if data else None)


@get("/absences", tags=_TAGS, operation_id="listAbsences")
async def list_absences(editor: CurrentEditor) -> Absences:
    """The absences of all agents who have any."""
    return Absences(await agent_profile.absences(editor))


@get("/absences/{agent_id:str}", tags=_TAGS, operation_id="getAbsences")
async def get_absences(editor: CurrentEditor, agent_id: FromPath[str]) -> Response[AgentAbsences]:
    """The absences of one agent."""
    (found,) = await agent_profile.absences(editor, agent_id)
    return Response(found, headers=etag(found.revision))


@put("/absences/{agent_id:str}", tags=_TAGS, operation_id="putAbsences")
async def put_absences(
    call: CurrentCall, editor: CurrentEditor, agent_id: FromPath[str], data: JSONBody[AbsencesInput]
) -> Response[AgentAbsences]:
    """Replaces the absences of an agent. `If-Match` is the agent's revision."""
    saved = await agent_profile.put_absences(editor, agent_id, data.absences, call.if_match)
    return Response(saved, headers=etag(saved.revision))


HANDLERS: Final[list[Any]] = [
    list_agents,
    get_agent,
    put_agent,
    delete_agent,
    import_agents,
    export_agents,
    set_agent_state,
    return_items,
    list_absences,
    get_absences,
    put_absences,
]
