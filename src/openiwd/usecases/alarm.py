"""Alarms for people: lists and counts within their scope and subscription, acknowledging, owning, settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from openiwd.domain.alarm import Alarm, AlarmKind, AlarmObject, AlarmSetting, Subscription
from openiwd.domain.dashboard import covered
from openiwd.domain.errors import ConflictError, InvalidInputError, NotFoundError, RevisionMismatchError
from openiwd.domain.event import Event, EventType
from openiwd.domain.privilege import Caller, Scope
from openiwd.ports.alarm import AlarmQuery
from openiwd.ports.tenant_store import Reading, Writing

if TYPE_CHECKING:
    from openiwd.usecases.configuration import Editor
    from openiwd.usecases.platform import TenantServices

Change = Callable[[Alarm, datetime], Alarm]
COUNTED: Final = 1_000
"""More open alarms than this are told as so many and more."""
PAGE: Final = 100


class AlarmFilter(Struct, kw_only=True):
    """What a reader asks for."""

    kinds: list[AlarmKind] = []
    """None = all."""
    cleared: bool = False
    acknowledged: bool | None = None
    mine: bool = False
    """Those that the caller owns."""
    subscribed: bool = True
    """Only what the caller wants to be told of."""
    limit: Annotated[int, Meta(ge=1, le=500)] = PAGE
    before: tuple[datetime, UUID] | None = None


class AlarmPage(Struct, kw_only=True, rename="camel"):
    """Alarms, newest cause first, and how many there are by kind (up to 1,000 in all)."""

    alarms: list[Alarm]
    counts: dict[str, int]
    more: bool


def read_cursor(text: str) -> tuple[datetime, UUID]:
    """Where a page ended; InvalidInputError for what is none."""
    at, _, alarm_id = text.partition("~")
    try:
        instant, last = datetime.fromisoformat(at), UUID(alarm_id)
        if instant.tzinfo is None:
            raise ValueError("an instant has an offset")  # noqa: TRY301 - one answer for all that is none
        return instant.astimezone(UTC), last
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(
            "this is no cursor", field="cursor", hint="use `nextCursor` as it was given"
        ) from error


def write_cursor(last: Alarm, *, cleared: bool) -> str:
    """The place after an alarm."""
    at = last.cleared_at if cleared and last.cleared_at is not None else last.since
    return f"{at.isoformat()}~{last.id}"


def login_of(caller: Caller) -> str:
    return caller.login or caller.actor


def _scope(caller: Caller) -> Scope:
    """An alarm is seen by who may find its item."""
    caller.require("alarms.view")
    return caller.require("workitems.search")


def _query(chosen: AlarmFilter, caller: Caller, scope: Scope, wanted: Subscription | None) -> AlarmQuery:
    kinds = [k.value for k in chosen.kinds] or None
    named = None
    if wanted is not None:
        kinds = [k for k in wanted.kinds if kinds is None or k.value in kinds]
        named = (wanted.categories, wanted.queues) if wanted.categories or wanted.queues else None
    whole = scope is Scope.ALL
    return AlarmQuery(
        kinds=kinds,
        cleared=chosen.cleared,
        acknowledged=chosen.acknowledged,
        owner=login_of(caller) if chosen.mine else None,
        categories=None if named is None else named[0],
        queues=None if named is None else named[1],
        scope_categories=None if whole else (caller.categories if scope is Scope.GROUP else []),
        scope_queues=None if whole else (caller.queues if scope is Scope.GROUP else []),
        with_agents=caller.may("agents.view"),
        limit=chosen.limit,
        before=chosen.before,
    )


async def _subscription(reading: Reading, caller: Caller) -> Subscription:
    body, _ = await reading.alarm_subscription(login_of(caller))
    return Subscription() if body is None else msgspec.convert(body, Subscription)


async def alarms(services: TenantServices, caller: Caller, chosen: AlarmFilter) -> AlarmPage:
    """A page of alarms, and the counts of all that match but for the kind."""
    scope = _scope(caller)
    async with services.runtime.store.reading() as reading:
        wanted = await _subscription(reading, caller) if chosen.subscribed else None
        query = _query(chosen, caller, scope, wanted)
        found = await reading.alarms(replace(query, limit=chosen.limit + 1))
        counted = _query(replace(chosen, kinds=[]), caller, scope, wanted)
        counts = await reading.count_alarms(replace(counted, limit=COUNTED))
    return AlarmPage(alarms=found[: chosen.limit], counts=counts, more=len(found) > chosen.limit)


async def open_count(services: TenantServices, caller: Caller, most: int = 100) -> int:
    """How many open alarms wait for somebody to acknowledge them, of those that the caller wants to be told of."""
    scope = _scope(caller)
    async with services.runtime.store.reading() as reading:
        wanted = await _subscription(reading, caller)
        chosen = AlarmFilter(acknowledged=False)
        counts = await reading.count_alarms(replace(_query(chosen, caller, scope, wanted), limit=most))
    return sum(counts.values())


async def get(services: TenantServices, caller: Caller, alarm_id: UUID) -> Alarm:
    """An alarm within the caller's scope."""
    async with services.runtime.store.reading() as reading:
        return await _one(reading, caller, alarm_id)


