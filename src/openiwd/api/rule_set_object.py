"""The rule set's objects one by one. Each change publishes a new version; the entity tag is the live version."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from litestar import Response, delete, get, put
from litestar.params import FromPath, JSONBody, QueryParameter

from openiwd.api.call import CurrentCall
from openiwd.api.editing import Comment, CurrentEditor, InDraft, Reclassify, described, etag, how
from openiwd.usecases import rule_set_object
from openiwd.usecases.rule_set_object import KINDS, DraftedKind, find, listed

Position = Annotated[
    int | None,
    QueryParameter(name="position", ge=0, description="Where in the list, from 0; a new one comes last."),
]
_TAGS: Final = ["configuration"]


def path_of(kind: DraftedKind) -> str:
    """`decisionTables` is served at /decision-tables."""
    return "/" + "".join(f"-{c.lower()}" if c.isupper() else c for c in kind.part)


def _name_of(kind: DraftedKind) -> str:
    return "".join(part.capitalize() for part in kind.noun.split())


def _reading(kind: DraftedKind) -> list[Any]:
    path, name = path_of(kind), _name_of(kind)
    listing = msgspec.defstruct(
        f"{name}List",
        [("version", int | None), (kind.part, list[kind.type])],  # type: ignore[name-defined]
        module=__name__,
    )

    async def list_objects(editor: CurrentEditor, draft: InDraft = None) -> Response[Any]:
        version, found = await rule_set_object.objects(editor, kind, draft)
        return Response(listing(version, found), headers=etag(version))

    async def get_object(
        editor: CurrentEditor, object_id: FromPath[str], draft: InDraft = None
    ) -> Response[Any]:
        version, found = await rule_set_object.get(editor, kind, object_id, draft)
        return Response(found, headers=etag(version))

    all_of = described(
        list_objects,
        f"list_{name}",
        f"All of the live rule set's {kind.part}, in order.",
        Response[listing],  # type: ignore[valid-type]
    )
    one_of = described(
        get_object,
        f"get_{name}",
        f"One {kind.noun} of the live rule set.",
        Response[kind.type],  # type: ignore[name-defined]
    )
    listed_name = f"list{kind.part[0].upper()}{kind.part[1:]}"
    return [
        get(path, tags=_TAGS, operation_id=listed_name)(all_of),
        get(f"{path}/{{object_id:str}}", tags=_TAGS, operation_id=f"get{name}")(one_of),
    ]


def _writing(kind: DraftedKind) -> list[Any]:
    name, one = _name_of(kind), f"{path_of(kind)}/{{object_id:str}}"
    noun = f"{'an' if kind.noun[0] in 'aeiou' else 'a'} {kind.noun}"

    async def put_object(
        call: CurrentCall,
        editor: CurrentEditor,
        object_id: FromPath[str],
        data: JSONBody[dict[str, Any]],
        position: Position = None,
        comment: Comment = None,
        reclassify: Reclassify = "changed",
        draft: InDraft = None,
    ) -> Response[Any]:
        done = await rule_set_object.put(
            editor, kind, object_id, data, how(call, comment, reclassify, draft), position
        )
        found = find(kind, listed(done.document, kind), object_id)
        return Response(found, status_code=201 if done.created else 200, headers=etag(done.version))

    async def delete_object(
        call: CurrentCall,
        editor: CurrentEditor,
        object_id: FromPath[str],
        comment: Comment = None,
        reclassify: Reclassify = "changed",
        draft: InDraft = None,
    ) -> Response[None]:
        done = await rule_set_object.delete(editor, kind, object_id, how(call, comment, reclassify, draft))
        return Response(None, headers=etag(done.version))

    putting = described(
        put_object,
        f"put_{name}",
        f"Creates or replaces {noun}; the whole rule set is checked and published as a new version.",
        Response[kind.type],  # type: ignore[name-defined]
    )
    deleting = described(
        delete_object, f"delete_{name}", f"Removes {noun}; 409 `inUse` while anything refers to it."
    )
    return [
        put(one, tags=_TAGS, operation_id=f"put{name}")(putting),
        delete(one, tags=_TAGS, operation_id=f"delete{name}", status_code=204)(deleting),
    ]


HANDLERS: Final[list[Any]] = [handler for kind in KINDS for handler in (*_reading(kind), *_writing(kind))]
