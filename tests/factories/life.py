"""One item's life on plain values: no database, a clock that the test moves, a log kept as JSON beside the item."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import msgspec

from openiwd.domain import assignment, judging
from openiwd.domain.event import Event, LoggedEvent, fold
from openiwd.domain.hold_reason import DEFAULT_HOLD_REASONS
from openiwd.domain.offer import GrantKind, OfferOutcome
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.transition import Change, Context
from openiwd.domain.work_item import ItemUpdate, WorkItem
from openiwd.usecases.rule_set import compile_published
from tests.factories.tenant import START, stored_rules, submission

RULES = """
name: Life
timeZone: UTC
calendars:
  - id: office
    name: Office
    timeZone: UTC
    weekly: {monday: ["08:00-18:00"], tuesday: ["08:00-18:00"], wednesday: ["08:00-18:00"],
             thursday: ["08:00-18:00"], friday: ["08:00-18:00"]}
schemas:
  - {id: wall, name: Wall, points: [{age: 0h, priority: 100}, {age: 8h, priority: 500}], sla: 8h, slopeAfter: 10,
     maximum: 900}
  - {id: business, name: Business, clock: office, sla: 10h, valueWeight: 0.5, slopeAfter: 1,
     points: [{age: 0h, priority: 200}, {age: 10h, priority: 700}]}
  - {id: due, name: Due, clock: office, anchor: due, sla: 10h,
     points: [{age: -10h, priority: 0}, {age: 0h, priority: 800}]}
  - {id: activation, name: Activation, anchor: activation, sla: 4h,
     points: [{age: 0h, priority: 10}, {age: 4h, priority: 50}]}
  - {id: source, name: Source, anchor: sourceCreated, sla: 4h,
     points: [{age: 0h, priority: 10}, {age: 4h, priority: 50}]}
  - {id: open, name: Open, points: [{age: 0h, priority: 10}, {age: 4h, priority: 50}]}
queues:
  - {id: claims, name: Claims, offerTimeout: 30s, declineExclusion: 15m, hours: office, wrapUp: 2m, weight: 3}
  - {id: loans, name: Loans, delivery: both, segmentBy: data.region}
  - {id: other, name: Other, segmentBy: channel}
rules:
  - {id: vip, when: {attribute: ext.customerSegment, operator: eq, value: vip}, then: [{raiseBusinessValue: 100}]}
  - {id: spam, when: {attribute: subject, operator: contains, value: SPAM}, then: [{reject: spam}]}
  - {id: docs, when: {attribute: data.docs, operator: eq, value: missing},
     then: [{hold: {reason: waitingForDocuments, until: 2d}}]}
  - {id: urgent, when: {attribute: tags, operator: contains, value: urgent},
     then: [{setDue: {after: 2h, from: created}}, {adjustPriority: 50}]}
  - {id: again, when: {attribute: tags, operator: contains, value: again}, then: [{setDue: {after: 2h, from: now}}]}
  - {id: region, when: {attribute: data.zip, operator: isSet},
     then: [{setAttribute: {name: data.region, value: north}}, {setAttribute: {name: data.place.side, value: left}},
            {setAttribute: {name: ext.productSubtype, value: made}}]}
  - {id: broken, when: {attribute: data.amount, operator: gt, value: 1000}, then: [{raiseBusinessValue: 1}]}
