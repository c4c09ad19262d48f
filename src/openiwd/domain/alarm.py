"""Alarms: what raises one, what ends it, and who wants to be told. Pure; the watch that looks for causes is a use case.

An alarm is raised once per cause and object, and cleared when the cause has ended. Time and counts come from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from openiwd.domain.agent import Agent, AgentState
from openiwd.domain.dashboard import lies_below


class AlarmKind(StrEnum):
    OVERDUE = "overdue"
    DUE_SOON = "dueSoon"
    DECLINED = "declined"
    """Offered and declined as often as the item's queue allows."""
    NO_ELIGIBLE_AGENT = "noEligibleAgent"
    """Nobody who is logged in may take what waits in a queue."""
    ERRORHELD = "errorheld"
    NOT_READY = "notReady"
    """An agent is not ready for too long."""
    CANARY_ROLLED_BACK = "canaryRolledBack"
    """A draft's canary has passed a guard; over when the draft is changed, tried again, published or discarded."""
    WEBHOOK_PARKED = "webhookParked"
    """Deliveries of a webhook were given up and wait for somebody to send them again."""
    ROUTER_AWAY = "routerAway"
    """An external router does not answer: what it would route waits here."""
    CAPTURE_POINT_DOWN = "capturePointDown"
    """A capture point's source cannot be read, or no process reads it."""


class AlarmObject(StrEnum):
    ITEM = "item"
    AGENT = "agent"
    QUEUE = "queue"
    DRAFT = "draft"
    WEBHOOK = "webhook"
    ROUTER = "router"
    CAPTURE_POINT = "capturePoint"


OF_ITEMS: Final = frozenset({AlarmKind.OVERDUE, AlarmKind.DUE_SOON, AlarmKind.DECLINED, AlarmKind.ERRORHELD})


class AlarmSetting(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What raises alarms in this tenant. After how many declines is a setting of each queue (`alarmAfterDeclines`)."""

    due_soon_minutes: Annotated[int, Meta(ge=1, le=10_080)] = 30
    """So long before its due date an open item is due soon."""
    not_ready_minutes: Annotated[int, Meta(ge=1, le=1_440)] = 60
    no_eligible_agent_minutes: Annotated[int, Meta(ge=1, le=1_440)] = 15
    """So long an item has waited when it is asked whether anybody logged in may take it."""
    capture_point_down_minutes: Annotated[int, Meta(ge=1, le=1_440)] = 5
    """So long a capture point has not been read when it is told."""
    off: Annotated[list[AlarmKind], Meta(max_length=20)] = []
    """Kinds that are not raised at all."""


class Cause(Struct, frozen=True, kw_only=True):
    """Why an alarm is to be open."""

    kind: AlarmKind
    object: AlarmObject
    object_id: str
    since: datetime
    item_number: int | None = None
    detail: dict[str, Any] = {}


class Alarm(Struct, kw_only=True, rename="camel"):
    """An alarm with what its object is like now; `object_name` is an item's subject, `None` where it is gone."""

    id: UUID
    kind: AlarmKind
    object: AlarmObject
    object_id: str
    object_name: str | None = None
    category_path: str | None = None
    queue_id: str | None = None
    status: str | None = None
    since: datetime
    """When the cause began."""
    raised_at: datetime
    cleared_at: datetime | None = None
    detail: dict[str, Any] = {}
    owner: str | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    revision: int = 1
    item_number: int | None = None


class Subscription(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which alarms a user is told of: these kinds, of these categories (and all below) or queues; none named = all."""

    kinds: Annotated[list[AlarmKind], Meta(max_length=20)] = msgspec.field(
        default_factory=lambda: list(AlarmKind)
    )
    categories: Annotated[list[Annotated[str, Meta(max_length=1_000)]], Meta(max_length=200)] = []
    queues: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=200)] = []

    def wants(self, kind: AlarmKind, category_path: str | None, queue_id: str | None) -> bool:
        """Whether an alarm is one of these. Agents belong to no queue: their alarms come with whole scopes only."""
        if kind not in self.kinds:
            return False
        if not self.categories and not self.queues:
            return True
        return queue_id in self.queues or any(lies_below(category_path, c) for c in self.categories)


def idle_causes(agents: Iterable[Agent], before: datetime) -> list[Cause]:
    """Active agents who have been not ready since an instant or longer."""
    found = []
    for agent in agents:
        state = agent.state("*")
        if agent.active and state.state is AgentState.NOT_READY and state.since and state.since <= before:
            found.append(
                Cause(
                    kind=AlarmKind.NOT_READY,
                    object=AlarmObject.AGENT,
                    object_id=agent.id,
                    since=state.since,
                    detail={"reason": state.reason},
                )
            )
    return found


def parked_causes(parked: Iterable[tuple[str, str, int, datetime]]) -> list[Cause]:
    """Webhooks (id, name) with deliveries that were given up: how many, and since when."""
    return [
        Cause(
            kind=AlarmKind.WEBHOOK_PARKED,
            object=AlarmObject.WEBHOOK,
            object_id=webhook_id,
            since=since,
            detail={"name": name, "deliveries": deliveries},
        )
        for webhook_id, name, deliveries, since in parked
    ]


def away_cause(router: str, since: datetime, error: str | None) -> Cause:
    """An external router that has not answered since an instant."""
    return Cause(
        kind=AlarmKind.ROUTER_AWAY,
        object=AlarmObject.ROUTER,
        object_id=router,
        since=since,
        detail={"error": error or ""},
    )


def down_cause(point_id: str, name: str, since: datetime, error: str | None) -> Cause:
    """A capture point that has not been read since an instant; without an error no process reads it."""
    return Cause(
        kind=AlarmKind.CAPTURE_POINT_DOWN,
        object=AlarmObject.CAPTURE_POINT,
        object_id=point_id,
        since=since,
        detail={"name": name, "error": error or ""},
    )


def differences(
    wanted: Mapping[tuple[str, str], Cause], open_alarms: Mapping[tuple[str, str], UUID]
) -> tuple[list[Cause], list[UUID]]:
    """What is to be raised, and what is to be cleared; both by (kind, object id)."""
    raised = [cause for key, cause in wanted.items() if key not in open_alarms]
    return raised, [alarm for key, alarm in open_alarms.items() if key not in wanted]
