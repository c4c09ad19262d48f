"""Claims on their way meet holds, cancellations, changes and answers: the database decides, the picture follows."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from random import Random

import pytest

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.domain.agent import AgentProfile, AgentState, Capacity
from openiwd.domain.errors import FencedError, UnavailableError
from openiwd.domain.event import fold
from openiwd.domain.lifecycle import Action
from openiwd.domain.offer import GrantKind
from openiwd.domain.work_item import ItemId, ItemNumber, ItemUpdate, Status
from openiwd.ports.tenant_store import Claim, Grant, Tenant
from openiwd.usecases import agent as agent_use
from openiwd.usecases.command import Command, Done
from openiwd.usecases.decider import Decider
from openiwd.usecases.intake import Intake
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.rule_set import compile_published
from openiwd.usecases.tenant_runtime import TenantRuntime
from openiwd.usecases.work_item import apply
from tests.factories.tenant import NEW_ID, MovedClock, caller, pools_for, stored_rules, submission

ADMIN = caller()
AGENTS = 30
ITEMS = 400
DEADLINE = 60.0

Meddle = Callable[[Sequence[Claim]], Awaitable[None]]


async def nothing(_: Sequence[Claim]) -> None:
    """Nobody meddles."""


class MeddledStore(PostgresTenantStore):
    """A store in which somebody comes in just before a claim's statement, or after its commit and before its answer."""

    before: Meddle = staticmethod(nothing)
    after: Meddle = staticmethod(nothing)
    batches = 0

    async def claim(self, epoch: int, grant: Grant, claims: Sequence[Claim]) -> set[ItemNumber]:
        self.batches += 1
        await self.before(claims)
        granted = await super().claim(epoch, grant, claims)
        await self.after([claim for claim in claims if claim.number in granted])
        return granted


class Office:
    def __init__(self, services: TenantServices, store: MeddledStore) -> None:
        self.services = services
        self.store = store

    async def agents(self, count: int) -> None:
        for n in range(count):
            profile = AgentProfile(id=f"a{n}", name=f"A{n}", capacity=Capacity(2))
            await agent_use.save_profile(self.services, profile, ADMIN)
            await agent_use.set_state(self.services, f"a{n}", AgentState.READY, caller=caller(agent=f"a{n}"))

    async def items(self, count: int) -> None:
        loans = [submission(f"l{n}", data={"kind": "loan"}, priority=n % 50) for n in range(count)]
        await Intake(self.services.runtime).submit_all(loans, ADMIN)

    async def meddle(self, claims: Sequence[Claim], chance: Random, actions: Sequence[Action]) -> None:
        """Does something to about a third of the items: what fails because of somebody else's change, fails."""
        chosen = {c.number: c for c in claims if chance.random() < 0.35}
        async with self.store.reading() as reading:
            items = await reading.items_by_number(list(chosen))
        commands = []
        for number, item in items.items():
            action = chance.choice(actions)
            claim = chosen[number]
            answers = action in (Action.ACCEPT, Action.DECLINE)
            commands.append(
                Command(
                    action=action,
                    caller=caller(agent=claim.agent_id) if answers else ADMIN,
                    item_id=ItemId(item.id),
                    update=ItemUpdate(business_value=chance.randrange(1000))
                    if action is Action.UPDATE
                    else None,
                    reason="other",
                    offer_id=claim.offer_id if answers else None,
                    agent_id=claim.agent_id if answers else None,
                    internal=answers,
                )
            )
        await apply(self.services.runtime, commands)


@pytest.fixture
async def office(tenant_database: str) -> AsyncIterator[Office]:
    pools = pools_for(tenant_database)
    store = MeddledStore(Tenant(id="t", name="Test", database_name="t"), pools)
    async with store.writing() as tx:
        await tx.publish(stored_rules(), expected=None)
    runtime = TenantRuntime(store, MovedClock(), NEW_ID, compile_published)
    services = TenantServices(runtime, NEW_ID())
    await services.feed.start()
    feed = asyncio.get_running_loop().create_task(services.feed.run())
    yield Office(services, store)
    feed.cancel()
    with suppress(asyncio.CancelledError):
        await feed
    await pools.close()


