"""The workspace over HTTP: states, offers, pulling, and the event stream; the reporting feed."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec

from openiwd.api.stream import live
from openiwd.domain.privilege import Role
from openiwd.usecases.event_log import read_cursor
from openiwd.usecases.user import Identities, hash_secret
from tests.factories.api import PASSWORD, World, problem, raw
from tests.servers.until import until


class Listener:
    """Reads a stream as its messages come."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self.messages: list[dict[str, Any]] = []
        self.comments = 0
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for piece in self._pieces:
            for block in piece.decode().strip().split("\n\n"):
                fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
                if "data" in fields:
                    self.messages.append({**fields, "data": msgspec.json.decode(fields["data"])})
                else:
                    self.comments += 1

    def of(self, topic: str) -> list[dict[str, Any]]:
        return [m["data"] for m in self.messages if m["event"] == topic]

    @property
    def ended(self) -> bool:
        return self._reading.done() and self._reading.exception() is None

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


async def listen(api: World, key: str, after: str | None = None, heartbeat: float = 15.0) -> Listener:
    caller = await api.platform.identities.caller_of_key(api.keys[key])
    assert caller is not None
    cursor = read_cursor(after) if after else None
    listener = Listener(
        live(await api.services(), caller, cursor, ("items", "offers", "agents", "queues"), heartbeat)
    )
    await until(lambda: listener.comments)
    return listener


async def test_an_agents_day(api: World) -> None:
    await api.add_agent("ann")
    await api.follow(decide=True)
    me = (await api.get("/agents/me", "ann")).json()
    assert (me["id"], me["skills"], me["states"]) == (
        "ann",
        [{"skill": "motor", "level": 5, "until": None}],
        {},
    )
    problem(await api.get("/agents/me"), 403, "noAgent")
    problem(await api.post("/agents/me/state", {"state": "sleeping"}, "ann"), 400)
    ready = (await api.post("/agents/me/state", {"state": "ready"}, "ann")).json()
    assert ready["states"]["*"]["state"] == "ready"
    item = await api.item("c1")
    offers: list[dict[str, Any]] = []

    async def offered() -> bool:
        offers[:] = (await api.get("/agents/me/offers", "ann")).json()["offers"]
        return bool(offers)

    await until(offered)
    assert offers[0]["item"]["id"] == item["id"]
    await api.add_agent("ben")
    problem(await api.post(f"/offers/{offers[0]['id']}/accept", None, "ben"), 404)
    taken = await api.post(f"/offers/{offers[0]['id']}/accept", None, "ann")
    assert taken.json()["assignedToUser"] == "ann"
    problem(await api.post(f"/offers/{offers[0]['id']}/accept", None, "ann"), 409)
    problem(await api.post(f"/offers/{uuid4()}/decline", {"reason": "x"}, "ann"), 404)
    mine = (await api.get("/agents/me/items", "ann")).json()
    assert [i["captureId"] for i in mine["assigned"]] == ["c1"]
    why = (await api.get(f"/items/{item['id']}/explain")).json()
    assert why["offers"][0]["agent"] == "ann"
    assert why["offers"][0]["outcome"] == "accepted"
    assert (await api.post("/agents/me/heartbeat", None, "ann")).json()["nextWithinSeconds"] == 30
    done = (await api.post(f"/items/{item['id']}/complete", {"resultCode": "paid"}, "ann")).json()
    assert done["status"] == "completed"
    await api.post("/agents/me/state", {"state": "notReady", "reason": "lunch"}, "ann")
    await api.item("loan", data={"kind": "loan"})
    pulled: list[Any] = []

    async def got() -> bool:
        pulled[:] = [(await api.post("/agents/me/next", None, "ann")).json()["item"]]
        return pulled[0] is not None

    await until(got)
    assert (pulled[0]["captureId"], pulled[0]["assignedToUser"]) == ("loan", "ann")


async def test_why_an_item_waits(api: World) -> None:
    await api.add_agent("ann", skills={"cooking": 9})
    item = await api.item("c1")
    alone = (await api.get(f"/items/{item['id']}/explain")).json()
    assert alone["waiting"] is None
    assert "decides" in alone["note"]
    services = await api.follow(decide=True)
    await until(lambda: services.decider is not None and len(services.decider) == 1)
    why = (await api.get(f"/items/{item['id']}/explain")).json()
    assert why["waiting"]
    why_not = (await api.get(f"/items/{item['id']}/explain?agent=ann")).json()
    assert why_not["agent"]
    await api.post(f"/items/{item['id']}/hold", {"reason": "review"})
    assert (await api.get(f"/items/{item['id']}/explain")).json()["note"] == "the item is held"


