"""Standard responses as shown: by folder, those of the contact's language first. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from openiwd.domain.email.standard_response import StandardResponse
from openiwd.web.shell.catalogue import Catalogue


class ResponseLine(NamedTuple):
    id: str
    name: str
    language: str
    preview: str
    searched: str
    """What a search looks at, in lower case."""


class Folder(NamedTuple):
    name: str
    lines: list[ResponseLine]


def line_of(response: StandardResponse, t: Catalogue) -> ResponseLine:
    preview = " ".join(response.text.split())
    return ResponseLine(
        response.id,
        response.name,
        t.named("mail_language", response.language) if response.language else "",
        preview[:120],
        f"{response.name} {response.folder} {preview}".casefold()[:4_000],
    )


def response_folders(responses: Sequence[StandardResponse], t: Catalogue, language: str = "") -> list[Folder]:
    """By folder as they come; inside of one, those in the language first, then those of any."""
    ranked = sorted(
        responses, key=lambda r: (r.folder.casefold(), r.language not in ("", language), r.name.casefold())
    )
    folders: dict[str, Folder] = {}
    for one in ranked:
        name = one.folder.replace("/", " › ") or t("mail_response.no_folder")
        folders.setdefault(name, Folder(name, [])).lines.append(line_of(one, t))
    return list(folders.values())
