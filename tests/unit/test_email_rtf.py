"""Outlook's formatted text is read: packed or not, made from HTML or not, and whatever is broken in it."""

from __future__ import annotations

import re
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.domain.email.rtf import MAX_RTF, read_formatted_text, rtf_text, uncompressed
from tests.factories.tnef import as_html, compressed

# The two examples of the format's specification.
HELLO = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
)
REPEATED = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")


@pytest.mark.parametrize(
    ("packed", "rtf"),
    [
        (HELLO, b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"),
        (REPEATED, b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"),
        (struct.pack("<II4sI", 23, 11, b"MELA", 0) + b"{\\rtf1 abc}", b"{\\rtf1 abc}"),
    ],
)
def test_what_others_have_packed_is_unpacked(packed: bytes, rtf: bytes) -> None:
    assert uncompressed(packed) == (rtf, True)


@settings(deadline=None)
@given(st.binary(max_size=6_000) | st.binary(max_size=3).map(lambda one: one * 2_000))
def test_what_is_packed_is_unpacked(content: bytes) -> None:
    assert uncompressed(compressed(content)) == (content, True)


@settings(deadline=None)
@given(st.binary(max_size=400), st.integers(0, 60))
def test_any_bytes_are_read(rubbish: bytes, at: int) -> None:
    whole = compressed(b"{\\rtf1 Hello \\b world}")
    for packed in (rubbish, whole[:at], whole[:at] + rubbish, whole[:16] + rubbish):
        text, html, _ = read_formatted_text(packed)
        (text + html).encode()
    for told in (
        rtf_text(rubbish),
        rtf_text(b"{\\rtf1" + rubbish),
        rtf_text(b"{\\rtf1\\fromhtml1" + rubbish),
    ):
        (told.text + told.html).encode()


@pytest.mark.parametrize(
    ("packed", "told"),
    [(HELLO[:-4], "hello wor"), (compressed(b"{\\rtf1 Hello}", checksum=1), "Hello")],
)
def test_what_is_damaged_is_read_as_far_as_it_goes_and_said_to_be(packed: bytes, told: str) -> None:
    text, _, is_whole = read_formatted_text(packed)
    assert text.strip().startswith(told)
    assert not is_whole


@pytest.mark.parametrize(
    ("rtf", "text"),
    [
        (r"{\rtf1\ansi one\par two\line three\tab four}", "one\ntwo\nthree\tfour"),
        (r"{\rtf1\ansi {\b bold} and {\i italic}\par}", "bold and italic\n"),
        (
            r"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\colortbl;\red0;}{\stylesheet{Normal;}}{\info{\author Ada}}text}",
            "text",
        ),
        (r"{\rtf1\ansi{\*\generator Riched20;}text{\pict\wmetafile8 0123abcd}}", "text"),
        (r"{\rtf1\ansi\ansicpg1252 Gr\'f6\'dfe}", "Größe"),
        (r"{\rtf1\ansi\ansicpg1251 \'cf\'f0\'e8\'e2\'e5\'f2}", "Привет"),
        (r"{\rtf1\ansi{\fonttbl{\f0 A;}{\f1\fcharset204 B;}}\f0 a\'e4 \f1\'cf\'f0\f0  z}", "aä Пр z"),
        (r"{\rtf1\ansi{\fonttbl{\f0\fcharset128 A;}}\f0\'93\'fa\'96{\b\'7b}\'8c\'ea}", "日本語"),
        (r"{\rtf1\ansi\uc1 Gr\u246?\u223\'dfe}", "Größe"),
        (r"{\rtf1\ansi\uc2 \u26085\'93\'fa{\uc0\u26412}x}", "日本x"),
        (r"{\rtf1\ansi \u-10179?\u-8704?!}", "😀!"),
        (r"{\rtf1\ansi \{a\} \\ b\~c\_d\-e}", "{a} \\ b\xa0c\u2011de"),
        (
            r"{\rtf1\ansi \ldblquote a\rdblquote\endash b\emdash c\bullet }",
            "\u201ca\u201d\u2013b\u2014c\u2022",
        ),
        (
            r'{\rtf1\ansi see {\field{\*\fldinst{HYPERLINK "https://x.example/a"}}{\fldrslt{\ul here}}} now}',
            "see here <https://x.example/a> now",
        ),
        (
            r'{\rtf1{\field{\*\fldinst HYPERLINK "https://x.example"}{\fldrslt https://x.example}}}',
            "https://x.example",
        ),
        ("{\\rtf1 a\\bin5 {}{}{b}", "ab"),
        ("{\\rtf1 one\\\ntwo\r\nthree}", "one\ntwothree"),
    ],
)
def test_the_text_of_rtf(rtf: str, text: str) -> None:
    told = rtf_text(rtf.encode("latin-1"))
    assert (told.text, told.html, told.is_whole) == (text, "", True)


HTML = '<p>Größe &lt;3 {x} \\ <b>日本</b> 😀</p><div id="divRplyFwdMsg">From: Care</div>'


def test_html_comes_back_as_it_was() -> None:
    told = rtf_text(as_html(HTML))
    assert (told.text, told.html, told.is_whole) == ("", HTML, True)


@settings(deadline=None)
@given(
    st.lists(
        st.text(
            st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], exclude_characters="<>"), max_size=30
        )
        | st.sampled_from(["<p>", "</p>", "<br>", '<a href="x">']),
        max_size=12,
    ).map("".join)
)
def test_any_html_comes_back(html: str) -> None:
    told = rtf_text(as_html(html))
    assert re.sub(r"[\ufdd0-\ufdef\ufffe\uffff]", "", html) == told.html


def test_what_never_ends_ends() -> None:
    for rtf in (b"{\\rtf1" + b"{" * 100_000, b"{\\rtf1" + b"}" * 100_000, b"{\\rtf1" + b"\\u1" * 50_000):
        rtf_text(rtf)
    assert not rtf_text(b"{\\rtf1 " + b"x" * MAX_RTF + b"}").is_whole
