# mypy: disable-error-code="union-attr"
"""More messages as bad as real ones: senders, headers, bodies, structures. All made up here."""

from __future__ import annotations

import base64

from openiwd.domain.email.message import ParsedEmail
from tests.data.nasty_mail import Nasty, html_part, mail, multi, part, text_part, whole


def _from(email: ParsedEmail) -> str:
    return "" if email.sender is None else str(email.sender)


def _files(email: ParsedEmail) -> list[tuple[str, str]]:
    return [(f.file_name, f.content_type) for f in email.files]


_JPEG = base64.encodebytes(b"\xff\xd8\xff\xe0 picture")

SENDERS: dict[str, Nasty] = {
    "a name in comments": Nasty(
        mail("From: ada@example.org (Ada Lovelace)"), lambda e: _from(e) == "Ada Lovelace <ada@example.org>"
    ),
    "a name with quotes inside": Nasty(
        mail(r'From: "Ada \"A\" L" <ada@example.org>'), lambda e: e.sender.name == 'Ada "A" L'
    ),
    "a name without quotes and with dots": Nasty(
        mail("From: A. Lovelace, Ltd. <ada@example.org>"), lambda e: e.sender.address == "ada@example.org"
    ),
    "a name in single quotes": Nasty(mail("From: 'Ada' <ada@example.org>"), lambda e: e.sender.name == "Ada"),
    "an address without brackets and with a name": Nasty(
        mail("From: Ada ada@example.org"), lambda e: _from(e) == "Ada <ada@example.org>"
    ),
    "an address twice in brackets": Nasty(
        mail("From: <<ada@example.org>>"), lambda e: e.sender.address == "ada@example.org"
    ),
    "an address with blanks inside": Nasty(
        mail("From: Ada < ada @ example.org >"), lambda e: e.sender.address == "ada@example.org"
    ),
    "an address that is never closed": Nasty(
        mail("From: Ada <ada@example.org"), lambda e: e.sender.address == "ada@example.org"
    ),
    "an address of capitals": Nasty(
        mail("From: ADA@EXAMPLE.ORG"), lambda e: e.sender.address == "ada@example.org"
    ),
    "an address with quotes": Nasty(
        mail('From: "ada l"@example.org'), lambda e: e.sender.address == '"ada l"@example.org'
    ),
    "an address with quotes in brackets": Nasty(
        mail('From: Ada <"ada l"@example.org>'), lambda e: _from(e) == 'Ada <"ada l"@example.org>'
    ),
    "an address with a route": Nasty(
        mail("From: <@a.example,@b.example:ada@example.org>"), lambda e: e.sender.address == "ada@example.org"
    ),
    "an address of an IP": Nasty(
        mail("From: ada@[192.0.2.1]"), lambda e: e.sender.address == "ada@[192.0.2.1]"
    ),
    "an address of a foreign script": Nasty(
        mail("From: Ада <ада@пример.рф>"), lambda e: _from(e) == "Ада <ада@пример.рф>"
    ),
    "a name of an address": Nasty(
        mail("From: ada@example.org <ada@example.org>"), lambda e: _from(e) == "ada@example.org"
    ),
    "a sender without a domain": Nasty(
        mail("From: MAILER-DAEMON", "Reply-To: ops@example.org"),
        lambda e: e.sender.address == "ops@example.org",
    ),
    "several senders": Nasty(
        mail("From: a@example.org, b@example.org"), lambda e: e.sender.address == "a@example.org"
    ),
    "two From fields": Nasty(
        mail("From: a@example.org", "From: b@example.org"), lambda e: e.sender.address == "a@example.org"
    ),
    "an empty From": Nasty(
        mail("From: ", "Return-Path: <ada@example.org>"), lambda e: e.sender.address == "ada@example.org"
    ),
    "a name in two charsets": Nasty(
        mail("From: =?iso-8859-1?Q?Ad=E4?= =?utf-8?Q?_L=C3=B6?= <ada@example.org>"),
        lambda e: e.sender.name == "Adä Lö",
    ),
    "a name encoded within quotes": Nasty(
        mail('From: "=?utf-8?B?QWTDpA==?=" <ada@example.org>'), lambda e: e.sender.name == "Adä"
    ),
    "a name of right-to-left signs": Nasty(
        mail("From: =?utf-8?Q?=E2=80=AEAda?= <ada@example.org>"),
        lambda e: e.sender.address == "ada@example.org",
    ),
    "two To fields": Nasty(
        mail("To: a@example.org", "To: b@example.org"),
        lambda e: [a.address for a in e.to] == ["a@example.org", "b@example.org"],
    ),
    "a recipient twice": Nasty(mail("To: a@example.org, A@EXAMPLE.ORG"), lambda e: len(e.to) == 1),
    "recipients by the thousand": Nasty(
        mail("To: " + ", ".join(f"a{n}@example.org" for n in range(2_000))), lambda e: len(e.to) == 500
    ),
    "empty entries between recipients": Nasty(
        mail("To: , a@example.org,, ,b@example.org,"), lambda e: len(e.to) == 2
    ),
    "recipients over many lines": Nasty(
        mail("To: a@example.org,\r\n\tb@example.org,\r\n  c@example.org"), lambda e: len(e.to) == 3
    ),
}

