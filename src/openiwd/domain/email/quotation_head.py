"""Where a quotation begins: what programs write above it. In doubt a line is none of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from openiwd.domain.email.quotation_words import (
    ABOVE,
    ADDRESS,
    DATE,
    DATED,
    DAY,
    ENDS_WITH_ADDRESS,
    FORWARDS,
    LABEL,
    LABELS,
    OPENS,
    PHONE_WROTE,
    RULE,
    SEPARATOR,
    STAMP,
    STARTS,
    TIME,
    WROTE,
)

LONGEST_ATTRIBUTION: Final = 500
ATTRIBUTION_LINES: Final = 4


def says_so(lines: list[str], number: int) -> bool:
    """Whether all from this line on is quoted, whatever it looks like."""
    line = lines[number]
    if len(line) > LONGEST_ATTRIBUTION:
        return False
    if SEPARATOR.match(line) or FORWARDS.match(line) or ABOVE.search(line) or PHONE_WROTE.match(line):
        return True
    at = number
    if RULE.match(line):
        at = next((n for n in range(number + 1, min(number + 3, len(lines))) if lines[n].strip()), number)
    return _is_header_block(lines, at)


def _is_header_block(lines: list[str], number: int) -> bool:
    """`From:`, `Sent:`, `To:`, `Subject:` in any order and language, as programs put above what they quote."""
    if LABEL.match(lines[number]) is None:
        return False
    in_line = {_label(match) for match in LABELS.finditer(lines[number])}
    is_all = in_line >= {"from", "sent", "to", "subject"} or (
        in_line >= {"from", "sent"} and STAMP.search(lines[number]) is not None
    )
    if is_all and "@" in lines[number]:
        return True
    found: dict[str, str] = {}
    for name, value in _labelled(lines[number : number + 14]):
        if name in found and name in ("from", "sent", "subject"):
            return False  # what is said first is the author's
        found.setdefault(name, value)
    told = found.keys() & {"from", "sent", "to", "cc", "subject"}
    has_address = any("@" in found.get(name, "") for name in ("from", "to", "cc"))
    if has_address and len(told) == 2 and STAMP.search(found.get("sent", "")):
        return True
    if "from" not in told:
        return {"sent", "to", "subject"} <= told and has_address
    return len(told) >= 3 and ("subject" in told or has_address) and ("sent" in told or has_address)


def _labelled(lines: list[str]) -> Iterator[tuple[str, str]]:
    """The headers of a block: one below the other, or with an empty line between each and the next; a value may go over
    two lines. A line of the author that looks like one and stands above the block is none of it.
    """
    gap = strange = 0
    spaced: bool | None = None
    for number, line in enumerate(lines):
        match = LABEL.match(line[:LONGEST_ATTRIBUTION])
        if not line.strip():
            gap += 1
        elif match is None:
            strange += 1
            if gap or strange > 1 or (number == 1 and not _goes_over(line)):
                return
        else:
            if number and spaced is not None and spaced is not bool(gap):
                return
            spaced = bool(gap) if number else None
            gap = strange = 0
            yield _label(match), match["value"]


def _goes_over(line: str) -> bool:
    """Whether a line goes on with an address."""
    return line[:1].isspace() or "@" in line


def _label(match: re.Match[str]) -> str:
    return next(name for name, value in match.groupdict().items() if name != "value" and value is not None)


def attribution(lines: list[str], number: int) -> tuple[int, bool]:
    """How many lines an attribution such as `On … wrote:` takes here, programs break it; 0: there is none.

    The second says whether it is one even when no marked lines follow.
    """
    joined, used, count = "", 0, 0
    while used < ATTRIBUTION_LINES and number + count < len(lines):
        line = lines[number + count].strip()
        count += 1
        if not line and used and _goes_on(lines, number + count):
            continue
        if not line or (count > 1 and (_opens(line) or _is_another(joined, line))):
            return 0, False
        used += 1
        if used == 1 and _is_bare(line) and _is_over(lines, number + count):
            return 1, False
        joined = f"{joined} {line}".strip()
        if len(joined) > LONGEST_ATTRIBUTION or (count == 1 and not _may_go_on(line) and not _ends(line)):
            return 0, False
        if _ends(line):
            return _judged(joined, count)
    return 0, False


def _is_bare(line: str) -> bool:
    """A date, a name and an address, as some programs set above what they quote: nothing says that it was written."""
    return all(pattern.search(line) for pattern in (DATED, DATE, ENDS_WITH_ADDRESS)) and not _ends(line)


def _is_over(lines: list[str], number: int) -> bool:
    return number >= len(lines) or not lines[number].strip() or lines[number].startswith(">")


def _goes_on(lines: list[str], number: int) -> bool:
    """Whether an attribution goes on below an empty line, as one program leaves between a name and its address."""
    return number < len(lines) and lines[number].strip() == "<"


def _ends(line: str) -> bool:
    is_whole = OPENS.match(line) and line[-6:].lower() == " wrote"
    if is_whole and DATE.search(line) and TIME.search(line) and ADDRESS.search(line):
        return True
    return line.endswith((":", "\uff1a")) or (line.endswith("--") and WROTE.search(line) is not None)


def _opens(line: str) -> bool:
    return OPENS.match(line) is not None and DATE.search(line) is not None


def _is_another(joined: str, line: str) -> bool:
    """Whether a line below the beginning of an attribution is one by itself."""
    address = ADDRESS.search(line)
    is_whole = DATED.match(line) is not None or (WROTE.search(line) is not None and _is_dated(line))
    return address is not None and (is_whole or ADDRESS.search(joined) is not None)


def _may_go_on(line: str) -> bool:
    """Whether the first of several lines can be that of an attribution."""
    return bool((STARTS.match(line) and _is_dated(line)) or ADDRESS.search(line))


def _is_dated(line: str) -> bool:
    return any(pattern.search(line) for pattern in (DATE, TIME, DAY))


def _judged(joined: str, count: int) -> tuple[int, bool]:
    address, time, date = ADDRESS.search(joined), TIME.search(joined), DATE.search(joined)
    wrote = WROTE.search(joined)
    if wrote is None:
        if address is None or (time is None and date is None) or LABEL.match(joined) is not None:
            return 0, False
        return count, bool(DATED.match(joined) and ENDS_WITH_ADDRESS.search(joined))
    if address or time or date:
        is_first = address is not None and address.start() < wrote.start()
        begins = is_first or OPENS.match(joined) is not None or DATED.match(joined) is not None
        return count, begins and bool(address or (time and date))
    is_short = len(joined.split()) <= 6
    return (count, False) if OPENS.match(joined) or is_short else (0, False)
