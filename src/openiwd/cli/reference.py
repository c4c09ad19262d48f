"""`openiwd reference`: writes the reference pages that are made from the code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openiwd.domain.reference import PAGES


def reference(
    folder: Annotated[Path, typer.Argument(help="Where to write the pages.")] = Path("docs/reference"),
) -> None:
    """Write the reference pages (states, roles, events, the doctor's findings) into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        (folder / name).write_text(make(), encoding="utf-8")
        typer.echo(folder / name)
