"""Cases of searches: three items, and what filters and words find of them. Both PostgreSQL and an index answer them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from openiwd.domain.work_item import Status, WorkItem
from tests.factories.stored_item import START, stored_item

A, B, C = "a", "b", "c"


def condition(attribute: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"attribute": attribute, "operator": operator, "value": value, **more}


def three_items() -> list[WorkItem]:
    """a has everything, b other things, c nothing."""
    return [
        stored_item(
            A,
            subject="Stolen Car",
            description="It was red",
            channel="email",
            category_path="Claims/Motor",
            queue_id="q1",
            business_value=5,
            tags=["vip", "north"],
            due_at=START + timedelta(hours=1),
            ext={"customerId": "c1", "sourceDueDateTime": "2026-03-03T10:00:00+02:00"},
            contact={"name": "Anna Berg", "emails": ["anna@example.com"]},
            data={
                "amount": 1200.5,
                "plate": "HH-A 1",
                "police": True,
                "deep": {"er": ["x", 2]},
                "on": "2026-03-04",
            },
        ),
        stored_item(
            B,
            subject="broken window",
            channel="web",
            category_path="Claims/Motorbike",
            queue_id="q2",
            business_value=-3,
            tags=["vip"],
            due_at=START - timedelta(hours=1),
            ext={"customerId": ""},
            data={
                "amount": "1200.5",
                "plate": "hh-b 2",
                "police": False,
                "deep": {"er": None},
                "on": "soon",
            },
            status=Status.HELD,
            assigned_to="agent1",
        ),
        stored_item(C, category_path="Claims"),
    ]


FILTERS: list[tuple[dict[str, Any], str]] = [
    (condition("channel", "eq", "email"), "a"),
    (condition("channel", "eq", "EMAIL"), ""),
    (condition("channel", "eq", "EMAIL", ignoreCase=True), "a"),
    (condition("channel", "ne", "email"), "bc"),
    (condition("channel", "in", ["email", "fax"]), "a"),
    (condition("channel", "notIn", ["email", "fax"]), "bc"),
    (condition("channel", "isSet"), "ab"),
    (condition("channel", "isNotSet"), "c"),
    ({"not": condition("channel", "eq", "email")}, "bc"),
    ({"not": condition("channel", "ne", "email")}, "a"),
    ({"all": []}, "abc"),
    ({"any": []}, ""),
    ({"all": [condition("channel", "isSet"), {"not": condition("channel", "eq", "web")}]}, "a"),
    ({"any": [condition("queue", "eq", "q2"), condition("subject", "startsWith", "Stolen")]}, "ab"),
    (condition("subject", "contains", "car"), ""),
    (condition("subject", "contains", "car", ignoreCase=True), "a"),
    (condition("subject", "endsWith", "window"), "b"),
    (condition("subject", "contains", "%"), ""),
    (condition("subject", "matches", "^[A-Z]"), "a"),
    (condition("subject", "matches", "^s", ignoreCase=True), "a"),
    (condition("status", "eq", "held"), "b"),
    (condition("businessValue", "gt", 0), "a"),
    (condition("businessValue", "ge", -3.5), "abc"),
    (condition("businessValue", "between", [-3, 0]), "bc"),
    (condition("businessValue", "in", [5, 6]), "a"),
    (condition("dueDateTime", "before", "2026-03-02T09:00:00Z"), "b"),
    (condition("dueDateTime", "before", "now"), "b"),
    (condition("dueDateTime", "between", ["now", "now+2h"]), "a"),
    (condition("dueDateTime", "between", ["now-30m", "now + 30m"]), ""),
    (condition("dueDateTime", "after", "2026-03-02T10:00:00+01:00"), "a"),
    (condition("dueDateTime", "olderThan", "30m"), "b"),
    (condition("dueDateTime", "isNotSet"), "c"),
    (condition("overdue", "eq", True), "b"),
    (condition("overdue", "eq", False), "ac"),
    (condition("tags", "contains", "vip"), "ab"),
    ({"not": condition("tags", "contains", "north")}, "bc"),
    (condition("tags", "isNotSet"), "c"),
    (condition("ext.customerId", "eq", "c1"), "a"),
    (condition("ext.customerId", "isSet"), "a"),
    (condition("ext.sourceDueDateTime", "before", "2026-03-03T09:00:00Z"), "a"),
    (condition("contact.name", "startsWith", "Anna"), "a"),
    (condition("contact.emails", "contains", "anna@example.com"), "a"),
    (condition("data.amount", "eq", 1200.50), "a"),
    (condition("data.amount", "eq", "1200.5"), "b"),
    (condition("data.amount", "gt", 1000), "a"),
    (condition("data.amount", "ne", 1200.5), "bc"),
    (condition("data.police", "eq", False), "b"),
    (condition("data.police", "in", [True, "x"]), "a"),
    (condition("data.plate", "startsWith", "HH", ignoreCase=True), "ab"),
    (condition("data.deep.er", "contains", 2), "a"),
    (condition("data.deep.er", "contains", "x"), "a"),
    (condition("data.deep.er", "isNotSet"), "bc"),
    (condition("data.on", "after", "2026-03-03"), "a"),
    (condition("data.on", "contains", "oo"), "b"),
    (condition("assignedToUser", "eq", "agent1"), "b"),
]


WORDS = (
    ("stolen", "a"), ("CAR sto", "a"), ("tolen", ""), ("anna ber", "a"), ("window", "b"), ("red car", "a"),
    ("red window", ""), (".*", ""), ("car(", ""), ("\\", ""), ("   ", "abc"),
)  # fmt: skip
