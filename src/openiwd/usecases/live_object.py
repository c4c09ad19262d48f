"""Small live objects: skills, groups, hold reasons. Live at once; what is in use stays."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from openiwd.domain.errors import InvalidInputError, NotFoundError
from openiwd.domain.hold_reason import DEFAULT_HOLD_REASONS, HoldReason
from openiwd.domain.requirement import ID
from openiwd.domain.rule_set_reference import Referred, references
from openiwd.ports.tenant_store import Reading, Writing
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set_draft import live_document
from openiwd.usecases.rule_set_object import in_use, open_items

ObjectName = Annotated[str, Meta(min_length=1, max_length=200)]
ObjectId = Annotated[str, Meta(min_length=1, max_length=64)]


class NamedObject(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A skill or a group."""

    id: ObjectId
    name: ObjectName
    description: Annotated[str, Meta(max_length=2_000)] = ""


class LiveKind(Struct, frozen=True, kw_only=True):
    """A kind of small live object."""

    stored: str
    """What the store calls it."""
    noun: str
    type: type[Any]
    view: str | None
    """The privilege to read; None: everybody of the tenant."""
    update: str


SKILLS: Final = LiveKind(
    stored="skill", noun="skill", type=NamedObject, view="agents.view", update="agents.update"
)
GROUPS: Final = LiveKind(
    stored="agent_group", noun="group", type=NamedObject, view="agents.view", update="agents.update"
)
HOLD_REASONS: Final = LiveKind(
    stored="hold_reason", noun="hold reason", type=HoldReason, view=None, update="queues.update"
)
KINDS: Final = (SKILLS, GROUPS, HOLD_REASONS)


class Stored(Struct):
    """An object with its revision."""

    value: Any
    revision: int


async def objects(editor: Editor, kind: LiveKind) -> list[Stored]:
    """All objects of a kind. The product's own hold reasons are there, at revision 0, until they are replaced."""
    if kind.view is not None:
        editor.caller.require(kind.view)
    async with editor.services.runtime.store.reading() as reading:
        return await _read(reading, kind)


async def _read(reading: Reading, kind: LiveKind) -> list[Stored]:
    found = [_stored(kind, raw) for raw in await reading.objects(kind.stored)]
    if kind is HOLD_REASONS:
        own = {o.value.id for o in found}
        return [*(Stored(r, 0) for r in DEFAULT_HOLD_REASONS if r.id not in own), *found]
    return found


def _stored(kind: LiveKind, raw: dict[str, Any]) -> Stored:
    values = {k: v for k, v in raw.items() if k != "revision"}
    return Stored(msgspec.convert(values, kind.type), raw["revision"])


async def get(editor: Editor, kind: LiveKind, object_id: str) -> Stored:
    found = next((o for o in await objects(editor, kind) if o.value.id == object_id), None)
    if found is None:
        raise _missing(kind, object_id)
    return found


def _missing(kind: LiveKind, object_id: str) -> NotFoundError:
    return NotFoundError(f"there is no {kind.noun} '{object_id[:80]}'", field="id", hint="see the list")


async def put(
    editor: Editor,
    kind: LiveKind,
    value: Any,
    revision: int | None,
    *,
    also: Callable[[Writing, Any], Awaitable[None]] | None = None,
) -> tuple[Stored, bool]:
    """Creates or replaces an object; whether it is new. With `revision`, only if it still has that.

    `also` goes into the same transaction before, told the value that is replaced.
    """
    editor.caller.require(kind.update)
    check_id(value.id)
    async with editor.services.runtime.store.writing() as tx:
        found = await _read(tx, kind)
        before = next((o for o in found if o.value.id == value.id), None)
        if before is not None and before.value == value and revision in (None, before.revision):
            return before, False
        if also is not None:
            await also(tx, before.value if before is not None else None)
        stored = await tx.save_object(
            kind.stored, msgspec.to_builtins(value), revision=None if revision == 0 else revision
        )
        change = "created" if before is None else "updated"
        await editor.tell(tx, kind.stored, value.id, change, stored)
    editor.committed()
    await editor.note(change, kind.noun, value.id, before.value if before else None, value)
    return Stored(value, stored), before is None


