"""Pods behind a gateway, and those who use them meanwhile: a source, an agent, people who write letters. Whatever goes
wrong with a request is kept.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.faults.installation import PREFIX, Process, until
from tests.servers.gmail import GmailServer
from tests.servers.nginx import Gateway
from tests.servers.shared import free_port

DRAIN = {"OPENIWD_DRAIN_SECONDS": "4"}
IDLE = "1s"
"""In nginx, as its connections without use must end before a pod that drains does."""
PAUSE_SECONDS = 0.1
LETTERS_PAUSE_SECONDS = 1.0
LONG_SECONDS = 300.0
MAILBOX = {
    "name": "Care", "address": "care@example.com", "enabled": True, "category": "E", "access": "gmail",
    "incoming": {"pollSeconds": 1},
}  # fmt: skip


class User:
    """Asks through the gateway, again and again, until told to stop."""

    def __init__(self, outside: Gateway, key: str) -> None:
        self.codes: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.outside = outside
        self.key = key
        self.done = 0
        """What has been brought to its end."""
        self.is_over = False

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.outside.url, headers={"x-api-key": key or self.key}, verify=self.outside.context,
            timeout=60, trust_env=False,
        )  # fmt: skip

    def note(self, answer: httpx.Response) -> bool:
        """Whether it is as it should be."""
        self.codes[answer.status_code] += 1
        if answer.status_code in (200, 201):
            return True
        self.wrong.append(
            f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:200]}"
        )
        return False

    async def goes_on(self, more: int = 5) -> None:
        """Until so much more is done; fails at once with what went wrong."""
        before = self.done
        what = f"{type(self).__name__} goes on"
        await asyncio.to_thread(until, what, lambda: self.wrong or self.done > before + more, LONG_SECONDS)
        assert self.wrong == [], self.wrong[:5]

    def stop(self) -> None:
        self.is_over = True


class Load(User):
    """Creates items, reads and changes them, and reads a page."""

    def __init__(self, outside: Gateway, key: str) -> None:
        super().__init__(outside, key)
        self.created: list[str] = []
        self.has_ended = False
        """Nothing more will be created."""

    async def run(self) -> None:
        # A connection for each ten requests: sources come and go.
        while not self.is_over:
            async with self.client() as http:
                for _ in range(10):
                    await self._one(http, f"c{len(self.created)}")
                    await asyncio.sleep(PAUSE_SECONDS)
        self.has_ended = True

    async def _one(self, http: httpx.AsyncClient, capture_id: str) -> None:
        try:
            made = await http.post(f"{PREFIX}/items", json={"captureId": capture_id, "category": "C"})
            if self.note(made):
                path = f"{PREFIX}/items/{made.json()['id']}"
                self.created.append(made.json()["id"])
                self.done += 1
                self.note(await http.put(path, json={"businessValue": 7}))
                self.note(await http.get(path))
            self.note(await http.get("/login"))
        except httpx.HTTPError as error:
            self.wrong.append(repr(error))


class Agent(User):
    """Works one item of category D after the other, each made for the purpose: offered, accepted, completed."""

    def __init__(self, outside: Gateway, key: str, source: str) -> None:
        super().__init__(outside, key)
        self._source = source
        self._arrived = asyncio.Event()

    async def run(self) -> None:
        holding = asyncio.create_task(self._hold())
        await asyncio.wait_for(self._arrived.wait(), LONG_SECONDS)
        async with self.client() as http:
            self.note(await http.post(f"{PREFIX}/agents/me/state", json={"state": "ready"}))
            while not self.is_over:
                try:
                    await self._one(http)
                except httpx.HTTPError as error:
                    self.wrong.append(repr(error))
                    await asyncio.sleep(PAUSE_SECONDS)
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)

    async def _hold(self) -> None:
        """The workspace's stream; it comes again as browsers do."""
        while True:
            try:
                async with self.client() as http, http.stream("GET", f"{PREFIX}/stream") as answer:
                    if answer.status_code != 200:
                        self.wrong.append(f"the stream: {answer.status_code}")
                    async for _ in answer.aiter_bytes():
                        self._arrived.set()
            except httpx.HTTPError as error:
                self.wrong.append(f"the stream: {error!r}")
            await asyncio.sleep(PAUSE_SECONDS)

    async def _one(self, http: httpx.AsyncClient) -> None:
        body = {"captureId": f"d{self.done}-{len(self.wrong)}", "category": "D"}
        made = await http.post(f"{PREFIX}/items", json=body, headers={"x-api-key": self._source})
        if not self.note(made):
            return
        while (offer := await self._offer(http, made.json()["id"])) is None:  # noqa: ASYNC110 - the API is asked
            await asyncio.sleep(PAUSE_SECONDS)
        if self.note(await http.post(f"{PREFIX}/offers/{offer}/accept")) and self.note(
            await http.post(f"{PREFIX}/items/{made.json()['id']}/complete", json={})
        ):
            self.done += 1

    async def _offer(self, http: httpx.AsyncClient, item: str) -> str | None:
        answer = await http.get(f"{PREFIX}/agents/me/offers")
        offers = answer.json()["offers"] if self.note(answer) else []
        return next((str(o["id"]) for o in offers if o["item"]["id"] == item), None)


