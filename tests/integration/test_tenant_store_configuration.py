"""Rule sets, agents and objects of a tenant on a real database."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.domain.agent import Agent, AgentProfile, AgentSkill, AgentState, Capacity, MediaState
from openiwd.domain.errors import ConflictError, NotFoundError, RevisionMismatchError
from openiwd.domain.offer import WrapUp
from openiwd.domain.work_item import ItemNumber
from openiwd.ports.tenant_store import (
    PublishedRuleSet,
)
from tests.factories.stored_item import (
    LATE,
    START,
)

# Rule sets


def rule_set(version: int) -> PublishedRuleSet:
    return PublishedRuleSet(
        version=version,
        document={"name": str(version), "x": [1]},
        calendars={"office": {}},
        source="yaml",
        comment=None,
        published_at=START,
        published_by="user:a",
    )


async def test_a_published_version_is_live_from_its_commit_on(store: PostgresTenantStore) -> None:
    async with store.reading() as reading:
        assert await reading.live_version() is None
    async with store.writing() as tx:
        await tx.publish(rule_set(1), expected=None)
    async with store.writing() as tx:
        await tx.publish(rule_set(2), expected=1)
    for expected in (None, 1):
        with pytest.raises(RevisionMismatchError):
            async with store.writing() as tx:
                await tx.publish(rule_set(3), expected=expected)
    with pytest.raises(ConflictError):
        async with store.writing() as tx:
            await tx.publish(rule_set(1), expected=2)
    async with store.reading() as reading:
        assert await reading.live_version() == 2
        assert await reading.rule_set(1) == rule_set(1)
        assert await reading.rule_set(9) is None
        assert [(r.version, r.document) for r in await reading.rule_set_versions()] == [(2, {}), (1, {})]


async def test_publishing_waits_for_those_who_judge_by_the_live_version(store: PostgresTenantStore) -> None:
    async def publish() -> None:
        async with store.writing() as tx:
            await tx.publish(rule_set(1), expected=None)

    async with store.writing() as tx:
        assert await tx.share_live_rules() == (None, None)
        async with store.writing() as other:
            assert await other.share_live_rules() == (None, None), "many judge at once"
        publishing = asyncio.create_task(publish())
        done, _ = await asyncio.wait([publishing], timeout=0.3)
        assert not done
    await publishing
    async with store.writing() as tx:
        assert await tx.share_live_rules() == (1, None)


async def test_those_who_judge_one_after_another_do_not_keep_publishing_waiting(
    store: PostgresTenantStore,
) -> None:
    """Whoever judges waits for the next one to begin, so that there is always one: as under load without end."""
    published = asyncio.Event()
    begun = [asyncio.Event() for _ in range(60)]

    async def judge(n: int) -> None:
        async with store.writing() as tx:
            await tx.share_live_rules()
            begun[n].set()
            if n + 1 < len(begun) and not published.is_set():
                following.append(asyncio.create_task(judge(n + 1)))
                with suppress(TimeoutError):
                    await asyncio.wait_for(begun[n + 1].wait(), 0.1)

    following = [asyncio.create_task(judge(0))]
    await begun[3].wait()
    async with store.writing() as tx:
        await tx.publish(rule_set(1), expected=None)
    published.set()
    reached = sum(b.is_set() for b in begun)
    for one in following:
        await one
    assert reached < 30, "it did not have to wait for the last of them"


# Agents and configuration objects


async def test_a_profile_changes_and_states_stay(store: PostgresTenantStore) -> None:
    profile = AgentProfile(
        id="a b",
        name="Anna",
        groups=["g"],
        skills=[AgentSkill("german", 3, LATE)],
        capacity=Capacity(3, {"email": 2}),
    )
    async with store.writing() as tx:
        agent = await tx.save_agent(profile, revision=None)
        present = Agent(
            id="a b",
            name="",
            states={"*": MediaState(AgentState.READY, since=START)},
            session="s",
            seen_by=str(UUID(int=7)),
            logged_in_at=START,
        )
        await tx.save_agent_state(present)
    assert agent == Agent(
        id="a b",
        name="Anna",
        groups=("g",),
        skills=(AgentSkill("german", 3, LATE),),
        capacity=Capacity(3, {"email": 2}),
    )
    profile.name = "Anna B."
    async with store.writing() as tx:
        changed = await tx.save_agent(profile, revision=1)
    assert (changed.name, changed.revision) == ("Anna B.", 2)
    assert (changed.states, changed.session, changed.seen_by) == (present.states, "s", str(UUID(int=7)))
    for identity in ("a b", "new"):
        with pytest.raises(RevisionMismatchError):
            async with store.writing() as tx:
                await tx.save_agent(AgentProfile(id=identity, name="x"), revision=1)
    async with store.reading() as reading:
        assert await reading.agents() == await reading.agents(["a b", "none"]) == {"a b": changed}
        assert await reading.agents([]) == {}
    async with store.writing() as tx:
        assert await tx.delete_agent("a b")
        assert not await tx.delete_agent("a b")
        with pytest.raises(NotFoundError):
            await tx.save_agent_state(present)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("skill", {"id": "german", "name": "German", "description": "d"}),
        ("agent_group", {"id": "north", "name": "North", "description": ""}),
        ("hold_reason", {"id": "review", "name": "In review", "pausesClock": True}),
        ("capture_point", {"id": "crm", "kind": "rest", "defaults": {"channel": "x"}}),
        ("lookup_table", {"id": "regions", "rows": {"20095": {"region": "north"}}}),
        ("saved_view", {"id": str(UUID(int=3)), "owner": "anna", "shared": True, "name": "Mine"}),
    ],
)
async def test_objects_are_kept_by_kind(store: PostgresTenantStore, kind: str, body: dict[str, Any]) -> None:
    async with store.writing() as tx:
        assert await tx.save_object(kind, body, revision=None) == 1
        assert await tx.save_object(kind, {**body, "revision": 1}, revision=1) == 2
    with pytest.raises(RevisionMismatchError):
        async with store.writing() as tx:
            await tx.save_object(kind, body, revision=1)
    async with store.reading() as reading:
        (found,) = await reading.objects(kind)
        assert {**found, "id": str(found["id"])} == {**body, "revision": 2}
        if kind == "lookup_table":
            assert await reading.lookup_tables() == {"regions": {"20095": {"region": "north"}}}
        if kind == "hold_reason":
            assert (await reading.hold_reasons())["review"].pauses_clock
    async with store.writing() as tx:
        assert await tx.delete_object(kind, body["id"])
        assert not await tx.delete_object(kind, body["id"])
        with pytest.raises(NotFoundError):
            await tx.delete_object("item", "1")


async def test_wrap_ups_end_by_agent_or_by_time(store: PostgresTenantStore) -> None:
    made = [
        WrapUp(
            assignment_id=uuid4(),
            agent_id=agent,
            item_number=ItemNumber(n),
            media_type="workitem",
            weight=2,
            until=START + timedelta(minutes=n),
        )
        for n, agent in enumerate(("a", "a", "b", "c"))
    ]
    async with store.writing() as tx:
        await tx.add_wrap_ups(made)
        await tx.add_wrap_ups(made[:1])
        await tx.add_wrap_ups([])
        assert await tx.wrap_ups() == made
        await tx.end_wrap_ups(None, made[0].until)
        assert await tx.wrap_ups() == made[1:]
        await tx.end_wrap_ups("a", START)
        assert await tx.wrap_ups() == made[2:]
