"""Whom a request is passed on to, what is asked again after a failure, and when a process answers itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from openiwd.ports.peer import DecidingProcess, PeerAnswer, PeerLostError, PeerRequest, PeerUnreachedError
from openiwd.processes.address import own_address, shown_host
from openiwd.usecases.passing_on import PASSED_HEADER, UNDECIDED_HEADER, WAIT_SECONDS, PassingOn

EVERYWHERE = "0.0.0.0"  # noqa: S104
ME, OTHER, THIRD = UUID(int=1), UUID(int=2), UUID(int=3)
DONE = PeerAnswer(status=409, headers=[], body=b"whatever it says")
UNDECIDED = PeerAnswer(status=503, headers=[(UNDECIDED_HEADER, "1")], body=b"")


class Elsewhere:
    """Control database and peers in one: holders in turn, and what each request meets."""

    def __init__(self, holders: list[DecidingProcess | None], *met: PeerAnswer | Exception) -> None:
        self.holders = holders
        self.met = list(met)
        self.asked: list[tuple[str, PeerRequest]] = []

    async def deciding_process(self, _: str) -> DecidingProcess | None:
        return self.holders.pop(0) if len(self.holders) > 1 else self.holders[0]

    async def ask(self, address: str, request: PeerRequest) -> PeerAnswer:
        self.asked.append((address, request))
        met = self.met.pop(0)
        if isinstance(met, Exception):
            raise met
        return met


def hurried() -> Callable[[], float]:
    """A clock on which every look at it takes a second."""
    ticks = iter(range(10_000))
    return lambda: float(next(ticks))


async def passed(
    elsewhere: Any, *, method: str = "POST", waits: bool = True, marked: bool = False, decider: object = None
) -> PeerAnswer | None:
    services: Any = SimpleNamespace(decider=decider, tenant=SimpleNamespace(id="t"), wanted=asyncio.Event())
    request = PeerRequest(
        method=method,
        target="/a?b=1",
        headers=[("x-api-key", "k"), *([(PASSED_HEADER, "x")] if marked else [])],
        body=b"{}",
    )
    passing_on = PassingOn(elsewhere, elsewhere, ME, monotonic=hurried())
    return await passing_on.answer(services, request, waits=waits)


async def test_the_answer_of_who_decides_is_given_as_it_is() -> None:
    elsewhere = Elsewhere([DecidingProcess(OTHER, "http://o")], DONE)
    assert await passed(elsewhere) is DONE
    ((address, request),) = elsewhere.asked
    assert (address, request.target, request.body) == ("http://o", "/a?b=1", b"{}")
    assert request.header("x-api-key") == "k"
    assert request.header(PASSED_HEADER) == str(ME)


@pytest.mark.parametrize("failure", [PeerUnreachedError("away"), UNDECIDED])
async def test_what_was_not_done_is_asked_of_the_next(failure: PeerAnswer | Exception) -> None:
    holders = [
        DecidingProcess(OTHER, "http://o"),
        DecidingProcess(None, None),
        DecidingProcess(THIRD, "http://t"),
    ]
    elsewhere = Elsewhere(list(holders), failure, DONE)
    assert await passed(elsewhere) is DONE
    assert [address for address, _ in elsewhere.asked] == ["http://o", "http://t"]


async def test_a_change_whose_outcome_is_unknown_is_not_asked_again() -> None:
    elsewhere = Elsewhere([DecidingProcess(OTHER, "http://o")], PeerLostError("lost"), DONE)
    with pytest.raises(PeerLostError):
        await passed(elsewhere)
    assert len(elsewhere.asked) == 1


async def test_a_question_is_asked_again() -> None:
    elsewhere = Elsewhere([DecidingProcess(OTHER, "http://o")], PeerLostError("lost"), DONE)
    assert await passed(elsewhere, method="GET") is DONE


@pytest.mark.parametrize(
    "holder",
    [DecidingProcess(None, None), DecidingProcess(ME, "http://me"), DecidingProcess(OTHER, None)],
)
async def test_nobody_to_ask_ends_after_a_while(holder: DecidingProcess) -> None:
    elsewhere = Elsewhere([holder])
    async with asyncio.timeout(WAIT_SECONDS):
        assert await passed(elsewhere) is None
    assert elsewhere.asked == []


async def test_where_nobody_has_ever_decided_nobody_waits() -> None:
    assert await passed(Elsewhere([None])) is None


async def test_one_hop_at_most() -> None:
    elsewhere = Elsewhere([DecidingProcess(OTHER, "http://o")], DONE)
    answer = await passed(elsewhere, marked=True)
    assert answer is not None
    assert answer.header(UNDECIDED_HEADER) == "1"
    assert await passed(elsewhere, marked=True, decider=object()) is None
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("host", "dsn", "address"),
    [
        ("127.0.0.1", "postgresql://db/x", "http://127.0.0.1:7"),
        ("::1", "postgresql://db/x", "http://[::1]:7"),
        (EVERYWHERE, "postgresql://u@127.0.0.1:5432/x", "http://127.0.0.1:7"),
        (EVERYWHERE, "postgresql:///x", "http://127.0.0.1:7"),
    ],
)
def test_the_address_for_other_processes(host: str, dsn: str, address: str) -> None:
    assert own_address(host, 7, dsn) == address
    assert shown_host("::1") == "[::1]"
    assert shown_host(EVERYWHERE) == "localhost"
