"""`openiwd email parse`: one JSON line for each file, with the fields that are promised, whatever the files hold."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from openiwd.cli.main import app
from tests.data.nasty_mail import CORPUS
from tests.data.nasty_mail_mended import MENDED
from tests.data.nasty_mail_more import MORE
from tests.data.replies import ANSWER, BELOW, SIGNATURES

FIELDS = [
    *(
        "file",
        "subject",
        "from",
        "to",
        "cc",
        "date",
        "messageId",
        "inReplyTo",
        "references",
        "text",
        "newText",
    ),
    *("html", "attachments", "kind", "language", "bounce", "defects"),
]
WHOLE = f"""From: "Lovelace, Ada" <Ada.L@Example.org>
To: =?utf-8?Q?Gr=C3=B6=C3=9Fe?= <care@example.com>, root
Cc: bob@example.org
Subject: =?utf-8?Q?Re:_Gr=C3=B6=C3=9Fe?=
Date: Thu, 26 Nov 2026 05:00:00 -0330
Message-ID: <Id.1@example.org>
In-Reply-To: <b@example.com>
References: <a@example.com>
 <b@example.com>
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=utf-8

{ANSWER}

{SIGNATURES["by the rule"]}

{BELOW["Gmail, German"]}
--a
Content-Type: text/html

<p onclick="x()">Yes<script>bad()</script></p>
--a--
--m
Content-Type: application/pdf; name="report.pdf"
Content-Transfer-Encoding: base64

{base64.b64encode(b"%PDF-1.4").decode()}
--m
Content-Type: message/rfc822

Subject: Forwarded
Content-Type: multipart/mixed; boundary=i

--i
Content-Type: application/pdf; name=inner.pdf

x
--i--
--m--
"""
DELAYED = """From: MAILER-DAEMON@mx.example.org
Subject: Delayed Mail (still being retried)
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It is delayed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; ada@example.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp; connection
    timed out
--b--
"""


def _told(folder: Path, *raws: bytes) -> list[dict[str, Any]]:
    names = []
    for number, raw in enumerate(raws):
        path = folder / f"{number}.eml"
        path.write_bytes(raw)
        names.append(str(path))
    result = CliRunner().invoke(app, ["email", "parse", *names, "--json"])
    assert result.exit_code == 0, result.output
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["file"] for one in told] == names
    return told


def test_everything_stated_is_told(tmp_path: Path) -> None:
    (told,) = _told(tmp_path, WHOLE.encode())
    assert list(told) == FIELDS
    assert told["subject"] == "Re: Größe"
    assert told["from"] == [{"name": "Lovelace, Ada", "address": "Ada.L@Example.org"}]
    assert told["to"] == [{"name": "Größe", "address": "care@example.com"}, {"name": None, "address": "root"}]
    assert told["cc"] == [{"name": None, "address": "bob@example.org"}]
    assert told["date"] == "2026-11-26T05:00:00-03:30"
    assert (told["messageId"], told["inReplyTo"]) == ("Id.1@example.org", "b@example.com")
    assert told["references"] == ["a@example.com", "b@example.com"]
    assert told["newText"] == ANSWER
    assert "Dear Ada" in told["text"]
    assert told["html"] == "<p>Yes</p>"
    assert told["attachments"] == [
        {"filename": "report.pdf", "contentType": "application/pdf", "size": 8, "inline": False},
        {"filename": "Forwarded.eml", "contentType": "message/rfc822", "size": 120, "inline": False},
    ]
    assert (told["kind"], told["language"], told["bounce"]) == ("InboundCustomerReply", "en", None)
    assert told["defects"] == []


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("delayed", "4.4.1", "InboundReport"),
        ("delayed", "5.4.1", "InboundReport"),
        ("relayed", "2.0.0", "InboundReport"),
        ("failed", "4.4.7", "InboundNDR"),
    ],
)
def test_reports_are_told(tmp_path: Path, action: str, status: str, kind: str) -> None:
    (told,) = _told(tmp_path, DELAYED.format(action=action, status=status).encode())
    recipient = {"address": "ada@example.org", "status": status, "diagnostic": "connection timed out"}
    assert (told["kind"], told["bounce"]) == (kind, {"action": action, "recipients": [recipient]})


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("X-Other: x", "InboundNew"),
        ("In-Reply-To: <a@example.com>", "InboundCustomerReply"),
        ("References: <a@example.com>", "InboundCustomerReply"),
        ("In-Reply-To: your message of Monday", "InboundCustomerReply"),
        ("In-Reply-To:", "InboundNew"),
        ("In-Reply-To: <a@example.com>\nAuto-Submitted: auto-replied", "InboundAutoReply"),
    ],
)
def test_what_names_another_message_is_a_reply(tmp_path: Path, header: str, kind: str) -> None:
    (told,) = _told(tmp_path, f"From: ada@example.org\n{header}\n\nHello\n".encode())
    assert told["kind"] == kind


def test_a_warning_in_words_is_no_failure(tmp_path: Path) -> None:
    text = (
        "Return-Path: <>\nX-Failed-Recipients: ada@example.org\nFrom: Mailer-Daemon@mx.example.org\n"
        "Subject: Warning: message 1abc delayed 24 hours\n\nA message has not yet been delivered:\n\n"
        "  ada@example.org\n    Delay reason: 550 5.7.1 try later\n\nNo action is required on your part.\n"
    )
    (told,) = _told(tmp_path, text.encode())
    assert (told["kind"], told["bounce"]["action"]) == ("InboundReport", "delayed")


def test_every_broken_message_is_one_line(tmp_path: Path) -> None:
    raws = [nasty.raw for nasty in (CORPUS | MORE | MENDED).values() if len(nasty.raw) < 100_000]
    for told in _told(tmp_path, *raws):
        assert list(told) == FIELDS
        assert told["kind"] is not None


def test_a_file_that_is_not_there_holds_up_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_text("Subject: one\n\nHello")
    names = [str(tmp_path / "none.eml"), str(tmp_path), str(tmp_path / "a.eml")]
    result = CliRunner().invoke(app, ["email", "parse", *names, "--json"])
    assert result.exit_code == 1
    missing, folder, there = [json.loads(line) for line in result.stdout.splitlines()]
    assert "No such file" in missing["defects"][0]
    assert (folder["kind"], there["subject"]) == (None, "one")
    assert "one" in CliRunner().invoke(app, ["email", "parse", names[2]]).stdout
