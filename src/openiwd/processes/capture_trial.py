"""A dry run of a file against a mapping: no server, no database. Reads the two files that are named, and nothing
else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from msgspec import Struct

from openiwd.adapters.files.row import BrokenFileError, Row
from openiwd.adapters.files.source import form_of
from openiwd.domain.capture.answer import AnswerError
from openiwd.domain.capture.compiled_mapping import CompiledMapping
from openiwd.domain.capture.mapping_compiler import compile_mapping, read_point
from openiwd.domain.capture.message import capture_id_of, kind_of
from openiwd.domain.capture.point import CapturePoint, FileSource
from openiwd.domain.errors import InvalidInputError, OpenIwdError

MOST_SHOWN: Final = 1_000
_POINT: Final = {"id": "trial", "name": "Trial", "source": {"kind": "file", "folder": "trial"}}


class TrialLine(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """What would become of one record."""

    number: int
    message: str | None = None
    capture_id: str | None = None
    values: dict[str, Any] | None = None
    error: AnswerError | None = None


class Trial(Struct, kw_only=True, rename="camel"):
    records: int = 0
    failed: int = 0
    broken: bool = False
    """The file cannot be read to its end: its last line says why, and what comes before it would be taken."""
    lines: list[TrialLine] = []
    """The first of them, and all that fail, up to a bound."""


def trial_point(mapping: Path | None) -> CapturePoint:
    """The capture point of a YAML or JSON file: a whole one, or only its mapping."""
    if mapping is None:
        return read_point(_POINT)
    try:
        body = yaml.safe_load(mapping.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(
            f"the mapping cannot be read: {error.strerror}", field=str(mapping)
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"the mapping is no YAML: {error}", field=str(mapping)) from error
    if not isinstance(body, dict):
        raise InvalidInputError(
            "the mapping is no object", field=str(mapping), hint="see the how-to of file capture"
        )
    whole = body if "mapping" in body or "source" in body else {"mapping": body}
    return read_point({**_POINT, **{k: v for k, v in whole.items() if k != "revision"}})


def try_file(file: Path, point: CapturePoint, shown: int = 20) -> Trial:
    """Reads the whole file as the capture point would."""
    settings = point.source if isinstance(point.source, FileSource) else FileSource(folder="trial")
    mapping = compile_mapping(point)
    trial = Trial()
    try:
        form = form_of(file.name, settings)
        with file.open("rb") as content:
            for row in form.rows(content, settings):
                trial.records += 1
                line = _line(mapping, row, trial.records)
                trial.failed += line.error is not None
                if trial.records <= shown or (line.error is not None and len(trial.lines) < MOST_SHOWN):
                    trial.lines.append(line)
    except OSError as error:
        raise InvalidInputError(f"the file cannot be read: {error.strerror}", field=str(file)) from error
    except BrokenFileError as error:
        trial.failed += 1
        trial.broken = True
        trial.lines.append(TrialLine(number=trial.records + 1, error=_told(error)))
    return trial


def _line(mapping: CompiledMapping, row: Row, number: int) -> TrialLine:
    line = TrialLine(number=number)
    try:
        if row.fault is not None:
            raise row.fault
        message = mapping.message(row.fields, row.message)
        line.message, line.capture_id = kind_of(message).value, capture_id_of(message)
        line.values = msgspec.to_builtins(mapping.values(row.fields, kind_of(message)))
    except OpenIwdError as error:
        line.error = _told(error)
    except (RecursionError, UnicodeError) as error:
        line.error = _told(
            InvalidInputError(f"the record cannot be read: {error}", hint="correct it in the source")
        )
    return line


def _told(error: OpenIwdError) -> AnswerError:
    """Without halves of surrogate pairs, which a record may have and nothing can be printed with."""
    texts = [
        None if text is None else text.encode("utf-8", "replace").decode()
        for text in (error.message, error.field, error.hint)
    ]
    return AnswerError(error.code, texts[0] or "", *texts[1:])
