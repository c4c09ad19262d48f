"""How items meet the rules: created, updated, judged again in flight. Nothing of the source is lost or compounded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from openiwd.domain import assignment, finish, hold, judging, transition
from openiwd.domain.errors import InvalidInputError, InvalidTransitionError
from openiwd.domain.event import EventType, fold
from openiwd.domain.instant import to_micros
from openiwd.domain.judging import Reclassify
from openiwd.domain.source_values import source_view
from openiwd.domain.work_item import DueOrigin, ItemUpdate, Status, WorkItem
from tests.factories.life import PAUSING, RULES, RUNNING, Life, at, rules
from tests.factories.tenant import START, submission

CLAIM: dict[str, Any] = {"kind": "claim", "line": "motor"}
PROPERTY = {"kind": "claim", "line": "property"}


@pytest.fixture
def life() -> Life:
    return Life()


# Created


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({}, Status.QUEUED, None),
        ({"activationDateTime": "2026-03-02T08:59:59Z"}, Status.QUEUED, None),
        ({"activationDateTime": "2026-03-02T09:00:00Z"}, Status.QUEUED, None),
        ({"activationDateTime": "2026-03-02T09:00:01Z"}, Status.CAPTURED, None),
        ({"data": {"kind": "?"}}, Status.ERRORHELD, "no category"),
        ({"data": {**CLAIM, "amount": "much"}}, Status.ERRORHELD, "amount"),
        ({"data": {"kind": "claim", "line": "past"}}, Status.REJECTED, "Past"),
        ({"category": "Claims/Past"}, Status.QUEUED, None),
        ({"subject": "SPAM"}, Status.REJECTED, "spam"),
        ({"data": {**CLAIM, "docs": "missing"}}, Status.HELD, None),
    ],
)
def test_where_a_new_item_goes(life: Life, fields: dict[str, Any], status: Status, error: str | None) -> None:
    item = life.create(**fields)
    assert item.status is status
    assert (error is None) == (item.error is None)
    if error is not None:
        assert error in (item.error or "")
    assert (item.held_at is not None) is status.is_held
    assert (item.completed_at is not None) is status.is_final
    assert item.rule_set_version == 1


def test_a_category_named_by_its_source_is_believed(life: Life) -> None:
    assert life.create(category="Lending").category_path == "Lending"
    assert Life().create(category="Nowhere").category_path == "Claims/Motor"


def test_creating_leaves_the_submission_as_it_was(life: Life) -> None:
    new = submission("c1", data={**CLAIM, "zip": "1", "place": {"a": 1}})
    first = judging.create(new, life.ctx(), life.new_id())
    assert new.data == {**CLAIM, "zip": "1", "place": {"a": 1}}
    again = judging.create(new, life.ctx(), first.item.id)
    assert again.item == first.item
    assert again.event == first.event


@pytest.mark.parametrize(
    ("given", "fixed", "adjustment"),
    [
        ({"priority": 50}, 50, 0),
        ({"priority": -50}, -50, 0),
        ({"priority": "+10"}, None, 10),
        ({"priority": "-5"}, None, -5),
        ({"priorityFixed": 7, "priorityAdjustment": 3}, 7, 3),
        ({"priority": "+10", "priorityFixed": 7}, 7, 10),
        ({"priority": 5, "priorityAdjustment": 3}, 5, 3),
    ],
)
def test_priority_on_input(life: Life, given: dict[str, Any], fixed: int | None, adjustment: int) -> None:
    item = life.create(**given)
    assert (item.priority_fixed, item.priority_adjustment) == (fixed, adjustment)


@pytest.mark.parametrize(
    "given",
    [{"priority": 5, "priorityFixed": 5}, {"priority": "+5", "priorityAdjustment": 5}, {"priority": 2**40}],
)
def test_priority_said_twice_or_out_of_range(life: Life, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        life.create(**given)
    assert caught.value.field == "priority"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"createdDateTime": "2026-03-02T09:00:01Z"}, "createdDateTime"),
        ({"dueDateTime": "2037-01-01T00:00:00Z"}, "dueDateTime"),
        ({"activationDateTime": "2015-01-01T00:00:00Z"}, "activationDateTime"),
        ({"expirationDateTime": "2037-01-01T00:00:00Z"}, "expirationDateTime"),
        ({"ext": {"sourceCreatedDateTime": "1999-01-01T00:00:00Z"}}, "ext.sourceCreatedDateTime"),
        ({"subject": "\x00"}, "subject"),
        ({"tags": ["a\x00"]}, "tags"),
        ({"data": {"a": ["\ud800"]}}, "data.a[0]"),
        ({"contact": {"name": "\x00"}}, "contact.name"),
    ],
)
def test_what_is_refused(life: Life, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        life.create(**given)
    assert caught.value.field == field


def test_without_a_due_date_classification_makes_one_by_the_schema(life: Life) -> None:
    assert life.create().due_origin is DueOrigin.SCHEMA
    late = Life().create(data={"kind": "claim", "line": "late"}, activationDateTime="2026-03-02T12:00:00Z")
    assert late.due_at == at("2026-03-02T16:00")
    sourced = {"kind": "claim", "line": "sourced"}
    item = Life().create(data=sourced, ext={"sourceCreatedDateTime": "2026-03-01T09:00:00Z"})
    assert (item.anchor_at, item.due_at) == (at("2026-03-01T09:00"), at("2026-03-01T13:00"))
    unlimited = Life().create(data={"kind": "claim", "line": "open"})
    assert (unlimited.due_at, unlimited.due_origin) == (None, None)


# Updated


def test_absent_is_unchanged_and_null_is_cleared(life: Life) -> None:
    before = life.create(
        subject="a", description="b", channel="mail", sourceUrl="https://x.test/", businessValue=5,
        expirationDateTime="2026-06-01T00:00:00Z", contact={"name": "Ada"}, tags=["x"],
    )  # fmt: skip
    item = life.put(subject="c")
    assert item.subject == "c"
    assert (item.description, item.channel, item.business_value) == ("b", "mail", 5)
    item = life.put(
        subject=None, description=None, channel=None, sourceUrl=None, businessValue=None,
        expirationDateTime=None, contact=None, tags=None,
    )  # fmt: skip
    assert (item.subject, item.description, item.channel, item.source_url, item.business_value) == (
        None, None, None, None, 0,
    )  # fmt: skip
    assert (item.expiration_at, item.contact, item.tags) == (None, None, [])
    assert item.created_at == before.created_at


def test_ext_and_data_merge_by_key(life: Life) -> None:
    life.create(
        ext={"customerId": "1", "productType": "p"}, data={**CLAIM, "a": {"x": 1, "y": 2}, "list": [1]}
    )
    item = life.put(
        ext={"productType": None, "customerSegment": "gold"}, data={"a": {"x": None, "z": 3}, "list": [2]}
    )
    assert item.ext == {"customerId": "1", "customerSegment": "gold"}
    assert item.data == {**CLAIM, "a": {"y": 2, "z": 3}, "list": [2]}
    assert life.put(ext=None).ext == {}
    with pytest.raises(InvalidInputError) as caught:
        life.put(ext={"nonsense": 1})
    assert (caught.value.field or "").startswith("ext")


@pytest.mark.parametrize(
    ("given", "fixed", "adjustment"),
    [
        ({"priority": 50}, 50, 3),
        ({"priority": 50.0}, 50, 3),
        ({"priority": "+10"}, 7, 10),
        ({"priority": None}, None, 3),
        ({"priorityFixed": None, "priorityAdjustment": None}, None, 0),
    ],
)
def test_priority_in_updates(life: Life, given: dict[str, Any], fixed: int | None, adjustment: int) -> None:
    life.create(priorityFixed=7, priorityAdjustment=3)
    item = life.put(**given)
    assert (item.priority_fixed, item.priority_adjustment) == (fixed, adjustment)


def test_our_own_answer_sent_back_changes_no_priority(life: Life) -> None:
    life.create()
    item = life.put(priority=123.45, priorityAt="2026-03-02T09:00:00Z", subject="x")
    assert (item.priority_fixed, item.priority_adjustment) == (None, 0)
    for wrong in (123.45, "10", "+x", float("inf")):
        with pytest.raises(InvalidInputError) as caught:
            life.put(priority=wrong)
        assert caught.value.field == "priority"


def test_nothing_changed_is_no_revision(life: Life) -> None:
    life.create(subject="x", data={**CLAIM, "zip": "1"}, businessValue=1, ext={"customerSegment": "vip"})
    for same in (
        {},
        {"subject": "x"},
        {"data": {"zip": "1"}},
        {"businessValue": 1},
        {"ext": {"customerSegment": "vip"}},
        {"dueDateTime": None},
    ):
        with pytest.raises(AssertionError, match="nothing changed"):
            life.put(**same)


@pytest.mark.parametrize(
    ("old", "new"), [(1, True), (1, 1.0), (0, False), ([1], [True]), ({"x": 1}, {"x": True})]
)
def test_a_value_of_another_kind_is_another_value(life: Life, old: object, new: object) -> None:
    life.create(data={**CLAIM, "flag": old})
    item = life.put(data={"flag": new})
    assert repr(item.data["flag"]) == repr(new)
    folded = fold(life.log)
    assert folded is not None
    assert repr(folded.data["flag"]) == repr(new)


def test_a_final_item_is_not_updated(life: Life) -> None:
    life.create()
    life.do(finish.cancel)
    with pytest.raises(InvalidTransitionError):
        life.put(subject="x")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"tags": ["\x00"]}, "tags"),
        ({"subject": "\x00"}, "subject"),
        ({"data": {"a": "\x00"}}, "data.a"),
        ({"ext": {"customerId": "\x00"}}, "ext.customerId"),
        ({"contact": {"name": "\x00"}}, "contact.name"),
        ({"dueDateTime": "2099-01-01T00:00:00Z"}, "dueDateTime"),
        ({"activationDateTime": "2099-01-01T00:00:00Z"}, "activationDateTime"),
        ({"expirationDateTime": "2099-01-01T00:00:00Z"}, "expirationDateTime"),
        ({"ext": {"sourceDueDateTime": "2099-01-01T00:00:00Z"}}, "ext.sourceDueDateTime"),
    ],
)
def test_what_an_update_may_not_bring(life: Life, given: dict[str, Any], field: str) -> None:
    before = life.create()
    with pytest.raises(InvalidInputError) as caught:
        life.put(**given)
    assert caught.value.field == field
    assert life.item is before


def test_data_nested_too_deep_is_refused_not_recursed_into(life: Life) -> None:
    life.create()
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    change = ItemUpdate(data=deep)
    with pytest.raises(InvalidInputError, match="deeper"):
        judging.update(life.item, change, life.ctx())


# What rules made


def test_raised_values_do_not_compound(life: Life) -> None:
    item = life.create(ext={"customerSegment": "vip"}, businessValue=5, tags=["urgent"], priorityAdjustment=1)
    for n in range(3):
        assert (item.business_value, item.priority_adjustment) == (105, 51)
        item = life.put(Reclassify.ALWAYS, channel=str(n))
    assert life.put(businessValue=7).business_value == 107
    assert life.put(priorityAdjustment=2).priority_adjustment == 52
    item = life.put(ext={"customerSegment": None}, tags=[])
    assert (item.business_value, item.priority_adjustment, item.overridden) == (7, 2, {})


def test_attributes_set_by_rules_are_taken_away_again(life: Life) -> None:
    data = {**CLAIM, "zip": "1", "region": "east", "place": "here"}
    item = life.create(data=data, ext={"productSubtype": "own"})
    assert (item.data["region"], item.data["place"], item.ext["productSubtype"]) == (
        "north", {"side": "left"}, "made",
    )  # fmt: skip
    assert (source_view(item).data, source_view(item).ext) == (data, {"productSubtype": "own"})
    item = life.put(data={"zip": None})
    assert item.data == {**CLAIM, "region": "east", "place": "here"}
    assert item.ext == {"productSubtype": "own"}


def test_attributes_that_were_not_there_leave_nothing_behind(life: Life) -> None:
    life.create(data={**CLAIM, "zip": "1"})
    assert life.item.data["place"] == {"side": "left"}
    item = life.put(data={"zip": None})
    assert (item.data, item.ext) == (CLAIM, {})


def test_values_of_persons_stay_out_of_the_public_part_of_events(life: Life) -> None:
    life.create(data={**CLAIM, "zip": "1", "region": "Ada's"}, ext={"customerId": "C-1"}, subject="Ada")
    life.put(data={"region": "Ada's own"}, subject="Ada L.")
    for event in life.log:
        public = repr(event.body)
        assert "Ada" not in public
        assert "C-1" not in public
    erased = [life.log[0], life.log[1]]
    for event in erased:
        event.personal = None
    blank = fold(erased)
    assert blank is not None
    assert (blank.data, blank.subject, blank.overridden) == ({}, None, {"ext.productSubtype": None})


def test_due_dates_source_rule_schema(life: Life) -> None:
    item = life.create()
    assert (item.due_at, item.due_origin) == (START + timedelta(hours=8), DueOrigin.SCHEMA)
    item = life.put(dueDateTime="2026-03-05T00:00:00Z")
    assert (item.due_at, item.due_origin) == (at("2026-03-05T00:00"), DueOrigin.SOURCE)
    item = life.put(tags=["urgent"])
    assert (item.due_at, item.due_origin) == (START + timedelta(hours=2), DueOrigin.RULE)
    item = life.put(tags=[])
    assert (item.due_at, item.due_origin) == (at("2026-03-05T00:00"), DueOrigin.SOURCE)
    item = life.put(dueDateTime=None)
    assert (item.due_at, item.due_origin) == (START + timedelta(hours=8), DueOrigin.SCHEMA)


def test_a_made_due_date_keeps_its_pauses_when_judged_again(life: Life) -> None:
    life.create(data=PROPERTY)
    life.do(hold.hold, PAUSING)
    life.wait(hours=2)
    resumed = life.do(hold.resume)
    for n in range(2):
        item = life.put(Reclassify.ALWAYS, channel=str(n))
        assert (item.due_at, item.clock_origin) == (resumed.due_at, resumed.clock_origin)
    assert life.put(tags=["urgent"]).due_at == at("2026-03-02T13:00")


def test_a_due_date_counted_from_now_is_not_moved_by_the_past(life: Life) -> None:
    life.create(data=PROPERTY)
    life.do(hold.hold, PAUSING)
    life.wait(hours=2)
    life.do(hold.resume)
    assert life.put(tags=["again"]).due_at == life.now + timedelta(hours=2)


# When an update is judged again


def test_never_keeps_the_judgement_and_takes_the_values(life: Life) -> None:
    life.create(ext={"customerSegment": "vip"}, businessValue=5, tags=["urgent"], data={**CLAIM, "zip": "1"})
    item = life.put(
        Reclassify.NEVER,
        data={"kind": "loan", "region": "east"},
        businessValue=6,
        dueDateTime="2026-03-05T00:00:00Z",
    )
    assert (item.category_path, item.queue_id, item.business_value) == ("Claims/Motor", "claims", 105)
    assert (item.data["kind"], item.data["region"]) == ("loan", "north")
    assert (item.due_origin, item.due_at) == (DueOrigin.RULE, START + timedelta(hours=2))
    source = source_view(item)
    assert (source.business_value, source.data["region"], source.due_at) == (
        6,
        "east",
        at("2026-03-05T00:00"),
    )
    item = life.put(Reclassify.ALWAYS)
    assert (item.category_path, item.business_value) == ("Lending/Mortgage", 106)


def test_on_change_judges_again_only_for_what_rules_read(life: Life) -> None:
    life.create()
    life.rules = rules(RULES.replace("name: Life", "name: New"), 2)
    assert life.put(data={"remark": "x"}, description="x", ext={"productType": "p"}).rule_set_version == 1
    assert life.put(subject="x").rule_set_version == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"data": {"line": "property"}}, {"tags": ["x"]}, {"channel": "x"}, {"category": "Lending"},
        {"businessValue": 3}, {"activationDateTime": "2026-03-03T00:00:00Z"},
        {"dueDateTime": "2026-03-09T00:00:00Z"}, {"ext": {"requestedAgent": "amara"}},
        {"ext": {"sourceCreatedDateTime": "2026-03-01T00:00:00Z"}}, {"ext": {"requestedSkill": "x"}},
    ],
)  # fmt: skip
def test_what_rules_requirements_segments_and_anchors_read(life: Life, fields: dict[str, Any]) -> None:
    life.create()
    life.rules = rules(RULES.replace("name: Life", "name: New"), 2)
    assert life.put(**fields).rule_set_version == 2


# Reclassification in flight


def test_assigned_category_priority_and_due_date_change_agent_and_queue_stay(life: Life) -> None:
    before = life.assigned()
    item = life.put(data={"kind": "loan"}, ext={"customerSegment": "vip"})
    assert (item.status, item.assigned_to, item.assignment_id, item.queue_id) == (
        Status.ASSIGNED, "amara", before.assignment_id, "claims",
    )  # fmt: skip
    assert (item.category_path, item.schema_id, item.business_value) == ("Lending/Mortgage", "business", 100)
    assert item.due_at == at("2026-03-03T09:00")
    assert life.last.closed_offer is None


@pytest.mark.parametrize(
    "fields",
    [{"data": {"kind": "?"}}, {"subject": "SPAM"}, {"data": {"amount": "much"}}, {"data": {"line": "past"}}],
)
def test_assigned_without_a_category_the_old_one_is_kept_with_a_warning(
    life: Life, fields: dict[str, Any]
) -> None:
    before = life.assigned(ext={"customerSegment": "vip"}, businessValue=5)
    item = life.put(**fields)
    assert (item.status, item.category_path, item.assigned_to) == (Status.ASSIGNED, "Claims/Motor", "amara")
    assert (item.business_value, item.due_at, item.schema_id) == (105, before.due_at, "wall")
    assert source_view(item).business_value == 5
    assert life.last.warnings
    assert life.last.event.body["warnings"] == list(life.last.warnings)


def test_assigned_a_holding_rule_does_not_take_it_away(life: Life) -> None:
    life.assigned()
    item = life.put(data={"docs": "missing"})
    assert (item.status, item.hold_reason, item.held_at, item.clock_frozen) == (
        Status.ASSIGNED,
        None,
        None,
        None,
    )


def test_offered_the_offer_stands_while_it_stays_queued(life: Life) -> None:
    life.create()
    offered = life.offer("amara")
    item = life.put(data={"kind": "loan"})
    assert (item.status, item.queue_id, item.offer_id) == (Status.QUEUED, "loans", offered.offer_id)
    assert life.last.closed_offer is None


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"data": {"kind": "?"}}, Status.ERRORHELD),
        ({"subject": "SPAM"}, Status.REJECTED),
        ({"data": {"docs": "missing"}}, Status.HELD),
        ({"activationDateTime": "2026-03-03T00:00:00Z"}, Status.CAPTURED),
    ],
)
def test_no_longer_queued_offer_and_reservation_end_with_it(
    life: Life, fields: dict[str, Any], status: Status
) -> None:
    life.create()
    life.do(assignment.transfer_to_agent, "amara", sender="lena")
    offered = life.offer("amara")
    item = life.put(**fields)
    assert item.status is status
    assert (item.offer_id, item.offered_to, item.reserved_for, item.reserved_until) == (
        None,
        None,
        None,
        None,
    )
    assert life.last.closed_offer is not None
    assert life.last.closed_offer.id == offered.offer_id


def test_held_it_stays_held(life: Life) -> None:
    life.create()
    before = life.do(hold.hold, PAUSING, until=START + timedelta(hours=5), wakes_on="customerReply")
    life.wait(hours=1)
    item = life.put(data={"kind": "loan"})
    assert (item.status, item.queue_id, item.schema_id) == (Status.HELD, "loans", "business")
    assert (item.held_at, item.hold_reason, item.hold_until, item.hold_wakes_on) == (
        before.held_at, PAUSING, before.hold_until, "customerReply",
    )  # fmt: skip
    business = life.rules.schemas["business"].clock
    assert item.clock_frozen == business.elapsed(to_micros(START))
    item = life.do(hold.resume)
    assert item.due_at == at("2026-03-03T10:00")


@pytest.mark.parametrize("fields", [{"data": {"kind": "?"}}, {"subject": "SPAM"}])
def test_held_without_a_category_the_old_one_is_kept_with_a_warning(
    life: Life, fields: dict[str, Any]
) -> None:
    life.create()
    life.do(hold.hold, RUNNING)
    item = life.put(**fields)
    assert (item.status, item.category_path) == (Status.HELD, "Claims/Motor")
    assert life.last.warnings


def test_held_without_a_pause_a_pausing_rule_does_not_stop_its_clock(life: Life) -> None:
    life.create()
    life.do(hold.hold, RUNNING)
    item = life.put(data={"docs": "missing"})
    assert (item.hold_reason, item.hold_pauses, item.clock_frozen) == (RUNNING, False, None)


def test_errorheld_put_right_by_an_update(life: Life) -> None:
    life.create(data={"kind": "?"})
    life.wait(hours=1)
    item = life.put(data={"kind": "!"})
    assert (item.status, item.held_at) == (Status.ERRORHELD, START)
    item = life.put(data={"kind": "claim"})
    assert (item.status, item.error, item.held_at) == (Status.QUEUED, None, None)


def test_errorheld_resumed_is_processed_again(life: Life) -> None:
    life.create(data={"kind": "?"})
    life.wait(hours=1)
    item = life.do(judging.resume_unclassified)
    assert (item.status, item.held_at) == (Status.ERRORHELD, life.now)
    life.rules = rules(RULES + "defaultCategory: misc\n", 2)
    item = life.do(judging.resume_unclassified)
    assert (item.status, item.category_path, item.error) == (Status.QUEUED, "Misc", None)


def test_errorheld_in_mid_life_keeps_its_age_and_pauses(life: Life) -> None:
    life.create(data=PROPERTY)
    life.do(hold.hold, PAUSING)
    life.wait(hours=2)
    resumed = life.do(hold.resume)
    life.put(data={"amount": "much"})
    item = life.put(data={"amount": 1})
    assert (item.due_at, item.clock_origin, item.queued_at) == (resumed.due_at, resumed.clock_origin, START)


def test_an_item_held_before_it_was_ever_classified(life: Life) -> None:
    life.create(data={"kind": "?"})
    life.take(
        transition.changed(
            EventType.UPDATED,
            life.item,
            WorkItem(
                id=life.item.id,
                capture_point="rest",
                capture_id="c1",
                data=CLAIM,
                received_at=START,
                created_at=START,
            ),
            life.ctx(),
        )
    )
    assert life.item.status is Status.NEW
    held = life.do(hold.hold, PAUSING, keep_for="amara")
    assert (held.status, held.category_id) == (Status.HELD, None)
    life.wait(hours=2)
    item = life.do(judging.resume_unclassified, because="holdUntil")
    assert (item.status, item.category_path, item.reserved_for) == (Status.QUEUED, "Claims/Motor", "amara")
    assert item.due_at == START + timedelta(hours=10)


def test_judged_again_after_publishing_only_what_differs(life: Life) -> None:
    life.create(data={"kind": "?"})
    life.wait(hours=1)
    assert judging.reclassify(life.item, life.ctx()) is None
    life.rules = rules(RULES + "defaultCategory: misc\n", 2)
    assert life.do(judging.reclassify).status is Status.QUEUED
    assert judging.reclassify(life.item, life.ctx()) is None
    life.do(finish.cancel)
    assert judging.reclassify(life.item, life.ctx()) is None


@pytest.mark.parametrize("status", [Status.ASSIGNED, Status.HELD])
def test_judged_again_in_vain_made_values_do_not_pass_for_the_sources(life: Life, status: Status) -> None:
    given: dict[str, Any] = {
        "data": {**CLAIM, "zip": "1", "region": "east"},
        "businessValue": 5,
        "ext": {"customerSegment": "vip"},
    }
    life.assigned(**given)
    if status is Status.HELD:
        life.do(hold.hold, RUNNING)
    life.rules = rules(RULES.replace("value: claim", "value: nothing"), 2)
    item = life.do(judging.reclassify)
    assert life.last.warnings
    assert (item.status, item.business_value, item.data["region"]) == (status, 105, "north")
    source = source_view(item)
    assert (source.business_value, source.data) == (5, given["data"])
    assert item.rule_set_version == 1, "the version whose judgement stands"


def test_captured_moves_with_its_activation(life: Life) -> None:
    life.create()
    assert life.put(activationDateTime="2026-03-03T00:00:00Z").status is Status.CAPTURED
    item = life.put(Reclassify.NEVER, activationDateTime=None)
    assert (item.status, item.queued_at) == (Status.QUEUED, START)
