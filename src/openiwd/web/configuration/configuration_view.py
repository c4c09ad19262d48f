"""The live rule set as readable pages: category tree, schemas, calendars, queues, rules."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from openiwd.domain.calendar import WALL_CLOCK_ID, WEEKDAYS, CalendarConfig
from openiwd.domain.queue import Queue
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.web.chart.curve_view import Chart, schema_chart
from openiwd.web.item.row_view import Shown
from openiwd.web.shell.catalogue import Catalogue

SECTIONS: Final = ("schemas", "queues", "calendars")


class SchemaView(NamedTuple):
    id: str
    name: str
    chart: Chart
    text: str


class DayView(NamedTuple):
    name: str
    text: str


class CalendarView(NamedTuple):
    id: str
    name: str
    zone: str
    days: list[DayView]
    lines: list[str]


class QueueConfigView(NamedTuple):
    id: str
    name: str
    delivery: str
    groups: str
    hours: str
    text: str


def section_context(section: str, rules: CompiledRuleSet, shown: Shown) -> dict[str, Any]:
    """What one section shows."""
    match section:
        case "schemas":
            return {"schemas": _schemas(rules, shown)}
        case "calendars":
            return {"calendars": [_calendar(c, shown.t) for c in rules.document.calendars]}
        case _:
            return {"queues": [_queue(q, rules, shown) for q in rules.queues.values()]}


def _schemas(rules: CompiledRuleSet, shown: Shown) -> list[SchemaView]:
    t = shown.t
    calendars = {c.id: c.name for c in rules.document.calendars}
    found = []
    for config in rules.document.schemas:
        schema = rules.schemas[config.id]
        clock = (
            t("curve.wall") if config.clock == WALL_CLOCK_ID else calendars.get(config.clock, config.clock)
        )
        sla = str(config.sla) if config.sla is not None else t("configuration.no_sla")
        text = t(
            "configuration.schema_text", clock=clock, anchor=t.named("anchor", config.anchor.value), sla=sla
        )
        found.append(SchemaView(config.id, config.name, schema_chart(schema, config.name, shown.times), text))
    return found


def _calendar(config: CalendarConfig, t: Catalogue) -> CalendarView:
    days = []
    for number, name in enumerate(WEEKDAYS, 1):
        spans = getattr(config.weekly, name)
        days.append(
            DayView(
                t(f"weekday.{number}"),
                ", ".join(s.replace("-", "–") for s in spans) or t("configuration.closed"),
            )
        )
    lines = []
    if config.holidays is not None:
        where = "-".join(p for p in (config.holidays.country, config.holidays.region) if p)
        lines.append(t("configuration.holidays", where=where))
    for e in config.exceptions:
        hours = ", ".join(e.hours) or t("configuration.closed")
        lines.append(t("configuration.exception", date=e.date.isoformat(), name=e.name, hours=hours))
    return CalendarView(config.id, config.name, config.time_zone, days, lines)


def groups_text(queue: Queue, shown: Shown) -> str:
    """Which groups the queue serves, and from when on."""
    if not queue.groups:
        return shown.t("queues.everybody")
    return ", ".join(
        f"{g.group} (+{shown.times.round_duration(g.delay / 1_000_000)})" if g.delay else g.group
        for g in queue.groups
    )


def _queue(queue: Queue, rules: CompiledRuleSet, shown: Shown) -> QueueConfigView:
    t, span = shown.t, shown.times.round_duration
    told = [t("queues.offer_timeout", span=span(queue.offer_timeout / 1_000_000))]
    if queue.auto_accept:
        told.append(t("queues.auto_accept"))
    if queue.wrap_up:
        told.append(t("queues.wrap_up", span=span(queue.wrap_up / 1_000_000)))
    if queue.limit is not None:
        told.append(t("queues.limit", n=queue.limit))
    if queue.weight is not None:
        told.append(t("queues.weight", n=queue.weight))
    calendars = {c.id: c.name for c in rules.document.calendars}
    hours = calendars.get(queue.hours, queue.hours) if queue.hours else t("queues.always")
    return QueueConfigView(
        queue.id, queue.name, queue.delivery.value, groups_text(queue, shown), hours, ", ".join(told)
    )
