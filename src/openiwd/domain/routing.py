"""Submissions of items to an external router: which items it is to have, and what follows from what it says. Pure.

The backlog stays here; the router has the best of each segment only. Nothing here asks or tells the router.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never
from uuid import UUID

from msgspec import Struct

from openiwd.domain.queue import Queue
from openiwd.domain.work_item import Status, WorkItem

if TYPE_CHECKING:  # numpy comes with them, and who only asks the router does without
    from openiwd.domain.backlog import Backlog
    from openiwd.domain.backlog_group import Group
    from openiwd.domain.backlog_item import BacklogItem

ABSENT_BEFORE_LOST: Final = 3
"""So often in a row the router must not know a submission before it counts: as lost, or as stopped."""
FIRST_PAUSE: Final = timedelta(seconds=1)
LONGEST_PAUSE: Final = timedelta(minutes=1)
REFUSED_FOR: Final = timedelta(minutes=15)
"""An item that the router has refused is not submitted again for so long, unless it changes its queue."""

UNSURE: Final = "unsure"
"""Sent several times with different content, and nobody knows which of them arrived."""

Segment = tuple[str, str | None]
"""A queue and one of its segments."""


class SubmissionState(StrEnum):
    SUBMITTING = "submitting"
    """To be handed over, or handed over with an unknown outcome: the router is asked before anything is repeated."""
    SUBMITTED = "submitted"
    """The router has it; nobody works on it yet."""
    WORKING = "working"
    """An agent of the router works on it: the item is assigned here."""
    RECALLING = "recalling"
    """To be stopped at the router, until it says that it is."""
    ENDED = "ended"


class Ending(StrEnum):
    """How a submission ended."""

    COMPLETED = "completed"
    CANCELED = "canceled"
    """By somebody at the router."""
    RECALLED = "recalled"
    NEVER = "never"
    """It never reached the router."""
    REFUSED = "refused"
    LOST = "lost"
    """The router had it and knows it no more: the item waits here again."""


class Recall(StrEnum):
    """Why a submission is stopped."""

    OVERTAKEN = "overtaken"
    LEFT = "left"
    """The item no longer waits for the router: held, moved, canceled, taken back."""
    FINISHED = "finished"
    """The item was completed here."""
    CHANGED = "changed"
    """What the router was told of the item is no longer so: it is submitted anew."""


FOR_THE_SAKE_OF_ORDER: Final = (Recall.OVERTAKEN, Recall.CHANGED)
"""The item still waits for the router: work that begins before the recall reaches it counts."""


class RemoteState(StrEnum):
    """What the router says of a submission, in our words."""

    WAITING = "waiting"
    WORKING = "working"
    COMPLETED = "completed"
    CANCELED = "canceled"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    """A state that we have no word for: nothing follows from it."""


_STATES: Final[Mapping[str, RemoteState]] = {
    "queued": RemoteState.WAITING,
    "invited": RemoteState.WAITING,
    "inqueue": RemoteState.WAITING,
    "routing": RemoteState.WAITING,
    "processing": RemoteState.WORKING,
    "inworkbin": RemoteState.WORKING,
    "completed": RemoteState.COMPLETED,
    "canceled": RemoteState.CANCELED,
    "cancelled": RemoteState.CANCELED,
    "stopped": RemoteState.CANCELED,
}


def remote_state(text: str | None) -> RemoteState:
    """The router's word for a state, whatever its case."""
    return RemoteState.UNKNOWN if text is None else _STATES.get(text.casefold(), RemoteState.UNKNOWN)


class Submission(Struct, kw_only=True, rename="camel"):
    """One handing over of an item to a router, as stored before the request goes out."""

    id: UUID
    item_id: UUID
    item_number: int
    external_id: str
    """What the router knows it by; never used for another submission."""
    queue_id: str
    segment: str | None
    service: str
    state: SubmissionState
    revision: int = 1
    interaction_id: str | None = None
    attempts: int = 0
    """Requests of the present state whose outcome is unknown, or that failed, in a row."""
    absences: int = 0
    next_at: datetime
    begun_at: datetime
    sent_at: datetime | None = None
    """When it was last sent to the router."""
    recall: Recall | None = None
    assignment_id: UUID | None = None
    assigned_to: str | None = None
    remote_state: RemoteState | None = None
    remote_at: datetime | None = None
    told: str | None = None
    """A digest of what the router was told of the item; UNSURE where it may have been this or that."""
    ending: Ending | None = None
    ended_at: datetime | None = None
    error: str | None = None

    @property
    def place(self) -> Segment:
        return self.queue_id, self.segment


def external_id(item_id: UUID, number: int) -> str:
    """Of the so-many-th submission of an item."""
    return f"{item_id}-{number}"


