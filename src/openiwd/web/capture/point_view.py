"""Capture points as lists show them. View models only."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import quote

from openiwd.usecases.capture_point import StoredPoint
from openiwd.usecases.capture_status import PointStatus
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.time_text import Moment, TimeText

PATH: Final = "/configuration/capture-points"
_TONES: Final = {"reading": "ok", "idle": "ok", "away": "bad", "failed": "bad", "starting": "", "waiting": ""}


class State(NamedTuple):
    """How a capture point works, in a word, and how that word is coloured."""

    id: str
    text: str
    tone: str
    detail: str


class PointLine(NamedTuple):
    id: str
    name: str
    description: str
    kind: str
    state: State
    host: str
    records: int
    per_minute: int
    backlog: int | None
    last: Moment | None
    errors: int
    href: str
    errors_href: str


def href_of(point_id: str) -> str:
    return f"{PATH}/{quote(point_id, safe='')}"


def errors_href(point_id: str) -> str:
    return f"{href_of(point_id)}/errors"


def state_of(status: PointStatus, t: Catalogue) -> State:
    """Disabled points and those that answer when asked are read by nobody; others say how they get on."""
    if not status.enabled:
        return State("disabled", t("capture_state.disabled"), "", "")
    if status.kind in ("rest", "webhook"):
        return State("asked", t("capture_state.asked"), "ok", "")
    state = status.reader.state if status.running else "waiting"
    detail = status.reader.last_error or "" if state in ("away", "failed") else status.reader.detail
    return State(state, t.named("capture_state", state), _TONES.get(state, ""), detail)


def point_line(stored: StoredPoint, status: PointStatus, t: Catalogue, times: TimeText) -> PointLine:
    point, reader = stored.point, status.reader
    return PointLine(
        id=point.id,
        name=point.name,
        description=point.description,
        kind=t.named("capture_kind", point.kind),
        state=state_of(status, t),
        host=status.host or "",
        records=reader.records,
        per_minute=reader.per_minute if status.running else 0,
        backlog=reader.backlog if status.running else None,
        last=times.moment(reader.last_record_at) if reader.last_record_at is not None else None,
        errors=status.open_errors,
        href=href_of(point.id),
        errors_href=errors_href(point.id),
    )
