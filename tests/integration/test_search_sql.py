"""Searches on a real database: filters mean what criteria mean, and the order is the definition's, exactly."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from openiwd.adapters.holidays.source import LibraryHolidaySource
from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.domain.calendar import WALL, Calendar, CalendarConfig, WeeklyHours
from openiwd.domain.curve import Interpolation
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import to_micros
from openiwd.domain.schema import PointConfig, Schema, SchemaConfig, compile_schema, priority_at, standing
from openiwd.domain.work_item import ItemId, Status, WorkItem
from openiwd.ports.tenant_store import Candidates, Leading, SearchPage, SearchQuery
from tests.factories.search_case import FILTERS, WORDS, A, B, C, condition, three_items
from tests.factories.stored_item import START, store_items, stored_item


async def search(store: PostgresTenantStore, **query: Any) -> SearchPage:
    async with store.reading() as reading:
        return await reading.search(SearchQuery(**{"now": START, **query}))


async def ids(store: PostgresTenantStore, **query: Any) -> list[str]:
    return [item.capture_id for item in (await search(store, **query)).items]


# What a filter finds


@pytest.fixture
async def three(store: PostgresTenantStore) -> PostgresTenantStore:
    await store_items(store, three_items())
    return store


async def test_filters_mean_what_criteria_mean(three: PostgresTenantStore) -> None:
    for tree, expected in FILTERS:
        page = await search(three, filter=tree, sort=["captureId"])
        found = "".join(item.capture_id for item in page.items)
        assert (found, page.count, page.count_exact) == (expected, len(expected), True), tree


async def test_an_item_is_found_by_its_id(three: PostgresTenantStore) -> None:
    (item,) = (await search(three, text="a", filter=condition("captureId", "eq", "a"))).items
    assert await ids(three, filter=condition("id", "eq", str(item.id))) == [A]
    assert await ids(three, text=str(item.id)) == [A]
    assert await ids(three, text=" b ", sort=["captureId"]) == [A, B], "a is of Anna Berg"


async def test_words_are_found_where_words_begin(three: PostgresTenantStore) -> None:
    for text, expected in WORDS:
        assert "".join(await ids(three, text=text, sort=["captureId"])) == expected, text


async def test_a_category_means_it_and_all_below(three: PostgresTenantStore) -> None:
    assert await ids(three, category="Claims", sort=["captureId"]) == [A, B, C]
    assert await ids(three, category="Claims/Motor") == [A], "not the motorbikes"


async def test_a_scope_restricts(three: PostgresTenantStore) -> None:
    assert await ids(three, scope={"agent": "agent1"}) == [B]
    assert await ids(three, scope={"agent": ""}) == []
    assert await ids(three, scope={"categories": ["Claims/Motor"], "queues": ["q2"]}, sort=["captureId"]) == [
        A,
        B,
    ]
    assert await ids(three, scope={"categories": [], "queues": []}) == []


BAD: list[tuple[dict[str, Any], str]] = [
    ({"filter": condition("subjct", "eq", "x")}, "filter.attribute"),
    ({"filter": {"all": [condition("subject", "is", "x")]}}, "filter.all[0].operator"),
    ({"filter": condition("subject", "gt", "x")}, "filter.operator"),
    ({"filter": {"not": condition("businessValue", "eq", "1")}}, "filter.not.value"),
    ({"filter": condition("businessValue", "eq", True)}, "filter.value"),
    ({"filter": condition("businessValue", "eq", 1.5)}, "filter.value"),
    ({"filter": condition("businessValue", "in", 1)}, "filter.value"),
    ({"filter": condition("businessValue", "between", [1])}, "filter.value"),
    ({"filter": condition("dueDateTime", "after", "soon")}, "filter.value"),
    ({"filter": condition("dueDateTime", "olderThan", "soon")}, "filter.value"),
    ({"filter": condition("subject", "eq", None)}, "filter.value"),
    ({"filter": condition("subject", "eq", "\x00")}, "filter.value"),
    ({"filter": condition("subject", "matches", "(")}, "filter.value"),
    ({"filter": condition("id", "eq", "x")}, "filter.value"),
    ({"filter": {"all": {}}}, "filter.all"),
    ({"filter": {"all": [], "any": []}}, "filter"),
    ({"filter": {"attribute": "subject", "op": "eq"}}, "filter.op"),
    ({"filter": {"any": ["x"]}}, "filter.any[0]"),
    ({"sort": ["colour"]}, "sort[0]"),
    ({"sort": ["data.colour"]}, "sort[0]"),
    ({"sort": ["subject", "-subject"]}, "sort[1]"),
    ({"cursor": "nonsense"}, "cursor"),
    ({"text": "x " * 40}, "text"),
]


async def test_what_a_search_cannot_mean_is_refused_by_name(store: PostgresTenantStore) -> None:
    for query, field in BAD:
        with pytest.raises(InvalidInputError) as raised:
            await search(store, **query)
        assert raised.value.field == field, query


async def test_a_deep_or_long_filter_is_refused(store: PostgresTenantStore) -> None:
    deep: dict[str, Any] = condition("subject", "isSet")
    for _ in range(30):
        deep = {"not": deep}
    for tree in (deep, {"any": [condition("subject", "isSet")] * 300}):
        with pytest.raises(InvalidInputError):
            await search(store, filter=tree)


# In which order


def schemas() -> dict[str, Schema]:
    """Rising, falling, with steps, on a calendar, with odd denominators, with negative ages."""
    office = CalendarConfig(
        id="office",
        name="Office",
        time_zone="Europe/Berlin",
        weekly=WeeklyHours(monday=("08:00-12:00", "13:00-18:00"), tuesday=("08:00-18:00",)),
    )
    calendar = Calendar(LibraryHolidaySource().freeze(office, 2020, 2030))
    points: dict[str, list[tuple[str, int | Decimal]]] = {
        "rising": [("0h", 200), ("2h", 320), ("7h", 901)],
        "falling": [("0h", 500), ("3h", 200)],
        "due": [("-4h", 10), ("0h", Decimal("700.7"))],
        "flat": [("0h", 300)],
    }
    made = {}
    for name, curve in points.items():
        for clock in (WALL, calendar):
            for interpolation in Interpolation:
                identity = f"{name}-{'wall' if clock is WALL else 'office'}-{interpolation.value}"
                config = SchemaConfig(
                    id=identity,
                    name=identity,
                    points=tuple(PointConfig(age, priority) for age, priority in curve),
                    interpolation=interpolation,
                    slope_after=Decimal("3.7"),
                    maximum=900,
                    value_weight=Decimal("0.1") if clock is WALL else Decimal(1),
                )
                made[identity] = compile_schema(config, clock)
    return made


def random_item(n: int, chance: random.Random, known: dict[str, Schema]) -> WorkItem:
    schema = known[chance.choice(sorted(known))] if chance.random() < 0.95 else None
    anchor = START - timedelta(hours=chance.randrange(-5, 12), minutes=chance.choice((0, 0, 30)))
    paused = chance.choice((0, 0, 1_800_000_000, 7))
    stopped_at = START - timedelta(minutes=chance.randrange(300)) if chance.random() < 0.2 else None
    value = chance.choice((0, 0, 10, 25, -5))
    item = stored_item(
        f"i{n}",
        id=ItemId(UUID(int=chance.getrandbits(128))),
        status=chance.choice((Status.QUEUED, Status.QUEUED, Status.HELD, Status.COMPLETED)),
        business_value=value,
        priority_adjustment=chance.choice((0, 0, 0, 10, -7)),
        priority_fixed=chance.choice((None, None, None, 300, 901)),
        anchor_at=anchor,
    )
    if schema is None:
        return item
    place = standing(
        schema,
        to_micros(anchor),
        paused,
        value,
        item.priority_adjustment,
        None,
        None if stopped_at is None else to_micros(stopped_at),
    )
    return replace(
        item,
        schema_id=schema.id,
        clock_id=schema.clock.id,
        clock_origin=place.origin,
        clock_frozen=place.stopped,
    )


def defined_priority(item: WorkItem, known: dict[str, Schema], now: datetime) -> Fraction | None:
    if item.status.is_final:
        return None
    if item.priority_fixed is not None:
        return Fraction(item.priority_fixed)
    if item.schema_id is None or item.clock_origin is None:
        return None
    schema = known[item.schema_id]
    elapsed = schema.clock.elapsed(to_micros(now)) if item.clock_frozen is None else item.clock_frozen
    constant = schema.value_weight * item.business_value + item.priority_adjustment
    return schema.curve(elapsed - item.clock_origin) + constant


def defined_order(items: list[WorkItem], known: dict[str, Schema], now: datetime) -> list[str]:
    def key(item: WorkItem) -> tuple[Any, ...]:
        priority = defined_priority(item, known, now)
        return (priority is None, -(priority or 0), -item.business_value, item.anchor_at, item.id)

    return [item.capture_id for item in sorted(items, key=key)]


@pytest.mark.parametrize("seed", range(4))
async def test_the_order_is_the_definition_at_every_instant(store: PostgresTenantStore, seed: int) -> None:
    chance = random.Random(seed)
    known = schemas()
    items = await store_items(store, [random_item(n, chance, known) for n in range(300)])
    for hours in (0, 0.5, 3, 3.0001, 26, 200):
        now = START + timedelta(hours=hours)
        found = await ids(store, schemas=known, now=now, limit=1_000)
        assert found == defined_order(items, known, now), hours


async def test_the_definition_used_here_is_the_domain_s(store: PostgresTenantStore) -> None:
    chance, known = random.Random(9), schemas()
    for n in range(200):
        item = random_item(n, chance, known)
        if item.schema_id is None or item.status.is_final:
            continue
        schema = known[item.schema_id]
        assert item.anchor_at is not None
        place = standing(
            schema,
            to_micros(item.anchor_at),
            0,
            item.business_value,
            item.priority_adjustment,
            item.priority_fixed,
        )
        place = place._replace(origin=item.clock_origin or 0, stopped=item.clock_frozen)
        assert defined_priority(item, known, START) == priority_at(schema, place, to_micros(START))


@pytest.mark.parametrize(
    "sort",
    [
        ["-priority"],
        ["priority"],
        ["-dueDateTime"],
        ["dueDateTime", "-businessValue"],
        ["channel"],
        ["overdue"],
        [],
    ],
)
async def test_pages_fit_together(store: PostgresTenantStore, sort: list[str]) -> None:
    chance, known = random.Random(5), schemas()
    items = [
        replace(
            random_item(n, chance, known),
            due_at=chance.choice((None, START, START + timedelta(hours=n % 3))),
            channel=chance.choice((None, "web", "email")),
        )
        for n in range(100)
    ]
    await store_items(store, items)
    whole = await ids(store, schemas=known, sort=sort, limit=1_000)
    assert len(whole) == 100
    pages: list[str] = []
    cursor: str | None = None
    for hours in range(100):
        later = START + timedelta(hours=hours)
        page = await search(store, schemas=known, sort=sort, limit=7, cursor=cursor, now=later)
        pages += [item.capture_id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert pages == whole, "later pages are of the first page's instant"


async def test_a_full_page_of_the_best_candidates_is_the_page_of_the_whole_search(
    store: PostgresTenantStore,
) -> None:
    chance, known = random.Random(11), schemas()
    items = await store_items(store, [random_item(n, chance, known) for n in range(400)])
    numbers = {item.capture_id: item.number for item in items}
    by_id = {item.capture_id: item for item in items}
    unfinished = condition("status", "in", [s.value for s in Status if not s.is_final])
    best = (await ids(store, schemas=known, filter=condition("status", "eq", "queued"), limit=1_000))[:60]
    last = defined_priority(by_id[best[-1]], known, START)
    assert last is not None
    candidates = Candidates(numbers=[numbers[i] for i in best], above=Fraction(last))
    full = 0
    everything: dict[str, Any] = {"all": []}
    for extra in (everything, condition("businessValue", "gt", 0), condition("captureId", "endsWith", "7")):
        query: dict[str, Any] = {"schemas": known, "filter": {"all": [unfinished, extra]}, "limit": 5}
        whole = await search(store, **query)
        page = await search(store, **query, candidates=candidates)
        if page.next_cursor is not None:
            full += 1
            assert [i.id for i in page.items] == [i.id for i in whole.items]
            after = await search(store, **query, cursor=page.next_cursor)
            again = await search(store, **query, cursor=whole.next_cursor)
            assert [i.id for i in after.items] == [i.id for i in again.items]
    assert full >= 2


async def test_what_does_not_wait_is_among_the_candidates_as_far_as_it_is_better_than_the_bound(
    store: PostgresTenantStore,
) -> None:
    chance, known = random.Random(12), schemas()
    items = await store_items(store, [random_item(n, chance, known) for n in range(300)])
    others = [item for item in items if not item.status.is_final and item.status is not Status.QUEUED]
    found = {item.id: defined_priority(item, known, START) for item in others}
    bounds = sorted({Fraction(p) for p in found.values() if p is not None})[::4]
    assert len(bounds) > 10
    least = Fraction(1, 10**12)
    for bound in [b + d for b in bounds for d in (-least, Fraction(0), least)]:
        page = await search(store, schemas=known, limit=300, candidates=Candidates(numbers=[], above=bound))
        expected = {id_ for id_, priority in found.items() if priority is not None and priority > bound}
        assert {item.id for item in page.items} == expected, bound


async def test_a_full_page_of_the_leading_is_the_page_of_the_whole_search(store: PostgresTenantStore) -> None:
    chance, known = random.Random(13), schemas()
    await store_items(store, [random_item(n, chance, known) for n in range(400)])
    held = condition("status", "eq", "held")
    full = 0
    everything: dict[str, Any] = {"all": []}
    for extra in (everything, condition("businessValue", "gt", 0), condition("captureId", "endsWith", "7")):
        query: dict[str, Any] = {"schemas": known, "filter": {"all": [held, extra]}, "limit": 5}
        whole = await search(store, **query)
        for items in (0, 4, 5, 6, 20, 60, 1_000):
            page = await search(store, **query, leading=Leading(statuses=["held"], items=items))
            if page.next_cursor is not None:
                full += 1
                assert [i.id for i in page.items] == [i.id for i in whole.items]
                assert page.next_cursor == whole.next_cursor
            else:
                assert [i.id for i in page.items] == [i.id for i in whole.items][: len(page.items)]
    assert full > 8


async def test_few_matches_are_named(three: PostgresTenantStore) -> None:
    async with three.reading() as reading:
        for tree, expected in FILTERS:
            query = SearchQuery(filter=tree, now=START)
            found = await reading.matching(query, 10, 2)
            assert found.count == len(expected), tree
            numbers = sorted(await reading.matching_numbers(query, 10))
            assert found.numbers is None if len(expected) > 2 else sorted(found.numbers or []) == numbers
        assert (await reading.matching(SearchQuery(), 2, 5)).count == 2


async def test_pages_go_on_after_what_was_seen_while_items_change(store: PostgresTenantStore) -> None:
    items = await store_items(store, [stored_item(f"i{n}", business_value=n) for n in range(9)])
    first = await search(store, sort=["-businessValue"], limit=3)
    async with store.writing() as tx:
        await tx.delete_items([(1, items[8]), (1, items[2])])
    await store_items(store, [stored_item("new", business_value=100)])
    second = await search(store, sort=["-businessValue"], limit=3, cursor=first.next_cursor)
    assert [i.capture_id for i in [*first.items, *second.items]] == ["i8", "i7", "i6", "i5", "i4", "i3"]


async def test_a_cursor_of_another_search_is_refused(three: PostgresTenantStore) -> None:
    first = await search(three, sort=["captureId"], limit=1)
    with pytest.raises(InvalidInputError):
        await search(three, sort=["-captureId"], limit=1, cursor=first.next_cursor)


async def test_pages_fit_together_over_a_publish(store: PostgresTenantStore) -> None:
    """New schemas between two pages bring another common scale; the place in the order stays."""
    chance, known = random.Random(6), schemas()
    await store_items(store, [random_item(n, chance, known) for n in range(60)])
    whole = await ids(store, schemas=known, limit=100)
    first = await search(store, schemas=known, limit=20)
    odd = compile_schema(
        SchemaConfig(id="odd", name="Odd", points=(PointConfig("0h", 1), PointConfig("7h", 2))), WALL
    )
    second = await search(store, schemas={**known, "odd": odd}, limit=100, cursor=first.next_cursor)
    assert [i.capture_id for i in [*first.items, *second.items]] == whole


async def test_counts_are_exact_up_to_ten_thousand(store: PostgresTenantStore) -> None:
    for start in range(0, 10_000, 1_000):
        await store_items(store, [stored_item(f"i{start + n}") for n in range(1_000)])
    page = await search(store, limit=1)
    assert (page.count, page.count_exact) == (10_000, True)
    await store_items(store, [stored_item("one more")])
    page = await search(store, limit=1)
    assert (page.count, page.count_exact) == (10_000, False)
    assert (await search(store, limit=1, with_count=False)).count == 1


async def test_priority_can_be_filtered_by(store: PostgresTenantStore) -> None:
    chance, known = random.Random(7), schemas()
    items = await store_items(store, [random_item(n, chance, known) for n in range(100)])
    tree = condition("priority", "ge", 500)
    items.sort(key=lambda item: item.number)
    expected = [i.capture_id for i in items if (defined_priority(i, known, START) or 0) >= 500]
    assert expected
    assert sorted(await ids(store, filter=tree, schemas=known, limit=100)) == sorted(expected)
    async with store.reading() as reading:
        query = SearchQuery(filter=tree, schemas=known, now=START)
        scanned = [i.capture_id async for chunk in reading.scan(query) for i in chunk]
    assert scanned == expected


async def test_a_scan_gives_every_match_once_in_order(store: PostgresTenantStore) -> None:
    await store_items(store, [stored_item(f"i{n:03}", business_value=n % 2) for n in range(50)])
    query = SearchQuery(filter=condition("businessValue", "eq", 1))
    async with store.reading() as reading:
        chunks = [[i.capture_id for i in chunk] async for chunk in reading.scan(query, chunk=10)]
    assert [len(chunk) for chunk in chunks] == [10, 10, 5]
    assert [i for chunk in chunks for i in chunk] == [f"i{n:03}" for n in range(1, 50, 2)]


@pytest.mark.parametrize("text", ["'; DROP TABLE item; --", "$1", "\\", "%_", "{0}", "${now}", '"'])
async def test_no_text_of_a_caller_becomes_sql(three: PostgresTenantStore, text: str) -> None:
    for name in ("subject", "data.x", "ext.customerId", "contact.name"):
        for operator in ("eq", "contains", "startsWith", "endsWith"):
            assert await ids(three, filter=condition(name, operator, text)) == []
    assert await ids(three, filter=condition(f"data.{text}", "isSet")) == []
    assert await ids(three, category=text, text=text, scope={"queues": [text], "categories": [text]}) == []
    assert await ids(three, sort=["captureId"]) == [A, B, C]
