"""Cleans HTML with nh3 (html5ever): what is not listed goes. No styles: nothing lays itself over the page."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final

import nh3

MAX_HTML: Final = 2 * 1024 * 1024
TAGS: Final = frozenset(
    {
        *("a", "abbr", "address", "article", "aside", "b", "bdi", "bdo", "big", "blockquote", "br"),
        *("caption", "center", "cite", "code", "col", "colgroup", "dd", "del", "details", "dfn", "div"),
        *("dl", "dt", "em", "figcaption", "figure", "font", "footer", "h1", "h2", "h3", "h4"),
        *("h5", "h6", "header", "hr", "i", "img", "ins", "kbd", "li", "main", "mark"),
        *("nav", "ol", "p", "pre", "q", "s", "samp", "section", "small", "span", "strike"),
        *("strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time"),
        *("tr", "tt", "u", "ul", "var", "wbr"),
    }
)
_SIZED: Final = {"align", "valign", "width", "height", "bgcolor"}
ATTRIBUTES: Final = {
    "*": {"dir", "lang", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "table": {*_SIZED, "border", "cellpadding", "cellspacing"},
    "td": {*_SIZED, "colspan", "rowspan", "nowrap"},
    "th": {*_SIZED, "colspan", "rowspan", "nowrap", "scope"},
    "tr": _SIZED,
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
    "ol": {"start", "type"},
    "font": {"color", "face", "size"},
    "blockquote": {"type"},
    "time": {"datetime"},
}
_DROPPED: Final = {
    "script",
    "style",
    "title",
    "template",
    "noscript",
    "iframe",
    "object",
    "svg",
    "math",
    "textarea",
    "select",
}


def _kept(tag: str, attribute: str, value: str) -> str | None:
    """Pictures of the email itself only: one from elsewhere would tell its sender who reads it."""
    if tag == "img" and attribute == "src" and not value.strip().lower().startswith("cid:"):
        return None
    return value


def _cleaner(
    kept: Callable[[str, str, str], str | None] | None, tags: AbstractSet[str] = TAGS
) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(tags),
        clean_content_tags=_DROPPED,
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items() if tag == "*" or tag in tags},
        attribute_filter=kept,
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )


class Nh3Cleaner:
    """Implements `openiwd.ports.html_cleaner.HtmlCleaner`."""

    def __init__(self) -> None:
        self._cleaner = _cleaner(_kept)
        self._with_pictures = _cleaner(None)
        self._written = _cleaner(None, TAGS - {"img"})

    def clean(self, html: str) -> str:
        return self._cleaner.clean(html[:MAX_HTML].replace("\x00", ""))

    def clean_written(self, html: str) -> str:
        return self._written.clean(html[:MAX_HTML].replace("\x00", ""))

    def clean_with_pictures(self, html: str) -> str:
        return self._with_pictures.clean(html[:MAX_HTML].replace("\x00", ""))
