"""Needs: the language that words are most likely of."""

from __future__ import annotations

from typing import Protocol


class LanguageGuesser(Protocol):
    """The same words give the same answer, in every process."""

    def guess(self, words: str) -> tuple[str, float]:
        """The code (ISO 639) and how sure it is, between 0 and 1. May take a second when it is first asked."""
        ...
