"""Languages of emails: told by words, by enough of them only, and the same each time."""

from __future__ import annotations

import pytest

from openiwd.adapters.language.langid import LangidGuesser
from openiwd.domain.email.language import language_if_sure, words_of

GUESSER = LangidGuesser()


def _language(text: str) -> str | None:
    words = words_of(text)
    return None if words is None else language_if_sure(*GUESSER.guess(words))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "My order 4711 has not arrived yet, could you check where it is?"),
        ("de", "Ich habe am Montag bestellt und noch nichts bekommen. Bitte prüfen Sie das."),
        ("fr", "Bonjour, je n'ai pas encore reçu ma commande, pouvez-vous vérifier ?"),
        ("it", "Non ho ancora ricevuto il mio ordine"),
        ("pl", "Wymiana towaru nie dotarła, proszę o sprawdzenie"),
        ("zh", "您好 我的订单还没有到 请帮我查一下"),
        (
            "de",
            "Schauen Sie hier nach, ob das richtig ist: https://example.com/where/is/my/order mia@example.org",
        ),
    ],
)
def test_what_is_written_tells_its_language(language: str, text: str) -> None:
    assert _language(text) == language
    assert _language(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "OK",
        "Hello",
        "Re: 4711-0815",
        "12.05.2026 https://example.com/this/is/an/english/address",
        "\ud800" * 50,
        "xq zzv kkw wqx jjq vvz qqx zzk xxw",
    ],
)
def test_what_tells_nothing_has_no_language(text: str) -> None:
    assert _language(text) is None


def test_a_long_text_is_not_read_whole() -> None:
    words = words_of("Where is my parcel? " * 100_000)
    assert words is not None
    assert len(words) <= 4_000


def test_the_model_is_loaded_by_the_first_question() -> None:
    fresh = LangidGuesser()
    assert not fresh.is_loaded
    fresh.guess("Where is my parcel?")
    assert fresh.is_loaded
