"""Bulk runs as shown: what one would do, how far it is, how it ended. Pure."""

from __future__ import annotations

from typing import NamedTuple

from openiwd.usecases.bulk import MAX_NAMED, UNDONE_BY, BulkJob, DryRun
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.time_text import Moment
from openiwd.web.shell.visit import Visit


class Failure(NamedTuple):
    id: str
    subject: str
    text: str


class Told(NamedTuple):
    """One line of a preview: an icon, how many, and what that means."""

    icon: str
    kind: str
    text: str


class Progress(NamedTuple):
    id: str
    title: str
    text: str
    counts: str
    total: int
    finished: int
    done: bool
    failures: list[Failure]
    failed: int
    can_undo: bool


class JobLine(NamedTuple):
    id: str
    act: str
    status: str
    status_text: str
    total: int
    finished: int
    failed: int
    by: str
    started: Moment | None
    error: str | None


def told(counted: DryRun, t: Catalogue) -> list[Told]:
    """What will change, and what cannot and why; the numbers add up to all that is selected."""
    lines = [
        Told("check", "ok" if counted.would_change else "", t("bulk.will_change", n=counted.would_change))
    ]
    if counted.assigned:
        lines.append(Told("user", "", t("uq.bulk.assigned", n=counted.assigned)))
    lines += [
        Told(f"st-{status}", "warn", t("bulk.not_possible", n=n, status=t.named("status", status)))
        for status, n in counted.not_possible.items()
    ]
    if counted.forbidden:
        lines.append(Told("lock", "warn", t("bulk.forbidden", n=counted.forbidden)))
    return lines


def progress_of(run: BulkJob, act: str, failures: list[Failure], t: Catalogue, *, may_undo: bool) -> Progress:
    done = run.status != "running"
    key = "bulk.running" if not done else "bulk.done" if run.status == "done" else f"uq.bulk.{run.status}"
    return Progress(
        id=str(run.id),
        title=t("bulk.progress", act=act, n=run.total),
        text=t(key),
        counts=t(
            "bulk.failed_counts" if run.failed else "bulk.counts",
            done=run.done,
            total=run.total,
            failed=run.failed,
        ),
        total=run.total,
        finished=run.done,
        done=done,
        failures=failures,
        failed=run.failed,
        can_undo=done and may_undo and run.action in UNDONE_BY and 0 < run.done - run.failed <= MAX_NAMED,
    )


def job_line(job: BulkJob, act: str, visit: Visit) -> JobLine:
    t = visit.t
    return JobLine(
        id=str(job.id),
        act=act,
        status=job.status,
        status_text=t(f"uq.bulk.status_{job.status}"),
        total=job.total,
        finished=job.done,
        failed=job.failed,
        by=job.actor.partition(":")[2] or job.actor,
        started=visit.times.moment(job.created_at),
        error=job.error,
    )
