"""The dashboard as shown: tiles with their lines, bars by category, queues. View models only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from openiwd.domain.dashboard import Period, Tally
from openiwd.usecases.dashboard import BacklogBoard, CategoryLine, QueueLine, SampleLine
from openiwd.usecases.dashboard_flow import FlowBoard
from openiwd.web.chart.bar_view import Part, stacked
from openiwd.web.chart.line_view import Spark, spark
from openiwd.web.dashboard.item_link import (
    COMPLETED,
    HELD,
    WAITING,
    equal,
    items_link,
    not_set,
    within,
)
from openiwd.web.shell.catalogue import Catalogue, number
from openiwd.web.shell.time_text import TimeText

MINUS: Final = "\u2212"
NEAR: Final = timedelta(minutes=20)
"""A sample this far from an hour ago still tells of an hour ago."""


class Tile(NamedTuple):
    key: str
    icon: str
    label: str
    value: str
    detail: str
    href: str
    hint: str
    spark: Spark | None
    css: str = ""


class Count(NamedTuple):
    """A number and the items behind it; without an address there are none."""

    text: str
    href: str


class CategoryRow(NamedTuple):
    name: str
    href: str
    parts: list[Part]
    bar: str
    waiting: Count
    assigned: Count
    held: Count
    overdue: Count
    oldest: str
    oldest_exact: str


class QueueRow(NamedTuple):
    name: str
    href: str
    waiting: Count
    longest: str
    longest_exact: str
    assigned: Count
    overdue: Count
    ready: str


class Choice(NamedTuple):
    text: str
    href: str
    current: bool


def address(period: Period, department: str | None, path: str = "/dashboards") -> str:
    """A dashboard with its choices."""
    wanted = items_link(category=department).removeprefix("/").replace("category=", "department=")
    if period is Period.TODAY:
        return f"{path}{wanted}"
    return f"{path}{wanted}{'&' if wanted else '?'}period={period.value}"


def period_choices(period: Period, department: str | None, t: Catalogue) -> list[Choice]:
    return [Choice(t.named("period", p.value), address(p, department), p is period) for p in Period]


def department_choices(
    names: Sequence[str], period: Period, department: str | None, t: Catalogue
) -> list[Choice]:
    everything = Choice(t("dashboard.all_departments"), address(period, None), department is None)
    return [everything, *(Choice(name, address(period, name), name == department) for name in names)]


class Board:
    """Makes what one reader sees of one backlog."""

    def __init__(self, board: BacklogBoard, department: str | None, times: TimeText) -> None:
        self.board = board
        self.department = department
        self.times = times
        self.t = times.t

    # Tiles

    def tiles(self, flow: FlowBoard, agents_ready: int | None) -> list[Tile]:
        counts, at, t = self.board.counts, self.board.at, self.t
        below = self.department
        hour = within("dueDateTime", at, at + timedelta(hours=1))
        today = within("dueDateTime", at, self.board.day_end)
        until = t("dashboard.until", at=self.times.clock(at + timedelta(hours=1)))
        ready = "" if agents_ready is None else t("dashboard.agents_ready", n=agents_ready)
        held = t("dashboard.errorheld", n=counts.errorheld) if counts.errorheld else ""
        return [
            self._tile(
                "waiting", "list", items_link(status=WAITING, category=below), self._change("waiting")
            ),
            self._tile("assigned", "st-assigned", items_link(status=["assigned"], category=below), ready),
            self._tile("held", "st-held", items_link(status=HELD, category=below), held),
            self._tile("overdue", "alert", items_link(overdue=True, category=below), self._change("overdue")),
            self._tile("due_hour", "clock", items_link(*hour, category=below), until),
            self._tile("due_today", "cal", items_link(*today, category=below), t("dashboard.until_midnight")),
            self._level(flow),
        ]

    def _tile(self, key: str, icon: str, href: str, detail: str) -> Tile:
        t, value = self.t, int(getattr(self.board.counts, key))
        label = t.named("dashboard_tile", key)
        values = [float(getattr(s, key)) for s in self.board.samples] + [float(value)]
        start = self.times.clock(self.board.samples[0].at) if self.board.samples else ""
        line = spark(values, t("dashboard.line", name=label, at=start)) if start else None
        return Tile(
            key,
            icon,
            label,
            number(value),
            detail,
            href,
            t.named("dashboard_hint", key),
            line,
            "bad" if key == "overdue" and value else "",
        )

    def _change(self, key: str) -> str:
        """Against an hour ago, where that is known."""
        before = hour_ago(self.board.samples, self.board.at)
        if before is None:
            return ""
        change = getattr(self.board.counts, key) - getattr(before, key)
        sign = "+" if change > 0 else MINUS if change < 0 else "±"
        return self.t("dashboard.in_last_hour", change=f"{sign}{number(abs(change))}")

    def _level(self, flow: FlowBoard) -> Tile:
        t, total = self.t, flow.total
        level = total.service_level
        values = [f.service_level for f in flow.spans]
        known = [v for v in values if v is not None]
        label = t("dashboard_tile.service_level")
        detail = (
            t("dashboard.in_time", n=total.in_time, of=total.measured)
            if level is not None
            else t("dashboard.none_completed")
        )
        return Tile(
            "service_level",
            "check",
            label,
            percent(level),
            detail,
            items_link(
                *within("completedDateTime", flow.start, flow.end), COMPLETED,
                {"attribute": "dueDateTime", "operator": "isSet"}, category=self.department, finished=True,
            ),
            t("dashboard_hint.service_level"),
            spark(known, t("dashboard.line", name=label, at=self.times.clock(flow.start))),
        )  # fmt: skip

    # Lines

    def categories(self) -> list[CategoryRow]:
        most = max((line.counts.open for line in self.board.categories), default=0)
        return [self._category(line, most) for line in self.board.categories]

    def _category(self, line: CategoryLine, most: int) -> CategoryRow:
        counts, path, t = line.counts, line.category_path, self.t
        chosen: dict[str, Any] = {"unclassified": True} if path is None else {"category": path}
        conditions = [equal("categoryPath", path)] if line.is_own and path is not None else []
        if path is None:
            name = t("queue.unclassified")
        elif line.is_own:
            name = t("dashboard.own", name=path.rpartition("/")[2])
        else:
            name = path.rpartition("/")[2]

        def count(value: int, **more: Any) -> Count:
            return Count(number(value), items_link(*conditions, **chosen, **more) if value else "")

        return CategoryRow(
            name,
            items_link(*conditions, **chosen),
            stacked([(counts.waiting, "s-waiting"), (counts.assigned, "s-assigned"), (counts.held, "s-held")], most),
            t("dashboard.bar", name=name, waiting=counts.waiting, assigned=counts.assigned, held=counts.held),
            count(counts.waiting, status=WAITING),
            count(counts.assigned, status=["assigned"]),
            count(counts.held, status=HELD),
            count(counts.overdue, overdue=True),
            *self._age(counts.oldest),
        )  # fmt: skip

    def queues(self) -> list[QueueRow]:
        return [
            self._queue(line) for line in self.board.queues if line.queue_id is not None or line.counts.open
        ]

    def _queue(self, line: QueueLine) -> QueueRow:
        conditions = [not_set("queue")] if line.queue_id is None else []

        def count(value: int, **more: Any) -> Count:
            href = items_link(*conditions, queue=line.queue_id, category=self.department, **more)
            return Count(number(value), href if value else "")

        counts: Tally = line.counts
        return QueueRow(
            line.name or line.queue_id or self.t("dashboard.no_queue"),
            items_link(*conditions, queue=line.queue_id, category=self.department),
            count(counts.waiting, status=WAITING),
            *self._age(counts.longest),
            count(counts.assigned, status=["assigned"]),
            count(counts.overdue, overdue=True),
            "–" if line.agents_ready is None else number(line.agents_ready),
        )

    def _age(self, at: datetime | None) -> tuple[str, str]:
        return ("–", "") if at is None else (self.times.since(at), self.times.exact(at))


def hour_ago(samples: Sequence[SampleLine], now: datetime) -> SampleLine | None:
    """The sample that is closest to an hour ago."""
    wanted = now - timedelta(hours=1)
    near = [s for s in samples if abs(s.at - wanted) <= NEAR]
    return min(near, key=lambda s: abs(s.at - wanted), default=None)


def percent(share: float | None) -> str:
    """A share in percent, with a digit only where it is not whole; never rounded up to all."""
    if share is None:
        return "–"
    tenths = int(share * 1_000)
    return f"{tenths // 10}\u202f%" if tenths % 10 == 0 else f"{tenths / 10:.1f}\u202f%"
