"""A hundred mailboxes with waiting messages on a real Dovecot, taken in by one email service: a process of its own,
over the API of a real server. Beside it one process that only fetches the same messages by IMAP.
"""

from __future__ import annotations

import asyncio
import imaplib
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from benchmarks.email.letters import letters
from benchmarks.intake.items import rule_set
from benchmarks.processes import cpu_seconds, data_folder, proportional_megabytes
from benchmarks.result import Ratio, Row
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.domain.email.mailbox import Incoming, Mailbox, Outgoing
from openiwd.domain.privilege import Role, system
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.bootstrap import CONTROL_DATABASE, ensure_tenant, prepare_databases
from openiwd.processes.database import database_dsn
from openiwd.processes.wiring import Wiring
from openiwd.usecases import mailbox as mailbox_use
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set import publish
from tests.faults.installation import Process
from tests.servers.mail import NOBODY, PASSWORD, MailServer, running_mail_server

TENANT = Tenant(id="mail", name="mail", database_name="bench-mailboxes")
CALLER = system("benchmark", TENANT.id)
SECRET_KEY = "a-key-of-the-benchmark-that-nobody-keeps-secret"
DOMAIN = "example.com"
LOOK_SECONDS = 0.25
SAY_SECONDS = 10.0
STUCK_SECONDS = 120.0
"""Nothing new for so long: something is wrong."""
STORED = "SELECT count(*) FROM email WHERE direction = 'in'"
LEFT = "SELECT count(*) FROM mailbox_lease WHERE epoch > 1"
EXACT = """
    SELECT count(*) AS emails, count(DISTINCT e.message_id) AS messages, count(DISTINCT i.id) AS items,
        count(*) FILTER (WHERE e.state = 'stored' AND i.id IS NOT NULL) AS whole,
        (SELECT count(*) FROM item) AS all_items
    FROM email e LEFT JOIN email_thread t ON t.id = e.thread_id LEFT JOIN item i ON i.number = t.item_number
    WHERE e.direction = 'in'
"""


class Size(Struct, frozen=True):
    """How many mailboxes, and how many messages wait in each."""

    boxes: int
    each: int

    @property
    def total(self) -> int:
        return self.boxes * self.each


def _name(number: int) -> str:
    return f"box{number:03}"


def _address(number: int) -> str:
    return f"{_name(number)}@{DOMAIN}"


def _fill(server: MailServer, size: Size) -> int:
    """The messages as Dovecot's delivery leaves them: unseen, each in one mailbox only; how many bytes they have."""
    raws, written = letters(1, size.total), 0
    for number in range(size.boxes):
        box = server.folder / "mail" / DOMAIN / _name(number)
        for part in ("cur", "new", "tmp"):
            (box / part).mkdir(parents=True)
        for n in range(size.each):
            raw = next(raws)
            (box / "new" / f"{1_790_000_000 + n}.M{n}P1.localhost").write_bytes(raw)
            written += len(raw)
    for path in (server.folder / "mail").rglob("*"):
        os.chown(path, NOBODY, NOBODY)
    return written


def _fetched(server: MailServer, number: int) -> int:
    """One mailbox gone through by the standard library's client, unmarked: a look, and each message by its uid."""
    context = ssl.create_default_context(cadata=server.certificate)
    with imaplib.IMAP4_SSL(server.host, server.imaps, ssl_context=context, timeout=120) as client:
        client.login(_address(number), PASSWORD)
        client.select("INBOX", readonly=True)
        uids = client.uid("SEARCH", "ALL")[1][0].split()
        for uid in uids:
            (part, *_) = client.uid("FETCH", uid.decode(), "(BODY.PEEK[])")[1]
            assert isinstance(part, tuple)
            assert part[1]
    return len(uids)


def _plain_fetch(server: MailServer, size: Size) -> float:
    """Messages per second by one process with a connection for each mailbox, all at once, as the email service has."""
    with ThreadPoolExecutor(size.boxes) as threads:
        began = time.perf_counter()
        found = sum(threads.map(lambda n: _fetched(server, n), range(size.boxes)))
        seconds = time.perf_counter() - began
    if found != size.total:
        raise RuntimeError(f"{found} messages were fetched instead of {size.total}")
    return size.total / seconds


async def _set_up(control_dsn: str, server: MailServer, size: Size) -> str:
    """The tenant with its mailboxes, read and sent by, as if their connections had been tested; the service's key."""
    wiring = Wiring(control_dsn, secret_keys=[SECRET_KEY])
    await ensure_tenant(wiring, TENANT)
    services = await wiring.platform.services(TENANT.id)
    await publish(services, wiring.holidays, rule_set(), CALLER)
    editor = Editor(wiring.platform, services, CALLER, wiring.holidays)
    for number in range(size.boxes):
        address = _address(number)
        box = Mailbox(
            id=_name(number),
            name=_name(number),
            address=address,
            enabled=True,
            ca_certificate=server.certificate,
            incoming=Incoming(host=server.host, port=server.imaps, user=address),
            outgoing=Outgoing(host=server.host, port=server.smtp, user=address),
        )
        await mailbox_use.put(editor, replace(box, enabled=False), None)
        await mailbox_use.put_secrets(editor, box.id, {"imapPassword": PASSWORD, "smtpPassword": PASSWORD})
        await mailbox_use.note_tested(services, box)
        await mailbox_use.put(editor, box, None)
    key, _ = await wiring.platform.identities.create_key(
        uuid4(), TENANT.id, "email", role=Role.ADMINISTRATOR, privileges=["email.service"]
    )
    await wiring.close()
    return key


