"""Choosing columns: the dialog. What is chosen is kept by the browser, or stands in the address of a saved view."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from litestar import Response, get

from openiwd.web.queue.column_view import COLUMNS_COOKIE, DEFAULT, chosen_columns
from openiwd.web.queue.queue_page import asked_for
from openiwd.web.queue.vocabulary import Known, label_of
from openiwd.web.shell.visit import CurrentVisit


class Choice(NamedTuple):
    name: str
    label: str
    group: str
    shown: bool


@get("/queue/columns")
async def column_dialog(visit: CurrentVisit) -> Response[Any]:
    """The columns shown, in their order, then all others by group."""
    visit.refuse_agents()
    asked = await asked_for(visit)
    names = chosen_columns(asked.chosen, visit.request.cookies.get(COLUMNS_COOKIE))
    shown = [_choice(n, asked.known.get(n), label_of(n, asked.shown), shown=True) for n in names]
    others = [_choice(k.name, k, k.label, shown=False) for k in asked.known.values() if k.name not in names]
    return visit.page(
        "queue/columns.html",
        choices=[*shown, *others],
        usual=",".join(DEFAULT),
        in_address=bool(asked.chosen.columns),
        groups={g: visit.t(f"uq.group.{g}") for g in ("item", "date", "agent", "contact", "ext", "data")},
    )


def _choice(name: str, known: Known | None, label: str, *, shown: bool) -> Choice:
    return Choice(name, label, known.group if known is not None else "item", shown)


PAGES: Final[list[Any]] = [column_dialog]
