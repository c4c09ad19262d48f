"""What use cases refuse, in the reader's language: their texts are English, and are recognised by their form.

A text that is not known is shown as it is. Pure but for the texts, which are read once.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from openiwd.web.shell.catalogue import Catalogue

_PLACE = "{}"


class _Form(NamedTuple):
    pattern: re.Pattern[str]
    text: str


class _Value(str):
    """A value of a text; with a group's name behind the colon, as the UI names it: `{0:status}`."""

    __slots__ = ("_t",)
    _t: Catalogue

    @classmethod
    def of(cls, text: str, t: Catalogue) -> _Value:
        value = cls(text)
        value._t = t
        return value

    def __format__(self, group: str) -> str:
        if not group:
            return str(self)
        return ", ".join(self._t.named(group, part) for part in self.split(", "))


def said(text: Any, t: Catalogue) -> str:
    """The text in the language of the catalogue, as far as it is known there."""
    found = str(text)
    plain, forms = _texts(t.language)
    if found in plain:
        return plain[found]
    for form in forms:
        match = form.pattern.fullmatch(found)
        if match is not None:
            return form.text.format(*(_Value.of(value, t) for value in match.groups()))
    return found


def texts_of(language: str) -> dict[str, str]:
    """English text with `{}` for each value → text of the language; nothing for a language without a file."""
    file = resources.files("openiwd.web").joinpath("said", f"{language}.toml")
    if not file.is_file():
        return {}
    texts: dict[str, str] = tomllib.loads(file.read_text(encoding="utf-8"))["texts"]
    return texts


@cache
def _texts(language: str) -> tuple[dict[str, str], list[_Form]]:
    """Those without values, and the others: the longest first, for they say most."""
    texts = texts_of(language)
    forms = sorted((key for key in texts if _PLACE in key), key=lambda key: (-len(key), key))
    return {key: text for key, text in texts.items() if _PLACE not in key}, [
        _Form(re.compile("(.*)".join(map(re.escape, key.split(_PLACE))), re.DOTALL), texts[key])
        for key in forms
    ]
