"""The past: the order of queues, items and agents as of an instant, from the log and the rules of then. Reads only.

Who may read an item now may read its past, as far as its state of then lies in their reach as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.agent import AgentState, MediaState
from openiwd.domain.errors import InvalidInputError, NotFoundError
from openiwd.domain.event import EventType, LoggedEvent, fold
from openiwd.domain.instant import to_micros
from openiwd.domain.past_order import past_curves
from openiwd.domain.privilege import Caller, Scope
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.schema import Schema, Standing, paused_time, priority_at, shown, standing
from openiwd.domain.work_item import FINAL, WorkItem
from openiwd.ports.queue_stay import PastPlace
from openiwd.ports.tenant_store import Reading
from openiwd.usecases import item_detail
from openiwd.usecases.item_view import ItemView, item_view
from openiwd.usecases.queue_stay import reach
from openiwd.usecases.rule_set import compile_published

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

COUNTED: Final = 10_000
MAX_LIMIT: Final = 1_000
MAX_OFFSET: Final = 100_000
KEPT_VERSIONS: Final = 8


class RulesOfThen:
    """Compiled rule-set versions of the past, the latest asked for; compiling a large one takes a while."""

    def __init__(self) -> None:
        self._kept: dict[int, CompiledRuleSet] = {}

    async def at(self, services: TenantServices, at: datetime) -> CompiledRuleSet | None:
        """The rule set that was live at an instant; None before the first."""
        async with services.runtime.store.reading() as reading:
            version = await reading.version_at(at)
            if version is None:
                return None
            found = self._kept.pop(version, None)
            if found is None:
                stored = await reading.rule_set(version)
                if stored is None:
                    return None
                found = await asyncio.to_thread(compile_published, stored)
        self._kept[version] = found
        while len(self._kept) > KEPT_VERSIONS:
            self._kept.pop(next(iter(self._kept)))
        return found


class PastPlaceView(Struct, kw_only=True):
    """An item's place in the order of then, with the item as it was."""

    position: int
    item: ItemView


class PastOrder(Struct, kw_only=True):
    """The order of a queue (or of all) as of `at`, by the rule set of then."""

    at: datetime
    rule_set_version: int | None
    places: list[PastPlaceView]
    count: int
    """Of all that waited; exact up to 10,000."""
    count_exact: bool
    next_offset: int | None


def check_instant(at: datetime, now: datetime) -> None:
    """The past is over: what lies ahead has not happened."""
    if at > now:
        raise InvalidInputError(
            f"{at.isoformat()} lies in the future", field="at", hint="leave `at` out for the live order"
        )


async def order_at(
    services: TenantServices, caller: Caller, queue_id: str | None, at: datetime, limit: int, offset: int = 0
) -> PastOrder:
    """Who waited at an instant, in the order of then; positions count hidden items, too."""
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInputError(f"limit is {limit}", field="limit", hint=f"use 1 to {MAX_LIMIT}")
    if not 0 <= offset <= MAX_OFFSET:
        raise InvalidInputError(f"offset is {offset}", field="offset", hint=f"use 0 to {MAX_OFFSET}")
    scope = caller.require("workitems.search")
    check_instant(at, services.runtime.now())
    await reach(services, at)
    rules = await services.rules_of_then.at(services, at)
    if rules is None:
        return PastOrder(at=at, rule_set_version=None, places=[], count=0, count_exact=True, next_offset=None)
    if queue_id is not None and queue_id not in rules.queues:
        raise NotFoundError(
            f"there was no queue '{queue_id[:80]}' at {at.isoformat()}",
            field="queue",
            hint="check the id of the queue, or name a later instant",
        )
    curves = past_curves(rules.schemas.values(), at)
    async with services.runtime.store.reading() as reading:
        found = await reading.past_order(at, queue_id, curves, limit + 1, offset)
        count = await reading.count_waited(at, queue_id, COUNTED + 1)
        items = await _items_at(reading, [place.item_id for place in found[:limit]], at)
        hidden = await _out_of_reach(reading, caller, scope, items.values())
    return PastOrder(
        at=at,
        rule_set_version=rules.version,
        places=_views(found[:limit], items, hidden, rules, at, offset),
        count=min(count, COUNTED),
        count_exact=count <= COUNTED,
        next_offset=offset + limit if len(found) > limit else None,
    )


def _views(
    found: Sequence[PastPlace],
    items: dict[UUID, WorkItem],
    hidden: set[UUID],
    rules: CompiledRuleSet,
    at: datetime,
    offset: int,
) -> list[PastPlaceView]:
    return [
        PastPlaceView(
            position=n,
            item=replace(
                item_view(items[place.item_id], rules, at), priority=shown(place.priority), priority_at=at, actions=[]
            ),
        )
        for n, place in enumerate(found, offset + 1)
        if place.item_id in items and place.item_id not in hidden
    ]  # fmt: skip


