"""Mail's whole way on real servers: customer → Postfix → Dovecot → item → reply → Postfix → customer → the same item.

The email service is killed between any two of its steps; nothing is lost, stored twice or sent twice.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from openiwd.adapters.imap.imap_reader import ImapReader
from openiwd.adapters.iwd_http.http_iwd import HttpIwd
from openiwd.adapters.smtp.smtp_sender import SmtpSender
from openiwd.domain.email.mailbox import Incoming, Mailbox, Outgoing
from openiwd.domain.email.reading import read_email
from openiwd.ports.mail_provider import MailProviderError
from openiwd.processes import email as email_process
from openiwd.processes.email import EmailProcess
from openiwd.processes.identity import new_id
from openiwd.processes.mail_provider import MailProviders
from openiwd.processes.serve import serving
from openiwd.processes.wiring import Wiring
from openiwd.usecases import mailbox as mailbox_use
from tests.factories.api import SECRET_KEY, World
from tests.factories.dying_mail import Steps, live
from tests.factories.mail import set_up_mailbox
from tests.servers.mail import MailServer
from tests.servers.until import until as until_in_time

pytestmark = pytest.mark.timeout(600)
ROOT = Path(__file__).resolve().parents[2]
until = partial(until_in_time, seconds=150)
"""Real mail systems take their time on a loaded machine."""


class Killed(BaseException):
    """The process dies here."""


class Installation:
    """IWD with one mailbox on the real servers, and email services that come and go."""

    def __init__(self, api: World, mail: MailServer) -> None:
        self.api = api
        self.mail = mail
        self.care = mail.account("care")
        self.customer = mail.account("ada", "example.org")

    async def set_up(self, **incoming: Any) -> None:
        body = {
            "name": "Care",
            "address": self.care,
            "enabled": True,
            "category": "Claims/Motor",
            "caCertificate": self.mail.certificate,
            "incoming": {
                "host": self.mail.host, "port": self.mail.imaps, "security": "tls", "user": self.care, "pollSeconds": 1,
                **incoming,
            },
            "outgoing": {
                "host": self.mail.host, "port": self.mail.smtp, "security": "starttls", "user": self.care,
                "sentFolder": "Sent",
            },
        }  # fmt: skip
        answer = await set_up_mailbox(self.api, "care", body)
        assert answer.status_code in (200, 201), answer.text
        secrets = {"imapPassword": self.mail.password, "smtpPassword": self.mail.password}
        assert (await self.api.call("PUT", "/mailboxes/care/secrets", json=secrets)).status_code == 200
        await asyncio.to_thread(self.mail.make_folder, self.care, "Sent")

    def iwd(self) -> HttpIwd:
        transport = httpx.ASGITransport(app=self.api.api)  # type: ignore[arg-type]
        return HttpIwd("http://iwd", self.api.keys["t"], transport)

    async def customer_writes(self, text: str, subject: str = "My parcel", **headers: str) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.customer, self.care, subject
        message["Message-ID"] = f"<{text.replace(' ', '.')}.{self.customer}>"
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        message.set_content(text)
        await asyncio.to_thread(self.mail.send, message)

    async def items(self) -> list[dict[str, Any]]:
        answer = await self.api.post("/items/search", {"sort": ["createdDateTime"], "limit": 100})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    async def emails(self, item_id: str) -> list[dict[str, Any]]:
        return list((await self.api.get(f"/items/{item_id}/emails")).json()["emails"])

    async def reply(self, item_id: str, text: str) -> dict[str, Any]:
        answer = await self.api.post(f"/items/{item_id}/emails", {"text": text})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def inbox(self, address: str, folder: str = "INBOX") -> list[bytes]:
        return await asyncio.to_thread(self.mail.messages, address, folder)


@pytest.fixture
async def installation(api: World, mail_server: MailServer) -> Installation:
    return Installation(api, mail_server)


class Running:
    """An email service in this process."""

    def __init__(self, made: Installation) -> None:
        self.stopping = asyncio.Event()
        self.process = EmailProcess(made.iwd(), MailProviders())
        self.task = asyncio.create_task(self.process.run(self.stopping))

    async def stop(self) -> None:
        self.stopping.set()
        await self.task


@pytest.fixture
async def service(installation: Installation) -> AsyncIterator[Callable[[], Running]]:
    started: list[Running] = []

    def start() -> Running:
        started.append(Running(installation))
        return started[-1]

    yield start
    for one in started:
        await one.stop()


async def test_there_and_back(installation: Installation, service: Callable[[], Running]) -> None:
    await installation.set_up()
    service()
    await installation.customer_writes("Where is it")
    await until(installation.items)
    (item,) = await installation.items()
    assert item["subject"] == "My parcel"

    written = await installation.reply(item["id"], "It is on its way.")
    await until(lambda: _has(installation.inbox(installation.customer), 1))
    (answer,) = await installation.inbox(installation.customer)
    read = read_email(answer)
    assert (read.message_id, read.subject, read.text.strip()) == (
        written["messageId"],
        "Re: My parcel",
        "It is on its way.",
    )
    await until(lambda: _status(installation, item["id"], "sent"))
    assert len(await installation.inbox(installation.care, "Sent")) == 1

    await installation.customer_writes("Thank you", "Re: My parcel", In_Reply_To=f"<{read.message_id}>")
    await until(lambda: _has(installation.emails(item["id"]), 3))
    assert len(await installation.items()) == 1
    flags = await asyncio.to_thread(installation.mail.flags, installation.care)
    assert len(flags) == 2
    await until(lambda: _all_seen(installation))


async def _has(found: Any, count: int) -> bool:
    return len(await found) == count


async def _status(installation: Installation, item_id: str, status: str) -> bool:
    emails = await installation.emails(item_id)
    return any(e["direction"] == "out" and e["status"] == status for e in emails)


async def _all_seen(installation: Installation) -> bool:
    return all(
        b"Seen" in line for line in await asyncio.to_thread(installation.mail.flags, installation.care)
    )


async def test_a_bounce_by_a_real_mail_system(
    installation: Installation, service: Callable[[], Running]
) -> None:
    await installation.set_up()
    service()
    await installation.customer_writes("Hello")
    await until(installation.items)
    (item,) = await installation.items()
    answer = await installation.api.post(
        f"/items/{item['id']}/emails", {"text": "Hi", "to": ["nobody@bounce.invalid"]}
    )
    assert answer.status_code == 201
    await until(lambda: _status(installation, item["id"], "failed"))
    emails = await installation.emails(item["id"])
    assert [e["kind"] for e in emails] == ["InboundNew", "OutboundReply", "InboundNDR"]
    assert "unknown user" in emails[1]["reason"]
    assert len(await installation.items()) == 1


async def test_a_recipient_refused_at_once(
    installation: Installation, service: Callable[[], Running]
) -> None:
    await installation.set_up()
    service()
    await installation.customer_writes("Hello")
    await until(installation.items)
    (item,) = await installation.items()
    draft = {"text": "Hi", "to": [f"gone-{installation.customer}"]}
    assert (await installation.api.post(f"/items/{item['id']}/emails", draft)).status_code == 201
    await until(lambda: _status(installation, item["id"], "failed"))


@pytest.mark.parametrize(
    ("after", "folder", "left"),
    [("move", "Done", 0), ("delete", None, 0), ("keep", None, 1), ("markSeen", None, 1)],
)
async def test_what_becomes_of_a_stored_message(
    installation: Installation, service: Callable[[], Running], after: str, folder: str | None, left: int
) -> None:
    await installation.set_up(afterStoring=after, moveTo=folder or "")
    if folder is not None:
        await asyncio.to_thread(installation.mail.make_folder, installation.care, folder)
    service()
    await installation.customer_writes("Hello")
    await until(installation.items)
    await until(lambda: _has(installation.inbox(installation.care), left))
    if folder is not None:
        assert len(await installation.inbox(installation.care, folder)) == 1


async def test_what_lay_there_before_is_read_if_unread(
    installation: Installation, service: Callable[[], Running]
) -> None:
    await installation.set_up()
    old = b"From: a@example.org\r\nSubject: old\r\nMessage-ID: <old@x>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\nx"
    await asyncio.to_thread(installation.mail.put, installation.care, old.replace(b"old", b"unread"))
    service()
    await until(installation.items)
    assert [i["subject"] for i in await installation.items()] == ["unread"]


@pytest.fixture
def long_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """A life renews no lease: however slow the machine is, it shall not run out in the middle of one."""
    monkeypatch.setattr(mailbox_use, "LEASE_SECONDS", 600.0)


async def _life(installation: Installation, steps: int) -> bool:
    """One holder's life: reads and sends once, and dies after so many steps. Whether it came to its end."""
    real, holder = installation.iwd(), new_id()
    try:
        await live(real, holder, Steps(steps, _killed))
    except Killed:
        return False
    finally:
        await real.end_leases(holder)  # stands for the lease that runs out
        await real.close()
    return True


