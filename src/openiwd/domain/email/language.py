"""Which language an email is written in, as far as its own words tell; too few of them tell nothing. Pure."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 4_000
SHORTEST: Final = 24
"""Bytes of letters: 24 of a Latin script, 8 of a Chinese one."""
SURE: Final = 0.8
_NO_WORD: Final = re.compile(r"@|://|www\.|\d")
_NO_LETTERS: Final = re.compile(r"[\W_]+")
_CODE: Final = re.compile(r"[a-z]{2,3}")
_NO_LANGUAGE: Final = "zxx"


def words_of(text: str) -> str | None:
    """What a language can be told by: words without addresses, links and numbers; None where these are too few."""
    plain = " ".join(word for word in text[: 4 * LONGEST].split() if not _NO_WORD.search(word))
    words = _NO_LETTERS.sub(" ", plain)[:LONGEST].strip()
    return words if len(words.replace(" ", "").encode("utf-8", "replace")) >= SHORTEST else None


def language_if_sure(code: str, confidence: float) -> str | None:
    """The code of a language (ISO 639), unless it is a mere guess."""
    return code if confidence >= SURE and code != _NO_LANGUAGE and _CODE.fullmatch(code) else None