async def _items_at(reading: Reading, ids: Sequence[UUID], at: datetime) -> dict[UUID, WorkItem]:
    histories = await reading.histories(ids, at) if ids else {}
    folded = {item_id: fold(events) for item_id, events in histories.items()}
    return {item_id: item for item_id, item in folded.items() if item is not None}


async def _out_of_reach(
    reading: Reading, caller: Caller, scope: Scope, items: Iterable[WorkItem]
) -> set[UUID]:
    """Those that the caller may not see as they are now, or as they were."""
    if scope is Scope.ALL:
        return set()
    then = {item.id: item for item in items}
    now = await reading.items_by_id(then)
    return {
        key
        for key, item in then.items()
        if key not in now or not caller.covers(scope, now[key]) or not caller.covers(scope, item)
    }


async def item_at(
    services: TenantServices, caller: Caller, reference: str, at: datetime, capture_point: str | None = None
) -> tuple[WorkItem, ItemView]:
    """The item as it was, and as it was shown: with the priority that it had by the schemas of then."""
    item = await item_detail.read_at(services, caller, reference, at, capture_point)
    scope = caller.require("workitems.read")
    if not caller.covers(scope, item):
        raise NotFoundError(
            f"there is no item {item.id} in your reach at {at.isoformat()}",
            field="at",
            hint="it lay outside of your access groups then",
        )
    rules = await services.rules_of_then.at(services, at) or await services.runtime.rules()
    schema = rules.schemas.get(item.schema_id) if item.schema_id else None
    view = replace(item_view(item, rules, at), actions=[])
    if schema is None or item.status in FINAL:
        return item, view
    exact = priority_at(schema, standing_then(item, schema), to_micros(at))
    return item, replace(view, priority=shown(exact), priority_at=at)


def standing_then(item: WorkItem, schema: Schema) -> Standing:
    """The item's standing on a schema of the past: from the anchor as it was stored, as the decider counts it."""
    pauses = [(to_micros(start), to_micros(end)) for start, end in item.pauses]
    stopped = item.held_at if item.hold_pauses else None
    return standing(
        schema,
        to_micros(item.anchor_at or item.created_at),
        paused_time(schema.clock, pauses),
        item.business_value,
        item.priority_adjustment,
        item.priority_fixed,
        None if stopped is None else to_micros(stopped),
    )


# Agents --------------------------------------------------------------------------------------------------------------


class PastAgent(Struct, kw_only=True, rename="camel"):
    """An agent as of `at`: the profile and the states of then."""

    at: datetime
    id: str
    profile: dict[str, Any]
    complete: bool
    """False where the log tells only groups, skills and capacity (changes made before version 0.9)."""
    deleted: bool
    revision: int | None
    states: dict[str, MediaState]
    logged_in: bool


async def agent_at(services: TenantServices, caller: Caller, agent_id: str, at: datetime) -> PastAgent:
    """The agent as it was; NotFoundError where the log knows none by then."""
    caller.require("agents.view")
    check_instant(at, services.runtime.now())
    kinds = [EventType.AGENT_CHANGED.value, EventType.AGENT_STATE_CHANGED.value]
    async with services.runtime.store.reading() as reading:
        events = await reading.subject_history(agent_id, kinds, at)
    if not any(e.type == EventType.AGENT_CHANGED for e in events):
        raise NotFoundError(
            f"the log tells of no agent '{agent_id[:80]}' by {at.isoformat()}",
            field="at",
            hint="check the id of the agent, or name a later instant",
        )
    return _agent_of(agent_id, events, at)


def _agent_of(agent_id: str, events: Sequence[LoggedEvent], at: datetime) -> PastAgent:
    """States are said as they were; since when, is the instant of the event that began them."""
    told, states = events[0], dict[str, MediaState]()
    for event in events:
        if event.type == EventType.AGENT_CHANGED:
            told = event
            if event.body.get("deleted"):
                states = {}
            continue
        states = {
            media: _state(states.get(media), raw, event.at) for media, raw in event.body["states"].items()
        }
    body = told.body
    profile = {**body.get("profile", {}), **(told.personal or {})}
    if "profile" not in body:
        profile = {key: body[key] for key in ("groups", "skills", "capacity", "active") if key in body}
    return PastAgent(
        at=at,
        id=agent_id,
        profile=profile,
        complete="profile" in body,
        deleted=bool(body.get("deleted")),
        revision=body.get("revision"),
        states=states,
        logged_in=any(s.state is not AgentState.LOGGED_OUT for s in states.values()),
    )


def _state(before: MediaState | None, raw: dict[str, Any], at: datetime) -> MediaState:
    fresh = msgspec.convert({k: v for k, v in raw.items() if k in ("state", "reason", "pending")}, MediaState)
    same = before is not None and (before.state, before.reason) == (fresh.state, fresh.reason)
    return replace(fresh, since=before.since if same and before is not None else at)
