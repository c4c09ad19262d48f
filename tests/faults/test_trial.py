"""Trials and publishing on real processes that share a database: killed, frozen, and under load."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any, Self

import asyncpg
import httpx
import pytest

from tests.faults.installation import PREFIX, READY_SECONDS, Process, Site, until
from tests.servers.until import until as until_async

pytestmark = pytest.mark.timeout(300)  # processes start slowly on a busy machine

FAILING = {"id": "bad", "name": "Bad", "when": {"attribute": "data.x", "operator": "gt", "value": 3},
           "then": [{"raiseBusinessValue": 1}]}  # fmt: skip
DEARER = {"id": "dear", "name": "Dearer", "then": [{"raiseBusinessValue": 5}]}
CLIENTS = 12


@pytest.fixture
def pair(site: Site) -> tuple[Process, Process]:
    first, second = site.start("serve"), site.start("serve")
    until("one decides", lambda: first.decides() or second.decides(), READY_SECONDS)
    return first, second


@pytest.fixture
def admin(site: Site, pair: tuple[Process, Process]) -> Iterator[list[httpx.Client]]:
    """An administrator's client at each of the two."""
    with pair[0].client(site.keys["admin"]) as one, pair[1].client(site.keys["admin"]) as other:
        yield [one, other]


def drafted(http: httpx.Client, rule: dict[str, Any]) -> str:
    """The address of a new draft with this rule."""
    draft = http.post("/rulesets/drafts", json={"name": "On trial"}).json()["id"]
    put = http.put(f"/rules/{rule['id']}?draft={draft}", json=rule)
    assert put.status_code == 201, put.text
    return f"/rulesets/drafts/{draft}"


def add(http: httpx.Client, *names: str, category: str = "C") -> None:
    items = [{"captureId": n, "category": category, "data": {"x": "s"}} for n in names]
    answer = http.post("/items/batch", json=items)
    assert answer.status_code == 200, answer.text
    assert all("error" not in r for r in answer.json()["results"]), answer.text


def ask(http: httpx.Client, path: str) -> dict[str, Any]:
    answer = http.get(path)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_shadow_looks_on_every_process_and_outlives_their_death(
    site: Site, pair: tuple[Process, Process], admin: list[httpx.Client]
) -> None:
    one, other = admin
    path = drafted(one, DEARER)
    assert one.post(f"{path}/shadow", json={"on": True}).status_code == 200

    def looked(http: httpx.Client, category: str = "C") -> int:
        counted = ask(http, f"{path}/shadow")["categories"]
        return sum(c["looked"] for c in counted if c["category"] == category)

    sent = 0

    def hear_of_it(http: httpx.Client) -> None:
        """Items of another category, until more of them are counted than others have been sent: this process looks."""
        nonlocal sent
        others = sent

        def counts() -> bool:
            nonlocal sent
            sent += 1
            add(http, f"first-{sent}", category="P")
            return looked(http, "P") > others

        until("this process looks", counts)

    for http in admin:
        hear_of_it(http)
    for n in range(20):
        add(admin[n % 2], *(f"c{n}-{k}" for k in range(10)))
    until("both have looked at all", lambda: looked(one) == 200)
    pair[0].process.kill()
    until("the other tells the same", lambda: looked(other) == 200)
    third = site.start("serve")
    with third.client(site.keys["admin"]) as http:
        hear_of_it(http)
        add(http, *(f"third-{k}" for k in range(10)))
        until("nothing is counted twice or lost", lambda: looked(other) == 210)
        found = ask(http, f"{path}/shadow")
    assert found["on"]
    assert found["diverged"] == found["looked"]
    assert found["kinds"]["businessValue"] == found["looked"]


async def test_a_bad_draft_is_taken_back_by_whoever_decides_also_when_the_decider_is_killed(
    site: Site, pair: tuple[Process, Process], admin: list[httpx.Client]
) -> None:
    one, other = admin
    path = drafted(one, FAILING)
    guards = {"leastItems": 20, "errorRate": {"most": 0.1}}
    begun = one.post(f"{path}/canary", json={"share": 0.5, "guards": guards})
    assert begun.status_code == 201, begun.text
    add(one, *(f"early-{n}" for n in range(10)))
    until("the few are counted", lambda: _items(ask(other, f"{path}/canary")) == 10)
    assert ask(other, f"{path}/canary")["running"], "too few say nothing"

    deciding = next(p for p in pair if p.decides())
    left = admin[1 - pair.index(deciding)]
    deciding.process.kill()
    add(left, *(f"c{n}" for n in range(60)))

    def taken_back() -> dict[str, Any] | None:
        found = ask(left, f"{path}/canary")
        return found if found["outcome"] == "rolledBack" and found["judgedAgain"] else None

    told = until("it is taken back", taken_back)
    assert [t["guard"] for t in told["tripped"]] == ["errorRate", "errorheldShare"]
    assert _items(told) == 70, "each new item is counted once"
    assert (
        await site.value("SELECT count(*) FROM item WHERE status <> 'queued' OR rule_set_version <> 1") == 0
    )
    counted = await site.value(
        "SELECT count(*) FROM event WHERE type = 'created' AND (body #>> '{set,rule_set_version}')::int = 2"
    )
    assert told["sides"]["canary"]["items"] == counted
    until("an alarm is raised", lambda: ask(left, "/alarms?kind=canaryRolledBack")["alarms"])
    (entry,) = [e for e in ask(left, "/audit?limit=20")["entries"] if e["action"] == "canaryRolledBack"]
    assert entry["actor"] == "system:canary"