def picture(decider: Decider) -> dict[str, object]:
    """What the decider believes: who waits, who has what in hand, and what that leaves of everybody's capacity."""
    world = decider._desk.world
    return {
        "waiting": {i.number: i.revision for i in world.backlog.items()},
        "hands": {n: (h.agent_id, h.offered, h.weight) for n, h in decider._desk.holdings.items()},
        "loads": {a: (world.load(a).weight, world.load(a).open_offer) for a in world.agents},
        "outstanding": dict(world.outstanding),
        "aside": dict(decider._desk._aside),
    }


async def settled(office: Office, decider: Decider) -> None:
    """Every agent has an open offer again: whoever was lost would never get one."""
    async with asyncio.timeout(DEADLINE):
        while True:
            seen = office.services.runtime.wakeup.count
            await decider.order()
            offered = Counter(h.agent_id for h in decider._desk.holdings.values() if h.offered)
            if len(offered) == AGENTS and set(offered.values()) == {1}:
                return
            await office.services.runtime.wakeup.wait(seen, 0.2)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_comes_between_nothing_is_granted_twice_and_nobody_is_lost(
    office: Office, connection: Connection, seed: int
) -> None:
    chance = Random(seed)

    async def before(claims: Sequence[Claim]) -> None:
        if office.store.batches <= 25:
            await office.meddle(claims, chance, [Action.HOLD, Action.CANCEL, Action.UPDATE])

    async def after(claims: Sequence[Claim]) -> None:
        if office.store.batches <= 25:
            await office.meddle(
                claims, chance, [Action.HOLD, Action.CANCEL, Action.UPDATE, Action.ACCEPT, Action.DECLINE]
            )

    office.store.before, office.store.after = before, after
    await office.agents(AGENTS)
    await office.items(ITEMS)
    decider = await Decider.take_over(office.services)
    running = asyncio.get_running_loop().create_task(decider.run())
    try:
        await settled(office, decider)
        assert office.store.batches > 1
        fresh = await Decider.take_over(office.services)
        assert picture(decider) == picture(fresh)
        assert not decider._desk._aside
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError, FencedError):
            await running
    doubles = await connection.fetchval(
        "SELECT count(*) FROM (SELECT FROM offer WHERE outcome IS NULL GROUP BY item_number HAVING count(*) > 1) AS d"
    )
    apart = await connection.fetchval(
        "SELECT count(*) FROM item FULL JOIN (SELECT * FROM offer WHERE outcome IS NULL) o ON o.id = item.offer_id"
        " AND o.item_number = item.number AND o.agent_id = item.offered_to AND o.expires_at = item.offer_expires_at"
        " WHERE (item.number IS NULL OR item.offer_id IS NOT NULL) AND (item.number IS NULL OR o.id IS NULL)"
    )
    assert (doubles, apart) == (0, 0)
    async with office.store.reading() as reading:
        items = await reading.items_by_number(range(1, ITEMS + 1))
        assert len(items) == ITEMS
        assert len({item.status for item in items.values()}) >= 3, "something did come between"
        for item in items.values():
            assert fold(await reading.history(item.id)) == item


async def test_a_claim_that_fails_leaves_the_picture_as_it_was(office: Office) -> None:
    await office.agents(1)
    decider = await Decider.take_over(office.services)
    await agent_use.set_state(
        office.services, "a0", AgentState.NOT_READY, caller=caller(agent="a0"), reason="x"
    )
    await office.items(2)
    order = await decider.order()
    known = picture(decider)

    async def fail(_: Sequence[Claim]) -> None:
        raise UnavailableError("the database is away")

    office.store.before = fail
    with pytest.raises(UnavailableError):
        await decider.pull("a0", caller(agent="a0"))
    assert (await decider.order(), picture(decider)) == (order, known)
    office.store.before = nothing
    done = await decider.pull("a0", caller(agent="a0"))
    assert done is not None
    assert (done.item.number, done.item.status) == (order[0][0], Status.ASSIGNED)
    assert picture(decider) == picture(await Decider.take_over(office.services))


