"""The objects of the rule set one by one: calendars, schemas, queues, attributes, media types, rules, decision tables.

Categories form a tree and have a module of their own. Deleting is refused while anything refers to the object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from openiwd.domain.attribute import MEDIA_TYPES, AttributeConfig, MediaTypeConfig
from openiwd.domain.calendar import CalendarConfig
from openiwd.domain.errors import ConflictError, InvalidInputError, NotFoundError, RuleSetError
from openiwd.domain.queue import QueueConfig
from openiwd.domain.rule import DecisionTableConfig, RuleConfig
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.rule_test_config import RuleTestConfig
from openiwd.domain.schema import SchemaConfig
from openiwd.domain.work_item import OPEN
from openiwd.ports.tenant_store import SearchQuery
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set_draft import Edit, document_of, live_document
from openiwd.usecases.rule_set_edit import Edited, How, edit


class DraftedKind(Struct, frozen=True, kw_only=True):
    """A list of the document whose objects can be changed one by one."""

    part: str
    """Its name in the document."""
    noun: str
    type: type[Any]
    key: str = "id"
    privilege: str
    """`<privilege>.view` and `<privilege>.update`."""


CALENDARS: Final = DraftedKind(part="calendars", noun="calendar", type=CalendarConfig, privilege="calendars")
SCHEMAS: Final = DraftedKind(part="schemas", noun="schema", type=SchemaConfig, privilege="prioritization")
QUEUES: Final = DraftedKind(part="queues", noun="queue", type=QueueConfig, privilege="queues")
ATTRIBUTES: Final = DraftedKind(
    part="attributes", noun="attribute", type=AttributeConfig, key="name", privilege="attributes"
)
MEDIA: Final = DraftedKind(part="mediaTypes", noun="media type", type=MediaTypeConfig, privilege="queues")
RULES: Final = DraftedKind(part="rules", noun="rule", type=RuleConfig, privilege="categories")
DECISION_TABLES: Final = DraftedKind(
    part="decisionTables", noun="decision table", type=DecisionTableConfig, privilege="categories"
)
TESTS: Final = DraftedKind(part="tests", noun="test", type=RuleTestConfig, privilege="categories")
"""Served below their draft, as they judge nothing."""
KINDS: Final = (CALENDARS, SCHEMAS, QUEUES, ATTRIBUTES, MEDIA, RULES, DECISION_TABLES)
_HELD_BY_ITEMS: Final = {"queues": "queue", "schemas": "schemaId", "mediaTypes": "mediaType"}


def listed(document: RuleSetDocument, kind: DraftedKind) -> list[Any]:
    """The objects of a kind; media types with those that are always there."""
    own = list(getattr(document, _attribute_of(kind)))
    if kind is MEDIA:
        declared = {m.id for m in own}
        return [m for m in MEDIA_TYPES if m.id not in declared] + own
    return own


def _attribute_of(kind: DraftedKind) -> str:
    fields = msgspec.structs.fields(RuleSetDocument)
    return next(f.name for f in fields if f.encode_name == kind.part)


def named(kind: DraftedKind, value: Any) -> str:
    """The id (or name) of an object."""
    return str(getattr(value, kind.key))


async def objects(
    editor: Editor, kind: DraftedKind, draft: UUID | None = None
) -> tuple[int | None, list[Any]]:
    """The live version (or the draft's revision) and its objects of a kind, in order."""
    editor.caller.require(f"{kind.privilege}.view")
    version, document = await document_of(editor, draft)
    return version, listed(document, kind)


async def get(
    editor: Editor, kind: DraftedKind, object_id: str, draft: UUID | None = None
) -> tuple[int | None, Any]:
    """One object of the live version, or of the draft."""
    version, all_ = await objects(editor, kind, draft)
    return version, find(kind, all_, object_id)


def find(kind: DraftedKind, values: list[Any], object_id: str) -> Any:
    found = next((v for v in values if named(kind, v) == object_id), None)
    if found is None:
        raise _missing(kind, object_id)
    return found


def _missing(kind: DraftedKind, object_id: str) -> NotFoundError:
    return NotFoundError(
        f"there is no {kind.noun} '{object_id[:80]}'", field=kind.key, hint=f"see the list of {kind.part}"
    )


def body_named(body: Mapping[str, Any], key: str, object_id: str) -> dict[str, Any]:
    """The body with the id of its address; InvalidInputError when it says another one."""
    said = body.get(key, object_id)
    if said != object_id:
        raise InvalidInputError(
            f"the body says {key} '{str(said)[:80]}', the address says '{object_id[:80]}'",
            field=key,
            hint="an object keeps its id: leave it out, or create another object",
        )
    return {key: object_id, **{k: v for k, v in body.items() if k != key}}


async def put(
    editor: Editor,
    kind: DraftedKind,
    object_id: str,
    body: Mapping[str, Any],
    how: How,
    position: int | None = None,
) -> Edited:
    """Creates or replaces an object; a new one comes last, or at `position`."""
    editor.caller.require(f"{kind.privilege}.update")
    value = body_named(body, kind.key, object_id)

    def change(raw: dict[str, Any]) -> Edit:
        values = raw.setdefault(kind.part, [])
        place = next((i for i, v in enumerate(values) if v[kind.key] == object_id), None)
        before = values[place] if place is not None else None
        if before is not None:
            values.remove(before)
        target = position if position is not None else place if place is not None else len(values)
        target = min(target, len(values))
        values.insert(target, value)
        path = f"{kind.part}[{target}]"
        return Edit(kind=kind.noun, id=object_id, path=path, before=before, after=value)

    return await edit(editor, how, change)


async def delete(editor: Editor, kind: DraftedKind, object_id: str, how: How) -> Edited:
    """Removes an object that nothing refers to; ConflictError `inUse` naming what does, otherwise."""
    editor.caller.require(f"{kind.privilege}.update")
    if how.draft is None:
        await _refuse_if_held(editor, kind, object_id)

    def change(raw: dict[str, Any]) -> Edit:
        values = raw.get(kind.part, [])
        before = next((v for v in values if v[kind.key] == object_id), None)
        if before is None:
            raise _missing(kind, object_id)
        values.remove(before)
        return Edit(kind=kind.noun, id=object_id, path="", before=before)

    try:
        return await edit(editor, how, change)
    except RuleSetError as error:
        raise in_use(kind.noun, object_id, error.details.get("errors") or []) from error


def in_use(noun: str, object_id: str, faults: list[dict[str, Any]]) -> ConflictError:
    """The refusal to delete what is referred to."""
    return ConflictError(
        f"the {noun} '{object_id[:80]}' is in use",
        code="inUse",
        field=faults[0]["field"] if faults else None,
        hint="change what refers to it first",
        errors=faults,
    )


async def _refuse_if_held(editor: Editor, kind: DraftedKind, object_id: str) -> None:
    """Refuses what open items, agents or access groups refer to, and attributes that rules read."""
    faults: list[dict[str, Any]] = []
    attribute = _HELD_BY_ITEMS.get(kind.part)
    if attribute is not None:
        count = await open_items(editor, attribute, object_id)
        if count:
            faults.append(
                {"field": None, "message": f"{count} open items have it", "hint": "move them first"}
            )
    if kind is CALENDARS:
        async with editor.services.runtime.store.reading() as reading:
            agents = [a for a in (await reading.agents()).values() if a.working_hours == object_id]
        faults += [
            {"field": None, "message": f"agent '{a.id}' works by it", "hint": "change the working hours"}
            for a in agents[:20]
        ]
    if kind is QUEUES:
        groups = await editor.platform.control.access_groups(editor.tenant_id)
        faults += [
            {"field": None, "message": f"the access group '{g.id}' names it", "hint": "change the group"}
            for g in groups
            if object_id in g.queues
        ]
    if kind is ATTRIBUTES and (await live_document(editor.services.runtime))[0] is not None:
        used = (await editor.services.runtime.rules()).attributes_used
        name = f"data.{object_id}"
        if any(u == name or u.startswith(f"{name}.") for u in used):
            faults.append({"field": None, "message": f"rules use {name}", "hint": "change the rules first"})
    if faults:
        raise in_use(kind.noun, object_id, faults)


async def open_items(editor: Editor, attribute: str, value: str) -> int:
    """How many open items have this value (at most 10,000 are counted)."""
    conditions = [
        {"attribute": attribute, "operator": "eq", "value": value},
        {"attribute": "status", "operator": "in", "value": sorted(s.value for s in OPEN)},
    ]
    query = SearchQuery(
        filter={"all": conditions}, sort=["receivedDateTime"], limit=1, now=editor.services.runtime.now()
    )
    async with editor.services.runtime.store.reading() as reading:
        return (await reading.search(query)).count
