"""Single actions on items at speed: what is asked for while a transaction runs is written together by the next one.

Answers each as if it had come alone; decides nothing about any of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, NamedTuple

from openiwd.domain.errors import OpenIwdError, UnavailableError
from openiwd.usecases.command import Command, Done, Result
from openiwd.usecases.tenant_runtime import TenantRuntime
from openiwd.usecases.work_item import apply

MAX_TOGETHER: Final = 100
MAX_WAITING: Final = 20_000
WRITERS: Final = 2


class _Asked(NamedTuple):
    command: Command
    answered: asyncio.Future[Result]


class JointActions:
    """The waiting line of a tenant in this process. Its length is bounded; under a virtual clock nobody waits in it."""

    def __init__(self, runtime: TenantRuntime) -> None:
        self._runtime = runtime
        self._waiting: deque[_Asked] = deque()
        self._writing: set[asyncio.Task[None]] = set()

    async def perform(self, command: Command) -> Done:
        """Returns once it is committed; raises what went wrong. The caller going away does not cancel it."""
        if command.along is not None or self._runtime.virtual is not None:
            (result,) = await apply(self._runtime, [command])
        else:
            result = await self._join(command)
        if isinstance(result, OpenIwdError):
            raise result
        return result

    async def _join(self, command: Command) -> Result:
        if len(self._waiting) >= MAX_WAITING:
            raise UnavailableError(
                "too many actions wait", code="overloaded", hint="slow down and try again", retry_after=1
            )
        answered: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Asked(command, answered))
        if len(self._writing) < WRITERS:
            writing = asyncio.get_running_loop().create_task(self._write_all())
            self._writing.add(writing)
            writing.add_done_callback(self._writing.discard)
        return await asyncio.shield(answered)

    async def _write_all(self) -> None:
        while self._waiting:
            count = min(len(self._waiting), MAX_TOGETHER)
            await self._write([self._waiting.popleft() for _ in range(count)])

    async def _write(self, asked: list[_Asked]) -> None:
        results: list[Result] | BaseException
        try:
            results = await apply(self._runtime, [one.command for one in asked])
        except Exception as error:  # noqa: BLE001 - told to who asked
            is_away = isinstance(error, UnavailableError) and error.code != "busy"
            if len(asked) > 1 and not is_away:  # nothing is written: who is to blame is found out by halves
                half = len(asked) // 2
                await self._write(asked[:half])
                await self._write(asked[half:])
                return
            results = error
        except BaseException as error:
            _fail(asked, error)
            raise
        if isinstance(results, BaseException):
            _fail(asked, results)
            return
        for one, result in zip(asked, results, strict=True):
            if not one.answered.done():
                one.answered.set_result(result)


def _fail(asked: list[_Asked], error: BaseException) -> None:
    for one in asked:
        if not one.answered.done():
            one.answered.set_exception(error)
