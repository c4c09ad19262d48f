"""The email service's metrics: counted by kind, told under the customary names too."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY, CollectorRegistry, Summary

from openiwd.api.customary_metrics import CustomaryNames
from openiwd.domain.email.mailbox import Access, Mailbox
from openiwd.domain.email.outbound import SendingState
from openiwd.domain.errors import ConflictError, OpenIwdError, TooLargeError, UnavailableError
from openiwd.ports.email import MailboxLease
from openiwd.ports.iwd import Submitted
from openiwd.ports.mail_provider import Fetched
from openiwd.processes.email_metrics import Labels, MeasuredIwd, timed
from tests.factories.mail_iwd import MemoryIwd

BOX = Mailbox(id="care", name="Care", address="care@example.com")


class AnsweringIwd(MemoryIwd):
    """Answers to emails as it is told to."""

    answer: Submitted | OpenIwdError
    after: str | None = None

    async def submit(
        self, lease: MailboxLease, folder: str, uid_validity: int, message: Fetched
    ) -> Submitted:
        del lease, folder, uid_validity, message
        if isinstance(self.answer, OpenIwdError):
            raise self.answer
        return self.answer

    async def tell(self, *arguments: Any) -> str:
        told = await super().tell(*arguments)
        return self.after or told


class Measured:
    """One mailbox of a tenant that no other test counts for."""

    def __init__(self, access: Access = Access.IMAP) -> None:
        self.tenant = uuid.uuid4().hex
        self.inner = AnsweringIwd(BOX, {})
        self.labels = Labels.of(self.tenant, replace(BOX, access=access))
        self.iwd = MeasuredIwd(self.inner, self.labels)

    async def submit(self, answer: Submitted | OpenIwdError, **fields: Any) -> None:
        self.inner.answer = answer
        message = Fetched(**{"uid": 1, "raw": b"x" * 100, "received_at": None, **fields})
        await self.iwd.submit(self.inner.lease, "INBOX", 1, message)

    async def send(
        self, *states: SendingState, kind: str = "OutboundReply", after: str | None = None
    ) -> None:
        email_id = self.inner.queue(b"x" * 300, ["ada@example.org"], "m@example.com", BOX.address)
        email = self.inner.emails[email_id]
        email.kind, email.since = kind, datetime.now(UTC) - timedelta(seconds=90)
        await self.iwd.outbound(self.inner.lease)
        for state in states:
            self.inner.after = after if state is states[-1] else None
            await self.iwd.tell(self.inner.lease, email_id, state)
        del self.inner.emails[email_id]

    def count(self, name: str, protocol: str = "imap", **labels: str) -> float | None:
        named = {"tenant": self.tenant, "mailbox": "care", "protocol": protocol, **labels}
        return REGISTRY.get_sample_value(f"iwd_email_{name}", named)


def submitted(outcome: str, kind: str, files: int = 0) -> Submitted:
    return Submitted(id=uuid.uuid4(), outcome=outcome, kind=kind, blocked_files=files)


async def test_what_comes_in_is_counted_by_its_kind() -> None:
    m = Measured()
    arrived = datetime.now(UTC) - timedelta(seconds=60)
    await m.submit(submitted("created", "InboundNew", 2), received_at=arrived)
    await m.submit(submitted("joined", "InboundCustomerReply"))
    await m.submit(submitted("reported", "InboundNDR"))
    await m.submit(submitted("linked", "InboundNew"), full_size=5_000)
    assert m.count("inbound_processed_total", subtype="InboundNew") == 2
    assert m.count("inbound_processed_total", subtype="InboundCustomerReply") == 1
    assert m.count("inbound_processed_total", subtype="InboundNDR") == 1
    assert m.count("inbound_bytes_total", subtype="InboundNew") == 5_100
    assert m.count("blocked_attachments_total", subtype="InboundNew") == 2
    assert m.count("blocked_attachments_total", subtype="InboundNDR") is None
    assert m.count("inbound_processing_seconds_count", subtype="InboundNew") == 2
    assert m.count("inbound_waiting_seconds_count", subtype="InboundNew") == 1
    assert (m.count("inbound_waiting_seconds_sum", subtype="InboundNew") or 0) >= 60
    assert m.count("call_duration_seconds_count", "iwd", call="submitWorkItem") == 4


async def test_what_is_put_aside_known_refused_or_broken_off_is_told_apart() -> None:
    m = Measured(Access.GMAIL)
    await m.submit(submitted("dropped", "InboundNew"))
    await m.submit(submitted("quarantined", "InboundAutoReply"))
    await m.submit(submitted("duplicate", "InboundNew"))
    for error in (
        TooLargeError("too large"),
        UnavailableError("away"),
        ConflictError("lost", code="leaseLost"),
    ):
        with pytest.raises(type(error)):
            await m.submit(error)
    assert m.count("inbound_blocked_total", "gmail", subtype="InboundNew") == 1
    assert m.count("inbound_blocked_total", "gmail", subtype="InboundAutoReply") == 1
    assert m.count("inbound_processed_total", "gmail", subtype="InboundNew") is None
    assert m.count("inbound_failed_total", "gmail") == 1
    assert m.count("inbound_to_retry_total", "gmail") == 1
    assert m.count("call_failures_total", "iwd", call="submitWorkItem") == 3


async def test_what_goes_out_is_counted_by_how_it_ended() -> None:
    m = Measured()
    s = SendingState
    await m.send(s.SENDING, s.HANDING_OVER, s.SENT)
    await m.send(s.SENDING, s.HANDING_OVER, s.SENT, kind="OutboundAcknowledgement")
    await m.send(s.SENDING, s.QUEUED)
    await m.send(s.SENDING, s.QUEUED, after="failed")
    await m.send(s.SENDING, s.FAILED)
    await m.send(s.SENDING, s.HANDING_OVER, s.UNKNOWN)
    reply = {"subtype": "OutboundReply"}
    assert m.count("outbound_sent_total", "smtp", **reply) == 1
    assert m.count("outbound_sent_total", "smtp", subtype="OutboundAcknowledgement") == 1
    assert m.count("outbound_bytes_total", "smtp", **reply) == 300
    assert m.count("outbound_to_retry_total", "smtp", **reply) == 1
    assert m.count("outbound_failed_total", "smtp", **reply) == 2, "IWD's word counts"
    assert m.count("outbound_unknown_total", "smtp", **reply) == 1
    assert (m.count("outbound_waiting_seconds_sum", "smtp", **reply) or 0) >= 90


async def test_calls_are_counted_however_they_end() -> None:
    m = Measured(Access.MICROSOFT)
    async with timed(m.labels.inbound, "look"):
        pass
    with pytest.raises(UnavailableError):
        async with timed(m.labels.inbound, "look"):
            raise UnavailableError("away")
    assert m.count("call_duration_seconds_count", "graph", call="look") == 2
    assert m.count("call_failures_total", "graph", call="look") == 1


def test_each_call_has_its_customary_names() -> None:
    registry = CollectorRegistry()
    calls = Summary(
        "iwd_email_call_duration_seconds",
        "Calls",
        ["tenant", "mailbox", "protocol", "call"],
        registry=registry,
    )
    calls.labels("acme", "care", "imap", "fetch").observe(0.25)
    calls.labels("acme", "care", "imap", "fetch").observe(0.75)
    calls.labels("acme", "sales", "iwd", "submitWorkItem").observe(0.5)
    told = {
        (s.name, s.labels["mailbox"]): s.value
        for family in CustomaryNames(registry).collect()
        for s in family.samples
        if s.labels["domain"] == "acme" and "tenant" not in s.labels
    }
    assert told == {
        ("iwdEmail_imap_fetch_total", "care"): 2,
        ("iwdEmail_imap_fetch_duration_milliseconds_count", "care"): 2,
        ("iwdEmail_imap_fetch_duration_milliseconds_sum", "care"): 1_000,
        ("iwdEmail_iwd_submitWorkItem_total", "sales"): 1,
        ("iwdEmail_iwd_submitWorkItem_duration_milliseconds_count", "sales"): 1,
        ("iwdEmail_iwd_submitWorkItem_duration_milliseconds_sum", "sales"): 500,
    }
