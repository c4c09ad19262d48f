"""What may be granted: nobody gives away more than they have themselves, by role, privilege or access group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from openiwd.domain.errors import ForbiddenError, InvalidInputError
from openiwd.domain.privilege import Caller, Role, Scope, role_privileges
from openiwd.ports.control_store import AccessGroup
from openiwd.usecases.configuration import Editor
from openiwd.usecases.held_privilege import held_privileges, parse_grant

_RANK: Final = {Scope.OWN: 0, Scope.GROUP: 1, Scope.ALL: 2}


def granted(role: str | None, privileges: Iterable[str], access_groups: Iterable[str]) -> dict[str, Scope]:
    """The privileges that a role, single privileges and access groups come to."""
    return held_privileges(role, privileges, grouped=any(True for _ in access_groups))


def beyond(caller: Caller, wanted: Mapping[str, Scope]) -> list[str]:
    """The privileges that a caller cannot give: those lacked, or had in a smaller scope."""
    own = caller.privileges
    return sorted(n for n, s in wanted.items() if n not in own or _RANK[own[n]] < _RANK[s])


def refusal(
    caller: Caller,
    wanted: Mapping[str, Scope],
    groups: Iterable[AccessGroup] = (),
    agent_id: str | None = None,
) -> ForbiddenError | None:
    """Why a caller cannot give (or take, or change for somebody who has it) this; None when they can."""
    missing = beyond(caller, wanted)
    if missing:
        return ForbiddenError(
            f"this grants {missing[0]}, which you do not have yourself in that scope",
            code="notGrantable",
            hint="ask somebody who has it",
            privileges=missing[:20],
        )
    # what is an agent's own may lie outside of every access group
    if agent_id is not None and agent_id != caller.agent_id and _is_limited(caller):
        return ForbiddenError(
            f"the items of agent '{agent_id[:80]}' may lie outside of what you reach",
            code="notGrantable",
            hint="ask somebody whom no access group limits",
        )
    if not any(caller.privileges[n] is Scope.GROUP for n in wanted):
        return None
    return _too_far(caller, groups)


def require_grantable(
    editor: Editor,
    wanted: Mapping[str, Scope],
    groups: Iterable[AccessGroup] = (),
    agent_id: str | None = None,
) -> None:
    """ForbiddenError when the caller lacks any of it, or has it in a smaller scope."""
    refused = refusal(editor.caller, wanted, groups, agent_id)
    if refused is not None:
        raise refused


def reach_refusal(caller: Caller, groups: Iterable[AccessGroup]) -> ForbiddenError | None:
    """Why a limited caller cannot make or change these access groups: they reach further. None when they can."""
    if all(s is Scope.ALL for s in caller.privileges.values()):
        return None
    return _too_far(caller, groups)


def require_reach(editor: Editor, groups: Iterable[AccessGroup]) -> None:
    """ForbiddenError when a limited caller reaches less than one of these access groups."""
    refused = reach_refusal(editor.caller, groups)
    if refused is not None:
        raise refused


def _is_limited(caller: Caller) -> bool:
    return not all(caller.privileges.get(n) is Scope.ALL for n in role_privileges(Role.AGENT, grouped=False))


def _too_far(caller: Caller, groups: Iterable[AccessGroup]) -> ForbiddenError | None:
    for group in groups:
        outside = [q for q in group.queues if q not in caller.queues]
        outside += [
            c for c in group.categories if not any(c == o or c.startswith(f"{o}/") for o in caller.categories)
        ]
        if outside:
            return ForbiddenError(
                f"the access group '{group.id}' reaches further than you do",
                code="notGrantable",
                hint="choose groups within your own",
            )
    return None


async def groups_of(editor: Editor, ids: Iterable[str]) -> list[AccessGroup]:
    """The access groups that somebody belongs to."""
    wanted = set(ids)
    return [g for g in await editor.platform.control.access_groups(editor.tenant_id) if g.id in wanted]


async def access_groups(
    editor: Editor, ids: Iterable[str], faults: list[dict[str, Any]]
) -> list[AccessGroup]:
    """The access groups of these ids; unknown ones become faults."""
    known = {g.id: g for g in await editor.platform.control.access_groups(editor.tenant_id)}
    found = []
    for i, group_id in enumerate(ids):
        if group_id in known:
            found.append(known[group_id])
        else:
            faults.append({
                "field": f"accessGroups[{i}]",
                "message": f"there is no access group '{group_id[:80]}'",
                "hint": "create it first: PUT /access-groups/{id}",
            })  # fmt: skip
    return found


def check_role(role: str | None, faults: list[dict[str, Any]]) -> None:
    if role is not None and role not in tuple(Role):
        faults.append(
            {"field": "role", "message": f"there is no role '{role[:80]}'", "hint": f"use {', '.join(Role)}"}
        )


def check_privileges(privileges: Iterable[str], faults: list[dict[str, Any]]) -> None:
    for i, text in enumerate(privileges):
        try:
            parse_grant(text)
        except InvalidInputError as error:
            faults.append({"field": f"privileges[{i}]", "message": error.message, "hint": error.hint})


async def check_agent(editor: Editor, agent_id: str | None, faults: list[dict[str, Any]]) -> None:
    if agent_id is None:
        return
    async with editor.services.runtime.store.reading() as reading:
        known = await reading.agents([agent_id])
    if not known:
        faults.append({
            "field": "agentId", "message": f"there is no agent '{agent_id[:80]}'", "hint": "PUT /agents/{id} first",
        })  # fmt: skip
