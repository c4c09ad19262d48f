"""Messages that are mended on the way: formatted text alone, zones that are none, words encoded against the rules."""

from __future__ import annotations

import base64

from openiwd.domain.email.message import ParsedEmail
from tests.data.nasty_mail import Nasty, mail, multi, part, text_part, whole
from tests.factories.tnef import HTML, RTF, as_html, bytes_property, compressed, tnef


def _winmail(packed: bytes, *others: bytes) -> bytes:
    kind = "application/ms-tnef; name=winmail.dat"
    file = part(kind, base64.encodebytes(packed), "Content-Transfer-Encoding: base64")
    return whole(multi("mixed", *others, file))


def _formatted(rtf: bytes) -> bytes:
    return tnef(message=[bytes_property(RTF, rtf)])


def _names(email: ParsedEmail) -> list[str]:
    return [file.file_name for file in email.files]


def _iso(email: ParsedEmail) -> str:
    return "" if email.date is None else email.date.isoformat()


_CYRILLIC = rb"{\rtf1\ansi\ansicpg1251{\fonttbl{\f0\fcharset204 A;}}\f0 \'cf\'f0\'e8\'e2\'e5\'f2\par \u9786?}"

OUTLOOK: dict[str, Nasty] = {
    "formatted text alone": Nasty(
        _winmail(_formatted(compressed(rb"{\rtf1\ansi It \b leaks\b0 .\par Ada}"))),
        lambda e: (e.text, _names(e), e.notes) == ("It leaks.\nAda", [], []),
    ),
    "formatted text made from HTML": Nasty(
        _winmail(_formatted(compressed(as_html("<p>It <b>leaks</b>.</p>")))),
        lambda e: (e.text, e.html, _names(e)) == ("It leaks.", "<p>It <b>leaks</b>.</p>", []),
    ),
    "formatted text of another script": Nasty(
        _winmail(_formatted(compressed(_CYRILLIC))), lambda e: e.text == "Привет\n\u263a"
    ),
    "formatted text that is not packed": Nasty(
        _winmail(_formatted(b"\x19\x00\x00\x00\x0d\x00\x00\x00MELA\x00\x00\x00\x00{\\rtf1 leaks}")),
        lambda e: (e.text, _names(e)) == ("leaks", []),
    ),
    "formatted text with a wrong checksum": Nasty(
        _winmail(_formatted(compressed(b"{\\rtf1 It leaks.}", checksum=7))),
        lambda e: e.text == "It leaks." and _names(e) == ["winmail.dat"] and "formatted text" in e.notes[0],
    ),
    "formatted text cut off": Nasty(
        _winmail(_formatted(compressed(b"{\\rtf1 It leaks, and nobody comes to mend it.}")[:40])),
        lambda e: e.text.startswith("It") and _names(e) == ["winmail.dat"],
    ),
    "formatted text that is rubbish": Nasty(
        _winmail(_formatted(b"\xff" * 40)),
        lambda e: (e.text, _names(e)) == ("", ["winmail.dat"]) and "formatted text" in e.notes[0],
    ),
    "formatted text that refers to nothing": Nasty(
        _winmail(_formatted(b"\xff\x00\x00\x00\xff\xff\xff\x7fLZFu\x00\x00\x00\x00" + b"\xff\xf0\x0f" * 80)),
        lambda e: _names(e) == ["winmail.dat"],
    ),
    "formatted text of groups without end": Nasty(
        _winmail(_formatted(compressed(b"{\\rtf1 It leaks." + b"{" * 3_000))),
        lambda e: e.text == "It leaks." and _names(e) == ["winmail.dat"],
    ),
    "formatted text beside a plain one": Nasty(
        _winmail(_formatted(compressed(b"{\\rtf1 other}")), text_part),
        lambda e: e.text == "plain text" and "other" not in e.text,
    ),
    "formatted text beside HTML in the same file": Nasty(
        _winmail(
            tnef(
                message=[
                    bytes_property(RTF, compressed(b"{\\rtf1 other}")),
                    bytes_property(HTML, b"<p>this</p>"),
                ]
            )
        ),
        lambda e: e.text == "this",
    ),
}

DATES: dict[str, Nasty] = {
    "a zone with a colon": Nasty(
        mail("Date: Thu, 26 Nov 2026 05:00:00 +01:00"), lambda e: _iso(e) == "2026-11-26T04:00:00+00:00"
    ),
    "a zone behind GMT": Nasty(
        mail("Date: Thu, 26 Nov 2026 05:00:00 GMT+0200"), lambda e: _iso(e) == "2026-11-26T03:00:00+00:00"
    ),
    "a zone of one digit": Nasty(
        mail("Date: Thu, 26 Nov 2026 05:00:00 GMT-5"), lambda e: _iso(e) == "2026-11-26T10:00:00+00:00"
    ),
    "a zone of Central Europe by name": Nasty(
        mail("Date: Thu, 26 Nov 2026 05:00:00 CET"), lambda e: _iso(e) == "2026-11-26T04:00:00+00:00"
    ),
    "a zone of three quarters": Nasty(
        mail("Date: Thu, 26 Nov 2026 05:45:00 +0545"), lambda e: _iso(e) == "2026-11-26T00:00:00+00:00"
    ),
    "a date by the rule of ISO": Nasty(
        mail("Date: 2026-11-26T05:00:00.25-03:30"), lambda e: _iso(e) == "2026-11-26T08:30:00+00:00"
    ),
    "an afternoon": Nasty(
        mail("Date: Thursday, November 26, 2026 5:00 PM"), lambda e: _iso(e) == "2026-11-26T17:00:00+00:00"
    ),
    "a leap second": Nasty(
        mail("Date: Thu, 31 Dec 2026 23:59:60 +0000"), lambda e: _iso(e) == "2026-12-31T23:59:59+00:00"
    ),
    "a zone of nonsense": Nasty(mail("Date: Thu, 26 Nov 2026 05:00:00 +2500"), lambda e: e.date is None),
}

WORDS: dict[str, Nasty] = {
    "a question mark in an encoded word": Nasty(
        mail("Subject: =?utf-8?Q?Gr=C3=B6=C3=9Fe? Welche?="), lambda e: e.subject == "Größe? Welche"
    ),
    "an encoded word that never ends before another": Nasty(
        mail("Subject: =?utf-8?Q?a =?utf-8?Q?b?="), lambda e: e.subject == "=?utf-8?Q?a b"
    ),
    "encoded words in pieces of a file name": Nasty(
        whole(
            multi(
                "mixed",
                part(
                    "application/pdf",
                    b"x",
                    "Content-Disposition: attachment; filename*0==?utf-8?B?R3I=?=; filename*1==?utf-8?B?w7YucGRm?=",
                ),
            )
        ),
        lambda e: _names(e) == ["Grö.pdf"],
    ),
    "a file name in both ways, the better one last": Nasty(
        whole(
            multi(
                "mixed",
                part(
                    "application/pdf",
                    b"x",
                    "Content-Disposition: attachment; filename=\"Gr__e.pdf\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.pdf",
                ),
            )
        ),
        lambda e: _names(e) == ["Größe.pdf"],
    ),
    "a file name whose charset is a lie": Nasty(
        whole(multi("mixed", part("application/pdf; name*=us-ascii''Gr%C3%B6%C3%9Fe.pdf", b"x"))),
        lambda e: _names(e) == ["Größe.pdf"],
    ),
}

MENDED: dict[str, Nasty] = {**OUTLOOK, **DATES, **WORDS}
