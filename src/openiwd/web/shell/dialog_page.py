"""Answers of dialogs: shown, refused with what was typed still there, or done with a word about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response

from openiwd.domain.errors import ForbiddenError, OpenIwdError
from openiwd.usecases.configuration import Editor
from openiwd.web.shell.form import Field, Form, with_errors
from openiwd.web.shell.rendering import nothing, redirect
from openiwd.web.shell.sent import Sent, sent_by
from openiwd.web.shell.visit import Visit


def editor_of(visit: Visit) -> Editor:
    """The visitor as somebody who reads and changes the configuration."""
    return Editor(visit.platform, visit.services, visit.caller, visit.holidays)


def show_dialog(visit: Visit, form: Form) -> Response[Any]:
    return visit.page("components/dialog.html", form=form, error=None)


def refuse_dialog(visit: Visit, form: Form, sent: Sent, error: OpenIwdError) -> Response[Any]:
    """The dialog again, with the fault at its field and what was typed."""
    raise_forbidden(error)
    fields = with_errors([typed(f, sent) for f in form.fields], error)
    return visit.page("components/dialog.html", status=422, form=form._replace(fields=fields), error=error)


def raise_forbidden(error: OpenIwdError) -> None:
    """A missing privilege is not the form's to tell: it would be missing with other values, too."""
    if isinstance(error, ForbiddenError) and error.code == "forbidden":
        raise error


async def act_in_dialog(
    visit: Visit, form: Form, act: Callable[[Sent], Awaitable[Response[Any]]]
) -> Response[Any]:
    """What a dialog's button does; what is refused is told in the dialog, with what was typed."""
    sent = await sent_by(visit)
    try:
        return await act(sent)
    except OpenIwdError as error:
        return refuse_dialog(visit, form, sent, error)


async def act_and_open(
    visit: Visit, form: Form, act: Callable[[], Awaitable[object]], to: str
) -> Response[Any]:
    """What a dialog asks before it is done; then this page is opened."""

    async def acting(_: Sent) -> Response[Any]:
        await act()
        return done(visit, "", to=to)

    return await act_in_dialog(visit, form, acting)


def delete_form(visit: Visit, href: str, name: str, text: str) -> Form:
    """Asks before something with a name is deleted; `text` says what goes with it."""
    return Form(
        action=f"{href}/delete",
        title=visit.t("named.delete_title", name=name),
        text=text,
        fields=[],
        submit=visit.t("form.delete"),
        danger=True,
    )


def typed(field: Field, sent: Sent) -> Field:
    """The field with what was sent for it."""
    if field.kind == "password":
        return field
    if field.kind == "checkbox":
        return field._replace(value=sent.flag(field.name))
    if field.kind in ("multiple", "choices"):
        return field._replace(value=sent.texts(field.name))
    return field._replace(value=sent.text(field.name))


def done(visit: Visit, text: str, *, hint: str | None = None, to: str | None = None) -> Response[Any]:
    """Says what was done and closes the dialog; the list behind it is read again, or another page is opened."""
    if to is not None:
        return redirect(to, htmx=True)
    return nothing(headers=visit.toast(text, hint=hint, closeDialog={}, listChanged={}))
