"""HTML to readable text, and format=flowed to paragraphs. Linear in the length, whatever is broken."""

from __future__ import annotations

import html
import re
from typing import Final

from openiwd.domain.email.html_mark import Naming, attribute, is_indented
from openiwd.domain.email.message import TextMark

_BLOCKS: Final = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt"),
        *("fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6"),
        *("header", "hr", "html", "li", "main", "nav", "ol", "p", "pre", "section"),
        *("table", "tbody", "tfoot", "thead", "tr", "ul"),
    }
)
_SPACED: Final = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote"})
_HIDDEN: Final = frozenset({"script", "style", "head", "title", "template", "noscript"})
_NAME: Final = re.compile(r"/?([a-zA-Z][a-zA-Z0-9:-]{0,30})")
_STOP: Final = re.compile("[\"'>]")
_WHITE: Final = re.compile(r"[ \t\r\n\f\xa0]+")


LONGEST_TAG: Final = 4_000


class _Writer:
    """Collects text; a line break is written only between two texts."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.breaks = 0
        self.is_spaced = False
        self.quote = 0

    def block(self, breaks: int) -> None:
        self.breaks = max(self.breaks, breaks)
        self.is_spaced = False

    def line(self) -> None:
        self.breaks = min(self.breaks + 1, 3)
        self.is_spaced = False

    def text(self, content: str) -> None:
        words = _WHITE.sub(" ", content)
        if not words.strip():
            self.is_spaced = self.is_spaced or bool(words)
            if "\xa0" in content and self.breaks == 1:
                self.line()  # an empty line, as editors write it
            return
        lead = words[0] == " " or self.is_spaced
        prefix = "> " * self.quote
        if self.breaks or not self.parts:
            if self.parts:
                self.parts.append("\n" + (prefix.rstrip() + "\n") * (self.breaks - 1))
            self.parts.append(prefix)
        elif lead:
            self.parts.append(" ")
        self.parts.append(words.strip())
        self.breaks, self.is_spaced = 0, words[-1] == " "


def text_of_html(source: str) -> str:
    """The readable text of HTML: blocks become lines, quotations are marked with `>`, links keep their address."""
    return read_html(source)[0]


def read_html(source: str) -> tuple[str, tuple[TextMark, ...]]:
    """The readable text of HTML, and which of it the programs that wrote it name as quotation or signature."""
    out = _Writer()
    naming = Naming()
    indents: list[bool] = []
    hidden: str | None = None
    at = 0
    links: list[tuple[str, int]] = []
    for start, end in _tags(source):
        if hidden is None:
            out.text(html.unescape(source[at:start]))
        at = end
        match = _NAME.match(source, start + 1, end)
        if match is None:
            continue
        name, closes = match[1].lower(), source[start + 1] == "/"
        if hidden is not None:
            hidden = None if closes and name == hidden else hidden
            continue
        if name in _HIDDEN and not closes:
            hidden = name
            continue
        tag = source[start : min(end, start + LONGEST_TAG)]
        if naming.tag(name, len(out.parts), closes=closes, source=tag):
            out.block(1)
        if name == "blockquote" and _is_own(indents, closes=closes, source=tag):
            out.block(1)
            continue
        _tag(out, name, closes=closes, source=tag, links=links)
    if hidden is None:
        out.text(html.unescape(source[at:]))
    return "".join(out.parts).strip(), naming.marks(out.parts)


def _is_own(indents: list[bool], *, closes: bool, source: str) -> bool:
    """Whether a blockquote only moves the author's own words to the right."""
    if closes:
        return bool(indents) and indents.pop()
    indents.append(is_indented(source))
    return indents[-1]


def _tag(out: _Writer, name: str, *, closes: bool, source: str, links: list[tuple[str, int]]) -> None:
    if name == "br":
        out.line()
    elif name == "a":
        _link(out, links, closes=closes, source=source)
    elif name == "img" and (alt := attribute(source, "alt")):
        out.text(f" [{alt}] ")
    elif name in ("td", "th") and closes:
        out.is_spaced = True
    elif name in _BLOCKS:
        out.block(2 if name in _SPACED else 1)
        if name == "blockquote":
            out.quote = max(0, out.quote - 1) if closes else min(out.quote + 1, 10)
        if name == "li" and not closes:
            out.text("• ")


def _link(out: _Writer, links: list[tuple[str, int]], *, closes: bool, source: str) -> None:
    if not closes:
        links.append((attribute(source, "href") or "", len(out.parts)))
        return
    if not links:
        return
    target, since = links.pop()
    shown = "".join(out.parts[since:])
    address = target.removeprefix("mailto:")
    if target.startswith(("http:", "https:", "mailto:")) and address not in shown:
        out.text(f" <{address}>")


def _tags(source: str) -> list[tuple[int, int]]:
    """Where tags, comments and declarations begin and end. What is never closed goes to the end of the text."""
    found = []
    lasting = {'"': True, "'": True}
    at = source.find("<")
    while at >= 0:
        if source.startswith("<!--", at):
            end = source.find("-->", at + 4)
            end = len(source) if end < 0 else end + 3
        elif at + 1 < len(source) and (source[at + 1].isalpha() or source[at + 1] in "/!?"):
            end = _tag_end(source, at, lasting)
        else:
            at = source.find("<", at + 1)
            continue
        found.append((at, end))
        at = source.find("<", end)
    return found


def _tag_end(source: str, start: int, lasting: dict[str, bool]) -> int:
    """Behind the `>` that ends a tag, those in quotation marks left aside."""
    at = start
    while (stop := _STOP.search(source, at)) is not None:
        if stop[0] == ">":
            return stop.end()
        close = source.find(stop[0], stop.end()) if lasting[stop[0]] else -1
        if close < 0:
            lasting[stop[0]] = False
            at = stop.end()
        else:
            at = close + 1
    return len(source)


def unflowed(text: str, *, deletes_space: bool = False) -> str:
    """Paragraphs of format=flowed put together again (RFC 3676); quoted lines join lines of the same depth only."""
    made: list[str] = []
    open_depth: int | None = None
    for line in text.split("\n"):
        content = line.removesuffix("\r")
        depth = len(content) - len(content.lstrip(">"))
        rest = content[depth:]
        rest = rest.removeprefix(" ")
        is_flowed = rest.endswith(" ") and rest != "-- "
        body = rest[:-1] if is_flowed and deletes_space else rest
        if open_depth == depth and rest != "-- ":
            made[-1] += body
        else:
            made.append((">" * depth + " " if depth else "") + body)
        open_depth = depth if is_flowed else None
    return "\n".join(made)
