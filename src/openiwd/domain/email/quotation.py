"""What is new in an email, what it quotes, its signature. A text is cut, never changed: joined, the parts are it.

In doubt text stays new: what a customer writes must never be hidden as if it were quoted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from openiwd.domain.email.message import EmailText, TextMark
from openiwd.domain.email.quotation_head import LONGEST_ATTRIBUTION, attribution, says_so
from openiwd.domain.email.quotation_words import (
    DISCLAIMER,
    INSIDE,
    LIST_FOOTER,
    LONGEST_SENT_FROM,
    NAMED,
    RULE,
    SENT_FROM,
    SHORT_SENT,
)

MAX_LINES: Final = 20_000
LONGEST_SIGNATURE: Final = 60
FEW: Final = 3
"""Fewer lines than these that begin with `>` can be the author's own."""
_DIRECTIONS: Final = dict.fromkeys((0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Signs that say in which direction to write; they stand around names and addresses."""
BROKEN_AFTER: Final = 76
"""Programs break lines so that none is longer."""
_SENTENCE_ENDS: Final = (".", "!", "?", ":", "\u3002", "\uff01", "\uff1f")
_BARE_MARKS: Final = ("--", "---", "—", "__", "___", "____")
_BLANKS: Final = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")
_TEXT, _BLANK, _QUOTED = "t", "e", "q"


class _Cut(NamedTuple):
    """Lines before `mark` are new, those from `end` on quoted, the signature is between. `kinds`: one per line."""

    kinds: list[str]
    mark: int
    end: int


def split_text(text: str, marks: Sequence[TextMark] = ()) -> EmailText:
    """Cuts where the quotation begins, and before the signature. Answers written between quoted lines are all new.

    `marks`: what the HTML that the text was made from says of it.
    """
    lines = _lines_of(text)
    cut = _cut(lines, marks)
    return EmailText(
        new="".join(lines[: cut.mark]),
        signature="".join(lines[cut.mark : cut.end]),
        quoted="".join(lines[cut.end :]),
    )


def answer_of(text: str, marks: Sequence[TextMark] = ()) -> str:
    """The words of the author alone: without signature, and without lines quoted between or above them."""
    lines = _lines_of(text)
    cut = _cut(lines, marks)
    new = list(zip(lines, cut.kinds, strict=False))[: cut.mark]
    if any(kind == _TEXT for _, kind in new):
        new = [(line, kind) for line, kind in new if kind != _QUOTED]
    return _BLANKS.sub("\n\n", "\n".join(line.rstrip() for line, _ in new)).strip()


def _lines_of(text: str) -> list[str]:
    """The lines with their ends; one of the author that goes over into an attribution is two."""
    made: list[str] = []
    for line in text.splitlines(keepends=True):
        may_be = len(line) <= LONGEST_ATTRIBUTION and line.rstrip().lower().endswith(("wrote:", "<"))
        inner = INSIDE.search(line) if may_be else None
        made += [line] if inner is None else [line[: inner.start()], line[inner.start() :]]
    return made


def _cut(whole: list[str], marks: Sequence[TextMark]) -> _Cut:
    lines = [line.rstrip("\r\n").translate(_DIRECTIONS) for line in whole[:MAX_LINES]]
    kinds = [_kind(line) for line in lines]
    signed = _marked(whole, kinds, marks)
    limit = _limit(lines, kinds)
    if not marks:
        _give_back(lines, kinds)
        _take_broken(lines, kinds)
    above = kinds[:limit]
    end = _quoted_end(lines[:limit], above, len(whole) if limit == len(lines) else limit)
    mark = _signature(lines[: min(end, len(lines))], kinds, signed)
    return _Cut(kinds, end if mark is None else mark, end)


def _kind(line: str) -> str:
    bare = line.strip()
    if not bare:
        return _BLANK
    is_code = line.startswith(("    ", "\t"))
    return _QUOTED if bare.startswith(">") and not is_code else _TEXT


def _give_back(lines: list[str], kinds: list[str]) -> None:
    """A line or two that begin with `>` right below the author's, with nothing else quoted: an arrow, no quotation."""
    quoted = [n for n, kind in enumerate(kinds) if kind == _QUOTED]
    first = quoted[0] if quoted else 0
    is_one_run = len(quoted) < FEW and quoted == list(range(first, first + len(quoted)))
    is_line = bool(quoted) and lines[first].startswith(">") and bool(lines[first].strip(" >"))
    if first > 0 and is_one_run and is_line and kinds[first - 1] == _TEXT:
        for number in quoted:
            kinds[number] = _TEXT


def _take_broken(lines: list[str], kinds: list[str]) -> None:
    """What a program has broken off from a long quoted line, without marking it anew."""
    for number in range(1, len(lines) - 1):
        above, line, below = lines[number - 1], lines[number], lines[number + 1]
        if kinds[number] != _TEXT or not above.startswith(">") or not below.startswith(">"):
            continue
        first = line.split(maxsplit=1)[0]
        if (
            first[:1].islower()
            and len(above) + len(first) >= BROKEN_AFTER
            and not above.endswith(_SENTENCE_ENDS)
        ):
            kinds[number] = _QUOTED


def _marked(whole: list[str], kinds: list[str], marks: Sequence[TextMark]) -> int | None:
    """Lines that the HTML holds for quoted become so; the line where it says that the signature begins."""
    signed: int | None = None
    starts: list[int] = []
    at = 0
    for line in whole[: len(kinds)] if marks else ():
        starts.append(at)
        at += len(line)
    for mark in marks:
        inside = [n for n, start in enumerate(starts) if mark.start <= start < mark.end]
        if mark.is_signature:
            signed = inside[0] if inside else signed
        elif inside and _any(kinds, range(inside[0])):
            for number in inside:
                kinds[number] = _QUOTED if kinds[number] == _TEXT else kinds[number]
    return signed


def _limit(lines: list[str], kinds: list[str]) -> int:
    """The line from which on all is quoted, whatever it looks like; attributions above it are marked on the way."""
    number = 0
    while number < len(lines):
        if kinds[number] != _TEXT:
            number += 1
            continue
        if says_so(lines, number):
            return number if _has_text(lines, kinds, number) else len(lines)
        length, is_sure = attribution(lines, number)
        follows = _next_kind(kinds, number + length)
        if length and follows == _QUOTED:
            kinds[number : number + length] = [_QUOTED] * length
        elif length and is_sure and _has_text(lines, kinds, number):
            return number
        number += max(1, length if follows == _QUOTED else 1)
    return len(lines)


def _has_text(lines: list[str], kinds: list[str], number: int) -> bool:
    """Whether somebody wrote something above: a mail that is a forwarded one alone is shown whole."""
    end = _signature(lines[:number], kinds, None)
    return any(kind == _TEXT for kind in kinds[: number if end is None else end])


def _next_kind(kinds: list[str], number: int) -> str:
    return next((kind for kind in kinds[number : number + 4] if kind != _BLANK), _BLANK)


def _quoted_end(lines: list[str], kinds: list[str], limit: int) -> int:
    """The line where the quotation begins: at the first quoted line, or after the last answer."""
    first = next((n for n, kind in enumerate(kinds) if kind == _QUOTED), None)
    if first is None:
        return limit
    has_text = any(kind == _TEXT for kind in kinds[:first])
    rest = [(n, line) for n, line in enumerate(lines) if n > first and kinds[n] == _TEXT]
    if rest:
        below = [line for _, line in rest]
        mark = _signature(below, [_TEXT] * len(below), None) if has_text else None
        answers = [n for n, line in rest[:mark] if _says_something(line)]
        if answers:
            tail = next((n for n in range(answers[-1], len(kinds)) if kinds[n] == _QUOTED), None)
            return limit if tail is None or _texts_after(kinds, tail) else tail
    return first


def _says_something(line: str) -> bool:
    """Whether there is more than a full stop or a comma that a program has left; one sign can be an answer."""
    return any(unicodedata.category(sign)[0] in "LNS" for sign in line)


def _texts_after(kinds: list[str], number: int) -> bool:
    return any(kind == _TEXT for kind in kinds[number:])


def _signature(lines: list[str], kinds: list[str], signed: int | None) -> int | None:
    """The line of the signature's mark: `-- `, what telephones add, a disclaimer, or what the HTML names."""
    since = max(0, len(lines) - LONGEST_SIGNATURE)
    last_quoted = max((n for n, kind in enumerate(kinds[: len(lines)]) if kind == _QUOTED), default=-1)
    if signed is not None and last_quoted < signed < len(lines) and _any(kinds, range(signed)):
        since = min(since, signed)
    for number in range(max(since, last_quoted + 1), len(lines)):
        if number == signed and _any(kinds, range(number)):
            return number
        if kinds[number] == _TEXT and _is_mark(lines, kinds, number):
            return _with_name(lines, kinds, number, last_quoted)
    return None


def _with_name(lines: list[str], kinds: list[str], number: int, last_quoted: int) -> int:
    """The mark, or the name right above it by which the author signs."""
    above = next((n for n in range(number - 1, last_quoted, -1) if kinds[n] == _TEXT), None)
    if above is None or not NAMED.match(lines[above].strip()) or not _any(kinds, range(above)):
        return number
    return above


def _any(kinds: list[str], numbers: Iterable[int]) -> bool:
    return any(kinds[n] == _TEXT for n in numbers)


def _is_mark(lines: list[str], kinds: list[str], number: int) -> bool:
    line = lines[number]
    below = [lines[n] for n in range(number + 1, len(lines)) if kinds[n] == _TEXT]
    if line in ("-- ", "--\xa0"):
        return True
    if line.strip() in _BARE_MARKS:
        is_tight = line.strip() == "--" and _stands_tight(lines, number)
        return len(below) <= 15 and ((is_tight and len(below) <= 4) or not _is_prose(below))
    has_text = _any(kinds, range(number))
    if len(line) <= LONGEST_SENT_FROM and SENT_FROM.match(line):
        return len(below) <= 8 and not _is_prose(below) and (has_text or not below)
    if NAMED.match(line.strip()) or (SHORT_SENT.match(line.strip()) and not lines[number - 1].strip()):
        return not below and number > 0
    if not has_text:
        return False
    if RULE.match(line):
        following = " ".join(lines[number + 1 : number + 5])
        return bool(LIST_FOOTER.search(following) or DISCLAIMER.match(following.strip()))
    is_paragraph = not lines[number - 1].strip()
    return is_paragraph and DISCLAIMER.match(" ".join(lines[number : number + 4])) is not None


def _stands_tight(lines: list[str], number: int) -> bool:
    """Whether a mark has an empty line above and none below, as a signature's has and a rule between paragraphs not."""
    above, below = lines[max(0, number - 1)], lines[min(number + 1, len(lines) - 1)]
    return not above.strip() and bool(below.strip())


def _is_prose(lines: list[str]) -> bool:
    """Whether sentences stand among the lines, before anything that programs and companies add: no signature then."""
    for number, line in enumerate(lines):
        if DISCLAIMER.match(" ".join(lines[number : number + 4]).strip()) or LIST_FOOTER.search(line):
            return False
        words = len(line.split())
        if SENT_FROM.match(line[:LONGEST_SENT_FROM]) is None and (
            words >= 12 or (words >= 4 and line.rstrip().endswith(_SENTENCE_ENDS))
        ):
            return True
    return False
