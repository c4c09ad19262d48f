"""A log for the benchmark: items that come, wait, are worked, held, moved and finished, as the feed tells them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from openiwd.ports.mart import FedEvent

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
_encode = msgspec.json.Encoder().encode
Step = tuple[float, str, str | None, str, dict[str, Any], dict[str, Any]]


def make_log(events: int, seed: int = 1, *, per_hour: int = 20_000) -> list[FedEvent]:
    """So many events, in the order of their instants; about eight per item, with the bodies of the real ones."""
    rng = random.Random(seed)
    steps: list[tuple[float, int, int, Step]] = []
    number = 0
    spread = events / per_hour * 3_600
    while len(steps) < events:
        number += 1
        at = rng.random() * spread
        for revision, step in enumerate(_life(rng, number, at), 1):
            steps.append((step[0], number, revision, step))
    steps.sort(key=lambda s: s[:3])
    return [
        _event(pos, number, revision, step)
        for pos, (_, number, revision, step) in enumerate(steps[:events], 1)
    ]


def _iso(at: float) -> str:
    return (START + timedelta(seconds=at)).isoformat()


def _life(rng: random.Random, number: int, at: float) -> list[Step]:
    category = f"category{rng.randrange(40)}"
    queue = f"queue{rng.randrange(12)}"
    created = {
        "capture_point": rng.choice(("rest", "portal", "files")), "capture_id": f"c{number}", "received_at": _iso(at),
        "created_at": _iso(at), "business_value": rng.randrange(5_000), "requirement": {"skills": [["motor", 5]]},
        "ext": {"customerSegment": rng.choice(("gold", "silver", "basic")), "productType": "motor"}, "channel": "web",
    }  # fmt: skip
    placed = {
        "status": "queued", "category_id": category, "category_path": f"Claims/{category}", "queue_id": queue,
        "schema_id": "standard", "department_id": "claims", "due_at": _iso(at + 14_400), "due_origin": "schema",
        "anchor_at": _iso(at), "queued_at": _iso(at), "rule_set_version": 1, "clock_origin": 12_345_678,
    }  # fmt: skip
    steps: list[Step] = [
        (at, "created", None, "new", created, {}),
        (at, "classified", "new", "queued", placed, {}),
    ]
    agent = f"agent{rng.randrange(200)}"
    at += rng.expovariate(1 / 1_800)
    for _ in range(1 + (rng.random() < 0.4)):
        offer = {"id": str(UUID(int=number)), "agent": agent}
        steps.append(
            (
                at,
                "offered",
                "queued",
                "queued",
                {"offer_id": offer["id"], "offered_to": agent, "offered_at": _iso(at)},
                {"offer": {**offer, "priority": number % 1_200}},
            )
        )
        at += 5
        sets = {
            "status": "assigned",
            "assigned_to": agent,
            "assigned_at": _iso(at),
            "offer_id": None,
            "offered_to": None,
        }
        told = {
            "offer": {**offer, "outcome": "accepted"},
            "assignmentStarted": {"id": offer["id"], "agent": agent, "how": "push"},
        }
        steps.append((at, "assigned", "queued", "assigned", sets, told))
        started = at
        at += rng.expovariate(1 / 600)
        ended = {
            "id": offer["id"],
            "agent": agent,
            "startedAt": _iso(started),
            "queue": queue,
            "wrapUpSeconds": 30,
            "focusSeconds": int(at - started) // 2,
        }
        steps.append(
            (
                at,
                "returned",
                "assigned",
                "queued",
                {"status": "queued", "assigned_to": None},
                {"assignment": {**ended, "outcome": "returned"}},
            )
        )
        at += rng.expovariate(1 / 1_200)
    last, _, _, _, sets, told = steps[-1]
    told["assignment"]["outcome"] = "completed"
    steps[-1] = (
        last,
        "completed",
        "assigned",
        "completed",
        {**sets, "status": "completed", "completed_at": _iso(last)},
        told,
    )
    return steps


def _event(pos: int, number: int, revision: int, step: Step) -> FedEvent:
    at, kind, before, to, sets, more = step
    body = {"from": before, "to": to, "set": sets, **more}
    return FedEvent(
        cursor=f"1.{pos}", at=START + timedelta(seconds=at), type=kind, actor="system:bench", item_id=UUID(int=number),
        item_number=number, revision=revision, body=msgspec.Raw(_encode(body)),
    )  # fmt: skip
