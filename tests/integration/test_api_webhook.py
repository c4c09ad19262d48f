"""Webhooks over HTTP: configured, tried, rotated, looked at and sent again; secrets are shown once and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openiwd.domain.privilege import Role
from openiwd.processes.loop import forever
from openiwd.processes.webhooks import LEASE, SendingTenant
from tests.factories.api import World, problem
from tests.servers.receiver import Receiver, receiving
from tests.servers.until import until

LONG = 600.0


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture
async def sending(api: World) -> AsyncIterator[World]:
    """This process sends, as a serving one does."""
    services = await api.follow()
    await api.wiring.control.renew_process(api.platform.process_id, "serve", None, LONG)
    loop = asyncio.create_task(forever("webhooks", SendingTenant(api.platform, services).step))
    yield api
    loop.cancel()
    with suppress(asyncio.CancelledError):
        await loop


async def made(api: World, url: str, name: str = "crm", **fields: Any) -> dict[str, Any]:
    answer = await api.call("PUT", f"/webhooks/{name}", json={"name": name.upper(), "url": url, **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def shown(api: World, name: str = "crm") -> dict[str, Any]:
    answer = await api.get(f"/webhooks/{name}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def deliveries(api: World, query: str = "") -> list[dict[str, Any]]:
    answer = await api.get(f"/webhooks/crm/deliveries{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["deliveries"])


async def test_a_webhook_tells_of_what_happens_from_its_making_on(sending: World, receiver: Receiver) -> None:
    await sending.item("before")
    secret = (await made(sending, receiver.url))["secret"]
    item = await sending.item("after")
    await sending.post(f"/items/{item['id']}/cancel", {"reason": "withdrawn"})
    await until(lambda: len(receiver.requests) >= 2)
    assert receiver.events == ["created", "canceled"]
    assert all(r.is_from(secret) for r in receiver.requests)
    body = receiver.requests[1].json
    assert (body["item"]["captureId"], body["item"]["status"]) == ("after", "canceled")
    assert body["event"]["reason"] == "withdrawn"
    await until(lambda: _is_state(sending, "working", waiting=0))
    listed = await deliveries(sending)
    assert [d["eventType"] for d in listed] == ["canceled", "created"]
    assert {d["state"] for d in listed} == {"delivered"}
    one = (await sending.get(f"/webhooks/crm/deliveries/{listed[0]['id']}")).json()
    assert one["body"] == body


async def _is_state(api: World, state: str, **counts: int) -> bool:
    found = await shown(api)
    return found["state"] == state and all(found[k] == v for k, v in counts.items())


async def test_objects_are_made_changed_and_removed(api: World) -> None:
    first = await made(api, "https://hooks.example.com/iwd", events=["completed"])
    assert first["secret"].startswith("oiwh_")
    assert first["secrets"][0]["hint"] == first["secret"][:9]
    again = await api.call("PUT", "/webhooks/crm", json=await shown(api))
    assert (again.status_code, again.json()["secret"]) == (200, None)
    stale = await api.call(
        "PUT", "/webhooks/crm", json={"name": "X", "url": "https://x.example/"}, headers={"If-Match": '"1"'}
    )
    problem(stale, 412)
    assert [w["id"] for w in (await api.get("/webhooks")).json()["webhooks"]] == ["crm"]
    for body, field in (
        ({"name": "X", "url": "https://127.0.0.2.example/", "events": ["nonsense"]}, "events[0]"),
        ({"name": "X", "url": "https://10.0.0.1/"}, "url"),
        ({"name": "X", "url": "http://hooks.example.com:99999/"}, "url"),
        ({"name": "X"}, "url"),
        ({"name": "", "url": "https://x.example/"}, "name"),
    ):
        assert problem(await api.call("PUT", "/webhooks/other", json=body), 400).get("field") == field
    assert (await api.call("DELETE", "/webhooks/crm")).status_code == 204
    problem(await api.get("/webhooks/crm"), 404)
    entries = (await api.get("/audit")).json()["entries"]
    assert [e["action"] for e in entries if e["objectId"] == "crm"] == ["deleted", "updated", "created"]


async def test_a_secret_is_nowhere_but_in_the_answer_that_made_it(api: World) -> None:
    secret = (await made(api, "https://hooks.example.com/iwd"))["secret"]
    newer = (await api.post("/webhooks/crm/secret", {"overlapHours": 1})).json()["secret"]
    services = await api.services()
    async with services.runtime.store.reading() as reading:
        stored = await reading.webhook_secrets("crm")
        events = await reading.events(await reading.oldest(), 1_000)
    texts = [(await api.get(p)).text for p in ("/webhooks", "/webhooks/crm", "/audit")]
    texts += [repr(events), repr(stored)]
    for text in texts:
        assert secret not in text
        assert newer not in text


async def test_two_secrets_sign_while_one_is_replaced(sending: World, receiver: Receiver) -> None:
    first = (await made(sending, receiver.url))["secret"]
    second = (await sending.post("/webhooks/crm/secret", {"overlapHours": 24})).json()["secret"]
    pinged = (await sending.post("/webhooks/crm/ping")).json()
    assert (pinged["ok"], pinged["status"]) == (True, 204)
    (ping,) = receiver.requests
    assert (ping.event, ping.is_from(first), ping.is_from(second)) == ("ping", True, True)
    third = (await sending.post("/webhooks/crm/secret", {"overlapHours": 24})).json()["secret"]
    assert len((await shown(sending))["secrets"]) == 2
    await sending.post("/webhooks/crm/ping")
    assert [receiver.requests[1].is_from(s) for s in (first, second, third)] == [False, True, True]
    last = (await sending.post("/webhooks/crm/secret", {"overlapHours": 0})).json()["secret"]
    await sending.post("/webhooks/crm/ping")
    assert [receiver.requests[2].is_from(s) for s in (second, third, last)] == [False, False, True]
    problem(await sending.post("/webhooks/crm/secret", {"overlapHours": -1}), 400)
    problem(await sending.post("/webhooks/other/secret", {}), 404)


async def test_what_was_given_up_is_sent_again(sending: World, receiver: Receiver) -> None:
    receiver.answer = lambda _: 410
    await made(sending, receiver.url)
    for n in range(3):
        await sending.item(f"c{n}")
    await until(lambda: _is_state(sending, "failing", parked=3))
    parked = await deliveries(sending, "?state=parked")
    receiver.answer = lambda _: 200
    one = await sending.post("/webhooks/crm/replay", {"deliveries": [parked[0]["id"]]})
    assert one.json() == {"waiting": 1}
    await until(lambda: _is_state(sending, "parked", parked=2, waiting=0))
    assert (await sending.post("/webhooks/crm/replay", {"parked": True})).json() == {"waiting": 2}
    await until(lambda: _is_state(sending, "working", parked=0, waiting=0))
    ids = [r.delivery for r in receiver.requests]
    assert sorted(ids[:3]) == sorted(ids[3:])
    for body in ({}, {"parked": True, "since": datetime.now(UTC).isoformat()}):
        problem(await sending.post("/webhooks/crm/replay", body), 400)


async def test_since_an_instant_all_is_sent_again_from_the_log(sending: World, receiver: Receiver) -> None:
    start = datetime.now(UTC) - timedelta(seconds=1)
    await sending.item("before the webhook")
    await made(sending, receiver.url)
    await sending.item("after it")
    await until(lambda: len(receiver.requests) == 1)
    await until(lambda: _is_state(sending, "working", waiting=0))
    assert (await sending.post("/webhooks/crm/replay", {"since": start.isoformat()})).json() == {"waiting": 1}
    await until(lambda: len(receiver.requests) == 3)
    assert {r.json["item"]["captureId"] for r in receiver.requests} == {"before the webhook", "after it"}
    assert len({r.delivery for r in receiver.requests}) == 2


async def test_switched_off_it_hears_nothing_of_the_meantime(sending: World, receiver: Receiver) -> None:
    await made(sending, receiver.url)
    await sending.item("heard")
    await until(lambda: len(receiver.requests) == 1)
    body = {"name": "CRM", "url": receiver.url}
    await sending.call("PUT", "/webhooks/crm", json={**body, "enabled": False})
    await sending.item("not heard")
    assert (await shown(sending))["state"] == "disabled"
    await sending.call("PUT", "/webhooks/crm", json={**body, "enabled": True})
    await sending.item("heard again")
    await until(lambda: len(receiver.requests) == 2)
    assert [r.json["item"]["captureId"] for r in receiver.requests] == ["heard", "heard again"]


async def test_another_process_takes_over_in_time(api: World, receiver: Receiver) -> None:
    services = await api.follow()
    control, dead = api.wiring.control, api.platform.process_id
    await control.renew_process(dead, "serve", None, LONG)
    assert await control.take_lease("t", LEASE, dead) == 1
    await made(api, receiver.url)
    await api.item("c1")
    api.platform.process_id = services.runtime.new_id()
    await control.renew_process(api.platform.process_id, "serve", None, LONG)
    loop = asyncio.create_task(forever("webhooks", SendingTenant(api.platform, services).step))
    try:
        assert await control.take_lease("t", LEASE, api.platform.process_id) is None
        assert receiver.requests == []
        await control.end_process(dead)
        await until(lambda: receiver.requests, seconds=10)
        assert await control.take_lease("t", LEASE, api.platform.process_id) == 2
    finally:
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.ADMINISTRATOR])
async def test_only_administrators_have_webhooks(api: World, role: Role) -> None:
    await made(api, "https://hooks.example.com/iwd")
    agent = {"agent_id": "ann"} if role is Role.AGENT else {}
    await api.add_key(role.value, role, **agent)
    problem(await api.get("/webhooks", key=role.value), 403)
    problem(await api.post("/webhooks/crm/ping", key=role.value), 403)
    problem(await api.post("/webhooks/crm/replay", {"parked": True}, key=role.value), 403)
