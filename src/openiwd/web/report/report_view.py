"""Reports as shown: tiles, lines with their links, courses over time, a calendar. View models only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from openiwd.domain.report import Chart, Period, Report
from openiwd.domain.report_measure import MEASURES, Measure, Unit
from openiwd.usecases.report import Choices, ItemBehind, Line, Point, Prompts, ReportResult, Work
from openiwd.web.chart.bar_view import BarChart, Pair, Part, paired_bars, stacked
from openiwd.web.chart.line_view import LineChart, percent_line
from openiwd.web.shell.catalogue import Catalogue, number
from openiwd.web.shell.listing import address
from openiwd.web.shell.time_text import Moment, TimeText

PATH: Final = "/reports"
NOTHING: Final = "–"
WORK: Final = "work-detail"
"""The report that has the assignments behind a line of agents or queues."""
ALONE: Final = "age-4"
"""How a bar of one part is painted; of several, each has its own."""
HEATS: Final = 4
KEY_PARAMETERS: Final = ("key", "key2")


class Figure(NamedTuple):
    """A number and the items behind it; without an address it cannot be opened."""

    text: str
    href: str
    title: str = ""


class Tile(NamedTuple):
    key: str
    label: str
    hint: str
    value: Figure


class Column(NamedTuple):
    label: str
    definition: str


class BarKey(NamedTuple):
    name: str
    css: str


def _path(path: str | None) -> str:
    """A category as the other pages write it."""
    return " › ".join((path or "").split("/"))


class Row(NamedTuple):
    names: list[str]
    figures: list[Figure]
    parts: list[Part]
    bar: str
    href: str
    """The assignments behind the line; empty where there are none to be seen."""


class Day(NamedTuple):
    day: str
    text: str
    title: str
    heat: int


class ReportView(NamedTuple):
    tiles: list[Tile]
    keys: list[str]
    bar: list[BarKey]
    """What the parts of the lines' bars show; empty: there are none."""
    columns: list[Column]
    rows: list[Row]
    total: list[Figure]
    definitions: list[Column]
    flow: BarChart | None
    level: LineChart | None
    weeks: list[list[Day | None]]


class WorkRow(NamedTuple):
    capture_id: str
    href: str
    category: str
    queue: str
    agent: str
    started: Moment | None
    ended: Moment | None
    outcome: str
    work: str
    focus: str
    wrap_up: str


class Select(NamedTuple):
    name: str
    label: str
    value: str
    options: list[tuple[str, str]]


def query_of(prompts: Prompts) -> dict[str, str]:
    """The prompts as parameters of an address; what is usual is left out."""
    said = {
        "period": "" if prompts.preset == "today" else prompts.preset.value,
        "from": prompts.first.isoformat() if prompts.first else "",
        "to": prompts.last.isoformat() if prompts.last else "",
        "category": prompts.category or "",
        "queue": prompts.queue or "",
        "capturePoint": prompts.capture_point or "",
        "mediaType": prompts.media_type or "",
        "agent": prompts.agent or "",
    }
    return {name: value for name, value in said.items() if value}


def selects(report: Report, prompts: Prompts, found: Choices, t: Catalogue) -> list[Select]:
    """What this report can be asked for besides its period."""
    shown = [("queue", found.queues, prompts.queue)]
    if report.source == "priorities":
        return _made(shown, t)
    shown.insert(0, ("category", found.departments, prompts.category))
    if report.source in ("items", "ages"):
        shown.append(("capturePoint", found.capture_points, prompts.capture_point))
    if report.source != "agents" and report.media_type is None:
        shown.append(("mediaType", found.media_types, prompts.media_type))
    if report.privilege == "reports.agents":
        shown.append(("agent", found.agents, prompts.agent))
    return _made(shown, t)


def _made(shown: Sequence[tuple[str, list[tuple[str, str]], str | None]], t: Catalogue) -> list[Select]:
    made = []
    for name, options, value in shown:
        texts = [(i, i if name == "category" else (n or i)) for i, n in options]
        made.append(
            Select(name, t(f"report.every_{name}"), value or "", sorted(texts, key=lambda o: o[1].lower()))
        )
    return made


