"""Skills, groups and hold reasons: small objects that are live at once."""

from __future__ import annotations

from typing import Any, Final

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


class Use(Struct):
    """One place that refers to an object."""

    message: str
    hint: str | None
    field: str | None
    """Where in the live rule set."""


class Uses(Struct):
    uses: list[Use]


def _handlers(path: str, kind: LiveKind) -> list[Any]:
    name = "".join(part.capitalize() for part in kind.noun.split())
    part = kind.noun.split()[0] + "".join(p.capitalize() for p in kind.noun.split()[1:]) + "s"
    shape = msgspec.defstruct(
        f"{name}View",
        [(f.encode_name, f.type, f.default) for f in msgspec.structs.fields(kind.type)]
        + [("revision", int, 0)],
        kw_only=True,
        module=__name__,
    )
    listing = msgspec.defstruct(f"{name}List", [(part, list[shape])], module=__name__)  # type: ignore[valid-type]
    fields = {f.encode_name for f in msgspec.structs.fields(kind.type)}

    async def list_objects(editor: CurrentEditor) -> Any:
        found = await live_object.objects(editor, kind)
        return listing([with_revision(o.value, o.revision) for o in found])

    async def get_object(editor: CurrentEditor, object_id: FromPath[str]) -> Response[Any]:
        found = await live_object.get(editor, kind, object_id)
        return Response(with_revision(found.value, found.revision), headers=etag(found.revision))

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

    async def uses_of(editor: CurrentEditor, object_id: FromPath[str]) -> Uses:
        return Uses(
            [
                Use(u["message"], u["hint"], u["field"])
                for u in await live_object.uses(editor, kind, object_id)
            ]
        )

    answered_as = Response[shape]  # type: ignore[valid-type]
    reading = described(list_objects, f"list_{name}", f"All {kind.noun}s.", listing)
    one_of = described(get_object, f"get_{name}", f"One {kind.noun}.", answered_as)
    putting = described(
        put_object,
        f"put_{name}",
        f"Creates or replaces a {kind.noun}; live at once. With `If-Match`, only that revision (else 412).",
        answered_as,
    )
    deleting = described(
        delete_object, f"delete_{name}", f"Removes a {kind.noun}; 409 `inUse` while anything refers to it."
    )
    using = described(
        uses_of,
        f"uses_of_{name}",
        f"What refers to a {kind.noun} (at most 50): while anything does, it stays.",
    )
    one = f"{path}/{{object_id:str}}"
    tags = ["configuration"]
    return [
        get(path, tags=tags, operation_id=f"list{name}s")(reading),
        get(one, tags=tags, operation_id=f"get{name}")(one_of),
        get(f"{one}/uses", tags=tags, operation_id=f"usesOf{name}")(using),
        put(one, tags=tags, operation_id=f"put{name}")(putting),
        delete(one, tags=tags, operation_id=f"delete{name}", status_code=204)(deleting),
    ]


HANDLERS: Final[list[Any]] = [h for path, kind in PATHS.items() for h in _handlers(path, kind)]
