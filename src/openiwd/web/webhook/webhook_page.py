"""The list of webhooks, and the editor of one; its secret is shown once."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import OpenIwdError
from openiwd.domain.webhook import Content, Webhook
from openiwd.domain.work_item import Status
from openiwd.usecases import dashboard
from openiwd.usecases import webhook as webhook_use
from openiwd.usecases.webhook import Record, state_of
from openiwd.web.configuration.navigation import show
from openiwd.web.shell.asking_page import Question, asking
from openiwd.web.shell.dialog_page import act_in_dialog, delete_form, editor_of, show_dialog
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.page_form import act_in_page, require_free, saved, sent_again
from openiwd.web.shell.rendering import HEADERS
from openiwd.web.shell.sent import Sent, as_, require
from openiwd.web.shell.visit import CurrentVisit, Visit
from openiwd.web.webhook.webhook_view import PATH, event_options, href_of, secret_line, webhook_line

OVERLAP_HOURS: Final = 24


@get(PATH)
async def webhooks_page(visit: CurrentVisit) -> Response[Any]:
    """All webhooks, with how their receivers are."""
    records = await webhook_use.webhooks(editor_of(visit))
    records.sort(key=lambda r: r.webhook.name.casefold())
    return show(
        visit,
        "webhook/webhooks.html",
        "webhooks",
        lines=[webhook_line(r, visit.t, visit.times) for r in records],
        can_edit=visit.caller.may("webhooks.update"),
    )


@get(f"{PATH}/-/counts")
async def counts(visit: CurrentVisit) -> Response[bytes]:
    """What waits and what is parked, as texts for the page that shows them."""
    found: dict[str, str] = {}
    for record in await webhook_use.webhooks(editor_of(visit)):
        line = webhook_line(record, visit.t, visit.times)
        found |= {f"{line.id}:{name}": getattr(line, name) for name in ("waiting", "failing", "parked")}
        found[f"{line.id}:state"] = state_of(record)
    return Response(msgspec.json.encode(found), media_type="application/json", headers=HEADERS)


# The editor ----------------------------------------------------------------------------------------------------------


async def _paths(visit: Visit, webhook: Webhook | None) -> list[tuple[str, str]]:
    """Categories of the two upper levels, and whatever the webhook names besides."""
    rules = await dashboard.live_rules(visit.services)
    paths: list[str] = []
    if rules is not None:
        for top in rules.document.categories:
            paths += [top.name, *(f"{top.name}/{child.name}" for child in top.children)]
    if webhook is not None:
        paths += [c for c in webhook.categories if c not in paths]
    return [(p, p.replace("/", " › ")) for p in paths]


async def _fields(visit: Visit, webhook: Webhook | None) -> list[Field]:
    t, w = visit.t, webhook
    identity = [Field("name", t("people.name"), value=w.name if w else "", required=True)]
    if w is None:
        identity.append(Field("id", t("people.id"), required=True, hint=t("webhook.id_hint")))
    return [
        *identity,
        Field("url", t("webhook.url"), "url", w.url if w else "", required=True, hint=t("webhook.url_hint")),
        Field("description", t("named.description"), "textarea", w.description if w else ""),
        Field("enabled", t("webhook.enabled"), "checkbox", w.enabled if w else True, hint=t("webhook.enabled_hint")),
        Field(
            "content", t("webhook.content"), "select", (w.content if w else Content.ITEM).value,
            [(c.value, t.named("webhook_content", c.value)) for c in Content], hint=t("webhook.content_hint"),
        ),
        Field(
            "events", t("webhook.events"), "choices", [e.value for e in w.events] if w else [], event_options(t),
            hint=t("webhook.events_hint"),
        ),
        Field(
            "statuses", t("webhook.statuses"), "choices", [s.value for s in w.statuses] if w else [],
            [(s.value, t.named("status", s.value)) for s in Status], hint=t("webhook.statuses_hint"),
        ),
        Field(
            "capturePoints", t("webhook.capture_points"), value=", ".join(w.capture_points) if w else "",
            hint=t("webhook.capture_points_hint"),
        ),
        Field(
            "categories", t("webhook.categories"), "multiple", w.categories if w else [], await _paths(visit, w),
            hint=t("webhook.none_is_all"),
        ),
    ]  # fmt: skip


async def _page(
    visit: Visit,
    record: Record | None,
    fields: list[Field],
    error: OpenIwdError | None = None,
    secret: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response[Any]:
    return show(
        visit,
        "webhook/webhook_edit.html",
        "webhooks",
        record=record,
        line=webhook_line(record, visit.t, visit.times) if record else None,
        secrets=[secret_line(s, visit.times) for s in record.secrets] if record else [],
        action=href_of(record.webhook.id) if record else f"{PATH}/-/new",
        fields={f.name: f for f in fields},
        error=error,
        secret=secret,
        saved=visit.request.query_params.get("saved") == "1" and error is None,
        can_edit=visit.caller.may("webhooks.update"),
        status=422 if error is not None else 200,
        headers=headers,
    )


@get(f"{PATH}/-/new")
async def new_webhook(visit: CurrentVisit) -> Response[Any]:
    """An empty form."""
    visit.caller.require("webhooks.update")
    return await _page(visit, None, await _fields(visit, None))


@get(f"{PATH}/{{webhook_id:str}}")
async def webhook_editor(visit: CurrentVisit, webhook_id: FromPath[str]) -> Response[Any]:
    """One webhook."""
    record = await webhook_use.get(editor_of(visit), webhook_id)
    return await _page(visit, record, await _fields(visit, record.webhook))


def _values(sent: Sent, webhook_id: str) -> dict[str, Any]:
    points = [p.strip() for p in sent.text("capturePoints").split(",") if p.strip()]
    return {
        "id": webhook_id,
        "name": sent.text("name"),
        "url": sent.text("url"),
        "description": sent.text("description"),
        "enabled": sent.flag("enabled"),
        "content": sent.text("content") or Content.ITEM.value,
        "events": sent.texts("events"),
        "statuses": sent.texts("statuses"),
        "capturePoints": points,
        "categories": sent.texts("categories"),
    }


@post(f"{PATH}/-/new", status_code=200)
async def create_webhook(visit: CurrentVisit) -> Response[Any]:
    """Makes it, and shows its secret for the only time."""
    visit.caller.require("webhooks.update")
    editor = editor_of(visit)

    async def make(sent: Sent) -> Response[Any]:
        require(visit, sent, ["name", "id", "url"])
        webhook = as_(Webhook, _values(sent, sent.text("id")))
        require_free(visit, webhook.id, (r.webhook.id for r in await webhook_use.webhooks(editor)))
        record, secret = await webhook_use.put(editor, webhook, None)
        fields = await _fields(visit, record.webhook)
        headers = {"HX-Push-Url": href_of(record.webhook.id)}
        return await _page(visit, record, fields, secret=secret, headers=headers)

    return await act_in_page(visit, make, partial(_again, visit, None))


@post(f"{PATH}/{{webhook_id:str}}", status_code=200)
async def save_webhook(visit: CurrentVisit, webhook_id: FromPath[str]) -> Response[Any]:
    """Changes it; its secrets stay."""
    visit.caller.require("webhooks.update")
    editor = editor_of(visit)
    record = await webhook_use.get(editor, webhook_id)

    async def save(sent: Sent) -> Response[Any]:
        require(visit, sent, ["name", "url"])
        await webhook_use.put(editor, as_(Webhook, _values(sent, webhook_id)), sent.revision())
        return saved(visit, href_of(webhook_id))

    return await act_in_page(visit, save, partial(_again, visit, record))


async def _again(visit: Visit, record: Record | None, sent: Sent, error: OpenIwdError) -> Response[Any]:
    fields = await _fields(visit, record.webhook if record else None)
    return await _page(visit, record, sent_again(fields, sent, error), error)


# Secret, trying, deleting --------------------------------------------------------------------------------------------


def _rotate_form(visit: Visit, record: Record) -> Form:
    t = visit.t
    return Form(
        action=f"{href_of(record.webhook.id)}/secret",
        title=t("webhook.rotate_title", name=record.webhook.name),
        text=t("webhook.rotate_text"),
        fields=[
            Field(
                "overlapHours", t("webhook.overlap"), "number", OVERLAP_HOURS, required=True,
                hint=t("webhook.overlap_hint"),
            )
        ],
        submit=t("webhook.rotate"),
    )  # fmt: skip


@get(f"{PATH}/{{webhook_id:str}}/secret")
async def rotate_dialog(visit: CurrentVisit, webhook_id: FromPath[str]) -> Response[Any]:
    """How long the secret before shall stay valid."""
    visit.caller.require("webhooks.update")
    return show_dialog(visit, _rotate_form(visit, await webhook_use.get(editor_of(visit), webhook_id)))


@post(f"{PATH}/{{webhook_id:str}}/secret", status_code=200)
async def rotate(visit: CurrentVisit, webhook_id: FromPath[str]) -> Response[Any]:
    """A new secret, shown for the only time."""
    editor = editor_of(visit)
    record = await webhook_use.get(editor, webhook_id)

    async def make(sent: Sent) -> Response[Any]:
        hours = sent.number("overlapHours")
        secret = await webhook_use.rotate(editor, webhook_id, OVERLAP_HOURS if hours is None else hours)
        return visit.page("webhook/webhook_secret.html", secret=secret, name=record.webhook.name)

    return await act_in_dialog(visit, _rotate_form(visit, record), make)


@post(f"{PATH}/{{webhook_id:str}}/ping", status_code=200)
async def ping(visit: CurrentVisit, webhook_id: FromPath[str]) -> Response[Any]:
    """Sends a test and says what came back, in place."""
    answer = await webhook_use.send_ping(editor_of(visit), webhook_id)
    return visit.page("webhook/webhook_ping.html", answer=answer)


async def _delete(visit: Visit, webhook_id: str) -> Question:
    """It goes with its secrets and deliveries."""
    editor = editor_of(visit)
    record = await webhook_use.get(editor, webhook_id)
    text = visit.t("webhook.delete_text", n=record.count.waiting + record.count.parked)
    form = delete_form(visit, href_of(webhook_id), record.webhook.name, text)
    return Question(form, lambda: webhook_use.delete(editor, webhook_id), PATH)


PAGES: Final[list[Any]] = [
    webhooks_page,
    counts,
    new_webhook,
    create_webhook,
    webhook_editor,
    save_webhook,
    rotate_dialog,
    rotate,
    ping,
    *asking(f"{PATH}/{{webhook_id:str}}/delete", _delete),
]