HEADERS: dict[str, Nasty] = {
    "a subject over many lines": Nasty(
        mail("Subject: one\r\n two\r\n\tthree"), lambda e: e.subject == "one two three"
    ),
    "a subject on the next line": Nasty(mail("Subject:\r\n one"), lambda e: e.subject == "one"),
    "a subject of blanks": Nasty(mail("Subject:    "), lambda e: e.subject == ""),
    "two subjects": Nasty(mail("Subject: one", "Subject: two"), lambda e: e.subject == "one"),
    "a blank before the colon": Nasty(mail("Subject : one"), lambda e: e.subject == "one"),
    "names of headers in capitals": Nasty(
        mail("SUBJECT: one", "FROM: a@example.org"), lambda e: e.subject == "one" and e.sender is not None
    ),
    "a subject of 100,000 characters": Nasty(
        mail("Subject: " + "x" * 100_000), lambda e: len(e.subject) == 512
    ),
    "a subject in Korean": Nasty(
        b"Subject: =?euc-kr?B?" + base64.b64encode("한국어".encode("euc-kr")) + b"?=\r\n\r\n",
        lambda e: e.subject == "한국어",
    ),
    "a subject in UTF-7": Nasty(mail("Subject: =?utf-7?Q?Gr+APYA3w-e?="), lambda e: e.subject == "Größe"),
    "an encoded word with a language": Nasty(
        mail("Subject: =?utf-8*de?Q?Gr=C3=B6=C3=9Fe?="), lambda e: e.subject == "Größe"
    ),
    "an encoded word without a blank after it": Nasty(
        mail("Subject: =?utf-8?Q?a?==?utf-8?Q?b?="), lambda e: e.subject == "ab"
    ),
    "an encoded word over two lines": Nasty(
        mail("Subject: =?utf-8?Q?Gr=C3=B6=C3=9Fe_und\r\n _mehr?="),
        lambda e: e.subject.startswith("Größe und"),
    ),
    "an empty encoded word": Nasty(mail("Subject: =?utf-8?Q??= x"), lambda e: e.subject == "x"),
    "control characters in a subject": Nasty(mail("Subject: a\x01b\x1bc"), lambda e: e.subject == "abc"),
    "a Message-ID in two pieces": Nasty(
        mail("Message-ID: <abc\r\n def@example.org>"), lambda e: e.message_id == "abcdef@example.org"
    ),
    "a Message-ID of two": Nasty(mail("Message-ID: <a@x> <b@x>"), lambda e: e.message_id == "a@x"),
    "an empty Message-ID": Nasty(mail("Message-ID: <>"), lambda e: e.message_id is None),
    "a Message-ID with comments": Nasty(mail("Message-ID: (x) <c@x> (y)"), lambda e: e.message_id == "c@x"),
    "words in In-Reply-To": Nasty(
        mail("In-Reply-To: Your message of Thursday <a@x>"), lambda e: e.in_reply_to == ["a@x"]
    ),
    "nothing but words in In-Reply-To": Nasty(
        mail("In-Reply-To: Your message of Thursday"), lambda e: e.in_reply_to == []
    ),
    "references with commas": Nasty(
        mail("References: <a@x>,<b@x>,<a@x>"), lambda e: e.references == ["a@x", "b@x"]
    ),
    "references without blanks": Nasty(
        mail("References: <a@x><b@x>"), lambda e: e.references == ["a@x", "b@x"]
    ),
    "a date with comments": Nasty(
        mail("Date: Thu, 26 Nov 2026 05:00:00 +0100 (CET)"), lambda e: e.date is not None and e.date.hour == 4
    ),
    "a date of two digits": Nasty(
        mail("Date: 26 Nov 26 05:00 GMT"), lambda e: e.date is not None and e.date.year == 2026
    ),
    "a date with a named zone": Nasty(
        mail("Date: Thu, 26 Nov 2026 05:00:00 EST"), lambda e: e.date is not None and e.date.hour == 10
    ),
    "an empty date": Nasty(mail("Date: "), lambda e: e.date is None),
    "headers by the ten thousand": Nasty(
        mail(*[f"X-{n}: y" for n in range(10_000)], "Subject: late"),
        lambda e: any("more than" in n for n in e.notes),
    ),
    "a header of a megabyte": Nasty(
        mail("X-Big: " + "x" * 1_000_000, "Subject: late"), lambda e: any("256 KB" in n for n in e.notes)
    ),
    "headers and no body": Nasty(b"Subject: one", lambda e: e.subject == "one" and e.text == ""),
    "a blank line of blanks": Nasty(b"Subject: one\r\n \t \r\nbody", lambda e: e.subject == "one"),
    "a byte order mark before all": Nasty(
        b"\xef\xbb\xbfSubject: one\r\n\r\nbody", lambda e: "body" in e.text
    ),
    "mixed line ends": Nasty(
        b"Subject: one\nFrom: a@example.org\r\n\r\nbody",
        lambda e: e.subject == "one" and e.sender is not None,
    ),
}

