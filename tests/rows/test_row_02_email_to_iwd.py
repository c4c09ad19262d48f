"""Row 2: the email service, a process of its own, and IWD over HTTP: configuration, emails, states, health."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from openiwd.processes.serve import Serving, serving
from openiwd.processes.wiring import Wiring
from tests.factories.api import SECRET_KEY, World
from tests.factories.mail import set_up_mailbox
from tests.factories.mail_box import addresses
from tests.servers.gmail import GmailServer
from tests.servers.until import until

pytestmark = pytest.mark.timeout(600)
patiently = partial(until, seconds=150)


@pytest.fixture
async def gmail() -> AsyncIterator[GmailServer]:
    server = GmailServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def iwd(tenant_api: World, gmail: GmailServer) -> AsyncIterator[Serving]:
    wiring = Wiring(tenant_api.wiring.control_dsn, secret_keys=[SECRET_KEY], cloud=addresses(gmail))
    async with serving(wiring, host="127.0.0.1", port=0, metrics_port=None) as server:
        yield server


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _mailbox(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": name, "address": f"{name}@example.com", "enabled": True, "category": "Claims/Motor", "access": "gmail",
        "incoming": {"pollSeconds": 1}, **fields,
    }  # fmt: skip


def _started(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    program = Path(sys.executable).with_name("openiwd")
    with log.open("wb") as file:
        return subprocess.Popen([program, "email"], env=environment, stdout=file, stderr=file)


async def test_the_service_follows_iwd_and_tells_it(
    tenant_api: World, gmail: GmailServer, iwd: Serving, tmp_path: Path
) -> None:
    secrets = {"serviceAccountKey": gmail.service_account_key}
    assert (await set_up_mailbox(tenant_api, "care", _mailbox("care"))).status_code == 200
    assert (await tenant_api.call("PUT", "/mailboxes/care/secrets", json=secrets)).status_code == 200
    port = _free_port()
    environment = {
        **os.environ,
        "OPENIWD_URL": iwd.url,
        "OPENIWD_EMAIL_KEYS": tenant_api.keys["t"],
        "OPENIWD_GMAIL_URL": gmail.url,
        "OPENIWD_EMAIL_METRICS_PORT": str(port),
    }
    log = tmp_path / "email.log"
    process = _started(environment, log)
    own = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10)

    async def items() -> list[dict[str, Any]]:
        return list((await tenant_api.post("/items/search", {"limit": 100})).json()["items"])

    async def told(mailbox: str) -> dict[str, Any]:
        return {s["direction"]: s for s in (await tenant_api.get(f"/mailboxes/{mailbox}")).json()["statuses"]}

    async def is_ready() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            answer = await own.get("/readyz")
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and "mailbox/0/care" in answer.json()["dependencies"]

    try:
        await patiently(is_ready)
        assert (await own.get("/livez")).json() == {"status": "ok"}
        assert (await own.get("/nothing")).status_code == 404

        # email items, and mailbox states
        gmail.put(b"From: ada@example.org\r\nSubject: hello\r\nMessage-ID: <1@example.org>\r\n\r\nHi\r\n")
        await patiently(items)

        async def is_well() -> bool:
            states = await told("care")
            return set(states) == {"incoming", "outgoing"} and all(s["ok"] for s in states.values())

        await patiently(is_well)

        async def is_counted() -> bool:
            of = 'mailbox="care",protocol="gmail"'
            told = (await own.get("/metrics")).text
            kind = f'iwd_email_inbound_processed_total{{{of},subtype="InboundNew",tenant="t"}} 1.0'
            return f'iwd_email_received_total{{{of},tenant="t"}} 1.0' in told and kind in told

        await patiently(is_counted)
        assert "iwd_email_mailboxes_held 1.0" in (await own.get("/metrics")).text

        # configuration: a mailbox that is added is read, one that fails is told and keeps the others from nothing
        assert (await set_up_mailbox(tenant_api, "broken", _mailbox("broken"))).status_code == 200

        async def is_told() -> bool:
            states = await told("broken")
            return not all(s["ok"] for s in states.values()) and "serviceAccountKey" in str(states)

        await patiently(is_told)
        ready = await own.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["dependencies"]["mailbox/0/care"]["status"] == "ok"

        async def is_failing() -> bool:
            states = (await own.get("/readyz")).json()["dependencies"]
            return bool(states.get("mailbox/0/broken", {}).get("status") == "failing")

        await patiently(is_failing)

        # stopped, it gives its mailboxes back
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 60) == 0, log.read_text()
        assert (await tenant_api.get("/mailboxes/care")).json()["holder"] is None
    finally:
        await own.aclose()
        process.kill()
        process.wait()
