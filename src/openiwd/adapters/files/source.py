"""A watched folder as a source of records: one file at a time, from taking it to putting it away.

A reader that is killed leaves its file among the taken ones: whoever comes next reads it from the beginning, and
the core knows which of its rows were committed. So nothing here has to be remembered but the file's name.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from openiwd.adapters.files.csv_form import CsvForm
from openiwd.adapters.files.folder import (
    ERROR,
    NOTIFICATION,
    PARTIAL,
    PROCESSED,
    Folder,
    TakenFile,
    within_reach,
)
from openiwd.adapters.files.json_form import JsonForm
from openiwd.adapters.files.notice import notices
from openiwd.adapters.files.row import BrokenFileError, Form, Rejected, Row
from openiwd.adapters.files.xlsx_form import XlsxForm
from openiwd.adapters.files.xml_form import XmlForm
from openiwd.domain.capture.answer import Notification, Outcome
from openiwd.domain.capture.point import FileSource
from openiwd.ports.capture import MAX_RAW, SourceHealth, SourceRecord, Taken

POLL_SECONDS: Final = 0.5
_ASKED: Final = frozenset({Outcome.INFO, Outcome.PONG})


def form_of(name: str, settings: FileSource) -> Form:
    """The form of a file, by the capture point or by the ending of its name."""
    match settings.format if settings.format != "auto" else Path(name).suffix.casefold().lstrip("."):
        case "csv" | "tsv" | "txt":
            return CsvForm()
        case "xlsx":
            return XlsxForm()
        case "xml":
            return XmlForm()
        case "json":
            return JsonForm()
        case "ndjson" | "jsonl":
            return JsonForm(lines=True)
        case other:
            raise BrokenFileError(
                f"'.{other[:20]}' is no form of files that can be read",
                hint="name it .csv, .xlsx, .xml, .json or .ndjson, or choose the form in the capture point",
                code="unknownForm",
            )


class OpenFile:
    """A taken file while it is read."""

    def __init__(self, folder: Folder, file: TakenFile, settings: FileSource) -> None:
        self.file = file
        self.broken: BrokenFileError | None = None
        self.exhausted = False
        self.failed = 0
        self.sound = 0
        self._folder = folder
        self._settings = settings
        self._form: Form | None = None
        self._number = 0
        self._rows: Iterator[Row] = iter(())
        self._ahead: Row | None = None
        self._opened: IO[bytes] | None = None
        self._spooled = {"rejected": 0, "answers": 0}
        try:
            self._form = form_of(file.name, settings)
            self._opened = folder.open(file)
            self._rows = self._form.rows(self._opened, settings)
        except BrokenFileError as error:
            self.broken = error

    def next(self, most: int) -> list[SourceRecord]:
        """The next records; a file that is broken off ends with a record that says so."""
        records: list[SourceRecord] = []
        if self.broken is None:
            try:
                while len(records) < most and not self.exhausted:
                    row = self._ahead or next(self._rows, None)
                    self._ahead = None
                    if row is not None:
                        self._number += 1
                        records.append(self._record(row))
                        # The last batch knows that it is: with it the file is put away.
                        self._ahead = next(self._rows, None)
                    self.exhausted = self._ahead is None
            except BrokenFileError as error:
                self.broken = error
        if self.broken is not None and not self.exhausted:
            self.exhausted = True
            self._number += 1
            records.append(self._record(Row({}, None, "", fault=self.broken)))
        return records

    def _record(self, row: Row) -> SourceRecord:
        return SourceRecord(
            fields=row.fields,
            stream=self.file.stream,
            offset=self._number,
            position=f"{self.file.name}, {self._number}",
            message=row.message,
            raw=row.raw[:MAX_RAW],
            fault=row.fault,
            context=row.kept,
        )

    def gather(self, taken: Sequence[Taken]) -> None:
        """Lays aside what has to come back; the same batch again overwrites what it had written."""
        rejected: list[bytes] = []
        answers: list[bytes] = []
        for record, answer in taken:
            error = answer.error
            if error is not None and record.context is not None:
                told = error.message if error.hint is None else f"{error.message} – {error.hint}"
                rejected.append(_json([record.context, told]))
            if self._settings.answers == "all" or (
                self._settings.answers == "asked" and answer.outcome in _ASKED
            ):
                answers.append(_json(answer))
        # Both before either counts: a batch that fails half-way is written again in its place.
        self._spooled = {
            "rejected": self._append("rejected", rejected),
            "answers": self._append("answers", answers),
        }
        self.failed += sum(1 for t in taken if t.answer.failed)
        self.sound += sum(1 for t in taken if not t.answer.failed)

    def _append(self, kind: str, lines: list[bytes]) -> int:
        start = self._spooled[kind]
        if not lines:
            return start
        path = self._folder.spool(self.file, kind)
        with within_reach(), path.open("r+b" if start and path.exists() else "wb") as spool:
            spool.seek(start)
            spool.truncate()
            spool.write(b"".join(line + b"\n" for line in lines))
            return spool.tell()

    def put_away(self) -> None:
        """Everything that comes back, then the file itself; done again after a crash, it makes the same files."""
        self.close()
        folder, file = self._folder, self.file
        if not file.path.exists():  # whoever read it before was only frozen, and has put it away meanwhile
            return
        if self._spooled["answers"]:
            folder.write(NOTIFICATION, folder.marked(file, ".answers.ndjson"), self._copy_answers)
        form = self._form
        if self._spooled["rejected"] and form is not None:
            where = PARTIAL if self.sound else ERROR
            folder.write(
                where, folder.marked(file), lambda out: form.write(out, form.head(), self._rejected())
            )
        if self.broken is not None:
            text = f"{self.broken.message}\n{self.broken.hint or ''}\n{self.sound} records before it were taken.\n"
            folder.write(ERROR, folder.marked(file, ".reason.txt"), lambda out: _put(out, text.encode()))
        folder.put_away(file, PROCESSED if self.broken is None else ERROR)

    def _copy_answers(self, out: IO[bytes]) -> None:
        with self._folder.spool(self.file, "answers").open("rb") as spool:
            while block := spool.read(1024 * 1024):
                out.write(block)

    def _rejected(self) -> Iterator[Rejected]:
        with self._folder.spool(self.file, "rejected").open("rb") as spool:
            for line in spool:
                kept, error = msgspec.json.decode(line)
                yield Rejected(kept, error)

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()


def _json(value: Any) -> bytes:
    """As JSON; halves of surrogate pairs, which no text can be stored with, give way."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(value, str_keys=True)).encode()
        return re.sub(rb"\\ud[89a-f][0-9a-f]{2}", rb"\\ufffd", text)


