"""The summary of a replay, folded from events by hand-made examples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from openiwd.domain.replay.plan import Sla
from openiwd.domain.replay.rule_set import rule_set_for
from openiwd.domain.replay.summary import FactBody, Tally
from openiwd.domain.rule_set import parse_document
from tests.factories.rule_set import compiled

START = datetime(2024, 3, 4, 8, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


class Story:
    """Events of items, told in minutes."""

    def __init__(self) -> None:
        self.tally = Tally("replay")

    def event(self, number: int | None, kind: str, minutes: float, to: str | None, **body: Any) -> None:
        raw = {"to": to, **body}
        self.tally.take(number, kind, at(minutes), msgspec.convert(raw, FactBody))

    def create(self, number: int, minutes: float, *, due: float | None = None, point: str = "replay") -> None:
        fields: dict[str, Any] = {"capture_point": point, "capture_id": f"c{number}", "category_path": "A"}
        if due is not None:
            fields["due_at"] = at(due).isoformat()
        self.event(number, "created", minutes, "queued", set=fields)


def test_stays_in_queue_and_ends_are_counted() -> None:
    story = Story()
    story.create(1, 0)
    story.event(1, "assigned", 10, "assigned", agent="ada")
    story.event(1, "assigned", 12, "assigned", agent="ben")
    story.event(1, "returned", 20, "queued", agent="ben")
    story.event(1, "completed", 50, "completed")
    story.create(2, 0)
    story.event(2, "held", 5, "held")
    story.create(3, 0)
    story.event(3, "assigned", 1, "assigned", agent="ada")
    story.event(3, "completed", 2, "completed", agent="ada")
    story.create(4, 3)
    summary = story.tally.summary()
    assert (summary.created, summary.assigned, summary.returned, summary.held) == (4, 3, 1, 1)
    assert (summary.completed_by_agents, summary.completed_by_source) == (1, 1)
    assert (summary.queued_at_end, summary.assigned_at_end) == (1, 0)
    assert (summary.held_at_end, summary.completed_at_end, summary.other_at_end) == (1, 2, 0)
    (category,) = summary.categories
    waits = category.waits
    assert (waits.count, waits.mean) == (4, 690.0)
    assert (waits.median, waits.p90) == (300.0, 1800.0)  # of 1, 5, 10 and 30 minutes


def test_sla_is_judged_at_the_last_completion_and_open_items_once_they_are_late() -> None:
    story = Story()
    for number, due in ((1, 10), (2, 10), (3, 10), (4, 1_000)):
        story.create(number, 0, due=due)
    story.event(1, "completed", 10, "completed")
    story.event(2, "completed", 9, "completed")
    story.event(2, "reopened", 11, "queued")
    story.event(2, "completed", 30, "completed")
    summary = story.tally.summary({"c1": True, "c2": True, "c3": False})
    assert (summary.sla.judged, summary.sla.within) == (3, 1)
    assert summary.log_sla is not None
    assert (summary.log_sla.judged, summary.log_sla.within, summary.log_sla.agree) == (3, 2, 2)


def test_due_dates_that_move_count_as_they_stand() -> None:
    story = Story()
    story.create(1, 0, due=10)
    story.event(1, "resumed", 5, "queued", set={"due_at": at(20).isoformat()})
    story.event(1, "completed", 15, "completed")
    assert story.tally.summary().sla.within == 1


def test_items_of_others_and_events_of_no_item_do_not_count() -> None:
    story = Story()
    story.create(1, 0, point="rest")
    story.event(1, "completed", 1, "completed")
    story.event(None, "ruleSetPublished", 1, None)
    summary = story.tally.summary()
    assert (summary.created, summary.completed_by_source, summary.categories) == (0, 0, [])


@pytest.mark.parametrize(
    "names",
    [
        ["W_Afhandelen leads", "W_Beoordelen fraude"],
        ["a b", "a-b", "A B", "(uncategorised)", "…", "é", "x" * 150, "x" * 151],
    ],
)
def test_the_rule_set_of_any_categories_compiles(names: list[str]) -> None:
    raw = rule_set_for("Replay", names, Sla("24h", {names[0]: "2h"}))
    assert parse_document(raw).name == "Replay"
    rules = compiled(raw)
    assert [rules.by_path[name].name for name in names] == names
    schemas = [rules.schemas[rules.by_path[name].schema_id] for name in names]
    hours = [schema.sla // 3_600_000_000 for schema in schemas if schema.sla is not None]
    assert hours == [2] + [24] * (len(names) - 1)
