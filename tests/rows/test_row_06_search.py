"""Row 6: items travel to a real Elasticsearch and OpenSearch, and searches answer the same as PostgreSQL alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from openiwd.domain.work_item import Status
from openiwd.ports.search_index import IndexGoneError
from openiwd.usecases.indexed_search import IndexHealth
from openiwd.usecases.search_feeding import ask_for_index, last_built
from tests.factories.search_case import FILTERS, WORDS, condition, three_items
from tests.factories.search_world import SearchWorld, search_world
from tests.factories.stored_item import START, stored_item
from tests.servers.search import SearchServerUrl

pytestmark = pytest.mark.timeout(400)
"""The first test of each product starts its server."""


@pytest.fixture
async def one(tenant_database: str, opensearch_url: SearchServerUrl) -> AsyncIterator[SearchWorld]:
    """Where one product is as good as the other."""
    async with search_world(tenant_database, opensearch_url.url) as made:
        yield made


@pytest.fixture
async def world(tenant_database: str, search_server_url: SearchServerUrl) -> AsyncIterator[SearchWorld]:
    async with search_world(tenant_database, search_server_url.url) as made:
        yield made


LETTERS = [
    stored_item("u1", subject="Kündigung zur Straße 5", description="Überfall\nAB-12/x_y ÄRGER"),
    stored_item("u2", subject="kundigung", description="ab 12", contact={"name": "Żółć-Wójcik"}),
    stored_item("u3", subject="STRASSE ab-12", description="\u212ailo \u017ftern İstanbul é"),
    stored_item("u4", data={"amount": 10**30, "on": "2026-03-04 10:00", "deep": {"a.b": 1}}, tags=["é"]),
]
MORE_WORDS = (
    "künd", "KÜND", "kund", "ünd", "nd", "strasse", "straß", "stra", "ber", "über", "AB-12", "ab-1", "12/x", "x_y",
    "_y", "y", "żół", "wój", "Ć-w", "kilo", "stern", "istan", "İ", "é", "ärg", "u1", "#", "5", "a" * 90, "12/x_y ärg",
)  # fmt: skip
MORE: list[dict[str, Any]] = [
    {"text": "stolen", "filter": condition("channel", "eq", "web")},
    {"category": "Claims/Motor"},
    {"category": "Claims", "text": "red"},
    {"scope": {"agent": "agent1"}},
    {"scope": {"agent": ""}},
    {"scope": {"categories": ["Claims/Motor"], "queues": ["q2"]}},
    {"scope": {"categories": [], "queues": []}, "text": "stolen"},
    {"filter": condition("data.amount", "between", [1000, 1200.5])},
    {"filter": condition("data.amount", "lt", 1200.5)},
    {"filter": {"not": condition("data.amount", "ge", 1200.5)}},
    {"filter": condition("data.on", "before", "2026-03-04T11:00:00Z")},
    {"filter": condition("data.deep.a.b", "eq", 1)},
    {"filter": condition("data.deep", "isSet")},
    {"filter": condition("contactId", "isSet")},
    {"filter": condition("id", "eq", "00000000-0000-0000-0000-00000000000A")},
    {"filter": condition("priority", "ge", 1)},
    {"filter": {"any": [condition("subject", "matches", "^[A-Z]"), condition("channel", "eq", "web")]}},
    {"filter": {"not": {"all": [condition("channel", "isSet"), condition("subject", "contains", "x")]}}},
    {"filter": condition("subjct", "eq", "x")},
    {"filter": condition("businessValue", "eq", "1")},
    {"filter": {"all": [condition("channel", "eq", "email"), condition("subject", "gt", 1)]}},
    {"filter": condition("channel", "isSet"), "sort": ["colour"]},
    {"filter": condition("channel", "isSet"), "cursor": "nonsense"},
]


async def test_searches_answer_the_same_with_and_without_the_index(world: SearchWorld) -> None:
    await world.add([*three_items(), *LETTERS])
    await world.feeding.build("test")
    outcomes = [await world.compared(filter=tree, sort=["captureId"]) for tree, _ in FILTERS]
    for text, _ in WORDS:
        outcomes.append(await world.compared(text=text, sort=["captureId"]))
    outcomes += [await world.compared(text=text) for text in MORE_WORDS]
    outcomes += [await world.compared(**query) for query in MORE]
    assert outcomes.count("index") >= 85, outcomes
    assert set(outcomes) == {"index", "unsuited", "refused"}


async def test_what_the_index_does_not_show_yet_is_looked_up(one: SearchWorld) -> None:
    first, second, third = await one.add(three_items())
    await one.feeding.build("test")
    first = await one.change(first, subject="Another thing", description=None)
    await one.change(third, subject="stolen as well")
    await one.add([stored_item("d", subject="Stolen too")])
    async with one.store.writing() as tx:
        assert await tx.delete_items([(second.revision, second)])
    for text in ("stolen", "another", "window"):
        assert await one.compared(text=text) == "index"
    assert (await one.by_database(text="stolen")).count == 2
    await one.feed()
    for text in ("stolen", "another", "window"):
        assert await one.compared(text=text) == "index"
    # Written again, and late: nothing goes back.
    state = await one.index.state()
    assert state is not None
    await one.index.write(state.name, three_items_as(first.number, revision=1), {}, state.fields)
    await one.index.reached(state)
    assert await one.compared(text="stolen") == "index"
    assert await one.compared(text="another") == "index"


def three_items_as(number: Any, *, revision: int) -> list[Any]:
    (item, *_) = three_items()
    item.number, item.revision = number, revision
    return [item]


@pytest.mark.parametrize(
    "sort",
    [["createdDateTime"], ["-dueDateTime", "businessValue"], ["businessValue"], ["-priority"], ["captureId"]],
)
async def test_pages_fit_together_where_the_index_hands_over_only_the_best(
    opensearch_url: SearchServerUrl, tenant_database: str, sort: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "openiwd.adapters.search.opensearch_index"
    monkeypatch.setattr(f"{module}.EVERY", 7)
    monkeypatch.setattr(f"{module}.SPARE", 5)
    async with search_world(tenant_database, opensearch_url.url) as world:
        items = await world.add(
            [
                stored_item(
                    f"i{n:02}",
                    subject="case",
                    created_at=START - timedelta(seconds=n % 37),
                    due_at=None if n % 4 == 0 else START + timedelta(minutes=n % 23, microseconds=n),
                    business_value=n % 3,
                )
                for n in range(60)
            ]
        )
        await world.feeding.build("test")
        for n in (3, 17, 44):
            await world.change(
                items[n], created_at=START - timedelta(hours=1), due_at=START, business_value=9
            )
        outcomes, seen, cursor = [], [], None
        while True:
            query = {"text": "case", "sort": sort, "limit": 7, "cursor": cursor, "with_count": False}
            outcomes.append(await world.compared(**query))
            page = await world.by_database(**query)
            seen += [item.capture_id for item in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert sorted(seen) == [f"i{n:02}" for n in range(60)]
        if sort[0] in ("createdDateTime", "-dueDateTime"):
            assert outcomes.count("index") > len(outcomes) // 2, outcomes


async def test_an_index_is_replaced_beside_the_one_in_use(world: SearchWorld) -> None:
    await world.add(three_items())
    assert await world.feeding.reason() == "there is none"
    assert await world.compared(text="stolen") == "building"
    await world.feeding.build("test")
    first = await world.index.state()
    assert first is not None
    assert await world.feeding.reason() is None
    await ask_for_index(world.store, START + timedelta(days=1))
    assert await world.feeding.reason() == "asked for"
    seen: list[str] = []
    real = world.index.go_live

    async def looked(name: str) -> None:
        """The old one answers to the end."""
        await world.add([stored_item("d", subject="Stolen at the last moment")])
        seen.append(await world.compared(text="stolen"))
        await real(name)

    world.indexed.index.go_live = looked  # type: ignore[method-assign]
    await world.feeding.build("asked for")
    second = await world.index.state()
    assert second is not None
    assert second.name != first.name
    assert [*seen, await world.compared(text="stolen")] == ["index", "index"]
    built = await last_built(world.store)
    assert built is not None
    assert (built.index, built.reason, built.items) == (second.name, "asked for", 3)
    await world.feeding.tidy()
    assert await world.compared(text="stolen") == "index"
    with pytest.raises(IndexGoneError):
        await world.index.write(first.name, three_items_as(1, revision=9), {}, first.fields)


async def test_a_lost_index_is_noticed_and_built_anew(one: SearchWorld) -> None:
    await one.add(three_items())
    await one.feeding.build("test")
    assert await one.compared(text="stolen") == "index"
    await one.index.drop()
    await one.add([stored_item("d", subject="Stolen later")])
    assert await one.compared(text="stolen") == "building"
    await one.feed()
    assert await one.index.state() is None, "feeding makes no index by the way"
    reason = await one.feeding.reason()
    assert reason == "there is none"
    await one.feeding.build(reason)
    assert await one.compared(text="stolen") == "index"


async def test_too_far_behind_the_database_answers_alone(
    one: SearchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await one.add(three_items())
    await one.feeding.build("test")
    monkeypatch.setattr("openiwd.usecases.indexed_search.MOST_CHANGED", 1)
    await one.add([stored_item(f"s{n}", subject="Stolen", status=Status.QUEUED) for n in range(3)])
    assert await one.compared(text="stolen") == "behind"
    assert one.indexed.health is IndexHealth.BEHIND
    await one.feed()
    assert await one.compared(text="stolen") == "index"