async def _one(reading: Reading, caller: Caller, alarm_id: UUID) -> Alarm:
    scope = _scope(caller)
    found = await reading.alarm(alarm_id)
    if found is None or not _sees(caller, scope, found):
        raise NotFoundError(f"there is no alarm {alarm_id}", field="id", hint="see the list of alarms")
    return found


def _sees(caller: Caller, scope: Scope, alarm: Alarm) -> bool:
    if alarm.object is AlarmObject.AGENT:
        return caller.may("agents.view")
    if alarm.object is AlarmObject.DRAFT and not caller.may("categories.view"):
        return False
    if alarm.object is AlarmObject.CAPTURE_POINT and not caller.may("capturePoints.view"):
        return False
    return covered(caller, scope, alarm.category_path, alarm.queue_id)


# Acts ----------------------------------------------------------------------------------------------------------------


async def acknowledge(services: TenantServices, caller: Caller, alarm_id: UUID) -> Alarm:
    """Says that somebody has seen it: it no longer counts at the bell. Once is enough; the first one stands."""

    def change(alarm: Alarm, now: datetime) -> Alarm:
        if alarm.acknowledged_at is not None:
            return alarm
        return replace(alarm, acknowledged_by=login_of(caller), acknowledged_at=now)

    return await _change(services, caller, alarm_id, "acknowledged", change)


async def acknowledge_all(services: TenantServices, caller: Caller, chosen: AlarmFilter) -> int:
    """Acknowledges the open alarms of a page, as its reader saw them, in one transaction; how many were left to."""
    caller.require("alarms.update")
    runtime = services.runtime
    waiting = replace(chosen, cleared=False, acknowledged=False)
    scope = _scope(caller)
    async with runtime.store.writing() as tx:
        wanted = await _subscription(tx, caller) if chosen.subscribed else None
        found = await tx.alarms(_query(waiting, caller, scope, wanted))
        now = runtime.now()
        ids = sorted(alarm.id for alarm in found)
        done = await tx.acknowledge_alarms(ids, login_of(caller), now)
        await tell(tx, EventType.ALARM_CHANGED, done, caller.actor, now, change="acknowledged")
    if done:
        runtime.committed()
    return len(done)


async def own(services: TenantServices, caller: Caller, alarm_id: UUID, *, owned: bool = True) -> Alarm:
    """The caller takes the alarm upon themselves, which acknowledges it; or gives it back."""

    def change(alarm: Alarm, now: datetime) -> Alarm:
        me = login_of(caller)
        if not owned:
            if alarm.owner not in (None, me):
                raise ConflictError(
                    f"the alarm is {alarm.owner}'s", code="notYours", hint="take it over, then give it back"
                )
            return replace(alarm, owner=None)
        seen = alarm.acknowledged_at is not None
        return replace(
            alarm,
            owner=me,
            acknowledged_by=alarm.acknowledged_by if seen else me,
            acknowledged_at=alarm.acknowledged_at if seen else now,
        )

    return await _change(services, caller, alarm_id, "owned" if owned else "givenBack", change)


