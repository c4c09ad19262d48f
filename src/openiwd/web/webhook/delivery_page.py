"""The deliveries of a webhook: what waits, what was given up, what was sent, and sending again."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.api.webhook import place_text, read_place
from openiwd.domain.errors import InvalidInputError
from openiwd.ports.webhook import DeliveryQuery, DeliveryState
from openiwd.usecases import webhook as webhook_use
from openiwd.usecases.webhook import Record, Replay
from openiwd.web.configuration.navigation import show
from openiwd.web.shell.dialog_page import act_in_dialog, done, editor_of, show_dialog
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.sent import Sent
from openiwd.web.shell.visit import CurrentVisit, Visit
from openiwd.web.webhook.webhook_view import (
    FAILING,
    PATH,
    SHOWN,
    deliveries_href,
    delivery_line,
    href_of,
    state_choices,
    webhook_line,
)

PAGE: Final = 50
AT: Final = f"{PATH}/{{webhook_id:str}}/deliveries"


@get(AT)
async def deliveries_page(visit: CurrentVisit, webhook_id: FromPath[str]) -> Response[Any]:
    """The latest events first; narrowed to a state."""
    query, editor = visit.request.query_params, editor_of(visit)
    record = await webhook_use.get(editor, webhook_id)
    wanted = query.get("state", "")
    shown = wanted if wanted in SHOWN else ""
    state = DeliveryState.WAITING if shown == FAILING else DeliveryState(shown) if shown else None
    found = await webhook_use.deliveries(
        editor,
        DeliveryQuery(
            webhook_id=webhook_id,
            state=state,
            failing=shown == FAILING,
            limit=PAGE + 1,
            before=read_place(query.get("before") or None),
        ),
    )
    older = deliveries_href(webhook_id, shown, place_text(found[PAGE - 1])) if len(found) > PAGE else ""
    return show(
        visit,
        "webhook/deliveries.html",
        "webhooks",
        record=record,
        line=webhook_line(record, visit.t, visit.times),
        href=href_of(webhook_id),
        shown=shown,
        choices=state_choices(record, shown, visit.t),
        rows=[delivery_line(d, visit.t, visit.times) for d in found[:PAGE]],
        older=older,
        can_edit=visit.caller.may("webhooks.update"),
    )


@get(f"{AT}/{{delivery_id:uuid}}")
async def delivery_dialog(
    visit: CurrentVisit, webhook_id: FromPath[str], delivery_id: FromPath[UUID]
) -> Response[Any]:
    """One delivery with the body that is sent."""
    found, body = await webhook_use.delivery(editor_of(visit), webhook_id, delivery_id)
    text = msgspec.json.format(body, indent=2).decode() if body is not None else ""
    return visit.page(
        "webhook/delivery.html", row=delivery_line(found, visit.t, visit.times), delivery=found, body=text
    )


@post(f"{AT}/{{delivery_id:uuid}}/replay", status_code=200)
async def replay_one(
    visit: CurrentVisit, webhook_id: FromPath[str], delivery_id: FromPath[UUID]
) -> Response[Any]:
    """Sends one again."""
    await webhook_use.replay(editor_of(visit), webhook_id, Replay(deliveries=[delivery_id]))
    return done(visit, visit.t("webhook.replayed", n=1))


def _parked_form(visit: Visit, record: Record) -> Form:
    t = visit.t
    return Form(
        action=f"{href_of(record.webhook.id)}/deliveries/-/replay-parked",
        title=t("webhook.replay_parked_title", n=record.count.parked),
        text=t("webhook.replay_parked_text"),
        fields=[],
        submit=t("webhook.replay"),
    )


@get(f"{AT}/-/replay-parked")
async def parked_dialog(visit: CurrentVisit, webhook_id: FromPath[str]) -> Response[Any]:
    """How many will be sent again."""
    visit.caller.require("webhooks.update")
    return show_dialog(visit, _parked_form(visit, await webhook_use.get(editor_of(visit), webhook_id)))


@post(f"{AT}/-/replay-parked", status_code=200)
async def replay_parked(visit: CurrentVisit, webhook_id: FromPath[str]) -> Response[Any]:
    """Sends all parked ones again."""
    sent = await webhook_use.replay(editor_of(visit), webhook_id, Replay(parked=True))
    return done(visit, visit.t("webhook.replayed", n=sent))


def _since_form(visit: Visit, record: Record) -> Form:
    t = visit.t
    return Form(
        action=f"{href_of(record.webhook.id)}/deliveries/-/replay-since",
        title=t("webhook.replay_since_title", name=record.webhook.name),
        text=t("webhook.replay_since_text"),
        fields=[
            Field("since", t("webhook.since"), "datetime-local", required=True, hint=t("webhook.since_hint"))
        ],
        submit=t("webhook.replay"),
    )


@get(f"{AT}/-/replay-since")
async def since_dialog(visit: CurrentVisit, webhook_id: FromPath[str]) -> Response[Any]:
    """From which instant on everything is sent again."""
    visit.caller.require("webhooks.update")
    return show_dialog(visit, _since_form(visit, await webhook_use.get(editor_of(visit), webhook_id)))


@post(f"{AT}/-/replay-since", status_code=200)
async def replay_since(visit: CurrentVisit, webhook_id: FromPath[str]) -> Response[Any]:
    """Sends every event since an instant again."""
    editor = editor_of(visit)
    record = await webhook_use.get(editor, webhook_id)

    async def replay(sent: Sent) -> Response[Any]:
        since = sent.moment("since")
        if since is None:
            raise InvalidInputError(visit.t("form.needed"), field="since")
        if since >= visit.now:
            raise InvalidInputError(visit.t("webhook.since_ahead"), field="since")
        again = await webhook_use.replay(editor, webhook_id, Replay(since=since))
        return done(visit, visit.t("webhook.replayed", n=again), hint=visit.t("webhook.since_follows"))

    return await act_in_dialog(visit, _since_form(visit, record), replay)


PAGES: Final[list[Any]] = [
    deliveries_page,
    delivery_dialog,
    replay_one,
    parked_dialog,
    replay_parked,
    since_dialog,
    replay_since,
]
