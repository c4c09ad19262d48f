"""Needs: what came of report schedules in one tenant's database. Schedules themselves are live objects."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from openiwd.domain.report_schedule import LastRun


class ReportScheduleReading(Protocol):
    """The part of `Reading` that report schedules need."""

    async def report_runs(self) -> dict[str, LastRun]:
        """By schedule, with how far the emails are."""
        ...


class ReportScheduleWriting(Protocol):
    """The part of `Writing` that report schedules need."""

    async def save_report_run(self, run: LastRun) -> None:
        """Never back to an instant before the one that is stored; nothing of a schedule that is gone."""
        ...

    async def age_report_emails(self, before: datetime, most: int) -> int:
        """Removes emails of reports that are no longer on their way; how many."""
        ...
