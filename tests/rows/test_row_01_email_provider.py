"""Row 1: the email service and the email provider. A customer's mail comes in, the answer goes out, by each of them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import pytest

from openiwd.adapters.iwd_http.http_iwd import HttpIwd
from openiwd.domain.email.mailbox import Access
from openiwd.processes.email import EmailProcess
from openiwd.processes.wiring import Wiring
from tests.factories.api import SECRET_KEY, World
from tests.factories.mail_box import AnyBox, ImapBox, addresses, cloud_box
from tests.servers.cloud import CLIENT, SECRET
from tests.servers.gmail import read
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer
from tests.servers.until import until

pytestmark = pytest.mark.timeout(600)
patiently = partial(until, seconds=150)


@pytest.fixture(params=["imap", "gmail", "graph"])
async def box(request: pytest.FixtureRequest) -> AsyncIterator[AnyBox]:
    if request.param == "imap":
        imap = ImapBox(request.getfixturevalue("mail_server"))
        await imap.start()
        yield imap
        return
    async with cloud_box(request.param) as made:
        yield made


@pytest.fixture
async def site(box: AnyBox, postgres_server: PostgresServer, control_database: str) -> AsyncIterator[World]:
    database = await postgres_server.create_database(TEMPLATE_TENANT)

    async def make_database() -> str:
        return database

    cloud = None if isinstance(box, ImapBox) else addresses(box.server)
    built = World(Wiring(control_database, budget=20, secret_keys=[SECRET_KEY], cloud=cloud), make_database)
    await built.add_tenant("t")
    yield built
    await built.close()
    await postgres_server.drop_database(database)


async def _set_up(site: World, box: AnyBox) -> None:
    body: dict[str, Any] = {
        "name": "Care", "address": box.address, "enabled": True, "category": "Claims/Motor",
        "incoming": {"pollSeconds": 1},
    }  # fmt: skip
    if isinstance(box, ImapBox):
        secrets = dict(box.secrets)
        server = box.server
        body["caCertificate"] = server.certificate
        body["incoming"] |= {"host": server.host, "port": server.imaps, "user": box.address}
        body["outgoing"] = {
            "host": server.host, "port": server.smtp, "user": box.address, "sentFolder": "Sent",
        }  # fmt: skip
    else:
        body["access"] = box.access.value
        body["cloud"] = {"directory": "example.com", "clientId": CLIENT}
        secrets = (
            {"serviceAccountKey": box.server.service_account_key}
            if box.access is Access.GMAIL
            else {"clientSecret": SECRET}
        )
    answer = await site.call("PUT", "/mailboxes/care", json={**body, "enabled": False})
    assert answer.status_code == 201, answer.text
    assert (await site.call("PUT", "/mailboxes/care/secrets", json=secrets)).status_code == 200
    tried = (await site.post("/mailboxes/care/test", {})).json()
    assert tried["ok"], tried
    assert (await site.call("PUT", "/mailboxes/care", json=body)).status_code == 200


def _letter(text: str, to: str, *, answers: str | None = None) -> bytes:
    lines = ["From: Ada <ada@example.org>", f"To: {to}", "Subject: My parcel"]
    lines.append(f"Message-ID: <{uuid.uuid4().hex}@example.org>")
    if answers is not None:
        lines.append(f"In-Reply-To: <{answers}>")
    return "\r\n".join([*lines, "", text, ""]).encode()


async def test_a_customers_mail_comes_in_and_the_answer_goes_out(site: World, box: AnyBox) -> None:
    await _set_up(site, box)
    transport = httpx.ASGITransport(app=site.api)  # type: ignore[arg-type]
    stopping = asyncio.Event()
    process = EmailProcess(HttpIwd("http://iwd", site.keys["t"], transport), box.provider)
    running = asyncio.create_task(process.run(stopping))

    async def items() -> list[dict[str, Any]]:
        return list((await site.post("/items/search", {"limit": 100})).json()["items"])

    async def emails(item_id: str) -> list[dict[str, Any]]:
        return list((await site.get(f"/items/{item_id}/emails")).json()["emails"])

    async def both_directions_are_well() -> bool:
        told = (await site.get("/mailboxes/care")).json()["statuses"]
        return len(told) == 2 and all(s["ok"] for s in told)

    async def is_sent(item_id: str) -> bool:
        return [e["status"] for e in await emails(item_id) if e["direction"] == "out"] == ["sent"]

    async def has_three(item_id: str) -> bool:
        return len(await emails(item_id)) == 3

    try:
        await patiently(both_directions_are_well)
        await box.put(_letter("Where is it?", box.address))
        await patiently(items)
        (item,) = await items()
        assert item["subject"] == "My parcel"
        written = await site.post(f"/items/{item['id']}/emails", {"text": "It is on its way."})
        assert written.status_code == 201, written.text
        await patiently(partial(is_sent, item["id"]))
        (copy,) = await box.sent()
        sent = read(copy)
        assert sent["Message-ID"] == f"<{written.json()['messageId']}>"
        assert [a.addr_spec for a in sent["To"].addresses] == ["ada@example.org"]
        await box.put(_letter("Thanks", box.address, answers=written.json()["messageId"]))
        await patiently(partial(has_three, item["id"]))
        assert len(await items()) == 1

        async def all_are_read() -> bool:
            return await box.unread() == 0

        await patiently(all_are_read)
    finally:
        stopping.set()
        await running
