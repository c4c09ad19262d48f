"""The message catalogues: every visible text by key, with plural forms, one file per language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final

FALLBACK: Final = "en"
THIN_SPACE: Final = "\u202f"


class Catalogue:
    """The texts of one language; a key that it lacks is taken from the fallback language."""

    def __init__(self, language: str, texts: Mapping[str, Any], fallback: Catalogue | None = None) -> None:
        self.language = language
        self._texts = _flat(texts)
        self._fallback = fallback

    @property
    def keys(self) -> frozenset[str]:
        """Its own keys, without those of the fallback language."""
        return frozenset(self._texts)

    def find(self, key: str) -> str | Mapping[str, str] | None:
        found = self._texts.get(key)
        return self._fallback.find(key) if found is None and self._fallback is not None else found

    def has(self, key: str) -> bool:
        return self.find(key) is not None

    def __call__(self, key: str, /, **values: Any) -> str:
        """The text with its values filled in; `n` chooses the plural form. An unknown key shows itself."""
        found = self.find(key)
        if found is None:
            return key
        if not isinstance(found, str):
            n = values.get("n", 0)
            found = found["one"] if n == 1 and "one" in found else found["other"]
        shown = {
            k: number(v) if isinstance(v, int) and not isinstance(v, bool) else v for k, v in values.items()
        }
        return found.format_map(shown) if shown else found

    def named(self, group: str, value: str) -> str:
        """The text of one of a closed set of values (`status.held`); the value itself where there is none."""
        found = self.find(f"{group}.{value}")
        return found if isinstance(found, str) else value


def number(value: int) -> str:
    """Digits in groups of three, so that long numbers can be read."""
    return f"{value:,}".replace(",", THIN_SPACE).replace("-", "−")


def _flat(texts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in texts.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and not set(value) <= {"one", "other"}:
            flat.update(_flat(value, f"{key}."))
        else:
            flat[key] = value
    return flat


def load_catalogues() -> dict[str, Catalogue]:
    """All languages that are there, by code: a folder each, a file for each area of the UI."""
    folder = resources.files("openiwd.web").joinpath("messages")
    texts = {language.name: _texts_of(language) for language in folder.iterdir() if language.is_dir()}
    fallback = Catalogue(FALLBACK, texts.pop(FALLBACK))
    return {FALLBACK: fallback, **{code: Catalogue(code, found, fallback) for code, found in texts.items()}}


def _texts_of(folder: Traversable) -> dict[str, Any]:
    """A table belongs to one file; ValueError when two files have it."""
    found: dict[str, Any] = {}
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if not entry.name.endswith(".toml"):
            continue
        texts = tomllib.loads(entry.read_text(encoding="utf-8"))
        twice = found.keys() & texts.keys()
        if twice:
            raise ValueError(f"{folder.name}/{entry.name} has {sorted(twice)}, and so has a file before it")
        found |= texts
    return found
