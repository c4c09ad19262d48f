"""Configuration: the live rule set to read, and publishing another one from a file."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from litestar import Response, get, post
from litestar.datastructures import UploadFile

from openiwd.domain.errors import OpenIwdError, RuleSetError
from openiwd.usecases import rule_set
from openiwd.web.configuration.configuration_view import SECTIONS, section_context
from openiwd.web.configuration.drafting import drafting
from openiwd.web.configuration.navigation import show
from openiwd.web.item.directory import shown_by
from openiwd.web.item.history_view import actor_name
from openiwd.web.item.row_view import Shown
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.time_text import Moment
from openiwd.web.shell.visit import CurrentVisit, Visit

MAX_FAULTS = 12


class VersionLine(NamedTuple):
    version: int
    live: bool
    moment: Moment | None
    by: str
    comment: str


class Fault(NamedTuple):
    message: str
    hint: str | None
    all: list[Any]


async def _versions(visit: Visit, shown: Shown) -> list[VersionLine]:
    async with visit.services.runtime.store.reading() as reading:
        live = await reading.live_version()
        found = await reading.rule_set_versions()
    return [
        VersionLine(
            v.version,
            v.version == live,
            visit.times.moment(v.published_at),
            actor_name(v.published_by, shown),
            v.comment or "",
        )
        for v in found
    ]


async def _page(visit: Visit, section: str, **values: Any) -> Response[Any]:
    visit.caller.require("categories.view")
    shown = await shown_by(visit)
    rules = shown.rules
    context: dict[str, Any] = {"error": None, "published": None, "versions": []}
    if section == "versions":
        context["versions"] = await _versions(visit, shown)
    elif rules is not None:
        context |= section_context(section, rules, shown)
    return show(
        visit,
        "configuration/configuration.html",
        section,
        await drafting(visit),
        document=rules is not None,
        **context | values,
    )


@get("/configuration")
async def configuration_start(visit: CurrentVisit) -> Response[Any]:
    """Begins with the category tree."""
    return await _page(visit, "categories")


@get([f"/configuration/{section}" for section in SECTIONS])
async def configuration_page(visit: CurrentVisit) -> Response[Any]:
    """One part of the live rule set."""
    published = visit.request.query_params.get("published")
    return await _page(
        visit,
        visit.request.url.path.rsplit("/", 1)[-1],
        published=int(published) if published and published.isdigit() else None,
    )


@post("/configuration/publish", status_code=200)
async def publish(visit: CurrentVisit) -> Response[Any]:
    """Makes an uploaded document the live rule set, or says what is wrong with it."""
    form = await visit.request.form()
    upload = form.get("file")
    comment = str(form.get("comment") or "").strip() or None
    try:
        if not isinstance(upload, UploadFile):
            raise RuleSetError("no file came along", field="file", hint="choose a YAML file")
        content = await upload.read()
        try:
            source = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise RuleSetError("the file is not UTF-8 text", field="file", hint="save it as UTF-8") from error
        if visit.holidays is None:
            raise RuleSetError("nothing can be published from this process", hint="use the API")
        version = await rule_set.publish(
            visit.services, visit.holidays, source, visit.caller, comment=comment
        )
    except OpenIwdError as error:
        faults = list(error.details.get("errors") or [])[:MAX_FAULTS]
        told = Fault(error.message, error.hint, faults if len(faults) > 1 else [])
        return await _page(visit, "versions", error=told, status=422)
    return redirect(f"/configuration/versions?published={version}")


PAGES: Final[list[Any]] = [configuration_start, configuration_page, publish]
