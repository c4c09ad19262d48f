"""Compares what clients were told with what is there: nothing lost, nothing doubled, nothing that may not be.

Knows no faults: it judges any journal and state, whatever was done to the installation meanwhile.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from msgspec import Struct

from openiwd.domain.event import EventType, LoggedEvent, fold
from openiwd.domain.lifecycle import TABLE, Action, allowed
from openiwd.domain.work_item import Status, WorkItem
from tests.faults.evidence import Act, Grant, Journal, State

ACTIONS: Mapping[str, tuple[Action, ...]] = {
    EventType.CLASSIFIED: (Action.CLASSIFY,),
    EventType.ACTIVATED: (Action.ACTIVATE,),
    EventType.UPDATED: (Action.UPDATE,),
    EventType.RECLASSIFIED: (Action.UPDATE,),
    EventType.HELD: (Action.HOLD,),
    EventType.RESUMED: (Action.RESUME,),
    EventType.CANCELED: (Action.CANCEL,),
    EventType.COMPLETED: (Action.COMPLETE,),
    EventType.REOPENED: (Action.REOPEN,),
    EventType.RESTARTED: (Action.RESTART,),
    EventType.OFFERED: (Action.OFFER,),
    EventType.ASSIGNED: (Action.ACCEPT, Action.PULL, Action.ASSIGN),
    EventType.OFFER_DECLINED: (Action.DECLINE,),
    EventType.OFFER_TIMED_OUT: (Action.TIME_OUT,),
    EventType.OFFER_WITHDRAWN: (Action.WITHDRAW,),
    EventType.OFFER_LOST: (Action.LOSE,),
    EventType.RETURNED: (Action.RETURN,),
    EventType.TRANSFERRED: (Action.TRANSFER,),
    EventType.RESERVATION_ENDED: (Action.END_RESERVATION,),
}
UNMOVED = frozenset(
    {
        *(
            EventType.NOTE_ADDED,
            EventType.TAGGED,
            EventType.ATTACHMENT_ADDED,
            EventType.LINKED,
            EventType.UPDATED,
        ),
        *(EventType.EMAIL_RECEIVED, EventType.EMAIL_WRITTEN, EventType.EMAIL_SENT, EventType.EMAIL_FAILED),
        EventType.EMAIL_MOVED,
        *(EventType.ROUTED, EventType.ROUTING_ENDED),
    }
)
EVENT_OF_ACT: Mapping[str, frozenset[str]] = {
    "accept": frozenset({EventType.ASSIGNED}),
    "pull": frozenset({EventType.ASSIGNED}),
    "decline": frozenset({EventType.OFFER_DECLINED}),
    "complete": frozenset({EventType.COMPLETED}),
    "transfer": frozenset({EventType.TRANSFERRED}),
    "return": frozenset({EventType.RETURNED}),
    "hold": frozenset({EventType.HELD}),
    "resume": frozenset({EventType.RESUMED}),
    "cancel": frozenset({EventType.CANCELED}),
    "restart": frozenset({EventType.RESTARTED}),
    "update": frozenset({EventType.UPDATED, EventType.RECLASSIFIED}),
}
"""Which events tell of what a client did."""
BY_CLIENTS_ONLY = ("complete", "cancel", "hold", "transfer", "decline", "restart")
"""What never happens by itself: each such event needs somebody who asked for it."""
_TO = {rule.action: rule.to for rule in TABLE}


class _Hands(Struct):
    """In whose hands an item is, by its events alone."""

    revision: int = 0
    status: str | None = None
    offer: tuple[str, str] | None = None
    assignment: tuple[str, str] | None = None

    @property
    def agent(self) -> str | None:
        held = self.assignment or self.offer
        return held[1] if held is not None else None


class _Log:
    """Walks through the log once and complains about whatever does not follow from what was before."""

    def __init__(self, capacity: Mapping[str, int]) -> None:
        self.wrong: list[str] = []
        self.hands: defaultdict[UUID, _Hands] = defaultdict(_Hands)
        self.closed: Counter[str] = Counter()
        self.outcomes: dict[str, str] = {}
        self.offered: dict[str, LoggedEvent] = {}
        self.pulled: dict[tuple[int, Any, str], LoggedEvent] = {}
        self._capacity = capacity
        self._load: defaultdict[str, set[UUID]] = defaultdict(set)
        self._pos = 0

    def walk(self, events: Iterable[LoggedEvent]) -> None:
        for event in events:
            if event.pos != self._pos + 1:
                self._say(event, f"follows pos {self._pos}")
            self._pos = event.pos
            if event.item_id is not None:
                self._step(event, event.item_id)

    def _say(self, event: LoggedEvent, what: str) -> None:
        self.wrong.append(f"pos {event.pos} {event.type} r{event.revision} of {event.item_id}: {what}")

    def _step(self, event: LoggedEvent, item_id: UUID) -> None:
        hands = self.hands[item_id]
        before = hands.agent
        if event.revision != hands.revision + 1:
            self._say(event, f"follows revision {hands.revision}")
        if event.body.get("from") != hands.status:
            self._say(event, f"starts from {event.body.get('from')}, the item is {hands.status}")
        if not legal(event):
            self._say(event, f"no transition {event.body.get('from')} -> {event.body.get('to')}")
        hands.revision, hands.status = event.revision or 0, event.body.get("to")
        self._close(event, hands)
        self._open(event, hands)
        if (hands.assignment is not None) != (hands.status == Status.ASSIGNED):
            self._say(event, f"{hands.status} with assignment {hands.assignment}")
        if hands.offer is not None and hands.status != Status.QUEUED:
            self._say(event, f"{hands.status} with open offer {hands.offer}")
        if before != hands.agent:
            self._load[before or ""].discard(item_id)
            self._load[hands.agent or ""].add(item_id)
        if event.type == EventType.OFFERED:
            self._check_load(event, hands.agent or "")

    def _check_load(self, event: LoggedEvent, agent: str) -> None:
        most = self._capacity.get(agent)
        if most is not None and len(self._load[agent]) > most:
            self._say(event, f"pushes {agent} to {len(self._load[agent])} of {most}")

    def _close(self, event: LoggedEvent, hands: _Hands) -> None:
        offer, assignment = event.body.get("offer"), event.body.get("assignment")
        if offer is not None and offer.get("outcome") is not None:
            if hands.offer != (offer["id"], offer["agent"]):
                self._say(event, f"ends offer {offer['id']}, open is {hands.offer}")
            hands.offer = None
            self.closed[offer["id"]] += 1
            self.outcomes[offer["id"]] = offer["outcome"]
        if assignment is not None:
            if hands.assignment != (assignment["id"], assignment["agent"]):
                self._say(event, f"ends assignment {assignment['id']}, open is {hands.assignment}")
            hands.assignment = None

    def _open(self, event: LoggedEvent, hands: _Hands) -> None:
        offer, started = event.body.get("offer"), event.body.get("assignmentStarted")
        opens = (offer is not None and offer.get("outcome") is None) or started is not None
        if opens and hands.agent is not None:
            self._say(event, f"given away while with {hands.agent}")
        if offer is not None and offer.get("outcome") is None:
            hands.offer = (offer["id"], offer["agent"])
            self.offered[offer["id"]] = event
        if started is not None:
            hands.assignment = (started["id"], started["agent"])
            if started["how"] in ("pull", "pick"):
                self.pulled[event.item_number or 0, event.at, started["agent"]] = event


def legal(event: LoggedEvent) -> bool:
    """Whether the lifecycle's table knows the transition."""
    start, end = event.body.get("from"), event.body.get("to")
    if event.type == EventType.CREATED:
        return start is None and end in (*_TO[Action.CREATE], *_TO[Action.CLASSIFY])
    if start is None:
        return False
    if event.type == EventType.DELETED:
        return end is None and allowed(Action.DELETE, Status(start))
    if event.type in UNMOVED and event.type not in ACTIONS:
        return bool(start == end)
    return any(allowed(a, Status(start)) and end in _TO[a] for a in ACTIONS.get(event.type, ()))