def _killed() -> None:
    raise Killed


@pytest.mark.usefixtures("long_leases")
async def test_killed_between_any_two_steps(installation: Installation) -> None:
    await installation.set_up(afterStoring="move", moveTo="Done")
    await asyncio.to_thread(installation.mail.make_folder, installation.care, "Done")
    outcomes: set[str] = set()
    for round_ in range(60):
        await installation.customer_writes(f"letter {round_}", f"letter {round_}")
        expected = round_ + 1
        # Postfix answers before it delivers: the letter is to be there before the life that is to read it begins.
        await until(partial(_delivered, installation, expected))
        ended = await _life(installation, round_)
        while not await _life(installation, 10_000):
            pass
        items = await installation.items()
        assert sorted(i["subject"] for i in items) == sorted(f"letter {n}" for n in range(expected)), round_
        newest = next(i for i in items if i["subject"] == f"letter {round_}")
        await installation.reply(newest["id"], f"answer {round_}")
        await _life(installation, round_)
        await _life(installation, 10_000)
        (sent,) = [e for e in await installation.emails(newest["id"]) if e["direction"] == "out"]
        received = [
            m for m in await installation.inbox(installation.customer) if f"answer {round_}".encode() in m
        ]
        assert len(received) <= 1, f"sent twice at step {round_}"
        outcomes.add(sent["status"])
        if sent["status"] == "sent":
            await until(partial(_got, installation, round_))
        if ended:
            break
    assert ended
    answers = await installation.inbox(installation.customer)
    for number in range(expected):
        assert sum(1 for m in answers if f"answer {number}\r\n".encode() in m) <= 1, (
            f"sent twice at step {number}"
        )
    assert outcomes == {"sent", "unknown"}  # nothing waits for ever, and what cannot be proven says so
    assert len(await installation.inbox(installation.care)) == 0
    assert len(await installation.inbox(installation.care, "Done")) == expected


