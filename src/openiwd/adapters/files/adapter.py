"""The kind of capture points that reads files."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from openiwd.adapters.files.folder import Folder
from openiwd.adapters.files.row import BrokenFileError
from openiwd.adapters.files.source import FolderSource, form_of
from openiwd.domain.capture.point import CapturePoint, FileSource
from openiwd.domain.errors import InvalidInputError, UnavailableError
from openiwd.ports.capture import MAX_RAW, CaptureSource, SourceRecord

SAMPLE_ROWS: Final = 20


class FileAdapter:
    """Implements `openiwd.ports.capture.CaptureAdapter`. `root` is the folder below which all of them lie."""

    def __init__(self, root: Path | None) -> None:
        self._root = root

    @property
    def available(self) -> bool:
        return self._root is not None

    @asynccontextmanager
    async def open(self, point: CapturePoint, tenant_id: str) -> AsyncIterator[CaptureSource]:
        if self._root is None:
            raise UnavailableError(
                "this process has no folder for capture points",
                hint="set OPENIWD_CAPTURE_DIR",
                code="noCaptureDir",
            )
        settings = _settings(point)
        folder = Folder(self._root, tenant_id, *settings.folder.split("/"))
        await asyncio.to_thread(folder.prepare)
        source = await asyncio.to_thread(FolderSource, folder, settings)
        try:
            yield source
        finally:
            source.close()

    def sample(self, point: CapturePoint, content: bytes, name: str) -> Sequence[SourceRecord]:
        return sampled(_settings(point), content, name)


def sampled(settings: FileSource, content: bytes, name: str = "") -> list[SourceRecord]:
    """The first records of a file, by its name or else by how it begins; one that breaks off ends with a fault."""
    records: list[SourceRecord] = []
    try:
        form = form_of(name or _guessed(content), settings)
        for number, row in enumerate(form.rows(io.BytesIO(content), settings), 1):
            records.append(
                SourceRecord(
                    fields=row.fields,
                    position=str(number),
                    message=row.message,
                    raw=row.raw[:MAX_RAW],
                    fault=row.fault,
                )
            )
            if number == SAMPLE_ROWS:
                break
    except BrokenFileError as error:
        records.append(SourceRecord(fields={}, position=str(len(records) + 1), fault=error))
    return records


def _settings(point: CapturePoint) -> FileSource:
    if not isinstance(point.source, FileSource):
        raise InvalidInputError(f"'{point.id}' reads no files", field="source.kind", hint="choose file")
    return point.source


def _guessed(content: bytes) -> str:
    """A name for what was pasted, by how it begins."""
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if content[:2] == b"PK":
        return "sample.xlsx"
    if start == b"<":
        return "sample.xml"
    if start == b"[":
        return "sample.json"
    return "sample.ndjson" if start == b"{" else "sample.csv"
