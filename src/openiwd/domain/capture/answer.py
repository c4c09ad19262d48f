"""What a source system hears: the answer to a message, and later notifications of its items. Pure values."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import Struct

from openiwd.domain.capture.message import MessageKind
from openiwd.domain.errors import OpenIwdError


class Outcome(StrEnum):
    CREATED = "created"
    EXISTING = "existing"
    """It had been taken before, with equal content or by the policy for duplicates."""
    DONE = "done"
    UNCHANGED = "unchanged"
    INFO = "info"
    PONG = "pong"
    ERROR = "error"


class AnswerError(Struct, rename="camel", omit_defaults=True):
    """Why a record was refused, in which field, and what to do about it."""

    code: str
    message: str
    field: str | None = None
    hint: str | None = None


class Answer(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """What became of one record."""

    outcome: Outcome
    message: MessageKind | None = None
    """None: it could not even be read which message it is."""
    position: str = ""
    """Where the record stood in its source, for people."""
    id: UUID | None = None
    capture_id: str | None = None
    status: str | None = None
    revision: int | None = None
    category_path: str | None = None
    queue: str | None = None
    warnings: list[str] = []
    item: dict[str, Any] | None = None
    """For `getInfo`: the item as the API shows it."""
    error: AnswerError | None = None

    @property
    def failed(self) -> bool:
        return self.outcome is Outcome.ERROR


def refused(error: OpenIwdError, **known: Any) -> Answer:
    """The answer to a record that came to nothing."""
    told = AnswerError(error.code, error.message, error.field, error.hint)
    return Answer(outcome=Outcome.ERROR, error=told, **known)


class NotificationKind(StrEnum):
    """What a source can be told of its items; these are also the names of the hooks of a source database."""

    CAPTURED = "captured"
    QUEUED = "queued"
    ASSIGNED = "assigned"
    HELD = "held"
    RESUMED = "resumed"
    COMPLETED = "completed"
    CANCELED = "canceled"
    REJECTED = "rejected"
    ERRORED = "errored"
    RESTARTED = "restarted"
    UPDATED = "updated"


class Notification(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """A change of an item, told to the source that it came from. `cursor` and `notification` name it uniquely."""

    notification: NotificationKind
    cursor: str
    at: datetime
    capture_point: str
    capture_id: str
    id: UUID
    revision: int
    status: str
    previous_status: str | None = None
    category_path: str | None = None
    queue: str | None = None
    agent: str | None = None
    reason: str | None = None
    result_code: str | None = None
    actor: str = ""
