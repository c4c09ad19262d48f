"""The audit: who changed what in configuration and access, when, from what to what. Reads only."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, Final

from litestar import Response, get

from openiwd.ports.control_store import AuditFilter
from openiwd.usecases.configuration import AuditRecord, audit_kinds, audit_log
from openiwd.usecases.csv_table import write_csv
from openiwd.web.audit.audit_view import cells_of, kind_name, line_of
from openiwd.web.item.directory import shown_by
from openiwd.web.item.history_view import actor_name
from openiwd.web.people.agent_filter import Choice
from openiwd.web.people.agent_list_page import csv_file, today_of
from openiwd.web.shell.dialog_page import editor_of
from openiwd.web.shell.listing import address
from openiwd.web.shell.visit import CurrentVisit, Visit

PATH: Final = "/audit"
SIZE: Final = 50
EXPORTED: Final = 20_000
COLUMNS: Final = ("id", "at", "actor", "action", "objectKind", "objectId", "changes")


def _query(visit: Visit) -> dict[str, str]:
    query = visit.request.query_params
    return {n: query.get(n, "").strip()[:200] for n in ("actor", "kind", "q", "from", "to")}


def _filter(visit: Visit, query: dict[str, str]) -> AuditFilter:
    """Days are the reader's; the last one is within."""
    until = _day(query["to"], visit)
    return AuditFilter(
        actor=query["actor"] or None,
        object_kind=query["kind"] or None,
        object_id=query["q"] or None,
        since=_day(query["from"], visit),
        until=until + timedelta(days=1) if until is not None else None,
    )


def _day(text: str, visit: Visit) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time(), visit.times.zone)
    except ValueError:
        return None


@get(PATH)
async def audit_page(visit: CurrentVisit) -> Response[Any]:
    """The newest entries, or those before one."""
    visit.caller.require("audit.view")
    t, editor, query = visit.t, editor_of(visit), _query(visit)
    before = visit.request.query_params.get("before", "")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    found = await audit_log(editor, number, SIZE + 1, _filter(visit, query))
    shown = await shown_by(visit)
    kinds = [(k, kind_name(k, t)) for k in await audit_kinds(editor)]
    return visit.page(
        "audit/audit.html",
        active="audit",
        lines=[line_of(e, t, visit.times, lambda a: actor_name(a, shown)) for e in found[:SIZE]],
        query=query,
        filtered=any(query.values()),
        choices=[Choice("kind", t("audit.every_kind"), query["kind"], kinds)],
        older=address(PATH, {**query, "before": found[SIZE - 1].id}) if len(found) > SIZE else None,
        newest=address(PATH, query) if number is not None else None,
        export_href=address(f"{PATH}/export.csv", query),
    )


@get(f"{PATH}/export.csv")
async def audit_export(visit: CurrentVisit) -> Response[bytes]:
    """What the filter finds, as CSV; at most 20,000 entries, the newest."""
    editor, wanted = editor_of(visit), _filter(visit, _query(visit))
    found: list[AuditRecord] = []
    while len(found) < EXPORTED:
        part = await audit_log(editor, found[-1].id if found else None, 1_000, wanted)
        found += part
        if len(part) < 1_000:
            break
    return csv_file(write_csv(COLUMNS, (cells_of(e) for e in found)), f"audit-{today_of(visit)}")


PAGES: Final[list[Any]] = [audit_page, audit_export]
