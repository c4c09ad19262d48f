"""What the judge of a fault run's webhooks finds, and what it lets pass."""

from __future__ import annotations

import pytest

from tests.faults.hook_load import Told, lost, out_of_order

EVENTS: list[Told] = [(1, "a"), (2, "b"), (3, "a"), (4, "b")]


@pytest.mark.parametrize(
    "accepted",
    [
        EVENTS,
        [(2, "b"), (4, "b"), (1, "a"), (3, "a")],
        [(1, "a"), (1, "a"), (3, "a"), (1, "a"), (2, "b"), (4, "b"), (5, "c")],
    ],
)
def test_what_may_be(accepted: list[Told]) -> None:
    assert [*lost(EVENTS, accepted), *out_of_order(accepted)] == []


def test_what_was_never_told_is_found() -> None:
    assert lost(EVENTS, EVENTS[:2]) == [
        "the notification of pos 3 of item a is lost",
        "the notification of pos 4 of item b is lost",
    ]


def test_what_came_too_late_is_found() -> None:
    assert out_of_order([(3, "a"), (1, "a"), (2, "b"), (4, "b")]) == [
        "the notification of pos 1 of item a follows pos 3"
    ]
