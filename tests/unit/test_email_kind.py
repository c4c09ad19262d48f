"""Bounces, reports, machines' answers and people are told apart; automatic mail never goes round in circles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from openiwd.domain.email.acknowledgement import refusal
from openiwd.domain.email.delivery_report import Delivery, DeliveryReport, read_report
from openiwd.domain.email.kind import is_auto_reply, is_automatic, kind_of
from openiwd.domain.email.message import EmailKind
from openiwd.domain.email.reading import read_email, read_message
from tests.data.reports import REPORTS

NOW = datetime(2026, 11, 26, 5, tzinfo=UTC)


def _report(raw: str) -> DeliveryReport | None:
    email, root = read_message(raw.replace("\n", "\r\n").encode())
    return read_report(email, root)


def _dsn(action: str = "failed", status: str = "5.1.1", original: str = "message/rfc822") -> str:
    return f"""\
Return-Path: <>
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

Sorry.
--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; Gone@Example.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 <gone@example.org>: unknown
 user
--B
Content-Type: {original}

Message-ID: <sent.1@example.com>
Subject: hello

--B--
"""


@pytest.mark.parametrize("original", ["message/rfc822", "text/rfc822-headers"])
def test_a_standard_bounce(original: str) -> None:
    report = _report(_dsn(original=original))
    assert report is not None
    assert report.delivery is Delivery.FAILED
    assert report.message_ids[0] == "sent.1@example.com"
    (recipient,) = report.recipients
    assert (recipient.address, recipient.status) == ("gone@example.org", "5.1.1")
    assert report.reason == "550 5.1.1 <gone@example.org>: unknown user"


@pytest.mark.parametrize(
    ("action", "status", "delivery", "kind"),
    [
        ("failed", "5.1.1", Delivery.FAILED, EmailKind.INBOUND_NDR),
        ("delayed", "4.4.1", Delivery.DELAYED, EmailKind.INBOUND_REPORT),
        ("delivered", "2.0.0", Delivery.DONE, EmailKind.INBOUND_REPORT),
        ("relayed", "2.0.0", Delivery.DONE, EmailKind.INBOUND_REPORT),
        ("nonsense", "4.2.2", Delivery.DELAYED, EmailKind.INBOUND_REPORT),
        ("Delayed; will be retried", "5.0.0", Delivery.DELAYED, EmailKind.INBOUND_REPORT),
        ("DELAYED (for now)", "5.4.1", Delivery.DELAYED, EmailKind.INBOUND_REPORT),
    ],
)
def test_what_a_report_says(action: str, status: str, delivery: Delivery, kind: EmailKind) -> None:
    raw = _dsn(action, status).replace("\n", "\r\n").encode()
    email, root = read_message(raw)
    report = read_report(email, root)
    assert report is not None
    assert report.delivery is delivery
    assert kind_of(email, report, joins=False) is kind


QMAIL = """\
Return-Path: <>
From: MAILER-DAEMON@mail.example.net
Subject: failure notice

Hi. This is the qmail-send program at mail.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.

<gone@example.org>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 no such user

--- Below this line is a copy of the message.

Return-Path: <care@example.com>
Message-ID: <sent.1@example.com>
To: <other@example.org>:

Hello
"""
EXIM = """\
Return-path: <>
From: Mail Delivery System <Mailer-Daemon@example.net>
X-Failed-Recipients: gone@example.org
Auto-Submitted: auto-replied
Subject: Mail delivery failed: returning message to sender

  gone@example.org
    SMTP error: 550 mailbox unavailable
