"""The description as JSON, and an interactive page of it; all files come from here, none from another host."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.params import FromPath

from openiwd.api.authorisation import PREFIX
from openiwd.api.openapi import document
from openiwd.domain.errors import NotFoundError

STATIC: Final = Path(__file__).parent / "static"
FILES: Final[dict[str, tuple[Path, str]]] = {
    "swagger-ui.css": (STATIC / "vendor/swagger-ui/swagger-ui.css", "text/css"),
    "swagger-ui-bundle.js": (
        STATIC / "vendor/swagger-ui/swagger-ui-bundle.js",
        "text/javascript",
    ),
    "favicon.png": (STATIC / "vendor/swagger-ui/favicon-32x32.png", "image/png"),
    "docs.js": (STATIC / "docs.js", "text/javascript"),
    "docs.css": (STATIC / "docs.css", "text/css"),
}
CSP: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_PAGE: Final = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>OpenIWD API</title>
<link rel="icon" href="{PREFIX}/docs/favicon.png">
<link rel="stylesheet" href="{PREFIX}/docs/swagger-ui.css">
<link rel="stylesheet" href="{PREFIX}/docs/docs.css">
</head>
<body>
<div id="docs" data-url="{PREFIX}/openapi.json"></div>
<script src="{PREFIX}/docs/swagger-ui-bundle.js"></script>
<script src="{PREFIX}/docs/docs.js"></script>
</body>
</html>
"""


@get("/openapi.json", include_in_schema=False)
async def get_openapi(request: Request[Any, Any, State]) -> Response[bytes]:
    """The API as OpenAPI 3.1."""
    state = request.app.state
    if "openapi_document" not in state:
        state["openapi_document"] = document(request.app.openapi_schema.to_schema())
    return Response(
        state["openapi_document"], media_type="application/json", headers={"Cache-Control": "no-cache"}
    )


@get("/docs", include_in_schema=False, media_type="text/html")
async def get_docs() -> Response[str]:
    """The interactive page."""
    return Response(
        _PAGE,
        media_type="text/html",
        headers={"Content-Security-Policy": CSP, "Cache-Control": "no-cache"},
    )


@get("/docs/{file_name:str}", include_in_schema=False)
async def get_docs_file(file_name: FromPath[str]) -> Response[bytes]:
    """A file of the page."""
    known = FILES.get(file_name)
    if known is None:
        raise NotFoundError("there is no such file")
    path, media_type = known
    return Response(
        path.read_bytes(), media_type=media_type, headers={"Cache-Control": "public, max-age=3600"}
    )


HANDLERS: Final[list[Any]] = [get_openapi, get_docs, get_docs_file]
