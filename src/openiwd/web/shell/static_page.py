"""Static files from memory, under a path that names their content, so that browsers keep them for good."""

from __future__ import annotations

from litestar import Response, get
from litestar.params import FromPath

from openiwd.web.shell.rendering import STATIC, STATIC_VERSION


@get("/static/{version:str}/{path:path}", cache=False)
async def static_file(version: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """One of the files that were there at the start; anything else is not found."""
    found = STATIC.get(path.lstrip("/"))
    if found is None:
        return Response(b"", status_code=404, media_type="text/plain")
    content, media_type = found
    kept = "public, max-age=31536000, immutable" if version == STATIC_VERSION else "no-cache"
    return Response(
        content,
        media_type=f"{media_type}; charset=utf-8",
        headers={"Cache-Control": kept, "X-Content-Type-Options": "nosniff"},
    )
