"""The process that speaks to GWS is killed, or frozen longer than its lease, at any point. See its ledger.

Nothing is submitted twice, nothing that waits is lost, and what was stopped or done is so on both sides.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator

import pytest

from openiwd.processes.wiring import Wiring
from tests.factories.tenant import stored_rules
from tests.faults.installation import READY_SECONDS, TENANT, Process, Site, until
from tests.servers.gws import CUT_AFTER, CUT_BEFORE, LATE, Answer, Call, Fault, Gws, gws_server

pytestmark = pytest.mark.timeout(600)
ITEMS, LIMIT = 16, 4
SEED = 20
ENVIRONMENT = {
    "OPENIWD_SECRET_KEY": "a-key-for-tests-that-nobody-keeps-secret",
    "OPENIWD_OUTBOUND_ALLOW": "127.0.0.0/8",
}
RULES = f"""
name: Routed
timeZone: UTC
schemas: [{{id: s, name: S, points: [{{age: 0h, priority: 1}}], valueWeight: 1}}]
queues: [{{id: q, name: Q, routingTarget: gws, limit: {LIMIT}}}]
categories: [{{id: c, name: C, schema: s, queue: q}}]
"""


@pytest.fixture
def gws() -> Iterator[Gws]:
    with gws_server() as server:
        yield server


class Faults:
    """Every tenth request or so meets something."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def __call__(self, call: Call) -> Fault:
        if call.is_a("token") or self._dice.random() > 0.12:
            return None
        faults: list[Fault] = [CUT_AFTER, CUT_BEFORE, LATE, Answer(500, "no"), Answer(503, "away")]
        return self._dice.choice(faults)


async def prepared(site: Site) -> None:
    """The rules of this test instead of the site's."""
    wiring = Wiring(site.dsn)
    services = await wiring.platform.services(TENANT)
    async with services.runtime.store.writing() as tx:
        await tx.publish(stored_rules(RULES, version=2), expected=1)
    await wiring.close()


class Agents:
    """People over there: each takes what is at the router and finishes it."""

    def __init__(self, gws: Gws, dice: random.Random) -> None:
        self._gws = gws
        self._dice = dice
        self.completed: set[str] = set()
        self.allowed = 0
        """They complete no more than this: there is always something on its way when a process dies."""

    def work(self) -> None:
        with self._gws.lock:
            for one in self._gws.interactions.values():
                capture_id = one["userData"]["IWD_captureId"]
                if one["state"] == "Queued" and self._dice.random() < 0.3:
                    one["state"], one["assignedTo"] = "Processing", "JohnSmith"
                elif one["state"] == "Processing" and len(self.completed) < self.allowed:
                    assert capture_id not in self.completed, "worked on twice"
                    one["state"] = "Completed"
                    self.completed.add(capture_id)


async def test_killed_at_any_point_nothing_is_submitted_twice_or_lost(site: Site, gws: Gws) -> None:
    dice = random.Random(SEED)
    await prepared(site)
    server = site.start("serve", environment=ENVIRONMENT)
    second = site.start("serve", environment=ENVIRONMENT)
    with server.client(site.keys["admin"]) as http:
        answer = http.put("/integrations/gws", json=gws.settings_body(timeoutSeconds=0.5))
        assert answer.status_code == 200, answer.text
        for n in range(ITEMS):
            body = {"captureId": f"i{n}", "category": "C", "businessValue": dice.randrange(100)}
            assert http.post("/items", json=body).status_code == 201
    gws.judge = Faults(dice)
    agents = Agents(gws, dice)
    wait_for_calls(gws, agents, dice.randrange(8, 30))
    server.kill()
    third = site.start("serve", environment=ENVIRONMENT)
    wait_for_calls(gws, agents, dice.randrange(8, 30))
    second.freeze()
    wait_for_calls(gws, agents, 15)
    second.thaw()
    gws.judge = lambda _: None
    agents.allowed = ITEMS
    until("all is done over there", lambda: done(gws, agents), 2 * READY_SECONDS)
    await settle(site, third)
    check(gws, agents)
    statuses = await site.value("SELECT string_agg(DISTINCT status, ',') FROM item")
    assert statuses == "completed"
    assert await site.value("SELECT count(*) FROM submission WHERE ending = 'completed'") == ITEMS
    assert await site.value("SELECT count(*) FROM item WHERE routed_to IS NOT NULL") == 0


def wait_for_calls(gws: Gws, agents: Agents, count: int) -> None:
    """Until so many further requests have come, while people work on a quarter of the items."""
    agents.allowed += ITEMS // 4
    wanted = len(gws.calls) + count
    deadline = time.monotonic() + 2 * READY_SECONDS
    while len(gws.calls) < wanted:
        assert time.monotonic() < deadline, f"only {len(gws.calls)} of {wanted} requests"
        agents.work()
        time.sleep(0.02)


def done(gws: Gws, agents: Agents) -> bool:
    agents.work()
    return len(agents.completed) == ITEMS and not gws.open()


async def settle(site: Site, process: Process) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while await site.value("SELECT count(*) FROM submission WHERE state <> 'ended'"):
        assert time.monotonic() < deadline, "submissions stay open"
        await asyncio.sleep(0.1)
    assert process.process.poll() is None


def check(gws: Gws, agents: Agents) -> None:
    assert gws.created_twice() == []
    assert gws.most_open <= LIMIT
    with gws.lock:
        finished = [
            i["userData"]["IWD_captureId"] for i in gws.interactions.values() if i["state"] == "Completed"
        ]
    assert sorted(finished) == sorted(agents.completed), "each item was completed by one interaction"
