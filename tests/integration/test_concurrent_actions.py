"""Many hands on few items at once, on a real database: nothing acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from contextlib import suppress
from uuid import UUID

import pytest

from openiwd.domain.agent import AgentProfile, AgentSkill, AgentState, Capacity
from openiwd.domain.errors import FencedError, OpenIwdError
from openiwd.domain.event import LoggedEvent, fold
from openiwd.domain.lifecycle import Action
from openiwd.domain.offer import OfferOutcome
from openiwd.domain.work_item import ItemUpdate, Status, WorkItem
from openiwd.ports.tenant_store import Cursor
from openiwd.usecases import agent as agent_use
from openiwd.usecases import offer
from openiwd.usecases.command import Command, Done
from openiwd.usecases.decider import Decider
from openiwd.usecases.intake import Intake
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.work_item import apply
from tests.factories.tenant import NEW_ID, caller, make_runtime, pools_for, submission

ADMIN = caller()
AGENTS = ("amara", "lena", "noor")
ITEMS, HANDS, ROUNDS = 6, 8, 30
CLAIM = {"kind": "claim", "line": "motor"}
LOAN = {"kind": "loan", "line": None}
HAPPENS = (
    Action.HOLD, Action.RESUME, Action.ASSIGN, Action.RETURN, Action.TRANSFER, Action.UPDATE, Action.UPDATE,
    Action.CANCEL, Action.REOPEN, Action.RESTART, Action.COMPLETE,
)  # fmt: skip


class Hands:
    """Several tasks that act at random; what was acknowledged to them is kept: (item, revision)."""

    def __init__(self, services: TenantServices, items: list[UUID], seed: int) -> None:
        self.services = services
        self.items = items
        self.random = random.Random(seed)
        self.acknowledged: list[tuple[UUID, int]] = []
        self.refused: Counter[str] = Counter()

    async def act(self) -> None:
        for _ in range(ROUNDS):
            choice = self.random.random()
            try:
                if choice < 0.6:
                    await self.batch()
                elif choice < 0.8:
                    await self.answer()
                else:
                    await self.pull()
            except OpenIwdError as error:
                self.refused[error.code] += 1

    def command(self) -> Command:
        action, item_id = self.random.choice(HAPPENS), self.random.choice(self.items)
        update = ItemUpdate(data=self.random.choice((CLAIM, LOAN)), channel=str(self.random.random()))
        return Command(
            action=action,
            caller=ADMIN,
            item_id=item_id,
            update=update if action is Action.UPDATE else None,
            reason="waitingForCustomer" if action is Action.HOLD else None,
            agent_id=self.random.choice(AGENTS) if action in (Action.ASSIGN, Action.TRANSFER) else None,
        )

    async def batch(self) -> None:
        results = await apply(
            self.services.runtime, [self.command() for _ in range(self.random.choice((1, 1, 3)))]
        )
        for result in results:
            if isinstance(result, OpenIwdError):
                self.refused[result.code] += 1
            elif result.changed:
                self.note(result)

    def note(self, done: Done | None) -> None:
        if done is not None:
            self.acknowledged.append((done.item.id, done.item.revision))

    async def answer(self) -> None:
        agent_id = self.random.choice(AGENTS)
        mine = await agent_use.my_items(self.services, agent_id)
        for item in mine.offers:
            assert item.offer_id is not None
            by = caller(agent=agent_id)
            if self.random.random() < 0.7:
                self.note(await offer.accept(self.services, item.offer_id, by))
            else:
                self.note(await offer.decline(self.services, item.offer_id, "no", by))

    async def pull(self) -> None:
        decider = self.services.decider
        assert decider is not None
        agent_id = self.random.choice(AGENTS)
        if self.random.random() < 0.5:
            self.note(await decider.pull(agent_id, caller(agent=agent_id)))
        else:
            self.note(await decider.pick(agent_id, self.random.choice(self.items), caller(agent=agent_id)))


async def whole_log(services: TenantServices) -> list[LoggedEvent]:
    found: list[LoggedEvent] = []
    cursor = Cursor(1, 0)
    async with services.runtime.store.reading() as reading:
        while chunk := await reading.events(cursor, 1_000, personal=True):
            found += chunk
            cursor = Cursor(chunk[-1].generation, chunk[-1].pos)
    return found


async def prepared(services: TenantServices) -> list[UUID]:
    for agent_id in AGENTS:
        profile = AgentProfile(
            id=agent_id, name=agent_id, skills=[AgentSkill("motor", 9)], capacity=Capacity(total=3)
        )
        await agent_use.save_profile(services, profile, ADMIN)
        await agent_use.set_state(services, agent_id, AgentState.READY, caller=caller(agent=agent_id))
    created = await Intake(services.runtime).submit_all(
        [submission(f"c{n}", data=CLAIM) for n in range(ITEMS)], ADMIN
    )
    return [r.item.id for r in created if isinstance(r, Done)]


def check_history(events: list[LoggedEvent], row: WorkItem) -> None:
    """Each revision exactly one event; every prefix folds; offers and assignments never overlap and end once."""
    assert [e.revision for e in events] == list(range(1, row.revision + 1))
    assert fold(events) == row
    ended: Counter[str] = Counter()
    offered: UUID | None = None
    assigned: UUID | None = None
    for n in range(1, len(events) + 1):
        body = events[n - 1].body
        state = fold(events[:n])
        assert state is not None
        for part, present in (("offer", offered), ("assignment", assigned)):
            told = body.get(part)
            if told is not None and "outcome" in told:
                assert UUID(told["id"]) == present
                ended[told["id"]] += 1
        if offered is not None and state.offer_id != offered:
            assert ended[str(offered)] == 1
        if assigned is not None and state.assignment_id != assigned:
            assert ended[str(assigned)] == 1
        assert (state.assigned_to is not None) == (state.status is Status.ASSIGNED)
        assert state.offer_id is None or state.status is Status.QUEUED
        offered, assigned = state.offer_id, state.assignment_id
    assert set(ended.values()) <= {1}


@pytest.mark.parametrize("seed", range(3))
async def test_many_hands_on_few_items(tenant_database: str, seed: int) -> None:
    pools = pools_for(tenant_database)
    services = TenantServices(await make_runtime(pools), NEW_ID())
    await services.feed.start()
    services.decider = await Decider.take_over(services)
    loop = asyncio.get_running_loop()
    running = [loop.create_task(services.feed.run()), loop.create_task(services.decider.run())]
    hands = Hands(services, await prepared(services), seed)
    try:
        async with asyncio.timeout(90), asyncio.TaskGroup() as group:
            for _ in range(HANDS):
                group.create_task(hands.act())
    finally:
        for task in running:
            task.cancel()
        for task in running:
            with suppress(asyncio.CancelledError, FencedError):
                await task
    log = await whole_log(services)
    by_item: dict[UUID, list[LoggedEvent]] = defaultdict(list)
    for event in log:
        if event.item_id is not None:
            by_item[event.item_id].append(event)
    async with services.runtime.store.reading() as reading:
        rows = await reading.items_by_id(hands.items)
        offers = [o for row in rows.values() for o in await reading.offers_of_item(row.number)]
    await pools.close()

    assert [e.pos for e in log] == list(range(1, len(log) + 1))
    assert set(by_item) == set(rows) == set(hands.items)
    for item_id, row in rows.items():
        check_history(by_item[item_id], row)
    written = {(e.item_id, e.revision) for e in log if e.item_id is not None}
    assert set(hands.acknowledged) <= written
    assert len(hands.acknowledged) == len(set(hands.acknowledged)), "one revision was acknowledged twice"
    still_open = {o.id for o in offers if o.outcome is None}
    assert still_open == {r.offer_id for r in rows.values() if r.offer_id is not None}
    told = {
        UUID(e.body["offer"]["id"]): e.body["offer"]["outcome"]
        for e in log
        if e.item_id is not None and "outcome" in e.body.get("offer", {})
    }
    pushed = {o.id: o.outcome for o in offers if o.kind == "push" and o.outcome is not None}
    assert pushed == told
    assert len(hands.acknowledged) > ROUNDS
    assert hands.refused["invalidTransition"] > 0
    assert {OfferOutcome.ACCEPTED.value, OfferOutcome.WITHDRAWN.value} & set(told.values())
