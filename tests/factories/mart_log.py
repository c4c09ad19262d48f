"""A log for the data mart, written as a text table, and a feed that tells it as `GET /reporting/events` does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from openiwd.ports.mart import FedAgent, FedEvent, FeedPage, RuleSetNames

DAY = datetime(2026, 3, 2, tzinfo=UTC)
FINAL = ("completed", "canceled", "rejected")


def instant(text: str, day: datetime = DAY) -> datetime:
    """`09:15`, `09:15:30`, or with days before it: `2d09:15`."""
    days, _, clock = text.rpartition("d")
    hours, minutes, *seconds = clock.split(":")
    return day + timedelta(
        days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=int(seconds[0]) if seconds else 0
    )


def _waiting(words: Sequence[str]) -> dict[str, dict[str, int]]:
    """`motor:200-400=3`: three items wait in the queue with a priority from 200 up to 400."""
    found: dict[str, dict[str, int]] = {}
    for word in words:
        place, _, count = word.partition("=")
        queue, _, priorities = place.partition(":")
        found.setdefault(queue, {})[priorities.replace("-", " to ")] = int(count)
    return found


def _given(words: Sequence[str]) -> dict[str, str]:
    return dict(word.split("=") for word in words if "=" in word)


EXT = {
    "segment": "customerSegment",
    "process": "sourceProcessType",
    "tenant": "sourceTenant",
    "result": "resultCode",
}


class LogWriter:
    """Events as IWD writes them, from lines `time item act [details]`."""

    def __init__(self, day: datetime = DAY) -> None:
        self.day = day
        self.events: list[FedEvent] = []
        self._items: dict[int, dict[str, Any]] = {}
        self.generation = 1
        self._pos = 0

    def write(self, table: str) -> LogWriter:
        for line in table.strip().splitlines():
            if words := line.split():
                self._line(instant(words[0], self.day), words[1], words[2], words[3:])
        return self

    def begin_generation(self, kept: int) -> None:
        """After a restore: only the first `kept` events are left, and the log goes on in the next generation."""
        del self.events[kept:]
        self.generation += 1
        self._pos = 0
        self._items = {}
        for event in self.events:
            if event.item_number is not None and event.revision is not None:
                body = msgspec.json.decode(event.body)
                state = self._items.setdefault(event.item_number, {"revision": 0})
                state.update(
                    body.get("set", {}), revision=event.revision, status=body["to"] or state["status"]
                )

    def append(self, kind: str, at: datetime, *, subject: str | None = None, **fields: Any) -> None:
        self._pos += 1
        body = fields.pop("body", {})
        self.events.append(
            FedEvent(
                cursor=f"{self.generation}.{self._pos}", at=at, type=kind, actor="system:test", subject_id=subject,
                body=msgspec.Raw(msgspec.json.encode(body)), **fields,
            )
        )  # fmt: skip

    def item(self, kind: str, at: datetime, number: int, to: str, sets: dict[str, Any], **more: Any) -> None:
        state = self._items.setdefault(number, {"revision": 0, "status": None})
        before = state["status"]
        state["revision"] += 1
        if to != before:
            sets = {"status": to, **sets}
        state.update(sets, status=to)
        body = {"from": before, "to": to, "set": sets, **more}
        self.append(
            kind, at, item_number=number, item_id=UUID(int=number), revision=state["revision"], body=body
        )

    def _line(self, at: datetime, subject: str, act: str, words: list[str]) -> None:
        if act == "state":
            states = {
                (media or "*"): {
                    "state": state.partition("(")[0],
                    "reason": state.partition("(")[2].rstrip(")") or None,
                }
                for word in words
                for media, _, state in [word.rpartition("=")]
            }
            self.append("agentStateChanged", at, subject=subject, body={"states": states})
            return
        if act == "sample":
            self.append("backlogSampled", at, body={"waiting": _waiting(words)})
            return
        number = int(subject)
        state = self._items.setdefault(number, {"revision": 0, "status": None})
        getattr(self, f"_{act}")(at, number, state, words)

    def _new(self, at: datetime, number: int, state: dict[str, Any], words: list[str]) -> None:
        self._arrive(at, number, state, words[1:])
        self._classify(at, number, state, words)

    def _arrive(self, at: datetime, number: int, _: dict[str, Any], words: Sequence[str]) -> None:
        given = _given(words)
        iso = at.isoformat()
        sets: dict[str, Any] = {
            "capture_point": given.get("cp", "rest"), "capture_id": f"c{number}", "received_at": iso,
            "created_at": instant(given["created"], self.day).isoformat() if "created" in given else iso,
            "requirement": {"skills": []}, "attached_data": {"x": 1},
        }  # fmt: skip
        if "media" in given:
            sets["media_type"] = given["media"]
        if "channel" in given:
            sets["channel"] = given["channel"]
        if "value" in given:
            sets["business_value"] = int(given["value"])
        if "due" in given:
            sets["due_at"] = instant(given["due"], self.day).isoformat()
        ext = {name: given[word] for word, name in EXT.items() if word in given}
        if "source" in given:
            ext["sourceCreatedDateTime"] = instant(given["source"], self.day).isoformat()
        if ext:
            sets["ext"] = ext
        self.item("created", at, number, "new", sets)

    def _place(self, words: Sequence[str]) -> dict[str, Any]:
        category, _, queue = words[0].partition("/")
        return {
            "category_id": category or None,
            "category_path": category.title() or None,
            "queue_id": queue or None,
        }

    def _classify(self, at: datetime, number: int, _: dict[str, Any], words: Sequence[str]) -> None:
        self.item("classified", at, number, "queued", {**self._place(words), "queued_at": at.isoformat()})

    def _move(self, at: datetime, number: int, state: dict[str, Any], words: Sequence[str]) -> None:
        self.item("reclassified", at, number, state["status"], self._place(words))

    def _due(self, at: datetime, number: int, state: dict[str, Any], words: Sequence[str]) -> None:
        self.item("updated", at, number, state["status"], {"due_at": instant(words[0], self.day).isoformat()})

    def _value(self, at: datetime, number: int, state: dict[str, Any], words: Sequence[str]) -> None:
        self.item("updated", at, number, state["status"], {"business_value": int(words[0])})

    def _offer(self, at: datetime, number: int, state: dict[str, Any], words: Sequence[str]) -> None:
        state["offered_to"] = words[0]
        told = {"id": "o", "agent": words[0], **_priority(words)}
        self.item("offered", at, number, "queued", {"offered_to": words[0]}, offer=told)

    def _end_offer(self, kind: str, outcome: str, at: datetime, number: int, state: dict[str, Any]) -> None:
        told = {"id": "o", "agent": state.pop("offered_to"), "outcome": outcome}
        self.item(kind, at, number, "queued", {"offered_to": None}, offer=told)

    def _decline(self, at: datetime, number: int, state: dict[str, Any], _: Sequence[str]) -> None:
        self._end_offer("offerDeclined", "declined", at, number, state)

    def _timeout(self, at: datetime, number: int, state: dict[str, Any], _: Sequence[str]) -> None:
        self._end_offer("offerTimedOut", "timedOut", at, number, state)

    def _accept(self, at: datetime, number: int, state: dict[str, Any], _: Sequence[str]) -> None:
        agent = state.pop("offered_to")
        told = {"id": "o", "agent": agent, "outcome": "accepted"}
        self._assigned(at, number, state, agent, offer=told)

    def _pull(self, at: datetime, number: int, state: dict[str, Any], words: Sequence[str]) -> None:
        ending = self._ending(state, "transferred")
        self._assigned(at, number, state, words[0], _priority(words), **ending)

    def _assigned(
        self,
        at: datetime,
        number: int,
        state: dict[str, Any],
        agent: str,
        told: dict[str, int] | None = None,
        **more: Any,
    ) -> None:
        sets = {"assigned_to": agent, "assigned_at": at.isoformat()}
        self.item(
            "assigned",
            at,
            number,
            "assigned",
            sets,
            assignmentStarted={"id": "a", "agent": agent, "how": "pull", **(told or {})},
            **more,
        )
        state["since"] = at.isoformat()

    def _ending(
        self, state: dict[str, Any], outcome: str, wrap: int = 0, words: Sequence[str] = ()
    ) -> dict[str, Any]:
        if not state.get("assigned_to"):
            return {}
        told = {
            "id": "a", "agent": state["assigned_to"], "outcome": outcome, "startedAt": state["assigned_at"],
            "queue": state.get("queue_id"), "wrapUpSeconds": wrap,
        }  # fmt: skip
        if "focus" in _given(words):
            told["focusSeconds"] = int(_given(words)["focus"])
        return {"assignment": told}

    def _return(self, at: datetime, number: int, state: dict[str, Any], words: Sequence[str]) -> None:
        ending = self._ending(state, "returned", words=words)
        self.item("returned", at, number, "queued", {"assigned_to": None}, **ending)

    def _transfer(self, at: datetime, number: int, state: dict[str, Any], words: Sequence[str]) -> None:
        ending = self._ending(state, "transferred")
        self.item("transferred", at, number, "queued", {"assigned_to": None, "queue_id": words[0]}, **ending)

    def _hold(self, at: datetime, number: int, state: dict[str, Any], _: Sequence[str]) -> None:
        self.item("held", at, number, "held", {"assigned_to": None}, **self._ending(state, "withdrawn"))

    def _error(self, at: datetime, number: int, state: dict[str, Any], _: Sequence[str]) -> None:
        self.item("classified", at, number, "errorheld", {}, **self._ending(state, "withdrawn"))

    def _resume(self, at: datetime, number: int, _: dict[str, Any], __: Sequence[str]) -> None:
        self.item("resumed", at, number, "queued", {})

    def _complete(self, at: datetime, number: int, state: dict[str, Any], words: Sequence[str]) -> None:
        given = _given(words)
        ending = self._ending(state, "completed", int(given.get("wrap", 0)), words)
        sets: dict[str, Any] = {"assigned_to": None}
        if "result" in given:
            sets["ext"] = {**state.get("ext", {}), "resultCode": given["result"]}
        self.item("completed", at, number, "completed", sets, **ending)

    def _cancel(self, at: datetime, number: int, state: dict[str, Any], _: Sequence[str]) -> None:
        self.item(
            "canceled", at, number, "canceled", {"assigned_to": None}, **self._ending(state, "withdrawn")
        )

    def _reject(self, at: datetime, number: int, _: dict[str, Any], __: Sequence[str]) -> None:
        self.item("classified", at, number, "rejected", {})

    def _reopen(self, at: datetime, number: int, _: dict[str, Any], __: Sequence[str]) -> None:
        self.item("reopened", at, number, "queued", {})

    def _restart(self, at: datetime, number: int, state: dict[str, Any], words: Sequence[str]) -> None:
        ending = self._ending(state, "withdrawn")
        self.item("restarted", at, number, "queued", {"assigned_to": None, **self._place(words)}, **ending)


def _priority(words: Sequence[str]) -> dict[str, int]:
    given = _given(words)
    return {"priority": int(given["priority"])} if "priority" in given else {}


class ListFeed:
    """The feed as the mart sees it, from a list of events."""

    def __init__(self, events: Iterable[FedEvent] = ()) -> None:
        self.log = list(events)
        self.names: list[RuleSetNames] = []
        self.people: list[FedAgent] = []
        self.attributes: list[str] = []
        self.called: dict[tuple[str, datetime], str] = {}
        """What agents were called, by the instants of their changes."""
        self.generation = 1

    async def events(self, after: str | None, limit: int, *, personal: bool = False) -> FeedPage:  # noqa: ARG002
        at = _place(after) if after else (0, 0)
        found = [e for e in self.log if _place(e.cursor) > at][:limit]
        head = self.log[-1].cursor if self.log else "1.0"
        if not found and at > max(_place(head), (self.generation, 0)):
            found = self.log[:limit]
        return FeedPage(found, found[-1].cursor if found else head, head)

    async def rule_sets(self, after: int) -> list[RuleSetNames]:
        return [n for n in self.names if n.version > after]

    async def agents(self) -> list[FedAgent]:
        return self.people

    async def agent_name(self, agent_id: str, at: datetime) -> str | None:
        return self.called.get((agent_id, at))

    async def report_attributes(self) -> list[str]:
        return self.attributes

    async def close(self) -> None:
        """Nothing is open."""


def _place(cursor: str) -> tuple[int, int]:
    generation, _, pos = cursor.partition(".")
    return int(generation), int(pos)
