"""What mail programs name in their HTML: the beginning of a quotation, the signature. Reads tags, decides no cut."""

from __future__ import annotations

import html
import re
from typing import Final

from openiwd.domain.email.message import TextMark

MAX_MARKS: Final = 100
_ATTRIBUTE: Final = re.compile(
    r"""\b(href|alt|class|id|style|name|data-smartmail)\s*=\s*"""
    r"""(?:"([^"]{0,2000})"|'([^']{0,2000})'|([^\s>"']{1,2000}))""",
    re.IGNORECASE,
)
_CONTAINERS: Final = frozenset(
    {
        *("gmail_quote", "gmail_quote_container", "gmail_attr", "yahoo_quoted", "protonmail_quote"),
        *("tutanota_quote", "zmail_extra", "moz-cite-prefix", "moz-forward-container"),
        *("moz-email-headers-table", "freebirdquoted", "quoted_text"),
    }
)
"""Classes of elements that hold a quotation, or the line above it, and nothing else."""
_TO_THE_END: Final = frozenset(
    {
        *("divrplyfwdmsg", "appendonsend", "olk_src_body_section", "stopspelling", "reply-intro"),
        *("mail-editor-reference-message-container", "replysplit", "zwchr", "outlookmessageheader"),
        "mailcontainer_quote",
    }
)
"""Ids and classes after which all is quoted."""
_SIGNATURES: Final = frozenset(
    {
        *(
            "gmail_signature",
            "moz-signature",
            "gmail_signature_prefix",
            "signature",
            "ymail_android_signature",
        ),
        *("ms-outlook-mobile-signature", "protonmail_signature_block", "protonmail_signature_block-user"),
    }
)
_OUTLOOK_LINE: Final = re.compile(
    r"border:\s*none;\s*border-top:\s*solid\s+#(?:b5c4df|e1e1e1)", re.IGNORECASE
)
_NO_BORDER: Final = re.compile(r"\bborder(?:-left)?:\s*(?:none|0)", re.IGNORECASE)
_LEFT_BORDER: Final = re.compile(r"border-left:\s*(?!none|0)", re.IGNORECASE)
_WITHOUT_END: Final = frozenset({"hr", "br", "img"})


def attribute(source: str, name: str) -> str | None:
    """The value of an attribute of a tag."""
    for match in _ATTRIBUTE.finditer(source):
        if match[1].lower() == name:
            return html.unescape(match[2] or match[3] or match[4] or "").strip()
    return None


def is_indented(source: str) -> bool:
    """Whether the tag of a blockquote only moves text to the right, as toolbars of editors do."""
    style = attribute(source, "style") or ""
    return bool(_NO_BORDER.search(style)) and not _LEFT_BORDER.search(style)


class Naming:
    """Follows the tags of a text and remembers which stretches are named. Places are numbers of written pieces."""

    def __init__(self) -> None:
        self._depths: dict[str, int] = {}
        self._open: list[tuple[str, int, int, bool]] = []
        self._found: list[tuple[int, int | None, bool]] = []

    def tag(self, name: str, place: int, *, closes: bool, source: str) -> bool:
        """Notes a tag; whether something named begins or ends here."""
        if name in _WITHOUT_END:
            kind = _kind(name, source)
            if kind == "rest":
                self._found.append((place, None, False))
            return kind is not None
        depth = self._depths.get(name, 0)
        if closes:
            self._depths[name] = max(0, depth - 1)
            return self._close(name, depth, place)
        self._depths[name] = depth + 1
        kind = _kind(name, source)
        if kind is None or len(self._found) + len(self._open) >= MAX_MARKS:
            return False
        if kind == "rest":
            self._found.append((place, None, False))
        else:
            self._open.append((name, depth + 1, place, kind == "signature"))
        return True

    def _close(self, name: str, depth: int, place: int) -> bool:
        for number in range(len(self._open) - 1, -1, -1):
            known, at, start, is_signature = self._open[number]
            if (known, at) == (name, depth):
                del self._open[number]
                self._found.append((start, place, is_signature))
                return True
        return False

    def marks(self, parts: list[str]) -> tuple[TextMark, ...]:
        """The stretches of the text that the pieces make together."""
        ends = [0]
        for part in parts:
            ends.append(ends[-1] + len(part))
        whole = "".join(parts)
        made = []
        for start, end, is_signature in sorted(
            [*self._found, *((start, None, is_signature) for _, _, start, is_signature in self._open)],
            key=lambda one: one[0],
        ):
            first, last = ends[start], ends[-1] if end is None else ends[end]
            while first < last and whole[first] == "\n":
                first += 1
            if first < last:
                made.append(TextMark(first, last, is_signature))
        return tuple(made)


def _kind(name: str, source: str) -> str | None:
    """`quote`, `signature`, `rest` (all from here on is quoted), or nothing of these."""
    if "=" not in source:
        return None
    named = {*(attribute(source, "class") or "").lower().split(), (attribute(source, "id") or "").lower()}
    if named & _TO_THE_END or _OUTLOOK_LINE.search(attribute(source, "style") or ""):
        return "rest"
    if named & _CONTAINERS or (name == "div" and attribute(source, "name") == "quote"):
        return "quote"
    smart = (attribute(source, "data-smartmail") or "").lower()
    return "signature" if named & _SIGNATURES or smart == "gmail_signature" else None