def _put(out: IO[bytes], content: bytes) -> None:
    out.write(content)


class FolderSource:
    """Implements `openiwd.ports.capture.CaptureSource`."""

    def __init__(self, folder: Folder, settings: FileSource) -> None:
        self._folder = folder
        self._settings = settings
        self._left: list[TakenFile] = folder.left()
        self._open: OpenFile | None = None

    async def read(self, most: int) -> Sequence[SourceRecord]:
        if self._open is None:
            self._open = await asyncio.to_thread(self._next_file)
            if self._open is None:
                await asyncio.sleep(POLL_SECONDS)
                return []
        records = await asyncio.to_thread(self._open.next, most)
        if not records:
            await self._put_away()
        return records

    def _next_file(self) -> OpenFile | None:
        file = self._left.pop(0) if self._left else self._folder.take(self._settings.settle_seconds)
        return None if file is None else OpenFile(self._folder, file, self._settings)

    async def acknowledge(self, taken: Sequence[Taken]) -> Sequence[str]:
        if self._open is None:
            return []
        await asyncio.to_thread(self._open.gather, taken)
        if not self._open.exhausted:
            return []
        return [await self._put_away()]

    async def _put_away(self) -> str:
        open_file = self._open
        if open_file is None:
            return ""
        await asyncio.to_thread(open_file.put_away)
        self._open = None
        return open_file.file.stream

    async def notify(self, notifications: Sequence[Notification]) -> None:
        await asyncio.to_thread(self._notify, notifications)

    def _notify(self, notifications: Sequence[Notification]) -> None:
        name, content = notices(notifications, self._settings.notifications)
        self._folder.write(NOTIFICATION, name, lambda out: _put(out, content))

    async def ping(self) -> SourceHealth:
        waiting = await asyncio.to_thread(self._folder.waiting)
        detail = "" if self._open is None else self._open.file.name
        return SourceHealth(backlog=waiting + len(self._left), detail=detail)

    def close(self) -> None:
        """Lets go of the open file; it stays among the taken ones."""
        if self._open is not None:
            with suppress(OSError):
                self._open.close()
