"""Our own emails: fixed before the first try, readable by others, and their states."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from openiwd.domain.email.address import Address
from openiwd.domain.email.junk import FilterAction, JunkFilter, compile_filter, first_match, values_of
from openiwd.domain.email.kind import is_automatic
from openiwd.domain.email.message import EmailKind
from openiwd.domain.email.outbound import (
    Composition,
    OutboundFile,
    SendingState,
    compose,
    quoted,
    reply_references,
    reply_subject,
    require_step,
    with_hidden_recipients,
)
from openiwd.domain.email.reading import file_bytes, read_email
from openiwd.domain.email.retry_policy import RetryPolicy, next_try
from openiwd.domain.email.standard_response import fill, unknown_placeholders
from openiwd.domain.errors import ConflictError, OpenIwdError

NOW = datetime(2026, 11, 26, 5, tzinfo=UTC)


def _composition(**more: Any) -> Composition:
    base = Composition(
        kind=EmailKind.OUTBOUND_REPLY,
        message_id="x.y@example.com",
        date=NOW,
        sender=Address("Größe & Söhne", "care@example.com"),
        to=[Address("Ada", "ada@example.org")],
        cc=[Address("", "bob@example.org")],
        bcc=[Address("", "secret@example.org")],
        subject="Re: Größe",
        text="Guten Tag,\n\nhier ist die Größe.\n",
        in_reply_to="first@example.org",
        references=["zeroth@example.org", "first@example.org"],
    )
    return msgspec.structs.replace(base, **more)


def test_what_is_composed_is_read_back() -> None:
    file = OutboundFile(file_name="Größe.pdf", content_type="application/pdf", content=b"%PDF" * 100)
    composition = _composition(html="<p>hier ist die <b>Größe</b></p>", files=[file])
    raw = compose(composition)
    email = read_email(raw)
    assert str(email.sender) == "Größe & Söhne <care@example.com>"
    assert (email.message_id, email.in_reply_to, email.references) == (
        "x.y@example.com",
        ["first@example.org"],
        ["zeroth@example.org", "first@example.org"],
    )
    assert (email.subject, email.date) == ("Re: Größe", NOW)
    assert email.text.strip() == composition.text.strip()
    assert "<b>Größe</b>" in (email.html or "")
    assert [f.file_name for f in email.files] == ["Größe.pdf"]
    assert file_bytes(raw, 0) == file.content
    assert b"secret@example.org" not in raw
    assert composition.recipients == ["ada@example.org", "bob@example.org", "secret@example.org"]


def test_every_try_sends_the_same_bytes() -> None:
    file = OutboundFile(file_name="a.bin", content_type="application/octet-stream", content=b"\x00\xff" * 50)
    composition = _composition(html="<p>x</p>", files=[file])
    assert compose(composition) == compose(composition)


@settings(deadline=None)
@given(
    subject=st.text(max_size=200),
    name=st.text(max_size=60),
    text=st.text(max_size=300),
    file_name=st.text(max_size=60),
    content_type=st.text(max_size=20),
)
@example(subject="a\x85b", name="a\x85b", text="", file_name="a\x85b", content_type="")
def test_nobody_writes_headers_through_a_value(
    subject: str, name: str, text: str, file_name: str, content_type: str
) -> None:
    raw = compose(
        _composition(
            subject=f"{subject}\r\nBcc: evil@example.net",
            sender=Address(f"{name}\r\nBcc: evil@example.net", "care@example.com"),
            text=text,
            files=[OutboundFile(file_name=f"{file_name}\r\nX: y", content_type=content_type, content=b"x")],
        )
    )
    head = raw.split(b"\r\n\r\n", 1)[0]
    assert not any(line.lower().startswith((b"bcc:", b"x:")) for line in head.split(b"\r\n"))
    assert read_email(raw).message_id == "x.y@example.com"


def test_domains_of_any_language_have_their_ascii_names() -> None:
    composition = _composition(to=[Address("Jörg", "info@müller.example")], cc=[], bcc=[])
    assert composition.recipients == ["info@xn--mller-kva.example"]
    raw = compose(composition)
    assert raw.isascii()
    assert b"<info@xn--mller-kva.example>" in raw


def test_an_address_in_letters_of_a_language_is_written_as_it_is() -> None:
    """What has no ASCII name, before the @, makes a message for servers that take such addresses."""
    composition = _composition(to=[Address("Jörg", "jörg@müller.example")], cc=[], bcc=[])
    assert composition.recipients == ["jörg@xn--mller-kva.example"]
    raw = compose(composition)
    assert "<jörg@xn--mller-kva.example>".encode() in raw
    email = read_email(raw)
    assert (email.to[0].name, email.to[0].address) == ("Jörg", "jörg@xn--mller-kva.example")
    assert (email.subject, email.text.strip()) == ("Re: Größe", composition.text.strip())
    assert "hidden@ü.example".encode() in with_hidden_recipients(
        raw, [*composition.recipients, "hidden@ü.example"]
    )


def test_automatic_mail_says_so() -> None:
    automatic = read_email(compose(_composition(kind=EmailKind.OUTBOUND_ACKNOWLEDGEMENT)))
    assert is_automatic(automatic)
    assert not is_automatic(read_email(compose(_composition())))
    assert automatic.headers["x-openiwd-loop"] == "1"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Hello", "Re: Hello"),
        ("Re: AW: RE[2]: Hello", "Re: Hello"),
        ("", "Re:"),
        ("Return it", "Re: Return it"),
    ],
)
def test_replies_have_one_prefix(before: str, after: str) -> None:
    assert reply_subject(before) == after


def test_a_reply_refers_to_the_whole_thread() -> None:
    email = read_email(
        b"Message-ID: <c@x>\r\nReferences: <a@x> <b@x>\r\nFrom: ada@example.org\r\n\r\none\r\n\r\ntwo\r\n"
    )
    assert reply_references(email) == ["a@x", "b@x", "c@x"]
    assert quoted(email, intro="Ada wrote:") == "Ada wrote:\n> one\n>\n> two"


def test_retries_end_after_two_days() -> None:
    at, attempts = NOW, 0
    while (again := next_try(attempts + 1, NOW, at)) is not None:
        attempts += 1
        assert again > at
        at = again
    assert timedelta(hours=46) < at - NOW <= timedelta(hours=48)
    assert 40 < attempts < 70


def test_each_mailbox_has_its_own_pauses_and_its_own_end() -> None:
    usual = [30, 120, 300, 900, 1_800, 3_600, 3_600]
    for attempt, seconds in enumerate(usual, start=1):
        assert next_try(attempt, NOW, NOW) == NOW + timedelta(seconds=seconds)
    hasty = RetryPolicy(hours=1, first_pause_seconds=5, longest_pause_seconds=60)
    pauses = [5, 20, 50, 60, 60, 60, 60]
    assert [next_try(n, NOW, NOW, hasty) for n in range(1, 8)] == [NOW + timedelta(seconds=s) for s in pauses]
    late = NOW + timedelta(minutes=59)
    assert next_try(4, NOW, late, hasty) == late + timedelta(seconds=60)
    assert next_try(4, NOW, late + timedelta(seconds=1), hasty) is None
    for wrong in ({"hours": 49}, {"hours": 0}, {"firstPauseSeconds": 0}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, RetryPolicy)


def test_an_email_being_handed_over_is_not_sent_again_by_itself() -> None:
    s = SendingState
    require_step(s.QUEUED, s.SENDING)
    require_step(s.SENDING, s.QUEUED)
    require_step(s.HANDING_OVER, s.UNKNOWN)
    for wrong in (
        (s.HANDING_OVER, s.SENDING),
        (s.UNKNOWN, s.SENDING),
        (s.SENT, s.QUEUED),
        (s.QUEUED, s.SENT),
    ):
        with pytest.raises(ConflictError):
            require_step(*wrong)


@pytest.mark.parametrize("as_html", [False, True])
def test_standard_responses_take_values_as_they_are(as_html: bool) -> None:
    filled = fill(
        "Dear {{contact.name|customer}}, {{item.subject}} {{data.x}}{{ agent.name }}",
        {"contact.name": "", "item.subject": "<b>{{agent.name}}</b>", "agent.name": "Jo"},
        as_html=as_html,
    )
    subject = "&lt;b&gt;{{agent.name}}&lt;/b&gt;" if as_html else "<b>{{agent.name}}</b>"
    assert filled.text == f"Dear customer, {subject} Jo"
    assert filled.missing == ["data.x"]


def test_unknown_placeholders_are_named() -> None:
    assert unknown_placeholders("{{contact.name}} {{contact.nmae}} {{data.x}}") == ["contact.nmae"]


def _filter(**more: Any) -> JunkFilter:
    base = {
        "id": "f",
        "name": "F",
        "action": "drop",
        "when": {"attribute": "subject", "operator": "contains", "value": "win"},
    }
    return msgspec.convert({**base, **more}, JunkFilter)


def test_the_first_filter_that_matches_counts() -> None:
    values = values_of(
        read_email(b"From: Promo <x@spam.example>\r\nSubject: you win\r\n\r\nx"),
        EmailKind.INBOUND_NEW,
        "care",
    )
    domain = {"attribute": "fromDomain", "operator": "in", "value": ["spam.example"]}
    filters = [
        compile_filter(_filter(id="late", order=2)),
        compile_filter(_filter(id="off", order=0, enabled=False)),
        compile_filter(_filter(id="not", order=0, when={"not": domain})),
        compile_filter(_filter(id="first", order=1, action="priority", value="-50", when={"all": [domain]})),
    ]
    found = first_match(filters, values, NOW)
    assert found.filter is not None
    assert (found.filter.id, found.filter.action, found.errors) == ("first", FilterAction.PRIORITY, [])


def test_a_filter_is_asked_for_its_mailboxes_only() -> None:
    email = read_email(b"From: x@spam.example\r\nSubject: you win\r\n\r\nx")
    filters = [
        compile_filter(_filter(id="sales", order=1, mailboxes=["sales", "leads"])),
        compile_filter(_filter(id="all", order=2)),
    ]
    found = {
        box: first_match(filters, values_of(email, EmailKind.INBOUND_NEW, box), NOW).filter
        for box in ("sales", "leads", "care")
    }
    assert {box: one and one.id for box, one in found.items()} == {
        "sales": "sales",
        "leads": "sales",
        "care": "all",
    }


@pytest.mark.parametrize(
    "more",
    [
        {"when": {"attribute": "sbject", "operator": "eq", "value": "x"}},
        {"when": {}},
        {"action": "category"},
        {"action": "priority", "value": "high"},
    ],
)
def test_filters_that_cannot_work_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(OpenIwdError):
        compile_filter(_filter(**more))


def test_hidden_recipients_are_named_for_providers_without_an_envelope() -> None:
    raw = b"To: Ada <ada@example.org>\r\nCc: BOB@example.org\r\nSubject: x\r\n\r\nbcc: nobody\r\n"
    known = ["ada@example.org", "bob@example.org"]
    assert with_hidden_recipients(raw, known) == raw
    hidden = with_hidden_recipients(raw, [*known, "eve@example.org", "moe@example.org"])
    assert hidden == b"Bcc: eve@example.org,\r\n moe@example.org\r\n" + raw
