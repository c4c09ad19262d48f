"""Customers who write, and somebody who answers them, by a real Postfix and Dovecot and two email services.

Judges in the end: each mail that Postfix took is one email of one item; each answer that was acknowledged is there
once, has arrived once where it says `sent`, and never twice whatever it says.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import smtplib
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from email.message import EmailMessage
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
import httpx
from msgspec import Struct

from openiwd.domain.privilege import Role
from openiwd.processes.wiring import Wiring
from tests.faults.evidence import Journal
from tests.faults.installation import PREFIX, TENANT, Site
from tests.servers.mail import MailServer, running_mail_server

BOX = "care"
BETWEEN_MAILS = (0.3, 1.5)
FROZEN_SECONDS = 18.0
"""Longer than the lease of a mailbox."""
SETTLED_SECONDS = 240.0
ANSWER_SECONDS = 20.0
REFUSED = range(400, 500)
OVERLOADED = 429
TOKEN = re.compile(rb"answer-\d{6}")
RECEIVED = """
    SELECT e.message_id, e.state, i.id, i.capture_id FROM email e
        LEFT JOIN email_thread t ON t.id = e.thread_id LEFT JOIN item i ON i.number = t.item_number
    WHERE e.direction = 'in'
"""
WRITTEN = "SELECT e.text_new, e.state FROM email e WHERE e.direction = 'out'"
UNANSWERED = """
    SELECT i.id FROM item i JOIN email_thread t ON t.item_number = i.number
    WHERE NOT EXISTS (SELECT FROM email e WHERE e.thread_id = t.id AND e.direction = 'out')
    ORDER BY i.number DESC LIMIT 20
"""
WAITING = (
    "SELECT count(*) FROM email WHERE direction = 'out' AND state IN ('queued', 'sending', 'handingOver')"
)


class Seen(Struct, kw_only=True):
    """What there is in the end."""

    received: list[tuple[str, str, str | None]]
    """(message id, state, id of its item)."""
    written: list[tuple[str, str]]
    """(token, state) of the answers."""
    arrived: Counter[str]
    """How often each token lies in the customer's inbox."""


def violations_of(sent: Mapping[str, None], acknowledged: Mapping[str, None], seen: Seen) -> list[str]:
    """What contradicts the promise: no mail lost or stored twice, no answer lost or sent twice."""
    wrong = []
    stored = Counter(message_id for message_id, state, _ in seen.received if state != "quarantined")
    without = {message_id for message_id, state, item in seen.received if state == "stored" and item is None}
    for message_id in sent:
        if stored[message_id] == 0:
            wrong.append(f"mail {message_id} is lost")
        if stored[message_id] > 1:
            wrong.append(f"mail {message_id} exists {stored[message_id]} times")
    wrong += [f"mail {message_id} belongs to no item, there is none" for message_id in sorted(without)]
    rows: dict[str, list[str]] = {}
    for token, state in seen.written:
        rows.setdefault(token, []).append(state)
    for token in acknowledged:
        if token not in rows:
            wrong.append(f"{token} is lost")
    for token, states in rows.items():
        if len(states) > 1:
            wrong.append(f"{token} exists {len(states)} times")
        if seen.arrived[token] > 1:
            wrong.append(f"{token} exists {seen.arrived[token]} times in the inbox")
        if "sent" in states and seen.arrived[token] == 0:
            wrong.append(f"{token} is sent, but is lost")
        # One that nobody was told of may have been written just now, by a request that was given up at the end.
        if token in acknowledged and set(states) <= {"queued", "sending", "handingOver"}:
            wrong.append(f"{token} never comes to an end: {states}")
    wrong += [f"{token} arrived, there is none" for token in sorted(seen.arrived.keys() - rows.keys())]
    return wrong


class EmailService:
    """One `openiwd email`."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        self._environment = {**os.environ, **environment}
        self._start()

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "openiwd", "email"], env=self._environment, stdout=log, stderr=log
            )

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait(20)

    def restart(self) -> None:
        self.kill()
        self._start()

    async def freeze(self) -> None:
        """For longer than its leases; another one has its mailboxes when it wakes."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(FROZEN_SECONDS)
        finally:
            self._process.send_signal(signal.SIGCONT)


class Post(NamedTuple):
    """The mail system, and the address that customers write to."""

    opened: AbstractContextManager[MailServer]
    server: MailServer
    care: str


