"""Measures of reports: what each number says, and how it is made of stored sums and counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

Sums = Mapping[str, int | float]


class Unit(StrEnum):
    COUNT = "count"
    DURATION = "duration"
    SHARE = "share"
    VALUE = "value"


class Measure(Struct, frozen=True, kw_only=True):
    """A number of a report. `over` empty: the sum itself; else sum over sum, and nothing where that is zero."""

    name: str
    unit: Unit
    sum: str
    over: str = ""
    definition: str
    level: bool = False
    """Told of an instant: never summed over time."""
    drill: bool = False
    """The items behind it can be listed."""

    def value(self, sums: Sums) -> float | int | None:
        top = sums.get(self.sum)
        if not self.over:
            return top
        under = sums.get(self.over)
        return None if not under or top is None else top / under


def _count(
    name: str, definition: str, *, sum_of: str = "", drill: bool = True, level: bool = False
) -> Measure:
    return Measure(
        name=name, unit=Unit.COUNT, sum=sum_of or name, definition=definition, drill=drill, level=level
    )


def _mean(name: str, top: str, under: str, definition: str) -> Measure:
    return Measure(name=name, unit=Unit.DURATION, sum=top, over=under, definition=definition)


def _share(name: str, top: str, under: str, definition: str) -> Measure:
    return Measure(name=name, unit=Unit.SHARE, sum=top, over=under, definition=definition)


_ALL: Final = (
    _count("new", "Items received in the period."),
    _count("reopened", "Items that had finished and became open again in the period."),
    _count("completed", "Transitions to completed in the period."),
    _count("canceled", "Transitions to canceled in the period."),
    _count("rejected", "Transitions to rejected in the period."),
    _count("finished", "Completed, canceled and rejected together.", drill=True),
    _count(
        "moved", "Items that came from another line of the report less those that went to one.", drill=False
    ),
    _count("pending", "Open items at the end of the period.", level=True),
    _count("overdue", "Open items at the end of the period whose due date had passed.", level=True),
    _count("held", "Open items at the end of the period that were held (errors not counted).", level=True),
    _count("errorheld", "Open items at the end of the period that an error had stopped.", level=True),
    _count("completed_due", "Completed in the period, with a due date.", drill=False),
    _count("completed_in_time", "Completed in the period, at or before the due date."),
    _count("finished_overdue", "Completed in the period, after the due date."),
    _count("due", "Items whose due date lies in the period.", drill=False),
    _count("due_in_time", "Of those, finished at or before it.", drill=False),
    _share(
        "service_level",
        "completed_in_time",
        "completed_due",
        "Completed in the period at or before the due date ÷ completed in the period with a due date.",
    ),
    _share(
        "due_service_level",
        "due_in_time",
        "due",
        "Due in the period and finished by then ÷ due in the period.",
    ),
    _mean("finish_time", "finish_us", "finished", "Mean time from received to finished."),
    _mean(
        "accept_time",
        "accept_us",
        "assigned_n",
        "Mean time from received to first assigned, of items first assigned in the period.",
    ),
    _mean(
        "handle_time",
        "handle_us",
        "finished",
        "Mean assigned time and wrap-up of items finished in the period.",
    ),
    _mean("source_time", "source_us", "source_n", "Mean time from creation in the source to received."),
    _mean("queue_time", "queued_us", "queued_n", "Mean time from received to first queued."),
    _mean("first_wait", "assigned_us", "assigned_n", "Mean time from first queued to first assigned."),
    _mean("work_span", "worked_us", "worked_n", "Mean time from first assigned to finished."),
    _mean("age", "age_us", "pending", "Mean age, since created, of items open at the end of the period."),
    Measure(
        name="business_value",
        unit=Unit.VALUE,
        sum="business_value",
        definition="Sum of the business values of new items.",
    ),
    Measure(
        name="mean_value",
        unit=Unit.VALUE,
        sum="business_value",
        over="new",
        definition="Mean business value of new items.",
    ),
    _count("offered", "Offers made in the period.", drill=False),
    _count("accepted", "Offers accepted in the period.", drill=False),
    _count("declined", "Offers declined in the period.", drill=False),
    _count("timed_out", "Offers whose time ran out in the period.", drill=False),
    _count("assigned", "Assignments begun in the period.", drill=False),
    _count(
        "work_completed",
        "Assignments that ended with the item completed by the agent.",
        sum_of="completed",
        drill=False,
    ),
    _count("returned", "Assignments that ended with a return to the queue.", drill=False),
    _count("transferred", "Assignments that ended with a transfer or a new assignment.", drill=False),
    _count("first_waits", "First assignments of items.", drill=False),
    _count("later_waits", "Later assignments of items.", drill=False),
    _mean(
        "mean_first_wait",
        "first_wait_us",
        "first_waits",
        "Mean wait in the queue before an item's first assignment.",
    ),
    _mean(
        "mean_later_wait", "later_wait_us", "later_waits", "Mean wait in the queue before a later assignment."
    ),
    Measure(
        name="work_time",
        unit=Unit.DURATION,
        sum="work_us",
        definition="Assigned time that lies in the period.",
    ),
    Measure(
        name="focus_time",
        unit=Unit.DURATION,
        sum="focus_us",
        definition="For how long agents had the items in front of them, of assignments that ended in the period"
        " and tell.",
    ),
    Measure(
        name="wrap_up_time",
        unit=Unit.DURATION,
        sum="wrap_up_us",
        definition="Wrap-up granted after assignments that ended in the period.",
    ),
    _mean("mean_work", "ended_work_us", "ended_n", "Mean duration of assignments that ended in the period."),
    Measure(
        name="shortest_work",
        unit=Unit.DURATION,
        sum="shortest_us",
        definition="Shortest assignment that ended in the period.",
    ),
    Measure(
        name="longest_work",
        unit=Unit.DURATION,
        sum="longest_us",
        definition="Longest assignment that ended in the period.",
    ),
    Measure(
        name="logged_in",
        unit=Unit.DURATION,
        sum="logged_in_us",
        definition="Time in which the agent was logged in.",
    ),
    Measure(
        name="not_ready",
        unit=Unit.DURATION,
        sum="not_ready_us",
        definition="Time in which the agent was not ready.",
    ),
    _share("occupancy", "busy_us", "available_us", "Time with work or after-work ÷ (logged in − not ready)."),
    _count(
        "waiting", "Items that waited in the queue at the last sample of the period.", level=True, drill=False
    ),
    Measure(
        name="mean_waiting",
        unit=Unit.VALUE,
        sum="mean_waiting",
        definition="Mean of the samples of the period, of which there is one per quarter of an hour.",
    ),
    _count("waits", "Waits in the queue that an assignment of the period ended.", drill=False),
    _mean("mean_wait", "wait_us", "waits", "Mean of those waits."),
    _count("mail_received", "Items of emails received in the period."),
    _count("mail_open", "Of those, the ones that are open now."),
    _count("mail_completed", "Of those, the ones that are completed now."),
    _count("mail_dropped", "Of those, the ones that are canceled or rejected now."),
    _share(
        "mail_in_time",
        "mail_in_time_n",
        "mail_due_n",
        "Of those that are completed and have a due date, the share completed at or before it.",
    ),
    _mean("mail_wait", "mail_wait_us", "mail_assigned_n", "Mean time from received to first assigned."),
    _mean("mail_finish", "mail_finish_us", "mail_finished_n", "Mean time from received to finished."),
    *(
        _count(name, f"Open items at the end of the period that are {text} old.", level=True, drill=False)
        for name, text in (
            ("age_1h", "up to 1 hour"),
            ("age_4h", "1 to 4 hours"),
            ("age_1d", "4 to 24 hours"),
            ("age_3d", "1 to 3 days"),
            ("age_7d", "3 to 7 days"),
            ("age_more", "more than 7 days"),
        )
    ),
)
MEASURES: Final = {m.name: m for m in _ALL}
