"""A draft on trial: its shadow, live, and its canary with both sides beside each other."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import NotFoundError, OpenIwdError
from openiwd.domain.shadow import DivergenceKind
from openiwd.usecases import canary, rule_set_draft, shadow
from openiwd.usecases.rule_set_draft import Draft
from openiwd.usecases.shadow import ShadowView
from openiwd.web.configuration.drafting import editor_of, hands_text, names_of
from openiwd.web.configuration.navigation import show
from openiwd.web.configuration.trial_form import canary_fields, read_canary
from openiwd.web.configuration.trial_view import DivergenceLine, TrialView, percent_text
from openiwd.web.dashboard.item_link import ANY_STATUS, items_link
from openiwd.web.item.directory import live_rules
from openiwd.web.shell.form import Field, Form, with_errors
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.visit import CurrentVisit, Visit

PATH: Final = "/configuration/drafts"
JUDGED_BY: Final = {"attribute": "ruleSetVersion", "operator": "eq"}
SAMPLES: Final = ("100", "50", "20", "10", "5", "1")


async def _trial_view(visit: Visit) -> TrialView:
    return TrialView(visit.t, visit.times, await live_rules(visit))


async def _frame(visit: Visit, draft: Draft) -> dict[str, Any]:
    """What both pages show of the draft."""
    live, _ = await rule_set_draft.live_document(visit.services.runtime)
    hands = hands_text(visit, draft, await names_of(visit))
    return {"draft": draft, "hands": hands, "live": live, "outdated": draft.base != live}


# Shadow --------------------------------------------------------------------------------------------------------------


async def _found(visit: Visit, draft: UUID) -> ShadowView | None:
    """What the shadow has found, as far as the address asks for it."""
    asked = visit.request.query_params
    kind, before = str(asked.get("kind") or ""), str(asked.get("before") or "")
    try:
        return await shadow.view(
            editor_of(visit),
            draft,
            int(before) if before.isdigit() and len(before) < 19 else None,
            kind=DivergenceKind(kind) if kind in set(DivergenceKind) else None,
            category=asked.get("category"),
        )
    except NotFoundError:
        return None


async def _lines(visit: Visit, found: ShadowView, view: TrialView) -> list[DivergenceLine]:
    ids = [d.divergence.item_id for d in found.divergences]
    async with visit.services.runtime.store.reading() as reading:
        items = await reading.items_by_id(ids)
    scope = visit.caller.privileges.get("workitems.read")
    items = {i: item for i, item in items.items() if scope is not None and visit.caller.covers(scope, item)}
    return [
        view.divergence(d.divergence, items[i].subject if (i := d.divergence.item_id) in items else None)
        for d in found.divergences
    ]


async def _shadow_values(visit: Visit, draft: UUID) -> dict[str, Any]:
    found = await _found(visit, draft)
    if found is None:
        return {"found": None}
    view, asked = await _trial_view(visit), visit.request.query_params
    address = f"{PATH}/{draft}/shadow"
    kind, category = str(asked.get("kind") or ""), asked.get("category")
    query = "&".join(f"{name}={value}" for name, value in (("kind", kind), ("before", found.next)) if value)
    return {
        "found": found,
        "share": percent_text(found.diverged / found.looked) if found.looked else "–",
        "sample": percent_text(found.sample),
        "counted_from": visit.times.moment(found.counted_from),
        "started": visit.times.moment(found.started_at),
        "stopped": visit.times.moment(found.stopped_at),
        "kinds": view.kinds(found, address, kind),
        "categories": view.categories(found, address, category),
        "lines": await _lines(visit, found, view),
        "chosen": bool(kind) or category is not None,
        "more": f"{address}?{query}" if found.next is not None and category is None else "",
        "address": address,
        "query": visit.request.url.query,
    }


@get(f"{PATH}/{{draft:uuid}}/shadow")
async def shadow_page(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """What the draft would have made of what came in since its shadow began."""
    visit.caller.require("categories.view")
    found = await rule_set_draft.get(editor_of(visit), draft)
    values = await _shadow_values(visit, draft)
    if visit.is_htmx:
        return visit.page("configuration/shadow_body.html", draft=found, **values)
    return show(visit, "configuration/shadow.html", "drafts", **await _frame(visit, found), **values, error=None,
                samples=[(s, f"{s}\u202f%") for s in SAMPLES])  # fmt: skip


@post(f"{PATH}/{{draft:uuid}}/shadow", status_code=200)
async def set_shadow(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """Starts or stops it."""
    form = await visit.request.form()
    sample = str(form.get("sample") or "100")
    try:
        if form.get("on") == "true":
            await shadow.start(editor_of(visit), draft, int(sample) / 100 if sample in SAMPLES else 1.0)
        else:
            await shadow.stop(editor_of(visit), draft)
    except OpenIwdError as error:
        found = await rule_set_draft.get(editor_of(visit), draft)
        return show(visit, "configuration/shadow.html", "drafts", status=409, **await _frame(visit, found),
                    **await _shadow_values(visit, draft), error=error,
                    samples=[(s, f"{s}\u202f%") for s in SAMPLES])  # fmt: skip
    return redirect(f"{PATH}/{draft}/shadow")


# Canary --------------------------------------------------------------------------------------------------------------


async def _canary_values(visit: Visit, draft: UUID) -> dict[str, Any]:
    editor = editor_of(visit)
    found = await canary.find(editor, draft)
    other = await canary.running(editor)
    values: dict[str, Any] = {
        "found": found,
        "other": other if other is not None and other.draft != draft else None,
    }
    if found is None:
        return values
    view = await _trial_view(visit)
    names = await names_of(visit)
    return {
        **values,
        "share": percent_text(found.share),
        "place": view.path(found.category) if found.category is not None else "",
        "started": visit.times.moment(found.started_at),
        "ended": visit.times.moment(found.ended_at),
        "by": _who(found.started_by, names),
        "ended_by": _who(found.ended_by or "", names),
        "guards": view.guards(found),
        "passed": [g for g in view.guards(found) if g.passed],
        "sums": view.sums(found.sides),
        "items_href": items_link({**JUDGED_BY, "value": found.version}, ANY_STATUS) if found.running else "",
        "queues": view.queues(found.sides),
        "categories": view.categories_of(found.sides),
        "not_tried": len(found.not_tried),
        "least": found.guards.least_items,
        "waiting": max(found.guards.least_items - found.sides.canary.items, 0),
        "query": "",
    }


def _who(actor: str, names: dict[str, str]) -> str:
    login = actor.removeprefix("user:")
    return names.get(login, login.partition(":")[2] or login)


async def _canary_page(
    visit: Visit,
    draft: Draft,
    *,
    error: OpenIwdError | None = None,
    sent: dict[str, Any] | None = None,
) -> Response[Any]:
    rules = await live_rules(visit)
    paths = [] if rules is None else [c.path for c in rules.tree if not c.archived]
    fields = canary_fields(visit.t, paths, sent)
    if error is not None:
        fields = with_errors(fields, error)
        error = None if any(f.error for f in fields) else error
    return show(
        visit,
        "configuration/canary.html",
        "drafts",
        status=200 if error is None and sent is None else 409,
        **await _frame(visit, draft),
        **await _canary_values(visit, draft.id),
        fields=fields,
        error=error,
    )


@get(f"{PATH}/{{draft:uuid}}/canary")
async def canary_page(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """Both sides of the draft's canary, or the way to start one."""
    visit.caller.require("categories.view")
    found = await rule_set_draft.get(editor_of(visit), draft)
    if visit.is_htmx:
        return visit.page("configuration/canary_body.html", draft=found, **await _canary_values(visit, draft))
    return await _canary_page(visit, found)