------ This is a copy of the message, including all the headers. ------
Message-ID: <sent.1@example.com>
"""


@pytest.mark.parametrize("raw", [QMAIL, EXIM])
def test_bounces_of_no_standard(raw: str) -> None:
    report = _report(raw)
    assert report is not None
    assert report.delivery is Delivery.FAILED
    assert [r.address for r in report.recipients] == ["gone@example.org"]
    assert "sent.1@example.com" in report.message_ids
    assert report.reason.startswith("550")


@pytest.mark.parametrize(
    ("subject", "text", "delivery"),
    [
        ("Warning: could not send message for past 4 hours", "421 4.4.1 timeout", Delivery.DELAYED),
        (
            "Delivery Status Notification (Delay)",
            "This is a warning message only. 550 5.0.0 x",
            Delivery.DELAYED,
        ),
        (
            "Delivery Status Notification",
            "It has not yet been delivered. We will keep trying.",
            Delivery.DELAYED,
        ),
        ("Zustellung verzögert", "Die Nachricht wurde noch nicht zugestellt.", Delivery.DELAYED),
        ("Remise retardée", "Le message n'a pas encore été remis.", Delivery.DELAYED),
        ("Entrega retrasada", "El mensaje todavía no se ha entregado.", Delivery.DELAYED),
        ("Consegna ritardata", "Non è ancora stato consegnato.", Delivery.DELAYED),
        ("Bezorging vertraagd", "Het bericht is nog niet bezorgd.", Delivery.DELAYED),
        ("Доставка задерживается", "Сообщение ещё не доставлено.", Delivery.DELAYED),
        ("Undelivered Mail Returned to Sender", "550 5.1.1 no such user", Delivery.FAILED),
        (
            "Delivery has failed",
            "We have given up. 550 5.1.1 It has not yet been delivered.",
            Delivery.FAILED,
        ),
        ("Undeliverable: hello", "The address is wrong.", Delivery.FAILED),
    ],
)
def test_a_delay_in_words_is_no_failure(subject: str, text: str, delivery: Delivery) -> None:
    raw = f"From: MAILER-DAEMON@mx.example.net\nSubject: {subject}\n\n{text}\n\n  ada@example.org\n"
    email, root = read_message(raw.encode())
    report = read_report(email, root)
    assert report is not None
    assert report.delivery is delivery
    expected = EmailKind.INBOUND_REPORT if delivery is Delivery.DELAYED else EmailKind.INBOUND_NDR
    assert kind_of(email, report, joins=True) is expected


@pytest.mark.parametrize("name", REPORTS)
def test_reports_of_many_mail_systems(name: str) -> None:
    kind, raw = REPORTS[name]
    email, root = read_message(raw.encode())
    report = read_report(email, root)
    assert kind_of(email, report, joins=False).value == kind
    if kind in ("InboundNDR", "InboundReport") and name not in ("chinese", "report without groups delayed"):
        assert report is not None
        assert report.recipients[0].address.endswith("@example.org")


def test_a_customer_who_writes_of_a_failed_delivery_is_a_customer() -> None:
    raw = "From: ada@example.org\nSubject: Undeliverable: my parcel\n\nDelivery failed, where is my parcel?"
    assert _report(raw) is None


def test_a_read_receipt() -> None:
    report = _report(
        """\
From: ada@example.org
Subject: Read: hello
Content-Type: multipart/report; report-type=disposition-notification; boundary=B

--B

read
--B
Content-Type: message/disposition-notification

Final-Recipient: rfc822;ada@example.org
Original-Message-ID: <sent.1@example.com>
Disposition: manual-action/MDN-sent-manually; displayed

--B--
"""
    )
    assert report is not None
    assert (report.delivery, report.message_ids) == (Delivery.READ, ["sent.1@example.com"])


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: Auto-Replied; owner=x",
        "Precedence: auto_reply",
        "X-Autoreply: yes",
        "X-Autorespond: holiday",
        "Subject: Out of Office: Hello",
        "Subject: Automatische Antwort: Hallo",
        "Subject: Abwesenheitsnotiz",
        "Subject: Réponse automatique : Bonjour",
        "Subject: Automatická odpověď: Dobrý den",
        "Subject: 自动回复: 您好",
        "Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\nIn-Reply-To: <a@example.com>",
    ],
)
def test_machines_answers(header: str) -> None:
    email = read_email(f"From: ada@example.org\r\n{header}\r\n\r\nx".encode())
    assert is_auto_reply(email)
    assert kind_of(email, None, joins=True) is EmailKind.INBOUND_AUTO_REPLY


@pytest.mark.parametrize(
    "header",
    [
        "List-Id: <news.example.org>",
        "Precedence: bulk",
        "Auto-Submitted: auto-generated",
        "Return-Path: <>",
        "X-Auto-Response-Suppress: All",
    ],
)
def test_what_machines_send_is_a_new_email_that_nobody_acknowledges(header: str) -> None:
    email = read_email(f"From: ada@example.org\r\n{header}\r\n\r\nx".encode())
    assert is_automatic(email)
    assert kind_of(email, None, joins=False) is EmailKind.INBOUND_NEW
    assert refusal(email, EmailKind.INBOUND_NEW, {"care@example.com"}, None, NOW) is not None


@pytest.mark.parametrize(
    ("headers", "last", "is_refused"),
    [
        ("From: ada@example.org", None, False),
        ("From: ada@example.org\r\nAuto-Submitted: no", None, False),
        ("From: ada@example.org", NOW - timedelta(hours=23), True),
        ("From: ada@example.org", NOW - timedelta(hours=25), False),
        ("From: care@example.com", None, True),
        ("From: no-reply@example.org", None, True),
        ("From: MAILER-DAEMON@example.org", None, True),
        ("Subject: nobody", None, True),
        ("From: ada@example.org\r\nX-OpenIWD-Loop: 6", None, True),
        ("From: ada@example.org" + "\r\nReceived: from a by b" * 51, None, True),
    ],
)
def test_who_is_acknowledged(headers: str, last: datetime | None, is_refused: bool) -> None:
    email = read_email(f"{headers}\r\n\r\nHello".encode())
    reason = refusal(email, EmailKind.INBOUND_NEW, {"care@example.com"}, last, NOW)
    assert (reason is not None) is is_refused


@pytest.mark.parametrize("kind", [k for k in EmailKind if k is not EmailKind.INBOUND_NEW])
def test_only_new_mail_is_acknowledged(kind: EmailKind) -> None:
    email = read_email(b"From: ada@example.org\r\n\r\nHello")
    assert refusal(email, kind, set(), None, NOW) is not None
