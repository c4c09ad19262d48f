"""Random lives of an item in any order, under rule sets that change: what must hold after every step does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from openiwd.domain import assignment, finish, hold, judging, reservation, transition, waiting
from openiwd.domain.errors import ConflictError, InvalidInputError, InvalidTransitionError
from openiwd.domain.instant import to_micros
from openiwd.domain.item_input import apply_update
from openiwd.domain.judging import Reclassify
from openiwd.domain.lifecycle import TABLE, Action, allowed
from openiwd.domain.offer import GrantKind, OfferOutcome
from openiwd.domain.schema import Schema, Standing, priority_at
from openiwd.domain.source_values import source_view
from openiwd.domain.transition import Change
from openiwd.domain.work_item import DueOrigin, ItemUpdate, Status, WorkItem
from tests.factories.life import PAUSING, RULES, RUNNING, Life, rules
from tests.factories.tenant import START

AGENTS = ("amara", "lena")
VERSIONS = (
    RULES,
    RULES.replace("sla: 8h", "sla: 5h").replace('"08:00-18:00"', '"09:00-17:00"'),
    RULES.replace("schema: business, when", "schema: due, when") + "defaultCategory: misc\n",
)
OFFSETS = st.integers(-72, 72)

instants = st.none() | OFFSETS
values: dict[str, st.SearchStrategy[Any]] = {
    "category": st.sampled_from([None, "Lending", "Claims/Property", "Claims/Past", "Nowhere"]),
    "channel": st.sampled_from([None, "mail", "portal"]),
    "subject": st.sampled_from([None, "Crash", "SPAM"]),
    "businessValue": st.none() | st.integers(-5, 500),
    "priorityFixed": st.none() | st.integers(0, 900),
    "priorityAdjustment": st.none() | st.integers(-50, 50),
    "tags": st.lists(st.sampled_from(["urgent", "again", "x"]), max_size=2, unique=True),
    "ext": st.fixed_dictionaries(
        {},
        optional={
            "customerId": st.sampled_from([None, "C-1", "C-2"]),
            "customerSegment": st.sampled_from([None, "vip"]),
            "productSubtype": st.sampled_from([None, "own"]),
            "requestedSkill": st.sampled_from([None, "motor>=3", ["a", "b>=2"]]),
        },
    ),
    "data": st.fixed_dictionaries(
        {},
        optional={
            "kind": st.sampled_from(["claim", "loan", "misc", "?", None]),
            "line": st.sampled_from(["motor", "property", "travel", "late", "sourced", "open", "past", None]),
            "docs": st.sampled_from([None, "missing"]),
            "zip": st.sampled_from([None, "1"]),
            "region": st.sampled_from([None, "east"]),
            "place": st.sampled_from([None, "here", {"side": "right"}, {"far": {"off": 1}}]),
            "amount": st.sampled_from([None, 1, 1.0, True, 2000, "much"]),
        },
    ),
}
DATES = ("activationDateTime", "dueDateTime", "expirationDateTime")
updates = st.fixed_dictionaries({}, optional={**values, **dict.fromkeys(DATES, instants)})


class LifeMachine(RuleBasedStateMachine):
    """One item; each rule tries an action, which must succeed exactly where the table allows it."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life()
        self.source: WorkItem

    @initialize(fields=updates)
    def submitted(self, fields: dict[str, Any]) -> None:
        given = {k: v for k, v in self.dated(fields).items() if v is not None}
        for name in ("ext", "data"):
            if name in given:
                given[name] = {k: v for k, v in given[name].items() if v is not None}
        self.source = source_view(self.life.create(**given))

    # what is tried

    def dated(self, fields: dict[str, Any]) -> dict[str, Any]:
        now = self.life.now
        return {
            k: (now + timedelta(hours=v)).isoformat() if k in DATES and v is not None else v
            for k, v in fields.items()
        }

    def attempt(
        self, action: Action, run: Callable[..., Change | None], *arguments: Any, **options: Any
    ) -> bool:
        """Runs it; the table decides whether it may, and where it may lead."""
        before = self.life.item
        copy = msgspec.json.encode(before)
        actor = options.pop("actor", None)
        try:
            change = run(before, self.life.ctx(actor), *arguments, **options)
        except InvalidTransitionError:
            assert not allowed(action, before.status)
            assert msgspec.json.encode(before) == copy
            return False
        except (ConflictError, InvalidInputError):
            assert msgspec.json.encode(before) == copy
            return False
        assert msgspec.json.encode(before) == copy, "an action changed the item that it was given"
        if change is None:
            return False
        assert allowed(action, before.status)
        leads = next(r.to for r in TABLE if r.action is action)
        assert change.item.status in leads
        if action is not Action.UPDATE and action is not Action.RESTART:
            assert source_values(change.item) == source_values(before)
        if before.offer_id is not None and change.item.offer_id is None:
            assert change.closed_offer is not None
            assert change.closed_offer.id == before.offer_id
        else:
            assert change.closed_offer is None
        if before.assignment_id is not None and change.item.assignment_id != before.assignment_id:
            assert change.event.body["assignment"]["id"] == str(before.assignment_id)
        else:
            assert "assignment" not in change.event.body
        self.life.take(change)
        return True

    @rule(minutes=st.sampled_from([0, 1, 15, 60, 60 * 24, 60 * 24 * 3]))
    def time_passes(self, minutes: int) -> None:
        self.life.wait(minutes=minutes)
        while (change := waiting.expire(self.life.item, self.life.ctx())) is not None:
            self.life.take(change)

    @rule(version=st.integers(0, 2))
    def published(self, version: int) -> None:
        self.life.rules = rules(VERSIONS[version], version + 1)
        change = judging.reclassify(self.life.item, self.life.ctx())
        if change is not None:
            assert not self.life.item.status.is_final
            assert source_values(change.item) == source_values(self.life.item)
            self.life.take(change)

    @rule(fields=updates, mode=st.sampled_from(Reclassify))
    def updated(self, fields: dict[str, Any], mode: Reclassify) -> None:
        update = msgspec.convert(self.dated(fields), ItemUpdate)
        before = self.life.item
        if self.attempt(Action.UPDATE, updating, update, mode):
            expected = apply_update(before, update, self.life.now)
            assert source_values(self.life.item) == source_values(expected)

    @rule(fields=st.none() | updates)
    def restarted(self, fields: dict[str, Any] | None) -> None:
        update = None if fields is None else msgspec.convert(self.dated(fields), ItemUpdate)
        self.attempt(Action.RESTART, judging.restart, update)

    @rule(
        reason=st.sampled_from([PAUSING, RUNNING]),
        until=st.none() | st.integers(1, 48),
        keep_for=st.none() | st.sampled_from(AGENTS),
        own=st.booleans(),
    )
    def held(self, reason: str, until: int | None, keep_for: str | None, own: bool) -> None:
        at = None if until is None else self.life.now + timedelta(hours=until)
        actor = f"agent:{self.life.item.assigned_to}" if own else None
        self.attempt(Action.HOLD, hold.hold, reason, until=at, keep_for=keep_for, actor=actor)

    @rule()
    def resumed(self) -> None:
        item = self.life.item
        unclassified = item.status is Status.ERRORHELD or item.category_id is None
        self.attempt(Action.RESUME, judging.resume_unclassified if unclassified else hold.resume)

    @rule(agent=st.sampled_from(AGENTS), kind=st.sampled_from(GrantKind))
    def granted(self, agent: str, kind: GrantKind) -> None:
        action = Action.OFFER if kind is GrantKind.PUSH else Action.PULL
        ids = {"offer_id": self.life.new_id(), "assignment_id": self.life.new_id()}
        self.attempt(action, assignment.grant, kind, agent, **ids, timeout_us=30_000_000, priority=500)

    @rule(agent=st.sampled_from(AGENTS))
    def accepted(self, agent: str) -> None:
        offer_id = self.life.item.offer_id or self.life.new_id()
        self.attempt(Action.ACCEPT, assignment.accept, offer_id, agent)

    @precondition(lambda self: self.life.item.offer_id is not None)
    @rule(outcome=st.sampled_from(OfferOutcome))
    def offer_ended(self, outcome: OfferOutcome) -> None:
        before = self.life.item
        if self.attempt(Action.WITHDRAW, assignment.end_offer, before.offer_id, outcome):
            assert self.life.item.queued_at == before.queued_at

    @rule(agent=st.sampled_from(AGENTS))
    def assigned(self, agent: str) -> None:
        self.attempt(Action.ASSIGN, assignment.assign, agent)

    @rule()
    def returned(self) -> None:
        self.attempt(Action.RETURN, assignment.return_to_queue)

    @rule(queue=st.sampled_from([None, "claims", "loans", "other", "nowhere"]))
    def moved_to_queue(self, queue: str | None) -> None:
        self.attempt(Action.TRANSFER, assignment.transfer_to_queue, queue)

    @rule(agent=st.sampled_from(AGENTS), sender=st.none() | st.sampled_from(AGENTS))
    def moved_to_agent(self, agent: str, sender: str | None) -> None:
        self.attempt(Action.TRANSFER, assignment.transfer_to_agent, agent, sender=sender)

    @rule()
    def reservation_ended(self) -> None:
        self.attempt(Action.END_RESERVATION, reservation.end_reservation)

    @rule()
    def activated(self) -> None:
        item = self.life.item
        if self.attempt(Action.ACTIVATE, waiting.activate):
            assert item.status is Status.CAPTURED

    @rule(agent=st.none() | st.sampled_from(AGENTS), code=st.sampled_from([None, "paid", "granted"]))
    def completed(self, agent: str | None, code: str | None) -> None:
        self.attempt(Action.COMPLETE, completing, agent_id=agent, result_code=code)

    @rule()
    def canceled(self) -> None:
        self.attempt(Action.CANCEL, finish.cancel)

    @rule()
    def reopened(self) -> None:
        now = self.life.now
        if self.attempt(Action.REOPEN, judging.reopen):
            item = self.life.item
            if item.status is not Status.QUEUED:
                return  # it never had a queue: judged anew
            schema = self.life.rules.schemas[item.schema_id or ""]
            assert item.anchor_at == (now if schema.anchor.value != "due" else item.due_at or now)

    # what holds after each step

    @invariant()
    def fields_fit_the_status(self) -> None:
        if not self.life.log:
            return
        item = self.life.item
        assigned = item.status is Status.ASSIGNED
        assert (item.assigned_to is not None) == (item.assignment_id is not None) == assigned
        offer = [item.offer_id, item.offered_to, item.offered_at, item.offer_expires_at]
        assert all(v is None for v in offer) or (None not in offer and item.status is Status.QUEUED)
        assert (item.held_at is not None) == item.status.is_held
        assert (item.hold_reason is not None) == (item.status is Status.HELD)
        if item.status is not Status.HELD:
            assert (item.hold_until, item.hold_wakes_on, item.keep_for, item.hold_pauses) == (
                None,
                None,
                None,
                False,
            )
        if item.reserved_for is not None:
            assert item.status is Status.QUEUED
            assert item.reserved_until is not None
        else:
            assert (item.reserved_until, item.reserved_by) == (None, None)
        assert (item.completed_at is not None) == item.status.is_final
        assert item.status is not Status.NEW
        if item.status.is_final:
            assert item.expiration_at is not None
            assert item.excluded == []
        assert (item.error is not None) == (item.status in (Status.ERRORHELD, Status.REJECTED))
        if item.status in (Status.QUEUED, Status.ASSIGNED, Status.CAPTURED, Status.HELD):
            assert None not in (item.category_id, item.queue_id, item.schema_id, item.category_path)
        if item.status is Status.QUEUED:
            assert item.queued_at is not None
        assert (item.due_at is None) == (item.due_origin is None)
        assert (item.clock_frozen is not None) == item.hold_pauses

    @invariant()
    def the_priority_stored_is_the_one_of_the_definition(self) -> None:
        if not self.life.log:
            return
        item = self.life.item
        schema = self.life.rules.schemas.get(item.schema_id or "")
        if schema is None or item.clock_id != schema.clock.id or item.status.is_final:
            return
        assert item.clock_origin is not None
        constant = schema.value_weight * item.business_value + item.priority_adjustment
        stored = Standing(
            schema.id, item.clock_id, item.clock_origin, constant, item.priority_fixed, item.clock_frozen
        )
        for hours in (0, 1, 13, 100):
            now = to_micros(self.life.now + timedelta(hours=hours))
            assert priority_at(schema, stored, now) == defined_priority(item, schema, now)

    @invariant()
    def a_schemas_due_date_is_anchor_and_sla_and_what_pauses_took(self) -> None:
        if not self.life.log:
            return
        item = self.life.item
        schema = self.life.rules.schemas.get(item.schema_id or "")
        if (
            schema is None
            or item.due_origin is not DueOrigin.SCHEMA
            or item.rule_set_version != self.life.rules.version
            or item.reopened_at is not None
        ):
            return
        if (
            schema.anchor.value == "due"
            or schema.sla is None
            or item.due_at is None
            or item.anchor_at is None
        ):
            return
        paused = sum(schema.clock.between(to_micros(a), to_micros(b)) for a, b in item.pauses)
        assert to_micros(item.due_at) == schema.clock.add(to_micros(item.anchor_at), schema.sla + paused)


