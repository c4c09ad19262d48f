"""One item as a line of a list: priority with its trend, SLA remaining, age. View models only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from openiwd.domain.attribute import MEDIA_TYPES
from openiwd.domain.instant import HOUR, to_micros
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.schema import Schema, scaled_line_at
from openiwd.domain.work_item import WorkItem
from openiwd.usecases.item_view import standing_of
from openiwd.web.shell.catalogue import THIN_SPACE, Catalogue, number
from openiwd.web.shell.time_text import Moment, TimeText

SOON: Final = timedelta(hours=2)
MEDIA_ICONS: Final[Mapping[str, str]] = {
    "email": "mail",
    "lead": "star",
    "sms": "chat",
    "chat": "chat",
    "webform": "list",
    "call": "phone",
    "workitem": "doc",
}
_OWN_MEDIA: Final = {m.id: m.name for m in MEDIA_TYPES}


class PriorityView(NamedTuple):
    """A priority as of now: its text, its share of the scale, where it is going."""

    text: str
    percent: int
    trend: str
    title: str


class SlaView(NamedTuple):
    """Time left until the due date; `kind` is empty, soon or over."""

    text: str
    kind: str
    exact: str


class Row(NamedTuple):
    id: str
    subject: str
    icon: str
    priority: PriorityView | None
    category: str
    category_path: str
    status: str
    offered: bool
    sla: SlaView | None
    created: Moment
    age: str
    assignee: str
    queue: str


class Shown(NamedTuple):
    """What every line needs beside its item."""

    t: Catalogue
    times: TimeText
    rules: CompiledRuleSet | None
    agents: Mapping[str, str]
    scale: float

    def agent(self, agent_id: str | None) -> str:
        return "" if agent_id is None else self.agents.get(agent_id, agent_id)

    def queue(self, queue_id: str | None) -> str:
        if queue_id is None:
            return "–"
        queue = self.rules.queues.get(queue_id) if self.rules is not None else None
        return queue.name if queue is not None else queue_id


def media_name(media: str, rules: CompiledRuleSet | None, t: Catalogue) -> str:
    """As the rule set names it; the product's own types in the reader's language, unless somebody has renamed them."""
    declared = rules.media_types.get(media) if rules is not None else None
    name = media if declared is None else declared.name
    return t.named("media_type", media) if name in (media, _OWN_MEDIA.get(media)) else name


def priority_text(value: float) -> str:
    """Whole numbers are enough to compare by eye; the API has the decimals."""
    return number(round(value))


def scale_of(rules: CompiledRuleSet | None) -> float:
    """What a full meter stands for: where the highest curve ends, and some room for value and adjustment."""
    tops = [float(_top(schema)) for schema in rules.schemas.values()] if rules is not None else []
    return max([*tops, 100.0]) * 1.2


def _top(schema: Schema) -> float:
    last = schema.segments[-1]
    highest = max(segment.start for segment in schema.segments)
    return float(highest + last.slope * 24 * HOUR if last.slope > 0 else highest)


def priority_view(item: WorkItem, shown_by: Shown) -> PriorityView | None:
    """The item's priority as of now; a final item keeps that of its end, without a trend."""
    t, rules = shown_by.t, shown_by.rules
    trend, slope = "flat", 0.0
    if item.priority_fixed is not None:
        value = float(item.priority_fixed)
    else:
        stands = standing_of(item, rules) if rules is not None else None
        if stands is None:
            return None
        schema, standing = stands
        at = to_micros(item.completed_at or shown_by.times.now)
        elapsed = schema.clock.elapsed(at) if standing.stopped is None else standing.stopped
        # A quotient of whole numbers is rounded once, as that of a fraction would be.
        line = scaled_line_at(schema, standing, elapsed)
        value = (line.intercept + line.slope * elapsed) / schema.scale
        if item.completed_at is None:
            slope = line.slope * HOUR / schema.scale
            moving = slope and standing.stopped is None and schema.clock.is_open(at)
            trend = ("up" if slope > 0 else "down") if moving else "flat"
    title = t("queue.priority_title", value=str(shown_value(value)), trend=t.named("trend", trend))
    if trend != "flat":
        title += ", " + t("queue.rate", value=f"{slope:+.0f}".replace("-", "−"))
    return PriorityView(priority_text(value), percent_of(value, shown_by.scale), trend, title)


def shown_value(value: float) -> str:
    whole = round(value, 2)
    text = f"{whole:,.2f}".rstrip("0").rstrip(".")
    return text.replace(",", THIN_SPACE).replace("-", "−")


def percent_of(value: float, scale: float) -> int:
    return max(0, min(100, round(value / scale * 100)))


def sla_view(item: WorkItem, times: TimeText) -> SlaView | None:
    """Time to the due date; for a finished item whether it was met."""
    if item.due_at is None:
        return None
    end: datetime = item.completed_at or times.now
    left = item.due_at - end
    kind = "over" if left < timedelta(0) else "soon" if left < SOON and item.completed_at is None else ""
    seconds = left.total_seconds()
    text = times.duration(seconds)
    if kind == "over" and seconds > -60:
        text = f"−{times.duration(abs(seconds))}"
    return SlaView(text, kind, times.t("sla.due", at=times.exact(item.due_at)))


def short_path(path: str | None, t: Catalogue) -> str:
    """The last two levels, which tell most; the whole path is in the title."""
    return " › ".join(path.split("/")[-2:]) if path else t("queue.unclassified")


def long_path(path: str | None, t: Catalogue) -> str:
    return " › ".join(path.split("/")) if path else t("queue.unclassified")


def icon_of(media_type: str) -> str:
    return MEDIA_ICONS.get(media_type, "doc")


def subject_of(item: WorkItem, t: Catalogue) -> str:
    return item.subject or t("queue.no_subject")


def row_of(item: WorkItem, shown_by: Shown) -> Row:
    t, times = shown_by.t, shown_by.times
    created = times.moment(item.created_at)
    if created is None:
        raise ValueError(item.created_at)
    return Row(
        id=str(item.id),
        subject=subject_of(item, t),
        icon=icon_of(item.media_type),
        priority=priority_view(item, shown_by),
        category=short_path(item.category_path, t),
        category_path=long_path(item.category_path, t),
        status=item.status.value,
        offered=item.offer_id is not None,
        sla=sla_view(item, times),
        created=created,
        age=times.since(item.created_at),
        assignee=shown_by.agent(item.assigned_to or item.offered_to),
        queue=shown_by.queue(item.queue_id),
    )
