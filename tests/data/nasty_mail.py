"""Messages as bad as real ones, all made up here: each with what must be read from it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, NamedTuple

from openiwd.domain.email.message import ParsedEmail


class Nasty(NamedTuple):
    raw: bytes
    holds: Callable[[ParsedEmail], Any]
    """True of the email that is read."""


def mail(*headers: str, body: str | bytes = "Hello", end: str = "\r\n") -> bytes:
    content = body if isinstance(body, bytes) else body.replace("\n", end).encode()
    return end.join([*headers, "", ""]).encode("utf-8", "surrogateescape") + content


_BASE = ("From: Ada <ada@example.org>", "To: care@example.com", "Subject: Hello")


def multi(kind: str, *parts: bytes, boundary: str = "b1", more: str = "", end_mark: bool = True) -> bytes:
    lines = [f"Content-Type: multipart/{kind}; boundary={boundary}{more}".encode(), b""]
    for part in parts:
        lines += [f"--{boundary}".encode(), part]
    if end_mark:
        lines.append(f"--{boundary}--".encode())
    return b"\r\n".join(lines)


def whole(content: bytes) -> bytes:
    return "\r\n".join(_BASE).encode() + b"\r\nMIME-Version: 1.0\r\n" + content


def part(kind: str, body: bytes, *headers: str) -> bytes:
    return "\r\n".join([f"Content-Type: {kind}", *headers, "", ""]).encode() + body


text_part = part("text/plain; charset=utf-8", b"plain text")
html_part = part("text/html; charset=utf-8", b"<p>rich <b>text</b></p>")
_PDF = base64.encodebytes(b"%PDF-1.4 nothing")


def _nested(depth: int) -> bytes:
    """Multiparts in multiparts, one boundary each."""
    heads = b"".join(
        f"Content-Type: multipart/mixed; boundary=n{n}x\r\n\r\n--n{n}x\r\n".encode() for n in range(depth)
    )
    return whole(heads + text_part)


def _forwards(depth: int) -> bytes:
    return whole(b"Content-Type: message/rfc822\r\n\r\n" * depth + b"Subject: innermost\r\n\r\ntext")


CORPUS: dict[str, Nasty] = {
    "nothing at all": Nasty(b"", lambda e: e.subject == "" and e.sender is None and e.text == ""),
    "line ends only": Nasty(b"\r\n\r\n\r\n", lambda e: e.text.strip() == ""),
    "NUL bytes": Nasty(mail(*_BASE, body=b"a\x00b"), lambda e: e.text == "ab"),
    "binary rubbish": Nasty(bytes(range(256)) * 20, lambda e: "\x00" not in e.text),
    "bare line feeds": Nasty(mail(*_BASE, body="one\ntwo", end="\n"), lambda e: e.text == "one\ntwo"),
    "bare carriage returns": Nasty(
        mail(*_BASE, end="\r"), lambda e: e.subject == "Hello" and e.text == "Hello"
    ),
    "no empty line before the body": Nasty(
        b"From: ada@example.org\r\nSubject: Hello\r\nthis is no header\r\nand neither is this",
        lambda e: (
            e.subject == "Hello"
            and "this is no header\r\nand" in e.text.replace("\n", "\r\n").replace("\r\r", "\r")
        ),
    ),
    "as from an old mail folder": Nasty(
        b"From ada@example.org Thu Nov 26 05:00:00 2026\n" + mail(*_BASE, end="\n"),
        lambda e: e.subject == "Hello",
    ),
    "8-bit subject in UTF-8": Nasty(mail("Subject: Größe"), lambda e: e.subject == "Größe"),
    "8-bit subject in Latin-1": Nasty(b"Subject: Gr\xf6\xdfe\r\n\r\n", lambda e: e.subject == "Größe"),
    "encoded word cut within a character": Nasty(
        mail("Subject: =?utf-8?B?R3LD?=\r\n =?utf-8?B?tsOfZQ==?="), lambda e: e.subject == "Größe"
    ),
    "encoded word in the middle of a word": Nasty(
        mail("Subject: Re:=?iso-8859-1?Q?_Gr=F6=DFe?=!"), lambda e: e.subject == "Re: Größe!"
    ),
    "encoded words with spaces inside": Nasty(
        mail("Subject: =?utf-8?Q?Gr=C3=B6=C3=9Fe der Box?="), lambda e: e.subject == "Größe der Box"
    ),
    "encoded word of an unknown charset": Nasty(
        mail("Subject: =?x-nobody-knows?Q?Gr=C3=B6=C3=9Fe?="), lambda e: e.subject == "Größe"
    ),
    "encoded word without end": Nasty(mail("Subject: =?utf-8?Q?abc"), lambda e: e.subject == "=?utf-8?Q?abc"),
    "encoded word in broken base64": Nasty(
        mail("Subject: =?utf-8?B?SGVsbG8?="), lambda e: e.subject == "Hello"
    ),
    "line break hidden in an encoded word": Nasty(
        mail("Subject: =?utf-8?Q?one=0D=0ABcc:_evil@example.net?="),
        lambda e: e.subject == "one Bcc: evil@example.net",
    ),
    "address hidden in a name": Nasty(
        mail('From: "boss@example.com" <real@example.net>'),
        lambda e: e.sender is not None and e.sender.address == "real@example.net",
    ),
    "address encoded along with the name": Nasty(
        mail("From: =?utf-8?Q?Ada_=3Cada=40example.org=3E?="),
        lambda e: e.sender is not None and str(e.sender) == "Ada <ada@example.org>",
    ),
    "encoded commas in a name": Nasty(
        mail("To: =?utf-8?Q?Lovelace=2C_Ada?= <ada@example.org>, bob@example.org"),
        lambda e: [str(a) for a in e.to] == ["Lovelace, Ada <ada@example.org>", "bob@example.org"],
    ),
    "group of recipients": Nasty(
        mail("To: undisclosed-recipients:;", "Cc: Team: a@example.org, b@example.org;, c@example.org"),
        lambda e: (
            e.to == [] and [a.address for a in e.cc] == ["a@example.org", "b@example.org", "c@example.org"]
        ),
    ),
    "semicolons between recipients": Nasty(
        mail("To: a@example.org; b@example.org"),
        lambda e: [a.address for a in e.to] == ["a@example.org", "b@example.org"],
    ),
    "no From but a Sender": Nasty(
        mail("Sender: ada@example.org"),
        lambda e: e.sender is not None and e.sender.address == "ada@example.org",
    ),
    "address of bracket and quote": Nasty(
        mail('From: "Ada" <<ada@example.org>>'), lambda e: e.text == "Hello"
    ),
    "ten thousand recipients": Nasty(
        mail("To: " + ", ".join(f"p{n}@example.org" for n in range(10_000))), lambda e: len(e.to) == 500
    ),
    "ten thousand headers": Nasty(
        mail(*_BASE, *(f"X-{n}: y" for n in range(10_000)), "Subject: late"),
        lambda e: e.subject == "Hello" and any("header" in n for n in e.notes),
    ),
    "header of a megabyte": Nasty(
        mail("Subject: " + "x" * 1_000_000, "From: a@example.org"), lambda e: len(e.subject) == 512
    ),
    "thousand-fold folded header": Nasty(
        mail("Subject: a" + "\r\n b" * 1_000),
        lambda e: e.subject.startswith("a b b") and len(e.subject) == 512,
    ),
    "message id without brackets": Nasty(
        mail("Message-ID: abc@example.org"), lambda e: e.message_id == "abc@example.org"
    ),
    "references by the thousand": Nasty(
        mail("References: " + " ".join(f"<{n}@example.org>" for n in range(3_000))),
        lambda e: len(e.references) == 100 and e.references[-1] == "2999@example.org",
    ),
    "date of no calendar": Nasty(mail("Date: Fri, 99 Foo 2026 25:61:00 +9999"), lambda e: e.date is None),
    "date before there was mail": Nasty(
        mail("Date: Mon, 1 Jan 1900 00:00:00 -2300"), lambda e: e.date is None
    ),
    "date without zone": Nasty(
        mail("Date: Thu, 26 Nov 2026 05:00:00"), lambda e: e.date is not None and e.date.hour == 5
    ),
    "UTF-8 declared as Latin-1": Nasty(
        mail(*_BASE, "Content-Type: text/plain; charset=iso-8859-1", body="Größe"),
        lambda e: e.text == "Größe",
    ),
    "Latin-1 declared as UTF-8": Nasty(
        mail(*_BASE, "Content-Type: text/plain; charset=utf-8", body="Größe".encode("latin-1")),
        lambda e: e.text == "Größe",
    ),
    "Windows quotes declared as Latin-1": Nasty(
        mail(*_BASE, "Content-Type: text/plain; charset=iso-8859-1", body=b"\x84yes\x93"),
        lambda e: e.text == "„yes“",
    ),
    "8 bits without a charset": Nasty(mail(*_BASE, body=b"Gr\xf6\xdfe"), lambda e: e.text == "Größe"),
    "charset that nobody knows": Nasty(
        mail(*_BASE, "Content-Type: text/plain; charset=klingon", body="Größe"), lambda e: e.text == "Größe"
    ),
    "charset that is no charset": Nasty(
        mail(*_BASE, "Content-Type: text/plain; charset=base64", body="abc"), lambda e: e.text == "abc"
    ),
    "UTF-16 with a mark": Nasty(
        mail(*_BASE, "Content-Type: text/plain; charset=utf-16", body="Größe".encode("utf-16")),
        lambda e: e.text == "Größe",
    ),
    "UTF-16 that is ASCII": Nasty(
        mail(*_BASE, "Content-Type: text/plain; charset=utf-16", body="plain"), lambda e: e.text == "plain"
    ),
    "Japanese": Nasty(
        mail(*_BASE, "Content-Type: text/plain; charset=iso-2022-jp", body="日本語".encode("iso-2022-jp")),
        lambda e: e.text == "日本語",
    ),
    "Chinese declared as GB2312": Nasty(
        mail(*_BASE, "Content-Type: text/plain; charset=gb2312", body="镕基".encode("gb18030")),
        lambda e: e.text == "镕基",
    ),
    "quoted-printable with broken escapes": Nasty(
        mail(*_BASE, "Content-Transfer-Encoding: quoted-printable", body="a=ZZ b=C3=A4=\nc=\n"),
        lambda e: "bäc" in e.text,
    ),
    "base64 without padding": Nasty(
        mail(*_BASE, "Content-Transfer-Encoding: base64", body="SGVsbG8"), lambda e: e.text == "Hello"
    ),
    "base64 with foreign characters": Nasty(
        mail(*_BASE, "Content-Transfer-Encoding: base64", body="SGVs\n-bG8gd29ybGQgYW5kIGFsbCBvZiB5b3U=\n"),
        lambda e: e.text == "Hello world and all of you",
    ),
    "base64 that is plain text": Nasty(
        mail(*_BASE, "Content-Transfer-Encoding: base64", body="Dear all, this is not (really) encoded."),
        lambda e: e.text.startswith("Dear all"),
    ),
    "two base64 texts in one": Nasty(
        mail(*_BASE, "Content-Transfer-Encoding: base64", body="SGVsbG8=\nIHdvcmxk\n"),
        lambda e: e.text == "Hello world",
    ),
    "transfer encoding of nobody": Nasty(
        mail(*_BASE, "Content-Transfer-Encoding: rot13", body="Hello"), lambda e: e.text == "Hello"
    ),
    "uuencoded file": Nasty(
        whole(
            multi(
                "mixed",
                text_part,
                part(
                    "application/octet-stream; name=a.txt",
                    b"begin 644 a.txt\r\n%:&5L;&\\\r\n`\r\nend",
                    "Content-Transfer-Encoding: x-uuencode",
                ),
            )
        ),
        lambda e: e.files[0].size == 5,
    ),
    "text and HTML": Nasty(
        whole(multi("alternative", text_part, html_part)),
        lambda e: e.text == "plain text" and "<b>text</b>" in (e.html or ""),
    ),
    "HTML alone": Nasty(whole(html_part), lambda e: e.text == "rich text" and e.files == []),
    "HTML that names its charset itself": Nasty(
        whole(part("text/html", b'<meta charset="windows-1251"><p>\xcf\xf0\xe8\xe2\xe5\xf2</p>')),
        lambda e: e.text == "Привет",
    ),
    "picture within HTML": Nasty(
        whole(
            multi(
                "related",
                part("text/html", b'<p>see <img src="cid:pic@x"></p>'),
                part(
                    "image/png", b"iVBORw0KGgo=", "Content-ID: <pic@x>", "Content-Transfer-Encoding: base64"
                ),
            )
        ),
        lambda e: e.files[0].is_inline and e.files[0].content_id == "pic@x" and e.files[0].size == 8,
    ),
    "two texts around a file": Nasty(
        whole(
            multi(
                "mixed",
                text_part,
                part("image/png", b"x", "Content-Disposition: inline"),
                part("text/plain", b"after"),
            )
        ),
        lambda e: e.text == "plain text\n\nafter" and len(e.files) == 1,
    ),
    "no end mark": Nasty(
        whole(multi("mixed", text_part, html_part, end_mark=False)),
        lambda e: e.text == "plain text" and e.html is not None,
    ),
    "no boundary named": Nasty(
        whole(multi("mixed", text_part, html_part).replace(b"; boundary=b1", b"")),
        lambda e: e.text == "plain text",
    ),
    "boundary that never comes": Nasty(
        whole(b"Content-Type: multipart/mixed; boundary=nowhere\r\n\r\njust text"),
        lambda e: "just text" in e.text,
    ),
    "boundary that begins another": Nasty(
        whole(multi("mixed", multi("alternative", text_part, html_part, boundary="b11"), text_part)),
        lambda e: e.text == "plain text\n\nplain text",
    ),
    "boundary with blanks behind it": Nasty(
        whole(multi("mixed", text_part, html_part).replace(b"--b1\r\n", b"--b1  \t\r\n")),
        lambda e: e.html is not None,
    ),
    "boundary in quotation marks never closed": Nasty(
        whole(multi("mixed", text_part).replace(b"boundary=b1", b'boundary="b1')),
        lambda e: e.text == "plain text",
    ),
    "a thousand levels": Nasty(_nested(1_000), lambda e: any("deeper" in n for n in e.notes)),
    "forwarded a thousand times": Nasty(
        _forwards(1_000), lambda e: any("deeper" in n for n in e.notes) and e.files
    ),
    "five thousand parts": Nasty(
        whole(multi("mixed", *[text_part] * 5_000)), lambda e: any("more than" in n for n in e.notes)
    ),
    "boundaries by the hundred thousand": Nasty(
        whole(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--bad\r\n" * 100_000),
        lambda e: any("too many" in n or "without its boundary" in n for n in e.notes),
    ),
    "enclosed message": Nasty(
        whole(
            multi(
                "mixed",
                text_part,
                part("message/rfc822", b"From: bob@example.org\r\nSubject: Inner: case\r\n\r\ninside"),
            )
        ),
        lambda e: e.files[0].file_name == "Inner case.eml" and e.text == "plain text",
    ),
    "winmail.dat": Nasty(
        whole(
            multi("mixed", text_part, part("application/ms-tnef; name=winmail.dat", b"\x78\x9f\x3e\x22rest"))
        ),
        lambda e: e.files[0].file_name == "winmail.dat",
    ),
    "invitation": Nasty(
        whole(multi("alternative", text_part, part("text/calendar; method=REQUEST", b"BEGIN:VCALENDAR"))),
        lambda e: e.files[0].content_type == "text/calendar" and e.files[0].file_name.endswith(".ics"),
    ),
    "file name in RFC 2231 pieces": Nasty(
        whole(
            multi(
                "mixed",
                part(
                    "application/pdf",
                    _PDF,
                    "Content-Transfer-Encoding: base64",
                    "Content-Disposition: attachment; filename*0*=utf-8''Gr%C3%B6; filename*1*=%C3%9Fe; "
                    "filename*2=.pdf",
                ),
            )
        ),
        lambda e: e.files[0].file_name == "Größe.pdf" and e.files[0].size == 16,
    ),
    "file name in encoded words": Nasty(
        whole(multi("mixed", part('application/pdf; name="=?utf-8?Q?Gr=C3=B6=C3=9Fe.pdf?="', b"x"))),
        lambda e: e.files[0].file_name == "Größe.pdf",
    ),
    "file name that climbs": Nasty(
        whole(multi("mixed", part('application/pdf; name="..\\\\..\\\\etc/passwd"', b"x"))),
        lambda e: e.files[0].file_name == "passwd",
    ),
    "file name that turns right to left": Nasty(
        whole(multi("mixed", part("application/pdf; name*=utf-8''a%E2%80%AEfdp.exe", b"x"))),
        lambda e: e.files[0].file_name == "afdp.exe",
    ),
    "file without a name": Nasty(
        whole(multi("mixed", text_part, part("application/pdf", b"x"))),
        lambda e: e.files[0].file_name == "attachment-1.pdf",
    ),
    "content type of nonsense": Nasty(
        mail(*_BASE, "Content-Type: ;;;=== foo", body="text"), lambda e: e.text == "text" and e.files == []
    ),
    "content type of one word": Nasty(
        mail(*_BASE, "Content-Type: text", body="text"), lambda e: e.text == "text"
    ),
    "flowed paragraphs": Nasty(
        mail(*_BASE, "Content-Type: text/plain; format=flowed", body="one \ntwo\n> three \n> four\n-- \nAda"),
        lambda e: e.text == "one two\n> three four\n-- \nAda",
    ),
    "script in HTML": Nasty(
        whole(part("text/html", b"<p>a</p><script>alert(1)</script><style>p{}</style><p>b</p>")),
        lambda e: e.text == "a\n\nb",
    ),
    "HTML never closed": Nasty(
        whole(part("text/html", b"<p>a<div><b>c<!-- <!-- <!--")), lambda e: e.text == "a\nc"
    ),
    "HTML of open brackets": Nasty(whole(part("text/html", b"<a " * 100_000)), lambda e: e.text == ""),
    "HTML of open quotes": Nasty(whole(part("text/html", b"<a b='" * 100_000)), lambda e: e.text == ""),
    "HTML of open comments": Nasty(whole(part("text/html", b"<!--" * 200_000)), lambda e: e.text == ""),
    "text of a megabyte": Nasty(
        mail(*_BASE, body="x" * 1_000_000),
        lambda e: len(e.text) == 512 * 1024 and any("cut" in n for n in e.notes),
    ),
}