@post(f"{PATH}/{{draft:uuid}}/canary", status_code=200)
async def start_canary(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """Lets the draft judge its share."""
    visit.caller.require("rulesets.publish")
    form = dict(await visit.request.form())
    try:
        await canary.start(editor_of(visit), draft, read_canary(form, visit.t))
    except OpenIwdError as error:
        found = await rule_set_draft.get(editor_of(visit), draft)
        return await _canary_page(visit, found, error=error, sent=form)
    return redirect(f"{PATH}/{draft}/canary")


@get(f"{PATH}/{{draft:uuid}}/canary/stop")
async def stop_dialog(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """What stopping does."""
    visit.caller.require("rulesets.publish")
    found = await canary.get(editor_of(visit), draft)
    form = Form(
        action=f"{PATH}/{draft}/canary/stop",
        title=visit.t("canary.stop_title"),
        text=visit.t("canary.stop_text", n=found.sides.canary.items),
        fields=[Field("judge_again", visit.t("canary.judge_again"), "checkbox", value=True)],
        submit=visit.t("canary.stop_do"),
        danger=True,
    )
    return visit.page("components/dialog.html", form=form, error=None)


@post(f"{PATH}/{{draft:uuid}}/canary/stop", status_code=200)
async def stop_canary(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """Lets the live rules judge alone again."""
    form = await visit.request.form()
    await canary.stop(editor_of(visit), draft, judge_again=form.get("judge_again") == "true")
    return redirect(f"{PATH}/{draft}/canary", htmx=True)


PAGES: Final[list[Any]] = [shadow_page, set_shadow, canary_page, start_canary, stop_dialog, stop_canary]
