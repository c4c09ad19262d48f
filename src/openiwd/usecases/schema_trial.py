"""What a schema that is being changed would come to: for the items that wait under it, and for one that is tried.

Computed by the same code that ranks items. Stores nothing; the cost is bounded by the sample.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from openiwd.domain.aging import standing_on
from openiwd.domain.backlog_sample import sample_under, waiting_by_schema
from openiwd.domain.calendar import WALL, WALL_CLOCK_ID, YEARS_AHEAD, YEARS_BACK, Calendar, Clock
from openiwd.domain.errors import RuleSetError, UnavailableError
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.privilege import Caller, Scope
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.schema import (
    Anchor,
    Schema,
    SchemaConfig,
    compile_schema,
    due_at,
    priority_at,
    shown,
    standing,
)
from openiwd.domain.work_item import WorkItem
from openiwd.ports.tenant_store import SearchQuery
from openiwd.usecases.configuration import Editor

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

SAMPLED: Final = 1_500
"""Items that are looked at one by one; where more wait, these stand for them."""
READ_AT_ONCE: Final = 500
COMPUTED_AT_ONCE: Final = 200
NOTABLE: Final = 20
"""A change of an item's priority by more than this counts as rising or falling."""


def schema_config(body: Mapping[str, Any]) -> SchemaConfig:
    """A schema from plain values; RuleSetError for what is none."""
    try:
        return msgspec.convert(dict(body), SchemaConfig)
    except msgspec.ValidationError as error:
        text, _, at = str(error).partition(" - at `$")
        raise RuleSetError(text, field=at.rstrip("`").lstrip(".") or None) from error


async def live_schema(services: TenantServices, schema_id: str) -> Schema | None:
    """The live schema of this id; None when there is none, or no rule set."""
    try:
        return (await services.runtime.rules()).schemas.get(schema_id)
    except UnavailableError:
        return None


def compiled(editor: Editor, document: RuleSetDocument, config: SchemaConfig) -> Schema:
    """The schema on its clock as the document has it, whether or not the rest of the document compiles."""
    return compile_schema(config, clock_of(editor, document, config.clock), "")


def clock_of(editor: Editor, document: RuleSetDocument, clock_id: str) -> Clock:
    """The document's calendar as a clock, or wall time."""
    if clock_id == WALL_CLOCK_ID:
        return WALL
    config = next((c for c in document.calendars if c.id == clock_id), None)
    if config is None:
        raise RuleSetError(
            f"there is no calendar '{clock_id[:80]}'", field="clock", hint="choose one of this rule set"
        )
    year = editor.services.runtime.now().year
    return Calendar(editor.holidays.freeze(config, year - YEARS_BACK, year + YEARS_AHEAD))


class Trial(Struct, kw_only=True, rename="camel"):
    """One item under the schema. Times in seconds."""

    age: float
    """Counted on the schema's clock, from the anchor."""
    wall: float
    priority: int | float
    live: int | float | None
    """Under the live schema of the same id; None when there is none."""
    reaches_sla: datetime | None
    """When its SLA is over: for anchor `due` that is the anchor itself."""


def try_item(
    schema: Schema, live: Schema | None, anchor: datetime, at: datetime, business_value: int = 0
) -> Trial:
    """An item of this anchor as of an instant, without adjustments and pauses."""
    begin, now = to_micros(anchor), to_micros(at)

    def priority(under: Schema) -> int | float:
        return shown(priority_at(under, standing(under, begin, 0, business_value, 0), now))

    due = begin if schema.anchor is Anchor.DUE else due_at(schema, begin)
    return Trial(
        age=schema.clock.between(begin, now) / 1_000_000,
        wall=(now - begin) / 1_000_000,
        priority=priority(schema),
        live=None if live is None else priority(live),
        reaches_sla=None if due is None else from_micros(due),
    )


class Follower(Struct, kw_only=True):
    """An item that waits under the schema."""

    item: WorkItem
    age: float
    """Seconds on the clock of the schema that is tried."""
    priority: float
    live: float


