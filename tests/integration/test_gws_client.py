"""The client of GWS alone, against the contract server: tokens, repeats, the breaker, and what answers mean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from openiwd.adapters.gws.breaker import FAILURES, FIRST_SECONDS, LONGEST_SECONDS, Breaker
from openiwd.adapters.gws.client import GwsClient
from openiwd.adapters.outbound.http_outbound import HttpOutbound
from openiwd.domain.gws import GwsSettings
from openiwd.domain.network_address import read_networks
from openiwd.domain.routing import RemoteState
from openiwd.ports.external_router import RouterAwayError, RouterRefusedError
from tests.servers.gws import (
    CLIENT,
    CUT_AFTER,
    HANG,
    PASSWORD,
    SERVICE,
    USER,
    Answer,
    Gws,
    gws_server,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def gws() -> Iterator[Gws]:
    with gws_server() as server:
        yield server


class Clock:
    """Moved by a test."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Connection:
    """A client whose tokens and breaker go by a clock of the test's."""

    def __init__(self, client: GwsClient, gws: Gws, clock: Clock) -> None:
        self.client, self.gws, self.clock = client, gws, clock
        client.session.breaker._clock = client.session.tokens._clock = clock

    def grants(self) -> list[str]:
        """Of each token that was asked for, by which grant."""
        asked = [parse_qs(str(call.body)) for call in self.gws.calls if call.is_a("token")]
        return [form["grant_type"][0] for form in asked]

    async def submit(self, external_id: str = "x-1", **user_data: Any) -> Any:
        return await self.client.submit(SERVICE, external_id, NOW, user_data)

    async def stop(self, external_id: str = "x-1", *, completed: bool = False) -> None:
        found = self.gws.interactions[external_id]["id"]
        await self.client.stop(found, "op", completed=completed)

    async def is_away(self) -> RouterAwayError:
        with pytest.raises(RouterAwayError) as away:
            await self.client.find(SERVICE, "x-1")
        return away.value

    async def fail(self, times: int = FAILURES) -> None:
        """So many requests that break off; submissions are not repeated by the client."""
        self.gws.faults.extend([("submit", CUT_AFTER)] * times)
        for number in range(times):
            with pytest.raises(RouterAwayError):
                await self.submit(f"f-{number}")


@asynccontextmanager
async def connected(gws: Gws, **settings: Any) -> AsyncIterator[Connection]:
    known = set(GwsSettings.__struct_encode_fields__)
    body = {name: value for name, value in gws.settings_body(**settings).items() if name in known}
    outbound = HttpOutbound(read_networks(["127.0.0.0/8"], "test"))
    client = GwsClient(outbound, msgspec.convert(body, GwsSettings))
    try:
        yield Connection(client, gws, Clock())
    finally:
        await client.close()
        await outbound.close()


async def test_a_token_is_refreshed_and_fetched_anew_where_that_is_refused(gws: Gws) -> None:
    gws.gives_refresh_tokens = True
    async with connected(gws) as one:
        assert await one.client.check() == "iwd"
        one.clock.now += 3_600 - 59
        assert await one.client.check() == "iwd"
        assert one.grants() == ["client_credentials", "refresh_token"]
        gws.refresh_tokens.clear()
        one.clock.now += 3_600
        assert await one.client.check() == "iwd"
        assert one.grants()[2:] == ["refresh_token", "client_credentials"]


async def test_a_token_of_a_person_is_asked_for_by_password(gws: Gws) -> None:
    async with connected(gws, grant="password", username=USER, password=PASSWORD) as one:
        assert await one.client.check() == "iwd"
        (call,) = [c for c in gws.calls if c.is_a("token")]
        assert parse_qs(str(call.body)) == {
            "grant_type": ["password"], "scope": ["*"], "username": [USER], "password": [PASSWORD],
        }  # fmt: skip
        assert call.headers["authorization"].startswith("Basic ")
    async with connected(gws, grant="password", username=USER, password="a guess") as one:
        with pytest.raises(RouterRefusedError) as refused:
            await one.client.check()
        assert "a guess" not in refused.value.message


async def test_many_who_need_a_token_at_once_share_one_and_a_short_lived_one_is_used(gws: Gws) -> None:
    gws.token_seconds = None  # an answer with nothing but the token
    async with connected(gws) as one:
        assert set(await asyncio.gather(*(one.client.check() for _ in range(10)))) == {"iwd"}
        assert len(one.grants()) == 1
        one.clock.now += 300 - 59
        await one.client.check()
        assert len(one.grants()) == 2, "five minutes are assumed"


async def test_a_grant_that_never_answers_is_given_up_in_time(gws: Gws) -> None:
    gws.faults.extend([("token", HANG), ("token", Answer(500, "Internal Server Error"))])
    async with connected(gws, timeoutSeconds=0.3) as one:
        for words in ("no token", "500 Internal Server Error"):
            with pytest.raises(RouterAwayError, match=words):
                await one.client.check()
        assert await one.client.check() == "iwd"


async def test_reading_is_repeated_and_writing_is_not(gws: Gws) -> None:
    async with connected(gws) as one:
        assert (await one.submit()).interaction_id is not None
        gws.faults.extend([("find", CUT_AFTER), ("find", Answer(500, "plain text"))])
        found = await one.client.find(SERVICE, "x-1")
        assert found is not None
        assert found.state is RemoteState.WAITING
        assert gws.count("find") == 3
        gws.faults.append(("submit", Answer(500, "plain text")))
        with pytest.raises(RouterAwayError, match="500 plain text"):
            await one.submit("x-2")
        assert gws.count("submit") == 2
        assert await one.client.find(SERVICE, "x-2") is None
        gws.faults.append(("submit", CUT_AFTER))
        with pytest.raises(RouterAwayError):
            await one.submit("x-3")
        assert (await one.submit("x-3")).existed, "409: it was carried out, whatever became of the answer"
        assert gws.created_twice() == []


