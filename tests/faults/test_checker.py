"""The checker finds what is broken: each kind of damage, done to a history that is whole."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from openiwd.domain import assignment, finish
from openiwd.domain.event import LoggedEvent
from openiwd.domain.offer import GrantKind, OfferOutcome
from openiwd.domain.work_item import ItemNumber, Status, WorkItem
from tests.factories.life import Life
from tests.faults.checker import violations
from tests.faults.evidence import Act, Grant, Journal, State
from tests.faults.table import FaultLine, kinds_of, rendered

CAPACITY = {"ann": 2, "bob": 1}


class Past:
    """Two items: one declined by Bob, taken and completed by Ann; one pulled by Bob."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.items: list[WorkItem] = []
        self.events: list[LoggedEvent] = []
        self.grants: list[Grant] = []
        self.capacity = dict(CAPACITY)
        self.epoch = 2
        self._first()
        self._second()

    def state(self) -> State:
        return State(items=self.items, events=self.events, grants=self.grants, epoch=self.epoch)

    def found(self) -> list[str]:
        return violations(self.state(), self.journal, self.capacity)

    def _life(self, number: int) -> Life:
        life = Life()
        life._ids = number * 1_000
        data = {"kind": "claim", "line": "open", "n": number}
        life.create(data=data)
        self.journal.submit(f"c{number}", data)
        self.journal.create(f"c{number}", str(life.item.id))
        return life

    def _grant(self, life: Life, agent: str, kind: GrantKind, epoch: int, outcome: str) -> UUID:
        offer_id = life.new_id()
        life.wait(seconds=1)
        life.do(
            assignment.grant,
            kind,
            agent,
            offer_id=offer_id,
            assignment_id=life.new_id(),
            timeout_us=30_000_000,
            priority=500,
        )
        self.grants.append(
            Grant(
                id=offer_id, item_number=0, item_id=life.item.id, agent_id=agent, kind=kind.value, epoch=epoch,
                offered_at=life.now, outcome=outcome, ended_at=life.now,
            )
        )  # fmt: skip
        return offer_id

    def _first(self) -> None:
        life = self._life(1)
        item_id = str(life.item.id)
        life.put(data={"u1": 1})
        self.journal.act(Act(item_id=item_id, action="update", revision=2, mark="u1"))
        offer_id = self._grant(life, "bob", GrantKind.PUSH, 1, "declined")
        life.do(assignment.end_offer, offer_id, OfferOutcome.DECLINED, agent_id="bob")
        self.journal.act(Act(item_id=item_id, action="decline", agent="bob", mark=str(offer_id)))
        offer_id = self._grant(life, "ann", GrantKind.PUSH, 2, "accepted")
        life.do(assignment.accept, offer_id, "ann")
        self.journal.act(Act(item_id=item_id, action="accept", agent="ann", revision=6))
        life.do(finish.complete, agent_id="ann")
        self.journal.act(Act(item_id=item_id, action="complete", agent="ann", revision=7))
        self._keep(life, 1)

    def _second(self) -> None:
        life = self._life(2)
        self._grant(life, "bob", GrantKind.PULL, 2, "accepted")
        self.journal.act(Act(item_id=str(life.item.id), action="pull", agent="bob", revision=2))
        self._keep(life, 2)

    def _keep(self, life: Life, number: int) -> None:
        self.items.append(replace(life.item, number=ItemNumber(number), capture_id=f"c{number}"))
        for event in life.log:
            body = copy.deepcopy(event.body)
            if event.revision == 1:
                body["set"]["capture_id"] = f"c{number}"
            place = len(self.events) + 1
            self.events.append(replace(event, pos=place, item_number=number, body=body))
        self.grants = [replace(g, item_number=number) if g.item_number == 0 else g for g in self.grants]

    def of(self, kind: str) -> LoggedEvent:
        return next(e for e in self.events if e.type == kind)


@pytest.fixture
def past() -> Past:
    return Past()


def test_a_whole_history_is_whole(past: Past) -> None:
    assert past.found() == []
    assert [e.type for e in past.events][:7] == [
        *("created", "updated", "offered", "offerDeclined", "offered", "assigned", "completed")
    ]


def lost_create(past: Past) -> None:
    item = past.items.pop()
    past.events = [e for e in past.events if e.item_id != item.id]
    past.grants.pop()


def lost_act(past: Past) -> None:
    past.journal.act(Act(item_id=str(past.items[1].id), action="complete", agent="bob", revision=3))


def lost_update(past: Past) -> None:
    past.of("updated").personal = {"data": {}}


def two_acts_in_one(past: Past) -> None:
    past.journal.act(Act(item_id=str(past.items[0].id), action="complete", agent="bob", revision=7))


def unasked(past: Past) -> None:
    past.journal.acts = [a for a in past.journal.acts if a.action != "complete"]


def doubled_item(past: Past) -> None:
    past.items.append(replace(past.items[1], id=UUID(int=77)))


