"""What a fault run leaves behind: the clients' journal of what was answered, and the databases' final state."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from openiwd.adapters.postgres.rows import columns, event_of, item_of
from openiwd.domain.event import LoggedEvent
from openiwd.domain.work_item import WorkItem

EVENTS = """
    SELECT e.generation, e.pos, e.type, e.at, e.actor, e.item_id, e.item_number, e.revision, e.subject_id, e.body,
        p.body AS personal
    FROM event e LEFT JOIN event_personal p USING (generation, pos) ORDER BY e.generation, e.pos
"""
GRANTS = """
    SELECT id, item_number, item_id, agent_id, kind, epoch, offered_at, outcome, ended_at FROM offer ORDER BY id
"""


class Grant(Struct, kw_only=True):
    """A row of the table of offers: what the decider granted, and how an offer ended."""

    id: UUID
    item_number: int
    item_id: UUID
    agent_id: str
    kind: str
    epoch: int
    offered_at: datetime
    outcome: str | None
    ended_at: datetime | None


class State(Struct, kw_only=True):
    """Everything of one tenant database, read at one instant."""

    items: list[WorkItem]
    events: list[LoggedEvent]
    grants: list[Grant]
    epoch: int


class Act(Struct, frozen=True, kw_only=True):
    """One thing that a client did to an item; `known`: it was answered with success."""

    item_id: str
    action: str
    revision: int | None = None
    agent: str | None = None
    mark: str | None = None
    """What must be found in its event: the key of an update, the id of an offer."""
    known: bool = True


class Journal:
    """What the clients sent, and what they were told. Answers with 4xx leave no entry: nothing was done."""

    def __init__(self) -> None:
        self.submitted: dict[str, dict[str, Any]] = {}
        """captureId -> custom data, before anything was sent."""
        self.created: dict[str, str] = {}
        """captureId -> id, as acknowledged."""
        self.contradictions: list[str] = []
        """Answers that contradict each other, noticed by the clients themselves."""
        self.acts: list[Act] = []
        self.refused = 0
        self.unknown = 0
        self._known = 0

    def submit(self, capture_id: str, data: dict[str, Any]) -> None:
        self.submitted[capture_id] = data

    def create(self, capture_id: str, item_id: str) -> None:
        known = self.created.setdefault(capture_id, item_id)
        if known != item_id:
            self.contradictions.append(f"{capture_id} was acknowledged as {known} and as {item_id}")

    def act(self, act: Act) -> None:
        self.acts.append(act)
        self.unknown += not act.known
        self._known += act.known

    @property
    def acknowledged(self) -> int:
        """How many changes the clients were told of."""
        return len(self.created) + self._known


async def read_state(dsn: str) -> State:
    connection = await asyncpg.connect(dsn)
    try:
        for kind in ("json", "jsonb"):
            decode = msgspec.json.decode if kind == "jsonb" else str
            await connection.set_type_codec(kind, schema="pg_catalog", encoder=str, decoder=decode)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return State(
                items=[item_of(r) for r in await connection.fetch(f"SELECT {columns()} FROM item")],
                events=[event_of(r) for r in await connection.fetch(EVENTS)],
                grants=[Grant(**dict(r.items())) for r in await connection.fetch(GRANTS)],
                epoch=await connection.fetchval("SELECT epoch FROM decider"),
            )
    finally:
        await connection.close()
