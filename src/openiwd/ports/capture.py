"""Needs: the ways that records come in by and answers go back: one adapter per kind of capture point (files, a source
database, Kafka, AMQP), all read by the same loop (`usecases.capture_reader`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NamedTuple, Protocol

from msgspec import Struct

from openiwd.domain.capture.answer import Answer, Notification
from openiwd.domain.capture.point import CapturePoint
from openiwd.domain.errors import OpenIwdError

MAX_RAW: Final = 4_000
"""Characters of a record as it came that are kept for people to look at."""


class SourceRecord(Struct, kw_only=True):
    """One record as a source has it, and its place there.

    A place is (`stream`, `offset`) where the source has an order (rows of a file, offsets of a partition): offsets rise
    within their stream, and what is at or below the last one committed was taken. Where it has none (queues, keys of a
    table) it is (`stream`, `key`), remembered one by one. Either is stored in the transaction that takes the record, so
    a record that comes again after a crash is known. With neither, only the captureId protects from taking it twice.
    """

    fields: dict[str, Any]
    stream: str = ""
    """At most 200 characters."""
    offset: int | None = None
    key: str | None = None
    position: str = ""
    """The place for people: `claims.csv, row 17`."""
    message: str | None = None
    """The message that the record's form names (an XML element), where it does."""
    raw: str = ""
    """As it came, cut to MAX_RAW."""
    fault: OpenIwdError | None = None
    """The source could not even make a record of it: it goes to the error inbox with this."""
    context: Any = None
    """The adapter's own, to acknowledge and answer by (a delivery tag, a reply address)."""

    @property
    def place(self) -> str:
        """What names it within its stream."""
        return self.key if self.key is not None else "" if self.offset is None else str(self.offset)


class Taken(NamedTuple):
    """A record that is committed (or was before), and the answer to it."""

    record: SourceRecord
    answer: Answer


class SourceHealth(Struct, kw_only=True, rename="camel"):
    """How a source is. `backlog`: how many records (or files) wait there; None where it cannot be known."""

    backlog: int | None = None
    detail: str = ""


class CaptureSource(Protocol):
    """An open source. All calls come one at a time, `notify` excepted, which may come beside the others.

    Every call may raise UnavailableError (the source is away): it is called again after a pause.
    """

    async def read(self, most: int) -> Sequence[SourceRecord]:
        """The next records, at most so many, in the source's order; empty when there is nothing for the moment (wait
        here up to a second for something rather than answering at once). Each record is given once per opening, unless
        the source gives it again by itself. Nothing is acknowledged by reading on.
        """
        ...

    async def acknowledge(self, taken: Sequence[Taken]) -> Sequence[str]:
        """After the commit, with all records of the last `read` in order: lets the source go on, sends answers back,
        and writes what failed to where the source gets its errors. A crash before this makes the records come again;
        so it must be harmless to be called again for the same ones. Returns streams that are over: their positions
        are forgotten.
        """
        ...

    async def notify(self, notifications: Sequence[Notification]) -> None:
        """Later changes, in the order of the log; the same ones may come again after a crash."""
        ...

    async def ping(self) -> SourceHealth:
        """Whether the source can be reached, and what waits there."""
        ...


class CaptureAdapter(Protocol):
    """A kind of capture point that is read by the loop."""

    @property
    def available(self) -> bool:
        """Whether this process can open such sources at all; where not, it leaves them to others."""
        ...

    def open(self, point: CapturePoint, tenant_id: str) -> AbstractAsyncContextManager[CaptureSource]:
        """Opens the source of a capture point; UnavailableError or InvalidInputError naming the setting at fault."""
        ...

    def sample(self, point: CapturePoint, content: bytes, name: str) -> Sequence[SourceRecord] | None:
        """The records of a pasted sample (the first 20), as this kind would read them; None: they are pasted as JSON.
        Touches nothing.
        """
        ...
