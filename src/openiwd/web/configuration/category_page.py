"""Categories: the tree, moving its nodes, and the editor of one."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.category import CategoryConfig
from openiwd.domain.errors import InvalidInputError, OpenIwdError
from openiwd.usecases import category
from openiwd.usecases.category import CategoryView
from openiwd.usecases.rule_set_edit import Edited, How
from openiwd.web.configuration import category_view as view
from openiwd.web.configuration.drafting import CHANGE, Drafting, drafting, drafting_to_save, editor_of
from openiwd.web.configuration.navigation import show
from openiwd.web.configuration.rule_text import criteria_text
from openiwd.web.configuration.saving import Conflict, Plain, Sent, canonical, form_state, read_sent, save
from openiwd.web.configuration.vocabulary_view import vocabulary
from openiwd.web.shell.form import Form, with_errors
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.visit import CurrentVisit, Visit

SECTION: Final = "categories"


async def _page(
    visit: Visit,
    at: Drafting,
    current: CategoryView | None,
    body: Plain | None = None,
    *,
    parent: str | None = None,
    sent: Sent | None = None,
    error: OpenIwdError | None = None,
    conflict: Conflict | None = None,
) -> Response[str]:
    """The tree with one category beside it: an existing one, a new one (`body` alone), or none."""
    views = {v.id: v for v in category.views(at.document)}
    above = views.get((current.parent if current is not None else parent) or "")
    stored = view.plain_category(current) if current is not None else None
    values = body if body is not None else stored
    context: dict[str, Any] = {"form": None, "values": None}
    if values is not None:
        fields = view.fields_of(values, at.document, above, visit.t, new=current is None)
        if error is not None:
            fields = {f.name: f for f in with_errors(list(fields.values()), error)}
        context = {
            "form": fields,
            "values": values,
            "words": criteria_text(values.get("when"), visit.t),
            "vocabulary": await vocabulary(visit, at.document),
        }
    return show(
        visit,
        "configuration/categories.html",
        SECTION,
        at,
        tree=view.tree_of(at, current.id if current is not None else None),
        moves=at.address(view.PATH) if at.editable else "",
        flat=False,
        category=current,
        above=above,
        parent=parent,
        action=at.address(view.category_path(current.id) if current is not None else view.PATH),
        **form_state(visit, at, stored, sent, error, conflict),
        **context,
    )


def _found(at: Drafting, category_id: str) -> CategoryView:
    return category.find(category.views(at.document), category_id)


def _present(at: Drafting, category_id: str) -> CategoryView | None:
    """The category; None when somebody has removed it, so that it can be added again."""
    return next((c for c in category.views(at.document) if c.id == category_id), None)


@get(["/configuration", view.PATH])
async def categories_page(visit: CurrentVisit) -> Response[Any]:
    """The category tree."""
    visit.caller.require("categories.view")
    return await _page(visit, await drafting(visit), None)


@get(f"{view.PATH}/new")
async def new_category(visit: CurrentVisit) -> Response[Any]:
    """An empty form for a category below `parent`, or for a department."""
    visit.caller.require(CHANGE)
    at = await drafting(visit)
    return await _page(visit, at, None, {}, parent=visit.request.query_params.get("parent"))


@get(f"{view.PATH}/{{category_id:str}}")
async def category_page(visit: CurrentVisit, category_id: FromPath[str]) -> Response[Any]:
    """One category in the tree."""
    visit.caller.require("categories.view")
    at = await drafting(visit)
    return await _page(visit, at, _found(at, category_id))


@post(view.PATH, status_code=200)
async def create_category(visit: CurrentVisit) -> Response[Any]:
    """Adds a category as the last one below its parent."""
    visit.caller.require(CHANGE)
    at, gone = await drafting_to_save(visit)
    form = dict(await visit.request.form())
    parent = str(form.get("parent") or "") or None
    body = canonical(CategoryConfig, view.body_of(form, None))
    taken = {v.id for v in category.views(at.document)}
    chosen = str(form.get("id") or "").strip()
    new = chosen or view.fresh_id(str(body.get("name") or ""), taken)
    try:
        if gone is not None:
            raise gone
        if chosen in taken:
            raise InvalidInputError(
                visit.t("category.taken", id=chosen), field="id", hint="choose another one"
            )
        await category.put(editor_of(visit), new, {**body, "parent": parent}, at.how())
    except OpenIwdError as error:
        sent = read_sent(form, body)
        return await _page(visit, at, None, {**body, "id": chosen}, parent=parent, sent=sent, error=error)
    return redirect(_saved(at, new))


def _saved(at: Drafting, category_id: str) -> str:
    return at.address(f"{view.category_path(category_id)}?saved=1")


@post(f"{view.PATH}/{{category_id:str}}", status_code=200)
async def save_category(visit: CurrentVisit, category_id: FromPath[str]) -> Response[Any]:
    """Saves a category to the draft; what stands against it is said beside what was typed."""
    visit.caller.require(CHANGE)
    at, gone = await drafting_to_save(visit)
    form = dict(await visit.request.form())
    body = _body(form)
    sent = read_sent(form, body)
    if gone is not None:
        return await _page(visit, at, _present(at, category_id), body, error=gone)

    async def read() -> Plain | None:
        _, all_ = await category.all_categories(editor_of(visit), at.id)
        found = next((c for c in all_ if c.id == category_id), None)
        return None if found is None else view.plain_category(found)

    async def write(how: How) -> Edited:
        return await category.put(editor_of(visit), category_id, {**body, "id": category_id}, how)

    try:
        done = await save(visit, at, sent, read, write)
    except OpenIwdError as error:
        return await _page(visit, at, _present(at, category_id), body, sent=sent, error=error)
    if isinstance(done, Conflict):
        at = await drafting(visit)
        return await _page(visit, at, _present(at, category_id), done.merged, sent=sent, conflict=done)
    return redirect(_saved(at, category_id))


def _body(form: dict[str, Any]) -> Plain:
    before = read_sent(form, {}).before
    return canonical(
        CategoryConfig, {**view.body_of(form, before), **({"id": before["id"]} if before else {})}
    )


@post(f"{view.PATH}/{{category_id:str}}/move", status_code=200)
async def move_category(visit: CurrentVisit, category_id: FromPath[str]) -> Response[Any]:
    """Puts a category before, after or into another one; answers with the tree as it is then."""
    at = await drafting(visit)
    form = dict(await visit.request.form())
    node = _found(at, category_id)
    parent, position = _target(at, node, str(form.get("where") or ""), str(form.get("target") or ""))
    body = {**view.plain_category(node), "parent": parent, "position": position}
    await category.put(editor_of(visit), category_id, body, at.how())
    after = await drafting(visit)
    moved = _found(after, category_id)
    place = visit.t("category.moved", name=moved.name, n=moved.position + 1, path=_above(visit, after, moved))
    return visit.page(
        "configuration/tree.html",
        headers=visit.toast(place),
        tree=view.tree_of(after, str(form.get("current") or "") or None),
        moves=after.address(view.PATH),
        flat=False,
        drafting=after,
        here=str(form.get("here") or view.PATH),
        oob=True,
    )


def _above(visit: Visit, at: Drafting, node: CategoryView) -> str:
    return _found(at, node.parent).name if node.parent is not None else visit.t("category.top")


def _target(at: Drafting, node: CategoryView, where: str, target: str) -> tuple[str | None, int]:
    """The parent and the place that a drag or a key means; positions count without the node itself."""
    views = {v.id: v for v in category.views(at.document)}
    other = views.get(target)
    if other is None or other.id == node.id:
        raise InvalidInputError("this is no place for it", field="target", hint="drop it on another category")
    if where == "into":
        return other.id, len(other.children)
    place = other.position + (1 if where == "after" else 0)
    if other.parent == node.parent and node.position < other.position:
        place -= 1
    return other.parent, place


@get(f"{view.PATH}/{{category_id:str}}/archive")
async def archive_dialog(visit: CurrentVisit, category_id: FromPath[str]) -> Response[Any]:
    """What archiving touches."""
    visit.caller.require(CHANGE)
    at = await drafting(visit)
    node = _found(at, category_id)
    below = sum(1 for v in category.views(at.document) if v.path.startswith(f"{node.path}/"))
    form = Form(
        action=at.address(f"{view.category_path(category_id)}/archive"),
        title=visit.t("category.archive_title", name=node.name),
        text=visit.t("category.archive_text", n=below),
        fields=[],
        submit=visit.t("category.archive_do"),
        note=visit.t("category.archive_note"),
        danger=True,
    )
    return visit.page("components/dialog.html", form=form, error=None)


@post(f"{view.PATH}/{{category_id:str}}/archive", status_code=200)
async def archive(visit: CurrentVisit, category_id: FromPath[str]) -> Response[Any]:
    """Takes a category out of use in the draft."""
    at = await drafting(visit)
    await category.archive(editor_of(visit), category_id, at.how())
    return redirect(_saved(at, category_id), htmx=True)


@post(f"{view.PATH}/{{category_id:str}}/restore", status_code=200)
async def restore(visit: CurrentVisit, category_id: FromPath[str]) -> Response[Any]:
    """Brings an archived category back into use in the draft."""
    at = await drafting(visit)
    body = view.plain_category(_found(at, category_id))
    body.pop("archived", None)
    await category.put(editor_of(visit), category_id, body, at.how())
    return redirect(_saved(at, category_id))


PAGES: Final[list[Any]] = [
    categories_page,
    new_category,
    category_page,
    create_category,
    save_category,
    move_category,
    archive_dialog,
    archive,
    restore,
]
