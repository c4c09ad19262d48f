"""The email service: holds mailboxes by lease, moves their mail in and out. Knows IWD by its API; keeps nothing."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from typing import Final
from uuid import UUID

import structlog

from openiwd.adapters.iwd_http.http_iwd import HttpIwd
from openiwd.domain.email.cloud import CloudAddresses
from openiwd.domain.email.mailbox import Access
from openiwd.domain.errors import ConflictError, OpenIwdError, UnavailableError
from openiwd.ports.email import MailboxLease
from openiwd.ports.iwd import Iwd, MailboxReport, Served
from openiwd.ports.mail_provider import MailProvider, MailProviderError, MailReader
from openiwd.processes.email_health import Dependency, Ready, health_port
from openiwd.processes.email_metrics import (
    Labels,
    MeasuredIwd,
    MeasuredReader,
    MeasuredSender,
    boxes_waiting,
    bytes_held,
    failures,
    held,
    sent_out,
    taken_in,
    unread,
)
from openiwd.processes.identity import new_id
from openiwd.processes.mail_provider import MailProviders
from openiwd.usecases.access_tokens import KeptToken
from openiwd.usecases.byte_budget import ByteBudget
from openiwd.usecases.mail_transfer import Ending, Transfer

log = structlog.get_logger()

LEASE_STEP_SECONDS: Final = 3.0
FENCED_AFTER_SECONDS: Final = 10.0
"""Without a renewal for so long this process stops by itself, before its leases are over."""
SEND_STEP_SECONDS: Final = 1.0
ASKED_PER_SECOND: Final = 20
"""So often all mailboxes of a tenant together ask for what is to be sent."""
PAUSES: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""After the first, second, … failure in a row."""
DRAIN_SECONDS: Final = 8.0
"""What is being sent may end within so long; less than leases last, which are not renewed meanwhile."""

UNREAD_SECONDS: Final = 60.0
"""So often what is unread is counted."""


