"""What use cases refuse, in the reader's language: their texts are English, and are recognised by their form.

A text that is not known is shown as it is. Pure but for the texts, which are read once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from string import Formatter
from typing import Any, Final, NamedTuple

from openiwd.web.shell.catalogue import Catalogue

LONGEST: Final = 2000
"""What is longer is no text of ours, and would be compared for long."""
_PLACE: Final = "{}"
_NESTED: Final = "said"
"""Instead of a group's name: the value is a text of its own."""
_JOINT: Final = re.compile(r"(, | \| )")


class _Form(NamedTuple):
    begin: str
    end: str
    pattern: re.Pattern[str]
    text: str
    named: tuple[tuple[int, str], ...]
    """Number of a value, and the group that has a name for it."""


class _Value(str):
    """A value of a text. Behind the colon: the group that the UI names it by (`{0:status}`), or `said` for a text."""

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
        if group == _NESTED:
            return said(self, self._t)
        parts = (self._t.named(group, part) for part in _JOINT.split(self))
        return "".join(" oder " if part == " | " else part for part in parts)


def said(text: Any, t: Catalogue) -> str:
    """The text in the language of the catalogue, as far as it is known there."""
    found = str(text)
    plain, forms = _texts(t.language)
    if found in plain:
        return plain[found]
    for form in forms if len(found) <= LONGEST else ():
        values = _values(form, found, t)
        if values is not None:
            return form.text.format(*(_Value.of(value, t) for value in values))
    return found


def texts_of(language: str) -> dict[str, str]:
    """English text with `{}` for each value → text of the language; nothing for a language without a folder."""
    return {english: text for texts in files_of(language).values() for english, text in texts.items()}


def files_of(language: str) -> dict[str, dict[str, str]]:
    """The texts of a language by file."""
    folder = resources.files("openiwd.web").joinpath("said", language)
    if not folder.is_dir():
        return {}
    return {
        file.name: tomllib.loads(file.read_text(encoding="utf-8"))["texts"]
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
    }


def _values(form: _Form, found: str, t: Catalogue) -> tuple[str, ...] | None:
    """The values of a text of this form; None for others, also where a value has no name in its group."""
    if not (found.startswith(form.begin) and found.endswith(form.end)):
        return None
    match = form.pattern.fullmatch(found)
    if match is None:
        return None
    values = match.groups()
    has_names = all(
        t.has(f"{group}.{part}") for place, group in form.named for part in _JOINT.split(values[place])[::2]
    )
    return values if has_names else None


@cache
def _texts(language: str) -> tuple[dict[str, str], list[_Form]]:
    """Those without values, and the others: those with the most words first, for they say most."""
    texts = texts_of(language)
    forms = sorted(
        (key for key in texts if _PLACE in key), key=lambda key: (-len(key.replace(_PLACE, "")), key)
    )
    return {key: text for key, text in texts.items() if _PLACE not in key}, [
        _form(key, texts[key]) for key in forms
    ]


def _form(english: str, text: str) -> _Form:
    parts = english.split(_PLACE)
    pattern = re.compile("(.*)".join(map(re.escape, parts)), re.DOTALL)
    return _Form(parts[0], parts[-1], pattern, text, tuple(_named(text)))


def _named(text: str) -> Iterator[tuple[int, str]]:
    for _, name, group, _ in Formatter().parse(text):
        if name and group and group != _NESTED:
            yield int(name), group