async def _killed_life(installation: Installation, url: str, steps: int) -> bool:
    """The same in a process that the system kills."""
    holder = new_id()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.scenario.killed_email"),
        *(url, installation.api.keys["t"], str(holder), str(steps)),
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    _, told = await process.communicate()
    iwd = installation.iwd()
    await iwd.end_leases(holder)
    await iwd.close()
    assert process.returncode in (0, -signal.SIGKILL), told.decode()
    return process.returncode == 0


@pytest.mark.usefixtures("long_leases")
async def test_killed_by_the_system_between_any_two_steps(installation: Installation) -> None:
    """Connections are not closed by anybody, and nothing is tidied up."""
    await installation.set_up(afterStoring="move", moveTo="Done")
    await asyncio.to_thread(installation.mail.make_folder, installation.care, "Done")
    await installation.customer_writes("letter", "letter")
    await until(partial(_delivered, installation, 1))
    assert await _life(installation, 10_000)
    (item,) = await installation.items()
    outcomes: set[str] = set()
    wiring = Wiring(installation.api.wiring.control_dsn, secret_keys=[SECRET_KEY])
    async with serving(wiring, host="127.0.0.1", port=0, metrics_port=None) as server:
        for steps in range(40):
            await installation.customer_writes(f"letter {steps}", f"letter {steps}")
            await until(partial(_delivered, installation, steps + 2))
            text = f"answer no. {steps:03}"
            written = await installation.reply(item["id"], text)
            ended = await _killed_life(installation, server.url, steps)
            assert await _life(installation, 10_000)
            subjects = sorted(i["subject"] for i in await installation.items())
            assert subjects == sorted(["letter", *(f"letter {n}" for n in range(steps + 1))]), steps
            (sent,) = [e for e in await installation.emails(item["id"]) if e["id"] == written["id"]]
            outcomes.add(sent["status"])
            if sent["status"] == "sent":
                await until(partial(_received, installation, text))
            if ended:
                break
    assert ended
    assert outcomes == {"sent", "unknown"}
    answers = await installation.inbox(installation.customer)
    for number in range(steps + 1):
        arrived = sum(1 for m in answers if f"answer no. {number:03}".encode() in m)
        assert arrived <= 1, f"sent twice at step {number}"
    assert len(await installation.inbox(installation.care, "Done")) == steps + 2