async def test_the_next_batch_is_chosen_while_one_is_on_its_way(office: Office) -> None:
    """Nobody is chosen twice meanwhile, and both are granted."""
    await office.agents(2)
    decider = await Decider.take_over(office.services)
    await office.items(4)
    await decider.order()
    claims, now = decider._claims, office.services.runtime.now()
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_: Sequence[Claim]) -> None:
        under_way.set()
        await go_on.wait()

    office.store.before = wait
    first = decider._chosen(now)[:1]
    assert await claims.send(first, claims.open(first, GrantKind.PUSH, "system:test", now)) == []
    await under_way.wait()
    second = decider._chosen(now)
    assert [c.agent_id for c in second] == [a for a in ("a0", "a1") if a != first[0].agent_id]
    assert first[0].item.number not in [c.item.number for c in second]
    go_on.set()
    landed = await claims.send(second, claims.open(second, GrantKind.PUSH, "system:test", now))
    assert [one.agent_id for one in landed] == [first[0].agent_id]
    assert [one.agent_id for one in await claims.land()] == [second[0].agent_id]
    assert picture(decider) == picture(await Decider.take_over(office.services))


@pytest.mark.parametrize("when", ["before", "after"])
async def test_what_the_log_tells_of_an_item_on_its_way_is_not_lost_on_landing(
    office: Office, when: str
) -> None:
    """Held before the claim: nothing is granted. Held after its commit: the grant is over before it is heard of."""
    await office.agents(1)
    decider = await Decider.take_over(office.services)
    await office.items(2)
    await decider.order()
    claims, now = decider._claims, office.services.runtime.now()
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_: Sequence[Claim]) -> None:
        under_way.set()
        await go_on.wait()

    setattr(office.store, when, wait)
    (choice,) = decider._chosen(now)
    await claims.send([choice], claims.open([choice], GrantKind.PUSH, "system:test", now))
    await under_way.wait()
    hold = Command(action=Action.HOLD, caller=ADMIN, item_id=ItemId(choice.item.id), reason="other")
    (held,) = await apply(office.services.runtime, [hold])
    assert isinstance(held, Done)
    await decider._catch_up()
    go_on.set()
    landed = await claims.land()
    assert len(landed) == (0 if when == "before" else 1)
    assert choice.item.number not in decider._desk.holdings
    assert picture(decider) == picture(await Decider.take_over(office.services))
    assert [c.agent_id for c in decider._chosen(now)] == ["a0"], "free again"


@pytest.mark.parametrize("ends", ["fails", "abandoned"])
async def test_a_grant_whose_answer_is_lost_is_found_out(office: Office, ends: str) -> None:
    """Its event was read while it was on its way, and passed over: the picture must not go on as before."""
    await office.agents(1)
    decider = await Decider.take_over(office.services)
    await office.items(2)
    await decider.order()
    claims, now = decider._claims, office.services.runtime.now()
    granted, go_on = asyncio.Event(), asyncio.Event()

    async def lose(_: Sequence[Claim]) -> None:
        granted.set()
        await go_on.wait()
        raise UnavailableError("the connection is gone")

    office.store.after = lose
    (choice,) = decider._chosen(now)
    await claims.send([choice], claims.open([choice], GrantKind.PUSH, "system:test", now))
    await granted.wait()
    await decider._catch_up()
    if ends == "fails":
        go_on.set()
        with pytest.raises(UnavailableError):
            await claims.land()
    else:
        await claims.abandon()
    office.store.after = nothing
    await decider._catch_up()
    assert decider._chosen(now) == [], "the agent has the offer"
    assert picture(decider) == picture(await Decider.take_over(office.services))


async def test_a_pull_given_up_in_its_middle_leaves_nothing_on_its_way(office: Office) -> None:
    await office.agents(1)
    decider = await Decider.take_over(office.services)
    await office.items(1)
    await decider.order()
    under_way = asyncio.Event()

    async def wait(_: Sequence[Claim]) -> None:
        under_way.set()
        await asyncio.Event().wait()

    office.store.before = wait
    pulling = asyncio.create_task(decider.pull("a0", caller(agent="a0")))
    await under_way.wait()
    pulling.cancel()
    with suppress(asyncio.CancelledError):
        await pulling
    office.store.before = nothing
    assert await decider.pull("a0", caller(agent="a0")) is not None
    assert picture(decider) == picture(await Decider.take_over(office.services))
