"""The filter builder: its dialog, and the check of what was built, which says how many items match or what is wrong."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post

from openiwd.domain.errors import InvalidInputError, OpenIwdError
from openiwd.usecases import search
from openiwd.web.queue.filter_view import for_editing, from_editing
from openiwd.web.queue.queue_filter import QueueFilter, read_tree
from openiwd.web.queue.queue_page import Asked, asked_for
from openiwd.web.queue.vocabulary import as_data
from openiwd.web.shell.catalogue import number
from openiwd.web.shell.rendering import trigger
from openiwd.web.shell.visit import CurrentVisit, Visit

OPERATORS: Final = {
    "text": ("contains", "eq", "ne", "startsWith", "endsWith", "in", "notIn", "isSet", "isNotSet"),
    "choice": ("in", "notIn", "isSet", "isNotSet"),
    "number": ("ge", "le", "gt", "lt", "eq", "ne", "between", "isSet", "isNotSet"),
    "date": (
        "withinLast",
        "withinNext",
        "olderThan",
        "laterThan",
        "before",
        "after",
        "between",
        "isSet",
        "isNotSet",
    ),
    "boolean": ("eq",),
    "list": ("contains", "isSet", "isNotSet"),
}
"""What the builder offers by type; a search knows the same, with dates relative to now as `now+2h`."""
GROUPS: Final = ("item", "date", "agent", "contact", "ext", "data")


def _builder(visit: Visit, asked: Asked, at: str) -> dict[str, Any]:
    t, chosen = visit.t, asked.chosen
    try:
        tree = for_editing(chosen.tree(), asked.known, visit.times)
        problem = None
    except InvalidInputError as error:
        tree, problem = {}, error
    names = sorted({o for found in OPERATORS.values() for o in found})
    texts = {
        name: t(f"uq.builder.{name}")
        for name in (
            "all", "any", "none", "condition", "group", "remove", "remove_group", "attribute", "operator", "value",
            "from", "to", "unit", "amount", "of", "yes", "no", "m", "h", "d", "values_hint", "raw", "match",
        )
    }  # fmt: skip
    return {
        "data": {
            "attributes": as_data(asked.known),
            "operators": OPERATORS,
            "operatorTexts": {o: t(f"uq.operator.{o}") for o in names},
            "groups": [[g, t(f"uq.group.{g}")] for g in GROUPS],
            "texts": texts,
            "tree": tree,
            "at": at,
        },
        "problem": problem,
        "query": chosen.address(path=""),
    }


@get("/queue/filter")
async def filter_builder(visit: CurrentVisit) -> Response[Any]:
    """The builder with the filter of the address in it; `at` names the part to begin with."""
    visit.refuse_agents()
    asked = await asked_for(visit)
    at = str(visit.request.query_params.get("at") or "")
    return visit.page("queue/filter_builder.html", **_builder(visit, asked, at))


@post("/queue/filter", status_code=200)
async def check_filter(visit: CurrentVisit) -> Response[Any]:
    """What a filter finds, or what is wrong with it; with `apply` the list is told to show it."""
    visit.refuse_agents()
    form = await visit.request.form()
    asked = await asked_for(visit)
    tree: dict[str, Any] = {}
    try:
        tree = from_editing(read_tree(str(form.get("filter") or "{}")), asked.known, visit.times)
        chosen = asked.chosen.with_tree(tree)
        said = await _count(visit, chosen)
    except OpenIwdError as error:
        status = 422 if form.get("apply") else 200
        # A search has the tree as one part among others, the builder as the whole.
        field = error.field or ""
        field = field if "all" in tree else field.replace("filter.all[0]", "filter", 1)
        return visit.page("queue/filter_said.html", status=status, said="", error=error, field=field)
    headers = None
    if form.get("apply"):
        headers = trigger(showList={"href": chosen.address()}, closeDialog={})
    return visit.page("queue/filter_said.html", headers=headers, said=said, error=None, field="")


async def _count(visit: Visit, chosen: QueueFilter) -> str:
    query = chosen.query(limit=1, cursor=None, count=True)
    page = (await search.search(visit.services, visit.caller, query)).page
    text = number(page.count) if page.count_exact else f"{page.count // 1000}k+"
    return visit.t("uq.builder.found", n=page.count, text=text)


PAGES: Final[list[Any]] = [filter_builder, check_filter]
