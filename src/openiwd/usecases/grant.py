"""What may be granted: nobody gives away more than they have themselves, by role, privilege or access group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from openiwd.domain.errors import ForbiddenError, InvalidInputError
from openiwd.domain.privilege import Caller, Role, Scope, role_privileges
from openiwd.ports.control_store import AccessGroup
from openiwd.usecases.configuration import Editor
from openiwd.usecases.user import parse_grant

_RANK: Final = {Scope.OWN: 0, Scope.GROUP: 1, Scope.ALL: 2}


def granted(role: str | None, privileges: Iterable[str], access_groups: Iterable[str]) -> dict[str, Scope]:
    """The privileges that a role, single privileges and access groups come to."""
    grouped = bool(list(access_groups))
    found = role_privileges(Role(role), grouped=grouped) if role else {}
    for text in privileges:
        name, scope = parse_grant(text)
        limited = Scope.GROUP if grouped and name.startswith("workitems.") else Scope.ALL
        found[name] = scope or limited
    return found


def beyond(caller: Caller, wanted: Mapping[str, Scope]) -> list[str]:
    """The privileges that a caller cannot give: those lacked, or had in a smaller scope."""
    own = caller.privileges
    return sorted(n for n, s in wanted.items() if n not in own or _RANK[own[n]] < _RANK[s])


def require_grantable(
    editor: Editor, wanted: Mapping[str, Scope], groups: Iterable[AccessGroup] = ()
) -> None:
    """ForbiddenError when the caller lacks any of it, or has it in a smaller scope."""
    own = editor.caller.privileges
    missing = beyond(editor.caller, wanted)
    if missing:
        raise ForbiddenError(
            f"this grants {missing[0]}, which you do not have yourself in that scope",
            code="notGrantable",
            hint="ask somebody who has it",
            privileges=missing[:20],
        )
    if any(own[n] is Scope.GROUP for n in wanted):
        _require_reach(editor, groups)


def _require_reach(editor: Editor, groups: Iterable[AccessGroup]) -> None:
    caller = editor.caller
    for group in groups:
        outside = [q for q in group.queues if q not in caller.queues]
        outside += [
            c for c in group.categories if not any(c == o or c.startswith(f"{o}/") for o in caller.categories)
        ]
        if outside:
            raise ForbiddenError(
                f"the access group '{group.id}' reaches further than you do",
                code="notGrantable",
                hint="choose groups within your own",
            )


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
