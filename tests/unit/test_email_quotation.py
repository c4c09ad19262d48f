"""What is new, what is quoted, what is signature: cut, never changed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.domain.email.message import EmailText, TextMark
from openiwd.domain.email.quotation import answer_of, split_text
from openiwd.domain.email.text_form import read_html
from tests.data.replies import ANSWER, BELOW, BETWEEN, HTML, KEPT, SIGNATURES
from tests.data.reply_corpus import CORPUS, LETTERS
from tests.data.reply_html import MORE_HTML

TOO_MUCH = frozenset(
    {
        "top: English, lines broken without marks",
        "signed: from mobile",
    }
)
"""Where more than the author's words is told: what is cut there could as well be somebody's words."""


def _joined(parts: EmailText) -> str:
    return parts.new + parts.signature + parts.quoted


@pytest.mark.parametrize("name", BELOW)
def test_the_quotation_is_cut_off(name: str) -> None:
    text = f"{ANSWER}\n\n{BELOW[name]}"
    parts = split_text(text)
    assert parts.new.strip() == ANSWER
    assert parts.quoted.strip() == BELOW[name].strip()
    assert parts.signature == ""
    assert answer_of(text) == ANSWER


@pytest.mark.parametrize("below", ["Gmail, English", "Outlook, German.", "marks alone", None])
@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_are_cut_off(name: str, below: str | None) -> None:
    quoted = "" if below is None else f"\n\n{BELOW[below]}"
    text = f"{ANSWER}\n\n{SIGNATURES[name]}{quoted}"
    parts = split_text(text)
    assert (parts.new.strip(), parts.signature.strip()) == (ANSWER, SIGNATURES[name])
    assert _joined(parts) == text


@pytest.mark.parametrize("name", BETWEEN)
def test_answers_between_and_below_are_found(name: str) -> None:
    text, answer = BETWEEN[name]
    assert answer_of(text) == answer
    new = split_text(text).new
    assert all(line in new for line in answer.splitlines())


@pytest.mark.parametrize("name", CORPUS)
def test_the_words_of_the_author_are_found(name: str) -> None:
    text, words = CORPUS[name]
    told = answer_of(text)
    if name in TOO_MUCH:
        assert told.startswith(words)
        assert told != words, "it is exact now: take it off the list"
    else:
        assert told == words
    assert _joined(split_text(text)) == text


@pytest.mark.parametrize("signature", ["", "\n\nSent from my iPhone", "\n\n-- \nAda"])
@pytest.mark.parametrize("letter", LETTERS)
def test_no_word_of_an_author_is_lost_above_any_quotation(letter: str, signature: str) -> None:
    assert answer_of(letter) == letter
    told = {name: answer_of(f"{letter}{signature}\n\n{below}") for name, below in BELOW.items()}
    assert {name: words for name, words in told.items() if words != letter} == {}


@pytest.mark.parametrize("name", CORPUS)
def test_lines_of_windows_change_nothing(name: str) -> None:
    text, _ = CORPUS[name]
    assert answer_of(text.replace("\n", "\r\n")) == answer_of(text)


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_like_a_quotation_stays(text: str) -> None:
    assert answer_of(text) == text
    assert split_text(text).new == text


@pytest.mark.parametrize("source", [*HTML.values(), *MORE_HTML.values()], ids=[*HTML, *MORE_HTML])
def test_html_says_where_the_quotation_begins(source: str) -> None:
    text, marks = read_html(source)
    assert answer_of(text, marks) == ANSWER
    assert _joined(split_text(text, marks)) == text


@pytest.mark.parametrize(
    "mark", ["-- ", "--", "Sent from my iPhone", "Von meinem iPhone gesendet", "Get Outlook for iOS"]
)
def test_the_signature_is_cut_off(mark: str) -> None:
    parts = split_text(f"Thanks!\n\n{mark}\nAda\n\nOn Thursday Care wrote:\n> Hello\n")
    assert parts.new.strip() == "Thanks!"
    assert parts.signature.startswith(mark)
    assert parts.quoted.startswith("On Thursday")


def test_answers_between_quoted_lines_stay() -> None:
    text = "Hi,\nsee below.\n\nOn Thursday Care wrote:\n> First?\nYes.\n> Second?\nNo.\n"
    assert split_text(text).new == text


def test_an_answer_below_the_quotation_stays() -> None:
    text = "On Thursday Care wrote:\n> First?\n\nYes, please.\n"
    assert split_text(text).new == text


@settings(deadline=None)
@given(st.text(st.sampled_from("ab \n>-_:Onwrote.From"), max_size=300))
def test_nothing_is_lost(text: str) -> None:
    parts = split_text(text)
    assert parts.new + parts.signature + parts.quoted == text


@settings(deadline=None)
@given(st.text(max_size=500))
def test_any_text_is_taken(text: str) -> None:
    parts = split_text(text)
    assert parts.new + parts.signature + parts.quoted == text


_MARKS = st.lists(
    st.builds(TextMark, st.integers(0, 300), st.integers(0, 300), st.booleans()), max_size=5
).map(tuple)


@settings(deadline=None)
@given(st.text(st.sampled_from("ab \n>-_:Onwrote.From@<1"), max_size=300), _MARKS)
def test_marks_lose_nothing(text: str, marks: tuple[TextMark, ...]) -> None:
    assert _joined(split_text(text, marks)) == text
    written = {line.strip() for line in text.splitlines()}
    assert all(line.strip() in written for line in answer_of(text, marks).splitlines())


def test_a_quotation_of_any_length_costs_its_length() -> None:
    """Lines that begin like attributions and never end as one, by the ten thousand."""
    text = "On 26 Nov 2026 at 5:00\n" * 19_000
    assert split_text(text).new == text
