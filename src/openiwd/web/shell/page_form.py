"""Answers of forms that are pages of their own: stored, or shown again with the faults and what was typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from litestar import Response

from openiwd.domain.errors import DuplicateError, OpenIwdError
from openiwd.web.shell.dialog_page import raise_forbidden, typed
from openiwd.web.shell.form import Field, with_errors
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.sent import Sent, sent_by
from openiwd.web.shell.visit import Visit


async def act_in_page(
    visit: Visit,
    act: Callable[[Sent], Awaitable[Response[Any]]],
    again: Callable[[Sent, OpenIwdError], Awaitable[Response[Any]]],
) -> Response[Any]:
    """What a page's button does; what is refused is told by the page `again`. A missing privilege has its own page."""
    sent = await sent_by(visit)
    try:
        return await act(sent)
    except OpenIwdError as error:
        raise_forbidden(error)
        return await again(sent, error)


def saved(visit: Visit, href: str, how: str = "1") -> Response[Any]:
    """The page of what was stored, which says so."""
    return redirect(f"{href}?saved={how}", htmx=visit.is_htmx)


def sent_again(fields: Iterable[Field], sent: Sent, error: OpenIwdError) -> list[Field]:
    """The fields with what was typed, and the faults at them."""
    return with_errors([typed(field, sent) for field in fields], error)


def require_free(visit: Visit, new_id: str, taken: Iterable[str]) -> None:
    """DuplicateError where what is to be made would replace something."""
    if new_id in taken:
        raise DuplicateError(visit.t("people.id_taken", id=new_id), field="id")
