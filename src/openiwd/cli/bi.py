"""`openiwd superset`: writes the reports as a bundle that Superset imports. Decides nothing."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml

from openiwd.domain.bi_bundle import DATABASE_URI, bundle

ROOT: Final = "openiwd"
"""The folder inside the archive."""


def text_of(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1_000)


def superset(
    target: Annotated[
        Path, typer.Argument(help="A .zip to import, or a folder that holds the same files.")
    ] = Path("openiwd-superset.zip"),
    database: Annotated[
        str, typer.Option(help="SQLAlchemy address of the mart; the password can be given on import instead.")
    ] = DATABASE_URI,
) -> None:
    """Write the reports as Superset dashboards over the views of the data mart."""
    files = {path: text_of(document) for path, document in bundle(database).items()}
    if target.suffix == ".zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, text in files.items():
                archive.writestr(f"{ROOT}/{path}", text)
    else:
        for path, text in files.items():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_text(text, encoding="utf-8")
    typer.echo(f"{target}: {len(files)} files")
