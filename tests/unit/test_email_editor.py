"""The email editor's first state, recipients as typed, and standard responses with unknown placeholders."""

from __future__ import annotations

import pytest

from openiwd.domain.email.address import Address
from openiwd.domain.email.rich_text import (
    forwarded,
    html_of_text,
    parts_of_html,
    reply_quotation,
    whole_html,
)
from openiwd.domain.email.standard_response import StandardResponse, check_response
from openiwd.domain.email.text_form import text_of_html
from openiwd.domain.errors import InvalidInputError
from openiwd.usecases.email_draft import whole_text
from openiwd.usecases.email_picture import Picture, ShownHtml, blocked_pictures
from openiwd.web.email.editor_view import addresses_text, split_recipients
from openiwd.web.item.email_frame import frame_document, frame_headers


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", []),
        ("a@example.com", ["a@example.com"]),
        ("a@example.com, Bo <b@example.com>;c@example.com", ["a@example.com", "Bo <b@example.com>", "c@example.com"]),
        ('"Vogel, Katrin" <k@example.com>, d@example.com', ['"Vogel, Katrin" <k@example.com>', "d@example.com"]),
        ("a@example.com,\n , b@example.com,", ["a@example.com", "b@example.com"]),
        ('"never closed, a@example.com', ['"never closed, a@example.com']),
    ],
)  # fmt: skip
def test_recipients_are_told_apart(typed: str, found: list[str]) -> None:
    assert split_recipients(typed) == found


def test_what_is_proposed_is_read_again_as_it_was() -> None:
    people = [
        Address("Vogel, Katrin", "k@example.com"),
        Address("", "b@example.com"),
        Address("Bo", "c@example.com"),
    ]
    assert split_recipients(addresses_text(people)) == [
        '"Vogel, Katrin" <k@example.com>',
        "b@example.com",
        "Bo <c@example.com>",
    ]


def test_the_signature_stands_between_text_and_quotation() -> None:
    assert whole_text("Hello\n\n", "Care team", "> before") == "Hello\n\n-- \nCare team\n\n> before"
    assert whole_text("Hello\n", "", "> before") == "Hello\n\n> before"
    assert whole_text("Hello\n", "", "") == "Hello\n"


def test_the_parts_of_an_email_of_ours_are_told_apart_again() -> None:
    whole = whole_html("<div>Hello</div>", "Care <team>", "<blockquote>before</blockquote>")
    assert parts_of_html(whole) == ("<div>Hello</div>", "<blockquote>before</blockquote>")
    assert "<div>Care &lt;team&gt;</div>" in whole
    assert parts_of_html(whole_html("<b>x</b>", "", "")) == ("<b>x</b>", "")
    assert parts_of_html("<p>of somebody else</p>") is None
    assert text_of_html(whole).startswith("Hello\n\n--\nCare <team>\n")


def test_plain_text_reads_the_same_as_html() -> None:
    text = "Dear <Ada>,\n\nplease & thank you\nBo"
    assert text_of_html(html_of_text(text)) == text


def test_what_is_quoted_keeps_its_form() -> None:
    assert reply_quotation("Ada & Bo wrote:", "<p>Hi</p>") == (
        '<div>Ada &amp; Bo wrote:</div><blockquote type="cite"><p>Hi</p></blockquote>'
    )
    assert forwarded("From: Ada", "<p>Hi</p>") == "<div>From: Ada</div><div><br></div><p>Hi</p>"


def test_a_placeholder_that_never_has_a_value_is_refused() -> None:
    check_response(StandardResponse(id="a", name="A", text="{{contact.name|you}} {{data.claim}}"))
    with pytest.raises(InvalidInputError, match=r"contact\.nmae") as refused:
        check_response(StandardResponse(id="a", name="A", text="{{contact.nmae}}"))
    assert refused.value.field == "text"


def test_a_frame_holds_its_own_pictures_and_asks_nobody() -> None:
    shown = ShownHtml(
        '<img src="cid:a%40x" alt="a"><img src="cid:gone"><b>Hi</b>', {"a@x": Picture("image/png", b"x")}
    )
    page = frame_document(shown, "<Subject>", "en")
    assert 'src="data:image/png;base64,eA=="' in page
    assert "cid:" not in page
    assert "<title>&lt;Subject&gt;</title>" in page
    policy = frame_headers(elsewhere=False)["Content-Security-Policy"]
    assert policy.startswith(
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:;"
    )
    assert "img-src data: https: http:;" in frame_headers(elsewhere=True)["Content-Security-Policy"]


def test_pictures_from_elsewhere_are_counted() -> None:
    assert blocked_pictures(None) == 0
    assert blocked_pictures('<img alt="x"><img src="cid:a"><IMG width="1"><p>img</p>') == 2