async def test_a_stream_ends_with_its_key(api: World) -> None:
    await api.follow()
    secret = await api.add_key("sue", Role.SUPERVISOR)
    identities = api.platform.identities
    caller = await identities.caller_of_key(secret)
    assert caller is not None
    listener = Listener(
        live(
            await api.services(), caller, None, ("items",), 0.02,
            ask_again=lambda: identities.caller_of_key(secret),
        )
    )  # fmt: skip
    await until(lambda: listener.comments > 3)
    assert not listener.ended
    key = next(k for k in (await api.get("/api-keys")).json()["apiKeys"] if k["name"] == "sue")
    assert (await api.call("DELETE", f"/api-keys/{key['id']}")).status_code == 204
    await until(lambda: listener.ended)


async def test_a_stream_ends_when_its_sessions_rights_change(api: World) -> None:
    await api.follow()
    await api.add_access_group("motor", categories=["Claims/Motor"])
    await api.add_user("sue", Role.SUPERVISOR)
    identities = api.platform.identities
    token, _ = await identities.login("sue", PASSWORD)
    caller = await identities.caller_of_session(token)
    assert caller is not None
    services = await api.services()
    listener = Listener(
        live(
            services, caller, None, ("items",), 0.02,
            ask_again=lambda: identities.caller_of_session(token, prolong=False),
        )
    )  # fmt: skip
    await until(lambda: listener.comments)
    user = (await api.get("/users")).json()["users"][0]
    body = {n: user[n] for n in ("login", "name", "role", "language", "timeZone", "agentId")}
    path = f"/users/{user['id']}"
    limited = await api.call("PUT", path, json={**body, "accessGroups": ["motor"]})
    assert limited.status_code == 200, limited.text
    await until(lambda: listener.ended)


async def test_looking_at_a_session_does_not_prolong_it(api: World) -> None:
    await api.add_user("sue", Role.SUPERVISOR)
    clock = [datetime.now(UTC)]
    identities = Identities(api.wiring.control, now=lambda: clock[0])
    token, session = await identities.login("sue", PASSWORD)
    clock[0] += timedelta(hours=1)
    assert await identities.caller_of_session(token, prolong=False) is not None
    looked = await api.wiring.control.session(hash_secret(token))
    identities.forget()
    assert await identities.caller_of_session(token) is not None
    used = await api.wiring.control.session(hash_secret(token))
    assert looked is not None
    assert used is not None
    assert looked.expires_at == session.expires_at
    assert used.expires_at == session.expires_at + timedelta(hours=1)


async def test_the_stream_tells_what_happens(api: World) -> None:
    await api.add_agent("ann")
    services = await api.follow()
    listener = await listen(api, "t")
    item = await api.item("c1")
    await api.post(f"/items/{item['id']}/assign", {"agent": "ann"})
    await api.post("/agents/me/state", {"state": "ready"}, "ann")
    await until(lambda: len(listener.of("items")) == 2 and listener.of("agents"))
    created, assigned = listener.of("items")
    assert (created["id"], created["event"], created["status"]) == (item["id"], "created", "queued")
    assert (assigned["event"], assigned["agent"], assigned["status"]) == ("assigned", "ann", "assigned")
    assert listener.of("agents")[-1]["states"]["*"]["state"] == "ready"
    assert {"claims"} <= {q for m in listener.of("queues") for q in m["queues"]}
    assert "subject" not in str(listener.messages)
    await listener.close()
    cursor = next(m["id"] for m in listener.messages if m["event"] == "items")
    resumed = await listen(api, "t", after=cursor)
    await until(lambda: resumed.of("agents"))
    assert [m["event"] for m in resumed.of("items")] == ["assigned"]
    await resumed.close()
    assert services.feed.head is not None


async def test_the_stream_keeps_to_the_callers_scope(api: World) -> None:
    await api.add_agent("ann")
    await api.add_agent("ben")
    await api.add_access_group("lending", categories=["Lending"], queues=[])
    await api.add_key("loans", Role.VIEWER, access_groups=["lending"])
    await api.follow()
    listeners = {key: await listen(api, key) for key in ("ann", "ben", "loans", "t")}
    claim = await api.item("c1")
    loan = await api.item("c2", data={"kind": "loan"})
    await api.post(f"/items/{claim['id']}/assign", {"agent": "ann"})
    await api.post(f"/items/{claim['id']}/return", {})
    await until(lambda: len(listeners["t"].of("items")) == 4)
    last = await api.item("c3", data={"kind": "loan"})
    await until(lambda: len(listeners["loans"].of("items")) == 2)
    await until(lambda: len(listeners["ann"].of("items")) == 2)
    assert [m["id"] for m in listeners["loans"].of("items")] == [loan["id"], last["id"]]
    assert [m["event"] for m in listeners["ann"].of("items")] == ["assigned", "returned"]
    assert listeners["ben"].of("items") == []
    for listener in listeners.values():
        await listener.close()


