"""The category tree node by node: reading, changing, moving, archiving. Nodes are archived, never destroyed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from openiwd.domain.category import CategoryConfig
from openiwd.domain.criteria import CriteriaConfig
from openiwd.domain.errors import InvalidInputError, NotFoundError, RuleSetError
from openiwd.domain.requirement import RelaxationStep, RequirementConfig
from openiwd.domain.rule import RuleConfig
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.rule_set_diff import category_nodes
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set_draft import Edit, document_of
from openiwd.usecases.rule_set_edit import Edited, How, edit
from openiwd.usecases.rule_set_object import body_named, in_use

READ_ONLY: Final = frozenset({"path", "level", "children", "effectiveSchema", "effectiveQueue"})
"""Parts of the answer that may be sent back and are not read."""
_PLACE: Final = frozenset({"parent", "position"})


class CategoryView(Struct, kw_only=True, rename="camel"):
    """A category with its place in the tree. May be sent back as it is: what is computed is not read."""

    id: str
    name: str
    parent: str | None
    position: int
    """Among its siblings, from 0; they are tried in this order."""
    path: str
    level: int
    when: CriteriaConfig | None
    schema: str | None
    """None: the parent's."""
    queue: str | None
    effective_schema: str | None
    effective_queue: str | None
    active_from: str | None
    active_to: str | None
    archived: bool
    description: str
    contact: str
    requirement: RequirementConfig | None
    relaxation: list[RelaxationStep]
    attached_data: dict[str, Any]
    target_handle_time: str | int | None
    dispositions: list[str]
    disposition_required: bool
    rules: list[RuleConfig]
    children: list[str]


def views(document: RuleSetDocument) -> list[CategoryView]:
    """All categories in tree order, a category before its children."""
    found: dict[str, CategoryView] = {}
    for node, parent_id, path, position in category_nodes(document.categories):
        parent = found.get(parent_id) if parent_id is not None else None
        own = {f: getattr(node, f) for f in CategoryConfig.__struct_fields__ if f != "children"}
        found[node.id] = CategoryView(
            **own,
            parent=parent_id,
            position=position,
            path=path,
            level=path.count("/") + 1,
            effective_schema=node.schema or (parent.effective_schema if parent else None),
            effective_queue=node.queue or (parent.effective_queue if parent else None),
            children=[c.id for c in node.children],
        )
    return list(found.values())


async def all_categories(editor: Editor, draft: UUID | None = None) -> tuple[int | None, list[CategoryView]]:
    """The live version (or the draft's revision) and its categories in tree order."""
    editor.caller.require("categories.view")
    version, document = await document_of(editor, draft)
    return version, views(document)


async def get(editor: Editor, category_id: str, draft: UUID | None = None) -> tuple[int | None, CategoryView]:
    version, found = await all_categories(editor, draft)
    return version, find(found, category_id)


def find(found: list[CategoryView], category_id: str) -> CategoryView:
    """The category of this id; NotFoundError otherwise."""
    category = next((c for c in found if c.id == category_id), None)
    if category is None:
        raise _missing(category_id)
    return category


def _missing(category_id: str, field: str = "id") -> NotFoundError:
    return NotFoundError(
        f"there is no category '{category_id[:80]}'", field=field, hint="see the list of categories"
    )


async def put(editor: Editor, category_id: str, body: Mapping[str, Any], how: How) -> Edited:
    """Creates or replaces a category's own values, and moves it where `parent` or `position` say so.

    Children stay below it. Without `parent` a new category becomes a department and an existing one stays in place.
    """
    editor.caller.require("categories.update")
    sent = body_named(body, "id", category_id)
    parent, position = _placed(sent)
    value = {k: v for k, v in sent.items() if k not in READ_ONLY | _PLACE and v is not None}

    def change(raw: dict[str, Any]) -> Edit:
        return _put(raw.setdefault("categories", []), category_id, value, parent, position)

    return await edit(editor, how, change)


def _placed(sent: Mapping[str, Any]) -> tuple[Any, int | None]:
    parent, position = sent.get("parent", msgspec.UNSET), sent.get("position")
    if not isinstance(parent, str | None | msgspec.UnsetType):
        raise InvalidInputError("parent is the id of a category, or null", field="parent", hint="send an id")
    if position is not None and (type(position) is not int or position < 0):
        raise InvalidInputError("position is a number from 0", field="position", hint="0 is tried first")
    return parent, position


def _put(
    tree: list[dict[str, Any]], category_id: str, value: dict[str, Any], parent: Any, position: int | None
) -> Edit:
    siblings, place = _locate(tree, category_id)
    before = siblings[place] if siblings is not None else None
    children = before.get("children", []) if before is not None else []
    node = {**value, "children": children} if children else value
    if siblings is not None:
        siblings.pop(place)
    if parent is msgspec.UNSET:
        target = siblings if siblings is not None else tree
    else:
        target = tree if parent is None else _children_of(tree, parent, category_id, children)
    if position is None:
        position = place if target is siblings else len(target)
    position = min(position, len(target))
    target.insert(position, node)
    return Edit(
        kind="category",
        id=category_id,
        path=_path(tree, category_id),
        before=_own(before),
        after={**value, "parent": None if parent is msgspec.UNSET else parent, "position": position},
    )


def _own(node: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if node is None else {k: v for k, v in node.items() if k != "children"}


def _locate(tree: list[dict[str, Any]], category_id: str) -> tuple[list[dict[str, Any]] | None, int]:
    """The list that holds the category, and its place there."""
    stack = [tree]
    while stack:
        siblings = stack.pop()
        for place, node in enumerate(siblings):
            if node["id"] == category_id:
                return siblings, place
            stack.append(node.get("children", []))
    return None, 0


def _children_of(
    tree: list[dict[str, Any]], parent: str, category_id: str, own: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    if parent == category_id or _locate(own, parent)[0] is not None:
        raise InvalidInputError(
            f"'{parent[:80]}' lies below this category", field="parent", hint="move the other one first"
        )
    siblings, place = _locate(tree, parent)
    if siblings is None:
        raise InvalidInputError(
            f"there is no category '{parent[:80]}'", field="parent", hint="see the list of categories"
        )
    children: list[dict[str, Any]] = siblings[place].setdefault("children", [])
    return children


def _path(tree: list[dict[str, Any]], category_id: str, at: str = "categories") -> str:
    """Where the category stands in the document."""
    for i, node in enumerate(tree):
        here = f"{at}[{i}]"
        if node["id"] == category_id:
            return here
        below = _path(node.get("children", []), category_id, f"{here}.children")
        if below:
            return below
    return ""


async def archive(editor: Editor, category_id: str, how: How) -> Edited:
    """Takes a category and all below it out of use; refused while it is the default category."""
    editor.caller.require("categories.update")

    def change(raw: dict[str, Any]) -> Edit:
        siblings, place = _locate(raw.get("categories", []), category_id)
        if siblings is None:
            raise _missing(category_id)
        before = dict(siblings[place])
        siblings[place]["archived"] = True
        return Edit(
            kind="category", id=category_id, path="", before=_own(before), after=_own(siblings[place])
        )

    try:
        return await edit(editor, how, change)
    except RuleSetError as error:
        faults = error.details.get("errors") or [
            {"field": error.field, "message": error.message, "hint": error.hint}
        ]
        raise in_use("category", category_id, faults) from error
