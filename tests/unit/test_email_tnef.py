"""winmail.dat: its files and text are read, whatever is broken in it, and the numbers of other files stay."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.domain.email.reading import file_bytes, read_email
from openiwd.domain.email.tnef import read_tnef
from tests.factories.tnef import (
    BODY,
    CONTENT_ID,
    HTML,
    MIME_TYPE,
    RTF,
    as_html,
    attribute,
    bytes_property,
    compressed,
    enclosed_property,
    properties,
    text_property,
    tnef,
)

_NAMES = st.text(
    st.characters(categories=["L", "N"], max_codepoint=0x2FFF), min_size=1, max_size=40
).map(lambda name: f"{name}.pdf")  # fmt: skip
_FILES = st.lists(st.tuples(_NAMES, st.binary(min_size=1, max_size=200)), max_size=5)


def _mail(packed: bytes, *, text: str = "See the files.", name: str = "winmail.dat") -> bytes:
    return (
        "From: ada@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        f"Content-Type: text/plain\r\n\r\n{text}\r\n--b\r\nContent-Type: application/ms-tnef; name={name}\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n".encode()
        + base64.encodebytes(packed)
        + b"--b\r\nContent-Type: text/csv; name=own.csv\r\n\r\na;b\r\n--b--\r\n"
    )


@settings(deadline=None)
@given(_FILES)
def test_files_are_read_back(files: list[tuple[str, bytes]]) -> None:
    found = read_tnef(tnef(files))
    assert found is not None
    assert found.is_whole
    assert [(f.name, f.content) for f in found.files] == files


@settings(deadline=None)
@given(st.binary(max_size=400), st.integers(0, 400))
def test_any_bytes_are_read(rubbish: bytes, at: int) -> None:
    whole = tnef([("a.pdf", b"abc")], message=[text_property(BODY, "Hello")])
    for packed in (rubbish, whole[:6] + rubbish, whole[:at], whole[:at] + rubbish, whole + rubbish):
        found = read_tnef(packed)
        assert found is None or len(found.files) <= 200
        read_email(_mail(packed))


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=6), st.integers(1, 40))
def test_what_lies_before_a_cut_is_kept(contents: list[bytes], cut: int) -> None:
    files = [(f"{n}.pdf", content) for n, content in enumerate(contents)]
    found = read_tnef(tnef(files)[:-cut])
    assert found is not None
    told = [(f.name, f.content) for f in found.files if f.name and f.content]
    assert [content for _, content in told] == contents[: len(told)]
    assert len(told) >= len(contents) - 2


def test_files_of_outlook_stand_among_the_others() -> None:
    raw = _mail(tnef([("Größe.pdf", b"%PDF"), ("virus.exe", b"MZ")]))
    email = read_email(raw)
    assert [(f.ordinal, f.file_name, f.content_type) for f in email.files] == [
        (1, "own.csv", "text/csv"),
        (2, "Größe.pdf", "application/pdf"),
        (3, "virus.exe", "application/octet-stream"),
    ]
    assert [file_bytes(raw, f.ordinal) for f in email.files] == [b"a;b", b"%PDF", b"MZ"]
    assert file_bytes(raw, 0) == tnef([("Größe.pdf", b"%PDF"), ("virus.exe", b"MZ")])
    assert email.text == "See the files."


def test_a_text_that_is_only_in_it_is_the_text() -> None:
    email = read_email(_mail(tnef(message=[text_property(BODY, "Only here.\n")]), text=""))
    assert email.text.strip() == "Only here."
    email = read_email(_mail(tnef(message=[bytes_property(HTML, b"<p>Only <b>here</b></p>")]), text=""))
    assert (email.text, email.html) == ("Only here", "<p>Only <b>here</b></p>")


@pytest.mark.parametrize(
    ("rtf", "text", "html"),
    [
        (b"{\\rtf1\\ansi Dear Care,\\par it leaks.}", "Dear Care,\nit leaks.", None),
        (
            as_html("<p>Dear Care,</p><p>it leaks.</p>"),
            "Dear Care,\n\nit leaks.",
            "<p>Dear Care,</p><p>it leaks.</p>",
        ),
    ],
)
def test_a_formatted_text_alone_is_the_text(rtf: bytes, text: str, html: str | None) -> None:
    packed = tnef([("a.pdf", b"%PDF")], message=[bytes_property(RTF, compressed(rtf))])
    email = read_email(_mail(packed, text=""))
    assert (email.text, email.html, email.notes) == (text, html, [])
    assert [f.file_name for f in email.files] == ["own.csv", "a.pdf"]


def test_a_formatted_text_beside_another_is_not_read() -> None:
    packed = tnef(message=[bytes_property(RTF, compressed(b"{\\rtf1 other}")), text_property(BODY, "Hello")])
    assert read_email(_mail(packed, text="")).text.strip() == "Hello"
    assert read_email(_mail(packed)).text == "See the files."


def test_a_formatted_text_that_is_cut_off_is_read_so_far_and_kept() -> None:
    rtf = compressed(b"{\\rtf1\\ansi Dear Care, it leaks. Who comes, and when?}")
    email = read_email(_mail(tnef(message=[bytes_property(RTF, rtf[:-12])]), text=""))
    assert email.text.startswith("Dear Care, it")
    assert [f.file_name for f in email.files] == ["winmail.dat", "own.csv"]
    assert any("formatted text" in note for note in email.notes)


def test_an_enclosed_message_of_formatted_text() -> None:
    inner = tnef(message=[bytes_property(RTF, compressed(b"{\\rtf1 Inside.}"))])
    begun = attribute(2, 0x9002, b"") + attribute(2, 0x8010, b"Fwd\x00")
    raw = _mail(tnef(more=begun + attribute(2, 0x9005, properties(enclosed_property(inner)))))
    assert file_bytes(raw, read_email(raw).files[-1].ordinal) == b"Inside."


def test_a_picture_and_an_enclosed_message() -> None:
    inner = tnef([("inner.pdf", b"%PDF")], message=[text_property(BODY, "Inside.")])
    picture = attribute(2, 0x9002, b"") + attribute(
        2, 0x9005, properties(text_property(MIME_TYPE, "image/png"), text_property(CONTENT_ID, "p@x"))
    ) + attribute(2, 0x800F, b"png")  # fmt: skip
    enclosed = (
        attribute(2, 0x9002, b"")
        + attribute(2, 0x8010, b"Fwd\x00")
        + attribute(2, 0x9005, properties(enclosed_property(inner)))
    )
    raw = _mail(tnef(more=picture + enclosed))
    files = read_email(raw).files
    assert [(f.file_name, f.content_type, f.is_inline) for f in files[1:]] == [
        ("attachment-3.png", "image/png", True),
        ("Fwd.txt", "text/plain", False),
        ("inner.pdf", "application/pdf", False),
    ]
    assert [file_bytes(raw, f.ordinal) for f in files[1:]] == [b"png", b"Inside.", b"%PDF"]


@pytest.mark.parametrize(
    ("packed", "text"),
    [
        (tnef([("a.pdf", b"abc")])[:-9], "Hello"),
        (tnef(), "Hello"),
        (b"no such thing", "Hello"),
        (tnef(message=[bytes_property(RTF, b"rtf")]), ""),
    ],
    ids=["cut off", "empty", "rubbish", "a formatted text alone"],
)
def test_one_that_is_not_told_whole_stays_in_the_list(packed: bytes, text: str) -> None:
    files = read_email(_mail(packed, text=text)).files
    assert files[0].file_name == "winmail.dat"


def test_messages_in_messages_end_somewhere() -> None:
    packed = tnef([("a.pdf", b"abc")])
    for _ in range(30):
        packed = tnef(
            more=attribute(2, 0x9002, b"") + attribute(2, 0x9005, properties(enclosed_property(packed)))
        )
    found = read_tnef(packed)
    assert found is not None
    assert not found.is_whole
