"""Alarms: list, acknowledge, own; what raises them, and what one wants to be told of."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.api.editing import CurrentEditor, etag
from openiwd.domain.alarm import Alarm, AlarmKind, AlarmSetting, Subscription
from openiwd.usecases import alarm as alarm_use
from openiwd.usecases.alarm import AlarmFilter, read_cursor, write_cursor

_TAGS: Final = ["alarms"]


class Alarms(Struct, kw_only=True, rename="camel"):
    alarms: list[Alarm]
    counts: dict[str, int]
    """By kind, of all that match but for `kind`; counted up to 1,000 in all."""
    next_cursor: str | None


class Acknowledged(Struct):
    acknowledged: int


@get("/alarms", tags=_TAGS, operation_id="listAlarms")
async def list_alarms(
    call: CurrentCall,
    kind: Annotated[AlarmKind | None, QueryParameter(name="kind", description="Only this kind.")] = None,
    cleared: Annotated[
        bool,
        QueryParameter(name="cleared", description="Those whose cause has ended, instead of the open ones."),
    ] = False,
    acknowledged: Annotated[bool | None, QueryParameter(name="acknowledged")] = None,
    mine: Annotated[
        bool, QueryParameter(name="mine", description="Only those that the caller owns.")
    ] = False,
    subscribed: Annotated[
        bool, QueryParameter(name="subscribed", description="Only what the caller wants to be told of.")
    ] = False,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=500)] = 100,
    cursor: Annotated[str | None, QueryParameter(name="cursor", max_length=200)] = None,
) -> Alarms:
    """Alarms within the caller's scope, newest cause first."""
    chosen = AlarmFilter(
        kinds=[] if kind is None else [kind],
        cleared=cleared,
        acknowledged=acknowledged,
        mine=mine,
        subscribed=subscribed,
        limit=limit,
        before=None if cursor is None else read_cursor(cursor),
    )
    page = await alarm_use.alarms(call.services, call.caller, chosen)
    following = write_cursor(page.alarms[-1], cleared=chosen.cleared) if page.more else None
    return Alarms(alarms=page.alarms, counts=page.counts, next_cursor=following)


@get("/alarms/{alarm_id:uuid}", tags=_TAGS, operation_id="getAlarm")
async def get_alarm(call: CurrentCall, alarm_id: FromPath[UUID]) -> Response[Alarm]:
    """One alarm, open or cleared."""
    return _answer(await alarm_use.get(call.services, call.caller, alarm_id))


@post("/alarms/{alarm_id:uuid}/acknowledge", tags=_TAGS, operation_id="acknowledgeAlarm", status_code=200)
async def acknowledge_alarm(call: CurrentCall, alarm_id: FromPath[UUID]) -> Response[Alarm]:
    """Says that somebody has seen it. It stays open until its cause ends; doing so twice changes nothing."""
    return _answer(await alarm_use.acknowledge(call.services, call.caller, alarm_id))


@post("/alarms/acknowledge", tags=_TAGS, operation_id="acknowledgeAlarms", status_code=200)
async def acknowledge_alarms(
    call: CurrentCall,
    kind: Annotated[AlarmKind | None, QueryParameter(name="kind", description="Only this kind.")] = None,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=500)] = 100,
) -> Acknowledged:
    """Acknowledges the newest open alarms within the caller's scope that nobody has acknowledged yet."""
    chosen = AlarmFilter(kinds=[] if kind is None else [kind], subscribed=False, limit=limit)
    return Acknowledged(await alarm_use.acknowledge_all(call.services, call.caller, chosen))


@post("/alarms/{alarm_id:uuid}/own", tags=_TAGS, operation_id="ownAlarm", status_code=200)
async def own_alarm(call: CurrentCall, alarm_id: FromPath[UUID]) -> Response[Alarm]:
    """The caller takes it upon themselves, which acknowledges it; also from who had it before."""
    return _answer(await alarm_use.own(call.services, call.caller, alarm_id))


@post("/alarms/{alarm_id:uuid}/give-back", tags=_TAGS, operation_id="giveBackAlarm", status_code=200)
async def give_back_alarm(call: CurrentCall, alarm_id: FromPath[UUID]) -> Response[Alarm]:
    """Nobody owns it any longer. Only its owner may do so."""
    return _answer(await alarm_use.own(call.services, call.caller, alarm_id, owned=False))


@get("/alarms/settings", tags=_TAGS, operation_id="getAlarmSettings")
async def get_settings(call: CurrentCall) -> Response[AlarmSetting]:
    """What raises alarms. How many declines do is a setting of each queue (`alarmAfterDeclines`)."""
    stored = await alarm_use.setting(call.services, call.caller)
    return Response(stored.value, headers=etag(stored.revision))


@put("/alarms/settings", tags=_TAGS, operation_id="putAlarmSettings")
async def put_settings(
    call: CurrentCall, editor: CurrentEditor, data: JSONBody[AlarmSetting]
) -> Response[AlarmSetting]:
    """Replaces what raises alarms; open alarms that it no longer covers are cleared."""
    stored = await alarm_use.save_setting(editor, data, call.if_match)
    return Response(stored.value, headers=etag(stored.revision))


@get("/alarms/subscription", tags=_TAGS, operation_id="getAlarmSubscription")
async def get_subscription(call: CurrentCall) -> Subscription:
    """What the caller is told of at the bell; everything, until they say otherwise."""
    return await alarm_use.subscription(call.services, call.caller)


@put("/alarms/subscription", tags=_TAGS, operation_id="putAlarmSubscription")
async def put_subscription(call: CurrentCall, data: JSONBody[Subscription]) -> Subscription:
    """Replaces what the caller is told of."""
    return await alarm_use.subscribe(call.services, call.caller, data)


def _answer(alarm: Alarm) -> Response[Alarm]:
    return Response(alarm, headers=etag(alarm.revision))


HANDLERS: Final[list[Any]] = [
    list_alarms,
    get_alarm,
    acknowledge_alarm,
    acknowledge_alarms,
    own_alarm,
    give_back_alarm,
    get_settings,
    put_settings,
    get_subscription,
    put_subscription,
]