def _items(canary: dict[str, Any]) -> int:
    return int(canary["sides"]["canary"]["items"]) + int(canary["sides"]["live"]["items"])


async def test_what_a_dead_process_left_of_a_canary_is_judged_again(
    site: Site, pair: tuple[Process, Process], admin: list[httpx.Client]
) -> None:
    one, _ = admin
    path = drafted(one, DEARER)
    assert one.post(f"{path}/canary", json={"share": 1}).status_code == 201
    add(one, *(f"c{n}" for n in range(30)))
    version = ask(one, f"{path}/canary")["version"]
    # As a process leaves it that dies right after it has stopped the canary.
    await site.value(
        "UPDATE canary SET ended_at = now(), outcome = 'stopped', ended_by = 'x' WHERE version = $1", version
    )
    await site.value("UPDATE live_rule_set SET canary = NULL")
    until("whoever decides goes on", lambda: ask(one, f"{path}/canary")["judgedAgain"])
    assert (
        await site.value("SELECT count(*) FROM item WHERE rule_set_version <> 1 OR business_value <> 0") == 0
    )


class Load:
    """Clients that hand items over at several processes without a pause; each answer is kept."""

    def __init__(self, urls: list[str], key: str) -> None:
        self._urls = urls
        self._key = key
        self._stop = threading.Event()
        self.sent: list[tuple[str, float, int]] = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=2 * CLIENTS)
        async with httpx.AsyncClient(headers={"x-api-key": self._key}, timeout=30, limits=limits) as http:
            await asyncio.gather(*(self._send(http, n) for n in range(CLIENTS)))

    async def _send(self, http: httpx.AsyncClient, client: int) -> None:
        count = 0
        while not self._stop.is_set():
            count += 1
            name, begun = f"l{client}-{count}", time.monotonic()
            item = {"captureId": name, "category": "C", "data": {"x": "s"}}
            url = self._urls[(client + count) % len(self._urls)]
            answer = await http.post(f"{url}{PREFIX}/items", json=item)
            self.sent.append((name, begun, answer.status_code))

    def wait(self, more: int) -> None:
        wanted = len(self.sent) + more
        until("the load goes on", lambda: len(self.sent) >= wanted, 60)


async def _count(dsn: str) -> int:
    """How many publications wait for processes to be ready."""
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM preparation"))
    finally:
        await connection.close()


async def _versions(site: Site) -> dict[str, int]:
    found = await site.value("SELECT json_object_agg(capture_id, rule_set_version)::text FROM item")
    return dict(httpx.Response(200, text=found).json())


async def test_publishing_under_load_drops_nothing_and_nothing_later_is_judged_by_the_old_rules(
    site: Site, pair: tuple[Process, Process], admin: list[httpx.Client]
) -> None:
    one, _ = admin
    answered: list[tuple[int, float]] = []
    with Load([p.url for p in pair], site.keys["admin"]) as load:
        load.wait(100)
        for version in (2, 3, 4):
            rule = {**DEARER, "then": [{"raiseBusinessValue": version}]}
            done = one.put("/rules/dear?reclassify=none", json=rule)
            assert done.status_code in (200, 201), done.text
            answered.append((version, time.monotonic()))
            load.wait(100)
    assert {status for _, _, status in load.sent} == {201}
    versions = await _versions(site)
    assert len(versions) == len(load.sent)
    for name, begun, _ in load.sent:
        least = max((v for v, at in answered if at <= begun), default=1)
        assert versions[name] >= least, (name, versions[name], least)
    assert await site.value("SELECT count(*) FROM rule_set WHERE preparation IS NOT NULL") == 3, (
        "both had it ready"
    )


async def test_a_frozen_process_keeps_nobody_waiting_longer_than_its_lease_and_wakes_to_the_new_rules(
    site: Site, pair: tuple[Process, Process], admin: list[httpx.Client]
) -> None:
    one, _ = admin
    frozen = site.start("serve", "--no-decide")
    with frozen.client(site.keys["admin"]) as http:
        add(http, "before")
    with Load([p.url for p in pair], site.keys["admin"]) as load:
        load.wait(50)
        frozen.freeze()
        done = one.put("/rules/dear?reclassify=none", json=DEARER)
        assert done.status_code == 201, done.text
        load.wait(50)
    assert {status for _, _, status in load.sent} == {201}
    frozen.thaw()
    with frozen.client(site.keys["admin"]) as http:
        add(http, "after")
    versions = await _versions(site)
    assert (versions["before"], versions["after"]) == (1, 2)


async def test_a_publisher_that_dies_while_others_get_ready_leaves_the_old_rules_and_nothing_in_the_way(
    site: Site, pair: tuple[Process, Process], admin: list[httpx.Client]
) -> None:
    _, other = admin
    frozen = site.start("serve", "--no-decide")
    frozen.freeze()
    control = site.dsn

    def publish() -> None:
        with pytest.raises(httpx.HTTPError), pair[0].client(site.keys["admin"]) as http:
            http.put("/rules/dear", json=DEARER)

    publishing = threading.Thread(target=publish)
    publishing.start()
    await until_async(lambda: _count(control))
    pair[0].process.kill()
    publishing.join(20)
    add(other, "between")
    assert (await _versions(site))["between"] == 1
    assert await site.value("SELECT count(*) FROM rule_set") == 1
    done = other.put("/rules/dear", json={**DEARER, "then": [{"raiseBusinessValue": 9}]})
    assert done.status_code == 201, done.text
    add(other, "after")
    assert (await _versions(site))["after"] == 2
    assert await site.value("SELECT business_value FROM item WHERE capture_id = 'after'") == 9
