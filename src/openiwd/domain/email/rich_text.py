"""HTML of ours: an author's words, the signature and what is quoted, put together and told apart again. Pure."""

from __future__ import annotations

from html import escape
from typing import Final

NEW_LINE: Final = "\n"
_TEXT: Final = '<div class="openiwd-text">'
_SIGNATURE: Final = '</div><div class="openiwd-signature">'
_QUOTED: Final = '</div><div class="openiwd-quoted">'
_END: Final = "</div>"


def html_of_text(text: str) -> str:
    """Plain text as HTML that reads the same: a line each, nothing in it is markup."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    return "".join(f"<div>{escape(line) or '<br>'}</div>" for line in lines)


def whole_html(written: str, signature: str, quoted: str) -> str:
    """What is sent. `written` and `quoted` are sanitised and have no classes: these mark our own parts."""
    signed = f"{_SIGNATURE}<div><br></div>{html_of_text(f'-- {NEW_LINE}{signature}')}" if signature else ""
    below = f"{_QUOTED}<div><br></div>{quoted}" if quoted else ""
    return f"{_TEXT}{written}{signed}{below}{_END}"


def parts_of_html(html: str) -> tuple[str, str] | None:
    """What was written and what was quoted in HTML of ours; None where it is of another form."""
    if not html.startswith(_TEXT) or not html.endswith(_END):
        return None
    inside = html[len(_TEXT) : -len(_END)]
    above, _, quoted = inside.partition(_QUOTED)
    return above.partition(_SIGNATURE)[0], quoted.removeprefix("<div><br></div>")


def reply_quotation(intro: str, original: str) -> str:
    """The answered email below an answer: who wrote it and when, and its HTML or `html_of_text`."""
    return f'{html_of_text(intro)}<blockquote type="cite">{original}</blockquote>'


def forwarded(head: str, original: str) -> str:
    """The forwarded email below its headers."""
    return f"{html_of_text(head)}<div><br></div>{original}"