class MailboxRun:
    """One mailbox while its lease is held: a loop in and a loop out."""

    def __init__(
        self,
        iwd: Iwd,
        provider: MailProvider,
        served: Served,
        lease: MailboxLease,
        untold: dict[UUID, Ending],
        send_pause: Callable[[], float],
        budget: ByteBudget,
    ) -> None:
        self.served = served
        self.lease = lease
        self.labels = Labels.of(served.tenant, served.mailbox)
        self._iwd: Iwd = MeasuredIwd(iwd, self.labels)
        self._provider = provider
        self._transfer = Transfer(self._iwd, served, lease, untold, budget)
        self._send_pause = send_pause
        self._tokens = KeptToken(self._ask_token)
        self._told: dict[str, str | None] = {}
        self._stopping = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []

    @property
    def failing(self) -> list[str]:
        """What fails now, by direction."""
        return [f"{direction}: {error}" for direction, error in self._told.items() if error is not None]

    async def _ask_token(self) -> tuple[str, int]:
        token = await self._iwd.access_token(self.lease)
        return token.access_token, token.seconds

    @property
    def is_over(self) -> bool:
        """Another process has the mailbox now."""
        return bool(self._loops) and all(loop.done() for loop in self._loops)

    def start(self) -> None:
        mailbox, loop = self.served.mailbox, asyncio.get_running_loop()
        if mailbox.reads:
            self._loops.append(loop.create_task(self._forever("incoming", self._receive), name="mail in"))
        if mailbox.sends:
            self._loops.append(loop.create_task(self._forever("outgoing", self._send), name="mail out"))

    async def stop(self) -> None:
        """What is being sent is finished first, within limits; reading is broken off."""
        self._stopping.set()
        for loop in self._loops:
            if loop.get_name() == "mail in":
                loop.cancel()
        _, late = await asyncio.wait(self._loops, timeout=DRAIN_SECONDS) if self._loops else ((), ())
        for loop in late:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        with suppress(KeyError):
            unread.remove(*self.labels.inbound)  # whoever holds it next tells

    async def _forever(self, direction: str, step: Callable[[], Awaitable[None]]) -> None:
        failed = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                await step()
                failed = 0
                continue
            except ConflictError as error:
                if error.code == "leaseLost":
                    log.info("mailbox lost", mailbox=self.lease.mailbox_id)
                    return
                await self._report(direction, error.message)
            except MailProviderError as error:
                await self._report(direction, error.message)
            except UnavailableError as error:
                log.warning("IWD is away", mailbox=self.lease.mailbox_id, error=error.message)
            except OpenIwdError as error:
                await self._report(direction, error.message)
            except Exception:
                log.exception("mail transfer failed", mailbox=self.lease.mailbox_id, direction=direction)
                await self._report(direction, "an unexpected error; see the log")
            labels = self.labels.inbound if direction == "incoming" else self.labels.outbound
            failures.labels(*labels, direction).inc()
            failed = 1 if time.monotonic() - began > PAUSES[-1] else failed + 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), PAUSES[min(failed, len(PAUSES)) - 1])

    async def _receive(self) -> None:
        """One connection's life."""
        incoming = self.served.mailbox.incoming
        reader = self._reader()
        counted_at = -UNREAD_SECONDS
        try:
            await reader.open()
            while not self._stopping.is_set():
                count = await self._transfer.read(reader)
                await self._report("incoming", None)
                taken_in.labels(*self.labels.inbound).inc(count)
                if time.monotonic() - counted_at >= UNREAD_SECONDS:
                    await self._count_unread(reader)
                    counted_at = time.monotonic()
                if count == 0:
                    await reader.wait(incoming.folders[0], incoming.poll_seconds)
        finally:
            await reader.close()

    async def _count_unread(self, reader: MailReader) -> None:
        """A server that does not tell keeps no mail from being read."""
        try:
            left = [await reader.unread(folder) for folder in self.served.mailbox.incoming.folders]
        except MailProviderError as error:
            if error.field == "connection":
                raise
            return
        unread.labels(*self.labels.inbound).set(sum(left))

    def _reader(self) -> MailReader:
        served = self.served
        return MeasuredReader(
            self._provider.reader(served.mailbox, served.secrets, self._tokens), self.labels
        )

    async def _send(self) -> None:
        mailbox = self.served.mailbox
        made = self._provider.sender(mailbox, self.served.secrets, self._tokens)
        sender = MeasuredSender(made, self.labels)
        reader: MailReader | None = None
        try:
            if self._told.get("outgoing", "") is not None:
                await sender.check()
                await self._report("outgoing", None)
            if mailbox.outgoing.sent_folder or mailbox.access is not Access.IMAP:
                reader = await self._filing_reader()
            while not self._stopping.is_set():
                sent_out.labels(*self.labels.outbound).inc(await self._transfer.send(sender, reader))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), self._send_pause())
        finally:
            await sender.close()
            if reader is not None:
                await reader.close()

    async def _filing_reader(self) -> MailReader | None:
        """A connection of its own for copies of what was sent; without it mail is sent all the same."""
        mailbox = self.served.mailbox
        if mailbox.access is Access.IMAP and not mailbox.reads:
            return None
        reader = self._reader()
        try:
            await reader.open()
        except MailProviderError:
            await reader.close()
            return None
        return reader

    async def _report(self, direction: str, error: str | None) -> None:
        """Told when it changes."""
        if direction in self._told and self._told[direction] == error:
            return
        report = MailboxReport(
            mailbox_id=self.lease.mailbox_id, direction=direction, ok=error is None, error=error
        )
        with suppress(OpenIwdError):
            await self._iwd.report([report])
            self._told[direction] = error


