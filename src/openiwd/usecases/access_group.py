"""Access groups: the categories and queues that item privileges reach for those who belong to them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from openiwd.domain.errors import NotFoundError
from openiwd.domain.rule_set_diff import category_nodes
from openiwd.ports.control_store import AccessGroup
from openiwd.usecases.agent_profile import raise_faults
from openiwd.usecases.configuration import Editor
from openiwd.usecases.grant import require_reach
from openiwd.usecases.live_object import check_id
from openiwd.usecases.rule_set_draft import live_document
from openiwd.usecases.rule_set_object import in_use


class AccessGroupInput(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Categories by path (each with all below it) and queues by id."""

    id: str | None = None
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    categories: Annotated[list[str], Meta(max_length=1_000)] = []
    queues: Annotated[list[str], Meta(max_length=1_000)] = []


async def groups(editor: Editor) -> list[AccessGroup]:
    """All access groups, by id."""
    editor.caller.require("users.view")
    return await editor.platform.control.access_groups(editor.tenant_id)


async def get(editor: Editor, group_id: str) -> AccessGroup:
    found = next((g for g in await groups(editor) if g.id == group_id), None)
    if found is None:
        raise _missing(group_id)
    return found


def _missing(group_id: str) -> NotFoundError:
    return NotFoundError(
        f"there is no access group '{group_id[:80]}'", field="id", hint="see the list of access groups"
    )


async def put(editor: Editor, group: AccessGroup, revision: int | None = None) -> tuple[AccessGroup, bool]:
    """Creates or replaces an access group; whether it is new. With `revision`, only if it still has that. Neither
    it nor what it replaces reaches further than the caller does.
    """
    editor.caller.require("users.update")
    check_id(group.id)
    _, document = await live_document(editor.services.runtime)
    paths = {path for _, _, path, _ in category_nodes(document.categories)}
    queues = {q.id for q in document.queues}
    faults: list[dict[str, Any]] = [
        {
            "field": f"categories[{i}]",
            "message": f"there is no category '{path[:80]}'",
            "hint": "name it by its path",
        }
        for i, path in enumerate(group.categories)
        if path not in paths
    ]
    faults += [
        {
            "field": f"queues[{i}]",
            "message": f"there is no queue '{queue[:80]}'",
            "hint": "see the list of queues",
        }
        for i, queue in enumerate(group.queues)
        if queue not in queues
    ]
    raise_faults(faults)
    control = editor.platform.control
    before = next((g for g in await control.access_groups(editor.tenant_id) if g.id == group.id), None)
    require_reach(editor, [group] if before is None else [group, before])
    is_same = before is not None and before == replace(group, revision=before.revision)
    if before is not None and is_same and revision in (None, before.revision):
        return before, False
    stored = await control.save_access_group(editor.tenant_id, group, revision)
    after = replace(group, revision=stored)
    editor.platform.identities.forget()
    await editor.note("created" if before is None else "updated", "access group", group.id, before, after)
    return after, before is None


async def delete(editor: Editor, group_id: str) -> None:
    """Removes an access group that no user and no key belongs to: theirs would reach everything else."""
    editor.caller.require("users.update")
    control = editor.platform.control
    before = next((g for g in await control.access_groups(editor.tenant_id) if g.id == group_id), None)
    if before is None:
        raise _missing(group_id)
    require_reach(editor, [before])
    holders = [
        f"the user '{u.login}'" for u in await control.users(editor.tenant_id) if group_id in u.access_groups
    ]
    holders += [
        f"the API key '{k.name}'"
        for k in await control.api_keys(editor.tenant_id)
        if group_id in k.access_groups
    ]
    if holders:
        faults: list[dict[str, Any]] = [
            {"field": None, "message": f"{h} belongs to it", "hint": "take it away there first"}
            for h in holders
        ]
        raise in_use("access group", group_id, faults)
    if not await control.delete_access_group(editor.tenant_id, group_id):
        raise _missing(group_id)
    editor.platform.identities.forget()
    await editor.note("deleted", "access group", group_id, before)
