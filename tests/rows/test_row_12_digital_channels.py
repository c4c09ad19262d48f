"""Row 12, IWD to Digital Channels: the tenant's service configuration, and API keys made and used."""

from __future__ import annotations

import time

import pytest

from openiwd.adapters.gws.breaker import FAILURES, FIRST_SECONDS
from openiwd.domain.privilege import Role
from tests.factories.api import World, problem
from tests.factories.routing import Conversation
from tests.servers.gws import CCID, CUT_AFTER, Answer, Gws

pytestmark = pytest.mark.timeout(120)


async def test_the_tenants_service_configuration_is_read(api: World, gws: Gws) -> None:
    await Conversation.begin(api, gws)
    answer = await api.get("/integrations/gws/tenant-settings")
    assert answer.json() == {"settings": gws.settings}
    call = gws.calls[-1]
    assert (call.method, call.path) == ("GET", f"/environment/v3/contact-centers/{CCID}/settings")
    assert call.headers["authorization"].startswith("bearer token-")


async def test_an_api_key_is_made_and_submissions_go_out_with_it(api: World, gws: Gws) -> None:
    talk = await Conversation.begin(api, gws, apiKey="")
    answer = await api.post(
        "/integrations/gws/api-key", {"name": "iwd", "permissions": ["nexus:openmedia:*"]}
    )
    assert answer.status_code == 200, answer.text
    assert "apiKey" in answer.json()["secrets"]
    assert "made-1" not in answer.text
    call = next(c for c in gws.calls if c.path == "/nexus/v3/apikeys")
    assert call.body == {
        "data": {"enabled": True, "tenant": CCID, "name": "iwd", "permissions": ["nexus:openmedia:*"]}
    }
    talk.routing = await talk.take_over()
    await talk.new("a")
    await talk.turn_until(lambda: gws.open_ids() == {"a"})
    submitted = next(c for c in gws.calls if c.is_a("submit"))
    assert submitted.headers["x-api-key"] == "made-1"


async def test_what_digital_channels_say_is_told(api: World, gws: Gws) -> None:
    await Conversation.begin(api, gws)
    gws.judge = lambda call: (
        Answer(400, {"status": {"code": 400, "message": "no such tenant"}})
        if "apikeys" in call.path
        else None
    )
    told = problem(await api.post("/integrations/gws/api-key", {}), 400, "routerRefused")
    assert "no such tenant" in told["detail"]
    gws.judge = lambda call: CUT_AFTER if "apikeys" in call.path else None
    problem(await api.post("/integrations/gws/api-key", {}), 503)
    gws.judge = lambda _: Answer(503, "away")
    problem(await api.get("/integrations/gws/tenant-settings"), 503)


async def test_a_service_that_is_away_is_left_alone_whoever_asks(api: World, gws: Gws) -> None:
    await Conversation.begin(api, gws)
    gws.judge = lambda call: Answer(502, "away") if call.path.endswith("/settings") else None
    for _ in range(FAILURES):
        problem(await api.get("/integrations/gws/tenant-settings"), 503)
    asked = len(gws.calls)
    for _ in range(3):
        problem(await api.get("/integrations/gws/tenant-settings"), 503, "routerLeftAlone")
    problem(await api.post("/integrations/gws/api-key", {}), 503, "routerLeftAlone")
    assert len(gws.calls) == asked, "not asked at all"

    (breaker,) = api.wiring.breakers.values()
    until = time.monotonic() + FIRST_SECONDS + 60.0
    breaker._clock = lambda: until
    told = problem(await api.get("/integrations/gws/tenant-settings"), 503)
    assert told["code"] != "routerLeftAlone", "one has tried"
    problem(await api.get("/integrations/gws/tenant-settings"), 503, "routerLeftAlone")
    gws.judge = lambda _: None
    breaker._clock = lambda: until + 2 * FIRST_SECONDS + 0.1
    for _ in range(3):
        assert (await api.get("/integrations/gws/tenant-settings")).json() == {"settings": gws.settings}


async def test_only_who_may_change_connections_makes_keys(api: World, gws: Gws) -> None:
    await Conversation.begin(api, gws)
    await api.add_key("sue", Role.SUPERVISOR)
    problem(await api.post("/integrations/gws/api-key", {}, "sue"), 403)
    problem(await api.get("/integrations/gws", "sue"), 403)
    assert not any(c.path == "/nexus/v3/apikeys" for c in gws.calls)
