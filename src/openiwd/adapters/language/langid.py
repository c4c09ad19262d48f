"""Guesses languages with py3langid. It and its model (77 MB) take a second to load: at the first question."""

from __future__ import annotations

from importlib import import_module
from threading import Lock
from typing import Any


class LangidGuesser:
    """Implements `openiwd.ports.language_guesser.LanguageGuesser`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._identifier: Any = None

    @property
    def is_loaded(self) -> bool:
        """Whether anybody has asked yet."""
        return self._identifier is not None

    def guess(self, words: str) -> tuple[str, float]:
        with self._lock:
            if self._identifier is None:
                # numpy comes along: processes that guess nothing do without.
                langid = import_module("py3langid.langid")
                self._identifier = langid.LanguageIdentifier.from_model_file(
                    langid.MODEL_FILE, norm_probs=True
                )
        code, confidence = self._identifier.classify(words)
        return str(code), float(confidence)