BODIES: dict[str, Nasty] = {
    "the footer of a list beside HTML": Nasty(
        whole(multi("mixed", html_part, part("text/plain", b"care mailing list"))),
        lambda e: "rich text" in e.text and "mailing list" in e.text,
    ),
    "an empty text beside HTML": Nasty(
        whole(multi("alternative", part("text/plain", b" \r\n"), html_part)), lambda e: e.text == "rich text"
    ),
    "HTML before the text": Nasty(
        whole(multi("alternative", html_part, text_part)), lambda e: e.text == "plain text"
    ),
    "a file of text as the only part": Nasty(
        whole(
            multi(
                "mixed",
                part("text/plain; name=a.txt", b"x", "Content-Disposition: attachment; filename=a.txt"),
            )
        ),
        lambda e: _files(e) == [("a.txt", "text/plain")] and e.text == "",
    ),
    "a message that is one file": Nasty(
        mail(
            "Content-Type: application/pdf; name=a.pdf", "Content-Transfer-Encoding: base64", body="JVBERg=="
        ),
        lambda e: _files(e) == [("a.pdf", "application/pdf")],
    ),
    "HTML declared as text": Nasty(whole(part("text/plain", b"<p>hello</p>")), lambda e: "hello" in e.text),
    "text declared as HTML": Nasty(
        whole(part("text/html", b"a < b and c > d")), lambda e: e.text == "a < b and c > d"
    ),
    "Windows-1252 named as utf-8 in HTML": Nasty(
        whole(part("text/html; charset=utf-8", b"<p>Gr\xf6\xdfe</p>")), lambda e: e.text == "Größe"
    ),
    "ISO-8859-15": Nasty(
        whole(part("text/plain; charset=iso-8859-15", b"5 \xa4")), lambda e: e.text == "5 €"
    ),
    "KOI8-R": Nasty(
        whole(part("text/plain; charset=koi8-r", "Привет".encode("koi8-r"))), lambda e: e.text == "Привет"
    ),
    "Shift-JIS": Nasty(
        whole(part("text/plain; charset=x-sjis", "日本".encode("cp932"))), lambda e: e.text == "日本"
    ),
    "a charset in quotation marks": Nasty(
        whole(part('text/plain; charset="utf-8"', "Größe".encode())), lambda e: e.text == "Größe"
    ),
    "a charset twice": Nasty(
        whole(part("text/plain; charset=utf-8; charset=x", "Größe".encode())), lambda e: e.text == "Größe"
    ),
    "a transfer encoding in capitals and quotes": Nasty(
        mail('Content-Transfer-Encoding: "BASE64"', body="SGVsbG8="), lambda e: e.text == "Hello"
    ),
    "quoted-printable with blanks at line ends": Nasty(
        mail("Content-Transfer-Encoding: quoted-printable", body="one=20  \ntwo"),
        lambda e: e.text.split() == ["one", "two"],
    ),
    "quoted-printable that is none": Nasty(
        mail("Content-Transfer-Encoding: quoted-printable", body="1 + 1 = 2"), lambda e: e.text == "1 + 1 = 2"
    ),
    "quoted-printable in small letters": Nasty(
        mail(
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            body="Gr=c3=b6=c3=9fe",
        ),
        lambda e: e.text == "Größe",
    ),
    "one line of a hundred thousand": Nasty(mail(body="x " * 50_000), lambda e: len(e.text) == 100_000),
    "lines by the hundred thousand": Nasty(
        mail(body="x\n" * 100_000), lambda e: e.text.count("\n") == 100_000
    ),
    "empty lines by the hundred thousand": Nasty(
        mail(body="Hello" + "\n" * 100_000), lambda e: e.text.startswith("Hello")
    ),
    "a name of fifty thousand letters": Nasty(
        mail(f"From: {'x' * 50_000} <ada@example.org>"), lambda e: e.sender.address == "ada@example.org"
    ),
    "quotation marks by the hundred thousand": Nasty(
        mail(body=">" * 100_000), lambda e: len(e.text) == 100_000
    ),
    "HTML nested by the ten thousand": Nasty(
        whole(part("text/html", b"<div>" * 10_000 + b"deep")), lambda e: e.text == "deep"
    ),
    "blockquotes nested by the thousand": Nasty(
        whole(part("text/html", b"<blockquote>" * 1_000 + b"deep")), lambda e: e.text.endswith("deep")
    ),
    "entities of nonsense": Nasty(
        whole(part("text/html", b"<p>&nosuch; &#x110000; &#0; &amp</p>")), lambda e: "&nosuch;" in e.text
    ),
}

