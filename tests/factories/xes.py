"""Makes small XES logs: from a text table, or believable ones of any size from a seed."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import quoteattr

from msgspec import Struct

START = datetime(2024, 3, 4, 8, 0, tzinfo=UTC)
ACTIVITIES = ("W_Check claim", "W_Call customer", "W_Assess fraud")
RESOURCES = ("ada", "ben", "cem", "dora", "eva")


class LogEvent(Struct, frozen=True):
    activity: str
    transition: str
    at: datetime
    resource: str | None = None


class LogCase(Struct, frozen=True):
    id: str
    events: list[LogEvent]
    amount: int | None = None


def write_xes(path: Path, cases: Iterable[LogCase]) -> Path:
    """Writes the cases in order; a name that ends in .gz is compressed."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<log xes.version="1.0" xmlns="http://www.xes-standard.org/">',
    ]
    lines.append('<global scope="event"><string key="concept:name" value="UNKNOWN"/></global>')
    for case in cases:
        lines += ["<trace>", _attribute("concept:name", case.id)]
        if case.amount is not None:
            lines.append(_attribute("AMOUNT_REQ", str(case.amount)))
        if case.events:
            lines.append(_attribute("REG_DATE", _iso(case.events[0].at - timedelta(minutes=1)), "date"))
        for event in case.events:
            lines += ["<event>", _attribute("concept:name", event.activity)]
            lines.append(_attribute("lifecycle:transition", event.transition))
            lines.append(_attribute("time:timestamp", _iso(event.at), "date"))
            if event.resource is not None:
                lines.append(_attribute("org:resource", event.resource))
            lines.append("</event>")
        lines.append("</trace>")
    text = "\n".join([*lines, "</log>", ""]).encode()
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
    return path


def from_table(table: str) -> list[LogCase]:
    """Cases from lines `minute case activity TRANSITION [resource]`; `W_` is put before the activity."""
    cases: dict[str, list[LogEvent]] = {}
    for line in filter(None, (line.strip() for line in table.splitlines())):
        minute, case, activity, transition, *resource = line.split()
        at = START + timedelta(minutes=float(minute))
        event = LogEvent(f"W_{activity}", transition, at, resource[0] if resource else None)
        cases.setdefault(case, []).append(event)
    return [LogCase(id=name, events=events) for name, events in cases.items()]


def believable_log(cases: int, seed: int = 1) -> list[LogCase]:
    """Cases that overlap in time, with work interrupted, handed over, left open, or ended by the source."""
    rng = random.Random(seed)
    return [_case(rng, number) for number in range(cases)]


def _case(rng: random.Random, number: int) -> LogCase:
    at = START + timedelta(minutes=rng.randrange(60 * 24 * 5), milliseconds=rng.randrange(1000))
    events = [LogEvent("A_SUBMITTED", "COMPLETE", at, "112")]

    def add(activity: str, transition: str, resource: str | None = None) -> None:
        nonlocal at
        at += timedelta(seconds=rng.randrange(3600), milliseconds=rng.randrange(1000))
        events.append(LogEvent(activity, transition, at, resource))

    for activity in rng.sample(ACTIVITIES, rng.randint(1, len(ACTIVITIES))):
        add(activity, "SCHEDULE")
        for _ in range(rng.randint(0, 3)):
            agent = rng.choice((*RESOURCES, None))
            add(activity, "START", agent)
            if rng.random() < 0.1:
                add(activity, "START", rng.choice(RESOURCES))
            if rng.random() < 0.15:
                add(activity, "SCHEDULE")
            if rng.random() < 0.9:
                add(activity, "COMPLETE", agent)
        if rng.random() < 0.15:
            add(activity, "COMPLETE")
    return LogCase(id=str(1000 + number), events=events, amount=rng.randrange(1, 50) * 1000)


def _attribute(key: str, value: str, kind: str = "string") -> str:
    return f"<{kind} key={quoteattr(key)} value={quoteattr(value)}/>"


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds")
