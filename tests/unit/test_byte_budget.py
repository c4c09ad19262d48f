"""How many bytes of mail are held at once, and who gets room next."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.usecases.byte_budget import ByteBudget


class Box:
    """A mailbox that takes its messages one after the other; each is held until `go` says so."""

    def __init__(self, budget: ByteBudget, name: str, sizes: Sequence[int], order: list[str]) -> None:
        self.go = asyncio.Semaphore(0)
        self._budget = budget
        self._name = name
        self._sizes = sizes
        self._order = order
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        for size in self._sizes:
            async with self._budget.room(self._name) as room:
                await room.ask(size)
                self._order.append(self._name)
                await self.go.acquire()


async def _settled() -> None:
    """All that can go on has gone on: nothing here waits for anything but the others."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_no_more_is_held_than_fits() -> None:
    budget, order = ByteBudget(100), list[str]()
    boxes = [Box(budget, f"{n}", [40], order) for n in range(5)]
    held = []
    for box in boxes:
        await _settled()
        held.append(budget.held)
        box.go.release()
    await _settled()
    assert held == [80, 80, 80, 80, 40]
    assert (budget.held, budget.peak, budget.waiting) == (0, 80, 0)
    assert all(box.task.done() for box in boxes)


async def test_what_is_larger_than_all_of_it_passes_alone() -> None:
    budget, order = ByteBudget(100), list[str]()
    small, large, other = (
        Box(budget, name, [size], order) for name, size in (("a", 10), ("b", 500), ("c", 10))
    )
    await _settled()
    assert budget.held == 20  # the large one waits until nothing is held
    for box in (small, other):
        box.go.release()
    await _settled()
    assert order == ["a", "c", "b"]
    late = Box(budget, "d", [1], order)
    await _settled()
    assert (budget.held, budget.waiting) == (500, 1)
    large.go.release()
    late.go.release()
    await _settled()
    assert (order, budget.held, budget.waiting) == (["a", "c", "b", "d"], 0, 0)


async def test_a_mailbox_of_small_mails_does_not_wait_its_turn_behind_all_large_ones() -> None:
    budget, order = ByteBudget(100), list[str]()
    large = [Box(budget, f"large {n}", [100] * 100, order) for n in range(4)]
    await _settled()
    small = Box(budget, "small", [1] * 50, order)
    for box in (*large, small):
        for _ in range(100):
            box.go.release()
    await asyncio.gather(small.task, *(box.task for box in large))
    before_last = order[: len(order) - order[::-1].index("small")]
    # One round at the beginning; then only the one that is held just now. In the order of asking it would be 200.
    assert len(before_last) - 50 <= 50 + 2 * len(large)
    assert len(order) == 450


async def test_mailboxes_of_large_mails_are_not_starved_by_many_small_ones() -> None:
    budget, order = ByteBudget(100), list[str]()
    large = Box(budget, "large", [100, 100], order)
    small = [Box(budget, f"small {n}", [10] * 100, order) for n in range(3)]
    for box in (large, *small):
        for _ in range(200):
            box.go.release()
    await asyncio.gather(large.task, *(box.task for box in small))
    second = [place for place, name in enumerate(order) if name == "large"][1]
    assert second < 3 * (10 + 2), "as many bytes for each, then it is its turn"


async def test_small_ones_pass_a_large_one_that_waits_and_not_for_ever() -> None:
    budget, order = ByteBudget(100), list[str]()
    holder = Box(budget, "holder", [60], order)
    await _settled()
    large, small = Box(budget, "large", [60], order), Box(budget, "small", [5] * 20, order)
    await _settled()
    for _ in range(20):
        small.go.release()
    await _settled()
    assert order == [
        "holder",
        *["small"] * 6,
    ]  # one in its turn, and a quarter of all bytes past the large one
    for box in (holder, large):
        box.go.release()
    await asyncio.gather(holder.task, large.task, small.task)
    assert order[7] == "large"


async def test_who_gives_up_takes_no_room_along() -> None:
    budget, order = ByteBudget(100), list[str]()
    holder = Box(budget, "a", [100], order)
    await _settled()
    gone, next_ = Box(budget, "b", [100], order), Box(budget, "c", [100], order)
    await _settled()
    gone.task.cancel()
    holder.go.release()  # in the same instant
    next_.go.release()
    await _settled()
    assert (order, budget.held, budget.waiting) == (["a", "c"], 0, 0)
    holding = Box(budget, "d", [70], order)
    await _settled()
    holding.task.cancel()
    await _settled()
    assert budget.held == 0


async def test_more_than_announced_counts_too() -> None:
    """Servers err about sizes."""
    budget = ByteBudget(100)
    async with budget.room("a") as room:
        await room.ask(10)
        room.keep(150)
        assert (budget.held, budget.peak) == (150, 150)
        await room.ask(20)
        assert budget.held == 20
    assert budget.held == 0


@settings(deadline=None)
@given(
    limit=st.integers(1, 100),
    boxes=st.lists(st.lists(st.integers(0, 150), max_size=8), max_size=6),
)
def test_everything_passes_and_nothing_exceeds(limit: int, boxes: list[list[int]]) -> None:
    async def run() -> None:
        budget, order = ByteBudget(limit), list[str]()
        made = [Box(budget, str(n), sizes, order) for n, sizes in enumerate(boxes)]
        for box in made:
            for _ in range(10):
                box.go.release()
        await asyncio.gather(*(box.task for box in made))
        largest = max((size for sizes in boxes for size in sizes), default=0)
        assert budget.peak <= max(limit, largest)
        assert (budget.held, budget.waiting) == (0, 0)
        assert sorted(order) == sorted(str(n) for n, sizes in enumerate(boxes) for _ in sizes)

    asyncio.run(run())


@pytest.mark.parametrize("size", [0, 5])
async def test_asked_twice_holds_once(size: int) -> None:
    budget = ByteBudget(5)
    async with budget.room("a") as room:
        await room.ask(5)
        await room.ask(size)
        assert budget.held == size