def other_content(past: Past) -> None:
    past.journal.submitted["c2"]["n"] = 3


def never_sent(past: Past) -> None:
    del past.journal.submitted["c2"]


def acknowledged_twice(past: Past) -> None:
    past.journal.create("c2", str(UUID(int=78)))


def doubled_assignment(past: Past) -> None:
    first = past.of("assigned")
    body = {**first.body, "from": "assigned", "offer": None}
    body["assignmentStarted"] = {"id": str(UUID(int=99)), "agent": "bob", "how": "assign"}
    _insert(past, first, replace(first, revision=7, body=body))


def second_offer(past: Past) -> None:
    first = past.of("offered")
    body = {**first.body, "offer": {**first.body["offer"], "id": str(UUID(int=98)), "agent": "ann"}}
    _insert(past, first, replace(first, revision=4, body=body))


def _insert(past: Past, after: LoggedEvent, event: LoggedEvent) -> None:
    place = past.events.index(after) + 1
    later = [
        replace(e, revision=(e.revision or 0) + (e.item_id == after.item_id)) for e in past.events[place:]
    ]
    past.events = [replace(e, pos=n) for n, e in enumerate([*past.events[:place], event, *later], 1)]


def skipped_revision(past: Past) -> None:
    past.of("completed").revision = 8


def skipped_pos(past: Past) -> None:
    past.events[-1].pos += 1


def lost_event(past: Past) -> None:
    past.events = [e for e in past.events if e.type != "offerDeclined"]


def illegal_transition(past: Past) -> None:
    past.of("updated").body["to"] = Status.COMPLETED


def other_row(past: Past) -> None:
    past.items[0] = replace(past.items[0], business_value=9)


def row_in_other_hands(past: Past) -> None:
    past.items[1] = replace(past.items[1], assigned_to="ann")


def lowered_epoch(past: Past) -> None:
    past.grants[0].epoch = 3
    past.epoch = 3


def epoch_of_nobody(past: Past) -> None:
    past.epoch = 1


def over_capacity(past: Past) -> None:
    past.capacity["ann"] = 0


def offer_that_stays_open(past: Past) -> None:
    past.grants[1].outcome = None


def offer_ended_otherwise(past: Past) -> None:
    past.grants[0].outcome = "timedOut"


def grant_without_event(past: Past) -> None:
    past.grants[2].offered_at += timedelta(seconds=1)


def event_without_grant(past: Past) -> None:
    del past.grants[0]


DAMAGE: list[tuple[Callable[[Past], None], str]] = [
    (lost_create, "was acknowledged as"),
    (lost_act, "acknowledged complete"),
    (lost_update, "acknowledged update"),
    (two_acts_in_one, "was acknowledged for 2 acts"),
    (unasked, "1 x complete, asked 0"),
    (doubled_item, "exists 2 times"),
    (other_content, "other content"),
    (never_sent, "never sent"),
    (acknowledged_twice, "and as"),
    (doubled_assignment, "given away while with ann"),
    (second_offer, "given away while with bob"),
    (skipped_revision, "follows revision 6"),
    (skipped_pos, "follows pos"),
    (lost_event, "follows revision 3"),
    (illegal_transition, "no transition queued -> completed"),
    (other_row, "do not give its row"),
    (row_in_other_hands, "the row has it"),
    (lowered_epoch, "epoch 2 after epoch 3"),
    (epoch_of_nobody, "the decider's is 1"),
    (over_capacity, "pushes ann to 1 of 0"),
    (offer_that_stays_open, "its events end it 1 times"),
    (offer_ended_otherwise, "as declined"),
    (grant_without_event, "there is no event of it"),
    (event_without_grant, "only an event tells of it"),
]


def test_the_table_says_lost_doubled_and_illegal() -> None:
    kinds = {"lost_create": "lost", "lost_act": "lost", "doubled_item": "doubled", "second_offer": "doubled"}
    kinds |= {"illegal_transition": "illegal", "two_acts_in_one": "doubled", "over_capacity": "other"}
    for damage, complaint in DAMAGE:
        if damage.__name__ in kinds:
            past = Past()
            damage(past)
            found = [text for text in past.found() if complaint in text]
            assert kinds_of(found)[kinds[damage.__name__]] > 0, (damage.__name__, found)
    line = FaultLine(fault="kill", times=2, acknowledged=9, recoveries=[0.5, 2.0])
    text = rendered([line], ["item 7: acknowledged update r2 u1 is lost", "strange"])
    assert text.splitlines()[1].split() == ["kill", "2", "9", "2.00", "2.00"]
    assert text.splitlines()[2].split() == ["all", "2", "9", "1", "0", "0"]
    assert text.endswith("other violations: 1")


@pytest.mark.parametrize(("damage", "complaint"), DAMAGE, ids=[d.__name__ for d, _ in DAMAGE])
def test_damage_is_found(past: Past, damage: Callable[[Past], None], complaint: str) -> None:
    damage(past)
    found = past.found()
    assert any(complaint in each for each in found), found
