"""Words of texts, so that a search for beginnings of words misses nothing that the database's own would find.

What a word is depends on the database's locale: whether letters beyond ASCII are letters there. Words that begin under
every reading are sure; all others are kept as possible.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from openiwd.adapters.search.reach import ALL, NONE, Reach, both

LONGEST: Final = 60
"""Characters kept of a word."""
_ANY: Final = re.compile(r"\w+")
_ASCII: Final = re.compile(r"[A-Za-z0-9_]+")
_SURE: Final = re.compile(r"(?:^|(?<=[\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]))[A-Za-z0-9_]+")


def folded(text: str) -> str:
    """One character for each: alike in whatever case."""
    return text.lower() if text.isascii() else "".join(c.casefold()[0] for c in text)


def words_of(texts: Sequence[Any]) -> tuple[set[str], set[str]]:
    """(words that begin so under every reading, further possible words), cut to what is kept."""
    text = " ".join(str(t) for t in texts if t is not None)
    surely = {
        word[:LONGEST] for word in _SURE.findall(text.lower() if text.isascii() else _ascii_lower(text))
    }
    possible: set[str] = set()
    if not text.isascii():
        plain = folded(text)
        for pattern, source in ((_ANY, plain), (_ASCII, plain), (_ASCII, _ascii_lower(text))):
            possible.update(word[:LONGEST] for word in pattern.findall(source))
    return surely, possible - surely


def _ascii_lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def words_reach(words: Sequence[str]) -> Reach:
    """The items in whose words each of these begins one."""
    reach = Reach(ALL, ALL)
    for word in words:
        reach = both(reach, _one(word))
    return reach


def _one(word: str) -> Reach:
    """Of a word with other signs in it, its parts: more may have these than have the word."""
    if word.isascii() and word.isalnum():
        kept = word.lower()[:LONGEST]
        upper, surely = _begins(kept), {"prefix": {"words": kept}}
        return Reach(upper, surely if len(word) <= LONGEST else NONE)
    plain = folded(word)
    runs = list(_ASCII.finditer(plain))
    parts: list[dict[str, Any]] = []
    for n, run in enumerate(runs):
        if run.start() == 0 and not (word[0].isalnum() and word[0].isascii()):
            continue  # it may stand inside a word
        text = run.group()[:LONGEST]
        is_whole = n < len(runs) - 1 and run.end() < len(plain) and len(run.group()) <= LONGEST
        parts.append(_is(text) if is_whole else _begins(text))
    return Reach({"bool": {"filter": parts}} if parts else ALL, NONE)


def _begins(text: str) -> dict[str, Any]:
    return {"bool": {"should": [{"prefix": {name: text}} for name in ("words", "perhaps")]}}


def _is(text: str) -> dict[str, Any]:
    return {"bool": {"should": [{"term": {name: text}} for name in ("words", "perhaps")]}}