class Mail:
    """The mail of one fault run."""

    def __init__(
        self, site: Site, url: str, journal: Journal, random: Random, post: Post, services: list[EmailService]
    ) -> None:
        self._site = site
        self._url = url + PREFIX
        self._journal = journal
        self._random = random
        self._post = post
        self._services = services
        self._customer = post.server.account("ada", "example.org")
        self.sent: dict[str, None] = {}
        self.acknowledged: dict[str, None] = {}
        self.states: Counter[str] = Counter()
        self._answers = 0
        self._runs = [asyncio.create_task(self._write()), asyncio.create_task(self._answer())]

    @classmethod
    async def make(cls, site: Site, folder: Path, url: str, journal: Journal, seed: int) -> Mail:
        opened = running_mail_server()
        server = await asyncio.to_thread(opened.__enter__)
        try:
            post = Post(opened, server, server.account("care"))
            await asyncio.to_thread(server.make_folder, post.care, "Sent")
            await _set_up(site, url, server, post.care)
            wiring = Wiring(site.dsn)
            key, _ = await wiring.platform.identities.create_key(
                uuid4(), TENANT, "email", role=Role.ADMINISTRATOR, privileges=["email.service"]
            )
            await wiring.close()
        except BaseException:
            opened.__exit__(None, None, None)
            raise
        environment = {"OPENIWD_URL": url, "OPENIWD_EMAIL_KEYS": key}
        services = [EmailService(folder / f"email-{n}.log", environment) for n in range(2)]
        return cls(site, url, journal, Random(f"{seed}-mail"), post, services)

    async def _pause(self) -> None:
        await asyncio.sleep(self._random.uniform(*BETWEEN_MAILS))

    async def _write(self) -> None:
        """A customer. What Postfix has taken counts; what it has not, does not."""
        number = 0
        while True:
            number += 1
            message = EmailMessage()
            message["From"], message["To"], message["Subject"] = (
                self._customer,
                self._post.care,
                f"Matter {number}",
            )
            message_id = f"m{number}@customer.example"
            message["Message-ID"] = f"<{message_id}>"
            message.set_content(f"Where is my parcel no. {number}?")
            with suppress(OSError, smtplib.SMTPException):
                await asyncio.to_thread(self._post.server.send, message)
                self.sent[message_id] = None
            await self._pause()

    async def _answer(self) -> None:
        """Somebody answers what came last; unsure whether it was taken, asks again under the same key."""
        headers = {"x-api-key": self._site.keys["admin"]}
        async with httpx.AsyncClient(base_url=self._url, headers=headers, trust_env=False) as http:
            while True:
                for item_id in await self._unanswered():
                    self._answers += 1
                    await self._send(http, item_id, f"answer-{self._answers:06}")
                    await self._pause()
                await self._pause()

    async def _unanswered(self) -> list[str]:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return [str(r[0]) for r in await _rows(self._site.tenant_dsn, UNANSWERED)]
        return []

    async def _send(self, http: httpx.AsyncClient, item_id: str, token: str) -> None:
        while True:
            with suppress(httpx.HTTPError):
                answer = await http.post(
                    f"/items/{item_id}/emails", json={"text": token}, timeout=ANSWER_SECONDS,
                    headers={"idempotency-key": token},
                )  # fmt: skip
                if answer.is_success:
                    self.acknowledged[token] = None
                    return
                if answer.status_code in REFUSED and answer.status_code != OVERLOADED:
                    return
            await self._pause()

    async def kill(self) -> None:
        await asyncio.to_thread(self._random.choice(self._services).restart)

    async def freeze(self) -> None:
        await self._random.choice(self._services).freeze()

    async def calm(self) -> None:
        """Nobody writes any more; what is on its way arrives. What has not in time is for the judge to name."""
        await self._stop_writing()
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLED_SECONDS):
                while not await self._settled():  # noqa: ASYNC110 - a mail system gives no signal
                    await asyncio.sleep(0.5)

    async def _settled(self) -> bool:
        received = {row[0] for row in await _rows(self._site.tenant_dsn, RECEIVED)}
        ((waiting,),) = await _rows(self._site.tenant_dsn, WAITING)
        return self.sent.keys() <= received and waiting == 0

    async def _stop_writing(self) -> None:
        for run in self._runs:
            run.cancel()
        ended = await asyncio.gather(*self._runs, return_exceptions=True)
        self._runs = []
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def violations(self) -> list[str]:
        """Also tells the journal which items mail has made: the checker judges them as all others."""
        seen = await self._seen()
        self.states = Counter(state for _, state in seen.written)
        return violations_of(self.sent, self.acknowledged, seen)

    async def _seen(self) -> Seen:
        received = await _rows(self._site.tenant_dsn, RECEIVED)
        for _, _, item_id, capture_id in received:
            if capture_id is not None:
                self._journal.submit(capture_id, {})
                self._journal.create(capture_id, str(item_id))
        written = []
        for text, state in await _rows(self._site.tenant_dsn, WRITTEN):
            found = TOKEN.search(text.encode())
            written.append((found.group().decode() if found else text, state))
        inbox = await asyncio.to_thread(self._post.server.messages, self._customer)
        # The first one: below it a mail may quote others.
        tokens = [found.group().decode() for raw in inbox if (found := TOKEN.search(raw))]
        return Seen(
            received=[(r[0], r[1], None if r[2] is None else str(r[2])) for r in received],
            written=written,
            arrived=Counter(tokens),
        )

    def line(self) -> str:
        states = ", ".join(f"{n} {state}" for state, n in sorted(self.states.items()))
        return f"mail: {len(self.sent)} in, {len(self.acknowledged)} answers acknowledged ({states})"

    async def close(self) -> None:
        for run in self._runs:
            run.cancel()
        await asyncio.gather(*self._runs, return_exceptions=True)
        for service in self._services:
            await asyncio.to_thread(service.kill)
        await asyncio.to_thread(self._post.opened.__exit__, None, None, None)


async def _set_up(site: Site, url: str, server: MailServer, care: str) -> None:
    body: dict[str, Any] = {
        "name": "Care", "address": care, "category": "C", "caCertificate": server.certificate,
        "incoming": {"host": server.host, "port": server.imaps, "security": "tls", "user": care, "pollSeconds": 1},
        "outgoing": {
            "host": server.host, "port": server.smtp, "security": "starttls", "user": care, "sentFolder": "Sent",
        },
    }  # fmt: skip
    secrets = {"imapPassword": server.password, "smtpPassword": server.password}
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", "", {**body, "enabled": False}),
        ("PUT", "/secrets", secrets),
        ("POST", "/test", {}),
        ("PUT", "", {**body, "enabled": True}),
    ]
    headers = {"x-api-key": site.keys["admin"]}
    async with httpx.AsyncClient(base_url=url + PREFIX, headers=headers, trust_env=False) as http:
        for method, path, given in steps:
            answer = await http.request(method, f"/mailboxes/{BOX}{path}", json=given, timeout=120)
            assert answer.is_success, (path, answer.text)


async def _rows(dsn: str, sql: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()
