"""Templates to responses: the one Jinja environment, security headers, and the answers that htmx understands."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any, Final

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context
from litestar import Response

from openiwd.web.shell.catalogue import FALLBACK, Catalogue, load_catalogues, number
from openiwd.web.shell.said import said

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "font-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
STATIC_TYPES: Final = {
    "js": "text/javascript",
    "css": "text/css",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "": "text/plain",
}


STYLESHEET: Final = "styles/all.css"


def _static_files() -> dict[str, tuple[bytes, str]]:
    """All static files in memory: there are few, and only what was there at the start can be asked for."""
    found: dict[str, tuple[bytes, str]] = {}

    def walk(folder: Any, prefix: str) -> None:
        for entry in folder.iterdir():
            if entry.is_dir():
                walk(entry, f"{prefix}{entry.name}/")
            else:
                suffix = entry.name.rpartition(".")[2] if "." in entry.name else ""
                media_type = STATIC_TYPES.get(suffix, "application/octet-stream")
                found[f"{prefix}{entry.name}"] = (entry.read_bytes(), media_type)

    walk(resources.files("openiwd.web").joinpath("static"), "")
    found[STYLESHEET] = (_stylesheet(found), STATIC_TYPES["css"])
    return found


def _stylesheet(found: Mapping[str, tuple[bytes, str]]) -> bytes:
    """All styles as one file: tokens, base, parts, then the pages by name; one request and one order."""
    names = [f"styles/{name}.css" for name in ("tokens", "base", "parts")]
    names += sorted(name for name in found if name.startswith(("styles/parts/", "styles/pages/")))
    return b"\n".join(found[name][0] for name in names)


STATIC: Final = _static_files()
STATIC_VERSION: Final = hashlib.sha256(
    b"".join(name.encode() + content for name, (content, _) in sorted(STATIC.items()))
).hexdigest()[:12]
CATALOGUES: Final = load_catalogues()
ENVIRONMENT: Final = Environment(
    loader=PackageLoader("openiwd.web", "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def static_path(name: str) -> str:
    """The address of a static file; it changes with the file."""
    return f"/static/{STATIC_VERSION}/{name}"


class DrawnOnce:
    """A macro that draws each of its few forms once; lists ask for the same ones in every row."""

    def __init__(self, draw: Callable[..., str]) -> None:
        self._draw = draw
        self._drawn: dict[tuple[Any, ...], str] = {}

    def __call__(self, *form: Any) -> str:
        drawn = self._drawn.get(form)
        if drawn is None:
            drawn = self._drawn[form] = self._draw(*form)
        return drawn


ENVIRONMENT.globals["drawn_once"] = DrawnOnce
ENVIRONMENT.globals["static"] = static_path
ENVIRONMENT.globals["number"] = number


@pass_context
def _said(context: Context, text: Any) -> str:
    return said(text, context["t"])


ENVIRONMENT.filters["said"] = _said


def catalogue(language: str) -> Catalogue:
    return CATALOGUES.get(language) or CATALOGUES.get(language.partition("-")[0]) or CATALOGUES[FALLBACK]


def render(template: str, context: Mapping[str, Any]) -> str:
    return ENVIRONMENT.get_template(template).render(context)


def html(
    template: str, context: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[str]:
    """A page or fragment."""
    return Response(
        render(template, context),
        status_code=status,
        media_type="text/html",
        headers={**HEADERS, **(headers or {})},
    )


def nothing(*, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[str]:
    """No content: the page stays, only the headers speak."""
    return Response("", status_code=status, media_type="text/html", headers={**HEADERS, **(headers or {})})


def redirect(to: str, *, htmx: bool = False) -> Response[str]:
    """To another page; htmx would follow a redirect inside of the request, so it is told to navigate."""
    if htmx:
        return nothing(headers={"HX-Redirect": to})
    return nothing(status=303, headers={"Location": to})


def trigger(**events: Any) -> dict[str, str]:
    """The header that raises events in the page, e.g. `trigger(toast={"text": …})`."""
    text = msgspec.json.encode(events).decode()
    ascii_text = "".join(c if ord(c) < 128 else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else "?" for c in text)
    return {"HX-Trigger": ascii_text}
