"""What the judge of a fault run's mail finds, and what it lets pass."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.mail_load import Seen, violations_of

SENT = {"m1": None, "m2": None}
ACKNOWLEDGED = {"answer-000001": None}


def seen(
    received: list[tuple[str, str, str | None]] | None = None,
    written: list[tuple[str, str]] | None = None,
    arrived: list[str] | None = None,
) -> Seen:
    """All is well, but for what is given."""
    return Seen(
        received=[("m1", "stored", "i1"), ("m2", "stored", "i2")] if received is None else received,
        written=[("answer-000001", "sent")] if written is None else written,
        arrived=Counter(["answer-000001"] if arrived is None else arrived),
    )


@pytest.mark.parametrize(
    "fine",
    [
        seen(),
        seen(written=[("answer-000001", "unknown")]),
        seen(written=[("answer-000001", "unknown")], arrived=[]),
        seen(written=[("answer-000001", "failed")], arrived=[]),
        seen(
            written=[("answer-000001", "sent"), ("answer-000002", "sent")],
            arrived=["answer-000001", "answer-000002"],
        ),
        seen(received=[("m1", "stored", "i1"), ("m2", "quarantined", None), ("m2", "stored", "i2")]),
    ],
)
def test_what_may_be(fine: Seen) -> None:
    assert violations_of(SENT, ACKNOWLEDGED, fine) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (seen(received=[("m1", "stored", "i1")]), "mail m2 is lost"),
        (
            seen(received=[("m1", "stored", "i1"), ("m2", "stored", "i2"), ("m2", "stored", "i3")]),
            "mail m2 exists 2 times",
        ),
        (seen(received=[("m1", "stored", "i1"), ("m2", "stored", None)]), "mail m2 belongs to no item"),
        (seen(written=[], arrived=[]), "answer-000001 is lost"),
        (seen(written=[("answer-000001", "sent")] * 2), "answer-000001 exists 2 times"),
        (seen(arrived=["answer-000001"] * 2), "answer-000001 exists 2 times in the inbox"),
        (
            seen(written=[("answer-000001", "unknown")], arrived=["answer-000001"] * 2),
            "answer-000001 exists 2 times in the inbox",
        ),
        (seen(arrived=[]), "answer-000001 is sent, but is lost"),
        (seen(written=[("answer-000001", "queued")], arrived=[]), "answer-000001 never comes to an end"),
        (seen(arrived=["answer-000001", "answer-000009"]), "answer-000009 arrived"),
    ],
)
def test_what_may_not_be(wrong: Seen, told: str) -> None:
    assert any(each.startswith(told) for each in violations_of(SENT, ACKNOWLEDGED, wrong))