def check_id(object_id: str, field: str = "id") -> None:
    """Ids are what rules can name."""
    if ID.fullmatch(object_id) is None:
        raise InvalidInputError(
            f"'{object_id[:80]}' is not an id",
            field=field,
            hint="use up to 64 letters, digits, _ . ( ) - and inner spaces",
        )


async def delete(editor: Editor, kind: LiveKind, object_id: str) -> None:
    """Removes an object; ConflictError `inUse` naming what refers to it, if anything does."""
    editor.caller.require(kind.update)
    before = next((o for o in await _all(editor, kind) if o.value.id == object_id), None)
    if before is None:
        raise _missing(kind, object_id)
    faults = await _uses(editor, kind, object_id)
    if faults:
        raise in_use(kind.noun, object_id, faults)
    async with editor.services.runtime.store.writing() as tx:
        if not await tx.delete_object(kind.stored, object_id):
            raise _missing(kind, object_id)
        await editor.tell(tx, kind.stored, object_id, "deleted")
    editor.committed()
    await editor.note("deleted", kind.noun, object_id, before.value)


async def uses(editor: Editor, kind: LiveKind, object_id: str) -> list[dict[str, Any]]:
    """What refers to an object, in words (at most 50): while there is anything it cannot be removed."""
    await get(editor, kind, object_id)
    return await _uses(editor, kind, object_id)


class Usage(Struct):
    """How often an object is referred to."""

    agents: int = 0
    rules: int = 0
    """Places of the live rule set."""

    @property
    def total(self) -> int:
        return self.agents + self.rules


async def usage(editor: Editor, kind: LiveKind) -> dict[str, Usage]:
    """By id, how many agents have an object and how many places of the live rule set name it."""
    if kind.view is not None:
        editor.caller.require(kind.view)
    found: dict[str, Usage] = {}
    if kind in (SKILLS, GROUPS):
        async with editor.services.runtime.store.reading() as reading:
            agents = await reading.agents()
        for agent in agents.values():
            for name in agent.groups if kind is GROUPS else [s.skill for s in agent.skills]:
                found.setdefault(name, Usage()).agents += 1
    _, document = await live_document(editor.services.runtime)
    for reference in references(document):
        if reference.kind is _REFERRED.get(kind.stored):
            found.setdefault(reference.name, Usage()).rules += 1
    return found


async def _all(editor: Editor, kind: LiveKind) -> list[Stored]:
    async with editor.services.runtime.store.reading() as reading:
        return await _read(reading, kind)


_REFERRED: Final = {
    "skill": Referred.SKILL,
    "agent_group": Referred.GROUP,
    "hold_reason": Referred.HOLD_REASON,
}


async def _uses(editor: Editor, kind: LiveKind, object_id: str) -> list[dict[str, Any]]:
    """What refers to the object: the live rule set, agents, open items."""
    faults: list[dict[str, Any]] = []
    if kind.stored in _REFERRED:
        faults += await rule_set_uses(editor, _REFERRED[kind.stored], object_id)
    if kind in (SKILLS, GROUPS):
        async with editor.services.runtime.store.reading() as reading:
            for agent in (await reading.agents()).values():
                own = agent.groups if kind is GROUPS else [s.skill for s in agent.skills]
                if object_id in own:
                    faults.append(_fault(f"agent '{agent.id}' has it", "change the agent"))
    if kind is HOLD_REASONS:
        count = await open_items(editor, "holdReason", object_id)
        if count:
            faults.append(_fault(f"{count} items are held for it", "set it inactive instead"))
        if any(o.revision == 0 and o.value.id == object_id for o in await _all(editor, kind)):
            faults.append(_fault("it is one of the product's own", "set it inactive instead"))
    return faults[:50]


def _fault(message: str, hint: str) -> dict[str, Any]:
    return {"field": None, "message": message, "hint": hint}


async def rule_set_uses(editor: Editor, kind: Referred, name: str) -> list[dict[str, Any]]:
    """Where the live rule set names a live object."""
    _, document = await live_document(editor.services.runtime)
    return [
        {"field": r.path, "message": f"the live rule set names it at {r.path}", "hint": "change the rule set"}
        for r in references(document)
        if r.kind is kind and r.name == name
    ]