async def _received(installation: Installation, text: str) -> bool:
    return any(text.encode() in m for m in await installation.inbox(installation.customer))


async def _delivered(installation: Installation, count: int) -> bool:
    folders = [await installation.inbox(installation.care, f) for f in ("INBOX", "Done")]
    return sum(len(f) for f in folders) == count


async def _got(installation: Installation, number: int) -> bool:
    return any(f"answer {number}".encode() in m for m in await installation.inbox(installation.customer))


@pytest.mark.usefixtures("long_leases")
async def test_a_folder_made_anew_is_gone_through_again(installation: Installation) -> None:
    await installation.set_up(folders=["Letters"])
    letters = {
        n: f"From: a@example.org\r\nSubject: {n}\r\nMessage-ID: <{n}@x>\r\n\r\ntext".encode() for n in "abc"
    }
    care, mail = installation.care, installation.mail
    for contents in ("ab", "bc"):
        await asyncio.to_thread(mail.make_folder, care, "Letters")
        for name in contents:
            await asyncio.to_thread(mail.put, care, letters[name], "Letters")
        assert await _life(installation, 10_000)
        assert await _life(installation, 10_000)
        await asyncio.to_thread(mail.remove_folder, care, "Letters")
    assert sorted(i["subject"] for i in await installation.items()) == ["a", "b", "c"]


def _started(environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    program = Path(sys.executable).with_name("openiwd")
    with log.open("wb") as file:
        return subprocess.Popen([program, "email"], env=environment, stdout=file, stderr=file)


async def test_a_killed_process_is_followed_by_another(installation: Installation, tmp_path: Path) -> None:
    longest = mailbox_use.LEASE_SECONDS + 2 * email_process.LEASE_STEP_SECONDS
    assert longest < 30 - 5, "another one follows within thirty seconds, with some left to connect"
    await installation.set_up()
    wiring = Wiring(installation.api.wiring.control_dsn, secret_keys=[SECRET_KEY])
    async with serving(wiring, host="127.0.0.1", port=0, metrics_port=None) as server:
        environment = {
            **os.environ,
            "OPENIWD_URL": server.url,
            "OPENIWD_EMAIL_KEYS": installation.api.keys["t"],
        }
        processes: list[subprocess.Popen[bytes]] = []
        try:
            for number in range(2):
                processes.append(_started(environment, tmp_path / f"{number}.log"))
                if number == 0:
                    await installation.customer_writes("before")
                    await until(lambda: _has(installation.items(), 1), seconds=200)
            processes[0].kill()
            await installation.customer_writes("after", "after")
            await until(lambda: _has(installation.items(), 2), seconds=200)
            # What comes after it is read after all that the first one may have left behind.
            await installation.customer_writes("last", "last")
            await until(lambda: _is_item(installation, "last"), seconds=200)
            subjects = [item["subject"] for item in await installation.items()]
            assert subjects == ["My parcel", "after", "last"], "each once"
        finally:
            for process in processes:
                process.kill()
                process.wait()


async def _is_item(installation: Installation, subject: str) -> bool:
    return subject in {item["subject"] for item in await installation.items()}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"host": "no-such-host.invalid"}, "no connection"),
        ({"port": 1}, "no connection"),
        ({"certificate": ""}, "TLS fails"),
        ({"password": "wrong"}, "login of"),
    ],
)
async def test_what_fails_is_told_exactly(mail_server: MailServer, change: dict[str, Any], told: str) -> None:
    care = mail_server.account()
    host = change.get("host", mail_server.host)
    mailbox = Mailbox(
        id="care",
        name="Care",
        address=care,
        ca_certificate=change.get("certificate", mail_server.certificate),
        incoming=Incoming(host=host, port=change.get("port", mail_server.imaps), user=care),
        outgoing=Outgoing(host=host, port=change.get("port", mail_server.smtp), user=care),
    )
    password = change.get("password", mail_server.password)
    secrets = {"imapPassword": password, "smtpPassword": password}
    reader = ImapReader(mailbox, secrets)
    try:
        with pytest.raises(MailProviderError, match=told):
            await reader.open()
    finally:
        await reader.close()
    with pytest.raises(MailProviderError, match=told):
        await SmtpSender(mailbox, secrets).check()
