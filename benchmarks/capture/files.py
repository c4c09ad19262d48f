"""Files of many rows in every form, made as other systems make them, and the plain read of each to be held against."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from openiwd.adapters.files.row import Rejected
from openiwd.adapters.files.source import form_of
from openiwd.adapters.files.xlsx_form import XlsxForm
from openiwd.domain.capture.point import FileSource

COLUMNS = ["captureId", "subject", "kind", "amount", "dueDateTime", "customerId"]
SETTINGS = FileSource(folder="x")


def records(count: int, prefix: str = "") -> Iterator[list[Any]]:
    for n in range(count):
        yield [
            f"{prefix}{n}",
            f"Claim {n} about water in the basement",
            "claim",
            n % 9_000,
            "2027-03-01T10:00",
            f"C{n % 1000}",
        ]


def make(folder: Path, form: str, count: int, prefix: str = "") -> Path:
    """A file of so many rows."""
    path = folder / f"{prefix}{count}.{form}"
    rows = records(count, prefix)
    match form:
        case "csv":
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, delimiter=";")
                writer.writerow(COLUMNS)
                writer.writerows(rows)
        case "ndjson":
            with path.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in rows)
        case "json":
            with path.open("w", encoding="utf-8") as file:
                lines = (json.dumps(dict(zip(COLUMNS, row, strict=True))) for row in rows)
                file.write("[" + next(lines))
                file.writelines(f",\n{line}" for line in lines)
                file.write("]")
        case "xml":
            with path.open("w", encoding="utf-8") as file:
                file.write("<GTLMessages>\n")
                for row in rows:
                    told = " ".join(
                        f'{name}="{value}"' for name, value in zip(COLUMNS[:5], row, strict=False)
                    )
                    file.write(
                        f"<CreateTask {told}><Ext><CustomerId>{row[5]}</CustomerId></Ext></CreateTask>\n"
                    )
                file.write("</GTLMessages>\n")
        case "xlsx":
            with path.open("wb") as book:
                XlsxForm().write(book, COLUMNS, (Rejected(row, "") for row in rows))
    return path


def read(path: Path) -> int:
    """All rows of a file by the form that the capture point uses."""
    with path.open("rb") as file:
        return sum(1 for _ in form_of(path.name, SETTINGS).rows(file, SETTINGS))


def _plain_csv(path: Path) -> int:
    with path.open(newline="", encoding="utf-8") as file:
        return sum(1 for _ in csv.DictReader(file, delimiter=";"))


def _plain_ndjson(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if json.loads(line))


def _plain_json(path: Path) -> int:
    return len(json.loads(path.read_bytes()))


def _plain_xml(path: Path) -> int:
    count = 0
    for _, element in ET.iterparse(path):  # noqa: S314 - made above
        if element.tag == "CreateTask":
            count += 1
            element.clear()
    return count


def _plain_xlsx(path: Path) -> int:
    count = 0
    with zipfile.ZipFile(path) as archive, archive.open("xl/worksheets/sheet1.xml") as sheet:
        for _, element in ET.iterparse(sheet):  # noqa: S314 - made above
            if element.tag.endswith("}row"):
                count += 1
                element.clear()
    return count - 1


PLAIN: dict[str, Callable[[Path], int]] = {
    "csv": _plain_csv,
    "ndjson": _plain_ndjson,
    "json": _plain_json,
    "xml": _plain_xml,
    "xlsx": _plain_xlsx,
}
"""By the libraries that Python brings along; JSON as a whole in memory."""
