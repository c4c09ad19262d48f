"""The document that shows an email's HTML in a sandboxed frame: nothing runs, nothing is loaded unasked. Pure."""

from __future__ import annotations

import base64
import re
from html import escape
from typing import Final
from urllib.parse import unquote

from openiwd.usecases.email_picture import Picture, ShownHtml
from openiwd.web.shell.rendering import HEADERS, static_path

_CID: Final = re.compile(r'(<img\b[^>]*?\bsrc=)"cid:([^"]*)"', re.IGNORECASE)
NO_PICTURE: Final = '""'
SANDBOX: Final = "allow-popups allow-popups-to-escape-sandbox"


def frame_headers(*, elsewhere: bool) -> dict[str, str]:
    """Headers of the frame's document: no scripts, no forms, an origin of nobody; pictures from elsewhere if asked."""
    pictures = " https: http:" if elsewhere else ""
    policy = (
        f"sandbox {SANDBOX}; default-src 'none'; img-src data:{pictures}; style-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'"
    )
    return {
        **{k: v for k, v in HEADERS.items() if k != "Cross-Origin-Opener-Policy"},
        "Content-Security-Policy": policy,
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "no-referrer",
    }


def frame_document(shown: ShownHtml, title: str, language: str) -> str:
    """A whole page: the email's own pictures stand in it as they are."""

    def source(match: re.Match[str]) -> str:
        picture = shown.pictures.get(unquote(match[2]))
        return match[1] + (f'"{_data(picture)}"' if picture is not None else NO_PICTURE)

    body = _CID.sub(source, shown.html)
    return (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8"><base target="_blank">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="{static_path("styles/frame/email.css")}">'
        f'</head><body><main tabindex="0">{body}</main></body></html>'
    )


def _data(picture: Picture) -> str:
    return f"data:{picture.content_type};base64,{base64.b64encode(picture.content).decode()}"
