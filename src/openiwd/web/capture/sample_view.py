"""A live sample as shown: each record with what it would become. View models only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from openiwd.domain.capture.answer import AnswerError
from openiwd.usecases.capture_sample import SampleLine
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.time_text import TimeText

JUDGED: Final = ("status", "categoryPath", "queue", "priority", "dueDateTime", "error")
LONGEST: Final = 120


class SampleView(NamedTuple):
    position: str
    message: str
    capture_id: str
    values: list[tuple[str, str]]
    """Attributes that the mapping fills."""
    judged: list[tuple[str, str]]
    """What the rules make of it."""
    status: str
    error: AnswerError | None


def sample_lines(found: list[SampleLine], t: Catalogue, times: TimeText) -> list[SampleView]:
    return [
        SampleView(
            position=line.position,
            message=t.named("capture_message", line.message.value) if line.message is not None else "",
            capture_id=line.capture_id or "",
            values=list(_flat(line.values or line.fields)),
            judged=[
                (t(f"capture_judged.{name}"), _judged(name, (line.item or {}).get(name), times))
                for name in JUDGED
                if name != "status" and (line.item or {}).get(name) is not None
            ],
            status=str((line.item or {}).get("status", "")),
            error=line.error,
        )
        for line in found
    ]


def _judged(name: str, value: Any, times: TimeText) -> str:
    return times.exact(datetime.fromisoformat(value)) if name == "dueDateTime" else _text(value)


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _text(value)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode("utf-8", "replace")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