class Shown:
    """Makes what one reader sees of one report."""

    def __init__(
        self,
        report: Report,
        result: ReportResult,
        prompts: Prompts,
        times: TimeText,
        *,
        sees_work: bool = False,
    ) -> None:
        self.report = report
        self.sees_work = sees_work
        self.result = result
        self.prompts = prompts
        self.times = times
        self.t = times.t

    def view(self, period: Period) -> ReportView:
        report, t = self.report, self.t
        tiles = [self._tile(MEASURES[name]) for name in report.tiles]
        columns = [self._column(m) for m in report.columns]
        used = list(dict.fromkeys([*report.tiles, *report.measures]))
        return ReportView(
            tiles=tiles,
            keys=[t.named("report_key", key) for key in report.by],
            bar=[BarKey(t.named("measure", m), self._paint(i)) for i, m in enumerate(report.bar)],
            columns=columns,
            rows=[self._row(line) for line in self.result.lines],
            total=[self._figure(m, self.result.totals.get(m.name), None) for m in report.columns],
            definitions=[self._column(MEASURES[name]) for name in used],
            flow=self._flow(period) if Chart.FLOW in report.charts else None,
            level=self._level(period) if Chart.SERVICE_LEVEL in report.charts else None,
            weeks=self._calendar(period) if Chart.CALENDAR in report.charts else [],
        )

    def _column(self, measure: Measure) -> Column:
        return Column(self.t.named("measure", measure.name), self.t.named("measure_hint", measure.name))

    def _tile(self, measure: Measure) -> Tile:
        label, hint = self._column(measure)
        return Tile(
            measure.name, label, hint, self._figure(measure, self.result.totals.get(measure.name), None)
        )

    def text(self, measure: Measure, value: float | None) -> str:
        if value is None:
            return NOTHING
        match measure.unit:
            case Unit.SHARE:
                return f"{value * 100:.0f}\u202f%"
            case Unit.DURATION:
                return self.times.duration(value)
            case _:
                return number(round(value))

    def _figure(self, measure: Measure, value: float | None, line: Line | None) -> Figure:
        opens = measure.drill and bool(value) and self.report.source in ("items", "ages", "mailboxes")
        exact = "" if value is None or measure.unit is not Unit.SHARE else f"{value * 100:.2f}\u202f%"
        return Figure(self.text(measure, value), self._items(measure.name, line) if opens else "", exact)

    def _items(self, measure: str, line: Line | None) -> str:
        query = {**query_of(self.prompts), "measure": measure}
        path = address(f"{PATH}/{self.report.id}/items", query)
        if line is None:
            return path
        # An empty key is one: it must not be left out.
        keys = (line.key, line.key_2)[: len(self.report.by)]
        return path + "".join(
            f"&{name}={_quoted(key or '')}" for name, key in zip(KEY_PARAMETERS, keys, strict=False)
        )

    def _row(self, line: Line) -> Row:
        name = _path(line.name) if self.report.by[0] in ("category", "department") else line.name
        names = [name or self.t.named("report_none", self.report.by[0])]
        if len(self.report.by) > 1:
            names.append(self._range(line.key_2 or "") or self.t.named("report_none", self.report.by[1]))
        figures = [self._figure(m, line.values.get(m.name), line) for m in self.report.columns]
        sizes = self._sizes(line)
        parts = stacked(
            [(n, self._paint(i)) for i, n in enumerate(sizes)],
            max((sum(self._sizes(x)) for x in self.result.lines), default=0),
        )
        told = ", ".join(
            f"{self.t.named('measure', name)}: {self.text(MEASURES[name], line.values.get(name))}"
            for name, n in zip(self.report.bar, sizes, strict=True)
            if n
        )
        return Row(names, figures, parts, f"{names[0]}: {told}" if told else "", self._work_of(line))

    def _paint(self, part: int) -> str:
        return f"age-{part}" if len(self.report.bar) > 1 else ALONE

    def _sizes(self, line: Line) -> list[int]:
        """The parts of a line's bar; what is less than nothing has no length."""
        return [max(0, round(line.values.get(name) or 0)) for name in self.report.bar]

    def _work_of(self, line: Line) -> str:
        if self.report.source != "agents" or not self.sees_work or not line.key:
            return ""
        query = query_of(self.prompts) | {self.report.by[0]: line.key}
        return address(f"{PATH}/{WORK}", query)

    def _range(self, key: str) -> str:
        """A range as people read it."""
        for mark, name in (("below ", "below"), (" and more", "from")):
            if mark in key:
                return self.t(f"report_range.{name}", bound=number(int(key.replace(mark, ""))))
        low, mark, high = key.partition(" to ") if " to " in key else key.partition("-")
        return f"{number(int(low))}\u2009–\u2009{number(int(high))}" if mark else key

    # Courses

    def _steps(self, period: Period) -> list[Point]:
        """Every step of the period, those in which nothing happened too; local hours, days or months."""
        known = {p.local: p for p in self.result.course}
        at = datetime.combine(period.first_day, datetime.min.time())
        if period.step == "month":
            at = at.replace(day=1)
        end = datetime.combine(period.last_day + timedelta(days=1), datetime.min.time())
        found = []
        while at < end:
            found.append(
                known.get(at) or Point(local=at, new=0, finished=0, completed_due=0, completed_in_time=0)
            )
            at = self._after(at, period.step)
        return found

    @staticmethod
    def _after(at: datetime, step: str) -> datetime:
        if step == "hour":
            return at + timedelta(hours=1)
        if step == "day":
            return at + timedelta(days=1)
        return (at + timedelta(days=32)).replace(day=1)

    def _ticks(self, points: Sequence[Point], step: str) -> list[tuple[int, str]]:
        found = []
        for index, point in enumerate(points):
            local = point.local
            if step == "hour":
                if local.hour % (3 if len(points) <= 25 else 12) == 0:
                    found.append((index, f"{local:%H:%M}"))
            elif step == "day":
                if len(points) <= 8 or index % 7 == 0:
                    found.append((index, self.times.date(local)))
            else:
                found.append((index, f"{self.t(f'month.{local.month}')} {local:%y}"))
        return found

    def _span(self, point: Point, step: str) -> str:
        if step == "hour":
            return f"{self.times.date(point.local)} {point.local:%H:%M}"
        return (
            self.times.date(point.local)
            if step == "day"
            else f"{self.t(f'month.{point.local.month}')} {point.local.year}"
        )

    def _flow(self, period: Period) -> BarChart:
        points, t = self._steps(period), self.t
        pairs = [
            Pair(
                p.new,
                p.finished,
                t("dashboard.span_in", span=self._span(p, period.step), n=p.new),
                t("dashboard.span_out", span=self._span(p, period.step), n=p.finished),
            )
            for p in points
        ]
        label = t(
            "report.flow_label", new=sum(p.new for p in points), finished=sum(p.finished for p in points)
        )
        return paired_bars(pairs, self._ticks(points, period.step), label)

    def _level(self, period: Period) -> LineChart | None:
        points = self._steps(period)
        if not any(p.completed_due for p in points):
            return None
        shares = [p.completed_in_time / p.completed_due * 100 if p.completed_due else None for p in points]
        texts = [NOTHING if s is None else f"{s:.0f}\u202f%" for s in shares]
        total = self.result.totals.get("service_level")
        label = self.t("report.level_label", level=self.text(MEASURES["service_level"], total))
        return percent_line(shares, self._ticks(points, period.step), texts, label)

    def _calendar(self, period: Period) -> list[list[Day | None]]:
        """Finished items by day, a row per week from Monday on."""
        if period.days < 7:
            return []
        by_day: dict[date, int] = {}
        for point in self.result.course:
            by_day[point.local.date()] = by_day.get(point.local.date(), 0) + point.finished
        most = max(by_day.values(), default=0)
        first = period.first_day - timedelta(days=period.first_day.weekday())
        weeks: list[list[Day | None]] = []
        at = first
        while at <= period.last_day and len(weeks) < 15:
            week: list[Day | None] = []
            for _ in range(7):
                week.append(
                    self._day(at, by_day.get(at, 0), most)
                    if period.first_day <= at <= period.last_day
                    else None
                )
                at += timedelta(days=1)
            weeks.append(week)
        return weeks

    def _day(self, day: date, finished: int, most: int) -> Day:
        local = datetime.combine(day, datetime.min.time())
        heat = 0 if not finished or not most else 1 + min(HEATS - 1, finished * HEATS // (most + 1))
        name = self.times.date(local)
        return Day(name, number(finished), self.t("report.day_finished", day=name, n=finished), heat)

    # Lists

    def work(self) -> list[WorkRow]:
        return [self._work(w) for w in self.result.work]

    def _work(self, w: Work) -> WorkRow:
        times = self.times
        return WorkRow(
            w.capture_id, f"/items/{w.item_id}", _path(w.category_path) or NOTHING, w.queue or NOTHING, w.agent_name,
            times.moment(w.started_at), times.moment(w.ended_at), self.t.named("work_outcome", w.outcome),
            times.duration(w.work_seconds), NOTHING if w.focus_seconds is None else times.duration(w.focus_seconds),
            times.duration(w.wrap_up_seconds) if w.wrap_up_seconds else NOTHING,
        )  # fmt: skip


def _quoted(text: str) -> str:
    return address("", {"x": text or None}).partition("=")[2]


class ItemRow(NamedTuple):
    capture_id: str
    href: str
    status: str
    category: str
    queue: str
    received: Moment | None
    due: Moment | None
    finished: Moment | None
    counted: Moment | None
    work: str


def item_row(item: ItemBehind, times: TimeText) -> ItemRow:
    return ItemRow(
        item.capture_id, f"/items/{item.item_id}", item.status, _path(item.category_path) or NOTHING,
        item.queue or NOTHING,
        times.moment(item.received_at), times.moment(item.due_at), times.moment(item.last_finished_at),
        times.moment(item.at), times.duration(item.work_seconds) if item.work_seconds else NOTHING,
    )  # fmt: skip


def zone_times(times: TimeText, zone: str) -> TimeText:
    """Reports speak in the zone of their days, whatever zone the reader sits in."""
    return TimeText(times.t, ZoneInfo(zone).key, times.now)


def as_of(result: ReportResult, times: TimeText) -> dict[str, Any]:
    at = result.data_as_of
    return {"moment": times.ago(at), "exact": times.exact(at) if at is not None else ""}
