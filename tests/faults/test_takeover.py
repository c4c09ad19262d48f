"""Two serving processes on one database: the deciding one is killed, or frozen longer than its lease."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from openiwd.processes.background import LEASE_SECONDS
from tests.faults.installation import (
    READY_SECONDS,
    TENANT,
    Process,
    Site,
    make_ready,
    new_item,
    offers_of,
    state_of,
    told,
    until,
)

pytestmark = pytest.mark.timeout(300)  # processes start slowly on a busy machine


def started(site: Site) -> Iterator[Process]:
    first = site.start("serve")
    until("the first decides", first.decides, READY_SECONDS)
    yield first
    second = site.start("serve")
    assert not second.decides(), "one at a time"
    yield second


async def test_a_killed_decider_is_followed_and_its_agents_offers_return(site: Site) -> None:
    first, second = started(site)
    admin = site.keys["admin"]
    for served, agent_id in ((first, "near"), (second, "far")):
        served.open_stream(site.keys[agent_id])
        make_ready(served, site.keys[agent_id])
    with second.client(admin) as http:
        for n in range(2):
            new_item(http, f"c{n}")
    until("both have an offer", lambda: all(offers_of(second, site.keys[a]) for a in ("near", "far")))
    (kept,) = offers_of(second, site.keys["far"])

    killed_at = time.monotonic()
    first.process.kill()
    until("the second decides", second.decides)
    took = time.monotonic() - killed_at
    until(
        "the dead one's agent is not ready",
        lambda: state_of(second, site.keys["near"]) == ("notReady", "connectionLost"),
        40,
    )
    assert offers_of(second, site.keys["near"]) == [], "open offers return"
    assert state_of(second, site.keys["far"])[0] == "ready", "who is elsewhere is not touched"
    with second.client(site.keys["far"]) as http:
        assert http.post(f"/offers/{kept['id']}/accept").status_code == 200, "offers outlive their decider"
    until("the returned item goes to who is left", lambda: offers_of(second, site.keys["far"]))
    assert took >= 1.0, "the lease of the dead one had to run out"
    doubled = """
        SELECT count(*) FROM (SELECT FROM offer WHERE outcome IS NULL GROUP BY item_number HAVING count(*) > 1) d
    """
    assert await site.value(doubled) == 0


async def test_agents_of_a_killed_process_who_come_to_the_other_stay_ready(site: Site) -> None:
    first, second = started(site)
    first.open_stream(site.keys["near"])
    make_ready(first, site.keys["near"])
    first.process.kill()
    second.open_stream(site.keys["near"])
    until("the second decides", second.decides)
    with second.client(site.keys["admin"]) as http:
        new_item(http, "c1")
    until("an offer reaches the agent", lambda: offers_of(second, site.keys["near"]))
    seen_by = await site.value("SELECT seen_by FROM agent WHERE id = 'near'")
    assert seen_by == await site.value("SELECT process_id FROM decider")
    assert state_of(second, site.keys["near"])[0] == "ready"


async def test_a_frozen_decider_that_wakes_writes_nothing_more(site: Site) -> None:
    first, second = started(site)
    admin = site.keys["admin"]
    first.freeze()
    until("the second decides", second.decides)
    epoch = await site.value("SELECT epoch FROM decider")
    second.open_stream(site.keys["far"])
    make_ready(second, site.keys["far"])
    with second.client(admin) as http:
        for n in range(3):
            new_item(http, f"c{n}")
    until("an offer by the new one", lambda: offers_of(second, site.keys["far"]))
    written = await site.value("SELECT max(pos) FROM event")

    first.thaw()
    until("the old one serves again, and knows", lambda: not first.decides())
    await asyncio.sleep(LEASE_SECONDS)  # time enough for whatever it would still do
    assert await site.value("SELECT max(pos) FROM event") == written
    assert await site.value("SELECT epoch FROM decider") == epoch
    assert await site.value("SELECT count(*) FROM offer WHERE epoch < $1", epoch) == 0
    assert second.decides()

    second.kill()
    until("who was frozen once decides again", first.decides)
    assert await site.value("SELECT epoch FROM decider") > epoch


def metric(process: Process, name: str) -> float | None:
    """A metric of the tenant in this very process."""
    lines = told(f"{process.metrics_url}/metrics").text.splitlines()
    return next(
        (float(line.split()[-1]) for line in lines if line.startswith(f'{name}{{tenant="{TENANT}"}}')), None
    )


async def test_who_stands_by_takes_over_without_a_load(site: Site) -> None:
    first, second = started(site)
    with second.client(site.keys["admin"]) as http:
        items = [new_item(http, f"c{n}") for n in range(3)]
    until("the second is warm", lambda: metric(second, "iwd_distributor_warm") == 1)
    second.open_stream(site.keys["far"])
    first.kill()
    make_ready(second, site.keys["far"])
    (offered,) = until("the first offer", lambda: offers_of(second, site.keys["far"]))
    assert offered["item"]["id"] == items[0]
    assert metric(second, "iwd_distributor_leader") == 1
    assert metric(second, "iwd_backlog_loads") == 1


async def test_a_frozen_decider_stands_by_again_and_knows_what_it_missed(site: Site) -> None:
    first, second = started(site)
    with first.client(site.keys["admin"]) as http:
        items = [new_item(http, f"c{n}") for n in range(2)]
    until("the second is warm", lambda: metric(second, "iwd_distributor_warm") == 1)
    first.freeze()
    until("the second decides", lambda: metric(second, "iwd_distributor_leader") == 1)
    second.open_stream(site.keys["far"])
    make_ready(second, site.keys["far"])
    until("an offer by the second", lambda: offers_of(second, site.keys["far"]))
    with second.client(site.keys["admin"]) as http:
        items.append(new_item(http, "late"))

    first.thaw()
    until("the first knows", lambda: metric(first, "iwd_distributor_leader") == 0)
    second.kill()
    until("the first decides again", lambda: metric(first, "iwd_distributor_leader") == 1)
    with first.client(site.keys["admin"]) as http:
        order = http.get("/queues/q/order").json()
    assert order["source"] == "decider"
    assert [one["item"]["id"] for one in order["items"]] == items[1:], (
        "neither what is offered, nor too little"
    )
    assert metric(first, "iwd_backlog_loads") == 1
    assert await site.value("SELECT epoch FROM decider") == 3
