"""Flow, agents and capture points of the dashboard as shown. View models only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from openiwd.domain.agent import AgentState, MediaState
from openiwd.domain.dashboard import Flow, Period
from openiwd.usecases.dashboard_agent import AgentBoard, AgentLine, GroupLine
from openiwd.usecases.dashboard_flow import CapturePointLine, FlowBoard
from openiwd.web.chart.bar_view import BarChart, Pair, Part, paired_bars, stacked
from openiwd.web.chart.line_view import LineChart, Spark, percent_line, spark
from openiwd.web.dashboard.dashboard_view import Count, percent
from openiwd.web.dashboard.item_link import ANY_STATUS, COMPLETED, equal, items_link, within
from openiwd.web.item.row_view import Shown
from openiwd.web.shell.catalogue import Catalogue, number
from openiwd.web.shell.time_text import Moment, TimeText
from openiwd.web.workspace.workspace_view import STATE_ICONS, state_text

LISTED: Final = 40
ORDER: Final = (AgentState.READY, AgentState.AFTER_WORK, AgentState.NOT_READY)
CSS: Final = {AgentState.READY: "ok", AgentState.NOT_READY: "warn"}
SPARK_SPANS: Final = 20


class FlowView(NamedTuple):
    title: str
    arrived: Count
    finished: Count
    bars: BarChart
    level_title: str
    level: LineChart
    measured: bool


def flow_view(board: FlowBoard, department: str | None, times: TimeText) -> FlowView:
    """Bars of in and out, and the service level below them, span by span."""
    t = times.t
    ends = [*(f.start for f in board.spans[1:]), board.end]
    pairs = [_pair(flow, end, department, times) for flow, end in zip(board.spans, ends, strict=True)]
    ticks = _ticks(board, times)
    since = times.clock(board.start)
    total, values = board.total, [f.service_level for f in board.spans]
    label = t("dashboard.flow_label", arrived=total.arrived, finished=total.finished, at=since)
    step = t.named("dashboard_step", board.period.value)
    return FlowView(
        t("dashboard.flow", step=step),
        Count(number(total.arrived), _arrived(board.start, board.end, department)),
        Count(number(total.finished), _finished(board.start, board.end, department)),
        paired_bars(pairs, ticks, label),
        t("dashboard.level", step=step),
        percent_line(
            [None if v is None else v * 100 for v in values],
            ticks,
            [percent(v) for v in values],
            t("dashboard.level_label", level=percent(total.service_level), at=since),
        ),
        total.measured > 0,
    )


def _arrived(start: datetime, end: datetime, department: str | None) -> str:
    return items_link(*within("receivedDateTime", start, end), ANY_STATUS, category=department)


def _finished(start: datetime, end: datetime, department: str | None) -> str:
    return items_link(*within("completedDateTime", start, end), category=department, finished=True)


def _pair(flow: Flow, end: datetime, department: str | None, times: TimeText) -> Pair:
    t = times.t
    span = t("dashboard.span", start=times.clock(flow.start), end=f"{times.local(end):%H:%M}")
    return Pair(
        flow.arrived,
        flow.finished,
        t("dashboard.span_in", span=span, n=flow.arrived),
        t("dashboard.span_out", span=span, n=flow.finished),
        _arrived(flow.start, end, department),
        _finished(flow.start, end, department),
    )


def _ticks(board: FlowBoard, times: TimeText) -> list[tuple[int, str]]:
    """Full hours (days in a week), in the tenant's zone, thin enough to be read."""
    found: list[tuple[int, str]] = []
    hours = max(1, round(len(board.spans) / 32))
    for index, flow in enumerate(board.spans):
        local = times.local(flow.start)
        if board.period is Period.WEEK:
            if local.hour == 0:
                found.append((index, f"{times.weekday(local)} {local.day}"))
        elif board.period is Period.HOUR:
            if local.minute % 15 == 0:
                found.append((index, f"{local:%H:%M}"))
        elif local.minute == 0 and local.hour % hours == 0:
            found.append((index, f"{local:%H:%M}"))
    return found


# Agents --------------------------------------------------------------------------------------------------------------


