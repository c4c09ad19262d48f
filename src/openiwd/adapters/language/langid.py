"""Guesses languages with py3langid. Its model (77 MB, a second) is loaded by the first question, once per process."""

from __future__ import annotations

from threading import Lock

from py3langid.langid import MODEL_FILE, LanguageIdentifier


class LangidGuesser:
    """Implements `openiwd.ports.language_guesser.LanguageGuesser`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._identifier: LanguageIdentifier | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether anybody has asked yet."""
        return self._identifier is not None

    def guess(self, words: str) -> tuple[str, float]:
        with self._lock:
            if self._identifier is None:
                self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        code, confidence = self._identifier.classify(words)
        return str(code), float(confidence)
