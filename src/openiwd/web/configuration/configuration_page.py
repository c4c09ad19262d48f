"""Configuration: what of the live rule set is only read."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get

from openiwd.web.configuration.configuration_view import SECTIONS, section_context
from openiwd.web.configuration.drafting import drafting
from openiwd.web.configuration.navigation import show
from openiwd.web.item.directory import shown_by
from openiwd.web.shell.visit import CurrentVisit


@get([f"/configuration/{section}" for section in SECTIONS])
async def configuration_page(visit: CurrentVisit) -> Response[Any]:
    """One part of the live rule set."""
    visit.caller.require("categories.view")
    section = visit.request.url.path.rsplit("/", 1)[-1]
    shown = await shown_by(visit)
    context = section_context(section, shown.rules, shown) if shown.rules is not None else {}
    return show(
        visit,
        "configuration/configuration.html",
        section,
        await drafting(visit),
        document=shown.rules is not None,
        **context,
    )


PAGES: Final[list[Any]] = [configuration_page]