class GroupRow(NamedTuple):
    name: str
    total: str
    parts: list[Part]
    label: str


class AgentRow(NamedTuple):
    id: str
    name: str
    state: str
    icon: str
    css: str
    since: str
    since_exact: str
    percent: int
    used: Count
    done: Count
    handle: str


class AgentsView(NamedTuple):
    summary: str
    groups: list[GroupRow]
    agents: list[AgentRow]
    more: str


def agents_view(board: AgentBoard, department: str | None, shown: Shown) -> AgentsView:
    """Groups as bars; agents who are logged in as a list, ready ones first."""
    t = shown.t
    present = [a for a in board.agents if a.state in ORDER]
    present.sort(key=lambda a: ORDER.index(a.state))
    left = len(board.agents) - min(len(present), LISTED)
    most = max((_size(g) for g in board.groups), default=0)
    return AgentsView(
        t("dashboard.agents_summary", n=len(board.agents), present=len(present)),
        [_group(g, most, t) for g in board.groups],
        [_agent(a, board, department, shown) for a in present[:LISTED]],
        t("dashboard.more_agents", n=left) if left else "",
    )


def _size(group: GroupLine) -> int:
    return group.ready + group.after_work + group.not_ready + group.logged_out


def _group(group: GroupLine, most: int, t: Catalogue) -> GroupRow:
    name = group.name or group.id or t("dashboard.no_group")
    parts = [
        (group.ready, "s-assigned"),
        (group.after_work, "s-waiting"),
        (group.not_ready, "s-held"),
        (group.logged_out, "s-out"),
    ]
    label = t(
        "dashboard.group_bar",
        name=name,
        ready=group.ready,
        after_work=group.after_work,
        not_ready=group.not_ready,
        logged_out=group.logged_out,
    )
    return GroupRow(name, number(_size(group)), stacked(parts, most), label)


def _agent(agent: AgentLine, board: AgentBoard, department: str | None, shown: Shown) -> AgentRow:
    times = shown.times
    state = MediaState(state=agent.state, reason=agent.reason, since=agent.since)
    done = items_link(
        equal("lastAgent", agent.id),
        {"attribute": "assignedDateTime", "operator": "isSet"},
        COMPLETED,
        {"attribute": "completedDateTime", "operator": "ge", "value": board.day_start.isoformat()},
        category=department,
        finished=True,
    )
    share = 0 if not agent.capacity else min(100, round(agent.used / agent.capacity * 100))
    return AgentRow(
        agent.id,
        agent.name,
        state_text(state, shown),
        STATE_ICONS[agent.state],
        CSS.get(agent.state, "faint"),
        times.since(agent.since) if agent.since is not None else "–",
        times.exact(agent.since) if agent.since is not None else "",
        share,
        Count(f"{agent.used} / {agent.capacity}", items_link(agent=agent.id) if agent.used else ""),
        Count(number(agent.done), done if agent.done else ""),
        "–" if agent.handle_seconds is None else times.duration(agent.handle_seconds),
    )


# Capture points ------------------------------------------------------------------------------------------------------


class PointRow(NamedTuple):
    id: str
    name: str
    last: Moment | None
    arrived: Count
    spark: Spark | None


def points_view(board: FlowBoard, department: str | None, times: TimeText) -> list[PointRow]:
    """What is known of capture points today: when the last item came, and how many did."""
    return [_point(p, board, department, times) for p in board.capture_points]


def _point(point: CapturePointLine, board: FlowBoard, department: str | None, times: TimeText) -> PointRow:
    href = items_link(
        *within("receivedDateTime", board.start, board.end),
        equal("capturePoint", point.id),
        ANY_STATUS,
        category=department,
    )
    name = point.name or point.id
    label = times.t("dashboard.line", name=name, at=times.clock(board.start))
    values: Sequence[int] = point.by_span[-SPARK_SPANS:]
    return PointRow(
        point.id,
        name,
        times.ago(point.last_at),
        Count(number(point.arrived), href if point.arrived else ""),
        spark([float(v) for v in values], label) if point.arrived else None,
    )