@contextmanager
def _email_service(url: str, key: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One pod."""
    environment = {**os.environ, "OPENIWD_URL": url, "OPENIWD_EMAIL_KEYS": key}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "openiwd", "email"], env=environment, stdout=out, stderr=out
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


class Watched(Struct):
    """What was seen of the pod while it took everything in."""

    seconds: float
    megabytes: float
    """At most."""
    cpu: float
    server_cpu: float


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-4_000:]


async def _watch(connection: asyncpg.Connection, pod: int, server: int, total: int, log: Path) -> Watched:
    """Until all is stored. The clock begins with the pod's process."""
    began, server_before = time.perf_counter(), cpu_seconds(server)
    said = moved = began
    known, most = 0, 0.0
    while True:
        stored = int(await connection.fetchval(STORED))
        now = time.perf_counter()
        most = max(most, proportional_megabytes([pod]))
        if stored != known:
            known, moved = stored, now
        if now - said > SAY_SECONDS:
            print(f"  {stored:,} of {total:,} after {now - began:.0f} s, {most:.0f} MB", flush=True)
            said = now
        if stored >= total:
            return Watched(now - began, most, cpu_seconds(pod), cpu_seconds(server) - server_before)
        if now - moved > STUCK_SECONDS:
            raise RuntimeError(f"no more than {stored} are stored:\n{_end_of(log)}")
        await asyncio.sleep(LOOK_SECONDS)


async def _unseen(server: MailServer, size: Size) -> int:
    """Messages that are not marked as read; the last ones are, a moment after they are stored."""
    for _ in range(40):
        lines = [line for n in range(size.boxes) for line in server.flags(_address(n))]
        left = sum(b"Seen" not in line for line in lines)
        if left == 0:
            return 0
        await asyncio.sleep(0.5)
    return left


def _reported(size: Size, plain: Sequence[float], seen: Watched, exact: asyncpg.Record) -> list[Row]:
    rate, fetched = size.total / seen.seconds, sum(plain) / len(plain)
    return [
        Row("mailboxes: on one pod", size.boxes, ""),
        Row("mailboxes: messages waiting", size.total, ""),
        Row("mailboxes: until all are taken in, from the pod's start", seen.seconds, "s"),
        Row("mailboxes: messages/s taken in", rate, "messages/s"),
        Row("mailboxes: messages/s by a plain fetch, before and after", fetched, "messages/s"),
        Row("mailboxes: plain fetch, further from their mean by", 100 * abs(plain[0] - fetched) / fetched, "%"),
        Row("mailboxes: taken in / plain fetch", rate / fetched, "×"),
        Row("mailboxes: memory of the pod, at most", seen.megabytes, "MB (PSS)"),
        Row("mailboxes: CPU of the pod per message", 1_000 * seen.cpu / size.total, "ms"),
        Row("mailboxes: CPU of the server per message", 1_000 * seen.server_cpu / size.total, "ms"),
        Row("mailboxes: messages stored", exact["emails"], ""),
    ]  # fmt: skip


def _judged(size: Size, exact: asyncpg.Record, lost: int, unseen: int) -> list[Ratio]:
    """Each message is one email of one item of its own, marked in its mailbox; no mailbox changed hands on the way."""
    names = ("emails", "messages", "items", "whole", "all_items")
    each = min(exact[n] for n in names) / size.total
    is_exact = all(exact[n] == size.total for n in names)
    return [
        Ratio("mailboxes: messages that are exactly one item", each, 1.0, is_exact),
        Ratio("mailboxes: messages left unread (at most)", unseen, 0.0, unseen == 0),
        Ratio("mailboxes: leases lost on the way (at most)", lost, 0.0, lost == 0),
    ]


async def measured(size: Size) -> tuple[list[Row], list[Ratio]]:
    """The whole part: filling, the plain fetch, the pod, the plain fetch again, and the check."""
    with running_mail_server() as mail, data_folder() as folder:
        print(f"filling {size.boxes} mailboxes with {size.each} messages each", flush=True)
        megabytes = _fill(mail, size) / 1e6
        postgres = EmbeddedPostgres(folder / "postgres")
        await postgres.start()
        try:
            await prepare_databases(postgres.dsn(), TENANT)
            control_dsn = database_dsn(postgres.dsn(), CONTROL_DATABASE)
            key = await _set_up(control_dsn, mail, size)
            print(f"fetching {megabytes:.0f} MB plainly, then taking them in", flush=True)
            plain = [await asyncio.to_thread(_plain_fetch, mail, size)]
            seen, exact, lost, unseen = await _taken_in(postgres.dsn(), control_dsn, key, mail, size, folder)
            plain.append(await asyncio.to_thread(_plain_fetch, mail, size))
        finally:
            await postgres.stop()
    rows = [*_reported(size, plain, seen, exact), Row("mailboxes: bytes of the messages", megabytes, "MB")]
    return rows, _judged(size, exact, lost, unseen)


async def _taken_in(
    dsn: str, control_dsn: str, key: str, mail: MailServer, size: Size, folder: Path
) -> tuple[Watched, asyncpg.Record, int, int]:
    server = Process(
        control_dsn,
        folder / "serve.log",
        ("serve", "--no-decide"),
        budget=20,
        environment={"OPENIWD_SECRET_KEY": SECRET_KEY},
    )
    connection = await asyncpg.connect(database_dsn(dsn, TENANT.database_name))
    log = folder / "email.log"
    try:
        with _email_service(server.url, key, log) as pod:
            seen = await _watch(connection, pod.pid, server.process.pid, size.total, log)
            unseen = await _unseen(mail, size)
            lost = int(await connection.fetchval(LEFT))
        exact = await connection.fetchrow(EXACT)
        assert exact is not None
    finally:
        await connection.close()
        server.kill()
    return seen, exact, lost, unseen
