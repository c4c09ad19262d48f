"""Scrolling through the live order: the pages after the first are those of the database, whatever changes meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from openiwd.domain.privilege import system
from openiwd.ports.tenant_store import SearchPage, SearchQuery
from openiwd.usecases import live_order, matching_count, open_counts, search
from openiwd.usecases.matching_count import MatchingCount
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.search import prepared
from tests.factories.api import World, raw
from tests.servers.until import until

WAITING = {"all": [{"attribute": "status", "operator": "in", "value": ["queued", "held", "assigned"]}]}
PAGE = 4


@pytest.fixture
async def services(api: World, monkeypatch: pytest.MonkeyPatch) -> TenantServices:
    """Thirty items that wait, of which the decider tells the best twenty."""
    monkeypatch.setattr(live_order, "ATTEMPTS", (5,))
    monkeypatch.setattr(live_order, "LEAST", PAGE)
    monkeypatch.setattr(matching_count, "FEW", 0)
    services = await api.follow(decide=True)
    await api.post("/items/batch", [raw(f"m{n:02}", priority=900 - 10 * n) for n in range(30)])
    await until(lambda: services.decider is not None and len(services.decider) == 30)
    return services


async def query_of(services: TenantServices, cursor: str | None = None, **more: Any) -> SearchQuery:
    query = SearchQuery(filter=WAITING, limit=PAGE, cursor=cursor, with_count=cursor is None, **more)
    return (await prepared(services, system("test", "t"), query))[0]


async def live_page(services: TenantServices, query: SearchQuery) -> SearchPage | None:
    async with MatchingCount(services, query) as counted:
        return await live_order.live_page(services, query, counted)


async def both(services: TenantServices, cursor: str | None) -> tuple[SearchPage | None, SearchPage]:
    """The page of the live order, and the database's."""
    query = await query_of(services, cursor)
    page = await live_page(services, query)
    async with services.runtime.store.reading() as reading:
        return page, await reading.search(replace(query, with_count=False))


def names(page: SearchPage | None) -> list[str]:
    return [item.capture_id for item in page.items] if page is not None else []


async def test_later_pages_are_those_of_the_database(services: TenantServices) -> None:
    cursor, seen, live = None, list[str](), 0
    while True:
        page, whole = await both(services, cursor)
        seen += names(whole)
        if page is not None:
            live += 1
            assert names(page) == names(whole)
            assert page.next_cursor == whole.next_cursor or cursor is None
        cursor = (page or whole).next_cursor
        if cursor is None:
            break
    assert seen == [f"m{n:02}" for n in range(30)]
    assert live == 4, "as far as every item of a page is surely better than all that were not told"


async def test_what_changes_between_two_pages_is_seen(api: World, services: TenantServices) -> None:
    first, _ = await both(services, None)
    assert first is not None
    assert names(first) == ["m00", "m01", "m02", "m03"]
    await api.item("between", priority=855)
    done = await api.get("/items/ext_m05")
    assert (await api.post(f"/items/{done.json()['id']}/complete", {})).status_code == 200
    held = (await api.get("/items/ext_m06")).json()["id"]
    assert (await api.post(f"/items/{held}/hold", {"reason": "review"})).status_code == 200
    low = (await api.get("/items/ext_m29")).json()["id"]
    raised = await api.call("PUT", f"/items/{low}", json={"priority": 851})
    assert raised.status_code == 200, raised.text
    page, whole = await both(services, first.next_cursor)
    assert names(page) == names(whole) == ["m04", "between", "m29", "m06"]


async def test_too_many_changes_and_other_rules_leave_it_to_the_database(
    api: World, services: TenantServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = await both(services, None)
    assert first is not None
    query = await query_of(services, first.next_cursor)
    assert names(await live_page(services, query)) == ["m04", "m05", "m06", "m07"]
    assert await live_page(services, replace(query, schemas={})) is None
    monkeypatch.setattr(live_order, "MOST_CHANGED", 1)
    await api.item("x1", priority=1)
    await api.item("x2", priority=1)
    assert await live_page(services, query) is None


async def test_no_more_scrolls_are_kept_than_allowed(
    services: TenantServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_order, "SCROLLS", 1)
    monkeypatch.setattr(live_order, "KEPT_SECONDS", 0.0)
    older, _ = await both(services, None)
    newer, _ = await both(services, None)
    assert older is not None
    assert newer is not None
    assert await live_page(services, await query_of(services, older.next_cursor)) is None
    assert await live_page(services, await query_of(services, newer.next_cursor)) is not None


async def hold_all(api: World, items: int) -> None:
    for n in range(items):
        held = (await api.get(f"/items/ext_m{n:02}")).json()["id"]
        assert (await api.post(f"/items/{held}/hold", {"reason": "review"})).status_code == 200


async def test_many_items_that_do_not_wait_are_weighed_before_they_are_sorted(
    api: World, services: TenantServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {"attribute": "status", "operator": "in", "value": ["held", "assigned"]}
    rare = {"attribute": "captureId", "operator": "in", "value": ["m03", "m29"]}
    query = replace(await query_of(services), filter={"all": [held]})
    await hold_all(api, 30)
    assert await live_page(services, query) is None, "nobody knows how many there are"
    monkeypatch.setattr(live_order, "MANY_LEADING", 1)
    monkeypatch.setattr(open_counts, "UNSEEN", 0)
    await services.feed.catch_up()
    await services.open_counts.of(services.runtime)
    page = await live_page(services, query)
    assert page is not None
    assert (names(page), page.count, page.count_exact) == (["m00", "m01", "m02", "m03"], 30, True)
    async with services.runtime.store.reading() as reading:
        whole = await reading.search(query)
        assert [i.id for i in page.items] == [i.id for i in whole.items]
        assert page.next_cursor == whole.next_cursor
    assert await live_page(services, replace(query, filter={"all": [held, rare]})) is None
    monkeypatch.setattr(live_order, "MANY_LEADING", 2)
    assert await live_page(services, query) is None, "so few are sorted at once"


@pytest.mark.parametrize("few", [0, 20, 500])
async def test_a_search_finds_and_counts_the_same_however_few_match(
    services: TenantServices, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """By the order, by the matches that the count has named, or by the database alone."""
    monkeypatch.setattr(matching_count, "FEW", few)
    caller = system("test", "t")
    for wanted in ([], ["m07"], ["m28", "m02"], [f"m{n:02}" for n in range(3, 15)]):
        tree = {"all": [*WAITING["all"], {"attribute": "captureId", "operator": "in", "value": wanted}]}
        seen, cursor = list[str](), None
        while True:
            query = SearchQuery(filter=tree, limit=PAGE, cursor=cursor, with_count=cursor is None)
            page = (await search.search(services, caller, query)).page
            if cursor is None:
                assert (page.count, page.count_exact) == (len(wanted), True)
            seen += names(page)
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == sorted(wanted)
