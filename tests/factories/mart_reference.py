"""The mart's numbers by a plain loop over the events, written apart from the SQL: the yardstick of its tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import msgspec

from openiwd.domain.priority_range import range_of
from openiwd.ports.mart import FedEvent

QUARTER = timedelta(minutes=15)
FINAL = ("completed", "canceled", "rejected")
Key = tuple[datetime, str, str]


def quarter(at: datetime) -> datetime:
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)


def _micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


class Reference:
    """Flows per (quarter of an hour, category, queue), levels at each end, work per (quarter, agent)."""

    def __init__(self, events: Iterable[FedEvent]) -> None:
        self.flow: defaultdict[Key, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.work: defaultdict[tuple[datetime, str], defaultdict[str, int]] = defaultdict(
            lambda: defaultdict(int)
        )
        self.waits: defaultdict[Key, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        """By quarter of an hour, queue and range of the priority that the item was given with."""
        self.histories: defaultdict[int, list[tuple[datetime, dict[str, Any]]]] = defaultdict(list)
        for event in events:
            if event.item_number is not None:
                self._take(event)
        for history in self.histories.values():
            self._count(history)
            self._wait(history)

    def _take(self, event: FedEvent) -> None:
        body = msgspec.json.decode(event.body)
        history = self.histories[event.item_number or 0]
        before = history[-1][1] if history else {"status": "new"}
        state = {**before, **body.get("set", {})}
        state["body"] = body
        at = event.at if not history else max(event.at, history[-1][0])
        history.append((at, state))

    def _count(self, history: list[tuple[datetime, dict[str, Any]]]) -> None:
        first_assigned = None
        worked = 0
        place: tuple[str, str] | None = None
        for index, (at, state) in enumerate(history):
            body = state["body"]
            assigned = body.get("assignmentStarted")
            ended = body.get("assignment")
            if ended:
                start = datetime.fromisoformat(ended["startedAt"])
                worked += _micros(at - start) + ended["wrapUpSeconds"] * 1_000_000
                self._slices(start, at, ended["agent"])
                self.work[quarter(at), ended["agent"]][ended["outcome"]] += 1
            if assigned:
                self.work[quarter(at), assigned["agent"]]["assigned"] += 1
                first_assigned = first_assigned or at
            is_open = state["status"] not in FINAL
            following = history[index + 1] if index + 1 < len(history) else None
            if is_open and following and following[0] == at and following[1]["status"] not in FINAL:
                continue  # it lasted no time
            here = (state.get("category_id") or "", state.get("queue_id") or "")
            if is_open:
                if place is None:
                    known = any(s["status"] in FINAL for _, s in history[:index])
                    self.flow[quarter(at), *here]["reopened" if known else "new"] += 1
                elif place != here:
                    self.flow[quarter(at), *place]["moved_out"] += 1
                    self.flow[quarter(at), *here]["moved_in"] += 1
                place = here
            elif place is not None:
                self._finish(at, state, history[index - 1][1], place, worked)
                place, worked = None, 0

    def _finish(
        self, at: datetime, state: dict[str, Any], before: dict[str, Any], place: tuple[str, str], worked: int
    ) -> None:
        flow = self.flow[quarter(at), *place]
        flow[state["status"]] += 1
        flow["finish_us"] += _micros(at - datetime.fromisoformat(state["received_at"]))
        flow["handle_us"] += worked
        if state["status"] == "completed" and before.get("due_at"):
            flow["completed_due"] += 1
            flow["completed_in_time"] += at <= datetime.fromisoformat(before["due_at"])

    def _wait(self, history: list[tuple[datetime, dict[str, Any]]]) -> None:
        before: dict[str, Any] = {}
        since, offered, assignments = None, None, 0
        for at, state in history:
            offer, started = state["body"].get("offer", {}), state["body"].get("assignmentStarted")
            offered = offer.get("priority", offered)
            if started:
                assignments += 1
                told = started.get("priority", offered if offer.get("outcome") == "accepted" else None)
                offered = started.get("priority", offered)
                if before.get("status") == "queued" and since is not None:
                    key = (
                        quarter(at),
                        state.get("queue_id") or "",
                        "" if told is None else range_of(Fraction(told)),
                    )
                    kind = "first" if assignments == 1 else "later"
                    self.waits[key][f"{kind}_waits"] += 1
                    self.waits[key][f"{kind}_wait_us"] += _micros(at - since)
            moved = before.get("queue_id") != state.get("queue_id")
            if state["status"] == "queued" and (before.get("status") != "queued" or moved):
                since = at
            before = state

    def _slices(self, start: datetime, end: datetime, agent: str) -> None:
        at = quarter(start)
        while at < end:
            self.work[at, agent]["work_us"] += _micros(min(at + QUARTER, end) - max(at, start))
            at += QUARTER

    def levels(self, t1: datetime) -> dict[tuple[str, str], dict[str, int]]:
        """Open items at an instant: what the last event before it says (one at it is not yet)."""
        found: defaultdict[tuple[str, str], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        for history in self.histories.values():
            earlier = [state for at, state in history if at < t1]
            if not earlier or earlier[-1]["status"] in FINAL:
                continue
            state = earlier[-1]
            level = found[state.get("category_id") or "", state.get("queue_id") or ""]
            level["pending"] += 1
            level["held"] += state["status"] == "held"
            level["errorheld"] += state["status"] == "errorheld"
            level["overdue"] += bool(state.get("due_at")) and datetime.fromisoformat(state["due_at"]) < t1
            age = t1 - datetime.fromisoformat(state["created_at"]).astimezone(UTC)
            level["age_us"] += _micros(age)
            hours = (1, 4, 24, 72, 168)
            names = ("age_1h", "age_4h", "age_1d", "age_3d", "age_7d")
            name = next(
                (n for h, n in zip(hours, names, strict=True) if age < timedelta(hours=h)), "age_more"
            )
            level[name] += 1
        return {key: dict(level) for key, level in found.items()}
