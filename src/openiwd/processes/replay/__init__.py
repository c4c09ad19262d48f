"""Replays an event log on a server: plans it, sends its operations over the API, and sums up what came of it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import httpx
from msgspec import Struct

from openiwd.adapters.embedded_postgres.server import default_data_dir
from openiwd.adapters.event_log_file.log import load_plan
from openiwd.domain.errors import OpenIwdError
from openiwd.domain.replay.plan import Figures, Plan
from openiwd.domain.replay.summary import Summary
from openiwd.processes.replay.client import ReplayClient
from openiwd.processes.replay.own_server import own_server
from openiwd.processes.replay.pace import paced
from openiwd.processes.settings import environment

RETRY_SECONDS = 30.0
"""How long a server that does not answer is tried again."""


class Options(Struct, frozen=True, kw_only=True):
    log: Path
    mapping: Path | None = None
    speed: float = 0.0
    """Times real time; 0 = as fast as it goes."""
    data_dir: Path | None = None
    url: str | None = None
    api_key: str | None = None


class Place(Struct, frozen=True, kw_only=True):
    """How far a replay is."""

    done: int
    total: int
    at: datetime


class Watcher(Protocol):
    """Who is told how it goes."""

    def step(self, text: str) -> None: ...
    def began(self, place: Place, url: str) -> None: ...
    def moved(self, place: Place) -> None: ...


class Result(Struct, frozen=True, kw_only=True):
    summary: Summary
    differs: dict[str, tuple[int, int]]
    """Figure → (planned, found) where the server's data say something else than the log; empty when all is well."""
    url: str
    data_dir: Path | None


class StoppedError(OpenIwdError):
    """Somebody has stopped the replay before its end."""

    code = "stopped"


async def replay(options: Options, watcher: Watcher) -> Result:
    """Carries a log out from where its last run stopped, and sums up. Raises StoppedError on SIGINT and SIGTERM."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    watcher.step("reading the log")
    plan = await asyncio.to_thread(load_plan, options.log, options.mapping)
    async with _server(options, plan, watcher) as (url, api_key, data_dir):
        running = asyncio.ensure_future(_run(options, plan, url, api_key, watcher))
        stopped = asyncio.ensure_future(stopping.wait())
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not running.done():
            running.cancel()
            await asyncio.wait({running})
            raise StoppedError(
                "stopped before its end", hint="run the same command again: it goes on from there"
            )
        summary = running.result()
    return Result(summary=summary, differs=_differences(plan.figures, summary), url=url, data_dir=data_dir)


def data_dir_of(options: Options, plan: Plan) -> Path:
    """The folder given, else one of its own for each log."""
    if options.data_dir is not None:
        return options.data_dir.absolute()
    return default_data_dir(environment(), name=f"replay-{plan.fingerprint[:12]}")


@asynccontextmanager
async def _server(
    options: Options, plan: Plan, watcher: Watcher
) -> AsyncIterator[tuple[str, str, Path | None]]:
    """Address, key and data folder of the server that the replay runs on."""
    if options.url is not None:
        yield options.url, options.api_key or "", None
        return
    data_dir = data_dir_of(options, plan)
    async with own_server(data_dir, plan, options.log.name, watcher.step) as (url, api_key):
        yield url, api_key, data_dir


async def _run(options: Options, plan: Plan, url: str, api_key: str, watcher: Watcher) -> Summary:
    async with ReplayClient(url, api_key, plan, options.log.name) as client:
        done = await client.begin()
        watcher.began(_place(plan, done), url)
        while done < len(plan):
            try:
                async for batch in paced(plan.operations(after=done), options.speed):
                    await client.send(batch)
                    done = batch[-1].sequence
                    watcher.moved(Place(done=done, total=len(plan), at=batch[-1].at))
            except httpx.TransportError:
                # Whether the last request was carried out only the server knows.
                done = await _found_again(client)
        watcher.step("summing up")
        return await client.summary()


async def _found_again(client: ReplayClient) -> int:
    """Where the server stands, once it answers again."""
    async with asyncio.timeout(RETRY_SECONDS):
        while True:
            try:
                return await client.place()
            except httpx.TransportError:
                await asyncio.sleep(0.5)


def _place(plan: Plan, done: int) -> Place:
    following = next(plan.operations(after=done), None)
    return Place(done=done, total=len(plan), at=following.at if following else plan.ends_at)


def _differences(planned: Figures, found: Summary) -> dict[str, tuple[int, int]]:
    return {
        name: (wanted, got)
        for name in Figures.__struct_fields__
        if (got := getattr(found, name, None)) is not None and got != (wanted := getattr(planned, name))
    }
