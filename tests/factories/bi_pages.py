"""A day in a mart, the report pages of it, and whether rows of a chart say what the page says."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, cast

from openiwd.domain.bi_chart import Drawn
from openiwd.domain.privilege import Caller, Role, role_privileges
from openiwd.domain.report import Preset, Report
from openiwd.ports.mart import FedAgent, RuleSetNames
from openiwd.usecases import report as report_use
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.report import Prompts, ReportResult
from tests.factories.mart import MartUnderTest
from tests.factories.mart_log import LogWriter, instant

PERIOD = "2026-03-02T00:00:00 : 2026-03-03T00:00:00"
NOW = instant("18:00")
LOG = """
    08:00 anna state *=ready
    08:30 bert state *=notReady(lunch)
    09:00 bert state *=ready
    09:02 1 new claims/motor due=10:00 value=250 source=08:32 segment=gold cp=portal
    09:03 2 new claims/motor due=09:10 value=50 cp=portal media=email
    09:04 3 new claims/home value=5000 segment=silver
    09:05 4 new sales/motor media=email due=17:00
    09:06 5 new sales/home cp=files created=05:00
    09:07 6 new claims/motor
    09:10 1 offer anna priority=430
    09:11 1 accept
    09:20 2 offer bert
    09:21 2 decline
    09:25 2 offer anna
    09:26 2 timeout
    09:30 2 pull bert priority=1000
    09:41 1 complete wrap=60 focus=900
    10:05 2 return
    10:20 2 pull anna
    10:50 2 complete
    11:00 3 hold
    11:10 5 move claims/motor
    11:30 6 cancel
    11:45 1 reopen
    12:00 anna state *=notReady(lunch)
    12:30 anna state *=ready
    13:00 4 pull anna priority=-1
    13:20 4 transfer home
    14:00 4 pull bert
    14:07 4 complete wrap=30
    16:00 7 new claims/motor due=15:00
    16:20 7 error
    17:45 - sample motor:200-400=9
    17:59 - sample motor:200-400=1 motor:800-1000=2 home:0-200=1
"""
NAMES = {
    "categories": [
        {"id": "claims", "name": "Claims"},
        {"id": "sales", "name": "Sales"},
    ],
    "queues": [{"id": "motor", "name": "Motor"}, {"id": "home", "name": "Home"}],
}


async def mart_of_a_day(dsn: str, password: str | None = None) -> MartUnderTest:
    """Loaded, with its views."""
    made = MartUnderTest(dsn)
    made.feed.names = [RuleSetNames(1, datetime(2026, 1, 1, tzinfo=UTC), NAMES)]
    made.feed.people = [
        FedAgent("anna", "Anna", None, active=True),
        FedAgent("bert", "Bert", None, active=True),
    ]
    await made.load(LogWriter().write(LOG).events, now=NOW)
    await made.mart.publish_views(password)
    return made


async def page(mart: MartUnderTest, report: Report) -> ReportResult:
    """The numbers of the report's page for the day."""
    runtime = SimpleNamespace(mart=mart.mart, now=lambda: NOW)
    services = cast("TenantServices", SimpleNamespace(runtime=runtime))
    privileges = role_privileges(Role.ADMINISTRATOR, grouped=False)
    caller = Caller(tenant_id="t", actor="user:a", name="a", privileges=privileges)
    day = Prompts(preset=Preset.CUSTOM, first=date(2026, 3, 2), last=date(2026, 3, 2))
    return await report_use.run(services, caller, report.id, day)


def same(shown: Any, told: Any) -> bool:
    """Nothing and zero are one: a table of Superset has no row, and a sum of no rows is null."""
    return math.isclose(float(shown or 0), float(told or 0), rel_tol=1e-9, abs_tol=1e-6)


def check_lines(report: Report, drawn: Drawn, rows: list[dict[str, Any]], told: ReportResult) -> int:
    """Every line's measures, by its keys; how many numbers were compared."""
    by_key = {tuple(row[c] or "" for c in drawn.by): row for row in rows}
    compared = 0
    known = set()
    for line in told.lines:
        key = (line.key, line.key_2 or "")[: len(report.by)]
        known.add(key)
        for measure in drawn.measures:
            shown = by_key.get(key, {}).get(measure)
            assert same(shown, line.values[measure]), (drawn.name, key, measure, shown, line.values[measure])
            compared += 1
    for key in set(by_key) - known:
        assert not any(by_key[key][m] for m in drawn.measures), (drawn.name, key)
    assert rows, drawn.name
    return compared


def check_course(drawn: Drawn, rows: list[dict[str, Any]], told: ReportResult) -> int:
    if drawn.grain == "P1D":
        assert sum(r["finished"] for r in rows) == sum(p.finished for p in told.course)
        return 1
    shown = {datetime.fromtimestamp(r["interval_start"] / 1_000, UTC).replace(tzinfo=None): r for r in rows}
    assert {p.local for p in told.course} == set(shown)
    for point in told.course:
        values = {
            "came_in": point.new,
            "finished": point.finished,
            "service_level": point.completed_in_time / point.completed_due if point.completed_due else None,
        }
        for measure in drawn.measures:
            assert same(shown[point.local][measure], values[measure]), (drawn.name, point.local, measure)
    return len(told.course) * len(drawn.measures)


def check_work(rows: list[dict[str, Any]], told: ReportResult) -> int:
    shown = sorted(
        (
            *(r["agent_id"], r["queue_id"], r["outcome"], r["work_us"] / 1e6, r["wrap_up_us"] / 1e6),
            (r["focus_us"] or 0) / 1e6,
        )
        for r in rows
    )
    assert shown == sorted(
        (w.agent, w.queue, w.outcome, w.work_seconds, w.wrap_up_seconds, w.focus_seconds or 0)
        for w in told.work
    )
    return len(shown)


def check(report: Report, drawn: Drawn, rows: list[dict[str, Any]], told: ReportResult) -> int:
    if drawn.raw:
        return check_work(rows, told)
    if drawn.grain is not None:
        return check_course(drawn, rows, told)
    if drawn.kind == "big_number_total":
        (measure,) = drawn.measures
        assert same(rows[0][measure], told.totals[measure]), (drawn.name, rows, told.totals[measure])
        return 1
    return check_lines(report, drawn, rows, told)
