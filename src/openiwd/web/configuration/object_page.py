"""Schemas, queues and calendars as objects of a draft: saving one, adding, duplicating and deleting. No kind in itself.

Saving is refused only when somebody else has changed the same object since; other changes of the draft go together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import ConflictError, InvalidInputError, RevisionMismatchError, RuleSetError
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.rule_set_use import Use
from openiwd.usecases import rule_set_draft, rule_set_object
from openiwd.usecases.rule_set_object import DraftedKind, find, listed
from openiwd.web.configuration.drafting import Drafting, drafting, editor_of, names_of
from openiwd.web.configuration.object_form import faults_of, identity, slug
from openiwd.web.shell.form import Field, Form, with_errors
from openiwd.web.shell.rendering import HEADERS, redirect
from openiwd.web.shell.visit import CurrentVisit, Visit

TRIES: Final = 4
SHOWN_USES: Final = 6


class EditedKind(NamedTuple):
    """What is particular to a kind."""

    drafted: DraftedKind
    path: str
    """Of its list; an object's editor is below it."""
    texts: str
    """The table of its texts."""
    values: Callable[[Any], dict[str, str]]
    body: Callable[[str, Mapping[str, str], Any], dict[str, Any]]
    fresh: Callable[[RuleSetDocument], dict[str, Any]]
    """A new object, without id and name."""
    uses: Callable[[RuleSetDocument], dict[str, list[Use]]]

    def edit_path(self, object_id: str) -> str:
        return f"{self.path}/{object_id}"


def json_answer(content: Any, status: int = 200) -> Response[bytes]:
    """An answer for a script of ours."""
    return Response(
        msgspec.json.encode(content), status_code=status, media_type="application/json", headers=dict(HEADERS)
    )


async def form_values(visit: Visit) -> dict[str, str]:
    """The fields sent, as plain texts."""
    form = await visit.request.form()
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}


def editable(visit: Visit, at: Drafting, kind: EditedKind) -> bool:
    """Whether the visitor may change objects of this kind here."""
    return at.id is not None and at.editable and visit.caller.may(f"{kind.drafted.privilege}.update")


async def save(visit: Visit, kind: EditedKind, object_id: str) -> Response[bytes]:
    """Puts the object into the draft; what keeps it from that is told field by field."""
    visit.caller.require(f"{kind.drafted.privilege}.update")
    values = await form_values(visit)
    for _ in range(TRIES):
        at = await drafting(visit)
        at.how()
        before = find(kind.drafted, listed(at.document, kind.drafted), object_id)
        if values.get("_base") != identity(before):
            return await _conflict(visit, kind, at, before)
        try:
            body = kind.body(object_id, values, before)
            done = await rule_set_object.put(
                editor_of(visit), kind.drafted, object_id, body, at.how(at.revision)
            )
        except RevisionMismatchError:
            continue
        except (RuleSetError, InvalidInputError) as error:
            return json_answer({"errors": faults_of(error, visit.t)}, 422)
        after = find(kind.drafted, listed(done.document, kind.drafted), object_id)
        text = visit.t("editor.saved", name=at.name)
        return json_answer({"base": identity(after), "values": kind.values(after), "text": text})
    raise ConflictError("others change this draft all the time", hint="save again in a moment")


async def _conflict(visit: Visit, kind: EditedKind, at: Drafting, theirs: Any) -> Response[bytes]:
    who = ""
    if at.id is not None:
        draft = await rule_set_draft.get(editor_of(visit), at.id)
        others = [h for h in draft.changed_by if h != visit.caller.login]
        names = await names_of(visit)
        who = names.get(others[0], others[0]) if len(others) == 1 else ""
    return json_answer({"base": identity(theirs), "values": kind.values(theirs), "who": who}, 409)


# Adding and duplicating ---------------------------------------------------------------------------------------------


def _naming(visit: Visit, kind: EditedKind, at: Drafting, fields: Sequence[Field], like: str | None) -> Form:
    key = "add" if like is None else "duplicate"
    action = f"{kind.path}/new" if like is None else f"{kind.edit_path(like)}/duplicate"
    return Form(
        action=at.address(action),
        title=visit.t(f"{kind.texts}.{key}_title"),
        text=visit.t(f"{kind.texts}.{key}_text"),
        fields=fields,
        submit=visit.t(f"editor.{key}"),
    )


def _name_fields(visit: Visit, name: str = "", id_: str = "") -> list[Field]:
    t = visit.t
    return [
        Field("name", t("editor.name"), value=name, required=True),
        Field("id", t("editor.id"), value=id_, hint=t("editor.id_hint")),
    ]


async def naming_dialog(visit: Visit, kind: EditedKind, like: str | None = None) -> Response[Any]:
    """Asks what the new object is called."""
    visit.caller.require(f"{kind.drafted.privilege}.update")
    at = await drafting(visit)
    name = ""
    if like is not None:
        name = visit.t(
            "editor.copy_of", name=find(kind.drafted, listed(at.document, kind.drafted), like).name
        )
    form = _naming(visit, kind, at, _name_fields(visit, name), like)
    return visit.page("components/dialog.html", form=form, error=None)