def violations(state: State, journal: Journal, capacity: Mapping[str, int]) -> list[str]:
    """Everything that contradicts what is promised; empty when all is well."""
    log = _Log(capacity)
    log.walk(state.events)
    by_item: defaultdict[UUID, list[LoggedEvent]] = defaultdict(list)
    for event in state.events:
        if event.item_id is not None:
            by_item[event.item_id].append(event)
    return [
        *journal.contradictions,
        *log.wrong,
        *_folds(state.items, by_item),
        *_creates(state.items, by_item, journal),
        *_acts(by_item, journal),
        *_inventions(by_item, journal),
        *_grants(state, log),
        *_in_hand(state.items, log),
    ]


def _folds(items: Iterable[WorkItem], by_item: Mapping[UUID, list[LoggedEvent]]) -> list[str]:
    """Folding the events gives the row; every history has a row, and every row a history."""
    wrong = []
    rows: dict[UUID, WorkItem] = {item.id: item for item in items}
    for item_id, events in by_item.items():
        if fold(events) != rows.get(item_id):
            wrong.append(f"item {item_id}: its events do not give its row")
    wrong += [f"item {item_id}: a row without events" for item_id in rows.keys() - by_item.keys()]
    return wrong


def _creates(
    items: Iterable[WorkItem], by_item: Mapping[UUID, list[LoggedEvent]], journal: Journal
) -> list[str]:
    """Each acknowledged item is there once, with its content; nothing is there that nobody sent."""
    wrong = []
    found: defaultdict[str, list[WorkItem]] = defaultdict(list)
    for item in items:
        found[item.capture_id].append(item)
    for capture_id, item_id in journal.created.items():
        ids = [str(item.id) for item in found.get(capture_id, [])]
        if ids != [item_id]:
            wrong.append(f"item {capture_id} was acknowledged as {item_id}, there is {ids or 'none'}")
    for capture_id, same in found.items():
        if len(same) > 1:
            wrong.append(f"item {capture_id} exists {len(same)} times")
        sent = journal.submitted.get(capture_id)
        if sent is None:
            wrong.append(f"item {capture_id} was never sent")
        elif any(same[0].data.get(key) != value for key, value in sent.items()):
            wrong.append(f"item {capture_id} has other content than what was sent")
        births = sum(1 for e in by_item.get(same[0].id, []) if e.type == EventType.CREATED)
        if births != 1:
            wrong.append(f"item {capture_id} was created {births} times")
    return wrong


