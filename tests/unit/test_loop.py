"""Background loops end when they are asked to, even where a library has swallowed the request."""

from __future__ import annotations

import asyncio

import pytest

from openiwd.processes import loop
from openiwd.processes.loop import ended, forever


async def test_a_request_that_was_swallowed_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "STOP_SECONDS", 0.01)
    asked = 0

    async def swallows() -> None:
        nonlocal asked
        while asked < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                asked += 1

    task = asyncio.create_task(swallows())
    await asyncio.sleep(0)
    await asyncio.wait_for(ended([task]), 10)
    assert (asked, task.done()) == (3, True)


async def test_loops_end_with_and_without_errors() -> None:
    async def fails() -> None:
        raise ValueError

    async def step() -> float:
        return 1_000.0

    tasks = [asyncio.create_task(fails()), asyncio.create_task(forever("test", step))]
    await asyncio.sleep(0)
    await asyncio.wait_for(ended(tasks), 10)
    assert isinstance(tasks[0].exception(), ValueError)
    assert tasks[1].cancelled()
    await ended([])
