"""The alarms: the bell's number, the list with its acts, settings, and what one is told of."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.alarm import AlarmKind, AlarmSetting, Subscription
from openiwd.domain.errors import InvalidInputError, OpenIwdError
from openiwd.usecases import alarm as alarm_use
from openiwd.usecases import dashboard
from openiwd.usecases.alarm import write_cursor
from openiwd.usecases.configuration import Editor
from openiwd.web.alarm.alarm_view import STATES, Listing, alarm_row, kind_choices, read_listing, state_choices
from openiwd.web.item.directory import shown_by
from openiwd.web.shell.form import Field, Form, with_errors
from openiwd.web.shell.rendering import nothing
from openiwd.web.shell.visit import CurrentVisit, Visit

PAGE: Final = 100
MOST_AT_BELL: Final = 100
MINUTES: Final = (
    "due_soon_minutes",
    "not_ready_minutes",
    "no_eligible_agent_minutes",
    "capture_point_down_minutes",
)


async def _context(visit: Visit, listing: Listing) -> dict[str, Any]:
    caller, t = visit.caller, visit.t
    chosen = listing.chosen(PAGE)
    page = await alarm_use.alarms(visit.services, caller, chosen)
    shown = await shown_by(visit)
    following = ""
    if page.more:
        cursor = write_cursor(page.alarms[-1], cleared=chosen.cleared)
        following = listing._replace(cursor=cursor).address()
    return {
        "active": "alarms",
        "rows": [alarm_row(a, caller, shown) for a in page.alarms],
        "states": state_choices(listing, t),
        "kinds": kind_choices(listing, page.counts, t),
        "listing": listing,
        "query": listing.address(path=""),
        "mine_href": listing._replace(mine=not listing.mine, cursor="").address(),
        "all_href": listing._replace(everything=not listing.everything, cursor="").address(),
        "next_href": following,
        "can_update": caller.may("alarms.update"),
        "can_acknowledge": caller.may("alarms.update")
        and listing.state == STATES[0]
        and len(page.alarms) > 1,
    }


@get("/alarms")
async def alarms_page(visit: CurrentVisit) -> Response[Any]:
    """Alarms, newest cause first; those that nobody has acknowledged unless asked for others."""
    context = await _context(visit, read_listing(visit.request.query_params))
    return visit.page("alarm/alarm_list.html" if visit.is_htmx else "alarm/alarms.html", **context)


@get("/alarms/bell")
async def bell(visit: CurrentVisit) -> Response[Any]:
    """How many alarms wait for somebody to acknowledge them."""
    count = await alarm_use.open_count(visit.services, visit.caller, MOST_AT_BELL)
    return visit.page("alarm/bell.html", count=count, most=MOST_AT_BELL)


@post("/alarms/{alarm_id:uuid}/{act:str}", status_code=200)
async def act_on_alarm(visit: CurrentVisit, alarm_id: FromPath[UUID], act: FromPath[str]) -> Response[Any]:
    """Acknowledges it, takes it over or gives it back; then the list as it is."""
    match act:
        case "acknowledge":
            await alarm_use.acknowledge(visit.services, visit.caller, alarm_id)
        case "own":
            await alarm_use.own(visit.services, visit.caller, alarm_id)
        case "give-back":
            await alarm_use.own(visit.services, visit.caller, alarm_id, owned=False)
        case _:
            raise InvalidInputError("this is no act", field="act", hint="use the buttons of the list")
    context = await _context(visit, read_listing(visit.request.query_params))
    headers = visit.toast(visit.t.named("alarm_done", act), alarmsChanged={})
    return visit.page("alarm/alarm_list.html", headers=headers, **context)


@post("/alarms/acknowledge", status_code=200)
async def acknowledge_listed(visit: CurrentVisit) -> Response[Any]:
    """Acknowledges all that the list shows."""
    listing = read_listing(visit.request.query_params)
    done = await alarm_use.acknowledge_all(visit.services, visit.caller, listing.chosen(PAGE))
    context = await _context(visit, listing)
    headers = visit.toast(visit.t("alarm.acknowledged_all", n=done), alarmsChanged={})
    return visit.page("alarm/alarm_list.html", headers=headers, **context)


# Dialogs -------------------------------------------------------------------------------------------------------------


def _kinds(visit: Visit) -> list[tuple[str, str]]:
    return [(k.value, visit.t.named("alarm_kind", k.value)) for k in AlarmKind]


def _settings_form(visit: Visit, values: dict[str, Any], error: OpenIwdError | None = None) -> Form:
    t = visit.t
    fields = [
        Field(
            name,
            t.named("alarm_setting", name),
            "number",
            values[name],
            required=True,
            hint=t.named("alarm_setting_hint", name),
        )
        for name in MINUTES
    ]
    fields.append(
        Field(
            "on",
            t("alarm.raised_kinds"),
            "multiple",
            values["on"],
            _kinds(visit),
            hint=t("alarm.declines_hint"),
        )
    )
    return Form(
        action="/alarms/settings",
        title=t("alarm.settings"),
        text=t("alarm.settings_text"),
        fields=with_errors(fields, error) if error is not None else fields,
        submit=t("alarm.save"),
        hidden=[("revision", str(values["revision"]))],
    )


@get("/alarms/settings")
async def settings_dialog(visit: CurrentVisit) -> Response[Any]:
    """What raises alarms, to be changed."""
    visit.caller.require("alarms.update")
    stored = await alarm_use.setting(visit.services, visit.caller)
    values = {name: getattr(stored.value, name) for name in MINUTES}
    values |= {
        "on": [k.value for k in AlarmKind if k not in stored.value.off],
        "revision": stored.revision,
    }
    return visit.page("components/dialog.html", form=_settings_form(visit, values), error=None)


@post("/alarms/settings", status_code=200)
async def save_settings(visit: CurrentVisit) -> Response[Any]:
    """Replaces what raises alarms."""
    sent = await visit.request.form()
    on = [str(v) for v in sent.getall("on", [])]
    values: dict[str, Any] = {name: str(sent.get(name) or "") for name in MINUTES}
    values |= {"on": on, "revision": str(sent.get("revision") or "0")}
    try:
        setting = _read_setting(visit, values)
        editor = Editor(visit.platform, visit.services, visit.caller)
        await alarm_use.save_setting(editor, setting, int(values["revision"]))
    except OpenIwdError as error:
        form = _settings_form(visit, values, error)
        left = None if any(f.error for f in form.fields) else error
        return visit.page("components/dialog.html", status=422, form=form, error=left)
    return nothing(headers=visit.toast(visit.t("alarm.saved"), closeDialog={}, alarmsChanged={}))


def _read_setting(visit: Visit, values: dict[str, Any]) -> AlarmSetting:
    """Names the field that is wrong and says what it takes."""
    found: dict[str, Any] = {"off": [k for k in AlarmKind if k.value not in values["on"]]}
    for name in MINUTES:
        most = 10_080 if name == "due_soon_minutes" else 1_440
        text = values[name].strip()
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
            raise InvalidInputError(visit.t("alarm.minutes_wrong", most=most), field=name)
        found[name] = int(text)
    return AlarmSetting(**found)


@get("/alarms/subscription")
async def subscription_dialog(visit: CurrentVisit) -> Response[Any]:
    """What the reader wants to be told of at the bell."""
    wanted = await alarm_use.subscription(visit.services, visit.caller)
    return visit.page("components/dialog.html", form=await _subscription_form(visit, wanted), error=None)


async def _subscription_form(visit: Visit, wanted: Subscription) -> Form:
    t = visit.t
    rules = await dashboard.live_rules(visit.services)
    paths: list[str] = []
    queues: list[tuple[str, str]] = []
    if rules is not None:
        for top in rules.document.categories:
            paths += [top.name, *(f"{top.name}/{child.name}" for child in top.children)]
        queues = [(q.id, q.name) for q in rules.queues.values()]
    paths += [p for p in wanted.categories if p not in paths]
    return Form(
        action="/alarms/subscription",
        title=t("alarm.subscription"),
        text=t("alarm.subscription_text"),
        fields=[
            Field("kinds", t("alarm.kinds"), "multiple", [k.value for k in wanted.kinds], _kinds(visit)),
            Field(
                "categories", t("alarm.categories"), "multiple", wanted.categories,
                [(p, p.replace("/", " › ")) for p in paths], hint=t("alarm.none_is_all"),
            ),
            Field("queues", t("alarm.queues"), "multiple", wanted.queues, queues, hint=t("alarm.none_is_all")),
        ],
        submit=t("alarm.save"),
    )  # fmt: skip


@post("/alarms/subscription", status_code=200)
async def save_subscription(visit: CurrentVisit) -> Response[Any]:
    """Replaces what the reader is told of."""
    sent = await visit.request.form()
    values = {name: [str(v) for v in sent.getall(name, [])] for name in ("kinds", "categories", "queues")}
    try:
        wanted = msgspec.convert(values, Subscription)
    except msgspec.ValidationError as error:
        raise InvalidInputError(
            "this is no subscription", field="kinds", hint="choose from the lists"
        ) from error
    await alarm_use.subscribe(visit.services, visit.caller, wanted)
    return nothing(headers=visit.toast(visit.t("alarm.subscribed"), closeDialog={}, alarmsChanged={}))


PAGES: Final[list[Any]] = [
    alarms_page,
    bell,
    act_on_alarm,
    acknowledge_listed,
    settings_dialog,
    save_settings,
    subscription_dialog,
    save_subscription,
]
