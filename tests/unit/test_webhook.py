"""Webhooks: who wants which event, signatures, when a failed delivery is tried again, and where none may go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openiwd.adapters.outbound.http_outbound import HttpOutbound
from openiwd.adapters.secret_box.aes_gcm import AesGcmBox
from openiwd.domain.errors import InvalidInputError, UnavailableError
from openiwd.domain.event import EventType, LoggedEvent
from openiwd.domain.network_address import is_public, is_within, read_address, read_networks
from openiwd.domain.webhook import LONGEST_PAUSE, Webhook, is_signed, pause, signature
from openiwd.ports.outbound import OutboundAnswer
from openiwd.ports.webhook import Delivery, DeliveryState, WebhookState
from openiwd.processes.settings import read_settings
from openiwd.usecases.webhook_sending import after, receiver_after

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DONE = OutboundAnswer(status=204)
BROKEN = OutboundAnswer(status=503, error="the receiver answered 503")
WRONG = OutboundAnswer(status=400, error="the receiver answered 400")
AWAY = OutboundAnswer(error="connection refused")


def webhook(**fields: Any) -> Webhook:
    return msgspec.convert({"id": "w", "name": "W", "url": "https://example.com/", **fields}, Webhook)


def event(kind: EventType, from_: str | None = "queued", to: str = "queued", **fields: Any) -> LoggedEvent:
    values = {"item_id": UUID(int=1), "item_number": 1, "revision": 2, **fields}
    return LoggedEvent(
        generation=1, pos=1, type=kind, at=NOW, actor="a", body={"from": from_, "to": to}, **values
    )


COMPLETED = event(EventType.COMPLETED, "assigned", "completed")
TAGGED = event(EventType.TAGGED, "completed", "completed")
RAISED = event(EventType.ALARM_RAISED, item_id=None, subject_id="x")
STATE = event(EventType.AGENT_STATE_CHANGED, item_id=None, subject_id="ann")


@pytest.mark.parametrize(
    ("fields", "told", "wants"),
    [
        ({}, COMPLETED, True),
        ({}, RAISED, False),
        ({}, STATE, False),
        ({"events": ["completed"]}, COMPLETED, True),
        ({"events": ["held"]}, COMPLETED, False),
        ({"statuses": ["completed"]}, COMPLETED, True),
        ({"statuses": ["completed"]}, TAGGED, False),
        ({"statuses": ["canceled"]}, COMPLETED, False),
        ({"events": ["alarmRaised"]}, RAISED, True),
        ({"events": ["alarmRaised"], "categories": ["Claims"]}, RAISED, False),
        ({"events": ["agentStateChanged"]}, STATE, False),
    ],
)
def test_what_a_webhook_wants(fields: dict[str, Any], told: LoggedEvent, *, wants: bool) -> None:
    assert webhook(**fields).wants(told) is wants


def test_a_category_stands_for_all_below_it() -> None:
    narrow = webhook(categories=["Claims"], capturePoints=["portal"])
    assert narrow.wants_item("portal", "Claims/Motor")
    assert not narrow.wants_item("portal", "Claims2")
    assert not narrow.wants_item("portal", None)
    assert not narrow.wants_item("other", "Claims")
    assert webhook().wants_item("any", None)


# Signature -----------------------------------------------------------------------------------------------


def test_a_known_signature() -> None:
    """Computed apart from this code: printf '1772442000.{"a":1}' | openssl dgst -sha256 -hmac topsecret"""
    header = signature(["topsecret"], 1772442000, b'{"a":1}')
    assert header == "t=1772442000,v1=ab26c48747a33c523d91d018d0176f043504678b9940e664bea057812d2ac83f"


@given(st.binary(max_size=200), st.integers(0, 4_000_000_000))
def test_what_is_signed_is_recognised_and_nothing_else(body: bytes, at: int) -> None:
    header = signature(["new", "old"], at, body)
    assert is_signed(header, ["old"], at + 299, body)
    assert is_signed(header, ["new", "other"], at, body)
    assert not is_signed(header, ["other"], at, body)
    assert not is_signed(header, ["new"], at + 301, body)
    assert not is_signed(header, ["new"], at, body + b" ")
    assert not is_signed(header.replace(f"t={at}", f"t={at + 1}"), ["new"], at, body)


@given(st.text(max_size=120))
def test_no_text_breaks_the_check_of_a_signature(header: str) -> None:
    assert not is_signed(header, ["secret"], 1_000, b"body")


# Trying again --------------------------------------------------------------------------------------------


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_and_end(attempts: int, roll: float) -> None:
    seconds = pause(attempts, roll).total_seconds()
    assert 2.5 <= seconds <= LONGEST_PAUSE
    assert pause(attempts + 1, 1.0) >= pause(attempts, 0.0)


def delivery(**fields: Any) -> Delivery:
    values: dict[str, Any] = {
        "id": UUID(int=7), "webhook_id": "w", "generation": 1, "pos": 1, "subject": "s", "event_type": "held",
        "event_at": NOW, "planned_at": NOW, "next_at": NOW,
    }  # fmt: skip
    return Delivery(**{**values, **fields})


def test_a_delivery_is_tried_for_a_day_and_then_parked() -> None:
    at, tried, waits = NOW, delivery(), []
    while tried.state is DeliveryState.WAITING:
        tried = after(tried, BROKEN, at, 0.5)
        waits.append((tried.next_at - at).total_seconds())
        at = tried.next_at
    assert at - NOW == timedelta(hours=24)
    assert tried.state is DeliveryState.PARKED
    assert tried.attempts == len(waits) < 50
    assert waits[:3] == [3.75, 7.5, 15.0]


def test_an_answer_decides() -> None:
    done = after(delivery(), DONE, NOW, 0.5)
    assert (done.state, done.attempts, done.last_error) == (DeliveryState.DELIVERED, 1, None)
    gone = after(delivery(), OutboundAnswer(status=410, error="gone"), NOW, 0.5)
    assert gone.state is DeliveryState.PARKED
    asked = after(delivery(), OutboundAnswer(status=429, error="slow", retry_after=90), NOW, 0.5)
    assert asked.next_at == NOW + timedelta(seconds=90)


def test_a_receiver_that_is_away_is_left_alone_longer_each_time() -> None:
    state = WebhookState(webhook_id="w", generation=1, pos=0)
    state = receiver_after(state, [AWAY] * 4, NOW, 0.0)
    assert (state.failures, state.paused_until, state.failing_since) == (4, None, NOW)
    state = receiver_after(state, [BROKEN], NOW, 0.0)
    assert state.paused_until == NOW + timedelta(seconds=5)
    later = NOW + timedelta(hours=1)
    state = receiver_after(state, [AWAY], later, 0.0)
    assert state.paused_until == later + timedelta(seconds=10)
    assert state.failing_since == NOW
    state = receiver_after(state, [DONE], later, 0.0)
    assert (state.failures, state.paused_until, state.failing_since) == (0, None, None)
    assert state.last_success_at == later


def test_a_receiver_that_refuses_one_delivery_is_not_away() -> None:
    state = WebhookState(webhook_id="w", generation=1, pos=0)
    state = receiver_after(state, [WRONG] * 20, NOW, 0.0)
    assert (state.failures, state.paused_until) == (0, None)


# Where requests may go -----------------------------------------------------------------------------------

INNER = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "ff02::1",
]  # fmt: skip


@pytest.mark.parametrize("text", INNER)
def test_inner_addresses_are_not_public(text: str) -> None:
    address = read_address(text)
    assert address is not None
    assert not is_public(address)


@pytest.mark.parametrize("text", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are(text: str) -> None:
    address = read_address(text)
    assert address is not None
    assert is_public(address)


def test_allowed_networks_are_read_and_wrong_ones_named() -> None:
    networks = read_networks(["10.1.0.0/16", "::1"], "f")
    assert is_within(read_address("10.1.9.9"), networks)  # type: ignore[arg-type]
    assert is_within(read_address("::ffff:10.1.9.9"), networks)  # type: ignore[arg-type]
    assert not is_within(read_address("10.2.0.1"), networks)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="'nonsense' is no network"):
        read_networks(["nonsense"], "f")
    settings = read_settings({"OPENIWD_OUTBOUND_ALLOW": "10.0.0.0/8, 192.168.7.20"})
    assert [str(n) for n in settings.outbound_allowed] == ["10.0.0.0/8", "192.168.7.20/32"]


@pytest.mark.parametrize(
    ("url", "allowed", "is_refused"),
    [
        ("https://hooks.example.com/iwd?x=1", [], False),
        ("https://93.184.216.34:8443/", [], False),
        ("http://hooks.example.com/", [], True),
        ("https://127.0.0.1/", [], True),
        ("https://[::1]/", [], True),
        ("https://169.254.169.254/latest/meta-data", [], True),
        ("https://user:word@example.com/", [], True),
        ("https://example.com/#part", [], True),
        ("ftp://example.com/", [], True),
        ("//example.com/", [], True),
        ("https://", [], True),
        ("http://127.0.0.1:8080/hook", ["127.0.0.0/8"], False),
        ("http://8.8.8.8/", ["127.0.0.0/8"], True),
        ("https://10.0.0.1/", ["127.0.0.0/8"], True),
        ("\x00", [], True),
    ],
)
def test_which_addresses_can_be_typed_in(url: str, allowed: list[str], *, is_refused: bool) -> None:
    assert (HttpOutbound(read_networks(allowed, "f")).refusal(url) is not None) is is_refused


# Secrets at rest -----------------------------------------------------------------------------------------

KEYS = ["k" * 32, "l" * 32]


def test_a_sealed_secret_opens_for_what_it_was_sealed_for_alone() -> None:
    sealed = AesGcmBox(KEYS[:1]).seal("word", "webhook/t/w")
    assert b"word" not in sealed
    assert AesGcmBox(KEYS[:1]).open(sealed, "webhook/t/w") == "word"
    assert AesGcmBox(KEYS[::-1]).open(sealed, "webhook/t/w") == "word", "the old key still opens"
    for box, context, content in (
        (AesGcmBox(KEYS[:1]), "webhook/t/other", sealed),
        (AesGcmBox(KEYS[1:]), "webhook/t/w", sealed),
        (AesGcmBox(KEYS[:1]), "webhook/t/w", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (AesGcmBox([]), "webhook/t/w", sealed),
        (AesGcmBox(KEYS), "webhook/t/w", b""),
    ):
        with pytest.raises(UnavailableError):
            box.open(content, context)
    with pytest.raises(UnavailableError, match="no key"):
        AesGcmBox([]).seal("word", "c")


def test_keys_that_are_too_short_stop_the_start() -> None:
    assert read_settings({"OPENIWD_SECRET_KEY": ",".join(KEYS)}).secret_keys == tuple(KEYS)
    with pytest.raises(InvalidInputError, match="fewer than 32 characters"):
        read_settings({"OPENIWD_SECRET_KEY": "short"})
