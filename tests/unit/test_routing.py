"""Submissions to an external router: what follows from what it says, and when a recall is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from openiwd.domain.gws import hub_signature, is_signed_by
from openiwd.domain.queue import QueueConfig, RoutingTarget, compile_queue
from openiwd.domain.routing import (
    LONGEST_PAUSE,
    Recall,
    RemoteState,
    Step,
    Submission,
    SubmissionState,
    next_step,
    pause_after,
    recall_of,
    remote_state,
)
from openiwd.domain.work_item import ItemId, Status, WorkItem

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
GRACE = timedelta(seconds=30)
ASSIGNMENT = UUID(int=7)


def submission(state: str, **fields: Any) -> Submission:
    return Submission(
        id=UUID(int=1), item_id=UUID(int=2), item_number=3, external_id="x-2", queue_id="q", segment=None, service="s",
        state=SubmissionState(state), next_at=NOW, begun_at=NOW, **fields,
    )  # fmt: skip


TABLE = """
submitting absent    -         send
submitting waiting   -         confirm
submitting working   -         assign
submitting completed -         complete
submitting canceled  -         cancel
submitted  absent    -         wait
submitted  absent    absences  lose
submitted  waiting   -         confirm
submitted  working   -         assign
submitted  unknown   -         wait
working    working   -         wait
working    working   other     assign
working    waiting   -         handBack
working    completed -         complete
working    canceled  -         cancel
working    absent    absences  lose
recalling  waiting   overtaken stop
recalling  working   overtaken assign
recalling  completed overtaken complete
recalling  canceled  overtaken end
recalling  working   left      stop
recalling  completed left      complete
recalling  completed finished  end
recalling  absent    left      wait
recalling  absent    gone      end
recalling  absent    fresh     wait
recalling  absent    unsent    end
"""


@pytest.mark.parametrize("line", TABLE.strip().splitlines())
def test_each_answer_has_its_step(line: str) -> None:
    state, found, more, step = line.split()
    fields: dict[str, Any] = {"sent_at": NOW - GRACE}
    agent = "anna"
    match more:
        case "absences":
            fields["absences"] = 2
        case "other":
            agent = "ben"
        case "overtaken" | "left" | "finished":
            fields["recall"] = Recall(more)
        case "gone":
            fields |= {"recall": Recall.LEFT, "absences": 2}
        case "fresh":
            fields |= {
                "recall": Recall.LEFT, "absences": 2, "sent_at": NOW - GRACE + timedelta(seconds=1),
            }  # fmt: skip
        case "unsent":
            fields |= {"recall": Recall.LEFT, "sent_at": None}
    one = submission(state, assigned_to="anna", **fields)
    assert next_step(one, RemoteState(found), agent, NOW, GRACE) is Step(step)


def item(**fields: Any) -> WorkItem:
    return WorkItem(
        id=ItemId(UUID(int=2)), capture_point="rest", capture_id="c", received_at=NOW, created_at=NOW,
        **{"status": Status.QUEUED, "queue_id": "q", **fields},
    )  # fmt: skip


QUEUE = compile_queue(QueueConfig(id="q", name="Q", routing_target=RoutingTarget.GWS), "queue")
NATIVE = compile_queue(QueueConfig(id="q", name="Q"), "queue")


def test_a_submission_stands_as_long_as_its_item_does() -> None:
    waiting, working = submission("submitted"), submission("working", assignment_id=ASSIGNMENT)
    assert recall_of(waiting, item(), QUEUE) is None
    assert recall_of(waiting, item(), NATIVE) is Recall.LEFT
    assert recall_of(waiting, item(queue_id="other"), QUEUE) is Recall.LEFT
    assert recall_of(waiting, item(segment="gold"), QUEUE) is Recall.LEFT
    assert recall_of(waiting, item(status=Status.HELD), QUEUE) is Recall.LEFT
    assert recall_of(waiting, item(status=Status.COMPLETED), QUEUE) is Recall.FINISHED
    assert recall_of(waiting, None, QUEUE) is Recall.LEFT
    assert recall_of(working, item(status=Status.ASSIGNED, assignment_id=ASSIGNMENT), QUEUE) is None
    assert recall_of(working, item(status=Status.ASSIGNED, assignment_id=UUID(int=8)), QUEUE) is Recall.LEFT
    assert recall_of(working, item(), QUEUE) is Recall.LEFT


def test_words_pauses_and_signatures() -> None:
    assert remote_state("InWorkbin") is RemoteState.WORKING
    assert remote_state("cancelled") is RemoteState.CANCELED
    assert remote_state("Teleported") is RemoteState.UNKNOWN
    pauses = [pause_after(n) for n in range(1, 40)]
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=1)
    assert pauses[-1] == LONGEST_PAUSE
    signed = hub_signature("secret", b"{}")
    assert is_signed_by("secret", signed.upper().replace("SHA1", "sha1"), b"{}")
    assert not is_signed_by("secret", signed, b"{ }")
    assert not is_signed_by("", hub_signature("", b"{}"), b"{}")