class EmailProcess:
    """All mailboxes of one tenant that this process holds."""

    def __init__(
        self,
        iwd: Iwd,
        provider: MailProvider,
        *,
        most: int = 100,
        name: str = "0",
        budget: ByteBudget | None = None,
    ) -> None:
        self.holder = new_id()
        self._budget = ByteBudget() if budget is None else budget
        self._name = name
        self._iwd = iwd
        self._provider = provider
        self._most = most
        self._runs: dict[str, MailboxRun] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._untold: dict[str, dict[UUID, Ending]] = {}
        self._renewed_at = time.monotonic()

    @property
    def dependencies(self) -> dict[str, Dependency]:
        """IWD, and each mailbox that is held."""
        silent = time.monotonic() - self._renewed_at
        away = f"no answer for {silent:.0f} s" if silent > FENCED_AFTER_SECONDS else None
        states = {f"iwd/{self._name}": Dependency("unavailable" if away else "ok", away)}
        for mailbox_id, run in sorted(self._runs.items()):
            told = "; ".join(run.failing)[:500]
            states[f"mailbox/{self._name}/{mailbox_id}"] = Dependency(
                "failing" if told else "ok", told or None
            )
        return states

    async def run(self, stopping: asyncio.Event) -> None:
        """Until told to stop; then finishes what is being sent and gives the mailboxes back."""
        try:
            while not stopping.is_set():
                await self._step()
                held.set(len(self._runs))
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), LEASE_STEP_SECONDS)
        finally:
            await self._stop_all()
            with suppress(OpenIwdError):
                await self._iwd.end_leases(self.holder)
            await self._iwd.close()

    async def _step(self) -> None:
        asked_at = time.monotonic()
        try:
            leases = {
                lease.mailbox_id: lease for lease in await self._iwd.take_leases(self.holder, self._most)
            }
            self._renewed_at = asked_at
            served = {s.mailbox.id: s for s in await self._iwd.mailboxes()}
        except OpenIwdError as error:
            log.warning("leases cannot be renewed", error=error.message)
            if time.monotonic() - self._renewed_at > FENCED_AFTER_SECONDS:
                await self._stop_all()
            return
        self._follow(leases, served)

    def _follow(self, leases: Mapping[str, MailboxLease], served: Mapping[str, Served]) -> None:
        for mailbox_id, run in list(self._runs.items()):
            lease, wanted = leases.get(mailbox_id), served.get(mailbox_id)
            is_same = lease is not None and wanted is not None and lease.epoch == run.lease.epoch
            if not is_same or run.is_over or _settings(run.served) != _settings(wanted):
                del self._runs[mailbox_id]
                self._ending[mailbox_id] = asyncio.get_running_loop().create_task(run.stop())
        # Leases do not wait for what is being finished; a mailbox begins anew once it is.
        self._ending = {i: ending for i, ending in self._ending.items() if not ending.done()}
        for mailbox_id, lease in leases.items():
            wanted = served.get(mailbox_id)
            if wanted is None or mailbox_id in self._runs or mailbox_id in self._ending:
                continue
            untold = self._untold.setdefault(mailbox_id, {})
            run = MailboxRun(self._iwd, self._provider, wanted, lease, untold, self._send_pause, self._budget)
            self._runs[mailbox_id] = run
            run.start()

    def _send_pause(self) -> float:
        """Longer with many mailboxes: each asks for its own, and nobody waits for much of it."""
        return max(SEND_STEP_SECONDS, len(self._runs) / ASKED_PER_SECOND)

    async def _stop_all(self) -> None:
        runs, self._runs = list(self._runs.values()), {}
        ending, self._ending = list(self._ending.values()), {}
        await asyncio.gather(*(run.stop() for run in runs), *ending)


def _settings(served: Served | None) -> object:
    """What a run depends on; places move on by themselves."""
    return None if served is None else (served.mailbox, served.secrets)


def readiness(tenants: list[EmailProcess]) -> Ready:
    """Ready while IWD answers for all tenants; mailboxes that fail are told beside it."""
    told = {name: state for tenant in tenants for name, state in tenant.dependencies.items()}
    is_ready = all(state.status != "unavailable" for state in told.values())
    return Ready("ready" if is_ready else "unavailable", told)


async def serve_email(
    url: str,
    api_keys: list[str],
    *,
    host: str,
    metrics_port: int | None,
    most: int,
    bytes_at_once: int,
    cloud: CloudAddresses,
    when_ready: Callable[[], None],
) -> None:
    """Until SIGINT or SIGTERM: one tenant for each key; what all of them hold of messages is bounded."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    provider = MailProviders(cloud)
    budget = ByteBudget(bytes_at_once)
    bytes_held.set_function(lambda: budget.held)
    boxes_waiting.set_function(lambda: budget.waiting)
    tenants = [
        EmailProcess(HttpIwd(url, key), provider, most=most, name=str(n), budget=budget)
        for n, key in enumerate(api_keys)
    ]
    async with AsyncExitStack() as stack:
        if metrics_port is not None:
            await stack.enter_async_context(health_port(host, metrics_port, lambda: readiness(tenants)))
        when_ready()
        await asyncio.gather(*(tenant.run(stopping) for tenant in tenants))
