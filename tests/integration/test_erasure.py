"""A contact's personal values are erased everywhere, with certificate and proof; retention with a dry run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import httpx

from openiwd.adapters.reporting_feed.http_feed import HttpReportingFeed
from openiwd.domain.event import fold
from openiwd.domain.privilege import Role
from openiwd.processes.mart import MartLoop
from openiwd.processes.wiring import mart_database
from openiwd.usecases import retention
from openiwd.usecases.mart_run import Chain, MartSource
from tests.factories.api import World, events_in, problem
from tests.servers.postgres import PostgresServer

NAME = "Wilhelmina Quartermaine"
PERSON = {"customerId": "cust-77120", "name": NAME, "emails": ["wilhelmina@example.test"]}


async def a_life(api: World) -> tuple[str, str]:
    """An item with a note, a file and changes, which is over; the contact's id and the item's."""
    item = await api.item("c1", subject=f"Claim of {NAME}", description=NAME, contact=PERSON)
    path = f"/items/{item['id']}"
    assert (await api.post(f"{path}/notes", {"text": f"called {NAME}"})).status_code == 201
    changed = await api.call("PATCH", path, json={"data": {"plate": NAME}})
    assert changed.status_code == 200, changed.text
    contacts = (await api.get("/contacts")).json()["contacts"]
    return contacts[0]["id"], item["id"]


async def test_nothing_of_the_person_is_left_and_the_item_is(api: World) -> None:
    contact_id, item_id = await a_life(api)
    other = await api.item("c2", subject="of somebody else", contact={"customerId": "cust-2", "name": "Bo"})
    path = f"/contacts/{contact_id}/erase"
    planned = (await api.post(path, {"reason": "asked for", "dryRun": True})).json()
    assert (planned["items"], planned["openItems"], planned["counts"]["notes"]) == (1, 1, 1)
    problem(await api.post(path, {"reason": "asked for"}), 409, "openItems")
    assert NAME in (await api.get(f"/items/{item_id}")).text
    assert (await api.post(f"/items/{item_id}/cancel", {"reason": "erased"})).status_code == 200
    certificate = await api.post(path, {"reason": "asked for"})
    assert certificate.status_code == 200, certificate.text
    told = certificate.json()
    assert told["remaining"] == {}
    assert (told["counts"]["items"], told["counts"]["notes"]) == (1, 1)
    assert told["counts"]["events"] >= 2
    assert (await api.post(path, {"reason": "again"})).json() == told
    for page in (f"/items/{item_id}", f"/items/{item_id}/history", f"/items/{item_id}/notes"):
        text = (await api.get(page)).text
        assert NAME not in text
        assert "cust-77120" not in text
    for page in ("/reporting/events?personal=true", f"/contacts/{contact_id}", "/erasures", "/audit"):
        assert NAME not in (await api.get(page)).text, page
    proof = await api.post("/erasures/proof", {"values": [NAME, "cust-77120", "wilhelmina@example.test"]})
    assert proof.json()["places"] == {}
    assert (await api.get(f"/items/{item_id}")).json()["status"] == "canceled"
    assert (await api.get(f"/items/{other['id']}")).json()["subject"] == "of somebody else"
    async with (await api.services()).runtime.store.reading() as reading:
        history = await reading.history(told_id := (await reading.items_by_capture_id("c1"))[0].id)
        stored = (await reading.items_by_id([told_id]))[told_id]
    assert fold(history) == stored, "folding the events still gives the item"


async def test_the_proof_finds_what_others_hold(api: World) -> None:
    contact_id, item_id = await a_life(api)
    await api.item("c2", subject=f"about {NAME}", contact={"customerId": "cust-2", "name": "Bo"})
    await api.post(f"/items/{item_id}/cancel", {"reason": "x"})
    told = (await api.post(f"/contacts/{contact_id}/erase", {"reason": "asked for"})).json()
    assert told["remaining"] == {"items": 1, "events": 1}


async def test_when_an_address_was_acknowledged_last_is_forgotten(api: World) -> None:
    contact_id, item_id = await a_life(api)
    now = datetime.now(UTC)
    async with (await api.services()).runtime.store.writing() as tx:
        for address in ("Wilhelmina@Example.test", "bo@example.test"):
            assert await tx.claim_automatic_mail(address, now, now)
    proof = await api.post("/erasures/proof", {"values": ["wilhelmina@example.test"]})
    assert proof.json()["places"]["automaticMails"] == 1
    await api.post(f"/items/{item_id}/cancel", {"reason": "x"})
    path = f"/contacts/{contact_id}/erase"
    planned = (await api.post(path, {"reason": "asked for", "dryRun": True})).json()
    assert planned["counts"]["automaticMails"] == 1
    told = (await api.post(path, {"reason": "asked for"})).json()
    assert (told["counts"]["automaticMails"], told["remaining"]) == (1, {})
    async with (await api.services()).runtime.store.reading() as reading:
        assert await reading.last_automatic_mail("Wilhelmina@Example.test") is None
        assert await reading.last_automatic_mail("bo@example.test") == now


async def test_answers_kept_for_repeated_requests_are_blanked(api: World) -> None:
    contact_id, item_id = await a_life(api)
    other = await api.item("c2", contact={"customerId": "cust-2", "name": "Bo"})
    sent = [
        (f"/items/{item_id}/notes", {"text": "says that he moves to Aachen"}, "of the item"),
        (f"/items/{other['id']}/notes", {"text": f"knows {NAME}"}, "of another item"),
        (f"/items/{other['id']}/notes", {"text": "knows nobody"}, "of nobody"),
    ]

    async def send() -> list[httpx.Response]:
        return [
            await api.call("POST", path, json=body, headers={"Idempotency-Key": key})
            for path, body, key in sent
        ]

    first = await send()
    assert [a.status_code for a in first] == [201, 201, 201]
    assert [a.json() for a in await send()] == [a.json() for a in first]
    await api.post(f"/items/{item_id}/cancel", {"reason": "x"})
    path = f"/contacts/{contact_id}/erase"
    planned = (await api.post(path, {"reason": "asked for", "dryRun": True})).json()
    assert planned["counts"]["answers"] == 1
    told = (await api.post(path, {"reason": "asked for"})).json()
    assert (told["counts"]["answers"], told["remaining"]) == (2, {"notes": 1})
    proof = await api.post("/erasures/proof", {"values": ["moves to Aachen"]})
    assert proof.json()["places"] == {}
    gone, also_gone, kept = await send()
    problem(gone, 410, "gone")
    problem(also_gone, 410, "gone")
    assert kept.json() == first[2].json()
    assert len((await api.get(f"/items/{item_id}/notes")).json()["notes"]) == 2, "none was added again"


async def test_an_answer_that_comes_after_the_erasure_is_not_kept(api: World) -> None:
    contact_id, item_id = await a_life(api)
    await api.post(f"/items/{item_id}/cancel", {"reason": "x"})
    await api.post(f"/contacts/{contact_id}/erase", {"reason": "asked for"})
    store = (await api.services()).runtime.store
    async with store.reading() as reading:
        (item,) = await reading.items_by_capture_id("c1")
    async with store.writing() as tx:
        await tx.save_idempotent("late", b"hash", 201, {"body": NAME}, item.number)
    async with store.reading() as reading:
        assert await reading.idempotent("late") == (b"hash", 201, None)


async def test_erasing_takes_its_own_privilege(api: World) -> None:
    contact_id, _ = await a_life(api)
    await api.add_key("bus", Role.BUSINESS)
    problem(await api.post(f"/contacts/{contact_id}/erase", {"reason": "x"}, "bus"), 403)
    problem(await api.get("/erasures", "bus"), 403)


async def test_the_mart_erases_as_well(api: World, postgres_server: PostgresServer) -> None:
    attribute = {"name": "plate", "type": "string", "reportDimension": True}
    declared = await api.call("PUT", "/attributes/plate", json=attribute)
    assert declared.status_code in (200, 201), declared.text
    contact_id, item_id = await a_life(api)
    tenant = (await api.services()).tenant
    key = await api.add_key("mart", Role.ADMINISTRATOR)
    transport = httpx.ASGITransport(app=api.api)  # type: ignore[arg-type]
    feed = HttpReportingFeed("http://iwd", key, transport=transport)
    source = MartSource(tenant_id="t", time_zone="UTC", feed=feed)
    loop = MartLoop(api.wiring.mart(tenant), source, postgres_server.dsn, mart_database(tenant))
    try:
        await loop.run(Chain.INTRADAY)
        dsn = postgres_server.dsn(mart_database(tenant))
        count = "SELECT (SELECT count(*) FROM task_fact f WHERE f::text LIKE $1) + (SELECT count(*) FROM task_event_fact e WHERE e::text LIKE $1)"  # noqa: E501
        connection = await asyncpg.connect(dsn)
        try:
            assert await connection.fetchval(count, f"%{NAME}%") > 0
            await api.post(f"/items/{item_id}/cancel", {"reason": "x"})
            assert (
                await api.post(f"/contacts/{contact_id}/erase", {"reason": "asked for"})
            ).status_code == 200
            result = await loop.run(Chain.INTRADAY)
            assert result.verdict.balanced, result.verdict.detail
            assert await connection.fetchval(count, f"%{NAME}%") == 0
        finally:
            await connection.close()
    finally:
        await loop.stop()
        await postgres_server.drop_database(mart_database(tenant))


async def test_retention_tells_what_it_would_delete_and_then_does(api: World) -> None:
    for n, status in enumerate(("cancel", "cancel", "complete")):
        item = await api.item(f"c{n}", data={"kind": "claim", "line": "motor"}, subject=NAME)
        done = await api.post(f"/items/{item['id']}/{status}", {"reason": "x", "resultCode": "paid"})
        assert done.status_code == 200, done.text
    await api.item("open")
    services = await api.services()
    long_ago = datetime.now(UTC) - timedelta(days=40)
    async with api.wiring.pools.acquire("t") as connection:
        await connection.execute("UPDATE item SET completed_at = $1 WHERE completed_at IS NOT NULL", long_ago)
    rules = {
        "rules": [
            {"status": "completed", "category": "Claims", "days": 60},
            {"category": "Claims", "days": 30},
        ],
        "personalDays": 0,
    }
    tried = (await api.post("/retention/test", rules)).json()["rules"]
    assert [(r["items"], r["isExact"]) for r in tried] == [(0, True), (2, True)], "the first that fits counts"
    assert await retention.enforce(services) == 0, "a dry run stores nothing"
    stored = await api.call("PUT", "/retention", json=rules, headers={"If-Match": '"0"'})
    assert stored.status_code == 200, stored.text
    problem(await api.call("PUT", "/retention", json=rules, headers={"If-Match": '"7"'}), 412)
    bad = {"rules": [{"status": "queued", "days": 1}]}
    problem(await api.call("PUT", "/retention", json=bad), 400)
    assert await retention.enforce(services) == 2
    assert await retention.enforce(services) == 0
    assert (await api.get("/items/ext_c0")).status_code == 404
    assert (await api.get("/items/ext_c2")).status_code == 200
    assert (await api.get("/items/ext_open")).status_code == 200
    events = events_in(await api.get("/reporting/events?personal=true"))
    gone = [e for e in events if e["type"] == "deleted"]
    assert len(gone) == 2
    kept = [e for e in events if e.get("personal", {}) and e["itemId"] in {g["itemId"] for g in gone}]
    assert kept == [], "the log keeps no personal values of what is gone"
