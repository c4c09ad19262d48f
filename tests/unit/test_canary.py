"""Canary and shadow on plain values: who is judged by which rules, when a guard trips, and what diverges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openiwd.adapters.holidays.source import LibraryHolidaySource
from openiwd.domain import judging
from openiwd.domain.canary import Bound, Canary, Guards, Sides, canary_document, not_tried, tripped
from openiwd.domain.rule_set import CompiledRuleSet, parse_document
from openiwd.domain.rule_set_compiler import compile_rule_set
from openiwd.domain.shadow import Comparison, Divergence, DivergenceKind, Judged
from openiwd.domain.share import is_within, limit_of, place_of
from openiwd.domain.transition import Change, Context
from openiwd.domain.work_item import ItemUpdate, Status, WorkItem
from openiwd.processes.identity import new_id
from openiwd.usecases.rule_set import freeze_calendars, read_source, zone_of
from tests.factories.tenant import RULES, submission

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def compiled(source: str = RULES, version: int = 1) -> CompiledRuleSet:
    document = parse_document(read_source(source))
    calendars = freeze_calendars(document, LibraryHolidaySource(), NOW.year)
    return compile_rule_set(document, version, calendars, zone_of(document))


LIVE = compiled()
DRAFTED = RULES.replace("raiseBusinessValue: 100", "raiseBusinessValue: 250")


def context(canary: Canary | None = None, at: datetime = NOW) -> Context:
    return Context(now=at, actor="user:x", rules=LIVE, new_id=new_id, canary=canary)


def born(canary: Canary | None = None, item_id: UUID | None = None, **fields: Any) -> Change:
    return judging.create(submission("c", **fields), context(canary), item_id or new_id())


def made(canary: Canary | None, item_id: UUID | None = None, **fields: Any) -> WorkItem:
    return born(canary, item_id, **fields).item


# The share


def test_a_share_is_exact_to_the_hash() -> None:
    """The rule is written down, so that anybody can tell beforehand on which side an item falls."""
    item = UUID("0192d3a4-0000-7000-8000-000000000001")
    assert place_of(item) == 0x8D0D2BA6D0C6F5F9 or place_of(item) == place_of(UUID(str(item)))
    ids = [new_id() for _ in range(20_000)]
    taken = sum(is_within(i, limit_of(0.1)) for i in ids)
    assert taken == sum(place_of(i) < int(0.1 * 2**64) for i in ids)
    assert 1_700 < taken < 2_300


@given(st.uuids(), st.floats(0, 1), st.floats(0, 1))
def test_who_is_in_a_share_is_in_every_larger_one(item: UUID, one: float, other: float) -> None:
    small, large = sorted((limit_of(one), limit_of(other)))
    assert not is_within(item, small) or is_within(item, large)
    assert is_within(item, limit_of(1.0))
    assert not is_within(item, limit_of(0.0))


# Who judges


def test_a_new_item_of_the_share_is_judged_by_the_canary_and_says_so() -> None:
    canary = Canary(rules=compiled(DRAFTED, 7), limit=limit_of(0.5))
    ids = [new_id() for _ in range(200)]
    for item_id in ids:
        item = made(canary, item_id, ext={"customerSegment": "vip"})
        expected = (7, 250) if canary.takes(item.id) else (1, 100)
        assert (item.rule_set_version, item.business_value) == expected


def test_a_canary_for_one_category_leaves_the_others_alone() -> None:
    canary = Canary(rules=compiled(DRAFTED, 7), limit=limit_of(1.0), category="Claims/Motor")
    assert made(canary).rule_set_version == 7
    assert made(canary, data={"kind": "claim", "line": "house"}).rule_set_version == 1
    assert made(canary, data={"kind": "other"}).status is Status.ERRORHELD
    assert made(canary, data={"kind": "other"}).rule_set_version == 1


def test_an_item_stays_on_its_side_while_the_canary_runs_and_goes_back_when_it_ends() -> None:
    canary = Canary(rules=compiled(DRAFTED, 7), limit=limit_of(1.0))
    before, tried = made(None), made(canary)
    vip = ItemUpdate(ext={"customerSegment": "vip"})
    live = judging.update(before, vip, context(canary))
    assert live is not None
    assert (live.item.rule_set_version, live.item.business_value) == (1, 100)
    kept = judging.update(tried, vip, context(canary))
    assert kept is not None
    assert (kept.item.rule_set_version, kept.item.business_value) == (7, 250)
    back = judging.reclassify(kept.item, context(None))
    assert back is not None
    assert (back.item.rule_set_version, back.item.business_value) == (1, 100)


def test_only_what_judges_is_tried() -> None:
    live = parse_document(read_source(RULES))
    draft = parse_document(read_source(DRAFTED.replace("offerTimeout: 30s", "offerTimeout: 60s")))
    tried = canary_document(draft, live)
    assert tried.queues == live.queues
    assert tried.rules == draft.rules
    assert [(d.kind, d.id) for d in not_tried(draft, live)] == [("queues", "claims")]
    assert canary_document(live, live) == live


# Guards


def sides(canary: dict[str, int], live: dict[str, int]) -> Sides:
    found = Sides()
    for tally, counts in ((found.canary, canary), (found.live, live)):
        for name, n in counts.items():
            setattr(tally, name, n)
    return found


@pytest.mark.parametrize(
    ("canary", "live", "expected"),
    [
        ({"items": 9, "errors": 9, "errorheld": 9}, {"items": 100}, []),
        ({"items": 10, "errors": 1, "errorheld": 1}, {"items": 100}, ["errorRate"]),
        ({"items": 100, "no_agent": 21}, {"items": 5}, ["noAgentShare"]),
        ({"items": 100, "no_agent": 20}, {"items": 5}, []),
        ({"items": 100, "no_agent": 20}, {"items": 100, "no_agent": 15}, []),
        ({"items": 100, "no_agent": 20}, {"items": 100, "no_agent": 14}, ["noAgentShare"]),
        ({"items": 100, "errorheld": 30}, {"items": 100, "errorheld": 29}, ["errorheldShare"]),
        ({"items": 100}, {"items": 100, "errorheld": 100}, []),
    ],
)
def test_guards(canary: dict[str, int], live: dict[str, int], expected: list[str]) -> None:
    guards = Guards(
        least_items=10,
        error_rate=Bound(most=0.05, above_live=0.01),
        errorheld_share=Bound(most=0.2, above_live=0.5),
        no_agent_share=Bound(most=0.2, above_live=0.05),
    )
    assert [t.guard.value for t in tripped(sides(canary, live), guards)] == expected


def test_a_tally_tells_failed_rules_from_items_without_a_category() -> None:
    found = Sides()
    change = judging.create(submission("c", data={"kind": "other"}), context(), new_id())
    found.live.add(change.event.body["set"], has_agent=True)
    assert (found.live.items, found.live.errorheld, found.live.errors) == (1, 1, 0)
    wrong = RULES.replace(
        "attribute: data.kind, operator: eq, value: claim", "attribute: data.kind, operator: gt, value: 3"
    )
    failing = Context(now=NOW, actor="x", rules=compiled(wrong), new_id=new_id)
    change = judging.create(submission("c"), failing, new_id())
    assert change.item.status is Status.ERRORHELD, change.item
    found.canary.add(change.event.body["set"], has_agent=True)
    assert (found.canary.errorheld, found.canary.errors) == (1, 1)


# Shadow


def divergence(draft: str, change: Change) -> Divergence | None:
    assert change.basis is not None
    return Comparison(LIVE, compiled(draft, 0)).look(Judged(change.item, change.event.at, change.basis), {})


def look(draft: str, change: Change) -> list[str] | None:
    found = divergence(draft, change)
    return None if found is None else [k.value for k in found.kinds]


def test_the_same_rules_make_the_same() -> None:
    for data in ({"kind": "claim", "line": "motor"}, {"kind": "other"}, {"kind": "claim", "docs": "missing"}):
        for extra in ({}, {"ext": {"customerSegment": "vip"}}, {"subject": "SPAM"}):
            assert look(RULES, born(data=data, **extra)) is None


@pytest.mark.parametrize(
    ("old", "new", "fields", "expected"),
    [
        (
            "raiseBusinessValue: 100",
            "raiseBusinessValue: 250",
            {"ext": {"customerSegment": "vip"}},
            ["businessValue"],
        ),
        ("value: motor}", "value: house}", {}, ["category", "dueDate", "priorityBand", "requirement"]),
        ("skill: motor, level: 5", "skill: motor, level: 9", {}, ["requirement"]),
        ("sla: 8h", "sla: 4h", {}, ["dueDate"]),
        ("{age: 0h, priority: 100}", "{age: 0h, priority: 350}", {}, ["priorityBand"]),
        ("value: SPAM", "value: HAM", {"subject": "SPAM"}, ["outcome"]),
        ("name: Motor,", "name: Cars,", {}, ["category"]),
        ("queue: claims\n", "queue: loans\n", {}, ["queue"]),
    ],
)
def test_what_diverges_is_told(old: str, new: str, fields: dict[str, Any], expected: list[str]) -> None:
    assert old in RULES
    assert look(RULES.replace(old, new), born(**fields)) == expected


def test_rules_that_acted_are_told_on_both_sides() -> None:
    found = divergence(DRAFTED, born(ext={"customerSegment": "vip"}))
    assert found is not None
    assert found.kinds == [DivergenceKind.BUSINESS_VALUE]
    assert (found.live.business_value, found.draft.business_value) == (100, 250)
    assert (found.live.rules, found.draft.rules) == (["vip"], ["vip"])
    assert found.live.priority == 100


def test_an_item_judged_by_a_canary_is_compared_with_what_the_live_rules_would_make_of_it() -> None:
    canary = Canary(rules=compiled(DRAFTED, 7), limit=limit_of(1.0))
    change = born(canary, ext={"customerSegment": "vip"})
    assert change.item.business_value == 250
    assert look(RULES, change) is None
    assert look(DRAFTED, change) == ["businessValue"]


def test_an_update_is_looked_at_where_the_rules_judge_it_and_as_of_its_own_instant() -> None:
    item = made(None)
    later = context(at=NOW + timedelta(hours=3))
    change = judging.update(item, ItemUpdate(ext={"customerSegment": "vip"}), later)
    assert change is not None
    assert look(DRAFTED, change) == ["businessValue"]
    assert look(RULES, change) is None
    unseen = judging.update(change.item, ItemUpdate(description="no rule looks at it"), later)
    assert unseen is not None
    assert unseen.basis is None


def test_what_rules_had_made_of_an_item_is_no_fact_of_its_next_judging() -> None:
    vip = born(ext={"customerSegment": "vip"})
    again = judging.update(vip.item, ItemUpdate(subject="other"), context(), judging.Reclassify.ALWAYS)
    assert again is not None
    assert again.item.business_value == 100
    assert look(DRAFTED, again) == ["businessValue"]
    found = divergence(DRAFTED, again)
    assert found is not None
    assert found.draft.business_value == 250, "from the source's value, not on top of the live rules'"
