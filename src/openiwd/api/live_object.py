"""Skills, groups and hold reasons: small objects that are live at once."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
from litestar import Response, delete, get, put
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.api.decoding import decode
from openiwd.api.editing import CurrentEditor, described, etag, with_revision
from openiwd.usecases import live_object
from openiwd.usecases.live_object import GROUPS, HOLD_REASONS, SKILLS, LiveKind
from openiwd.usecases.rule_set_object import body_named

PATHS: Final[dict[str, LiveKind]] = {
    "/skills": SKILLS,
    "/groups": GROUPS,
    "/hold-reasons": HOLD_REASONS,
}
_TAGS: Final = ["configuration"]


class Use(Struct):
    """One place that refers to an object."""

    message: str
    hint: str | None
    field: str | None
    """Where in the live rule set."""


class Uses(Struct):
    uses: list[Use]


class _Words(NamedTuple):
    """What routes of a kind are called, and what they answer."""

    kind: LiveKind
    noun: str
    name: str
    """The noun as names of types and operations have it."""
    shape: Any
    listing: Any


def _words(kind: LiveKind) -> _Words:
    parts = kind.noun.split()
    name = "".join(part.capitalize() for part in parts)
    part = parts[0] + "".join(p.capitalize() for p in parts[1:]) + "s"
    shape = msgspec.defstruct(
        f"{name}View",
        [(f.encode_name, f.type, f.default) for f in msgspec.structs.fields(kind.type)]
        + [("revision", int, 0)],
        kw_only=True,
        module=__name__,
    )
    listing = msgspec.defstruct(f"{name}List", [(part, list[shape])], module=__name__)  # type: ignore[valid-type]
    return _Words(kind, kind.noun, name, shape, listing)


def _reading(path: str, words: _Words) -> list[Any]:
    kind, noun, name, listing = words.kind, words.noun, words.name, words.listing

    async def list_objects(editor: CurrentEditor) -> Any:
        found = await live_object.objects(editor, kind)
        return listing([with_revision(o.value, o.revision) for o in found])

    async def get_object(editor: CurrentEditor, object_id: FromPath[str]) -> Response[Any]:
        found = await live_object.get(editor, kind, object_id)
        return Response(with_revision(found.value, found.revision), headers=etag(found.revision))

    async def uses_of(editor: CurrentEditor, object_id: FromPath[str]) -> Uses:
        return Uses(
            [
                Use(u["message"], u["hint"], u["field"])
                for u in await live_object.uses(editor, kind, object_id)
            ]
        )

    all_of = described(list_objects, f"list_{name}", f"All {noun}s.", listing)
    one_of = described(get_object, f"get_{name}", f"One {noun}.", Response[words.shape])  # type: ignore[name-defined]
    using = described(
        uses_of,
        f"uses_of_{name}",
        f"What refers to a {noun} (at most 50): while anything does, it stays.",
    )
    one = f"{path}/{{object_id:str}}"
    return [
        get(path, tags=_TAGS, operation_id=f"list{name}s")(all_of),
        get(one, tags=_TAGS, operation_id=f"get{name}")(one_of),
        get(f"{one}/uses", tags=_TAGS, operation_id=f"usesOf{name}")(using),
    ]


def _writing(path: str, words: _Words) -> list[Any]:
    kind, noun, name = words.kind, words.noun, words.name
    fields = {f.encode_name for f in msgspec.structs.fields(kind.type)}

    async def put_object(
        call: CurrentCall, editor: CurrentEditor, object_id: FromPath[str], data: JSONBody[dict[str, Any]]
    ) -> Response[Any]:
        sent = {k: v for k, v in body_named(data, "id", object_id).items() if k != "revision" or k in fields}
        value = decode(msgspec.json.encode(sent), kind.type)
        stored, created = await live_object.put(editor, kind, value, call.if_match)
        return Response(
            with_revision(stored.value, stored.revision),
            status_code=201 if created else 200,
            headers=etag(stored.revision),
        )

    async def delete_object(editor: CurrentEditor, object_id: FromPath[str]) -> None:
        await live_object.delete(editor, kind, object_id)

    putting = described(
        put_object,
        f"put_{name}",
        f"Creates or replaces a {noun}; live at once. With `If-Match`, only that revision (else 412).",
        Response[words.shape],  # type: ignore[name-defined]
    )
    deleting = described(
        delete_object, f"delete_{name}", f"Removes a {noun}; 409 `inUse` while anything refers to it."
    )
    one = f"{path}/{{object_id:str}}"
    return [
        put(one, tags=_TAGS, operation_id=f"put{name}")(putting),
        delete(one, tags=_TAGS, operation_id=f"delete{name}", status_code=204)(deleting),
    ]


def _handlers(path: str, kind: LiveKind) -> list[Any]:
    words = _words(kind)
    return [*_reading(path, words), *_writing(path, words)]


HANDLERS: Final[list[Any]] = [h for path, kind in PATHS.items() for h in _handlers(path, kind)]