class Following(Struct, kw_only=True):
    """The items that wait under a schema: all of them, or an even sample that stands for `total`."""

    total: int
    exact: bool
    """Whether `total` was counted to the end."""
    followers: list[Follower]


class Impact(Struct, kw_only=True, rename="camel"):
    """What the schema would change for the items that wait under it now."""

    total: int
    exact: bool
    sampled: int
    """So many were looked at; the numbers below stand for all of them."""
    above: int
    above_live: int
    rise: int
    fall: int
    """By more than 20, against live."""


def impact(found: Following, threshold: float) -> Impact:
    """The counts behind the curve: who stands above a priority, who rises and who falls."""
    looked = found.followers
    factor = found.total / len(looked) if looked else 0.0

    def count(chosen: Callable[[Follower], bool]) -> int:
        return round(sum(map(chosen, looked)) * factor)

    return Impact(
        total=found.total,
        exact=found.exact,
        sampled=len(looked),
        above=count(lambda f: f.priority > threshold),
        above_live=count(lambda f: f.live > threshold),
        rise=count(lambda f: f.priority - f.live > NOTABLE),
        fall=count(lambda f: f.live - f.priority > NOTABLE),
    )


async def following(editor: Editor, schema_id: str, schema: Schema, live: Schema | None) -> Following:
    """Who waits under a schema now, as far as the caller may find them, with the priority under the one tried and
    under the live one.
    """
    editor.caller.require("prioritization.view")
    if not editor.caller.may("workitems.search"):
        return Following(total=0, exact=True, followers=[])
    total, exact, items = await _sampled(editor.services, editor.caller, schema_id)
    now = to_micros(editor.services.runtime.now())
    followers = []
    for n, item in enumerate(items):
        if n % COMPUTED_AT_ONCE == 0:
            await asyncio.sleep(0)  # others are served meanwhile
        own = standing_on(item, schema)
        elapsed = schema.clock.elapsed(now) if own.stopped is None else own.stopped
        priority = float(priority_at(schema, own, now))
        under = priority if live is None else float(priority_at(live, standing_on(item, live), now))
        age = (elapsed - own.origin) / 1_000_000
        followers.append(Follower(item=item, age=age, priority=priority, live=under))
    return Following(total=total, exact=exact, followers=followers)


async def _sampled(
    services: TenantServices, caller: Caller, schema_id: str
) -> tuple[int, bool, list[WorkItem]]:
    """From the backlog where this process has it and the caller's reach is all of it; else the database is asked,
    which counts to 10,000.
    """
    store, reach = services.runtime.store, caller.restriction("workitems.search")
    if services.picture is not None and reach is None:
        total, numbers = sample_under(services.picture.desk.world.backlog, schema_id, SAMPLED)
        items: list[WorkItem] = []
        for start in range(0, len(numbers), READ_AT_ONCE):
            async with store.reading() as reading:
                items += (await reading.items_by_number(numbers[start : start + READ_AT_ONCE])).values()
        return total, True, items
    query = waiting_query(schema_id)
    async with store.reading() as reading:
        page = await reading.search(msgspec.structs.replace(query, now=services.runtime.now(), scope=reach))
    return page.count, page.count_exact, page.items


def waiting_query(schema_id: str) -> SearchQuery:
    """The items that wait under a schema, as a search."""
    conditions = [
        {"attribute": "schemaId", "operator": "eq", "value": schema_id},
        {"attribute": "status", "operator": "eq", "value": "queued"},
    ]
    return SearchQuery(filter={"all": conditions}, sort=["receivedDateTime"], limit=1_000, with_count=True)


def waiting_counts(
    services: TenantServices, caller: Caller
) -> tuple[Mapping[str, int], Mapping[str, int]] | None:
    """Waiting items by schema and by queue; None where this process does not know the backlog, or the caller may not
    find all of it.
    """
    if services.picture is None or caller.privileges.get("workitems.search") is not Scope.ALL:
        return None
    backlog = services.picture.desk.world.backlog
    return waiting_by_schema(backlog), backlog.counts()
