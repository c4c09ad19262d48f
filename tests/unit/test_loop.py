"""Background loops outlive errors, and end when they are asked to, even where a library swallows the request."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from openiwd.domain.errors import UnavailableError
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


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UnavailableError("gone"), ("warning", "gone", False)),
        (
            ExceptionGroup("two", [UnavailableError("gone"), UnavailableError("too")]),
            ("warning", "gone", False),
        ),
        (ExceptionGroup("two", [UnavailableError("gone"), ValueError("odd")]), ("error", None, True)),
        (ValueError("odd"), ("error", None, True)),
    ],
)
async def test_only_what_nobody_foresaw_leaves_a_trace(
    error: Exception, told: tuple[str, str | None, bool]
) -> None:
    async def step() -> float:
        raise error

    with capture_logs() as logs:
        task = asyncio.create_task(forever("test", step))
        await asyncio.sleep(0)
        await asyncio.wait_for(ended([task]), 10)
    (line,) = logs
    assert (line["log_level"], line.get("reason"), line.get("exc_info", False)) == told