class Letters(User):
    """Writes to the mailbox, and answers each letter that has become an item."""

    def __init__(self, outside: Gateway, key: str, gmail: GmailServer) -> None:
        super().__init__(outside, key)
        self.written = 0
        self.answers: dict[str, str] = {}
        """Message-ID of the answer, by item."""
        self._gmail = gmail

    def write(self) -> None:
        self.written += 1
        self._gmail.put(
            f"From: Ada <ada@example.org>\r\nTo: care@example.com\r\nSubject: Letter {self.written}\r\n"
            f"Message-ID: <letter-{self.written}@example.org>\r\n\r\nHello\r\n".encode()
        )

    async def run(self) -> None:
        while not self.is_over:
            self.write()
            async with self.client() as http:
                await self.answer(http)
            await asyncio.sleep(LETTERS_PAUSE_SECONDS)

    async def answer(self, http: httpx.AsyncClient) -> None:
        try:
            for item in await self.items(http):
                if item["id"] not in self.answers:
                    made = await http.post(f"{PREFIX}/items/{item['id']}/emails", json={"text": "Thank you."})
                    if self.note(made):
                        self.answers[item["id"]] = made.json()["messageId"]
        except Exception as error:  # noqa: BLE001 - whatever it is, the test must tell it
            self.wrong.append(repr(error))
        self.done = len(self.sent())

    async def items(self, http: httpx.AsyncClient) -> list[dict[str, Any]]:
        wanted = {"filter": {"attribute": "queue", "operator": "eq", "value": "e"}, "limit": 500}
        answer = await http.post(f"{PREFIX}/items/search", json=wanted)
        return list(answer.json()["items"]) if self.note(answer) else []

    def sent(self) -> list[str]:
        return [message.message_id for message in self._gmail.in_label("SENT")]


class EmailPod:
    """One `openiwd email`, which reaches IWD through the service inside."""

    def __init__(self, url: str, key: str, gmail: GmailServer, log: Path) -> None:
        self.port = free_port()
        self._log = log
        environment = {**os.environ, "OPENIWD_URL": url, "OPENIWD_EMAIL_KEYS": key, **addresses_of(gmail)}
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "openiwd", "email", "--metrics-port", str(self.port)],
                env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip

    def ready(self) -> dict[str, Any] | None:
        """What it depends on, once it is ready."""
        assert self.process.poll() is None, self._log.read_text()[-3_000:]
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=20, trust_env=False)
        except httpx.HTTPError:
            return None
        return dict(answer.json()["dependencies"]) if answer.status_code == 200 else None

    def holds(self) -> bool:
        return "mailbox/0/care" in (self.ready() or {})

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def addresses_of(gmail: GmailServer) -> dict[str, str]:
    """Where a pod finds Gmail."""
    return {"OPENIWD_GMAIL_URL": gmail.url, "OPENIWD_GOOGLE_TOKEN_URL": f"{gmail.url}/token"}


async def set_up_mailbox(outside: Gateway, key: str, gmail: GmailServer) -> None:
    """As an administrator does it: saved, tested, enabled."""
    async with User(outside, key).client() as http:
        path = f"{PREFIX}/mailboxes/care"
        for method, more, body in (
            ("PUT", "", {**MAILBOX, "enabled": False}),
            ("PUT", "/secrets", {"serviceAccountKey": gmail.service_account_key}),
            ("POST", "/test", {}),
            ("PUT", "", MAILBOX),
        ):
            answer = await http.request(method, path + more, json=body)
            assert answer.status_code in (200, 201), answer.text
            assert answer.json().get("ok", True), answer.text


async def drained(pod: Process) -> list[int]:
    """As a pod is that is told to end: it is not ready any more, still answers, and ends. What `/readyz` said."""
    pod.process.send_signal(signal.SIGTERM)
    seen: list[int] = []
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        while pod.process.poll() is None:
            try:
                answer = await http.get(f"{pod.metrics_url}/readyz")
            except httpx.HTTPError:
                break
            if answer.status_code not in seen:
                seen.append(answer.status_code)
            await asyncio.sleep(0.05)
    assert await asyncio.to_thread(pod.process.wait, LONG_SECONDS) == 0
    return seen
