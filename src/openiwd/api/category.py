"""Categories one by one, live or in a draft. A live change publishes a new version; the entity tag is that version."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, delete, get, put
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.api.editing import Comment, CurrentEditor, InDraft, Reclassify, etag, how
from openiwd.usecases import category
from openiwd.usecases.category import CategoryView


class Categories(Struct):
    """The tree as a list: a category before its children."""

    version: int | None
    categories: list[CategoryView]


@get("/categories", tags=["configuration"], operation_id="listCategories")
async def list_categories(editor: CurrentEditor, draft: InDraft = None) -> Response[Categories]:
    """All categories in tree order, archived ones too."""
    version, found = await category.all_categories(editor, draft)
    return Response(Categories(version, found), headers=etag(version))


@get("/categories/{category_id:str}", tags=["configuration"], operation_id="getCategory")
async def get_category(
    editor: CurrentEditor, category_id: FromPath[str], draft: InDraft = None
) -> Response[CategoryView]:
    """One category with its place in the tree."""
    version, found = await category.get(editor, category_id, draft)
    return Response(found, headers=etag(version))


@put("/categories/{category_id:str}", tags=["configuration"], operation_id="putCategory")
async def put_category(
    call: CurrentCall,
    editor: CurrentEditor,
    category_id: FromPath[str],
    data: JSONBody[dict[str, Any]],
    comment: Comment = None,
    reclassify: Reclassify = "changed",
    draft: InDraft = None,
) -> Response[CategoryView]:
    """Creates or replaces a category, and moves it to `parent` (null = top) and `position`, where they are sent.

    Its children stay below it. The answer may be sent back with changes: computed fields are not read.
    """
    done = await category.put(editor, category_id, data, how(call, comment, reclassify, draft))
    found = category.find(category.views(done.document), category_id)
    return Response(found, status_code=201 if done.created else 200, headers=etag(done.version))


@delete(
    "/categories/{category_id:str}", tags=["configuration"], operation_id="archiveCategory", status_code=204
)
async def archive_category(
    call: CurrentCall,
    editor: CurrentEditor,
    category_id: FromPath[str],
    comment: Comment = None,
    reclassify: Reclassify = "changed",
    draft: InDraft = None,
) -> Response[None]:
    """Archives a category and all below it: nothing is put there any more, what lies there is kept."""
    done = await category.archive(editor, category_id, how(call, comment, reclassify, draft))
    return Response(None, headers=etag(done.version))


HANDLERS: Final[list[Any]] = [list_categories, get_category, put_category, archive_category]
