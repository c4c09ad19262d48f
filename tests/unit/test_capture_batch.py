"""Batches of records that something is in the way of: how often they are judged, and which of them get through."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from openiwd.domain.capture.mapping_compiler import read_point
from openiwd.domain.errors import NotFoundError, OpenIwdError, UnavailableError
from openiwd.ports.capture import SourceRecord
from openiwd.ports.tenant_store import TookTooLongError, Writing
from openiwd.usecases import capture_batch
from openiwd.usecases.capture_batch import Plan, opened, planned, run
from openiwd.usecases.command import Command
from openiwd.usecases.platform import TenantServices

POINT = opened(read_point({"id": "p", "name": "P", "source": {"kind": "rest"}}), "t")
SERVICES = cast("TenantServices", SimpleNamespace(runtime=None))
RECORDS = 1_000


class Applied:
    """Stands for the transactions: those that hold one record never end, what else is tried is written."""

    def __init__(self, stuck: int, error: OpenIwdError) -> None:
        self.stuck, self.error = f"c{stuck}", error
        self.judged = 0
        self.written: list[str] = []

    async def apply(
        self, _: Any, commands: Sequence[Command], *, also: Any, always: bool, attempts: int
    ) -> None:
        assert always
        named = [c.submission.capture_id for c in commands if c.submission is not None]
        if self.stuck in named:
            self.judged += attempts * len(commands)
            raise self.error
        self.judged += len(commands)
        await also(cast("Writing", None), [NotFoundError("n") for _ in commands])
        self.written += named


async def _run(monkeypatch: pytest.MonkeyPatch, applied: Applied, *, in_parts: bool) -> None:
    monkeypatch.setattr(capture_batch, "apply", applied.apply)
    plans = [planned(POINT, SourceRecord(fields={"captureId": f"c{n}"})) for n in range(RECORDS)]

    async def nothing_more(_: Writing, __: Sequence[Plan]) -> None:
        return None

    with pytest.raises(UnavailableError):
        await run(SERVICES, POINT, plans, nothing_more, in_parts=in_parts)


@pytest.mark.parametrize("error", [UnavailableError("busy", code="busy"), TookTooLongError("too long")])
async def test_those_before_the_record_at_fault_get_through(
    monkeypatch: pytest.MonkeyPatch, error: OpenIwdError
) -> None:
    applied = Applied(700, error)
    await _run(monkeypatch, applied, in_parts=True)
    assert applied.written == [f"c{n}" for n in range(700)], "in order, and none behind it"
    assert applied.judged < 8 * RECORDS, "rather than each of them twenty times"


@pytest.mark.parametrize(
    ("in_parts", "error"),
    [(False, UnavailableError("busy", code="busy")), (True, UnavailableError("the database is away"))],
)
async def test_nothing_is_written_of_what_cannot_be_known_again_or_of_a_database_that_is_away(
    monkeypatch: pytest.MonkeyPatch, error: OpenIwdError, *, in_parts: bool
) -> None:
    applied = Applied(700, error)
    await _run(monkeypatch, applied, in_parts=in_parts)
    assert applied.written == []