def pause_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row, before chance shortens it."""
    doublings = min(max(failures - 1, 0), 10)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


# Which items the router is to have --------------------------------------------------------------------------------


def best_of_segments(
    backlog: Backlog,
    queue: Queue,
    limit: int,
    outstanding: Mapping[Segment, int],
    left_out: Collection[int],
    now: int,
) -> list[BacklogItem]:
    """The best waiting items of each of a queue's segments, in order, as many as it has room for.

    Items that agents work on take room (`outstanding`); `left_out`: numbers of those that the router refuses.
    """
    taken: dict[str | None, int] = {}

    def has_room(group: Group) -> bool:
        key = (queue.id, group.segment)
        return taken.get(group.segment, 0) + outstanding.get(key, 0) < limit

    found: list[BacklogItem] = []
    for slot, group in backlog.walk(now, accepts_group=has_room, queue_id=queue.id):
        item = backlog.item_in(slot)
        if item.number in left_out:
            continue
        taken[group.segment] = taken.get(group.segment, 0) + 1
        found.append(item)
    return found


class Differences(NamedTuple):
    begin: list[BacklogItem]
    """To be submitted, best first."""
    overtaken: list[Submission]


def differences(
    best: Sequence[BacklogItem],
    active: Iterable[Submission],
    limits: Mapping[str, int],
    outstanding: Mapping[Segment, int],
) -> Differences:
    """What is to be submitted and what recalled so that the router has the best; never more at once than the limit.

    What is being recalled may still be at the router: it takes room until it is known to be back.
    """
    wanted = {item.number for item in best}
    running = list(active)
    room: dict[Segment, int] = {}
    for one in running:
        room[one.place] = room.get(one.place, 0) + (one.state is not SubmissionState.WORKING)
    begin = []
    known = {one.item_number for one in running}
    for item in best:
        if item.number in known:
            continue
        place = (item.queue_id, item.segment)
        if room.get(place, 0) + outstanding.get(place, 0) < limits.get(item.queue_id, 0):
            room[place] = room.get(place, 0) + 1
            begin.append(item)
    waiting = (SubmissionState.SUBMITTING, SubmissionState.SUBMITTED)
    return Differences(begin, [s for s in running if s.state in waiting and s.item_number not in wanted])


def recall_of(submission: Submission, item: WorkItem | None, queue: Queue | None) -> Recall | None:
    """Why the submission is to be stopped for what became of its item here; None while it stands."""
    if item is None:
        return Recall.LEFT
    if item.status is Status.COMPLETED:
        return Recall.FINISHED
    if submission.state is SubmissionState.WORKING:
        stands = item.status is Status.ASSIGNED and item.assignment_id == submission.assignment_id
        return None if stands else Recall.LEFT
    stands = (
        item.status is Status.QUEUED
        and item.queue_id == submission.queue_id
        and item.segment == submission.segment
        and queue is not None
        and not queue.is_native
    )
    return None if stands else Recall.LEFT


def is_outdated(submission: Submission, now_told: str) -> bool:
    """Whether the router has, or may have, other values than the item's. Once somebody works on it, they stay."""
    waits = submission.state in (SubmissionState.SUBMITTING, SubmissionState.SUBMITTED)
    return waits and submission.told is not None and submission.told != now_told


# What follows from what the router says ----------------------------------------------------------------------------


class Step(StrEnum):
    """What is to be done next for a submission, once the router has been asked about it."""

    SEND = "send"
    """Hand it over (again): the router does not have it."""
    CONFIRM = "confirm"
    """It is at the router and waits there."""
    ASSIGN = "assign"
    """An agent of the router has it: the item is assigned."""
    HAND_BACK = "handBack"
    """The agent has put it back: the item waits again."""
    COMPLETE = "complete"
    CANCEL = "cancel"
    STOP = "stop"
    """Tell the router to stop it."""
    END = "end"
    """It is not, or no more, at the router: the item is ours again."""
    LOSE = "lose"
    """As END, of one that the router had."""
    WAIT = "wait"
    """Ask again later."""


def next_step(
    submission: Submission, found: RemoteState, assigned_to: str | None, now: datetime, grace: timedelta
) -> Step:
    """`grace`: so long after it was sent, what the router does not know yet may still reach it."""
    match submission.state:
        case SubmissionState.SUBMITTING:
            if found is RemoteState.ABSENT:
                return Step.SEND
            return _standing(submission, found, assigned_to)
        case SubmissionState.SUBMITTED | SubmissionState.WORKING:
            if found is RemoteState.ABSENT:
                return Step.LOSE if submission.absences + 1 >= ABSENT_BEFORE_LOST else Step.WAIT
            return _standing(submission, found, assigned_to)
        case SubmissionState.RECALLING:
            return _recalling(submission, found, now, grace)
        case SubmissionState.ENDED:
            return Step.WAIT
        case _:
            assert_never(submission.state)


def _standing(submission: Submission, found: RemoteState, assigned_to: str | None) -> Step:
    is_working = submission.state is SubmissionState.WORKING
    match found:
        case RemoteState.COMPLETED:
            return Step.COMPLETE
        case RemoteState.CANCELED:
            return Step.CANCEL
        case RemoteState.WORKING:
            return Step.WAIT if is_working and assigned_to == submission.assigned_to else Step.ASSIGN
        case RemoteState.WAITING:
            return Step.HAND_BACK if is_working else Step.CONFIRM
        case RemoteState.UNKNOWN:
            return Step.WAIT if submission.state is not SubmissionState.SUBMITTING else Step.CONFIRM
        case RemoteState.ABSENT:
            return Step.WAIT
        case _:
            assert_never(found)


def _recalling(submission: Submission, found: RemoteState, now: datetime, grace: timedelta) -> Step:
    """Work that was begun, or done, before it could be stopped counts, if the item is still there for it.

    One wrong "not found" must not leave there for good what is to be stopped.
    """
    is_overtaken = submission.recall in FOR_THE_SAKE_OF_ORDER
    match found:
        case RemoteState.COMPLETED:
            return Step.END if submission.recall is Recall.FINISHED else Step.COMPLETE
        case RemoteState.CANCELED:
            return Step.END
        case RemoteState.WORKING:
            return Step.ASSIGN if is_overtaken else Step.STOP
        case RemoteState.WAITING | RemoteState.UNKNOWN:
            return Step.STOP
        case RemoteState.ABSENT:
            if submission.sent_at is None:
                return Step.END
            is_over = now - submission.sent_at >= grace and submission.absences + 1 >= ABSENT_BEFORE_LOST
            return Step.END if is_over else Step.WAIT
        case _:
            assert_never(found)
