"""`python -m benchmarks.email [--quick] [--only take|mailboxes]`: mail taken in on a PostgreSQL of its own, beside the
standard parser; then a hundred mailboxes by one email service, beside a plain fetch of the same.
"""

from __future__ import annotations

import argparse
import asyncio
import email
import email.policy
import itertools
import time
from collections.abc import Iterator
from uuid import uuid4

from msgspec.structs import replace

from benchmarks.email import mailboxes
from benchmarks.email.letters import ADDRESS, letters
from benchmarks.intake.items import rule_set
from benchmarks.processes import data_folder
from benchmarks.result import Ratio, Result, Row, write
from benchmarks.rounds import ROUNDS, Series, alternate, at_most
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.domain.email.mailbox import Incoming, Mailbox
from openiwd.domain.privilege import system
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.bootstrap import CONTROL_DATABASE, ensure_tenant, prepare_databases
from openiwd.processes.database import database_dsn
from openiwd.processes.wiring import Wiring
from openiwd.usecases import mailbox as mailbox_use
from openiwd.usecases.configuration import Editor
from openiwd.usecases.email_intake import Arrival, receive
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.rule_set import publish

TENANT = Tenant(id="mail", name="mail", database_name="bench-mail")
CALLER = system("benchmark", "mail")
TARGET = 3.0
HOLDER = uuid4()
AT_ONCE = 16
"""Mailboxes that are read at the same time."""


class Bench:
    """One tenant's intake of mail. CPU is that of this process: PostgreSQL's is its own."""

    def __init__(self, services: TenantServices, epoch: int, count: int) -> None:
        self._services = services
        self._epoch = epoch
        self._count = count
        self._seeds = itertools.count(1)
        self.cpu: dict[str, list[float]] = {"ours": [], "standard parser": []}

    async def ours(self) -> float:
        """Read, judged, tied and stored, each in its own transaction."""
        raws = list(letters(next(self._seeds), self._count))
        arriving = iter(raws)
        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(self._take(arriving) for _ in range(AT_ONCE)))
        self.cpu["ours"].append((time.process_time() - cpu) / self._count)
        return self._count / (time.perf_counter() - begun)

    async def _take(self, arriving: Iterator[bytes]) -> None:
        for raw in arriving:
            arrival = Arrival(
                raw=raw, mailbox_id="care", holder=HOLDER, epoch=self._epoch, folder="INBOX", uid_validity=1, uid=0,
            )  # fmt: skip
            received = await receive(self._services, CALLER, arrival)
            assert received.outcome == "created", received

    async def parser(self) -> float:
        """The standard library reads the same kind of letters, with their texts and files, and stores nothing."""
        raws = list(letters(next(self._seeds), self._count))
        begun, cpu = time.perf_counter(), time.process_time()
        for raw in raws:
            message = email.message_from_bytes(raw, policy=email.policy.default)
            for part in message.walk():
                if not part.is_multipart():
                    part.get_payload(decode=True)
            assert message["Subject"]
            assert message["From"].addresses
        self.cpu["standard parser"].append((time.process_time() - cpu) / self._count)
        return self._count / (time.perf_counter() - begun)


async def _take(count: int, rounds: int) -> tuple[list[Row], list[Ratio]]:
    with data_folder() as folder:
        postgres = EmbeddedPostgres(folder)
        await postgres.start()
        try:
            await prepare_databases(postgres.dsn(), TENANT)
            wiring = Wiring(database_dsn(postgres.dsn(), CONTROL_DATABASE), secret_keys=["k" * 32])
            await ensure_tenant(wiring, TENANT)
            services = await wiring.platform.services(TENANT.id)
            await publish(services, wiring.holidays, rule_set(), CALLER)
            box = Mailbox(
                id="care",
                name="Care",
                address=ADDRESS,
                enabled=True,
                incoming=Incoming(host="imap", user="x"),
            )
            editor = Editor(wiring.platform, services, CALLER, wiring.holidays)
            await mailbox_use.put(editor, replace(box, enabled=False), None)
            await mailbox_use.note_tested(services, box)
            await mailbox_use.put(editor, box, None)
            mailbox_use.LEASE_SECONDS = 86_400.0  # type: ignore[misc]  # nobody renews it here
            (lease,) = await mailbox_use.take_leases(services, CALLER, HOLDER, 10)
            bench = Bench(services, lease.epoch, count)
            await bench.ours()  # warms up
            bench.cpu["ours"].clear()
            found = await alternate({"ours": bench.ours, "standard parser": bench.parser}, rounds)
            await wiring.close()
        finally:
            await postgres.stop()
    return _result(found, bench.cpu)


def _result(found: dict[str, Series], cpu: dict[str, list[float]]) -> tuple[list[Row], list[Ratio]]:
    ours, parser = found["ours"], found["standard parser"]
    rows, ratios = [ours.row("messages/s"), parser.row("messages/s")], list[Ratio]()
    each = [b / a for a, b in zip(ours.values, parser.values, strict=True)]
    own = [a / b for a, b in zip(cpu["ours"], cpu["standard parser"], strict=True)]
    for name, values in (
        ("time over the standard parser alone", each),
        ("CPU over the standard parser alone", own),
    ):
        ratio, spread = at_most(name, Series(name, values), TARGET)
        ratios.append(ratio)
        rows.append(spread)
    rows += [Row(f"{name}: CPU of a message", 1_000 * sum(v) / len(v), "ms") for name, v in cpu.items()]
    return rows, ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it run? too short for ratios that count")
    parser.add_argument("--only", choices=["take", "mailboxes"], help="one part alone")
    parser.add_argument(
        "--boxes", type=int, help="mailboxes on the pod; 100 as usual, which is a tenant's limit"
    )
    parser.add_argument("--each", type=int, help="messages that wait in each; 100 as usual")
    options = parser.parse_args()
    rows, ratios = list[Row](), list[Ratio]()
    if options.only in (None, "take"):
        count, rounds = (60, 1) if options.quick else (1_500, ROUNDS)
        more_rows, more_ratios = asyncio.run(_take(count, rounds))
        rows += more_rows
        ratios += more_ratios
    if options.only in (None, "mailboxes"):
        usual = (10, 10) if options.quick else (100, 100)
        size = mailboxes.Size(options.boxes or usual[0], options.each or usual[1])
        more_rows, more_ratios = asyncio.run(mailboxes.measured(size))
        rows += more_rows
        ratios += more_ratios
    keep = not (options.quick or options.boxes or options.each)
    write(Result("email", rows, ratios), keep=keep, only=options.only)


main()