async def test_the_stream_gives_signs_of_life_and_keeps_the_agent_present(api: World) -> None:
    await api.add_agent("ann")
    services = await api.follow()
    listener = await listen(api, "ann", heartbeat=0.01)
    await until(lambda: listener.comments > 3)
    assert "ann" in services.presence._seen
    await listener.close()
    problem(await api.get("/stream", "ann", headers={"Last-Event-ID": "x"}), 400)


async def test_the_reporting_feed_is_gap_free(api: World) -> None:
    for n in range(5):
        await api.item(f"c{n}", subject="Personal", ext={"customerId": "K1", "productType": "x"})
    first = await api.get("/reporting/events?limit=3", headers={"accept-encoding": "identity"})
    assert first.headers["content-type"].startswith("application/x-ndjson")
    lines = [msgspec.json.decode(line) for line in first.text.splitlines()]
    assert [line["cursor"] for line in lines] == ["1.1", "1.2", "1.3"]
    assert lines[0]["body"]["set"]["ext"] == {"productType": "x"}
    assert "Personal" not in first.text
    assert "K1" not in first.text
    assert (first.headers["x-openiwd-next"], first.headers["x-openiwd-head"]) == ("1.3", "1.5")
    rest = await api.get(
        f"/reporting/events?after={first.headers['x-openiwd-next']}", headers={"accept-encoding": "gzip"}
    )
    assert rest.headers["content-encoding"] == "gzip"
    assert [msgspec.json.decode(line)["cursor"] for line in rest.text.splitlines()] == ["1.4", "1.5"]
    end = await api.get("/reporting/events?after=1.5")
    assert (end.text, end.headers["x-openiwd-next"]) == ("", "1.5")
    past = await api.get("/reporting/events?after=1.99")
    assert (past.status_code, past.headers["x-openiwd-next"]) == (200, "1.5")
    personal = await api.get("/reporting/events?personal=true")
    assert "Personal" in personal.text
    await api.add_key("mart", privileges=["reporting.read"])
    problem(await api.get("/reporting/events?personal=true", "mart"), 403)
    assert (await api.get("/reporting/events", "mart")).status_code == 200
    for cursor in ("x", "1", "1.x", "-1.5", "1.99999999999999999999999"):
        problem(await api.get(f"/reporting/events?after={cursor}"), 400)
    problem(await api.get("/reporting/events?limit=0"), 400)


async def test_gzip_is_gzip(api: World) -> None:
    await api.item("c1")
    async with api.http.stream(
        "GET", "/iwd/v3/reporting/events", headers={"x-api-key": api.keys["t"], "accept-encoding": "gzip"}
    ) as answer:
        content = b"".join([piece async for piece in answer.aiter_raw()])
    assert msgspec.json.decode(gzip.decompress(content))["type"] == "created"


async def test_health_and_metrics(api: World) -> None:
    assert (await api.get("/livez", None)).json() == {"status": "ok"}
    ready = await api.get("/readyz", None)
    assert ready.json() == {
        "status": "ready",
        "dependencies": {"controlDatabase": {"status": "ok", "detail": None}},
    }
    await api.post("/items", raw("c1"))
    text = (await api.get("/metrics", None)).text
    assert 'iwd_items_created_total{capture_point="rest",tenant="t"} 1.0' in text
    assert 'iwd_items{status="queued",tenant="t"} 1.0' in text
    assert (
        'iwd_http_request_duration_seconds_count{code="201",method="POST",route="/iwd/v3/items"} 1.0' in text
    )
    await api.get("/items/ext_c1")
    await api.get("/nothing/at/all")
    text = (await api.get("/metrics", None)).text
    assert 'code="200",method="GET",route="/iwd/v3/items/{item_id}"' in text
    assert "ext_c1" not in text
    assert "nothing/at" not in text


async def test_not_ready_while_it_drains_though_it_answers(api: World) -> None:
    api.wiring.platform.drain()
    ready = await api.get("/readyz", None)
    assert (ready.status_code, ready.json()["status"]) == (503, "draining")
    assert (await api.get("/livez", None)).status_code == 200
    assert (await api.post("/items", raw("c1"))).status_code == 201


async def test_not_ready_without_the_database(api: World) -> None:
    await api.wiring.pools.close()
    ready = await api.get("/readyz", None)
    assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
    assert (await api.get("/livez", None)).status_code == 200
    answer = await api.get("/items/ext_c1")
    problem(answer, 503)
    assert "retry-after" in answer.headers
