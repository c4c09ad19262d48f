"""Pairs of routes that ask before they act: one shows what is asked, the other does it and opens a page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from litestar import Response, get, post

from openiwd.web.shell.dialog_page import act_and_open, show_dialog
from openiwd.web.shell.form import Form
from openiwd.web.shell.visit import CurrentVisit, Visit


class Question(NamedTuple):
    """What is asked before something is done."""

    form: Form
    act: Callable[[], Awaitable[object]]
    to: str
    """The page that is opened when it is done."""


def asking(path: str, ask: Callable[[Visit, Any], Awaitable[Question]]) -> list[Any]:
    """Both routes of a path that names one thing; `ask` gets its id. Who may is said by the table of authorisation."""

    async def question(visit: Visit) -> Question:
        (named,) = visit.request.path_params.values()
        return await ask(visit, named)

    @get(path)
    async def shown(visit: CurrentVisit) -> Response[Any]:
        return show_dialog(visit, (await question(visit)).form)

    @post(path, status_code=200)
    async def done(visit: CurrentVisit) -> Response[Any]:
        form, act, to = await question(visit)
        return await act_and_open(visit, form, act, to)

    return [shown, done]
