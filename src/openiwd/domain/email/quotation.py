"""What is new in an email, what it quotes, its signature. A text is cut, never changed: joined, the parts are it."""

from __future__ import annotations

import re
from typing import Final

from openiwd.domain.email.message import EmailText

MAX_LINES: Final = 20_000
_WROTE: Final = re.compile(
    r"^(?:>?\s*)(?:on|am|le|el|il|op|em|den|w dniu|dnia|på|vào)\b.{3,300}"
    r"(?:wrote|schrieb[^:]{0,200}|a écrit|escribió|ha scritto|schreef[^:]{0,200}|escreveu|skrev[^:]{0,200}"
    r"|pisze|napisał\w*|đã viết)"
    r"\s*:\s*$",
    re.IGNORECASE,
)
_SEPARATOR: Final = re.compile(
    r"^\s*[-_]{2,}\s*(?:original message|original appointment|forwarded message|originalnachricht"
    r"|ursprüngliche (?:nachricht|e-?mail)"
    r"|weitergeleitete nachricht|message d'origine|message original|mensaje original|messaggio originale"
    r"|oorspronkelijk bericht|mensagem original|reply message|reply above this line)\s*[-_]{2,}\s*$",
    re.IGNORECASE,
)
_FROM: Final = re.compile(r"^\s*\*?(?:from|von|de|da|van|från|fra|od)\s?\*?:\*?\s*\S", re.IGNORECASE)
_SENT: Final = re.compile(
    r"^\s*\*?(?:sent|date|gesendet|datum|envoyé|enviado(?: el)?|fecha|inviato|data|verzonden|skickat|sendt"
    r"|wysłano)\s?\*?:\*?\s",
    re.IGNORECASE,
)
_TO: Final = re.compile(
    r"^\s*\*?(?:to|an|à|para|a|aan|till|til|do|cc|subject|betreff|objet|asunto|oggetto|onderwerp)\s?\*?:\*?\s",
    re.IGNORECASE,
)
_RULE: Final = re.compile(r"^\s*_{10,}\s*$")
_ABOVE: Final = re.compile(
    r"please (?:type|write) your reply above this line|reply above this line"
    r"|bitte (?:schreiben|antworten) sie über dieser zeile",
    re.IGNORECASE,
)
_SENT_FROM: Final = re.compile(
    r"^\s*(?:sent from (?:my |outlook|mail|yahoo|proton)|get outlook for|von meinem .{2,40} gesendet"
    r"|gesendet (?:von|mit) "
    r"|envoyé (?:de mon|depuis)|enviado (?:desde|do) |inviato da(?:l mio)? "
    r"|verstuurd vanaf|diese nachricht wurde von mein)",
    re.IGNORECASE,
)


def split_text(text: str) -> EmailText:
    """Cuts where the quotation begins, and before the signature. Answers written between quoted lines are all new."""
    lines = text.splitlines(keepends=True)
    looked_at = [line.rstrip("\r\n") for line in lines[:MAX_LINES]]
    start = _quotation(looked_at)
    above = looked_at if start is None else looked_at[:start]
    mark = _signature(above)
    cut = len(lines) if start is None else start
    end = cut if mark is None else mark
    return EmailText(new="".join(lines[:end]), signature="".join(lines[end:cut]), quoted="".join(lines[cut:]))


def _quotation(lines: list[str]) -> int | None:
    """The line where the quotation begins; None where there is none, or where answers stand inside of it."""
    for number, line in enumerate(lines):
        if _SEPARATOR.match(line) or _ABOVE.search(line) or _is_header_block(lines, number):
            return number
        length = _attribution(lines, number)
        if length and not _answers_below(lines, number + length):
            return number
    return _quoted_tail(lines)


def _is_header_block(lines: list[str], number: int) -> bool:
    """`From:`, then `Sent:` and `To:` or `Subject:` within the next lines, as Outlook puts above what it quotes."""
    at = number + 1 if _RULE.match(lines[number]) else number
    if at >= len(lines) or not _FROM.match(lines[at]):
        return False
    following = [line for line in lines[at + 1 : at + 9] if line.strip()][:5]
    return any(_SENT.match(line) for line in following) and any(_TO.match(line) for line in following)


def _attribution(lines: list[str], number: int) -> int:
    """How many lines an attribution such as `On … wrote:` takes here: mail programs break it. 0: there is none."""
    joined = ""
    for count in range(1, 4):
        if number + count > len(lines):
            return 0
        line = lines[number + count - 1].strip()
        if not line:
            return 0
        joined = f"{joined} {line}".strip()
        if joined.endswith(":") and _WROTE.match(joined[:700]):
            return count
    return 0


def _answers_below(lines: list[str], start: int) -> bool:
    """Whether somebody writes between or below quoted lines."""
    rest = [line for line in lines[start:] if line.strip()]
    if not rest or not rest[0].lstrip().startswith(">"):
        return False
    written = [line for line in rest if not line.lstrip().startswith(">")]
    if not written:
        return False
    body = written[: _signature(written)]
    return any(len(line.strip()) > 1 for line in body)


def _quoted_tail(lines: list[str]) -> int | None:
    """Where quoted lines begin that go on to the end."""
    last = None
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number].strip()
        if line.startswith(">"):
            last = number
        elif line:
            break
    return last


def _signature(lines: list[str]) -> int | None:
    """The line of the signature's mark, if it has one: `-- `, or what telephones add."""
    for number in range(max(0, len(lines) - 60), len(lines)):
        line = lines[number]
        if line.rstrip() == "--" or _SENT_FROM.match(line):
            return number
    return None
