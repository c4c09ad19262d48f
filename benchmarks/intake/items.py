"""What is handed over: items of about 1 KB, and a rule set of 50 rules × 3 conditions that judges them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, product
from typing import Any, Final

import msgspec

RULES: Final = 50
SHAPES: Final = 60
"""Different contents; what differs from item to item beyond them is the captureId."""

PRODUCTS: Final = ("motor", "home", "travel", "life", "legal", "pet")
REGIONS: Final = ("north", "south", "east", "west")
SEGMENTS: Final = ("private", "business", "vip")
CHANNELS: Final = ("portal", "email", "letter", "partner")
_PLACE: Final = "################"
"""Where the captureId stands: 16 characters, so that bodies of one shape are equally long."""


def rule_set() -> str:
    """The document as JSON, which is YAML too."""
    return msgspec.json.encode(
        {
            "name": "Benchmark",
            "timeZone": "Europe/Berlin",
            "calendars": [_office()],
            "schemas": [_schema("fast", "wall", 4), _schema("normal", "office", 10)],
            "queues": [
                {"id": f"{p}_{level}", "name": f"{p} {level}"} for p in PRODUCTS for level in ("a", "b")
            ],
            "rules": [_rule(n) for n in range(RULES)],
            "defaultCategory": "rest",
            "categories": [*(_category(p) for p in PRODUCTS), _rest()],
        }
    ).decode()


def _office() -> dict[str, Any]:
    hours = ["08:00-12:00", "13:00-18:00"]
    days = ("monday", "tuesday", "wednesday", "thursday", "friday")
    return {
        "id": "office",
        "name": "Office",
        "timeZone": "Europe/Berlin",
        "weekly": dict.fromkeys(days, hours),
    }


def _schema(name: str, clock: str, hours: int) -> dict[str, Any]:
    points = [{"age": "0h", "priority": 100}, {"age": f"{hours}h", "priority": 600}]
    return {"id": name, "name": name, "clock": clock, "points": points, "sla": f"{hours}h", "slopeAfter": 10}


def _rule(n: int) -> dict[str, Any]:
    """Three conditions that must all hold; a few of the rules act on any one item."""
    region, segment = REGIONS[n % 4], SEGMENTS[n % 3]
    conditions: list[dict[str, Any]] = [
        {"attribute": "data.region", "operator": "eq", "value": region},
        {"attribute": "ext.customerSegment", "operator": "eq", "value": segment},
        {"attribute": "data.amount", "operator": "gt", "value": n * 150},
    ]
    actions: list[dict[str, Any]] = [
        {"raiseBusinessValue": n % 7 + 1},
        {"addSkill": {"skill": f"skill{n % 10}", "level": n % 9 + 1}},
        {"adjustPriority": n % 5},
    ]
    return {"id": f"r{n}", "name": f"Rule {n}", "when": {"all": conditions}, "then": [actions[n % 3]]}


def _category(name: str) -> dict[str, Any]:
    when = {"attribute": "data.product", "operator": "eq", "value": name}
    large = {"attribute": "data.amount", "operator": "gt", "value": 4_000}
    need = {"skills": [{"skill": name, "level": 5}]}
    return {
        "id": name, "name": name.title(), "when": when, "schema": "normal", "queue": f"{name}_a", "requirement": need,
        "children": [
            {"id": f"{name}_large", "name": "Large", "when": large, "schema": "fast", "queue": f"{name}_b"},
            {"id": f"{name}_other", "name": "Other"},
        ],
    }  # fmt: skip


def _rest() -> dict[str, Any]:
    never = {"attribute": "data.product", "operator": "eq", "value": "(none)"}
    return {"id": "rest", "name": "Rest", "when": never, "schema": "normal", "queue": "motor_a"}


def _shape(n: int) -> dict[str, Any]:
    choices = list(product(PRODUCTS, REGIONS, SEGMENTS))
    kind, region, segment = choices[n * 7 % len(choices)]
    return {
        "captureId": _PLACE,
        "capturePoint": "bench",
        "channel": CHANNELS[n % 4],
        "businessValue": n % 20,
        "subject": f"Claim about {kind} insurance, water in the basement",
        "description": "The policy holder reports damage after last night's storm and asks for a call back. "
        * 5,
        "ext": {"customerId": f"C{n * 7919 % 100_000:06}", "customerSegment": segment, "productType": kind},
        "data": {
            "product": kind,
            "region": region,
            "amount": n * 137 % 8_000,
            "policy": f"P-{n * 104_729 % 1_000_000:07}",
            "street": "Am Alten Hafen 12",
            "city": "Hamburg",
            "zip": "20457",
            "reported": "2026-03-02",
            "photos": [f"photo-{n}-{k}.jpg" for k in range(3)],
            "witness": {"name": "K. Petersen", "phone": "+49 40 123456"},
        },
        "tags": ["storm", region],
    }


class Shape(msgspec.Struct, frozen=True):
    """One content, to be completed by a captureId of 16 characters."""

    head: bytes
    tail: bytes

    def body(self, capture_id: bytes) -> bytes:
        return self.head + capture_id + self.tail


def shapes() -> list[Shape]:
    texts = [msgspec.json.encode(_shape(n)).split(_PLACE.encode()) for n in range(SHAPES)]
    return [Shape(head, tail) for head, tail in texts]


def bodies(run: str) -> Iterator[bytes]:
    """Items without end, each with a captureId of its own; `run` (6 characters) tells runs apart."""
    if len(run) != 6:
        raise ValueError("a run is named by 6 characters")
    made = shapes()
    for n in count():
        yield made[n % len(made)].body(f"{run}{n:010}".encode())
