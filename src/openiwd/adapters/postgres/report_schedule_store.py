"""What came of report schedules, and the emails of reports that are old. Decides nothing about them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import asyncpg

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.domain.report_schedule import LastRun, Outcome

_SQL: Final = named_sql("report_schedule")


class ReportScheduleReading:
    """The part of `Reading` that report schedules need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def report_runs(self) -> dict[str, LastRun]:
        records = await self._connection.fetch(_SQL["report_runs"])
        return {r["schedule_id"]: _run(r) for r in records}


def _run(record: asyncpg.Record) -> LastRun:
    values = dict(record.items())
    outcome = values.pop("outcome")
    return LastRun(**values, outcome=None if outcome is None else Outcome(outcome))


class ReportScheduleWriting:
    """The part of `Writing` that report schedules need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def save_report_run(self, run: LastRun) -> None:
        outcome = None if run.outcome is None else run.outcome.value
        await self._connection.execute(
            _SQL["save_report_run"],
            *(run.schedule_id, run.next_at, run.due_at, run.at, outcome, run.detail, run.email_id),
        )

    async def age_report_emails(self, before: datetime, most: int) -> int:
        gone: int = await self._connection.fetchval(_SQL["age_report_emails"], before, most)
        return gone
