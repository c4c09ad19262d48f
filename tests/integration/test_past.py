"""The past on a real database: what the live order said at an instant, the past says of that instant for ever."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

import msgspec
import pytest

from openiwd.adapters.holidays.source import LibraryHolidaySource
from openiwd.adapters.postgres.pools import TenantPools
from openiwd.adapters.postgres.search_arguments import Arguments
from openiwd.adapters.postgres.stay_order import stays_at
from openiwd.domain.agent import AgentProfile, AgentSkill, AgentState, Capacity
from openiwd.domain.errors import InvalidInputError, NotFoundError, OpenIwdError
from openiwd.domain.lifecycle import Action
from openiwd.domain.past_order import past_curves
from openiwd.domain.privilege import Caller, Role, role_privileges
from openiwd.domain.work_item import ItemSubmission, ItemUpdate, Status, WorkItem
from openiwd.usecases import agent as agent_use
from openiwd.usecases import offer, past, queue_stay, rule_set
from openiwd.usecases.command import Command, Done
from openiwd.usecases.decider import Decider
from openiwd.usecases.intake import Intake
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.work_item import apply_one
from tests.factories.api import World, problem
from tests.factories.tenant import (
    NEW_ID,
    RULES,
    START,
    MovedClock,
    caller,
    make_runtime,
    pools_for,
    submission,
)

ADMIN = caller()
QUEUES = (None, "claims", "loans", "calls")
Snapshot = tuple[datetime, str | None, list[tuple[int, Fraction]]]
OTHER_RULES: Final = (
    RULES.replace("{age: 8h, priority: 500}", "{age: 6h, priority: 800}, {age: 20h, priority: 40}")
    .replace("slopeAfter: 10", "slopeAfter: -1.5")
    .replace("08:00-18:00", "07:30-12:15")
    .replace("valueWeight: 0.5", "valueWeight: 0.3"),
    RULES.replace("sla: 8h,", "sla: 8h, clock: office, valueWeight: 2,").replace("age: 10h", "age: 7h"),
    RULES.replace("weekly: {", "holidays: {country: DE}\n    weekly: {").replace(
        "slopeAfter: 10", "slopeAfter: 0.7"
    ),
)


class History:
    """A tenant to which things happen, and a decider that is asked for its order now and then."""

    def __init__(self, services: TenantServices, clock: MovedClock, decider: Decider, seed: int) -> None:
        self.services = services
        self.clock = clock
        self.decider = decider
        self.chance = random.Random(seed)
        self.items: list[UUID] = []
        self.snapshots: list[Snapshot] = []
        self.published = 0

    async def snapshot(self) -> None:
        now = self.clock.at
        for queue in QUEUES:
            _, ranked = await self.decider.ranked(queue, 1_000)
            self.snapshots.append((now, queue, ranked))
        self.clock.move(milliseconds=1)

    async def step(self) -> None:
        self.clock.move(seconds=self.chance.choice([0.001, 7, 300, 3_000, 20_000]))
        acts = (
            self.create,
            self.create,
            self.create,
            self.change,
            self.change,
            self.act,
            self.act,
            self.act,
            self.serve,
        )
        with suppress(OpenIwdError):  # what cannot be done now is not done
            await self.chance.choice(acts)()
        if self.chance.random() < 0.06:
            await self.publish()
        if self.chance.random() < 0.4:
            await queue_stay.extend(self.services)

    async def create(self) -> None:
        chance, many = self.chance, list[ItemSubmission]()
        for _ in range(chance.randint(1, 6)):
            fields: dict[str, Any] = {
                "data": {
                    "kind": chance.choice(["claim", "loan"]),
                    "line": chance.choice(["motor", "property"]),
                },
                "businessValue": chance.choice([0, 1, 7, 250, -3]),
                "createdDateTime": (
                    self.clock.at - timedelta(hours=chance.choice([0, 0, 3, 90]))
                ).isoformat(),
            }
            if chance.random() < 0.3:
                fields["priority"] = chance.choice(["+10", "-45", 500, 100])
            if chance.random() < 0.1:
                fields["activationDateTime"] = (self.clock.at + timedelta(hours=1)).isoformat()
            many.append(submission(f"c{len(self.items) + len(many)}-{self.clock.at.timestamp()}", **fields))
        done = await Intake(self.services.runtime).submit_all(many, ADMIN)
        self.items += [d.item.id for d in done if isinstance(d, Done)]

    async def _some(self) -> WorkItem:
        async with self.services.runtime.store.reading() as reading:
            wanted = self.chance.choice(self.items)
            return (await reading.items_by_id([wanted]))[wanted]

    async def _apply(self, item: WorkItem, action: Action, **more: Any) -> None:
        await apply_one(self.services.runtime, Command(action=action, caller=ADMIN, item_id=item.id, **more))

    async def change(self) -> None:
        chance = self.chance
        update = chance.choice([
            {"businessValue": chance.randint(0, 300)}, {"priorityFixed": 321}, {"priorityFixed": None},
            {"priorityAdjustment": chance.randint(-80, 80)}, {"data": {"kind": "loan"}},
            {"data": {"kind": "claim", "line": "property"}}, {"subject": "nothing that matters"},
        ])  # fmt: skip
        await self._apply(await self._some(), Action.UPDATE, update=msgspec.convert(update, ItemUpdate))

    async def act(self) -> None:
        item, action = await self._some(), self.chance.choice([
            Action.HOLD, Action.HOLD, Action.RESUME, Action.RESUME, Action.CANCEL, Action.REOPEN, Action.ASSIGN,
            Action.RETURN, Action.TRANSFER, Action.ACTIVATE, Action.RESTART,
        ])  # fmt: skip
        more: dict[str, Any] = {}
        if action is Action.HOLD:
            more = {"reason": self.chance.choice(["waitingForCustomer", "review"])}
        elif action is Action.ASSIGN:
            more = {"agent_id": "amara"}
        elif action is Action.TRANSFER:
            more = self.chance.choice([{"queue_id": "calls"}, {"queue_id": "loans"}, {"agent_id": "amara"}])
        await self._apply(item, action, **more)

    async def serve(self) -> None:
        """Offers to whoever is ready; some are accepted, some declined, some left open."""
        await self.services.feed.catch_up()
        await self.decider.push()
        for agent_id in ("amara", "lena"):
            mine = await agent_use.my_items(self.services, agent_id)
            for item in mine.offers:
                assert item.offer_id is not None
                if self.chance.random() < 0.4:
                    await offer.decline(self.services, item.offer_id, "no", caller(agent=agent_id))
                elif self.chance.random() < 0.6:
                    await offer.accept(self.services, item.offer_id, caller(agent=agent_id))

    async def publish(self) -> None:
        source = self.chance.choice([RULES, *OTHER_RULES])
        await rule_set.publish(
            self.services, LibraryHolidaySource(), source, ADMIN,
            reclassify=self.chance.choice(["none", "changed"]),
        )  # fmt: skip
        self.published += 1
        self.clock.move(milliseconds=1)

    async def check(self) -> None:
        """Every snapshot is what the past says of its instant."""
        for at, queue, ranked in self.snapshots:
            await queue_stay.reach(self.services, at)
            rules = await self.services.rules_of_then.at(self.services, at)
            assert rules is not None
            curves = past_curves(rules.schemas.values(), at)
            async with self.services.runtime.store.reading() as reading:
                found = await reading.past_order(at, queue, curves, 1_000, 0)
                assert [(p.item_number, p.priority) for p in found] == ranked, (at, queue)
                if queue is not None:
                    continue
                part = await reading.past_order(at, queue, curves, 3, 2)
                assert [p.item_number for p in part] == [n for n, _ in ranked[2:5]]
                assert await reading.count_waited(at, queue, 10_000) == len(ranked)


@pytest.fixture
async def pools(tenant_database: str) -> AsyncIterator[TenantPools]:
    made = pools_for(tenant_database)
    yield made
    await made.close()


async def history(pools: TenantPools, seed: int = 1) -> History:
    clock = MovedClock(START)
    services = TenantServices(await make_runtime(pools, clock), NEW_ID())
    await services.feed.start()
    decider = await Decider.take_over(services)
    services.decider = decider
    made = History(services, clock, decider, seed)
    for agent_id in ("amara", "lena"):
        profile = AgentProfile(
            id=agent_id, name=agent_id, skills=[AgentSkill("motor", 9)], capacity=Capacity(total=4)
        )
        await agent_use.save_profile(services, profile, ADMIN)
        await agent_use.set_state(services, agent_id, AgentState.READY, caller=caller(agent=agent_id))
    return made


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_past_says_what_the_live_order_said(pools: TenantPools, seed: int) -> None:
    told = await history(pools, seed)
    for _ in range(45):
        await told.step()
        if told.chance.random() < 0.35:
            await told.snapshot()
    await told.snapshot()
    assert max(len(ranked) for _, _, ranked in told.snapshots) > 8
    assert told.published >= 1
    await told.check()


async def test_it_is_the_same_when_it_is_read_from_the_log_again(pools: TenantPools) -> None:
    told = await history(pools, 7)
    for _ in range(30):
        await told.step()
        await told.snapshot()
    async with pools.acquire("t") as connection:
        await connection.execute("TRUNCATE queue_stay")
        await connection.execute("UPDATE queue_stay_cursor SET generation = 1, pos = 0, at = NULL")
    await told.check()


async def test_whoever_reads_the_log_at_once_takes_each_event_once(pools: TenantPools) -> None:
    told = await history(pools, 8)
    for _ in range(12):
        await told.create()
        told.clock.move(seconds=1)
    await told.snapshot()
    await asyncio.gather(*(queue_stay.extend(told.services) for _ in range(6)))
    await told.check()
    async with pools.acquire("t") as connection:
        twice = await connection.fetchval("SELECT count(*) - count(DISTINCT item_number) FROM queue_stay")
    assert twice == 0


async def test_what_does_not_wait_leaves_no_stay(pools: TenantPools) -> None:
    """An item that is offered in the instant in which it came, is with its agent at once."""
    told = await history(pools, 9)
    (done,) = await Intake(told.services.runtime).submit_all([submission("now")], ADMIN)
    assert isinstance(done, Done)
    await told.services.feed.catch_up()
    await told.decider.push()
    assert (await agent_use.my_items(told.services, "amara")).offers, "it was not offered"
    while await queue_stay.extend(told.services):
        pass
    async with pools.acquire("t") as connection:
        assert await connection.fetchval("SELECT count(*) FROM queue_stay") == 0


async def test_stays_of_an_instant_are_found_by_index(pools: TenantPools) -> None:
    """Whatever the planner believes: the past is long, and what waited at one instant is little of it."""
    async with pools.acquire("t") as connection:
        await connection.execute(
            "INSERT INTO queue_stay SELECT n, at, CASE WHEN n % 50 > 0 THEN at + lasted END, 0, 0, 0, NULL,"
            " CASE WHEN n % 50 > 0 THEN 29 + n % 8 END, gen_random_uuid(), 'claims', 'standard', NULL FROM ("
            "SELECT n, now() - n * interval '1 minute' AS at, interval '1 second' * (600 * 2 ^ (n % 8)) AS lasted"
            " FROM generate_series(1, 20000) n) AS s"
        )
        arguments = Arguments()
        statement = stays_at(START, ["claims"], "standard", arguments)
        for analyzed in (False, True):
            if analyzed:
                await connection.execute("ANALYZE queue_stay")
            plan = await connection.fetch(f"EXPLAIN {statement}", *arguments.values)
            text = "\n".join(row[0] for row in plan)
            assert "Seq Scan" not in text, text
            assert "queue_stay_ended" in text, text


# Over HTTP -----------------------------------------------------------------------------------------------------------


async def instant_of(api: World) -> str:
    return (await api.services()).runtime.now().isoformat()


async def order(api: World, path: str, at: str, key: str = "t", **more: Any) -> dict[str, Any]:
    answer = await api.get(path, key, params={"at": at, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_the_order_of_then_over_http(api: World) -> None:
    first = await api.item("c1", priority=10)
    second = await api.item("c2", priority=20, subject="Then")
    then = await instant_of(api)
    await api.post(f"/items/{second['id']}/cancel", {"reason": "x"})
    await api.call("PATCH", f"/items/{first['id']}", json={"subject": "Later", "priority": 99})
    told = await order(api, "/queues/claims/order", then)
    assert [(p["position"], p["item"]["captureId"], p["item"]["priority"]) for p in told["items"]] == [
        (1, "c2", 20),
        (2, "c1", 10),
    ]
    assert (told["source"], told["count"], told["countExact"]) == ("log", 2, True)
    assert [p["item"]["subject"] for p in told["items"]] == ["Then", None]
    assert all(p["item"]["actions"] == [] for p in told["items"])
    page = await order(api, "/queues/order", then, limit=1)
    assert (page["items"][0]["item"]["captureId"], page["nextOffset"]) == ("c2", 1)
    page = await order(api, "/queues/order", then, limit=1, offset=1)
    assert [p["position"] for p in page["items"]] == [2]
    assert "nextOffset" not in page
    now = await order(api, "/queues/order", await instant_of(api))
    assert [p["item"]["captureId"] for p in now["items"]] == ["c1"]


async def test_what_makes_no_sense_is_refused(api: World) -> None:
    await api.item("c1")
    problem(await api.get("/queues/order?at=2099-01-01T00:00:00Z"), 400)
    problem(await api.get("/queues/order?at=yesterday"), 400)
    problem(await api.get(f"/queues/none/order?at={(await instant_of(api)).replace('+', '%2B')}"), 404)
    before = await order(api, "/queues/order", "2001-01-01T00:00:00Z")
    assert (before["items"], before["count"]) == ([], 0)


async def test_the_past_of_what_lies_out_of_reach_stays_hidden(api: World) -> None:
    await api.add_access_group("lending", categories=["Lending"], queues=[])
    await api.add_key("loans", Role.SUPERVISOR, access_groups=["lending"])
    claim = await api.item("claim")
    loan = await api.item("loan", data={"kind": "loan"})
    moved = await api.item("moved", data={"kind": "loan"})
    then = await instant_of(api)
    await api.call("PATCH", f"/items/{moved['id']}", json={"data": {"kind": "claim", "line": "motor"}})
    seen = await order(api, "/queues/order", then, "loans")
    assert [p["item"]["captureId"] for p in seen["items"]] == ["loan"]
    assert seen["items"][0]["position"] in (1, 2, 3)
    for item, status in ((claim, 404), (moved, 404), (loan, 200)):
        answer = await api.get(f"/items/{item['id']}", "loans", params={"at": then})
        assert answer.status_code == status, item["captureId"]
    # What has come into reach since is not shown as it was before.
    await api.call("PATCH", f"/items/{claim['id']}", json={"data": {"kind": "loan"}})
    assert (await api.get(f"/items/{claim['id']}", "loans")).status_code == 200
    problem(await api.get(f"/items/{claim['id']}", "loans", params={"at": then}), 404)


async def test_a_deleted_item_was_there(api: World) -> None:
    item = await api.item("gone", subject="Was here")
    then = await instant_of(api)
    await api.post(f"/items/{item['id']}/cancel", {"reason": "x"})
    assert (await api.call("DELETE", f"/items/{item['id']}")).status_code == 204
    told = await order(api, "/queues/order", then)
    assert [p["item"]["subject"] for p in told["items"]] == ["Was here"]
    shown = (await api.get(f"/items/{item['id']}", params={"at": then})).json()
    assert (shown["status"], shown["subject"], shown["actions"]) == ("queued", "Was here", [])


async def test_erased_values_of_persons_are_gone_from_the_past_too(api: World) -> None:
    item = await api.item("c1", subject="Personal")
    then = await instant_of(api)
    services = await api.services()
    async with api.wiring.pools.acquire("t") as connection:
        await connection.execute("UPDATE event_personal SET body = '{}'")
    told = await order(api, "/queues/order", then)
    assert [p["item"]["subject"] for p in told["items"]] == [None]
    assert told["items"][0]["item"]["id"] == item["id"]
    assert services.rules_of_then is not None


async def test_the_priority_of_then_is_that_of_the_rules_of_then(api: World) -> None:
    item = await api.item("c1")
    services = await api.services()
    then = services.runtime.now()
    changed = RULES.replace("{age: 0h, priority: 100}", "{age: 0h, priority: 700}").replace(
        "priority: 500", "priority: 900"
    )
    await rule_set.publish(services, api.wiring.holidays, changed, caller(), reclassify="none")
    shown = (await api.get(f"/items/{item['id']}", params={"at": then.isoformat()})).json()
    assert 100 <= shown["priority"] < 101
    assert (await api.get(f"/items/{item['id']}")).json()["priority"] >= 700
    told = await order(api, "/queues/claims/order", then.isoformat())
    assert told["items"][0]["item"]["priority"] == shown["priority"]
    assert told["ruleSetVersion"] == 1


async def test_an_agent_as_it_was(api: World) -> None:
    await api.add_agent("amara", skills={"motor": 3})
    await api.ready("amara")
    then = await instant_of(api)
    await api.add_agent("amara2", skills={})
    services = await api.services()
    await agent_use.set_state(
        services, "amara", AgentState.NOT_READY, caller=caller(), reason="lunch", session="s"
    )
    profile = AgentProfile(id="amara", name="Amara Okafor", skills=[AgentSkill("motor", 8)])
    await agent_use.save_profile(services, profile, caller())
    was = (await api.get("/agents/amara", params={"at": then})).json()
    assert was["complete"] is True
    assert (was["profile"]["name"], was["profile"]["skills"]) == (
        "Amara",
        [{"skill": "motor", "level": 3, "until": None}],
    )
    assert (was["states"]["*"]["state"], was["loggedIn"]) == ("ready", True)
    now = (await api.get("/agents/amara", params={"at": await instant_of(api)})).json()
    assert (now["profile"]["name"], now["states"]["*"]["reason"]) == ("Amara Okafor", "lunch")
    problem(await api.get("/agents/amara", params={"at": "2001-01-01T00:00:00Z"}), 404)
    problem(await api.get("/agents/amara2", params={"at": then}), 404)
    problem(await api.get("/agents/amara", "amara", params={"at": then}), 403)


async def test_who_asks_for_a_past_that_is_not_read_yet_is_told_so(
    api: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.item("c1")
    monkeypatch.setattr(queue_stay, "PATIENCE_SECONDS", -1.0)
    problem(await api.get("/queues/order", params={"at": await instant_of(api)}), 503, "pastNotRead")


async def test_use_cases_refuse_limits_and_foreign_callers(pools: TenantPools) -> None:
    told = await history(pools)
    await told.create()
    at = told.clock.at
    for limit, offset in ((0, 0), (1_001, 0), (10, -1), (10, past.MAX_OFFSET + 1)):
        with pytest.raises(InvalidInputError):
            await past.order_at(told.services, ADMIN, None, at, limit, offset)
    own = Caller(
        tenant_id="t",
        actor="agent:x",
        name="x",
        privileges=role_privileges(Role.AGENT, grouped=False),
        agent_id="x",
    )
    found = await past.order_at(told.services, own, None, at, 10)
    assert (found.places, found.count > 0) == ([], True)
    with pytest.raises(NotFoundError):
        await past.agent_at(told.services, ADMIN, "nobody", at)
    assert all(i.status is not Status.COMPLETED for i in [await told._some()])