async def add(visit: Visit, kind: EditedKind, like: str | None = None) -> Response[Any]:
    """A new object, or a copy, in the draft; its editor comes next."""
    visit.caller.require(f"{kind.drafted.privilege}.update")
    values = await form_values(visit)
    at = await drafting(visit)
    all_ = listed(at.document, kind.drafted)
    name, asked = values.get("name", "").strip(), values.get("id", "").strip()
    fields = _name_fields(visit, name, asked)
    try:
        object_id = _new_id(visit, name, asked, [o.id for o in all_])
        if like is None:
            body = kind.fresh(at.document)
        else:
            body = msgspec.to_builtins(find(kind.drafted, all_, like))
        await rule_set_object.put(
            editor_of(visit), kind.drafted, object_id, {**body, "id": object_id, "name": name}, at.how()
        )
    except (RuleSetError, InvalidInputError) as error:
        told = with_errors(fields, error)
        form = _naming(visit, kind, at, told, like)
        rest = None if any(f.error for f in told) else error
        return visit.page("components/dialog.html", form=form, error=rest, status=422)
    return redirect(at.address(kind.edit_path(object_id)), htmx=True)


def _new_id(visit: Visit, name: str, asked: str, taken: Sequence[str]) -> str:
    if not name:
        raise InvalidInputError(visit.t("editor.no_name"), field="name")
    if asked in taken:
        raise InvalidInputError(visit.t("editor.id_taken", id=asked), field="id")
    return asked or slug(name, taken)


# Deleting -----------------------------------------------------------------------------------------------------------


async def delete_dialog(visit: Visit, kind: EditedKind, object_id: str, waiting: int) -> Response[Any]:
    """What deleting would touch; what is used cannot be deleted, and the dialog names who uses it."""
    visit.caller.require(f"{kind.drafted.privilege}.update")
    at = await drafting(visit)
    found = find(kind.drafted, listed(at.document, kind.drafted), object_id)
    uses = kind.uses(at.document).get(object_id, [])
    if uses:
        return visit.page(
            "configuration/object_in_use.html",
            title=visit.t("editor.in_use_title", name=found.name),
            text=visit.t(f"{kind.texts}.in_use"),
            uses=use_links(visit, at, uses[: 4 * SHOWN_USES]),
            more=max(0, len(uses) - 4 * SHOWN_USES),
        )
    key = "delete_waiting" if waiting else "delete_text"
    form = Form(
        action=at.address(f"{kind.edit_path(object_id)}/delete"),
        title=visit.t("editor.delete_title", name=found.name),
        text=visit.t(f"editor.{key}", n=waiting),
        fields=[],
        submit=visit.t("editor.delete"),
        note=visit.t("editor.delete_note"),
        danger=True,
    )
    return visit.page("components/dialog.html", form=form, error=None)


async def delete(visit: Visit, kind: EditedKind, object_id: str) -> Response[Any]:
    """Takes the object out of the draft."""
    at = await drafting(visit)
    await rule_set_object.delete(editor_of(visit), kind.drafted, object_id, at.how())
    return redirect(at.address(kind.path), htmx=True)


class UseLink(NamedTuple):
    kind: str
    name: str
    href: str


def use_links(visit: Visit, at: Drafting, uses: Sequence[Use]) -> list[UseLink]:
    """Who uses an object, each with its page."""
    paths = {
        "categories": "/configuration/categories/{id}",
        "schemas": "/configuration/schemas/{id}",
        "queues": "/configuration/queues/{id}",
        "rules": "/configuration/rules#{id}",
        "decisionTables": "/configuration/decision-tables",
    }
    return [
        UseLink(
            visit.t(f"editor.use_{use.kind}"),
            use.name,
            _with_fragment(at, paths[use.kind].format(id=use.id)),
        )
        for use in uses
    ]


def _with_fragment(at: Drafting, path: str) -> str:
    plain, hash_, fragment = path.partition("#")
    return f"{at.address(plain)}{hash_}{fragment}"


def uses_text(visit: Visit, uses: Sequence[Use]) -> str:
    """`2 categories, 1 queue`; empty when nobody uses it."""
    counts: dict[str, int] = {}
    for use in uses:
        counts[use.kind] = counts.get(use.kind, 0) + 1
    return visit.t("editor.list_joint").join(
        visit.t(f"editor.n_{kind}", n=count) for kind, count in counts.items()
    )


def editor_texts(visit: Visit) -> dict[str, str]:
    """What the editor's script says."""
    names = ("restored", "kept", "logged_out", "conflict", "conflict_by")
    return {name: str(visit.t.find(f"editor.{name}")) for name in names}


def common_pages(kind: EditedKind, waiting: Callable[[Visit, str], int]) -> list[Any]:
    """The handlers that every kind has. `waiting` counts the items that deleting an object would concern."""
    one = f"{kind.path}/{{object_id:str}}"

    @get(f"{kind.path}/new")
    async def name_new(visit: CurrentVisit) -> Response[Any]:
        """Asks for the name of a new object."""
        return await naming_dialog(visit, kind)

    @post(f"{kind.path}/new", status_code=200)
    async def add_new(visit: CurrentVisit) -> Response[Any]:
        """A new object."""
        return await add(visit, kind)

    @get(f"{one}/duplicate")
    async def name_copy(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
        """Asks for the name of a copy."""
        return await naming_dialog(visit, kind, object_id)

    @post(f"{one}/duplicate", status_code=200)
    async def add_copy(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
        """A copy of an object."""
        return await add(visit, kind, object_id)

    @post(one, status_code=200)
    async def save_one(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
        """Puts the object into the draft."""
        return await save(visit, kind, object_id)

    @get(f"{one}/delete")
    async def ask_delete(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
        """What deleting the object would touch."""
        return await delete_dialog(visit, kind, object_id, waiting(visit, object_id))

    @post(f"{one}/delete", status_code=200)
    async def delete_one(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
        """Takes the object out of the draft."""
        return await delete(visit, kind, object_id)

    return [name_new, add_new, name_copy, add_copy, save_one, ask_delete, delete_one]
