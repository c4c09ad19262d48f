"""Each row of the lifecycle, and each sentence around it, on plain values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from math import floor
from typing import Any

import pytest

from openiwd.domain import assignment, finish, hold, judging, transition, waiting
from openiwd.domain.errors import ConflictError, InvalidInputError, InvalidTransitionError
from openiwd.domain.event import EventType
from openiwd.domain.offer import GrantKind, OfferOutcome
from openiwd.domain.work_item import DEFAULT_EXPIRATION_DAYS, DueOrigin, ItemUpdate, Status, WorkItem
from openiwd.usecases.item_view import priority_of
from tests.factories.life import PAUSING, RUNNING, Life, at
from tests.factories.tenant import START

PROPERTY = {"kind": "claim", "line": "property"}
LATER = (START + timedelta(hours=3)).isoformat()


@pytest.fixture
def life() -> Life:
    return Life()


# Captured and activation


def test_captured_waits_for_its_activation(life: Life) -> None:
    assert life.create(activationDateTime=LATER).status is Status.CAPTURED
    assert waiting.expire(life.item, life.ctx()) is None
    life.wait(hours=3)
    item = life.take(waiting.expire(life.item, life.ctx()))
    assert (item.status, item.queued_at, item.activation_at) == (Status.QUEUED, life.now, life.now)


def test_released_early_an_age_from_activation_starts_then(life: Life) -> None:
    item = life.create(activationDateTime=LATER, data={"kind": "claim", "line": "late"})
    assert (item.anchor_at, item.due_at) == (START + timedelta(hours=3), START + timedelta(hours=7))
    life.wait(hours=1)
    item = life.do(waiting.activate)
    assert (item.status, item.activation_at, item.anchor_at) == (Status.QUEUED, life.now, life.now)
    assert item.due_at == life.now + timedelta(hours=4)


def test_released_early_a_source_due_date_stays(life: Life) -> None:
    due = START + timedelta(days=3)
    life.create(activationDateTime=LATER, dueDateTime=due.isoformat(), data={"kind": "claim", "line": "late"})
    assert life.do(waiting.activate).due_at == due


# Holds


def test_a_hold_needs_a_listed_active_reason_and_a_later_instant(life: Life) -> None:
    life.create()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"reason": "nonsense"}, "reason"),
        ({"reason": RUNNING, "until": life.now}, "holdUntil"),
        ({"reason": RUNNING, "until": life.now + timedelta(days=5000)}, "holdUntil"),
        ({"reason": RUNNING, "wakes_on": "rain"}, "wakesOn"),
    ]
    for arguments, field in wrong:
        with pytest.raises(InvalidInputError) as caught:
            life.do(hold.hold, **arguments)
        assert caught.value.field == field
    life.do(hold.hold, RUNNING)
    with pytest.raises(InvalidTransitionError):
        life.do(hold.hold, RUNNING)


@pytest.mark.parametrize(
    ("fields", "due"),
    [
        ({"data": PROPERTY}, at("2026-03-03T11:00")),  # 09:00 + 10 h of office time = Tuesday 09:00, + 2 h
        ({"tags": ["urgent"], "data": PROPERTY}, at("2026-03-02T13:00")),  # a rule's 11:00, + 2 h
        ({"dueDateTime": "2026-03-02T15:00:00Z", "data": PROPERTY}, at("2026-03-02T15:00")),
    ],
    ids=["schema", "rule", "source"],
)
def test_a_pause_moves_only_made_due_dates(life: Life, fields: dict[str, Any], due: object) -> None:
    life.create(**fields)
    life.do(hold.hold, PAUSING)
    life.wait(hours=2)
    item = life.do(hold.resume)
    assert item.due_at == due
    assert item.pauses == [(START, life.now)]


def test_a_pause_counts_on_the_business_clock(life: Life) -> None:
    life.create(data=PROPERTY)
    life.now = at("2026-03-06T17:00")  # Friday
    frozen = life.do(hold.hold, PAUSING)
    life.now = at("2026-03-09T09:00")  # Monday: two open hours later
    item = life.do(hold.resume)
    assert item.due_at == at("2026-03-03T11:00")
    assert frozen.clock_origin is not None
    assert item.clock_origin == frozen.clock_origin + 2 * 3_600_000_000
    assert (frozen.clock_frozen is None, item.clock_frozen) == (False, None)


def test_a_hold_that_does_not_pause_moves_nothing(life: Life) -> None:
    created = life.create(data=PROPERTY)
    held = life.do(hold.hold, RUNNING)
    assert (held.hold_pauses, held.clock_frozen) == (False, None)
    life.wait(hours=2)
    item = life.do(hold.resume)
    assert (item.due_at, item.clock_origin, item.pauses) == (created.due_at, created.clock_origin, [])


def test_an_age_anchored_on_the_due_date_stands_still_once_not_twice(life: Life) -> None:
    created = life.create(data={"kind": "claim", "line": "travel"})
    life.do(hold.hold, PAUSING)
    life.wait(hours=2)
    item = life.do(hold.resume)
    assert created.due_at is not None
    assert item.due_at == created.due_at + timedelta(hours=2)
    origin = item.clock_origin
    assert life.put(subject="x", channel="mail").clock_origin == origin
    assert life.put(judging.Reclassify.NEVER, ext={"productType": "x"}).clock_origin == origin
    again = life.put(judging.Reclassify.ALWAYS, tags=["more"])
    assert (again.clock_origin, again.due_at) == (origin, item.due_at)


def test_completing_a_held_item_ends_its_pause(life: Life) -> None:
    life.create(data=PROPERTY)
    life.do(hold.hold, PAUSING)
    life.wait(hours=1)
    item = life.do(finish.complete, reason="settled")
    assert (item.status, item.held_at, item.hold_reason) == (Status.COMPLETED, None, None)
    assert (item.clock_frozen, item.pauses) == (None, [(START, life.now)])


def test_an_agents_own_hold_keeps_the_item_for_them(life: Life) -> None:
    life.assigned()
    item = life.do(hold.hold, RUNNING, actor="agent:amara")
    assert (item.assigned_to, item.keep_for, item.last_agent) == (None, "amara", "amara")
    assert life.last.event.body["assignment"]["outcome"] == "withdrawn"
    item = life.do(hold.resume)
    assert (item.reserved_for, item.keep_for) == ("amara", None)
    assert item.reserved_until == at("2026-03-03T09:00")


def test_another_persons_hold_keeps_it_for_nobody_unless_named(life: Life) -> None:
    life.assigned()
    assert life.do(hold.hold, RUNNING).keep_for is None
    assert life.do(hold.resume).reserved_for is None
    assert life.do(hold.hold, RUNNING, keep_for="lena").keep_for == "lena"


@pytest.mark.parametrize(
    ("resumed", "opens"),
    [
        ("2026-03-05T16:00", "2026-03-06T16:00"),  # Thursday → Friday
        ("2026-03-06T16:00", "2026-03-09T16:00"),  # Friday → Monday
        ("2026-03-07T12:00", "2026-03-09T12:00"),  # Saturday → Monday
        ("2026-03-08T23:00", "2026-03-09T23:00"),  # Sunday → Monday
    ],
)
def test_a_reservation_lasts_one_business_day_of_the_queue(life: Life, resumed: str, opens: str) -> None:
    life.assigned()
    life.do(hold.hold, RUNNING, keep_for="amara")
    life.now = at(resumed)
    item = life.do(hold.resume)
    assert item.reserved_until == at(opens)
    life.now = at(opens) - timedelta(microseconds=1)
    assert waiting.expire(life.item, life.ctx()) is None
    life.now = at(opens)
    item = life.take(waiting.expire(life.item, life.ctx()))
    assert (item.status, item.reserved_for, item.reserved_until) == (Status.QUEUED, None, None)


def test_a_queue_without_hours_counts_every_day(life: Life) -> None:
    life.create(data={"kind": "misc"})
    life.now = at("2026-03-06T16:00")
    assert life.do(assignment.transfer_to_agent, "amara").reserved_until == at("2026-03-07T16:00")


def test_resumed_before_its_activation_it_waits_as_captured(life: Life) -> None:
    life.create(activationDateTime=LATER)
    life.do(hold.hold, RUNNING, keep_for="amara")
    item = life.do(hold.resume)
    assert (item.status, item.reserved_for, item.keep_for) == (Status.CAPTURED, None, None)


def test_holding_keeps_place_and_age(life: Life) -> None:
    created = life.create()
    life.wait(hours=1)
    life.do(hold.hold, RUNNING, until=life.now + timedelta(hours=1))
    life.wait(hours=1)
    item = life.take(waiting.expire(life.item, life.ctx()))
    assert life.last.event.body["because"] == "holdUntil"
    assert (item.status, item.queued_at, item.anchor_at) == (Status.QUEUED, START, created.anchor_at)


def test_holding_an_offered_item_withdraws_the_offer(life: Life) -> None:
    life.create()
    offered = life.offer("amara")
    life.do(hold.hold, RUNNING)
    closed = life.last.closed_offer
    assert closed is not None
    assert (closed.id, closed.outcome) == (offered.offer_id, OfferOutcome.WITHDRAWN)
    assert (life.item.offered_to, life.item.offer_expires_at, life.item.offered_at) == (None, None, None)


# Offers


def test_an_offer_is_a_lease(life: Life) -> None:
    life.create()
    item = life.offer("amara")
    assert (item.status, item.offered_to, item.offer_expires_at) == (
        Status.QUEUED, "amara", START + timedelta(seconds=30),
    )  # fmt: skip
    with pytest.raises(ConflictError, match="somebody else"):
        life.offer("lena")
    with pytest.raises(ConflictError, match="another agent"):
        life.do(assignment.accept, item.offer_id, "lena")
    with pytest.raises(ConflictError, match="ended"):
        life.do(assignment.accept, life.new_id(), "amara")
    life.wait(seconds=30)
    with pytest.raises(ConflictError) as caught:
        life.accept()
    assert caught.value.code == "offerEnded"


def test_accepted_it_is_assigned(life: Life) -> None:
    life.create()
    life.offer("amara")
    life.wait(seconds=29)
    item = life.accept()
    assert (item.status, item.assigned_to, item.assigned_at) == (Status.ASSIGNED, "amara", life.now)
    assert (item.offer_id, item.offered_to, item.offer_expires_at) == (None, None, None)
    assert life.last.closed_offer is not None
    assert life.last.closed_offer.outcome is OfferOutcome.ACCEPTED


@pytest.mark.parametrize("outcome", [OfferOutcome.DECLINED, OfferOutcome.TIMED_OUT])
def test_let_pass_it_is_back_in_place_and_that_agent_left_out_for_a_while(
    life: Life, outcome: OfferOutcome
) -> None:
    life.create()
    life.wait(hours=1)
    life.offer("amara")
    item = life.end_offer(outcome)
    assert (item.status, item.queued_at, item.anchor_at) == (Status.QUEUED, START, START)
    assert [(e.agent, e.until) for e in item.excluded] == [("amara", life.now + timedelta(minutes=15))]
    assert item.declines == (1 if outcome is OfferOutcome.DECLINED else 0)


@pytest.mark.parametrize("outcome", [OfferOutcome.LOST, OfferOutcome.WITHDRAWN])
def test_lost_or_withdrawn_nobody_is_left_out(life: Life, outcome: OfferOutcome) -> None:
    life.create()
    life.do(assignment.transfer_to_agent, "amara", sender="lena")
    life.offer("amara")
    item = life.end_offer(outcome)
    assert (item.status, item.excluded, item.declines, item.reserved_for) == (Status.QUEUED, [], 0, "amara")


@pytest.mark.parametrize("outcome", [OfferOutcome.DECLINED, OfferOutcome.TIMED_OUT])
def test_a_reserved_item_let_pass_opens_to_the_queue_and_its_sender_is_told(
    life: Life, outcome: OfferOutcome
) -> None:
    life.create()
    life.do(assignment.transfer_to_agent, "amara", sender="lena")
    life.offer("amara")
    item = life.end_offer(outcome)
    assert (item.reserved_for, item.reserved_until, item.reserved_by) == (None, None, None)
    assert life.last.event.body["reservedBy"] == "lena"


def test_time_alone_ends_an_offer(life: Life) -> None:
    life.create()
    life.offer("amara")
    life.wait(seconds=30)
    life.take(waiting.expire(life.item, life.ctx()))
    assert life.last.event.type == "offerTimedOut"


def test_pulled_it_is_assigned_and_no_longer_reserved(life: Life) -> None:
    life.create()
    life.do(assignment.transfer_to_agent, "amara")
    item = life.offer("amara", GrantKind.PULL)
    assert (item.status, item.assigned_to, item.reserved_for) == (Status.ASSIGNED, "amara", None)


# Assignments


def test_assigned_over_an_offer_or_another_agent(life: Life) -> None:
    life.create()
    life.offer("amara")
    life.do(assignment.assign, "lena", warnings=("over capacity",))
    assert life.last.closed_offer is not None
    assert life.last.warnings == ("over capacity",)
    first = life.item.assignment_id
    item = life.do(assignment.assign, "amara")
    assert (item.assigned_to, item.last_agent) == ("amara", "lena")
    assert item.assignment_id != first
    assert life.last.event.body["assignment"]["outcome"] == "transferred"


@pytest.mark.parametrize(
    "action",
    [
        lambda life: life.do(assignment.return_to_queue, reason="over"),
        lambda life: life.do(assignment.transfer_to_queue, None),
        lambda life: life.do(assignment.transfer_to_queue, "loans"),
        lambda life: life.do(assignment.transfer_to_agent, "lena", sender="amara"),
    ],
    ids=["return", "transfer", "transfer to a queue", "transfer to an agent"],
)
@pytest.mark.parametrize("activation", [None, LATER])
def test_given_up_it_is_queued_at_its_place(
    life: Life, action: Callable[[Life], WorkItem], activation: str | None
) -> None:
    life.create()
    life.wait(hours=1)
    life.do(assignment.assign, "amara")
    if activation is not None:
        life.put(activationDateTime=activation)
    item = action(life)
    assert (item.status, item.queued_at, item.anchor_at) == (Status.QUEUED, START, START)
    assert (item.assigned_to, item.assignment_id) == (None, None)
    assert item.last_agent == "amara"


def test_another_queue_counts_by_its_own_segment(life: Life) -> None:
    life.create(channel="mail", data={"kind": "loan", "region": "north"})
    assert life.item.segment == "north"
    assert life.do(assignment.transfer_to_queue, "other").segment == "mail"
    assert life.do(assignment.transfer_to_queue, "claims").segment is None
    with pytest.raises(InvalidInputError) as caught:
        life.do(assignment.transfer_to_queue, "nowhere")
    assert caught.value.field == "queue"


def test_transferred_to_an_agent_who_had_declined(life: Life) -> None:
    life.create()
    life.offer("amara")
    life.end_offer(OfferOutcome.DECLINED)
    item = life.do(assignment.transfer_to_agent, "amara", sender="lena")
    assert (item.excluded, item.reserved_for, item.reserved_by) == ([], "amara", "lena")


# Finishing


def test_completed_by_its_agent_wraps_up(life: Life) -> None:
    assigned = life.assigned()
    with pytest.raises(ConflictError) as caught:
        life.do(finish.complete, agent_id="lena", result_code="paid")
    assert caught.value.code == "notYourItem"
    life.wait(minutes=5)
    item = life.do(finish.complete, agent_id="amara", result_code="paid")
    assert (item.status, item.completed_at, item.ext["resultCode"]) == (Status.COMPLETED, life.now, "paid")
    wrap_up = life.last.wrap_up
    assert wrap_up is not None
    assert (wrap_up.agent_id, wrap_up.weight, wrap_up.until) == ("amara", 3, life.now + timedelta(minutes=2))
    assert wrap_up.assignment_id == assigned.assignment_id
    assert life.last.event.body["assignment"]["outcome"] == "completed"


def test_completed_or_canceled_by_the_source_the_assignment_is_withdrawn(life: Life) -> None:
    for action in (finish.complete, finish.cancel):
        life = Life()
        life.assigned()
        item = life.do(action, reason="done elsewhere")
        assert (item.assigned_to, item.assignment_id) == (None, None)
        assert life.last.wrap_up is None
        assert life.last.event.body["assignment"]["outcome"] == "withdrawn"


def test_dispositions(life: Life) -> None:
    life.assigned(data={"kind": "loan"})
    with pytest.raises(InvalidInputError) as caught:
        life.do(finish.complete, agent_id="amara")
    assert caught.value.code == "dispositionRequired"
    with pytest.raises(InvalidInputError, match="no disposition"):
        life.do(finish.complete, agent_id="amara", result_code="paid")
    assert life.do(finish.complete, reason="by the source").status is Status.COMPLETED


def test_a_final_item_stays_400_days_unless_its_source_says_otherwise(life: Life) -> None:
    life.create()
    item = life.do(finish.cancel)
    assert item.expiration_at == START + timedelta(days=DEFAULT_EXPIRATION_DAYS)
    other = Life()
    until = START + timedelta(days=3)
    other.create(expirationDateTime=until.isoformat())
    assert other.do(finish.cancel).expiration_at == until


@pytest.mark.parametrize("back", [judging.reopen, judging.restart])
def test_finished_once_more_the_400_days_begin_anew(
    life: Life, back: Callable[..., transition.Change]
) -> None:
    life.create()
    life.do(finish.cancel)
    life.wait(days=399)
    item = life.do(back)
    assert (item.completed_at, item.expiration_at) == (None, None)
    life.wait(days=1)
    assert life.do(finish.complete).expiration_at == life.now + timedelta(days=400)


def test_a_rejected_item_expires_too(life: Life) -> None:
    item = life.create(subject="SPAM")
    assert (item.status, item.completed_at) == (Status.REJECTED, START)
    assert item.expiration_at == START + timedelta(days=400)


def test_deleted_only_when_final(life: Life) -> None:
    life.create()
    with pytest.raises(InvalidTransitionError):
        finish.delete(life.item, life.ctx())
    life.do(finish.cancel)
    change = finish.delete(life.item, life.ctx(), reason="wish")
    assert (change.event.type, change.event.revision) == ("deleted", 3)


# Reopened, restarted


def test_reopened_the_age_starts_anew(life: Life) -> None:
    life.assigned(data=PROPERTY)
    life.do(hold.hold, PAUSING)
    life.wait(hours=1)
    life.do(hold.resume)
    life.do(assignment.assign, "lena")
    life.do(finish.complete, agent_id="lena")
    life.now = at("2026-03-06T17:00")
    item = life.do(judging.reopen)
    assert (item.status, item.anchor_at, item.queued_at) == (Status.QUEUED, life.now, life.now)
    assert (item.due_at, item.due_origin) == (at("2026-03-09T17:00"), DueOrigin.SCHEMA)
    assert (item.pauses, item.last_agent, item.completed_at) == ([], "lena", None)


def test_reopened_the_rules_make_the_due_date_once_more(life: Life) -> None:
    life.create(tags=["urgent"], dueDateTime=(START + timedelta(days=9)).isoformat())
    life.do(finish.cancel)
    life.wait(days=2)
    item = life.do(judging.reopen)
    assert (item.due_at, item.due_origin) == (life.now + timedelta(hours=2), DueOrigin.RULE)


def test_reopened_a_source_due_date_stays(life: Life) -> None:
    due = START + timedelta(days=1)
    life.create(dueDateTime=due.isoformat())
    life.do(finish.cancel)
    life.wait(days=2)
    assert life.do(judging.reopen).due_at == due


def test_reopened_on_a_schema_anchored_on_the_due_date(life: Life) -> None:
    life.create(data={"kind": "claim", "line": "travel"})
    life.do(finish.cancel)
    life.now = at("2026-03-04T09:00")
    item = life.do(judging.reopen)
    assert item.due_at == item.anchor_at == at("2026-03-05T09:00")


def test_rejected_is_not_reopened(life: Life) -> None:
    life.create(subject="SPAM")
    with pytest.raises(InvalidTransitionError) as caught:
        life.do(judging.reopen)
    assert caught.value.details["status"] == "rejected"


def test_restarted_from_any_status_with_or_without_changes(life: Life) -> None:
    life.assigned(data=PROPERTY)
    item = life.do(judging.restart)
    assert (item.status, item.assigned_to, item.queued_at, item.anchor_at) == (
        Status.QUEUED, None, START, START,
    )  # fmt: skip
    assert life.last.event.body["assignment"]["outcome"] == "withdrawn"
    life.do(hold.hold, PAUSING, keep_for="amara")
    life.wait(hours=2)
    item = life.do(judging.restart)
    assert (item.status, item.hold_reason, item.keep_for) == (Status.QUEUED, None, None)
    assert item.due_at == at("2026-03-03T11:00")
    life.do(finish.complete)
    item = life.do(judging.restart, ItemUpdate(data={"kind": "loan"}), reason="wrong")
    assert (item.status, item.queue_id, item.completed_at) == (Status.QUEUED, "loans", None)
    rejected = Life()
    rejected.create(subject="SPAM")
    item = rejected.do(judging.restart, ItemUpdate(subject="fine"))
    assert (item.status, item.error, item.expiration_at) == (Status.QUEUED, None, None)


def test_tags_and_notes_may_be_added_to_final_items(life: Life) -> None:
    life.create()
    life.do(finish.cancel)
    assert life.do(transition.tag, add=("seen",)).tags == ["seen"]
    assert transition.tag(life.item, life.ctx(), add=("seen",)) is None
    assert life.do(transition.noted, EventType.NOTE_ADDED).status is Status.CANCELED


# What the data mart is told


def test_focus_is_told_of_the_assignment_that_ends_and_never_exceeds_it(life: Life) -> None:
    life.assigned()
    life.wait(hours=1)
    change = assignment.return_to_queue(life.item, life.ctx())
    for told, kept in ((600, 600), (90_000, 3_600), (0, 0)):
        assert transition.with_focus(change, told).event.body["assignment"]["focusSeconds"] == kept
    assert "focusSeconds" not in change.event.body["assignment"]
    life.take(change)
    queued = hold.hold(life.item, life.ctx(), RUNNING)
    assert transition.with_focus(queued, 600) is queued


@pytest.mark.parametrize("given", [{}, {"priorityFixed": 77}, {"businessValue": 5}])
def test_a_person_who_assigns_tells_the_priority_as_a_grant_does(life: Life, given: dict[str, Any]) -> None:
    item = life.create(**given)
    life.wait(hours=2)
    shown, _ = priority_of(life.item, life.ctx().rules, life.now)
    assert shown is not None
    started = assignment.assign(life.item, life.ctx(), "amara").event.body["assignmentStarted"]
    assert started["priority"] == floor(shown)
    assert item.status is Status.QUEUED
