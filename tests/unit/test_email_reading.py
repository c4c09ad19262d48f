"""Whatever comes in, an email comes out: the corpus, made-up MIME, and the limits."""

from __future__ import annotations

import base64
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.domain.email.address import read_addresses
from openiwd.domain.email.charset import decode
from openiwd.domain.email.header import base64_bytes, decoded, parameters
from openiwd.domain.email.message import ParsedEmail
from openiwd.domain.email.reading import file_bytes, read_email
from openiwd.domain.email.text_form import text_of_html, unflowed
from tests.data.nasty_mail import CORPUS as FIRST
from tests.data.nasty_mail_mended import MENDED
from tests.data.nasty_mail_more import MORE

CORPUS = FIRST | MORE | MENDED


def _storable(email: ParsedEmail) -> None:
    """What a database takes: no NUL, no lone surrogates, within the limits."""
    for text in (
        *(email.text, email.html or "", email.subject, email.message_id or ""),
        *(str(a) for a in (*email.to, *email.cc, *email.reply_to)),
        *(f.file_name for f in email.files),
        *email.headers.values(),
        *email.notes,
    ):
        text.encode()
        assert "\x00" not in text
    assert "\n" not in email.subject
    assert len(email.notes) <= 50


def test_faults_are_many_and_distinct() -> None:
    assert len(FIRST) + len(MORE) + len(MENDED) == len(CORPUS)
    assert len({nasty.raw for nasty in CORPUS.values()}) == len(CORPUS) >= 150


@pytest.mark.parametrize("name", CORPUS)
def test_corpus(name: str) -> None:
    nasty = CORPUS[name]
    email = read_email(nasty.raw)
    _storable(email)
    assert nasty.holds(email), (email.subject, email.sender, email.text[:200], email.files, email.notes)
    for file in email.files:
        content = file_bytes(nasty.raw, file.ordinal)
        assert content is not None
        assert len(content) == file.size


@settings(deadline=None)
@given(st.binary(max_size=2_000))
def test_any_bytes_are_read(raw: bytes) -> None:
    _storable(read_email(raw))


_PIECES = st.lists(
    st.sampled_from(
        [
            *(
                b"From: ",
                b"Subject: ",
                b"Content-Type: ",
                b"Content-Transfer-Encoding: base64",
                b"quoted-printable",
            ),
            *(
                b"\r\n",
                b"\n",
                b"\r\n\r\n",
                b" ",
                b";",
                b"--",
                b"--a",
                b"--a--",
                b"\r\n--a\r\n",
                b"boundary=a",
                b"multipart/mixed",
            ),
            *(
                b"message/rfc822",
                b"text/html",
                b"text/plain",
                b"; charset=",
                b"utf-7",
                b"utf-16",
                b"=?utf-8?B?",
                b"?=",
                b"=C3",
            ),
            *(
                b"<",
                b">",
                b"@",
                b'"',
                b"(",
                b")",
                b"\\",
                b"\x00",
                b"\xff",
                b"<!--",
                b"<a href='",
                b"name*0*=",
                b"''%C3",
                b"=\r\n",
            ),
        ]
    ),
    max_size=60,
).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(_PIECES)
def test_pieces_of_mail_in_any_order_are_read(raw: bytes) -> None:
    _storable(read_email(raw))


_TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], exclude_characters="\u2028\u2029\x85"),
    min_size=1,
    max_size=300,
).filter(lambda t: t.strip() == t)


@settings(deadline=None)
@given(
    subject=_TEXTS,
    text=_TEXTS,
    file=st.binary(min_size=1, max_size=500),
    name=st.from_regex(r"[a-zA-Zäöü]{1,20}\.pdf", fullmatch=True),
)
def test_what_the_standard_library_writes_is_read_back(
    subject: str, text: str, file: bytes, name: str
) -> None:
    message = EmailMessage()
    message["From"] = "Ada <ada@example.org>"
    message["Subject"] = subject
    message.set_content(text)
    message.add_attachment(file, maintype="application", subtype="pdf", filename=name)
    raw = message.as_bytes()
    email = read_email(raw)
    assert email.subject == " ".join(subject.split())[:512]
    assert email.text.rstrip("\n") == text
    assert [f.file_name for f in email.files] == [name]
    assert file_bytes(raw, 0) == file


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_base64_is_read_with_and_without_its_padding(content: bytes) -> None:
    encoded = base64.b64encode(content)
    assert base64_bytes(encoded) == content
    assert base64_bytes(encoded.rstrip(b"=")) == content


@settings(deadline=None)
@given(
    st.text(max_size=200),
    st.sampled_from(["utf-8", "utf-16", "iso-2022-jp", "x", None, "cp1252", "hex", "punycode"]),
)
def test_decoding_never_fails(text: str, charset: str | None) -> None:
    decode(text.encode("utf-8", "surrogatepass"), charset)[0].encode()


@settings(deadline=None)
@given(st.text(max_size=300))
def test_lenient_readers_take_any_text(text: str) -> None:
    read_addresses(text)
    decoded(text)
    parameters(text)
    text_of_html(text)
    unflowed(text)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two<br/><br>three", "one\ntwo\n\nthree"),
        ("<ul><li>a</li><li>b</li></ul>", "• a\n• b"),
        ("<blockquote>said<br>so</blockquote>mine", "> said\n> so\n\nmine"),
        ('<a href="https://x.org/a?b=1&amp;c=2">look</a> here', "look <https://x.org/a?b=1&c=2> here"),
        ('<a href="https://x.org">https://x.org</a>', "https://x.org"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ('<img alt="logo" src="x">text', "[logo] text"),
        ('<a title="a > b" href=x>c</a>', "c"),
        ("1 < 2 &amp; 3 &gt; 2", "1 < 2 & 3 > 2"),
        ("<head><title>t</title></head><body>a&nbsp;b", "a b"),
    ],
)
def test_html_becomes_readable_text(source: str, text: str) -> None:
    assert text_of_html(source) == text
