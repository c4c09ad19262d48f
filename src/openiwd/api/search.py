"""Many items: searches, exports, the live order of queues, the tree's counts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream
from msgspec import Struct

from openiwd.api.call import CurrentCall, instant
from openiwd.api.decoding import decode
from openiwd.api.passing_on import by_decider_if_any
from openiwd.domain.errors import InvalidInputError
from openiwd.ports.tenant_store import SearchQuery
from openiwd.usecases import export, past, search
from openiwd.usecases.export import MEDIA_TYPES, ExportFormat, check_columns
from openiwd.usecases.item_view import ItemView
from openiwd.usecases.open_counts import CategoryCount
from openiwd.usecases.search import SearchRequest


class SearchInput(SearchRequest, kw_only=True, rename="camel", forbid_unknown_fields=True):
    columns: list[str] = msgspec.field(default_factory=list)
    """Only these fields of each item (`ext.x` and `data.x` reach inside); none = all."""


class SearchAnswer(Struct, kw_only=True, rename="camel"):
    """A page of items. `count` is exact up to 10,000; then `countText` says `10k+`.

    `source`: what has found them, `index` or `database`; the answer is the same. `searchIndex`: `ready`, `behind`,
    `building` or `away` (searches go to the database then, and may be slower); null where no search server is used.
    """

    items: list[ItemView]
    next_cursor: str | None
    count: int
    count_exact: bool
    count_text: str
    priority_at: datetime
    source: str = "database"
    search_index: str | None = None


class Place(Struct):
    position: int
    item: ItemView


class OrderAnswer(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """The order, exact as of `at`. `source` is `decider`, `database` where no decider runs, or `log` for the past.

    Of a past instant: how many waited (`count`, exact up to 10,000), where to go on, the rule set of then.
    """

    at: datetime
    source: str
    items: list[Place]
    count: int | None = None
    count_exact: bool | None = None
    next_offset: int | None = None
    rule_set_version: int | None = None


class CountsAnswer(Struct):
    counts: list[CategoryCount]


@post("/items/search", tags=["search"], operation_id="searchItems", status_code=200)
async def search_items(call: CurrentCall, data: JSONBody[SearchInput]) -> Response[SearchAnswer]:
    """One page of the items that match, within what the caller may see, in live order; go on with `nextCursor`."""
    columns = check_columns(data.columns)
    found = await search.search(call.services, call.caller, data.query())
    page = found.page
    answer = SearchAnswer(
        items=found.views,
        next_cursor=page.next_cursor,
        count=page.count,
        count_exact=page.count_exact,
        count_text=found.count_text,
        priority_at=found.now,
        source=found.source,
        search_index=None if found.index is None else found.index.value,
    )
    if not columns:
        return Response(answer)
    narrowed = msgspec.to_builtins(answer)
    narrowed["items"] = [{c: export.at_path(item, c) for c in columns} for item in narrowed["items"]]
    return Response(narrowed)


@get("/items/export", tags=["search"], operation_id="exportItems")
async def export_items(
    call: CurrentCall,
    form: Annotated[str, QueryParameter(name="format", description="csv, ndjson or xlsx")] = "csv",
    filter_text: Annotated[
        str | None, QueryParameter(name="filter", description="A filter tree as JSON.")
    ] = None,
    text: Annotated[str | None, QueryParameter(name="text", max_length=500)] = None,
    category: Annotated[str | None, QueryParameter(name="category", max_length=1_000)] = None,
    columns: Annotated[
        str | None, QueryParameter(name="columns", description="Comma-separated; none = the usual ones.")
    ] = None,
) -> Stream:
    """All matching items as a file, streamed. Cells that a spreadsheet would take for a formula are marked as text."""
    if form not in tuple(ExportFormat):
        raise InvalidInputError(f"format is '{form[:40]}'", field="format", hint="use csv, ndjson or xlsx")
    tree = decode(filter_text.encode(), dict[str, Any]) if filter_text else None
    query = SearchQuery(filter=tree, text=text, category=category)
    chosen = ExportFormat(form)
    pieces = await export.export(
        call.services, call.caller, query, chosen, [c for c in (columns or "").split(",") if c]
    )
    name = f"items-{call.now:%Y%m%d-%H%M%S}.{chosen.value}"
    return Stream(
        pieces,
        media_type=MEDIA_TYPES[chosen],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=search.MAX_LIMIT)]


Then = Annotated[
    str | None,
    QueryParameter(
        name="at",
        description="An instant with offset, not in the future: the order as it was then, by the rule set of then.",
    ),
]
Offset = Annotated[
    int,
    QueryParameter(name="offset", ge=0, le=past.MAX_OFFSET, description="With `at`: from which place on."),
]


@get(
    "/queues/{queue_id:str}/order",
    tags=["search"],
    operation_id="getQueueOrder",
    before_request=by_decider_if_any,
)
async def queue_order(
    call: CurrentCall, queue_id: FromPath[str], limit: Limit = 100, at: Then = None, offset: Offset = 0
) -> OrderAnswer:
    """The items of a queue in the order in which agents get them; with `at`, as it was at that instant."""
    return await _order(call, queue_id, limit, at, offset)


@get("/queues/order", tags=["search"], operation_id="getOrder", before_request=by_decider_if_any)
async def whole_order(
    call: CurrentCall, limit: Limit = 100, at: Then = None, offset: Offset = 0
) -> OrderAnswer:
    """The Universal Queue: all queued items in live order; with `at`, as it was at that instant."""
    return await _order(call, None, limit, at, offset)


async def _order(
    call: CurrentCall, queue_id: str | None, limit: int, at: str | None, offset: int
) -> OrderAnswer:
    if at is not None:
        found = await past.order_at(call.services, call.caller, queue_id, instant(at, "at"), limit, offset)
        return OrderAnswer(
            at=found.at,
            source="log",
            items=[Place(p.position, p.item) for p in found.places],
            count=found.count,
            count_exact=found.count_exact,
            next_offset=found.next_offset,
            rule_set_version=found.rule_set_version,
        )
    order = await search.order(call.services, call.caller, queue_id, limit)
    return OrderAnswer(
        at=order.at, source=order.source, items=[Place(p.position, p.item) for p in order.places]
    )


@get("/categories/counts", tags=["search"], operation_id="getCategoryCounts")
async def category_counts(call: CurrentCall) -> CountsAnswer:
    """Open items by category and status, and how many of them are overdue."""
    return CountsAnswer(await search.category_counts(call.services, call.caller))


HANDLERS: Final = [search_items, export_items, queue_order, whole_order, category_counts]