async def test_after_several_failures_the_service_is_left_alone_and_one_request_tries(gws: Gws) -> None:
    async with connected(gws) as one:
        await one.fail(FAILURES)
        seen = len(gws.calls)
        for _ in range(5):
            assert (await one.is_away()).code == "routerLeftAlone"
        assert len(gws.calls) == seen, "not asked at all"

        one.clock.now += FIRST_SECONDS + 0.1
        gws.faults.append(("find", Answer(502, "still away")))
        await one.is_away()
        assert len(gws.calls) == seen + 1, "one request has looked, and it is left alone for longer"
        one.clock.now += FIRST_SECONDS + 0.1
        assert (await one.is_away()).code == "routerLeftAlone"
        one.clock.now += FIRST_SECONDS
        assert await one.client.find(SERVICE, "x-1") is None
        for _ in range(3):
            assert await one.client.find(SERVICE, "x-1") is None


async def test_a_pause_that_the_service_asks_for_is_kept(gws: Gws) -> None:
    slow_down = Answer(429, {"status": {"code": 429, "message": "slow down"}}, (("Retry-After", "7"),))
    async with connected(gws) as one:
        gws.faults.append(("find", slow_down))
        told = await one.is_away()
        assert told.details["retry_after"] == 7
        assert gws.count("find") == 1, "not repeated at once"
        one.clock.now += 6.9
        assert (await one.is_away()).code == "routerLeftAlone"
        assert gws.count("find") == 1
        one.clock.now += 0.2
        assert await one.client.find(SERVICE, "x-1") is None


def test_the_breaker_lets_one_through_at_a_time_and_waits_longer_each_time() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(FAILURES - 1):
        breaker.enter()
        breaker.failed("no")
    breaker.enter()
    breaker.failed("no")
    pauses = []
    for _ in range(8):
        pauses.append(breaker.left)
        clock.now += breaker.left + 0.01
        breaker.enter()
        with pytest.raises(RouterAwayError):
            breaker.enter()
        breaker.failed("no")
    assert pauses[:3] == pytest.approx([FIRST_SECONDS, 2 * FIRST_SECONDS, 4 * FIRST_SECONDS])
    assert pauses[-1] == pytest.approx(LONGEST_SECONDS)
    clock.now += LONGEST_SECONDS + 0.01
    breaker.enter()
    breaker.abandoned()  # given up before anything could be said
    breaker.enter()
    breaker.succeeded()
    for _ in range(3):
        breaker.enter()


async def test_a_stop_is_accepted_done_or_refused_by_its_code(gws: Gws) -> None:
    async with connected(gws) as one:
        await one.submit()
        for code in (2, 107):
            gws.stop_code = code
            with pytest.raises(RouterRefusedError, match="partly, not all of them"):
                await one.stop()
        gws.stop_code = 0
        gws.stops_later = True
        await one.stop()
        (stopped, *_) = [c for c in gws.calls if c.is_a("stop")]
        assert stopped.body["operationId"]
        await one.client.stop("unknown there", "op", completed=True)


async def test_a_service_that_is_not_there_is_no_fault_of_the_item(gws: Gws) -> None:
    async with connected(gws) as one:
        with pytest.raises(RouterAwayError) as away:
            await one.client.submit("another", "x-1", NOW, {})
        assert away.value.code == "noService"
        with pytest.raises(RouterRefusedError, match="not allowed"):
            await one.submit(IWD_subject="REFUSED")
    async with connected(gws, apiKey="a guess") as one:
        with pytest.raises(RouterAwayError) as away:
            await one.submit()
        assert away.value.code == "notLetIn"


@pytest.mark.parametrize("workflow_only", [False, True])
async def test_snapshots_come_by_notification_in_the_words_of_either_kind(
    gws: Gws, *, workflow_only: bool
) -> None:
    gws.snapshots_by_notification = True
    gws.shows_workflow_state_only = workflow_only
    async with connected(gws) as one:
        for number in range(5):
            await one.submit(f"x-{number}", IWD_captureId=f"c{number}")
        gws.change("c3", "Processing", "JohnSmith")
        listed = {i.external_id: i for i in await one.client.listed("MediaType='workitem'")}
        assert set(listed) == {f"x-{n}" for n in range(5)}
        assert (listed["x-3"].state, listed["x-3"].assigned_to) == (RemoteState.WORKING, "JohnSmith")
        assert listed["x-0"].state is RemoteState.WAITING


async def test_notifications_that_shake_no_hands_hold_nobody_up(gws: Gws) -> None:
    """Within the time-out of a request: the whole conversation waits for it."""
    gws.snapshots_by_notification = True
    gws.judge = lambda call: HANG if call.path.endswith("/notifications") else None
    async with connected(gws, timeoutSeconds=0.3) as one:
        await one.submit()
        async with asyncio.timeout(20):
            with pytest.raises(RouterAwayError, match="no notification SnapshotContent"):
                await one.client.listed("MediaType='workitem'")
        gws.judge = lambda _: None
        assert [i.external_id for i in await one.client.listed("MediaType='workitem'")] == ["x-1"]
    assert CLIENT not in str([c.body for c in gws.calls if not c.is_a("token")])
