"""Items through the use cases on a real database: every change one revision, one event; the log folds to the row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from openiwd.domain.errors import DuplicateError, InvalidTransitionError, OpenIwdError
from openiwd.domain.event import fold
from openiwd.domain.lifecycle import Action
from openiwd.domain.work_item import DueOrigin, ItemUpdate, Status, WorkItem
from openiwd.usecases.command import Command, Done
from openiwd.usecases.intake import Intake
from openiwd.usecases.tenant_runtime import TenantRuntime
from openiwd.usecases.work_item import apply, apply_one
from tests.factories.tenant import START, MovedClock, caller, make_runtime, pools_for, submission

ADMIN = caller()


@pytest.fixture
async def runtime(tenant_database: str) -> AsyncIterator[TenantRuntime]:
    pools = pools_for(tenant_database)
    yield await make_runtime(pools)
    await pools.close()


async def create(runtime: TenantRuntime, capture_id: str = "c1", **fields: object) -> WorkItem:
    (result,) = await Intake(runtime).submit_all([submission(capture_id, **fields)], ADMIN)
    assert isinstance(result, Done), result
    return result.item


async def act(runtime: TenantRuntime, item: WorkItem, action: Action, **arguments: object) -> WorkItem:
    done = await apply_one(runtime, Command(action=action, caller=ADMIN, item_id=item.id, **arguments))  # type: ignore[arg-type]
    return done.item


async def stored(runtime: TenantRuntime, item_id: UUID) -> WorkItem:
    async with runtime.store.reading() as reading:
        return (await reading.items_by_id([item_id]))[item_id]


async def check_log(runtime: TenantRuntime, item_id: UUID) -> None:
    async with runtime.store.reading() as reading:
        events = await reading.history(item_id)
    row = await stored(runtime, item_id)
    assert [e.revision for e in events] == list(range(1, row.revision + 1))
    assert fold(events) == row


async def test_created_items_are_classified_valued_and_queued(runtime: TenantRuntime) -> None:
    item = await create(
        runtime, ext={"customerSegment": "vip", "customerId": "C1"}, subject="Crash", businessValue=5
    )
    assert (item.status, item.category_path, item.queue_id) == (Status.QUEUED, "Claims/Motor", "claims")
    assert item.business_value == 105
    assert item.due_at == START + timedelta(hours=8)
    assert item.due_origin is DueOrigin.SCHEMA
    assert await stored(runtime, item.id) == item
    await check_log(runtime, item.id)


async def test_a_whole_life(runtime: TenantRuntime) -> None:
    clock = runtime.clock
    assert isinstance(clock, MovedClock)
    item = await create(runtime, data={"kind": "claim", "line": "motor", "nested": {"a": [1, 2]}})
    clock.move(hours=1)
    item = await act(runtime, item, Action.HOLD, reason="waitingForCustomer")
    assert item.status is Status.HELD
    clock.move(hours=2)
    item = await act(runtime, item, Action.RESUME)
    assert item.status is Status.QUEUED
    assert item.due_at == START + timedelta(hours=10)
    item = await act(runtime, item, Action.ASSIGN, agent_id="amara")
    clock.move(minutes=5)
    item = await act(runtime, item, Action.RETURN, reason="shift over")
    item = await act(runtime, item, Action.ASSIGN, agent_id="lena")
    item = await act(runtime, item, Action.ASSIGN, agent_id="amara")
    item = await act(runtime, item, Action.TRANSFER, agent_id="lena")
    assert item.reserved_for == "lena"
    item = await act(runtime, item, Action.ASSIGN, agent_id="lena")
    item = await act(runtime, item, Action.COMPLETE, agent_id="lena", result_code="paid")
    assert item.status is Status.COMPLETED
    await check_log(runtime, item.id)
    clock.move(days=1)
    item = await act(runtime, item, Action.REOPEN)
    assert item.status is Status.QUEUED
    assert item.anchor_at == clock.at
    assert item.due_at == clock.at + timedelta(hours=8)
    item = await act(runtime, item, Action.CANCEL, reason="mistake")
    item = await act(runtime, item, Action.RESTART)
    assert item.status is Status.QUEUED
    await check_log(runtime, item.id)


async def test_an_update_is_judged_again_in_the_same_step(runtime: TenantRuntime) -> None:
    item = await create(runtime, ext={"customerSegment": "vip"}, businessValue=5)
    update = ItemUpdate(data={"kind": "loan"}, ext={"customerSegment": None})
    item = await act(runtime, item, Action.UPDATE, update=update)
    assert (item.category_path, item.queue_id, item.business_value) == ("Lending/Mortgage", "loans", 5)
    assert item.data == {"kind": "loan", "line": "motor"}
    again = await apply_one(
        runtime, Command(action=Action.UPDATE, caller=ADMIN, item_id=item.id, update=update)
    )
    assert not again.changed
    await check_log(runtime, item.id)


async def test_without_category_errorheld_then_resumed(runtime: TenantRuntime) -> None:
    item = await create(runtime, data={"kind": "?"})
    assert item.status is Status.ERRORHELD
    assert item.error
    item = await act(runtime, item, Action.UPDATE, update=ItemUpdate(data={"kind": "claim"}))
    assert item.status is Status.QUEUED
    await check_log(runtime, item.id)


async def test_held_and_rejected_by_rules(runtime: TenantRuntime) -> None:
    held = await create(runtime, "h", data={"kind": "claim", "docs": "missing"})
    assert (held.status, held.hold_reason, held.hold_until) == (
        Status.HELD,
        "waitingForDocuments",
        START + timedelta(days=2),
    )
    rejected = await create(runtime, "r", subject="SPAM offer")
    assert (rejected.status, rejected.error) == (Status.REJECTED, "spam")
    with pytest.raises(InvalidTransitionError):
        await act(runtime, rejected, Action.HOLD, reason="other")
    for item in (held, rejected):
        await check_log(runtime, item.id)


async def test_captured_until_activation(runtime: TenantRuntime) -> None:
    item = await create(runtime, activationDateTime=(START + timedelta(hours=3)).isoformat())
    assert item.status is Status.CAPTURED
    item = await act(runtime, item, Action.ACTIVATE)
    assert item.status is Status.QUEUED
    await check_log(runtime, item.id)


async def test_batches_that_come_together_each_get_their_own_answers(runtime: TenantRuntime) -> None:
    line = Intake(runtime)
    batches = [[*(submission(f"{n}-{k}") for k in range(30)), submission("shared")] for n in range(6)]
    answers = await asyncio.gather(*(line.submit_all(batch, ADMIN) for batch in batches))
    done = [[r for r in results if isinstance(r, Done)] for results in answers]
    for batch, results in zip(batches, done, strict=True):
        assert [r.item.capture_id for r in results] == [new.capture_id for new in batch]
        assert all(r.created for r in results[:-1])
    assert sum(results[-1].created for results in done) == 1
    assert len({results[-1].item.id for results in done}) == 1


async def test_equal_hand_over_again_is_answered_other_content_refused(runtime: TenantRuntime) -> None:
    results = await Intake(runtime).submit_all(
        [submission("a"), submission("a"), submission("a", subject="x"), submission("b")],
        ADMIN,
    )
    kinds = [("created" if r.created else "existing") if isinstance(r, Done) else type(r) for r in results]
    assert kinds == ["created", "existing", DuplicateError, "created"]
    again = await Intake(runtime).submit_all(
        [submission("b"), submission("a", subject="y"), submission("c")],
        ADMIN,
    )
    assert [isinstance(r, OpenIwdError) for r in again] == [False, True, False]
    first, last = results[0], results[3]
    assert isinstance(first, Done)
    assert isinstance(last, Done)
    assert last.item.number == first.item.number + 1


async def test_many_commands_on_one_item_in_one_transaction(runtime: TenantRuntime) -> None:
    commands = [Command(action=Action.CREATE, caller=ADMIN, submission=submission("x"))]
    capture = ("rest", "x")
    commands += [
        Command(action=Action.ASSIGN, caller=ADMIN, capture=capture, agent_id=f"a{n}") for n in range(5)
    ]
    commands += [Command(action=Action.COMPLETE, caller=ADMIN, capture=capture, agent_id="nobody")]
    commands += [Command(action=Action.RETURN, caller=ADMIN, capture=capture)]
    results = await apply(runtime, commands)
    assert [isinstance(r, OpenIwdError) for r in results] == [False] * 6 + [True, False]
    done = results[-1]
    assert isinstance(done, Done)
    assert done.item.revision == 7
    await check_log(runtime, done.item.id)


async def test_the_revision_named_must_be_the_present_one(runtime: TenantRuntime) -> None:
    item = await create(runtime)
    await act(runtime, item, Action.HOLD, reason="other", if_match=1)
    with pytest.raises(OpenIwdError) as caught:
        await act(runtime, item, Action.RESUME, if_match=1)
    assert caught.value.code == "revisionMismatch"
