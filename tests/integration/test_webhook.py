"""Webhooks on a real database and a real receiver: once planned, in order, tried again, parked, sent again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from openiwd.adapters.outbound.http_outbound import HttpOutbound
from openiwd.adapters.postgres.pools import TenantPools
from openiwd.adapters.secret_box.aes_gcm import AesGcmBox
from openiwd.domain.event import EventType, item_event
from openiwd.domain.network_address import read_networks
from openiwd.domain.webhook import BREAKS_AFTER, Webhook
from openiwd.domain.work_item import Status, WorkItem
from openiwd.ports.tenant_store import Cursor
from openiwd.ports.webhook import Delivery, DeliveryQuery, StoredSecret
from openiwd.processes.identity import new_id
from openiwd.usecases import alarm as alarm_use
from openiwd.usecases import alarm_watch, webhook_outbox
from openiwd.usecases.alarm import AlarmFilter
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.webhook_outbox import MovedError, Outbox
from openiwd.usecases.webhook_sending import context_of
from tests.factories.stored_item import store_items, stored_item
from tests.factories.tenant import NOBODY, MovedClock, caller, make_runtime, pools_for
from tests.servers.receiver import CUT, HANG, Received, Receiver, receiving

BOX = AesGcmBox(["t" * 32])
SECRET = "oiwh_test"


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def pools(tenant_database: str) -> AsyncIterator[TenantPools]:
    made = pools_for(tenant_database)
    yield made
    await made.close()


@pytest.fixture
async def services(pools: TenantPools, clock: MovedClock) -> TenantServices:
    made = TenantServices(await make_runtime(pools, clock), NOBODY)
    await made.feed.start()
    return made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture
async def outbound() -> AsyncIterator[HttpOutbound]:
    made = HttpOutbound(read_networks(["127.0.0.0/8"], "test"))
    yield made
    await made.close()


@pytest.fixture
def outbox(services: TenantServices, outbound: HttpOutbound) -> Outbox:
    return Outbox(services, outbound, BOX, lambda: 1.0)


async def add_webhook(services: TenantServices, url: str, webhook_id: str = "crm", **fields: Any) -> None:
    webhook = msgspec.convert({"id": webhook_id, "name": webhook_id.upper(), "url": url, **fields}, Webhook)
    secret = StoredSecret(
        id=new_id(),
        sealed=BOX.seal(SECRET, context_of("t", webhook_id)),
        hint="oiwh_",
        made_at=services.runtime.now(),
    )
    async with services.runtime.store.writing() as tx:
        await tx.save_object("webhook", msgspec.to_builtins(webhook), revision=None)
        await tx.begin_webhook(webhook_id)
        await tx.add_webhook_secret(webhook_id, secret)


async def change(services: TenantServices, item: WorkItem, kind: EventType, **fields: Any) -> WorkItem:
    """One revision on, with its event."""
    after = msgspec.structs.replace(item, revision=item.revision + 1, **fields)
    async with services.runtime.store.writing() as tx:
        assert await tx.update_items([(item.revision, after)])
        await tx.append_events([item_event(kind, item, after, at=services.runtime.now(), actor="user:ines")])
    return after


async def plan(outbox: Outbox) -> None:
    await outbox._services.feed.catch_up()
    await outbox.load()
    while await outbox.plan():
        pass


async def send(outbox: Outbox, webhook_id: str = "crm") -> int:
    """All that is due at this instant."""
    sent = 0
    while done := await outbox.send(outbox.receivers[webhook_id]):
        sent += done
    return sent


async def stored(services: TenantServices, webhook_id: str = "crm", **fields: Any) -> list[Delivery]:
    async with services.runtime.store.reading() as reading:
        found = await reading.deliveries(DeliveryQuery(webhook_id=webhook_id, limit=1_000, **fields))
    return found[::-1]


async def test_events_arrive_signed_with_the_item_as_it_was(
    services: TenantServices, outbox: Outbox, receiver: Receiver
) -> None:
    await add_webhook(services, receiver.url)
    (item,) = await store_items(
        services.runtime.store, [stored_item("c1", subject="Collision", queue_id="claims")]
    )
    held = await change(services, item, EventType.HELD, status=Status.HELD, subject="Collision A7")
    await change(services, held, EventType.CANCELED, status=Status.CANCELED)
    await plan(outbox)
    assert await send(outbox) == 3
    first, second, third = receiver.requests
    assert receiver.events == ["created", "held", "canceled"]
    assert all(r.is_from(SECRET) for r in receiver.requests)
    assert not first.is_from("oiwh_other")
    assert (first.json["item"]["status"], first.json["item"]["subject"]) == ("queued", "Collision")
    told = second.json
    assert (told["item"]["status"], told["item"]["revision"], told["item"]["subject"]) == (
        "held",
        2,
        "Collision A7",
    )
    assert (
        told["event"].items()
        >= {"type": "held", "from": "queued", "to": "held", "actor": "user:ines"}.items()
    )
    assert told["event"]["changed"] == ["status", "subject"]
    assert (told["webhook"], told["tenant"], told["delivery"]) == ("crm", "t", second.delivery)
    assert third.json["item"]["captureId"] == "c1"
    assert third.headers["openiwd-attempt"] == "1"
    assert [d.state for d in await stored(services)] == ["delivered"] * 3


async def test_only_what_is_wanted_and_only_references(
    services: TenantServices, outbox: Outbox, receiver: Receiver
) -> None:
    narrow: dict[str, Any] = {
        "statuses": ["canceled"],
        "capturePoints": ["portal"],
        "categories": ["Claims"],
        "content": "reference",
    }
    await add_webhook(services, receiver.url, **narrow)
    items = [
        stored_item("in", capture_point="portal", category_path="Claims/Motor", subject="private"),
        stored_item("out1", capture_point="rest", category_path="Claims/Motor"),
        stored_item("out2", capture_point="portal", category_path="Lending"),
    ]
    for item in await store_items(services.runtime.store, items):
        canceled = await change(services, item, EventType.CANCELED, status=Status.CANCELED)
        await change(services, canceled, EventType.TAGGED, tags=["x"])
    await plan(outbox)
    assert await send(outbox) == 1
    body = receiver.requests[0].json
    assert body["item"].keys() == {"id", "captureId", "capturePoint", "status", "revision"}
    assert body["item"]["captureId"] == "in"
    assert b"private" not in receiver.requests[0].body


async def test_each_items_deliveries_keep_their_order_while_others_go_on(
    services: TenantServices, outbox: Outbox, receiver: Receiver, clock: MovedClock
) -> None:
    await add_webhook(services, receiver.url)
    bad, good = await store_items(services.runtime.store, [stored_item("bad"), stored_item("good")])
    receiver.answer = lambda r: 422 if r.json["item"]["captureId"] == "bad" else 200
    await change(services, bad, EventType.HELD, status=Status.HELD)
    await change(services, good, EventType.HELD, status=Status.HELD)
    await plan(outbox)
    await send(outbox)
    seen = [(r.json["item"]["captureId"], r.event) for r in receiver.requests]
    assert sorted(seen) == [("bad", "created"), ("good", "created"), ("good", "held")]
    clock.move(seconds=4)
    assert await send(outbox) == 0, "its time has not come"
    receiver.answer = lambda _: 200
    clock.move(seconds=2)
    assert await send(outbox) == 2
    again, last = receiver.requests[-2:]
    assert (again.event, again.headers["openiwd-attempt"], last.event) == ("created", "2", "held")
    assert again.delivery == receiver.requests[0].delivery or again.delivery == receiver.requests[1].delivery
    assert again.body in {r.body for r in receiver.requests[:2]}, "the same bytes again"


async def test_a_crash_after_sending_sends_again_under_the_same_id(
    services: TenantServices, outbox: Outbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_webhook(services, receiver.url)
    await store_items(services.runtime.store, [stored_item(f"c{n}") for n in range(5)])
    await plan(outbox)

    async def killed(*_: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(outbox, "_record", killed)
    with pytest.raises(asyncio.CancelledError):
        await send(outbox)
    follower = Outbox(services, outbox._outbound, BOX, lambda: 1.0)
    await plan(follower)
    assert await send(follower) == 5
    ids = [r.delivery for r in receiver.requests]
    assert len(ids) == 10
    assert sorted(ids[:5]) == sorted(ids[5:])


async def test_two_who_plan_at_once_plan_each_event_once(
    services: TenantServices, outbox: Outbox, receiver: Receiver
) -> None:
    await add_webhook(services, receiver.url)
    other = Outbox(services, outbox._outbound, BOX, lambda: 1.0)
    await outbox.load()
    await other.load()
    await store_items(services.runtime.store, [stored_item(f"c{n}") for n in range(50)])
    await services.feed.catch_up()
    results = await asyncio.gather(outbox.plan(), other.plan(), return_exceptions=True)
    assert sum(isinstance(r, MovedError) for r in results) <= 1
    assert len(await stored(services)) == 50


async def test_a_dead_receiver_is_left_alone_and_holds_up_nobody(
    services: TenantServices, outbox: Outbox, receiver: Receiver, clock: MovedClock
) -> None:
    async with receiving() as dead:
        gone = dead.url
    await add_webhook(services, gone, "dead")
    await add_webhook(services, receiver.url)
    await store_items(services.runtime.store, [stored_item(f"c{n}") for n in range(60)])
    await plan(outbox)
    tried = await send(outbox, "dead")
    assert BREAKS_AFTER <= tried < 32, "those not begun are left for later"
    assert outbox.receivers["dead"].state.paused_until is not None
    assert await send(outbox) == 60
    clock.move(minutes=5)
    assert await outbox.send(outbox.receivers["dead"]) == 1, "one tries whether it is back"
    async with services.runtime.store.reading() as reading:
        state = (await reading.webhook_states())["dead"]
        counts = (await reading.delivery_counts())["dead"]
    assert state.failures == tried + 1
    assert state.last_error
    assert counts.waiting == 60


async def test_a_receiver_that_is_back_gets_one_delivery_and_then_all(
    services: TenantServices, outbox: Outbox, receiver: Receiver, clock: MovedClock
) -> None:
    await add_webhook(services, receiver.url)
    await store_items(services.runtime.store, [stored_item(f"c{n}") for n in range(20)])
    receiver.answer = lambda _: 500
    await plan(outbox)
    await send(outbox)
    crm = outbox.receivers["crm"]
    seen = len(receiver.requests)
    assert crm.state.failures >= BREAKS_AFTER
    receiver.answer = lambda _: 200
    assert await outbox.send(crm) == 0
    assert len(receiver.requests) == seen, "left alone, though it is back"
    clock.move(minutes=10)
    assert await outbox.send(crm) == 1, "one tries whether it is back"
    assert (crm.state.failures, crm.state.paused_until) == (0, None)
    assert await outbox.send(crm) == 19


async def test_after_a_day_all_of_a_dead_receiver_is_parked_raises_an_alarm_and_is_sent_again(
    services: TenantServices, outbox: Outbox, receiver: Receiver, clock: MovedClock
) -> None:
    await add_webhook(services, receiver.url)
    await store_items(services.runtime.store, [stored_item(f"c{n}") for n in range(40)])
    receiver.answer = lambda _: 500
    await plan(outbox)
    await send(outbox)
    clock.move(hours=24)
    await send(outbox)
    assert {d.state for d in await stored(services)} == {"parked"}
    await alarm_watch.watch(services)
    page = await alarm_use.alarms(services, caller(), AlarmFilter())
    assert [(a.kind, a.object_id, a.object_name, a.detail["deliveries"]) for a in page.alarms] == [
        ("webhookParked", "crm", "CRM", 40)
    ]
    async with services.runtime.store.writing() as tx:
        assert await tx.replay_deliveries("crm", clock.now(), 1_000, parked=True) == 40
    receiver.answer = lambda _: 200
    clock.move(minutes=10)
    assert await send(outbox) == 40
    await alarm_watch.watch(services)
    assert (await alarm_use.alarms(services, caller(), AlarmFilter())).alarms == []


async def test_the_queue_of_a_receiver_is_bounded_and_goes_on_from_the_log(
    services: TenantServices, outbox: Outbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_outbox, "MOST_WAITING", 10)
    await add_webhook(services, receiver.url)
    store = services.runtime.store
    await store_items(store, [stored_item(f"a{n}") for n in range(10)])
    await plan(outbox)
    await store_items(store, [stored_item(f"b{n}") for n in range(10)])
    await plan(outbox)
    assert len(await stored(services)) == 10
    await send(outbox)
    await plan(outbox)
    assert await send(outbox) == 10
    assert len({r.delivery for r in receiver.requests}) == 20


@pytest.mark.parametrize(
    ("answer", "headers", "says"),
    [
        (302, {"Location": "http://127.0.0.1:1/"}, "redirects are not followed"),
        (500, {}, "answered 500"),
        (429, {"Retry-After": "120"}, "answered 429"),
        (CUT, {}, ""),
        (HANG, {}, "did not answer in time"),
    ],
)
async def test_answers_that_are_none(
    receiver: Receiver,
    outbound: HttpOutbound,
    monkeypatch: pytest.MonkeyPatch,
    answer: int,
    headers: dict[str, str],
    says: str,
) -> None:
    monkeypatch.setattr("openiwd.adapters.outbound.http_outbound.READ_SECONDS", 0.3)
    receiver.answer = lambda _: answer
    receiver.headers = headers
    got = await outbound.post(receiver.url, {}, b"{}")
    assert not got.is_done
    assert says in (got.error or "")
    assert got.retry_after == (120.0 if answer == 429 else None)
    assert len(receiver.requests) == 1


async def test_names_that_lead_inside_are_refused_when_they_are_resolved(receiver: Receiver) -> None:
    guarded = HttpOutbound()
    try:
        for url in (f"https://localhost:{receiver.port}/", f"https://127.0.0.1:{receiver.port}/"):
            got = await guarded.post(url, {}, b"{}")
            assert "not public" in (got.error or ""), got
    finally:
        await guarded.close()
    assert receiver.requests == []


async def test_a_place_is_found_by_its_instant(services: TenantServices, clock: MovedClock) -> None:
    for n in range(20):
        item = stored_item(f"c{n}", received_at=clock.now())
        await store_items(services.runtime.store, [item])
        clock.move(minutes=1)
    async with services.runtime.store.reading() as reading:
        start = clock.now() - timedelta(minutes=20)
        assert await reading.place_at(start) == (1, 0)
        assert await reading.place_at(start + timedelta(minutes=5)) == (1, 5)
        assert await reading.place_at(start + timedelta(minutes=5, seconds=1)) == (1, 6)
        assert await reading.place_at(clock.now()) == Cursor(1, 20)


async def test_what_was_delivered_is_forgotten_after_some_days(
    services: TenantServices, outbox: Outbox, receiver: Receiver, clock: MovedClock
) -> None:
    await add_webhook(services, receiver.url)
    await store_items(services.runtime.store, [stored_item("a"), stored_item("b")])
    receiver.answer = _by_item
    await plan(outbox)
    await send(outbox)
    clock.move(days=2)
    assert await outbox.forget() == 0
    clock.move(days=2)
    assert await outbox.forget() == 1
    assert [d.state for d in await stored(services)] == ["parked"]
    clock.move(days=30)
    assert await outbox.forget() == 1


def _by_item(request: Received) -> int:
    return 410 if request.json["item"]["captureId"] == "a" else 200