async def _change(
    services: TenantServices, caller: Caller, alarm_id: UUID, act: str, change: Change
) -> Alarm:
    caller.require("alarms.update")
    runtime = services.runtime
    async with runtime.store.writing() as tx:
        before = await _one(tx, caller, alarm_id)
        now = runtime.now()
        after = change(before, now)
        if after == before:
            return before
        if not await tx.save_alarm(after, before.revision):
            raise RevisionMismatchError(
                "somebody else has changed this alarm", field="revision", hint="look at it again"
            )
        after = replace(after, revision=before.revision + 1)
        await tell(tx, EventType.ALARM_CHANGED, [after], caller.actor, now, change=act)
    runtime.committed()
    return after


async def tell(
    tx: Writing, kind: EventType, told: Iterable[Alarm], actor: str, now: datetime, **more: Any
) -> None:
    """The events of alarms. They are no revisions of items, so the item stands in the body. Last in its transaction."""
    events = [
        Event(
            type=kind,
            at=now,
            actor=actor,
            subject_id=str(alarm.id),
            body={
                "kind": alarm.kind.value,
                "object": alarm.object.value,
                "id": alarm.object_id,
                "itemNumber": alarm.item_number,
                "since": alarm.since.isoformat(),
                "owner": alarm.owner,
                **more,
            },
        )
        for alarm in told
    ]
    if events:
        await tx.append_events(events)


# Settings and subscriptions ------------------------------------------------------------------------------------------


class StoredSetting(Struct):
    """The settings in force, with their revision (0: the product's own)."""

    value: AlarmSetting
    revision: int


async def read_setting(reading: Reading) -> StoredSetting:
    body, revision = await reading.alarm_setting()
    return StoredSetting(AlarmSetting() if body is None else msgspec.convert(body, AlarmSetting), revision)


async def setting(services: TenantServices, caller: Caller) -> StoredSetting:
    """What raises alarms."""
    caller.require("alarms.view")
    async with services.runtime.store.reading() as reading:
        return await read_setting(reading)


async def save_setting(editor: Editor, value: AlarmSetting, revision: int | None) -> StoredSetting:
    """Replaces what raises alarms; with `revision`, only if the stored one is that. Counts from the next look on."""
    editor.caller.require("alarms.update")
    async with editor.services.runtime.store.writing() as tx:
        before = await read_setting(tx)
        saved = await tx.save_alarm_setting(msgspec.to_builtins(value), revision)
        if saved is None:
            raise RevisionMismatchError(
                "somebody else has changed the settings", field="revision", hint="load them again"
            )
        await editor.tell(tx, "alarm_setting", "alarms", "updated", saved)
    editor.committed()
    await editor.note("updated", "alarm settings", "alarms", before.value, value)
    return StoredSetting(value, saved)


async def subscription(services: TenantServices, caller: Caller) -> Subscription:
    """What the caller wants to be told of; all, until they say otherwise."""
    caller.require("alarms.view")
    async with services.runtime.store.reading() as reading:
        return await _subscription(reading, caller)


async def subscribe(services: TenantServices, caller: Caller, wanted: Subscription) -> Subscription:
    """Replaces what the caller wants to be told of."""
    caller.require("alarms.view")
    async with services.runtime.store.writing() as tx:
        await tx.save_alarm_subscription(login_of(caller), msgspec.to_builtins(wanted))
    return wanted


def subscribers(alarm: Alarm, bodies: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The logins, of those who have subscribed, that want to be told of this alarm: for channels outside of the UI."""
    return [
        login
        for login, body in bodies.items()
        if msgspec.convert(body, Subscription).wants(alarm.kind, alarm.category_path, alarm.queue_id)
    ]