def updating(item: WorkItem, ctx: transition.Context, update: ItemUpdate, mode: Reclassify) -> Change | None:
    return judging.update(item, update, ctx, mode)


def completing(item: WorkItem, ctx: transition.Context, **options: Any) -> Change:
    """Completing sets the item's result: a value of the source's that it may change."""
    change = finish.complete(item, ctx, **options)
    kept = msgspec.structs.replace(change.item, ext={**change.item.ext})
    assert {k: v for k, v in kept.ext.items() if k != "resultCode"} == {
        k: v for k, v in item.ext.items() if k != "resultCode"
    }
    return change


def source_values(item: WorkItem) -> dict[str, Any]:
    """All that only the source may change, as it set it."""
    view = source_view(item)
    return {
        "category": view.named_category, "channel": view.channel, "subject": view.subject, "tags": view.tags,
        "businessValue": view.business_value, "fixed": view.priority_fixed, "adjustment": view.priority_adjustment,
        "due": view.due_at if view.due_origin is DueOrigin.SOURCE else None, "data": view.data,
        "ext": {k: v for k, v in view.ext.items() if k != "resultCode"},
    }  # fmt: skip


def defined_priority(item: WorkItem, schema: Schema, now: int) -> Fraction:
    """curve(clock(t) − clock(anchor) − paused) + valueWeight × businessValue + adjustment, straight from its words."""
    if item.priority_fixed is not None:
        return Fraction(item.priority_fixed)
    assert item.anchor_at is not None
    clock = schema.clock
    pauses = list(item.pauses)
    end = now
    if item.hold_pauses and item.held_at is not None:
        end = max(now, to_micros(item.held_at))
        pauses.append((item.held_at, START + timedelta(microseconds=end - to_micros(START))))
    paused = sum(clock.between(to_micros(a), to_micros(b)) for a, b in pauses)
    age = clock.between(to_micros(item.anchor_at), end) - paused
    return schema.curve(age) + schema.value_weight * item.business_value + item.priority_adjustment


TestLife = LifeMachine.TestCase
TestLife.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],  # making a failing life shorter takes minutes: do it by hand
)