STRUCTURES: dict[str, Nasty] = {
    "a report in the middle": Nasty(
        whole(multi("mixed", multi("alternative", text_part, html_part, boundary="b2"), text_part)),
        lambda e: e.text == "plain text\n\nplain text",
    ),
    "a boundary of 200 characters": Nasty(
        whole(multi("mixed", text_part, boundary="b" * 200)), lambda e: e.text == "plain text"
    ),
    "a boundary of special characters": Nasty(
        whole(
            multi("mixed", text_part, boundary="'b()+_,-./:=?'").replace(
                b"boundary='b()+_,-./:=?'", b"boundary=\"'b()+_,-./:=?'\""
            )
        ),
        lambda e: e.text == "plain text",
    ),
    "the same boundary inside": Nasty(
        whole(multi("mixed", multi("alternative", text_part, html_part))), lambda e: "plain text" in e.text
    ),
    "no part between boundaries": Nasty(
        whole(b"Content-Type: multipart/mixed; boundary=b1\r\n\r\n--b1\r\n--b1--\r\n"),
        lambda e: e.text.strip() == "",
    ),
    "words before and after the parts": Nasty(
        whole(
            multi("mixed", text_part).replace(b"\r\n\r\n--b1", b"\r\n\r\nThis is MIME.\r\n--b1", 1)
            + b"\r\nafter"
        ),
        lambda e: e.text == "plain text",
    ),
    "a multipart of an unknown kind": Nasty(
        whole(multi("strange", text_part, html_part)), lambda e: "plain text" in e.text
    ),
    "a digest": Nasty(
        whole(multi("digest", b"\r\nSubject: inner\r\n\r\ninside")), lambda e: len(e.files) == 1
    ),
    "a part without headers": Nasty(whole(multi("mixed", b"\r\nbare text")), lambda e: e.text == "bare text"),
    "an enclosed message in base64": Nasty(
        whole(
            multi(
                "mixed",
                text_part,
                part(
                    "message/rfc822",
                    base64.encodebytes(b"Subject: inner\r\n\r\ninside"),
                    "Content-Transfer-Encoding: base64",
                ),
            )
        ),
        lambda e: _files(e) == [("inner.eml", "message/rfc822")],
    ),
    "an enclosed message with files of its own": Nasty(
        whole(
            multi(
                "mixed",
                text_part,
                part(
                    "message/rfc822",
                    b"Subject: inner\r\n"
                    + multi("mixed", text_part, part("application/pdf; name=a.pdf", b"x"), boundary="b3"),
                ),
            )
        ),
        lambda e: len(e.files) == 1 and e.text == "plain text",
    ),
    "a picture named inline without an id": Nasty(
        whole(
            multi(
                "mixed",
                text_part,
                part(
                    "image/jpeg; name=a.jpg",
                    _JPEG,
                    "Content-Disposition: inline",
                    "Content-Transfer-Encoding: base64",
                ),
            )
        ),
        lambda e: not e.files[0].is_inline and e.files[0].content_type == "image/jpeg",
    ),
    "a file of zero bytes": Nasty(
        whole(multi("mixed", text_part, part("application/pdf; name=a.pdf", b""))),
        lambda e: e.files[0].size == 0,
    ),
    "files of the same name": Nasty(
        whole(multi("mixed", text_part, *[part("application/pdf; name=a.pdf", b"x")] * 3)),
        lambda e: [f.ordinal for f in e.files] == [0, 1, 2],
    ),
    "a file name of 5,000 characters": Nasty(
        whole(multi("mixed", part(f"application/pdf; name={'a' * 5_000}.pdf", b"x"))),
        lambda e: len(e.files[0].file_name) <= 200,
    ),
    "a file name of dots": Nasty(
        whole(multi("mixed", part('application/pdf; name=".."', b"x"))),
        lambda e: e.files[0].file_name == "attachment-1.pdf",
    ),
    "a file name with a line break": Nasty(
        whole(multi("mixed", part("application/pdf; name*=utf-8''a%0D%0Ab.pdf", b"x"))),
        lambda e: "\n" not in e.files[0].file_name,
    ),
    "a file name with NUL": Nasty(
        whole(multi("mixed", part("application/pdf; name*=utf-8''a%00b.pdf", b"x"))),
        lambda e: e.files[0].file_name == "ab.pdf",
    ),
    "a signed message": Nasty(
        whole(
            multi("signed", text_part, part("application/pgp-signature; name=signature.asc", b"-----BEGIN"))
        ),
        lambda e: e.text == "plain text" and len(e.files) == 1,
    ),
    "an encrypted message": Nasty(
        whole(
            multi(
                "encrypted",
                part("application/pgp-encrypted", b"Version: 1"),
                part("application/octet-stream; name=encrypted.asc", b"x"),
            )
        ),
        lambda e: len(e.files) == 2 and e.text == "",
    ),
    "a contact card": Nasty(
        whole(multi("mixed", text_part, part("text/vcard; name=ada.vcf", b"BEGIN:VCARD"))),
        lambda e: _files(e) == [("ada.vcf", "text/vcard")],
    ),
    "a text that is elsewhere": Nasty(
        whole(part("message/external-body; access-type=URL; URL=x", b"Content-Type: text/plain\r\n\r\n")),
        lambda e: len(e.files) == 1,
    ),
    "a message in pieces": Nasty(
        whole(part("message/partial; id=x; number=1; total=2", b"Subject: a\r\n\r\nb")),
        lambda e: len(e.files) == 1,
    ),
}

MORE: dict[str, Nasty] = {**SENDERS, **HEADERS, **BODIES, **STRUCTURES}
