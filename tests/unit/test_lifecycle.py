"""The table of the code against the table of the specification, transcribed here on its own."""

from __future__ import annotations

import pytest

from openiwd.domain.errors import InvalidTransitionError
from openiwd.domain.lifecycle import TABLE, Action, allowed, documentation, possible_actions, require
from openiwd.domain.work_item import FINAL, HELD_CLASS, OPEN, Status

NOT_FINAL = "new captured queued assigned held errorheld"
ALL = f"{NOT_FINAL} completed canceled rejected"
WHERE: dict[Action, str] = {
    Action.CREATE: "",
    Action.CLASSIFY: "new",
    Action.REJECT: "new captured queued",
    Action.ACTIVATE: "captured",
    Action.OFFER: "queued",
    Action.ACCEPT: "queued",
    Action.PULL: "queued",
    Action.ASSIGN: "queued assigned",
    Action.DECLINE: "queued",
    Action.TIME_OUT: "queued",
    Action.LOSE: "queued",
    Action.WITHDRAW: "queued",
    Action.END_RESERVATION: "queued",
    Action.COMPLETE: NOT_FINAL,
    Action.CANCEL: NOT_FINAL,
    Action.RETURN: "assigned",
    Action.TRANSFER: "queued assigned",
    Action.HOLD: "new captured queued assigned",
    Action.RESUME: "held errorheld",
    Action.REOPEN: "completed canceled",
    Action.RESTART: ALL,
    Action.UPDATE: NOT_FINAL,
    Action.DELETE: "completed canceled rejected",
}


def test_every_action_is_transcribed() -> None:
    assert set(WHERE) == set(Action)
    assert [rule.action for rule in TABLE].count(Action.HOLD) == 1
    assert len(TABLE) == len(Action)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("status", Status)
def test_an_action_is_possible_exactly_where_the_table_says(action: Action, status: Status) -> None:
    expected = status.value in WHERE[action].split()
    assert allowed(action, status) is expected
    assert (action in possible_actions(status)) is expected
    if expected:
        require(action, status)
        return
    with pytest.raises(InvalidTransitionError) as caught:
        require(action, status)
    error = caught.value
    assert error.code == "invalidTransition"
    assert error.details["status"] == status.value
    assert status.value in error.message
    assert action.value in error.message
    assert error.hint is not None
    assert all(name in error.hint for name in WHERE[action].split())


def test_the_classes_of_statuses() -> None:
    assert {s.value for s in FINAL} == {"completed", "canceled", "rejected"}
    assert {s.value for s in HELD_CLASS} == {"held", "errorheld"}
    assert {s.value for s in OPEN} == set(NOT_FINAL.split())
    assert [s.value for s in Status if s.is_final] == ["completed", "canceled", "rejected"]
    assert [s.value for s in Status if s.is_held] == ["held", "errorheld"]


@pytest.mark.parametrize("status", Status)
def test_a_final_item_leaves_its_status_only_by_reopening_restarting_or_deletion(status: Status) -> None:
    if status.is_final:
        expected = {Action.RESTART, Action.DELETE} | (set() if status is Status.REJECTED else {Action.REOPEN})
        assert set(possible_actions(status)) == expected


def test_where_actions_lead() -> None:
    leading = {rule.action for rule in TABLE if Status.NEW in rule.to}
    assert leading == {Action.CREATE, Action.RESUME, Action.UPDATE}
    by_action = {rule.action: set(rule.to) for rule in TABLE}
    assert by_action[Action.RETURN] == by_action[Action.TRANSFER] == {Status.QUEUED}
    assert by_action[Action.CANCEL] == {Status.CANCELED}
    assert by_action[Action.COMPLETE] == {Status.COMPLETED}
    assert by_action[Action.ACCEPT] == by_action[Action.PULL] == by_action[Action.ASSIGN] == {Status.ASSIGNED}
    assert by_action[Action.DELETE] == set()


def test_the_page_tells_every_action() -> None:
    page = documentation()
    assert all(f"| {action.value} |" in page for action in Action)
    assert "409" in page
