"""Rules, decision tables, attributes and tests: each a list with a form, made by one set of handlers."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import InvalidInputError, OpenIwdError
from openiwd.usecases import rule_set_draft, rule_set_object
from openiwd.usecases.rule_set_edit import Edited, How
from openiwd.web.configuration import listed_view
from openiwd.web.configuration.category_view import fresh_id
from openiwd.web.configuration.drafting import Drafting, drafting, drafting_to_save, editor_of
from openiwd.web.configuration.listed_view import Listed
from openiwd.web.configuration.navigation import show
from openiwd.web.configuration.rule_text import criteria_text
from openiwd.web.configuration.saving import Conflict, Plain, Sent, canonical, form_state, read_sent, save
from openiwd.web.configuration.vocabulary_view import vocabulary
from openiwd.web.shell.form import Form, with_errors
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.said import said
from openiwd.web.shell.visit import CurrentVisit, Visit

MAX_TOLD: Final = 4


class ListedPages:
    """The acts on one list."""

    def __init__(self, spec: Listed) -> None:
        self.spec = spec

    async def page(
        self,
        visit: Visit,
        at: Drafting,
        current: str | None,
        body: Plain | None = None,
        *,
        sent: Sent | None = None,
        error: OpenIwdError | None = None,
        conflict: Conflict | None = None,
    ) -> Response[str]:
        """The list with one object beside it: an existing one, a new one (`body` alone), or none."""
        spec = self.spec
        visit.caller.require(spec.view)
        stored = self.find(at, current) if current is not None else None
        values = body if body is not None else stored
        form = None
        if values is not None:
            fields = spec.fields(values, visit.t, current is None, at.document)
            form = {f.name: f for f in (with_errors(fields, error) if error is not None else fields)}
        editable = at.editable and visit.caller.may(spec.update)
        return show(
            visit,
            f"configuration/{spec.section}.html",
            spec.section,
            at,
            spec=spec,
            tree=listed_view.branches(spec, at, current, visit.t),
            moves=at.address(spec.path) if editable and spec.ordered else "",
            flat=True,
            editable=editable,
            current=current,
            title=self.title(values, current),
            form=form,
            values=values,
            words=criteria_text((values or {}).get("when"), visit.t),
            vocabulary=await vocabulary(visit, at.document) if values is not None else None,
            **form_state(visit, at, stored, sent, error, conflict),
            action=at.address(spec.address(current) if current is not None else spec.path),
        )

    def title(self, values: Plain | None, current: str | None) -> str:
        if values is None or current is None:
            return ""
        return str(values.get("label") or values.get("name") or current)

    def find(self, at: Drafting, object_id: str) -> Plain:
        kind = self.spec.kind
        return listed_view.plain_of(
            rule_set_object.find(kind, rule_set_object.listed(at.document, kind), object_id)
        )

    def present(self, at: Drafting, object_id: str) -> str | None:
        """The id; None when somebody has removed the object, so that it can be added again."""
        values = rule_set_object.listed(at.document, self.spec.kind)
        return (
            object_id if any(rule_set_object.named(self.spec.kind, v) == object_id for v in values) else None
        )

    async def create(self, visit: Visit) -> Response[Any]:
        """Adds an object at the end of the list."""
        spec = self.spec
        visit.caller.require(spec.update)
        at, gone = await drafting_to_save(visit)
        form = dict(await visit.request.form())
        key = spec.kind.key
        body, unread = self.read(form)
        chosen = str(form.get(key) or "").strip()
        taken = {rule_set_object.named(spec.kind, v) for v in rule_set_object.listed(at.document, spec.kind)}
        new = chosen or fresh_id(str(body.get("name") or spec.kind.noun), taken)
        try:
            if gone is not None or unread is not None:
                raise gone or unread or AssertionError
            if chosen in taken:
                raise InvalidInputError(
                    visit.t("listed.taken", id=chosen), field=key, hint="choose another one"
                )
            await rule_set_object.put(editor_of(visit), spec.kind, new, self.ready(body, new), at.how())
        except OpenIwdError as error:
            return await self.page(
                visit, at, None, {**body, key: chosen}, sent=read_sent(form, body), error=error
            )
        return redirect(self.saved(at, new))

    def read(self, form: Plain) -> tuple[Plain, OpenIwdError | None]:
        """The object that a form says; with the error where it says none, and what is shown again."""
        try:
            return self.spec.body(form), None
        except InvalidInputError as error:
            return self.spec.typed(form), error

    def ready(self, body: Plain, object_id: str) -> Plain:
        return canonical(self.spec.kind.type, {**body, self.spec.kind.key: object_id})

    def saved(self, at: Drafting, object_id: str) -> str:
        return at.address(f"{self.spec.address(object_id)}?saved=1")

    async def save(self, visit: Visit, object_id: str) -> Response[Any]:
        """Saves an object to the draft; what stands against it is said beside what was typed."""
        spec = self.spec
        visit.caller.require(spec.update)
        at, gone = await drafting_to_save(visit)
        form = dict(await visit.request.form())
        typed, unread = self.read(form)
        body = typed if unread is not None else self.ready(typed, object_id)
        sent = read_sent(form, body)
        if gone is not None or unread is not None:
            present = self.present(at, object_id)
            return await self.page(
                visit, at, present, body, sent=sent if gone is None else None, error=gone or unread
            )

        async def read() -> Plain | None:
            _, values = await rule_set_object.objects(editor_of(visit), spec.kind, at.id)
            found = (v for v in values if rule_set_object.named(spec.kind, v) == object_id)
            return next((listed_view.plain_of(v) for v in found), None)

        async def write(how: How) -> Edited:
            return await rule_set_object.put(editor_of(visit), spec.kind, object_id, body, how)

        try:
            done = await save(visit, at, sent, read, write)
        except OpenIwdError as error:
            return await self.page(visit, at, self.present(at, object_id), body, sent=sent, error=error)
        if isinstance(done, Conflict):
            at = await drafting(visit)
            present = self.present(at, object_id)
            return await self.page(visit, at, present, done.merged, sent=sent, conflict=done)
        return redirect(self.saved(at, object_id))

    async def move(self, visit: Visit, object_id: str) -> Response[Any]:
        """Puts an object before or after another one; answers with the list as it is then."""
        spec, at = self.spec, await drafting(visit)
        form = dict(await visit.request.form())
        names = [rule_set_object.named(spec.kind, v) for v in rule_set_object.listed(at.document, spec.kind)]
        target = str(form.get("target") or "")
        if object_id not in names or target not in names:
            raise InvalidInputError("this is no place for it", field="target", hint="reload the list")
        names.remove(object_id)
        place = names.index(target) + (1 if form.get("where") == "after" else 0)
        body = self.find(at, object_id)
        await rule_set_object.put(editor_of(visit), spec.kind, object_id, body, at.how(), position=place)
        after = await drafting(visit)
        told = visit.t("listed.moved", name=self.title(body, object_id), n=place + 1)
        return visit.page(
            "configuration/tree.html",
            headers=visit.toast(told),
            tree=listed_view.branches(spec, after, str(form.get("current") or "") or None, visit.t),
            moves=after.address(spec.path),
            flat=True,
            drafting=after,
            here=str(form.get("here") or spec.path),
            oob=True,
        )

    async def delete_dialog(self, visit: Visit, object_id: str) -> Response[Any]:
        """What would refer to nothing once it is gone."""
        visit.caller.require(self.spec.update)
        at = await drafting(visit)
        name = self.title(self.find(at, object_id), object_id)
        raw = msgspec.to_builtins(at.document)
        part = raw.get(self.spec.kind.part, [])
        raw[self.spec.kind.part] = [v for v in part if v[self.spec.kind.key] != object_id]
        faults = await rule_set_draft.faults_of(editor_of(visit), raw)
        known = {fault.message for fault in at.faults}
        fresh = [said(f.message, visit.t) for f in faults if f.message not in known]
        form = Form(
            action=at.address(f"{self.spec.address(object_id)}/delete"),
            title=visit.t("listed.delete_title", name=name),
            text=" ".join([visit.t("listed.delete_text"), *fresh[:MAX_TOLD]]),
            fields=[],
            submit=visit.t("listed.delete_do"),
            danger=True,
        )
        return visit.page("components/dialog.html", form=form, error=None)

    async def delete(self, visit: Visit, object_id: str) -> Response[Any]:
        """Takes an object out of the draft."""
        at = await drafting(visit)
        await rule_set_object.delete(editor_of(visit), self.spec.kind, object_id, at.how())
        return redirect(at.address(self.spec.path), htmx=True)


def handlers(spec: Listed) -> list[Any]:
    """The handlers of one list."""
    pages = ListedPages(spec)

    @get(spec.path)
    async def list_page(visit: CurrentVisit) -> Response[Any]:
        return await pages.page(visit, await drafting(visit), None)

    @get(f"{spec.path}/new")
    async def new_page(visit: CurrentVisit) -> Response[Any]:
        visit.caller.require(spec.update)
        return await pages.page(visit, await drafting(visit), None, dict(spec.start))

    @get(f"{spec.path}/{{object_id:str}}")
    async def object_page(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
        return await pages.page(visit, await drafting(visit), object_id)

    @post(spec.path, status_code=200)
    async def create(visit: CurrentVisit) -> Response[Any]:
        return await pages.create(visit)

    @post(f"{spec.path}/{{object_id:str}}", status_code=200)
    async def save_object(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
        return await pages.save(visit, object_id)

    @post(f"{spec.path}/{{object_id:str}}/move", status_code=200)
    async def move(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
        return await pages.move(visit, object_id)

    @get(f"{spec.path}/{{object_id:str}}/delete")
    async def delete_dialog(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
        return await pages.delete_dialog(visit, object_id)

    @post(f"{spec.path}/{{object_id:str}}/delete", status_code=200)
    async def delete(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
        return await pages.delete(visit, object_id)

    return [list_page, new_page, object_page, create, save_object, move, delete_dialog, delete]


PAGES: Final[list[Any]] = [handler for spec in listed_view.SPECS for handler in handlers(spec)]