def _acts(by_item: Mapping[UUID, list[LoggedEvent]], journal: Journal) -> list[str]:
    """Each acknowledged act is in its item's history, where the answer said; no event stands for two of them."""
    wrong = []
    told: Counter[tuple[str, int]] = Counter()
    for act in journal.acts:
        if not act.known:
            continue
        events = by_item.get(UUID(act.item_id), [])
        if not any(_tells_of(event, act) for event in events):
            wrong.append(
                f"item {act.item_id}: acknowledged {act.action} r{act.revision} {act.mark or ''} is lost"
            )
        if act.revision is not None:
            told[act.item_id, act.revision] += 1
    wrong += [f"item {i}: r{r} was acknowledged for {n} acts" for (i, r), n in told.items() if n > 1]
    return wrong


def _tells_of(event: LoggedEvent, act: Act) -> bool:
    if event.type not in EVENT_OF_ACT[act.action]:
        return False
    if act.revision is not None and event.revision != act.revision:
        return False
    if act.action in ("accept", "pull"):
        return bool(event.body["assignmentStarted"]["agent"] == act.agent)
    if act.action == "decline":
        return bool(event.body["offer"]["id"] == act.mark)
    return act.mark is None or act.mark in ((event.personal or {}).get("data") or {})


def _inventions(by_item: Mapping[UUID, list[LoggedEvent]], journal: Journal) -> list[str]:
    """No more events than attempts, answered or not."""
    asked = Counter((act.item_id, act.action) for act in journal.acts)
    wrong = []
    for item_id, events in by_item.items():
        kinds = Counter(event.type for event in events)
        for action in BY_CLIENTS_ONLY:
            happened = sum(kinds[kind] for kind in EVENT_OF_ACT[action])
            if happened > asked[str(item_id), action]:
                wrong.append(
                    f"item {item_id}: {happened} x {action}, asked {asked[str(item_id), action]} times"
                )
    return wrong


def _grants(state: State, log: _Log) -> list[str]:
    """Each grant has its event and ended once; in the order of the log no epoch is lower than one before it."""
    wrong = []
    placed: list[tuple[int, Grant]] = []
    for grant in state.grants:
        key = str(grant.id)
        event = (
            log.offered.pop(key, None)
            if grant.kind == "push"
            else log.pulled.pop((grant.item_number, grant.offered_at, grant.agent_id), None)
        )
        if event is None:
            wrong.append(f"grant {key}: there is no event of it")
            continue
        placed.append((event.pos, grant))
        if grant.kind == "push":
            ended = 0 if grant.outcome is None else 1
            if log.closed[key] != ended or log.outcomes.get(key) != grant.outcome:
                wrong.append(
                    f"offer {key}: {grant.outcome}, but its events end it {log.closed[key]} times, "
                    f"as {log.outcomes.get(key)}"
                )
    wrong += [f"offer {key}: only an event tells of it" for key in log.offered]
    wrong += [
        f"pull of item {number} by {agent}: only an event tells of it" for number, _, agent in log.pulled
    ]
    highest = 0
    for pos, grant in sorted(placed, key=lambda p: p[0]):
        if grant.epoch < highest:
            wrong.append(f"grant {grant.id} at pos {pos}: epoch {grant.epoch} after epoch {highest}")
        highest = max(highest, grant.epoch)
    if highest > state.epoch:
        wrong.append(f"grants up to epoch {highest}, the decider's is {state.epoch}")
    return wrong


def _in_hand(items: Iterable[WorkItem], log: _Log) -> list[str]:
    """The rows say the same about who has what as the events."""
    wrong = []
    for item in items:
        hands = log.hands[item.id]
        offer = None if item.offer_id is None else (str(item.offer_id), item.offered_to or "")
        assignment = None if item.assignment_id is None else (str(item.assignment_id), item.assigned_to or "")
        if (item.revision, item.status, offer, assignment) != (
            hands.revision,
            hands.status,
            hands.offer,
            hands.assignment,
        ):
            wrong.append(
                f"item {item.id}: the row has it {item.status} with {item.assigned_to or item.offered_to}"
            )
    return wrong