categories:
  - id: claims
    name: Claims
    schema: wall
    queue: claims
    when: {attribute: data.kind, operator: eq, value: claim}
    children:
      - {id: motor, name: Motor, when: {attribute: data.line, operator: eq, value: motor},
         requirement: {skills: [{skill: motor, level: 5}]}, dispositions: [paid, refused]}
      - {id: property, name: Property, schema: business, when: {attribute: data.line, operator: eq, value: property}}
      - {id: travel, name: Travel, schema: due, when: {attribute: data.line, operator: eq, value: travel}}
      - {id: late, name: Late, schema: activation, when: {attribute: data.line, operator: eq, value: late}}
      - {id: sourced, name: Sourced, schema: source, when: {attribute: data.line, operator: eq, value: sourced}}
      - {id: open, name: Open, schema: open, when: {attribute: data.line, operator: eq, value: open}}
      - {id: past, name: Past, when: {attribute: data.line, operator: eq, value: past}, activeTo: 2026-03-01}
  - id: lending
    name: Lending
    schema: business
    queue: loans
    when: {attribute: data.kind, operator: eq, value: loan}
    children:
      - {id: mortgage, name: Mortgage, dispositions: [granted, denied], dispositionRequired: true}
  - {id: misc, name: Misc, schema: wall, queue: other, when: {attribute: data.kind, operator: eq, value: misc}}
"""
REASONS = {r.id: r for r in DEFAULT_HOLD_REASONS}
PAUSING, RUNNING = "waitingForCustomer", "review"


@cache
def rules(source: str = RULES, version: int = 1) -> CompiledRuleSet:
    return compile_published(stored_rules(source, version))


def logged(event: Event, pos: int = 0) -> LoggedEvent:
    """The event as it comes back from a log that keeps JSON."""
    raw = msgspec.json.decode(msgspec.json.encode(event))
    return msgspec.convert({**raw, "generation": 1, "pos": pos}, LoggedEvent)


class Life:
    """An item with the clock, the rules and the log of its own small world."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now
        self.rules = rules()
        self.actor = "user:test"
        self.log: list[LoggedEvent] = []
        self.last: Change
        self._ids = 0

    @property
    def item(self) -> WorkItem:
        return self.last.item

    def ctx(self, actor: str | None = None) -> Context:
        return Context(
            now=self.now,
            actor=actor or self.actor,
            rules=self.rules,
            hold_reasons=REASONS,
            new_id=self.new_id,
        )

    def new_id(self) -> UUID:
        self._ids += 1
        return UUID(int=self._ids)

    def wait(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now

    def take(self, change: Change | None) -> WorkItem:
        """The change becomes the present; the log, read back from JSON, must fold to it."""
        assert change is not None, "nothing changed"
        self.last = change
        event = change.event
        assert event.revision == change.item.revision == len(self.log) + 1
        self.log.append(logged(event, len(self.log) + 1))
        assert fold(self.log) == change.item
        return change.item

    def create(self, **fields: Any) -> WorkItem:
        return self.take(judging.create(submission("c1", **fields), self.ctx(), self.new_id()))

    def do(self, action: Callable[..., Change | None], *arguments: Any, **options: Any) -> WorkItem:
        actor = options.pop("actor", None)
        return self.take(action(self.item, self.ctx(actor), *arguments, **options))

    def put(self, mode: judging.Reclassify = judging.Reclassify.ON_CHANGE, **fields: Any) -> WorkItem:
        """An update as JSON would bring it: fields in camelCase, None = null."""
        change = judging.update(self.item, msgspec.convert(fields, ItemUpdate), self.ctx(), mode)
        return self.take(change)

    def offer(self, agent: str, kind: GrantKind = GrantKind.PUSH) -> WorkItem:
        return self.do(
            assignment.grant, kind, agent,
            offer_id=self.new_id(), assignment_id=self.new_id(), timeout_us=30_000_000, priority=500,
        )  # fmt: skip

    def accept(self) -> WorkItem:
        assert self.item.offered_to is not None
        return self.do(assignment.accept, self.item.offer_id, self.item.offered_to)

    def end_offer(self, outcome: OfferOutcome) -> WorkItem:
        return self.do(assignment.end_offer, self.item.offer_id, outcome)

    def assigned(self, agent: str = "amara", **fields: Any) -> WorkItem:
        """A new item in an agent's hands."""
        self.create(**fields)
        return self.do(assignment.assign, agent)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
